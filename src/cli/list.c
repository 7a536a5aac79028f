// SPDX-License-Identifier: GPL-2.0-only
/* `list`: the shutdowns in the store, newest first, a page at a time. */
#include "src/output/listing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/options.h"
#include "src/cli/selection.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

#define PAGE_DEFAULT 50

struct list {
	struct options options;
	struct store_summary *summaries;
	size_t n_summaries;
	size_t capacity;
	char before[RECORD_ID_BYTES];
};

static int on_row(void *context, const struct store_summary *summary)
{
	struct list *list = context;
	int err = array_reserve((void **)&list->summaries, &list->capacity, list->n_summaries,
				sizeof(*list->summaries));

	if (!err)
		list->summaries[list->n_summaries++] = *summary;
	return err;
}

/* One a line, as they come: a list of any length takes no memory. */
static int on_json(void *context, const struct store_summary *summary)
{
	_cleanup_free_ char *line = json_from_summary(summary);

	(void)context;
	if (!line)
		return -ENOMEM;
	return fputs(line, stdout) < 0 || putchar('\n') < 0 ? -EPIPE : 0;
}

static void print_next_page(const struct list *list, struct text *text)
{
	text_add(text, "\nOlder ones: the same with --before ");
	text_add_safe(text, list->summaries[list->n_summaries - 1].id, RECORD_ID_BYTES);
	text_add(text, "\n");
}

static int print_page(struct list *list, size_t page)
{
	struct report_style style = show_style(stdout);
	bool has_more = list->n_summaries > page;
	_cleanup_free_ char *shown = NULL;
	struct text text;

	if (has_more)
		list->n_summaries = page;
	text_init(&text);
	if (list->n_summaries)
		listing_print(list->summaries, list->n_summaries, &style, &text);
	else
		text_add(&text, "no such shutdown in the store\n");
	if (has_more)
		print_next_page(list, &text);
	shown = text_take(&text);
	return shown ? show_write(stdout, shown) : -ENOMEM;
}

static int list_store(struct list *list, struct store *store)
{
	struct store_filter filter = list->options.filter;
	size_t page = filter.limit ? filter.limit : PAGE_DEFAULT;
	int err;

	if (list->options.before) {
		if (selection_id(store, list->options.before, list->before))
			return STATUS_FAILED;
		filter.before_id = list->before;
	}
	if (!list->options.is_json)
		filter.limit = page + 1; /* is there a next page? */
	err = store_list(store, &filter, list->options.is_json ? on_json : on_row, list);
	if (err && err != -EPIPE)
		log_error("cannot read the store %s: %s", list->options.store_path,
			  err == -ENOMEM ? strerror(ENOMEM) : store_fault(store));
	if (!err || err == -EPIPE)
		err = list->options.is_json ? show_write(stdout, "") : print_page(list, page);
	return err ? STATUS_FAILED : STATUS_OK;
}

int command_list(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "",
		.doc = "Lists the shutdowns that the daemon has stored, newest first.\v"
		       "TIME is 2026-11-22, 2026-11-22T19:30:13Z (always UTC), or an age such as "
		       "2h or 7d. Text shows 50 unless -n says otherwise, --json all.",
		.sets = OPTIONS_STORE | OPTIONS_FILTER | OPTIONS_PAGE | OPTIONS_JSON,
	};
	struct list list = {};
	struct store *store;
	int status = STATUS_FAILED;

	options_parse(&usage, argc, argv, &list.options);
	signal(SIGPIPE, SIG_IGN);
	if (!store_open(list.options.store_path, STORE_READ, &store)) {
		status = list_store(&list, store);
		store_close(store);
	}
	free(list.summaries);
	options_fini(&list.options);
	return status;
}
