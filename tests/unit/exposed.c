/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks lines up in the exposition. */
#include "tests/unit/exposed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"

const struct metrics_self *exposed_self(void)
{
	static const struct metrics_map maps[] = {
		{ "members", 12, 8192 },
		{ "listening", 3, 1024 },
	};
	static const struct metrics_program programs[] = {
		{ "on_signal_generate", true, 0.25, 1000 },
		{ "on_reset_sent", false, 0, 0 },
	};
	static const struct metrics_self self = {
		.version = "0.1.0",
		.kernel = "6.18.44",
		.events = 18446744073709551615U,
		.losses = { [LOSS_EVENT_RING_FULL] = 2 },
		.maps = maps,
		.n_maps = ARRAY_SIZE(maps),
		.programs = programs,
		.n_programs = ARRAY_SIZE(programs),
		.services_watched = 11,
		.journal_bytes = 12,
		.journal_errors = 13,
		.store_errors = 14,
		.store_records = 15,
		.store_dropped = 16,
		.store_held = 17,
		.store_bytes = 18,
		.http_requests = 19,
		.http_refused = 20,
		.config_reloads_failed = 21,
		.log_lines_dropped = 31,
		.is_config_reload_good = true,
		.cpu_seconds = 0.1,
		.start_time_seconds = 1795375813.12,
		.resident_bytes = 22,
		.virtual_bytes = 23,
		.open_fds = 24,
		.max_fds = 25,
	};

	return &self;
}

char *exposed_text(const struct metrics *metrics, enum metrics_format format)
{
	size_t size = 0;
	char *text = metrics_text(metrics, exposed_self(), format, &size);

	assert_non_null(text);
	assert_int_equal(strlen(text), size);
	return text;
}

/* The first line from `text` on that begins so; NULL: none. */
static const char *find_line(const char *text, const char *start)
{
	while (text && strncmp(text, start, strlen(start)) != 0) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static void assert_sample_in(const char *text, const char *sample, const char *value)
{
	_cleanup_free_ char *start = malloc(strlen(sample) + 2);
	_cleanup_free_ char *found = NULL;
	const char *line;

	assert_non_null(start);
	strcpy(stpcpy(start, sample), " ");
	line = find_line(text, start);
	if (!line)
		print_error("there is no %s in\n%s", sample, text);
	assert_non_null(line);
	assert_null(find_line(line + 1, start));
	line += strlen(start);
	found = strndup(line, strcspn(line, " \n"));
	assert_string_equal(found, value);
}

void assert_sample(const struct metrics *metrics, const char *sample, const char *value)
{
	_cleanup_free_ char *text = exposed_text(metrics, METRICS_TEXT);
	_cleanup_free_ char *open = exposed_text(metrics, METRICS_OPENMETRICS);

	assert_sample_in(text, sample, value);
	assert_sample_in(open, sample, value);
}

void assert_no_sample(const struct metrics *metrics, const char *start)
{
	_cleanup_free_ char *text = exposed_text(metrics, METRICS_TEXT);
	_cleanup_free_ char *open = exposed_text(metrics, METRICS_OPENMETRICS);

	assert_null(find_line(text, start));
	assert_null(find_line(open, start));
}
