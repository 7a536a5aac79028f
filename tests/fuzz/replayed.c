// SPDX-License-Identifier: GPL-2.0-only
/* Owns a model. A record that leaves it is held against the sums that every record promises. */
#include "tests/fuzz/replayed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/base/clock.h"
#include "src/cli/show.h"
#include "tests/fuzz/fuzz.h"

void replayed_init(struct replayed *replayed)
{
	static const struct model_options options = {
		.settle_ns = NSEC_PER_SEC,
		.reopen_window_ns = NSEC_PER_SEC,
		.patience_ns = 600 * NSEC_PER_SEC,
		.details_limit = 20,
	};

	*replayed = (struct replayed){ .model = model_new(&options) };
	fuzz_require(replayed->model);
}

void replayed_fini(struct replayed *replayed)
{
	model_free(replayed->model);
}

static void require_sums(json_t *side)
{
	json_int_t sum = 0;
	const char *name;
	json_t *count;

	json_object_foreach(json_object_get(side, "outcomes"), name, count)
		sum += json_integer_value(count);
	fuzz_require(sum == json_integer_value(json_object_get(side, "open_at_signal")) +
				    json_integer_value(json_object_get(side, "late")));
}

static void require_sound(const char *line)
{
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	json_t *connections = json_object_get(json, "connections");

	fuzz_require(json);
	if (json_is_true(json_object_get(json, "complete")) && json_is_object(connections)) {
		require_sums(json_object_get(connections, "inbound"));
		require_sums(json_object_get(connections, "outbound"));
	}
	json_decref(json);
}

static void require_record(const struct shutdown *shutdown, const struct host *host)
{
	struct record record;
	char *line, *report;
	int got = show_build(shutdown, host, &record);

	fuzz_require(got >= 0);
	if (!got)
		return;
	line = show_record(&record, true, stderr);
	report = show_record(&record, false, stderr);
	fuzz_require(line && report);
	require_sound(line);
	free(line);
	free(report);
	record_fini(&record);
}

int replayed_event(void *context, const union event *event)
{
	struct replayed *replayed = context;
	struct shutdown *shutdown;

	fuzz_require(model_apply(replayed->model, event) == 0);
	while ((shutdown = model_take_ended(replayed->model))) {
		require_record(shutdown, &replayed->host);
		shutdown_free(shutdown);
	}
	return 0;
}
