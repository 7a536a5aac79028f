// SPDX-License-Identifier: GPL-2.0-only
/* `show`: one record of the store, as it was printed when it was made. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/options.h"
#include "src/cli/selection.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

static int show_stored(struct store *store, const struct options *options)
{
	char id[RECORD_ID_BYTES];
	_cleanup_free_ char *shown = NULL;
	struct record record;
	int err = selection_id(store, options->names[0], id);

	if (err)
		return STATUS_FAILED;
	err = store_load(store, id, &record);
	if (err) {
		log_error("cannot read record %s: %s", id,
			  err == -ENOMEM ? strerror(ENOMEM) : store_fault(store));
		return STATUS_FAILED;
	}
	shown = show_record(&record, options->is_json, stdout);
	record_fini(&record);
	if (!shown) {
		log_error("cannot show record %s: %s", id, strerror(ENOMEM));
		return STATUS_FAILED;
	}
	return show_write(stdout, shown) ? STATUS_FAILED : STATUS_OK;
}

int command_show(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "ID|last",
		.doc = "Shows one shutdown of the store.\vID may be shortened to as much of its "
		       "beginning as no other record shares.",
		.sets = OPTIONS_STORE | OPTIONS_JSON | OPTIONS_ID,
	};
	struct options options;
	struct store *store;
	int status = STATUS_FAILED;

	options_parse(&usage, argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	if (!store_open(options.store_path, STORE_READ, &store)) {
		status = show_stored(store, &options);
		store_close(store);
	}
	options_fini(&options);
	return status;
}
