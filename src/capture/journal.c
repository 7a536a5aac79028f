// SPDX-License-Identifier: GPL-2.0-only
/* Owns one file. A write to a tmpfs takes a microsecond and waits for no disk. */
#include "src/capture/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

#define TRIM_MIN_BYTES (1 << 20)

struct journal {
	struct journal_options options;
	struct recording_writer *writer; /* NULL: it cannot be written */
	uint64_t bytes;
	uint64_t trimmed_bytes; /* its size when it was last rewritten */
	uint64_t idle_bytes;	/* the same, with nothing under way */
	uint64_t errors;
};

static int ignore(void *context, const union event *event)
{
	(void)context;
	(void)event;
	return 0;
}

/* How much of the file is sound; 0: nothing, or it is of another boot. */
static int measure(const struct journal *journal, recording_sink sink, void *context,
		   struct recording_fault *ret_end)
{
	struct host host;
	int err = recording_read(journal->options.path, &host, ignore, NULL, ret_end);

	if (err && err != -EBADMSG)
		return err;
	if (!ret_end->offset || strcmp(host.boot_id, journal->options.host->boot_id) != 0) {
		ret_end->offset = 0;
		return 0;
	}
	/* The end is missing, as it should be. */
	err = recording_read(journal->options.path, &host, sink, context, ret_end);
	return err == -EBADMSG ? 0 : err;
}

static int begin(struct journal *journal, const char *path)
{
	struct recording_writer *writer;
	int err = recording_create(path, journal->options.host, &writer);

	if (err)
		return err;
	err = recording_finish(writer);
	if (err)
		return err;
	return recording_resume(path, recording_header_bytes(), 0, &journal->writer);
}

int journal_open(const struct journal_options *options, recording_sink sink, void *context,
		 struct journal **ret_journal)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	struct recording_fault end = {};
	int err;

	if (!journal)
		return -ENOMEM;
	journal->options = *options;
	err = measure(journal, sink, context, &end);
	if (err == -ENOENT)
		err = 0;
	if (!err && end.offset)
		err = recording_resume(options->path, end.offset, end.events, &journal->writer);
	else if (!err)
		err = begin(journal, options->path);
	journal->bytes = end.offset ? end.offset : recording_header_bytes();
	if (err) {
		journal_close(journal);
		return err;
	}
	*ret_journal = journal;
	return 0;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	recording_suspend(journal->writer);
	free(journal);
}

static void note_error(struct journal *journal, int err)
{
	if (!journal->errors++)
		log_error("cannot write %s: %s; going on, but what is not in it is lost if this "
			  "process dies",
			  journal->options.path, strerror(-err));
}

void journal_add(struct journal *journal, const union event *event)
{
	int err;

	if (!journal->writer) {
		journal->errors++;
		return;
	}
	if (event->header.type == EVENT_CONNECTION && journal->options.bytes_max &&
	    journal->bytes > journal->options.bytes_max) {
		journal->errors++;
		return;
	}
	recording_add(journal->writer, event);
	err = recording_error(journal->writer, true);
	if (!err) {
		journal->bytes += event->header.size;
		return;
	}
	note_error(journal, err);
	/* A part of it may be in the file: what comes next must not stand behind it. */
	recording_suspend(TAKE_PTR(journal->writer));
	if (recording_resume(journal->options.path, journal->bytes, 0, &journal->writer))
		journal->writer = NULL;
}

struct copy {
	struct journal *from;
	struct recording_writer *to;
	uint64_t bytes;
};

static int copy_needed(void *context, const union event *event)
{
	struct copy *copy = context;

	if (!copy->from->options.is_needed(copy->from->options.context, event))
		return 0;
	recording_add(copy->to, event);
	copy->bytes += event->header.size;
	return recording_error(copy->to, false);
}

/* Beside the old one, which is replaced when the new one is whole. */
static int rewrite(struct journal *journal)
{
	struct copy copy = { .from = journal, .bytes = recording_header_bytes() };
	const char *path = journal->options.path;
	_cleanup_free_ char *beside = NULL;
	struct recording_writer *old = journal->writer;
	struct recording_fault fault;
	struct host host;
	int err;

	if (asprintf(&beside, "%s.new", path) < 0) {
		beside = NULL;
		return -ENOMEM;
	}
	err = begin(journal, beside);
	if (err) {
		journal->writer = old;
		return err;
	}
	copy.to = journal->writer;
	err = recording_read(path, &host, copy_needed, &copy, &fault);
	if (err == -EBADMSG)
		err = 0;
	if (!err && rename(beside, path))
		err = -errno;
	journal->writer = err ? old : copy.to;
	recording_suspend(err ? copy.to : old);
	if (err)
		unlink(beside);
	else
		journal->bytes = copy.bytes;
	return err;
}

void journal_trim(struct journal *journal, bool is_idle)
{
	uint64_t before = is_idle ? journal->idle_bytes : journal->trimmed_bytes;
	int err;

	if (!journal->writer || journal->bytes < TRIM_MIN_BYTES || journal->bytes < 2 * before)
		return;
	err = rewrite(journal);
	if (err)
		note_error(journal, err);
	journal->trimmed_bytes = journal->bytes;
	if (is_idle)
		journal->idle_bytes = journal->bytes;
}

struct journal_stats journal_stats(const struct journal *journal)
{
	return (struct journal_stats){ .bytes = journal->bytes, .errors = journal->errors };
}
