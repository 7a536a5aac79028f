/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One row of the table per key. Pure: what a client sent is checked here, character by character,
 * and nothing else is believed further down. Each fault names the key and quotes the value.
 */
#include "src/serve/query.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/output/units.h"

#define QUERY_PATH "/api/v1/shutdowns"
#define QUOTED_MAX 40
#define SECONDS_MAX 9223372036LL /* what fits in nanoseconds: the year 2262 */
#define VERDICTS (VERDICT_DRAINING + 1)

bool query_is_id(const char *text)
{
	static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	return strspn(text, letters) == RECORD_ID_BYTES - 1 && !text[RECORD_ID_BYTES - 1];
}

/* Exactly `digits` digits; the text moves on. -1 if there are fewer. */
static int take_number(const char **text, int digits)
{
	int number = 0;

	for (int i = 0; i < digits; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return -1;
		number = number * 10 + (**text - '0');
	}
	return number;
}

/* ".123": one to nine digits, or nothing at all. */
static int take_fraction(const char **text, int64_t *ret_ns)
{
	int64_t unit = NSEC_PER_SEC / 10;
	int64_t ns = 0;

	if (**text == '.') {
		(*text)++;
		if (!isdigit((unsigned char)**text))
			return -EINVAL;
		for (; isdigit((unsigned char)**text); (*text)++, unit /= 10) {
			if (unit == 0)
				return -EINVAL;
			ns += (**text - '0') * unit;
		}
	}
	*ret_ns = ns;
	return 0;
}

/* "Z" or "+01:00": seconds east of Greenwich. */
static int take_zone(const char **text, int64_t *ret_seconds)
{
	char sign = *(*text)++;
	int hours, minutes;

	*ret_seconds = 0;
	if (sign == 'Z' || sign == 'z')
		return 0;
	/* A plus in a query means a space. */
	if (sign != '+' && sign != '-' && sign != ' ')
		return -EINVAL;
	hours = take_number(text, 2);
	if (hours < 0 || hours > 23 || *(*text)++ != ':')
		return -EINVAL;
	minutes = take_number(text, 2);
	if (minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return 0;
}

static bool tm_is_sane(const struct tm *tm)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	/* 70: 1970. A leap second is let through. */
	return tm->tm_year >= 70 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days[tm->tm_mon] && tm->tm_hour >= 0 && tm->tm_hour <= 23 &&
	       tm->tm_min >= 0 && tm->tm_min <= 59 && tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

static int take_date(const char **text, int64_t *ret_seconds)
{
	struct tm tm = {};

	tm.tm_year = take_number(text, 4) - 1900;
	if (tm.tm_year < 0 || *(*text)++ != '-')
		return -EINVAL;
	tm.tm_mon = take_number(text, 2) - 1;
	if (tm.tm_mon < 0 || *(*text)++ != '-')
		return -EINVAL;
	tm.tm_mday = take_number(text, 2);
	if (tm.tm_mday < 0 || !strchr("Tt ", **text) || !**text)
		return -EINVAL;
	(*text)++;
	tm.tm_hour = take_number(text, 2);
	if (tm.tm_hour < 0 || *(*text)++ != ':')
		return -EINVAL;
	tm.tm_min = take_number(text, 2);
	if (tm.tm_min < 0 || *(*text)++ != ':')
		return -EINVAL;
	tm.tm_sec = take_number(text, 2);
	if (!tm_is_sane(&tm))
		return -EINVAL;
	*ret_seconds = timegm(&tm);
	return 0;
}

int query_time(const char *text, int64_t *ret_wall_ns)
{
	size_t digits = strspn(text, "0123456789");
	int64_t seconds = 0;
	int64_t zone = 0;
	int64_t ns;

	if (text[digits] == '-') {
		if (take_date(&text, &seconds) || take_fraction(&text, &ns) ||
		    take_zone(&text, &zone))
			return -EINVAL;
		seconds -= zone;
	} else {
		if (digits == 0 || digits > 10)
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++)
			seconds = seconds * 10 + (*text - '0');
		if (take_fraction(&text, &ns))
			return -EINVAL;
	}
	if (*text || seconds < 0 || seconds >= SECONDS_MAX)
		return -EINVAL;
	*ret_wall_ns = seconds * (int64_t)NSEC_PER_SEC + ns;
	return 0;
}

/* These return what the value should have been, or NULL when it is fine. */

static const char *set_service(struct query *query, const char *value)
{
	if (query->service[0])
		return "given once";
	if (!value[0] || strlen(value) >= sizeof(query->service))
		return "a name, or a pattern with * and ?";
	strcpy(query->service, value);
	return NULL;
}

