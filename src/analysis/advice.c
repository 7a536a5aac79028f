// SPDX-License-Identifier: GPL-2.0-only
/* Which advice goes with which finding, program and place, and how a value is put into it. */
#include "src/analysis/advice.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "src/analysis/advice_texts.h"
#include "src/base/text.h"

#define SECOND_NS 1000000000LL
/* What a program may take of the time after which it was killed. */
#define SHARE_NUMERATOR 4
#define SHARE_DENOMINATOR 5

/* Is it one of the words of the list? */
static bool is_listed(const char *list, const char *id)
{
	size_t size = strlen(id);

	for (const char *found = strstr(list, id); found; found = strstr(found + 1, id)) {
		if ((found == list || found[-1] == ' ') &&
		    (found[size] == '\0' || found[size] == ' '))
			return true;
	}
	return false;
}

static bool needs_value(const char *text)
{
	return strstr(text, ADVICE_AT_LEAST) || strstr(text, ADVICE_WITHIN);
}

/* The next whole second above, so that it covers the measurement. */
static int64_t at_least(int64_t ns)
{
	return ns / SECOND_NS + 1;
}

/* Whole seconds that leave the rest of the time for what comes after; at least one. */
static int64_t within(int64_t ns)
{
	int64_t seconds = ns / SHARE_DENOMINATOR * SHARE_NUMERATOR / SECOND_NS;

	return seconds > 0 ? seconds : 1;
}

static void add_filled(struct text *text, const char *advice, int64_t ns)
{
	while (*advice) {
		size_t plain = strcspn(advice, "{");

		text_add_bytes(text, advice, plain);
		advice += plain;
		if (strncmp(advice, ADVICE_AT_LEAST, strlen(ADVICE_AT_LEAST)) == 0) {
			text_addf(text, "%" PRId64, at_least(ns));
			advice += strlen(ADVICE_AT_LEAST);
		} else if (strncmp(advice, ADVICE_WITHIN, strlen(ADVICE_WITHIN)) == 0) {
			text_addf(text, "%" PRId64, within(ns));
			advice += strlen(ADVICE_WITHIN);
		} else if (*advice) {
			text_add_bytes(text, advice++, 1);
		}
	}
}

static const char *find(const char *id, enum program program, enum advice_place place, int64_t ns)
{
	size_t n_texts;
	const struct advice_text *texts = advice_texts(&n_texts);

	for (size_t i = 0; i < n_texts; i++) {
		if (texts[i].program == program && texts[i].place == place &&
		    is_listed(texts[i].ids, id) &&
		    (ns != TIME_UNKNOWN || !needs_value(texts[i].text)))
			return texts[i].text;
	}
	return NULL;
}

static enum advice_place place_of(const struct record_service *service)
{
	if (service->pod_uid[0])
		return ADVICE_IN_POD;
	if (service->container_id[0] || service->kind == SERVICE_CONTAINER)
		return ADVICE_IN_CONTAINER;
	return service->unit[0] || service->kind == SERVICE_UNIT ? ADVICE_IN_UNIT : ADVICE_ANYWHERE;
}

char *advice_of(const struct finding_row *row, enum program program,
		const struct record_service *service, int64_t ns)
{
	enum advice_place place = place_of(service);
	const char *advice = find(row->id, program, ADVICE_ANYWHERE, ns);
	struct text text;

	text_init(&text);
	if (!advice && program == PROGRAM_SPRING)
		advice = find(row->id, PROGRAM_JAVA, ADVICE_ANYWHERE, ns);
	if (!advice)
		advice = find(row->id, PROGRAM_UNKNOWN, ADVICE_ANYWHERE, ns);
	add_filled(&text, advice ? advice : row->advice, ns);
	advice = place == ADVICE_ANYWHERE ? NULL : find(row->id, program, place, ns);
	if (!advice && place != ADVICE_ANYWHERE && program != PROGRAM_UNKNOWN)
		advice = find(row->id, PROGRAM_UNKNOWN, place, ns);
	if (advice) {
		text_add(&text, " ");
		add_filled(&text, advice, ns);
	}
	return text_take(&text);
}
