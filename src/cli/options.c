// SPDX-License-Identifier: GPL-2.0-only
/* One table of options; each command shows the sets that it takes. */
#include "src/cli/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/duration.h"

enum option_key {
	KEY_PID = 256,
	KEY_COMM,
	KEY_EXE,
	KEY_UNIT,
	KEY_CGROUP,
	KEY_PORT,
	KEY_DURATION,
	KEY_JSON,
	KEY_SETTLE,
	KEY_PATIENCE,
	KEY_DETAILS,
	KEY_RING_SIZE,
	KEY_BEST_EFFORT,
};

static const struct {
	unsigned int set;
	struct argp_option option;
} all_options[] = {
	{ OPTIONS_TARGETS,
	  { .name = "pid", .key = KEY_PID, .arg = "PID", .doc = "this process and its children" } },
	{ OPTIONS_TARGETS,
	  { .name = "comm",
	    .key = KEY_COMM,
	    .arg = "NAME",
	    .doc = "processes of this name (as in /proc/PID/comm)" } },
	{ OPTIONS_TARGETS,
	  { .name = "exe",
	    .key = KEY_EXE,
	    .arg = "PATH",
	    .doc = "processes that run this program" } },
	{ OPTIONS_TARGETS,
	  { .name = "unit", .key = KEY_UNIT, .arg = "UNIT", .doc = "this systemd unit" } },
	{ OPTIONS_TARGETS,
	  { .name = "cgroup",
	    .key = KEY_CGROUP,
	    .arg = "PATH",
	    .doc = "processes in this cgroup or below it" } },
	{ OPTIONS_TARGETS,
	  { .name = "port",
	    .key = KEY_PORT,
	    .arg = "PORT",
	    .doc = "whoever listens on this TCP port" } },
	{ OPTIONS_TARGETS,
	  { .name = "count", .key = 'n', .arg = "COUNT", .doc = "end after COUNT shutdowns" } },
	{ OPTIONS_TARGETS,
	  { .name = "duration",
	    .key = KEY_DURATION,
	    .arg = "TIME",
	    .doc = "end after TIME (30s, 10m, 2h)" } },
	{ OPTIONS_JSON,
	  { .name = "json", .key = KEY_JSON, .doc = "one record a line instead of reports" } },
	{ OPTIONS_COMMAND,
	  { .name = "output",
	    .key = 'o',
	    .arg = "FILE",
	    .doc = "write the record to FILE, as JSON" } },
	{ OPTIONS_COMMAND,
	  { .name = "best-effort",
	    .key = KEY_BEST_EFFORT,
	    .doc = "start the command even if it cannot be traced" } },
	{ OPTIONS_MODEL,
	  { .name = "settle",
	    .key = KEY_SETTLE,
	    .arg = "TIME",
	    .doc = "how long to wait for late resets after the last process ended (1s)" } },
	{ OPTIONS_MODEL,
	  { .name = "patience",
	    .key = KEY_PATIENCE,
	    .arg = "TIME",
	    .doc = "when to report a service that did not stop (10m)" } },
	{ OPTIONS_MODEL,
	  { .name = "details",
	    .key = KEY_DETAILS,
	    .arg = "N|all",
	    .doc = "how many connections a record tells one by one (1000)" } },
	{ OPTIONS_MODEL,
	  { .name = "ring-size",
	    .key = KEY_RING_SIZE,
	    .arg = "BYTES",
	    .doc = "ring buffer for the details of connections (8388608); counts are exact "
		   "whatever its size" } },
};

struct parse {
	struct options *options;
	unsigned int sets;
};

static uint64_t number(struct argp_state *state, const char *name, const char *text, uint64_t min,
		       uint64_t max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < min || value > max)
		argp_error(state, "%s: '%s' is no number from %llu to %llu", name, text,
			   (unsigned long long)min, (unsigned long long)max);
	return value;
}

static uint64_t duration(struct argp_state *state, const char *name, const char *text)
{
	uint64_t ns = 0;

	if (duration_parse(text, &ns))
		argp_error(state, "%s: '%s' is not " DURATION_EXAMPLES, name, text);
	return ns;
}

