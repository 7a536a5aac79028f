// SPDX-License-Identifier: GPL-2.0-only
/* `export`: whole records, for other programs. One is in memory at a time. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/options.h"
#include "src/cli/show.h"
#include "src/cli/status.h"
#include "src/output/csv.h"
#include "src/store/store.h"

struct export
{
	struct options options;
	struct store *store;
	bool has_failed_to_write;
};

static int write_text(struct export *export, const char *text)
{
	if (fputs(text, stdout) >= 0)
		return 0;
	export->has_failed_to_write = true;
	return errno ? -errno : -EIO;
}

static char *csv_line(const struct record *record)
{
	struct text text;

	text_init(&text);
	if (record)
		csv_print_record(record, &text);
	else
		csv_print_head(&text);
	return text_take(&text);
}

/* The list is still being read: both see the store as it was when it began. */
static int on_row(void *context, const struct store_summary *summary)
{
	struct export *export = context;
	_cleanup_free_ char *line = NULL;
	struct record record;
	int err = store_load(export->store, summary->id, &record);

	if (err)
		return err;
	line = export->options.is_csv ? csv_line(&record) : show_record(&record, true, stdout);
	record_fini(&record);
	return line ? write_text(export, line) : -ENOMEM;
}

static int export_store(struct export *export)
{
	struct store_filter filter = export->options.filter;
	_cleanup_free_ char *head = export->options.is_csv ? csv_line(NULL) : NULL;
	int err = head ? write_text(export, head) : 0;

	filter.is_oldest_first = true;
	if (!err)
		err = store_list(export->store, &filter, on_row, export);
	if (export->has_failed_to_write)
		log_error("cannot write the records: %s", strerror(-err));
	else if (err)
		log_error("cannot read the store %s: %s", export->options.store_path,
			  err == -ENOMEM ? strerror(ENOMEM) : store_fault(export->store));
	else
		err = show_write(stdout, "");
	return err ? STATUS_FAILED : STATUS_OK;
}

int command_export(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "",
		.doc = "Writes the records of the store, oldest first.\v"
		       "json: one whole record a line. csv: one shutdown a line below a line of "
		       "names; a text that a spreadsheet would take for a formula begins with an "
		       "apostrophe.",
		.sets = OPTIONS_STORE | OPTIONS_FILTER | OPTIONS_FORMAT,
	};
	struct export export = {};
	int status = STATUS_FAILED;

	options_parse(&usage, argc, argv, &export.options);
	signal(SIGPIPE, SIG_IGN);
	if (!store_open(export.options.store_path, STORE_READ, &export.store)) {
		status = export_store(&export);
		store_close(export.store);
	}
	options_fini(&export.options);
	return status;
}
