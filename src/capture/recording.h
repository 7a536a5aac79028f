/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file of events: what the kernel and /proc said, to be run through the model again.
 *
 * Format, little-endian as the machine: "SHUTWREC", a version and the size of the rest of the
 * header (u32 each), the host (struct host); then events as in bpf/events.h, back to
 * back, each with its type and size; then an end mark (an event_header of type EVENT_NONE whose
 * at_ns is the number of events). A file without its end mark is a truncated one.
 */
#ifndef SHUTWATCH_RECORDING_H
#define SHUTWATCH_RECORDING_H

#include <stddef.h>

#include "src/model/decode.h"
#include "src/model/host.h"

struct recording_writer;

/* Creates the file (0600) and writes its header. Returns 0 or -errno. */
int recording_create(const char *path, const struct host *host,
		     struct recording_writer **ret_writer);
/* Errors are kept and reported by recording_finish(). */
void recording_add(struct recording_writer *writer, const union event *event);
/* Writes the end mark, closes and frees. Returns 0, or the first error: the file is not whole. */
int recording_finish(struct recording_writer *writer);

/* Takes one event; an error ends the reading and is returned by it. */
typedef int (*recording_sink)(void *context, const union event *event);

/* What is wrong with a recording, in words, when reading it returns -EBADMSG. */
struct recording_fault {
	const char *what;
	unsigned long long offset; /* in bytes */
	unsigned long long events; /* sound ones before it */
};

/*
 * Reads the whole file ("-": standard input). Returns 0; -EBADMSG: foreign, of another version or
 * truncated (ret_fault tells); else -errno. ret_host is filled before the first event.
 */
int recording_read(const char *path, struct host *ret_host, recording_sink sink, void *context,
		   struct recording_fault *ret_fault);

#endif