static const char *set_outcome(struct query *query, const char *value)
{
	for (int i = 0; i < VERDICTS; i++) {
		if (strcmp(value, verdict_name(i)) == 0) {
			query->verdicts |= 1U << i;
			return NULL;
		}
	}
	return "clean, lossy, forced, crashed, oom_killed, partial, unaffected or draining";
}

static const char *set_finding(struct query *query, const char *value)
{
	if (query->finding[0])
		return "given once";
	if (!finding_row_find(value) || strlen(value) >= sizeof(query->finding))
		return "the id of a finding; `shutwatch explain` lists them";
	strcpy(query->finding, value);
	return NULL;
}

static const char *set_time(bool *has_time, int64_t *wall_ns, const char *value)
{
	if (*has_time)
		return "given once";
	if (query_time(value, wall_ns))
		return "a time: RFC 3339, or seconds since 1970";
	*has_time = true;
	return NULL;
}

static const char *set_since(struct query *query, const char *value)
{
	return set_time(&query->has_since, &query->since_wall_ns, value);
}

static const char *set_until(struct query *query, const char *value)
{
	return set_time(&query->has_until, &query->until_wall_ns, value);
}

static const char *set_limit(struct query *query, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	size_t limit = 0;

	if (query->limit)
		return "given once";
	for (size_t i = 0; i < digits && limit <= QUERY_LIMIT_MAX; i++)
		limit = limit * 10 + (size_t)(value[i] - '0');
	if (value[digits] || limit == 0 || limit > QUERY_LIMIT_MAX)
		return "a number from 1 to 1000";
	query->limit = limit;
	return NULL;
}

static const char *set_before(struct query *query, const char *value)
{
	if (query->before_id[0])
		return "given once";
	if (!query_is_id(value))
		return "the id of a record";
	strcpy(query->before_id, value);
	return NULL;
}

static const struct {
	const char *key;
	const char *(*set)(struct query *query, const char *value);
} keys[] = {
	{ "service", set_service }, { "outcome", set_outcome }, { "finding", set_finding },
	{ "since", set_since },	    { "until", set_until },	{ "limit", set_limit },
	{ "before", set_before },
};

int query_set(struct query *query, const char *key, const char *value,
	      char ret_fault[QUERY_FAULT_BYTES])
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *expected;

		if (strcmp(key, keys[i].key) != 0)
			continue;
		expected = keys[i].set(query, value);
		if (!expected)
			return 0;
		snprintf(ret_fault, QUERY_FAULT_BYTES, "%s=%.*s: must be %s", key, QUOTED_MAX,
			 value, expected);
		return -EINVAL;
	}
	snprintf(ret_fault, QUERY_FAULT_BYTES,
		 "unknown key %.*s; known are service, outcome, finding, since, until, limit, "
		 "before",
		 QUOTED_MAX, key);
	return -EINVAL;
}

size_t query_limit(const struct query *query)
{
	return query->limit ? query->limit : QUERY_LIMIT_DEFAULT;
}

struct store_filter query_filter(const struct query *query)
{
	return (struct store_filter){
		.service = query->service[0] ? query->service : NULL,
		.finding = query->finding[0] ? query->finding : NULL,
		.verdicts = query->verdicts,
		.since_wall_ns = query->since_wall_ns,
		/* 0 is no end; nothing was recorded in 1970. */
		.until_wall_ns =
			query->has_until && !query->until_wall_ns ? 1 : query->until_wall_ns,
		.before_id = query->before_id[0] ? query->before_id : NULL,
		.limit = query_limit(query) + 1,
	};
}

static void add_value(struct text *text, const char *key, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~:";

	text_addf(text, "&%s=", key);
	for (; *value; value++) {
		if (strchr(plain, *value))
			text_add_bytes(text, value, 1);
		else
			text_addf(text, "%%%02X", (unsigned char)*value);
	}
}

char *query_next(const struct query *query, const char *last_id)
{
	char time[UNITS_BYTES];
	struct text text;

	text_init(&text);
	text_addf(&text, "%s?limit=%zu", QUERY_PATH, query_limit(query));
	if (query->service[0])
		add_value(&text, "service", query->service);
	for (int i = 0; i < VERDICTS; i++) {
		if (query->verdicts & 1U << i)
			add_value(&text, "outcome", verdict_name(i));
	}
	if (query->finding[0])
		add_value(&text, "finding", query->finding);
	if (query->has_since)
		add_value(&text, "since", units_timestamp(query->since_wall_ns, time));
	if (query->has_until)
		add_value(&text, "until", units_timestamp(query->until_wall_ns, time));
	add_value(&text, "before", last_id);
	return text_take(&text);
}
