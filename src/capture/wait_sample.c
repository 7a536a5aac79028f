// SPDX-License-Identifier: GPL-2.0-only
/* The words for the object of a wait. A path too long keeps its end: the file. */
#include "src/capture/wait_sample.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "src/capture/wait_calls.h"
#include "src/output/address.h"

#define CUT_MARK "..." /* before a path of which the first names are missing */

static size_t path_size(const struct wait_sample *sample)
{
	return sample->path_bytes < sizeof(sample->path) ? sample->path_bytes
							 : sizeof(sample->path);
}

/* Names come innermost first: written from the end of a buffer towards its beginning. */
static void tell_path(const struct wait_sample *sample, char text[WAIT_TEXT_BYTES])
{
	size_t size = path_size(sample), from = 0;
	char reversed[WAIT_TEXT_BYTES];
	size_t at = sizeof(reversed) - 1;
	bool is_cut = sample->flags & SAMPLE_CUT;

	reversed[at] = '\0';
	while (from < size) {
		size_t length = strnlen(sample->path + from, size - from);

		if (length + 1 + sizeof(CUT_MARK) > at) {
			is_cut = true;
			break;
		}
		at -= length;
		memcpy(reversed + at, sample->path + from, length);
		reversed[--at] = '/';
		from += length + 1;
	}
	snprintf(text, WAIT_TEXT_BYTES, "%s%s", is_cut ? CUT_MARK : "", reversed + at);
}

static void tell_unix(const struct wait_sample *sample, char text[WAIT_TEXT_BYTES])
{
	size_t size = path_size(sample);
	bool is_abstract = size && !sample->path[0];
	int length = (int)strnlen(sample->path + is_abstract, size - is_abstract);

	if (size)
		snprintf(text, WAIT_TEXT_BYTES, "%s%s%.*s",
			 sample->flags & SAMPLE_INBOUND ? "client of unix:" : "unix:",
			 is_abstract ? "@" : "", length, sample->path + is_abstract);
	else
		snprintf(text, WAIT_TEXT_BYTES, "unix socket");
}

static void tell_socket(const struct wait_sample *sample, char text[WAIT_TEXT_BYTES])
{
	char endpoint[ADDRESS_TEXT_BYTES];
	const char *before = "";

	if (sample->family == AF_UNIX) {
		tell_unix(sample, text);
		return;
	}
	if (!endpoint_format(sample->family, sample->address, sample->port, endpoint))
		return;
	if (sample->flags & SAMPLE_LISTENER)
		before = "listener ";
	else if (sample->flags & SAMPLE_INBOUND)
		before = "client ";
	if (sample->port)
		snprintf(text, WAIT_TEXT_BYTES, "%s%s", before, endpoint);
}

static void tell_object(const struct wait_sample *sample, char text[WAIT_TEXT_BYTES])
{
	switch (sample->object) {
	case WAIT_ON_SOCKET:
		tell_socket(sample, text);
		break;
	case WAIT_ON_PIPE:
		if (sample->inode)
			snprintf(text, WAIT_TEXT_BYTES, "pipe:[%llu]",
				 (unsigned long long)sample->inode);
		else
			tell_path(sample, text);
		break;
	case WAIT_ON_FILE:
		if (sample->flags & SAMPLE_ANONYMOUS)
			snprintf(text, WAIT_TEXT_BYTES, "%.*s",
				 (int)strnlen(sample->path, path_size(sample)), sample->path);
		else
			tell_path(sample, text);
		break;
	case WAIT_ON_CHILD:
		if (sample->child > 0)
			snprintf(text, WAIT_TEXT_BYTES, "process %d", sample->child);
		break;
	default:
		if (sample->flags & SAMPLE_STOPPED)
			snprintf(text, WAIT_TEXT_BYTES, "stopped by a signal");
	}
}

static void tell_call(const struct wait_sample *sample, char call[WAIT_CALL_BYTES])
{
	const char *name = wait_call_name(sample->call);

	if (name)
		snprintf(call, WAIT_CALL_BYTES, "%s", name);
	else if (sample->call >= 0)
		snprintf(call, WAIT_CALL_BYTES, "system call %d", sample->call);
}

void wait_sample_tell(const struct wait_sample *sample, uint64_t span_ns,
		      struct event_wait *ret_event)
{
	struct event_wait event = {
		.header = { .type = EVENT_WAIT,
			    .size = sizeof(event),
			    .at_ns = sample->header.at_ns,
			    .service = sample->header.service,
			    .generation = sample->header.generation },
		.process = sample->process,
		.total_ns = span_ns,
		.samples = 1,
		.tid = sample->tid,
		.state = sample->state,
		.object = sample->object,
	};

	memcpy(event.comm, sample->comm, sizeof(event.comm));
	tell_call(sample, event.call);
	tell_object(sample, event.text);
	if (event.object == WAIT_ON_FILE && !strcmp(event.text, "[timerfd]"))
		event.object = WAIT_ON_TIMER;
	*ret_event = event;
}
