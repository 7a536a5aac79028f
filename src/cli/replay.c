// SPDX-License-Identifier: GPL-2.0-only
/* `replay`: a recording through the same model, without root and without a kernel to ask. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/capture/recording.h"
#include "src/cli/commands.h"
#include "src/cli/gate.h"
#include "src/cli/options.h"
#include "src/cli/show.h"
#include "src/cli/status.h"
#include "src/model/model.h"

struct replay {
	struct options options;
	struct host host;
	struct model *model;
	struct gate gate;
	struct text text; /* printed only if the whole recording was sound */
};

static int add_record(struct replay *replay, const struct shutdown *shutdown)
{
	_cleanup_free_ char *shown = NULL;
	struct record record;
	int err = show_build(shutdown, &replay->host, &record);

	if (err <= 0)
		return err;
	shown = show_record(&record, replay->options.is_json, stdout);
	if (shown) {
		text_add(&replay->text, shown);
		gate_judge(&replay->gate, &record);
	}
	record_fini(&record);
	return shown ? 0 : -ENOMEM;
}

static int on_event(void *context, const union event *event)
{
	struct replay *replay = context;
	struct shutdown *shutdown;
	int err = model_apply(replay->model, event);

	while (!err && (shutdown = model_take_ended(replay->model))) {
		err = add_record(replay, shutdown);
		shutdown_free(shutdown);
	}
	return err;
}

static int replay_file(struct replay *replay)
{
	const char *path = replay->options.file;
	struct recording_fault fault;
	_cleanup_free_ char *shown = NULL;
	int err = recording_read(path, &replay->host, on_event, replay, &fault);

	if (err == -EBADMSG) {
		log_error("%s: %s (at byte %llu, after %llu events)", path, fault.what,
			  fault.offset, fault.events);
		return STATUS_FAILED;
	}
	if (!err && !(shown = text_take(&replay->text)))
		err = -ENOMEM;
	if (err) {
		log_error("cannot read %s: %s", path, strerror(-err));
		return STATUS_FAILED;
	}
	return gate_close(&replay->gate, show_write(stdout, shown) ? STATUS_FAILED : STATUS_OK);
}

int command_replay(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "FILE",
		.doc = "Makes the records again from what `shutwatch record` kept: the same, byte "
		       "for byte. Needs no root. FILE may be - for standard input.\vExit status: "
		       "0 fine; 1 failed; 2 wrong usage; 3 a condition of --fail-on held.",
		.sets = OPTIONS_JSON | OPTIONS_MODEL | OPTIONS_FILE | OPTIONS_GATE,
	};
	struct replay replay = {};
	int status = STATUS_FAILED;

	options_parse(&usage, argc, argv, &replay.options);
	signal(SIGPIPE, SIG_IGN);
	text_init(&replay.text);
	replay.model = model_new(&replay.options.model);
	if (!gate_open(&replay.options, &replay.gate) && replay.model)
		status = replay_file(&replay);
	gate_fini(&replay.gate);
	model_free(replay.model);
	text_fini(&replay.text);
	options_fini(&replay.options);
	return status;
}
