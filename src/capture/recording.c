// SPDX-License-Identifier: GPL-2.0-only
/* Writes and reads recordings. Foreign bytes leave this file only through decode_event(). */
#include "src/capture/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

static const char magic[8] = { 'S', 'H', 'U', 'T', 'W', 'R', 'E', 'C' };

struct recording_header {
	char magic[8];
	uint32_t version; /* EVENT_VERSION */
	uint32_t host_bytes;
	struct host host;
	uint8_t pad[1];
};

size_t recording_header_bytes(void)
{
	return sizeof(struct recording_header);
}

struct recording_writer {
	FILE *file;
	uint64_t events;
	int err;
};

static void write_bytes(struct recording_writer *writer, const void *bytes, size_t size)
{
	if (!writer->err && fwrite(bytes, 1, size, writer->file) != size)
		writer->err = errno ? -errno : -EIO;
}

int recording_create(const char *path, const struct host *host,
		     struct recording_writer **ret_writer)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct recording_header header = { .version = EVENT_VERSION,
					   .host_bytes = sizeof(struct host) };
	struct recording_writer *writer;

	if (fd < 0)
		return -errno;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->file = fdopen(fd, "w");
	if (!writer->file) {
		free(writer);
		return -errno;
	}
	TAKE_FD(fd);
	memcpy(header.magic, magic, sizeof(magic));
	header.host = *host;
	write_bytes(writer, &header, sizeof(header));
	*ret_writer = writer;
	return 0;
}

int recording_resume(const char *path, uint64_t size, uint64_t events,
		     struct recording_writer **ret_writer)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct recording_writer *writer;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		return -errno;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->file = fdopen(fd, "a");
	if (!writer->file) {
		free(writer);
		return -errno;
	}
	TAKE_FD(fd);
	setvbuf(writer->file, NULL, _IONBF, 0);
	writer->events = events;
	*ret_writer = writer;
	return 0;
}

int recording_error(struct recording_writer *writer, bool clear)
{
	int err = writer->err;

	if (clear) {
		writer->err = 0;
		clearerr(writer->file);
	}
	return err;
}

void recording_suspend(struct recording_writer *writer)
{
	if (!writer)
		return;
	fclose(writer->file);
	free(writer);
}

void recording_add(struct recording_writer *writer, const union event *event)
{
	write_bytes(writer, event, event->header.size);
	writer->events++;
}

int recording_finish(struct recording_writer *writer)
{
	struct event_header end = { .type = EVENT_NONE, .size = sizeof(end) };
	int err;

	end.at_ns = writer->events;
	write_bytes(writer, &end, sizeof(end));
	err = writer->err;
	if (fclose(writer->file) && !err)
		err = -errno;
	free(writer);
	return err;
}

/* --- reading -------------------------------------------------------------------------------- */

struct reader {
	FILE *file;
	struct recording_fault *fault;
};

static int fault(struct reader *reader, const char *what)
{
	if (ferror(reader->file))
		return errno ? -errno : -EIO;
	reader->fault->what = what;
	return -EBADMSG;
}

static int read_bytes(struct reader *reader, void *bytes, size_t size, const char *what)
{
	if (fread(bytes, 1, size, reader->file) != size)
		return fault(reader, what);
	return 0;
}

static int read_header(struct reader *reader, struct host *ret_host)
{
	struct recording_header header;
	int err = read_bytes(reader, &header, sizeof(header), "too short for a recording");

	if (err)
		return err;
	if (memcmp(header.magic, magic, sizeof(magic)) != 0)
		return fault(reader, "not a shutwatch recording");
	if (header.version != EVENT_VERSION)
		return fault(reader, "made by another version of shutwatch");
	if (header.host_bytes != sizeof(struct host))
		return fault(reader, "the header has the wrong size");
	header.host.name[sizeof(header.host.name) - 1] = '\0';
	header.host.boot_id[sizeof(header.host.boot_id) - 1] = '\0';
	header.host.kernel[sizeof(header.host.kernel) - 1] = '\0';
	*ret_host = header.host;
	reader->fault->offset = sizeof(header);
	return 0;
}

/* Returns 1 for an event, 0 for the end mark, else an error. */
static int read_event(struct reader *reader, union event *ret_event)
{
	char bytes[EVENT_MAX_BYTES];
	struct event_header header;
	int err = read_bytes(reader, &header, sizeof(header), "truncated: the end is missing");

	if (err)
		return err;
	if (header.size < sizeof(header) || header.size > sizeof(bytes))
		return fault(reader, "an event of impossible size");
	if (header.type == EVENT_NONE) {
		if (header.size != sizeof(header) || header.at_ns != reader->fault->events)
			return fault(reader, "the end mark counts other events than there are");
		if (fgetc(reader->file) != EOF)
			return fault(reader, "bytes after the end mark");
		return 0;
	}
	memcpy(bytes, &header, sizeof(header));
	err = read_bytes(reader, bytes + sizeof(header), header.size - sizeof(header),
			 "truncated: an event is cut off");
	if (err)
		return err;
	if (decode_event(bytes, header.size, ret_event))
		return fault(reader, "an event that is none");
	reader->fault->offset += header.size;
	return 1;
}

int recording_read(const char *path, struct host *ret_host, recording_sink sink, void *context,
		   struct recording_fault *ret_fault)
{
	_cleanup_fclose_ FILE *file =
		strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
	struct reader reader = { .file = file, .fault = ret_fault };
	union event event;
	int err;

	memset(ret_fault, 0, sizeof(*ret_fault));
	if (!file)
		return -errno;
	err = read_header(&reader, ret_host);
	if (err)
		return err;
	for (;;) {
		int got = read_event(&reader, &event);

		if (got <= 0)
			return got;
		ret_fault->events++;
		err = sink(context, &event);
		if (err)
			return err;
	}
}