static int add_selector(struct argp_state *state, enum selector_kind kind, uint32_t value,
			const char *text)
{
	struct selectors *selectors = &((struct parse *)state->input)->options->selectors;
	int err = array_reserve((void **)&selectors->items, &selectors->capacity, selectors->count,
				sizeof(*selectors->items));

	if (err)
		return -err;
	selectors->items[selectors->count++] =
		(struct selector){ .kind = kind, .number = value, .text = text };
	return 0;
}

static size_t details_limit(struct argp_state *state, const char *text)
{
	return strcmp(text, "all") == 0 ? SIZE_MAX : number(state, "--details", text, 0, 100000000);
}

static error_t parse_target(int key, char *text, struct argp_state *state)
{
	switch (key) {
	case KEY_PID:
		return add_selector(state, SELECT_PID,
				    (uint32_t)number(state, "--pid", text, 1, 1 << 22), NULL);
	case KEY_COMM:
		return add_selector(state, SELECT_COMM, 0, text);
	case KEY_EXE:
		return add_selector(state, SELECT_EXE, 0, text);
	case KEY_UNIT:
		return add_selector(state, SELECT_UNIT, 0, text);
	case KEY_CGROUP:
		return add_selector(state, SELECT_CGROUP, 0, text);
	case KEY_PORT:
		return add_selector(state, SELECT_PORT,
				    (uint32_t)number(state, "--port", text, 1, 65535), NULL);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_argument(char *text, struct argp_state *state)
{
	struct parse *parse = state->input;

	if (parse->sets & OPTIONS_COMMAND) {
		parse->options->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	}
	if (!(parse->sets & OPTIONS_FILE) || parse->options->file)
		argp_error(state, "unexpected argument: %s", text);
	parse->options->file = text;
	return 0;
}

static void check_arguments(struct argp_state *state)
{
	const struct parse *parse = state->input;

	if (parse->sets & OPTIONS_FILE && !parse->options->file)
		argp_error(state, "FILE is missing");
	if (parse->sets & OPTIONS_COMMAND && !parse->options->command)
		argp_error(state, "the command to run is missing");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = ((struct parse *)state->input)->options;

	switch (key) {
	case 'n':
		options->count = number(state, "-n", text, 1, UINT64_MAX);
		return 0;
	case 'o':
		options->output_path = text;
		return 0;
	case KEY_DURATION:
		options->duration_ns = duration(state, "--duration", text);
		return 0;
	case KEY_JSON:
		options->is_json = true;
		return 0;
	case KEY_SETTLE:
		options->model.settle_ns = duration(state, "--settle", text);
		return 0;
	case KEY_PATIENCE:
		options->model.patience_ns = duration(state, "--patience", text);
		return 0;
	case KEY_DETAILS:
		options->model.details_limit = details_limit(state, text);
		return 0;
	case KEY_RING_SIZE:
		options->detail_ring_bytes = number(state, "--ring-size", text, 4096, 1 << 30);
		return 0;
	case KEY_BEST_EFFORT:
		options->is_best_effort = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_argument(text, state);
	case ARGP_KEY_END:
		check_arguments(state);
		return 0;
	default:
		return parse_target(key, text, state);
	}
}

void options_parse(const struct options_usage *usage, int argc, char **argv,
		   struct options *ret_options)
{
	struct argp_option shown[ARRAY_SIZE(all_options) + 1] = {};
	struct argp argp = { shown, parse_option, usage->arguments, usage->doc, NULL, NULL, NULL };
	struct parse parse = { .options = ret_options, .sets = usage->sets };
	char name[64];
	size_t i, n = 0;

	memset(ret_options, 0, sizeof(*ret_options));
	ret_options->model.settle_ns = NSEC_PER_SEC;
	ret_options->model.patience_ns = 600 * NSEC_PER_SEC;
	ret_options->model.details_limit = DETAILS_DEFAULT;
	for (i = 0; i < ARRAY_SIZE(all_options); i++) {
		if (all_options[i].set & usage->sets)
			shown[n++] = all_options[i].option;
	}
	snprintf(name, sizeof(name), "shutwatch %s", argv[0]);
	argv[0] = name;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &parse);
}

void options_fini(struct options *options)
{
	free(options->selectors.items);
	memset(options, 0, sizeof(*options));
}
