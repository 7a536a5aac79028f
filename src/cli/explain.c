// SPDX-License-Identifier: GPL-2.0-only
/* `explain`: what findings mean. Reads nothing and needs nobody's permission. */
#include "src/output/explain.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/commands.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

#define KEY_MARKDOWN 1
#define QUOTED_COLUMNS 64

struct explain {
	const char *id; /* NULL: all */
	bool is_markdown;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct explain *explain = state->input;

	if (key == KEY_MARKDOWN) {
		explain->is_markdown = true;
		return 0;
	}
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (explain->id)
		argp_error(state, "unexpected argument: %s", argument);
	explain->id = argument;
	return 0;
}

static void complain(const char *id, const struct finding_row *rows, size_t n_rows)
{
	_cleanup_free_ char *near = NULL;
	_cleanup_free_ char *quoted = NULL;
	struct text text, safe;

	text_init(&text);
	explain_near(rows, n_rows, id, &text);
	near = text_take(&text);
	text_init(&safe);
	text_add_safe(&safe, id, QUOTED_COLUMNS);
	quoted = text_take(&safe);
	if (near && near[0])
		log_error("no finding is called %s; did you mean %s?", quoted ? quoted : "", near);
	else
		log_error("no finding is called %s; `shutwatch explain` lists them",
			  quoted ? quoted : "");
}

int command_explain(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ .name = "markdown",
		  .key = KEY_MARKDOWN,
		  .doc = "all of them, as README's table" },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[ID]",
		.doc = "Says what a finding means, what the kernel showed, and what to change; "
		       "without ID lists all findings.",
	};
	static char name[] = "shutwatch explain";
	struct report_style style = show_style(stdout);
	struct explain explain = {};
	const struct finding_row *rows, *row = NULL;
	_cleanup_free_ char *shown = NULL;
	struct text text;
	size_t n_rows;

	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, &explain);
	signal(SIGPIPE, SIG_IGN);
	rows = finding_rows(&n_rows);
	if (explain.id && !(row = finding_row_find(explain.id))) {
		complain(explain.id, rows, n_rows);
		return STATUS_USAGE;
	}
	text_init(&text);
	if (row)
		explain_row(row, &style, &text);
	else if (explain.is_markdown)
		explain_markdown(rows, n_rows, &text);
	else
		explain_list(rows, n_rows, &text);
	shown = text_take(&text);
	if (!shown)
		log_error("cannot explain: %s", strerror(ENOMEM));
	return shown && !show_write(stdout, shown) ? STATUS_OK : STATUS_FAILED;
}
