// SPDX-License-Identifier: GPL-2.0-only
/* One vocabulary for the options of `list` and `export` and for the two sides of `diff`. */
#include "src/cli/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/when.h"

static int parse_count(const char *text, size_t *ret_count)
{
	unsigned long long count;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || count == 0)
		return -EINVAL;
	*ret_count = count;
	return 0;
}

static int parse_outcome(const char *text, uint32_t *verdicts)
{
	enum verdict verdict;
	int err = verdict_from_name(text, &verdict);

	if (!err)
		*verdicts |= 1U << verdict;
	return err;
}

/* 0 means "no limit" to the filter: the first instant of 1970 does as well. */
static int parse_when(const char *text, int64_t *ret_wall_ns)
{
	int err = when_parse(text, (int64_t)clock_ns(CLOCK_REALTIME), ret_wall_ns);

	if (!err && *ret_wall_ns == 0)
		*ret_wall_ns = 1;
	return err;
}

static const char no_time[] = "no time such as 2026-11-22, 2026-11-22T19:30:13Z (UTC), 2h or 7d";
static const char no_outcome[] = "no outcome: clean, lossy, forced, crashed, oom_killed, partial, "
				 "unaffected or draining";

static const char no_finding[] = "no finding; `shutwatch explain` lists them";

const char *selection_set(struct store_filter *filter, const char *key, const char *value)
{
	if (strcmp(key, "service") == 0) {
		filter->service = value;
		return value[0] ? NULL : "no name of a service";
	}
	if (strcmp(key, "finding") == 0) {
		filter->finding = value;
		return finding_row_find(value) ? NULL : no_finding;
	}
	if (strcmp(key, "since") == 0)
		return parse_when(value, &filter->since_wall_ns) ? no_time : NULL;
	if (strcmp(key, "until") == 0)
		return parse_when(value, &filter->until_wall_ns) ? no_time : NULL;
	if (strcmp(key, "outcome") == 0)
		return parse_outcome(value, &filter->verdicts) ? no_outcome : NULL;
	if (strcmp(key, "n") == 0)
		return parse_count(value, &filter->limit) ? "no number from 1 on" : NULL;
	return "known are service, since, until, outcome, finding and n";
}

const char *selection_parse(char *expression, struct store_filter *ret_filter)
{
	char *term;

	*ret_filter = (struct store_filter){};
	while ((term = strsep(&expression, ","))) {
		char *value = strchr(term, '=');
		const char *wrong;

		if (!value)
			return "every part is WORD=VALUE";
		*value++ = '\0';
		wrong = selection_set(ret_filter, term, value);
		if (wrong)
			return wrong;
	}
	return NULL;
}

int selection_id(struct store *store, const char *name, char ret_id[RECORD_ID_BYTES])
{
	int err = strcmp(name, "last") == 0 ? store_last_id(store, ret_id)
					    : store_find_id(store, name, ret_id);

	if (err)
		log_error("cannot find record %s: %s", name, store_fault(store));
	return err;
}

void selection_complain(const struct selector *selector)
{
	static const char *const what[] = {
		[SELECT_PID] = "no process has pid",
		[SELECT_COMM] = "no process is named",
		[SELECT_EXE] = "no process runs",
		[SELECT_UNIT] = "no process is in unit",
		[SELECT_CGROUP] = "no process is in cgroup",
		[SELECT_PORT] = "nobody listens on TCP port",
	};

	if (selector->text)
		log_error("%s %s", what[selector->kind], selector->text);
	else
		log_error("%s %u", what[selector->kind], selector->number);
}
