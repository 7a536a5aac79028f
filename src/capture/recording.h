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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/decode.h"
#include "src/model/host.h"

struct recording_writer;

/* Creates the file (0600) and writes its header. Returns 0 or -errno. */
int recording_create(const char *path, const struct host *host,
		     struct recording_writer **ret_writer);
/*
 * Goes on writing after the first `size` bytes, which hold `events` events: what is behind them is
 * cut off. Every event is handed to the kernel at once. Returns 0 or -errno.
 */
int recording_resume(const char *path, uint64_t size, uint64_t events,
		     struct recording_writer **ret_writer);
/* Errors are kept and reported by recording_finish(). */
void recording_add(struct recording_writer *writer, const union event *event);
/* The first error so far, or 0; it is forgotten if `clear`. */
int recording_error(struct recording_writer *writer, bool clear);
/* Closes and frees without an end mark: more is to come. NULL is fine. */
void recording_suspend(struct recording_writer *writer);
/* Writes the end mark, closes and frees. Returns 0, or the first error: the file is not whole. */
int recording_finish(struct recording_writer *writer);

/* The size of a recording of no event, without its end mark. */
size_t recording_header_bytes(void);

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
