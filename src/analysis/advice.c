// SPDX-License-Identifier: GPL-2.0-only
/* Which advice goes with which finding, program and place, and how a value is put into it. */
#include "src/analysis/advice.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "src/analysis/advice_texts.h"
#include "src/base/cleanup.h"
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

/* The next whole second above, so that it covers the measurement. */
static int64_t at_least(int64_t ns)
{
	return ns / SECOND_NS + 1;
}

/* Whole seconds that leave the rest of the time for what comes after. */
static int64_t share_of(int64_t ns)
{
	return ns / SHARE_DENOMINATOR * SHARE_NUMERATOR / SECOND_NS;
}

/*
 * Whole seconds, well within what there is until somebody loses patience. Who did end is not to
 * be cut off by them: never less than what it took. 0: nothing is known.
 */
static int64_t within(const struct advice_stop *stop)
{
	int64_t granted = stop->grace_ns == TIME_UNKNOWN ? 0 : share_of(stop->grace_ns);
	int64_t taken = stop->ns == TIME_UNKNOWN ? 0 : at_least(stop->ns);

	if (stop->killed_ns != TIME_UNKNOWN)
		return share_of(stop->killed_ns);
	return granted > taken ? granted : taken;
}

/* A grace period that would be enough; 0: the one that it has is, or nobody knows. */
static int64_t more_grace(const struct advice_stop *stop)
{
	if (stop->ns == TIME_UNKNOWN)
		return 0;
	if (stop->grace_ns == TIME_UNKNOWN)
		return at_least(stop->ns);
	if (at_least(stop->ns) * SECOND_NS < stop->grace_ns)
		return 0;
	return at_least(stop->ns > stop->grace_ns ? stop->ns : stop->grace_ns);
}

static bool can_fill(const char *text, const struct advice_stop *stop)
{
	if (strstr(text, ADVICE_MORE_GRACE))
		return more_grace(stop) > 0;
	return stop->ns != TIME_UNKNOWN || !strstr(text, ADVICE_AT_LEAST);
}

/* What a program is to handle: SIGTERM, where it was stopped by what no program should handle. */
static const char *name_of(const struct advice_stop *stop, char buffer[16])
{
	static const int usual[] = { SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH };

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		if (stop->signal == usual[i])
			return signal_name(stop->signal, buffer);
	}
	return signal_name(SIGTERM, buffer);
}

/* Without a number it is still the option to set. */
static void add_within(struct text *text, const struct advice_stop *stop)
{
	if (within(stop) > 0)
		text_addf(text, "%" PRId64, within(stop));
	else
		text_add(text, "N");
}

static void add_filled(struct text *text, const char *advice, const struct advice_stop *stop)
{
	bool is_open = strstr(advice, ADVICE_WITHIN) && !within(stop);
	char name[16];

	while (*advice) {
		size_t plain = strcspn(advice, "{");

		text_add_bytes(text, advice, plain);
		advice += plain;
		if (strncmp(advice, ADVICE_AT_LEAST, strlen(ADVICE_AT_LEAST)) == 0) {
			text_addf(text, "%" PRId64, at_least(stop->ns));
			advice += strlen(ADVICE_AT_LEAST);
		} else if (strncmp(advice, ADVICE_WITHIN, strlen(ADVICE_WITHIN)) == 0) {
			add_within(text, stop);
			advice += strlen(ADVICE_WITHIN);
		} else if (strncmp(advice, ADVICE_MORE_GRACE, strlen(ADVICE_MORE_GRACE)) == 0) {
			text_addf(text, "%" PRId64, more_grace(stop));
			advice += strlen(ADVICE_MORE_GRACE);
		} else if (strncmp(advice, ADVICE_SIGNAL, strlen(ADVICE_SIGNAL)) == 0) {
			text_add(text, name_of(stop, name));
			advice += strlen(ADVICE_SIGNAL);
		} else if (*advice) {
			text_add_bytes(text, advice++, 1);
		}
	}
	text_add(text, is_open ? " N: whole seconds, below the grace period." : "");
}

static const char *find(const char *id, enum program program, enum advice_place place,
			const struct advice_stop *stop)
{
	size_t n_texts;
	const struct advice_text *texts = advice_texts(&n_texts);

	for (size_t i = 0; i < n_texts; i++) {
		if (texts[i].program == program && texts[i].place == place &&
		    is_listed(texts[i].ids, id) && can_fill(texts[i].text, stop) &&
		    !(stop->signal < 64 && texts[i].unless >> stop->signal & 1))
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
		const struct record_service *service, const struct advice_stop *stop)
{
	enum advice_place place = place_of(service);
	const char *advice = find(row->id, program, ADVICE_ANYWHERE, stop);
	struct text text;

	text_init(&text);
	if (!advice && program == PROGRAM_SPRING)
		advice = find(row->id, PROGRAM_JAVA, ADVICE_ANYWHERE, stop);
	if (!advice)
		advice = find(row->id, PROGRAM_UNKNOWN, ADVICE_ANYWHERE, stop);
	add_filled(&text, advice ? advice : row->advice, stop);
	advice = place == ADVICE_ANYWHERE ? NULL : find(row->id, program, place, stop);
	if (!advice && place != ADVICE_ANYWHERE && program != PROGRAM_UNKNOWN)
		advice = find(row->id, PROGRAM_UNKNOWN, place, stop);
	if (advice) {
		text_add(&text, " ");
		add_filled(&text, advice, stop);
	}
	return text_take(&text);
}
