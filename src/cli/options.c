// SPDX-License-Identifier: GPL-2.0-only
/* Parses the rows of option_rows.c; each command shows the sets that it takes. */
#include "src/cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/duration.h"
#include "src/cli/option_rows.h"
#include "src/cli/selection.h"
#include "src/config/values.h"

static char any_program[] = "*";

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

static int signal_of(struct argp_state *state, const char *name, const char *text)
{
	int signal = 1;

	if (signal_parse(text, &signal))
		argp_error(state, "%s: '%s' is not " SIGNAL_EXAMPLES, name, text);
	return signal;
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
	if (parse->sets & OPTIONS_PAIR && parse->options->names[0] && !parse->options->names[1]) {
		parse->options->names[1] = text;
		return 0;
	}
	if (parse->sets & (OPTIONS_ID | OPTIONS_PAIR) && !parse->options->names[0]) {
		parse->options->names[0] = text;
		return 0;
	}
	if (!(parse->sets & OPTIONS_FILE) || parse->options->file)
		argp_error(state, "unexpected argument: %s", text);
	parse->options->file = text;
	return 0;
}

/* A gate that never judges would stand open. */
static void check_gate(struct argp_state *state, const struct parse *parse)
{
	const struct options *options = parse->options;

	if (!options->fail_on.count && !options->junit_path)
		return;
	if (parse->sets & OPTIONS_END && !options->count && !options->duration_ns)
		argp_error(state, "--fail-on and --junit judge at the end: -n or --duration is "
				  "missing");
	if (options->is_best_effort)
		argp_error(state, "--fail-on and --junit need a record: --best-effort may start "
				  "the command without one");
}

static void check_arguments(struct argp_state *state)
{
	const struct parse *parse = state->input;

	if (parse->sets & OPTIONS_FILE && !parse->options->file)
		argp_error(state, "FILE is missing");
	if (parse->sets & OPTIONS_COMMAND && !parse->options->command)
		argp_error(state, "the command to run is missing");
	if (parse->sets & OPTIONS_ID && !parse->options->names[0])
		argp_error(state, "ID is missing; `shutwatch list` tells them");
	if (parse->sets & OPTIONS_PAIR && !parse->options->names[1])
		argp_error(state, "two records or sets are to be compared");
	check_gate(state, parse);
}

static error_t select_by(struct argp_state *state, const char *key, const char *text)
{
	struct options *options = ((struct parse *)state->input)->options;
	const char *wrong = selection_set(&options->filter, key, text);

	if (wrong)
		argp_error(state, "--%s: '%s' is %s", key, text, wrong);
	return 0;
}

static error_t parse_stored(int key, char *text, struct argp_state *state)
{
	struct options *options = ((struct parse *)state->input)->options;

	switch (key) {
	case KEY_STORE:
		options->store_path = text;
		return 0;
	case KEY_SERVICE:
		return select_by(state, "service", text);
	case KEY_SINCE:
		return select_by(state, "since", text);
	case KEY_UNTIL:
		return select_by(state, "until", text);
	case KEY_OUTCOME:
		return select_by(state, "outcome", text);
	case KEY_FINDING:
		return select_by(state, "finding", text);
	case KEY_BEFORE:
		options->before = text;
		return 0;
	case KEY_FORMAT:
		options->is_csv = strcmp(text, "csv") == 0;
		if (!options->is_csv && strcmp(text, "json") != 0)
			argp_error(state, "--format: '%s' is neither json nor csv", text);
		return 0;
	default:
		return parse_target(key, text, state);
	}
}

static error_t parse_gate(int key, char *text, struct argp_state *state)
{
	struct options *options = ((struct parse *)state->input)->options;
	_cleanup_free_ char *wrong = NULL;
	int err;

	switch (key) {
	case KEY_FAIL_ON:
		err = conditions_parse(text, &options->fail_on, &wrong);
		if (err)
			argp_error(state, "--fail-on: %s", wrong ? wrong : strerror(-err));
		return 0;
	case KEY_JUNIT:
		options->junit_path = text;
		return 0;
	default:
		return parse_stored(key, text, state);
	}
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = ((struct parse *)state->input)->options;

	switch (key) {
	case 'n':
		options->count = number(state, "-n", text, 1, UINT64_MAX);
		options->filter.limit = options->count;
		return 0;
	case 'o':
		options->output_path = text;
		return 0;
	case KEY_DURATION:
		options->duration_ns = duration(state, "--duration", text);
		return 0;
	case KEY_MULTIPLEXED:
		options->rule.is_multiplexed = true;
		options->rules.count = 1;
		return 0;
	case KEY_STOP_SIGNAL:
		options->rule.stop_signals |= 1ULL << (signal_of(state, "--stop-signal", text) - 1);
		options->rules.count = 1;
		return 0;
	case KEY_SIGNAL:
		options->signal = signal_of(state, "--signal", text);
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
		return parse_gate(key, text, state);
	}
}

void options_parse(const struct options_usage *usage, int argc, char **argv,
		   struct options *ret_options)
{
	struct argp_option shown[OPTION_ROWS_MAX + 1] = {};
	struct argp argp = { shown, parse_option, usage->arguments, usage->doc, NULL, NULL, NULL };
	struct parse parse = { .options = ret_options, .sets = usage->sets };
	char name[64];
	size_t i, n = 0;

	memset(ret_options, 0, sizeof(*ret_options));
	ret_options->model.settle_ns = NSEC_PER_SEC;
	ret_options->model.patience_ns = 600 * NSEC_PER_SEC;
	ret_options->model.details_limit = DETAILS_DEFAULT;
	ret_options->rule = (struct service_rule){ .match = RULE_EXE, .pattern = any_program };
	ret_options->rules.items = &ret_options->rule;
	ret_options->store_path = STORE_PATH_DEFAULT;
	for (i = 0; i < n_option_rows; i++) {
		if (option_rows[i].set & usage->sets)
			shown[n++] = option_rows[i].option;
	}
	snprintf(name, sizeof(name), "shutwatch %s", argv[0]);
	argv[0] = name;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &parse);
}

void options_fini(struct options *options)
{
	free(options->selectors.items);
	conditions_fini(&options->fail_on);
	memset(options, 0, sizeof(*options));
}
