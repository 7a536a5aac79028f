// SPDX-License-Identifier: GPL-2.0-only
/* `diff`: two sets of shutdowns side by side. */
#include "src/output/diff.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/options.h"
#include "src/cli/selection.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

static int on_row(void *context, const struct store_summary *summary)
{
	return diff_add(context, summary);
}

static int on_finding(void *context, const char *id, uint64_t count)
{
	diff_add_finding(context, id, count);
	return 0;
}

static int add_record(struct store *store, const char *name, struct diff_set *set)
{
	char id[RECORD_ID_BYTES];
	struct store_summary summary;
	struct record record;
	int err = selection_id(store, name, id);

	if (err)
		return err;
	err = store_load(store, id, &record);
	if (err) {
		log_error("cannot read record %s: %s", id, store_fault(store));
		return err;
	}
	summary_of_record(&record, &summary);
	for (size_t i = 0; i < record.n_findings; i++)
		diff_add_finding(set, record.findings[i].row->id, 1);
	record_fini(&record);
	return diff_add(set, &summary);
}

static int add_selection(struct store *store, const char *expression, struct diff_set *set)
{
	_cleanup_free_ char *copy = strdup(expression);
	struct store_filter filter;
	const char *wrong = copy ? selection_parse(copy, &filter) : NULL;
	int err;

	if (!copy)
		return -ENOMEM;
	if (wrong) {
		log_error("%s: %s", expression, wrong);
		return -EINVAL;
	}
	err = store_list(store, &filter, on_row, set);
	if (!err)
		err = store_count_findings(store, &filter, on_finding, set);
	if (err)
		log_error("cannot read the store: %s", store_fault(store));
	else if (!set->shutdowns)
		log_info("no shutdown matches %s", expression);
	return err;
}

/* Fills the set that an argument names. Returns an exit status. */
static int fill(struct store *store, const char *name, struct diff_set *set)
{
	int err;

	set->name = name;
	err = strchr(name, '=') ? add_selection(store, name, set) : add_record(store, name, set);
	if (err == -ENOMEM)
		log_error("cannot compare: %s", strerror(ENOMEM));
	if (err == -EINVAL)
		return STATUS_USAGE;
	return err ? STATUS_FAILED : STATUS_OK;
}

static char *diff_text(struct diff_set *a, struct diff_set *b)
{
	struct report_style style = show_style(stdout);
	struct text text;

	text_init(&text);
	diff_print(a, b, &style, &text);
	return text_take(&text);
}

static int print_sets(struct diff_set *a, struct diff_set *b, bool is_json)
{
	_cleanup_free_ char *shown = is_json ? json_from_diff(a, b) : diff_text(a, b);

	if (!shown) {
		log_error("cannot compare: %s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	if (is_json)
		fputs(shown, stdout);
	return show_write(stdout, is_json ? "\n" : shown) ? STATUS_FAILED : STATUS_OK;
}

static int diff_store(struct store *store, const struct options *options)
{
	struct diff_set a = {}, b = {};
	int status = fill(store, options->names[0], &a);

	if (status == STATUS_OK)
		status = fill(store, options->names[1], &b);
	if (status == STATUS_OK)
		status = print_sets(&a, &b, options->is_json);
	diff_fini(&a);
	diff_fini(&b);
	return status;
}

static const char diff_doc[] =
	"Compares two shutdowns, or two sets of them, of the store.\v"
	"A and B are each an id (or as much of its beginning as no other record shares), `last`, "
	"or a set: WORD=VALUE,WORD=VALUE... with the words service, since, until, outcome, finding "
	"and n (the newest n), as the options of `shutwatch list` are named. Before and after a "
	"release:\n\n"
	"  shutwatch diff service=orders.service,until=2026-11-22T12:00Z \\\n"
	"                 service=orders.service,since=2026-11-22T12:00Z\n\n"
	"p50 and p95 are by nearest rank: the smallest time that at least 50 % or 95 % of the "
	"shutdowns did not exceed. \"records\" says how many know the figure.";

int command_diff(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "A B",
		.doc = diff_doc,
		.sets = OPTIONS_STORE | OPTIONS_JSON | OPTIONS_PAIR,
	};
	struct options options;
	struct store *store;
	int status = STATUS_FAILED;

	options_parse(&usage, argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	if (!store_open(options.store_path, STORE_READ, &store)) {
		status = diff_store(store, &options);
		store_close(store);
	}
	options_fini(&options);
	return status;
}
