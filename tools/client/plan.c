// SPDX-License-Identifier: GPL-2.0-only
/* The command line. Owns the sources and the requests of the plan. */
#include "tools/client/plan.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/duration.h"

#define COUNT_MAX 1000000
#define PID_MAX (1 << 22) /* include/linux/threads.h: PID_MAX_LIMIT */
#define TEXT_MAX 4096	  /* a path, a name */

enum key {
	KEY_TARGET = 0x100,
	KEY_PROTOCOL,
	KEY_SOURCE,
	KEY_PATH,
	KEY_HOST,
	KEY_USER,
	KEY_DATABASE,
	KEY_DURATION,
	KEY_UNTIL_GONE,
	KEY_HALF_REQUEST_FINISH,
	KEY_HALF_RESPONSE_RESUME,
	KEY_HALF_RESPONSE_BYTES,
	KEY_REUSE_AFTER,
	KEY_LATE_REQUEST,
	KEY_HOLD_AFTER_FIN,
	KEY_READY_TIMEOUT,
	KEY_OPENING,
	KEY_WAIT,
	KEY_STOP,
	KEY_STOP_AFTER,
	KEY_COUNT_OF = 0x200, /* + enum state */
	KEY_PATH_OF = 0x300,  /* + enum state */
};

static const char doc[] =
	"Opens connections in named states, prints \"ready\" on stdout once they are reached, and "
	"writes down what became of each: one JSON line per connection.\v"
	"A TIME is written 500ms, 30s or 2m. A PATH is what is asked for: a path with HTTP, a "
	"command of words with Redis, a query with PostgreSQL (no password).\n\n"
	"It goes on until all connections have ended, or --duration is over, or SIGTERM or "
	"SIGINT come; connections that are open then are written down as \"open\". In the lines "
	"all times are CLOCK_BOOTTIME in nanoseconds, null is what did not happen. A table of "
	"states, answers and ends follows on stderr.\n\n"
	"Exit status: 0 fine; 1 a state was not reached, or the output cannot be written; 2 wrong "
	"usage.";

/* clang-format off */
#define STATE_ROWS(name, state, text) \
	{ name, KEY_COUNT_OF + (state), "N", 0, text, 1 }, \
	{ name "-path", KEY_PATH_OF + (state), "PATH", 0, "", 3 }

static const struct argp_option rows[] = {
	{ NULL, 0, NULL, 0, "States, and how many connections are in each:", 1 },
	STATE_ROWS("idle", STATE_IDLE, "A request answered, kept alive"),
	STATE_ROWS("in-flight", STATE_IN_FLIGHT, "A request sent, no answer yet"),
	STATE_ROWS("half-request", STATE_HALF_REQUEST, "The first half of a request sent"),
	STATE_ROWS("half-response", STATE_HALF_RESPONSE, "Reading stopped within an answer"),
	STATE_ROWS("stream", STATE_STREAM, "Reading an endless answer"),
	STATE_ROWS("queued", STATE_QUEUED, "As in-flight; for servers that do not accept"),
	{ "silent", KEY_COUNT_OF + STATE_SILENT, "N", 0, "Connected, nothing sent", 1 },
	{ "flow", KEY_COUNT_OF + STATE_FLOW, "N", 0,
	  "N new ones per second, one request each", 1 },
	{ "flow-path", KEY_PATH_OF + STATE_FLOW, "PATH", 0, "", 3 },
	{ "burst", KEY_COUNT_OF + STATE_BURST, "N@TIME", 0, "N new ones at once, every TIME", 1 },
	{ "burst-path", KEY_PATH_OF + STATE_BURST, "PATH", 0, "", 3 },

	{ NULL, 0, NULL, 0, "Where to:", 2 },
	{ "target", KEY_TARGET, "HOST:PORT", 0, "The service; [::1]:PORT with IPv6", 2 },
	{ "protocol", KEY_PROTOCOL, "NAME", 0, "http (the default), redis or postgres", 2 },
	{ "source", KEY_SOURCE, "ADDRESS,...", 0,
	  "Local addresses, in turn: each has some 28,000 ports", 2 },

	{ NULL, 0, NULL, 0, "What to ask for (the path of a state, else that of all):", 3 },
	{ "path", KEY_PATH, "PATH", 0, "Default: /; PING and BLPOP; select 1 and pg_sleep", 3 },
	{ "host", KEY_HOST, "NAME", 0, "HTTP: the Host header (default: the target)", 3 },
	{ "user", KEY_USER, "NAME", 0, "PostgreSQL: the user (default: postgres)", 3 },
	{ "database", KEY_DATABASE, "NAME", 0, "PostgreSQL: the database (default: the user)", 3 },

	{ NULL, 0, NULL, 0, "When:", 4 },
	{ "duration", KEY_DURATION, "TIME", 0, "End so long after \"ready\"", 4 },
	{ "until-gone", KEY_UNTIL_GONE, "TIME", OPTION_ARG_OPTIONAL,
	  "End once new connections are refused and no other is open for TIME (default: 1s)", 4 },
	{ "half-request-finish", KEY_HALF_REQUEST_FINISH, "TIME", 0,
	  "Send the other half so long after \"ready\" (default: never)", 4 },
	{ "half-response-resume", KEY_HALF_RESPONSE_RESUME, "TIME", 0,
	  "Read on so long after \"ready\" (default: once the server has closed)", 4 },
	{ "half-response-bytes", KEY_HALF_RESPONSE_BYTES, "N", 0,
	  "Stop reading after so many bytes of the answer (default: 4)", 4 },
	{ "reuse-after", KEY_REUSE_AFTER, "TIME", 0,
	  "Idle connections ask again so long after each answer, to race the close", 4 },
	{ "late-request", KEY_LATE_REQUEST, "TIME", 0,
	  "Idle connections overlook the server's FIN and ask once more so long after it", 4 },
	{ "hold-after-fin", KEY_HOLD_AFTER_FIN, "TIME", 0,
	  "Close so long after the server's FIN (default: at once)", 4 },
	{ "wait", KEY_WAIT, "TIME", 0,
	  "First wait so long for the target to accept (default: not at all)", 4 },
	{ "ready-timeout", KEY_READY_TIMEOUT, "TIME", 0,
	  "Give up if the states are not reached by then (default: 30s)", 4 },
	{ "opening", KEY_OPENING, "N", 0,
	  "At most so many connections on their way to their state (default: 64)", 4 },

	{ "stop", KEY_STOP, "PID", 0,
	  "Send SIGTERM to this process, when the states are reached or cannot be", 4 },
	{ "stop-after", KEY_STOP_AFTER, "TIME", 0, "So long after \"ready\" (default: 1s)", 4 },

	{ NULL, 0, NULL, 0, "Output:", 5 },
	{ "output", 'o', "FILE", 0, "Where the lines go (default: stdout, as \"ready\")", 5 },
	{}
};
/* clang-format on */

