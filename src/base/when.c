/* SPDX-License-Identifier: GPL-2.0-only */
/* Points in time, read digit by digit: no locale, no time zone, nothing left over. */
#include "src/base/when.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000LL
#define AGE_MAX_S (200LL * 366 * 86400)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly `digits` of them, from `min` to `max`. */
static bool take_number(const char **text, int digits, int min, int max, int *ret_number)
{
	int number = 0;

	for (int i = 0; i < digits; i++) {
		if (!is_digit(**text))
			return false;
		number = number * 10 + (*(*text)++ - '0');
	}
	*ret_number = number;
	return number >= min && number <= max;
}

static bool take(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool take_fraction(const char **text, int64_t *ns)
{
	int64_t unit = SECOND / 10;

	if (!take(text, '.'))
		return true;
	if (!is_digit(**text))
		return false;
	for (; is_digit(**text); unit /= 10)
		*ns += (*(*text)++ - '0') * unit;
	return true;
}

/* Hours and minutes; seconds if they follow. */
static bool take_clock(const char **text, struct tm *tm, int64_t *ns)
{
	if (!take_number(text, 2, 0, 23, &tm->tm_hour) || !take(text, ':') ||
	    !take_number(text, 2, 0, 59, &tm->tm_min))
		return false;
	if (!take(text, ':'))
		return true;
	return take_number(text, 2, 0, 60, &tm->tm_sec) && take_fraction(text, ns);
}

static int parse_date(const char *text, int64_t *ret_wall_ns)
{
	struct tm tm = {}, day;
	int64_t ns = 0;
	int year, month;
	time_t seconds;

	if (!take_number(&text, 4, 1970, 2200, &year) || !take(&text, '-') ||
	    !take_number(&text, 2, 1, 12, &tm.tm_mon) || !take(&text, '-') ||
	    !take_number(&text, 2, 1, 31, &tm.tm_mday))
		return -EINVAL;
	if ((take(&text, 'T') || take(&text, ' ')) && !take_clock(&text, &tm, &ns))
		return -EINVAL;
	take(&text, 'Z');
	if (*text)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	month = tm.tm_mon;
	day = (struct tm){ .tm_year = tm.tm_year, .tm_mon = month, .tm_mday = tm.tm_mday };
	if (timegm(&day) < 0 || day.tm_mon != month) /* 30 February */
		return -EINVAL;
	seconds = timegm(&tm);
	*ret_wall_ns = (int64_t)seconds * SECOND + ns;
	return 0;
}

static int parse_age(const char *text, int64_t now_wall_ns, int64_t *ret_wall_ns)
{
	static const char units[] = "smhdw";
	static const int64_t seconds[] = { 1, 60, 3600, 86400, 7 * 86400 };
	const char *unit;
	int64_t number = 0;

	while (is_digit(*text) && number < AGE_MAX_S)
		number = number * 10 + (*text++ - '0');
	unit = *text && !text[1] ? strchr(units, *text) : NULL;
	if (!unit || number > AGE_MAX_S / seconds[unit - units])
		return -EINVAL;
	number = now_wall_ns - number * seconds[unit - units] * SECOND;
	*ret_wall_ns = number > 0 ? number : 0;
	return 0;
}

int when_parse(const char *text, int64_t now_wall_ns, int64_t *ret_wall_ns)
{
	if (!is_digit(text[0]))
		return -EINVAL;
	return strchr(text, '-') ? parse_date(text, ret_wall_ns)
				 : parse_age(text, now_wall_ns, ret_wall_ns);
}
