// SPDX-License-Identifier: GPL-2.0-only
/* What a daemon finds when it begins again: sound events are kept, and more can be added. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/capture/journal.h"
#include "tests/fuzz/fuzz.h"

#define BOOT_ID_AT (16 + offsetof(struct host, boot_id)) /* in a recording */

static char path[] = "/dev/shm/shutwatch-fuzz-XXXXXX";

static int count(void *context, const union event *event)
{
	(void)event;
	++*(size_t *)context;
	return 0;
}

static bool is_needed(void *context, const union event *event)
{
	(void)context;
	return event->header.generation % 2;
}

static void forget(void)
{
	unlink(path);
}

static void write_input(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = mkstemp(path);
		atexit(forget);
	}
	fuzz_require(fd >= 0 && ftruncate(fd, 0) == 0);
	fuzz_require(pwrite(fd, data, size, 0) == (ssize_t)size);
}

static size_t open_and_add(const struct journal_options *options)
{
	union event event = { .ended = { .header = { .type = EVENT_ENDED,
						     .size = sizeof(struct event_ended),
						     .generation = 1 } } };
	struct journal *journal = NULL;
	size_t seen = 0;

	fuzz_require(journal_open(options, count, &seen, &journal) == 0);
	journal_add(journal, &event);
	fuzz_require(journal_stats(journal).errors == 0);
	journal_trim(journal, true);
	journal_close(journal);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host here = {};
	struct journal_options options = { .path = path, .host = &here, .is_needed = is_needed };
	size_t seen;

	/* Of this boot, whichever that is: only then is it read. */
	if (size >= BOOT_ID_AT + HOST_BOOT_ID_BYTES)
		memcpy(here.boot_id, data + BOOT_ID_AT, HOST_BOOT_ID_BYTES - 1);
	write_input(data, size);
	seen = open_and_add(&options);
	fuzz_require(open_and_add(&options) == seen + 1);
	return 0;
}