static uint64_t number(struct argp_state *state, const char *text, uint64_t max)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value = strtoull(text, NULL, 10);

	if (digits == 0 || digits > 9 || text[digits] || value > max)
		argp_error(state, "'%s' is no number up to %llu", text, (unsigned long long)max);
	return value;
}

static uint64_t duration(struct argp_state *state, const char *text)
{
	uint64_t ns = 0;

	if (duration_parse(text, &ns))
		argp_error(state, "'%s' is not " DURATION_EXAMPLES, text);
	return ns;
}

/* What goes into a request: bytes that cannot end it early. */
static const char *words(struct argp_state *state, const char *text, bool has_spaces)
{
	size_t i, size = strlen(text);

	if (size == 0 || size > TEXT_MAX || text[strspn(text, " ")] == '\0')
		argp_error(state, "a path or name has 1 to %d bytes", TEXT_MAX);
	for (i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			argp_error(state, "a path or name holds a control character");
		if (text[i] == ' ' && !has_spaces)
			argp_error(state, "'%s': a space belongs into it as %%20", text);
	}
	return text;
}

static enum protocol protocol(struct argp_state *state, const char *text)
{
	static const char *const names[] = { "http", "redis", "postgres" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0)
			return (enum protocol)i;
	}
	argp_error(state, "'%s' is none of http, redis, postgres", text);
	return PROTOCOL_HTTP;
}

static void add_sources(struct argp_state *state, struct plan *plan, char *text)
{
	char *rest = text, *one;

	while ((one = strsep(&rest, ","))) {
		if (array_reserve((void **)&plan->sources, &plan->sources_capacity, plan->n_sources,
				  sizeof(*plan->sources)))
			argp_failure(state, 1, ENOMEM, "--source");
		if (address_parse(one, false, &plan->sources[plan->n_sources++]))
			argp_error(state, "--source: '%s' is no IP address", one);
	}
}

static void set_burst(struct argp_state *state, struct plan *plan, char *text)
{
	char *at = strchr(text, '@');

	if (!at)
		argp_error(state, "--burst: '%s' is not like 100@0.5s", text);
	*at = '\0';
	plan->states[STATE_BURST].count = number(state, text, COUNT_MAX);
	plan->burst_every_ns = duration(state, at + 1);
	if (plan->burst_every_ns < NSEC_PER_SEC / 1000)
		argp_error(state, "--burst: at least 1ms lies between two bursts");
}

static bool parse_state(int key, char *text, struct argp_state *state)
{
	struct plan *plan = state->input;

	if (key == KEY_COUNT_OF + STATE_BURST)
		set_burst(state, plan, text);
	else if (key >= KEY_COUNT_OF && key < KEY_COUNT_OF + STATES)
		plan->states[key - KEY_COUNT_OF].count = number(state, text, COUNT_MAX);
	else if (key >= KEY_PATH_OF && key < KEY_PATH_OF + STATES)
		plan->states[key - KEY_PATH_OF].path = words(state, text, true);
	else
		return false;
	return true;
}

/* Where a time goes; NULL: the option is none. */
static uint64_t *time_of(struct plan *plan, int key)
{
	switch (key) {
	case KEY_DURATION:
		return &plan->duration_ns;
	case KEY_UNTIL_GONE:
		return &plan->until_gone_ns;
	case KEY_HALF_REQUEST_FINISH:
		return &plan->half_request_finish_ns;
	case KEY_HALF_RESPONSE_RESUME:
		return &plan->half_response_resume_ns;
	case KEY_REUSE_AFTER:
		return &plan->reuse_after_ns;
	case KEY_LATE_REQUEST:
		return &plan->late_request_ns;
	case KEY_HOLD_AFTER_FIN:
		return &plan->hold_ns;
	case KEY_WAIT:
		return &plan->wait_ns;
	case KEY_READY_TIMEOUT:
		return &plan->ready_timeout_ns;
	case KEY_STOP_AFTER:
		return &plan->stop_after_ns;
	default:
		return NULL;
	}
}

static void check(struct argp_state *state)
{
	struct plan *plan = state->input;
	size_t i;

	if (!plan->target.size)
		argp_error(state, "--target is missing");
	for (i = 0; i < plan->n_sources; i++) {
		if (plan->sources[i].storage.ss_family != plan->target.storage.ss_family)
			argp_error(state, "a --source and the --target differ in IPv4 and IPv6");
	}
	for (i = 0; i < STATES && plan->protocol == PROTOCOL_HTTP; i++) {
		if (plan->states[i].path)
			words(state, plan->states[i].path, false);
	}
	if (plan->protocol == PROTOCOL_HTTP && plan->path)
		words(state, plan->path, false);
	if (!plan_initial(plan) && !plan->states[STATE_FLOW].count &&
	    !plan->states[STATE_BURST].count)
		argp_error(state, "there is nothing to do: give --idle N or the like");
	if (!plan->host)
		plan->host = plan->target_text;
}

static error_t parse_word(int key, char *text, struct argp_state *state)
{
	struct plan *plan = state->input;

	switch (key) {
	case KEY_PATH:
		plan->path = words(state, text, true);
		return 0;
	case KEY_HOST:
		plan->host = words(state, text, false);
		return 0;
	case KEY_USER:
		plan->user = words(state, text, true);
		return 0;
	case KEY_DATABASE:
		plan->database = words(state, text, true);
		return 0;
	case 'o':
		plan->output_path = text;
		return 0;
	case ARGP_KEY_END:
		check(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct plan *plan = state->input;
	uint64_t *time = time_of(plan, key);

	if (parse_state(key, text, state))
		return 0;
	if (time) {
		*time = text ? duration(state, text) : NSEC_PER_SEC;
		return 0;
	}
	switch (key) {
	case KEY_TARGET:
		plan->target_text = text;
		if (address_parse(text, true, &plan->target))
			argp_error(state, "--target: '%s' is no HOST:PORT that is known", text);
		return 0;
	case KEY_PROTOCOL:
		plan->protocol = protocol(state, text);
		return 0;
	case KEY_SOURCE:
		add_sources(state, plan, text);
		return 0;
	case KEY_HALF_RESPONSE_BYTES:
		plan->half_response_bytes = number(state, text, COUNT_MAX);
		return 0;
	case KEY_STOP:
		plan->stop_pid = number(state, text, PID_MAX);
		if (!plan->stop_pid)
			argp_error(state, "--stop: 0 is no process");
		return 0;
	case KEY_OPENING:
		plan->opening = number(state, text, COUNT_MAX);
		return 0;
	default:
		return parse_word(key, text, state);
	}
}

void plan_parse(struct plan *plan, int argc, char **argv)
{
	static const struct argp argp = { rows, parse, "", doc, NULL, NULL, NULL };

	*plan = (struct plan){
		.user = "postgres",
		.duration_ns = TIME_NEVER,
		.until_gone_ns = TIME_NEVER,
		.half_request_finish_ns = TIME_NEVER,
		.half_response_resume_ns = TIME_NEVER,
		.reuse_after_ns = TIME_NEVER,
		.late_request_ns = TIME_NEVER,
		.half_response_bytes = 4,
		.ready_timeout_ns = 30 * NSEC_PER_SEC,
		.stop_after_ns = NSEC_PER_SEC,
		.opening = 64,
	};
	argp_parse(&argp, argc, argv, 0, NULL, plan);
	if (!plan->opening)
		plan->opening = 1;
	if (!plan->half_response_bytes)
		plan->half_response_bytes = 1;
}

uint64_t plan_initial(const struct plan *plan)
{
	uint64_t total = 0;
	int state;

	for (state = 0; state < STATE_FLOW; state++)
		total += plan->states[state].count;
	return total;
}

void plan_fini(struct plan *plan)
{
	int state;

	for (state = 0; state < STATES; state++)
		free(plan->states[state].request.bytes);
	free(plan->start_up.bytes);
	free(plan->sources);
}
