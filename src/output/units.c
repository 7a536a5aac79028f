/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times and sizes -> text. Pure: no clock, no time zone, no locale.
 */
#include "src/output/units.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "src/base/cleanup.h"

#define US 1000ULL
#define MS (1000 * US)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* value / unit to the nearest `1 / parts`, as a whole number of parts. */
static unsigned long long rounded(uint64_t value, uint64_t unit, uint64_t parts)
{
	uint64_t step = unit / parts;

	return value / step + (value % step >= (step + 1) / 2);
}

static void print_fraction(char *buffer, size_t size, unsigned long long parts, int digits,
			   const char *unit)
{
	unsigned int scale = digits == 2 ? 100 : 10;

	snprintf(buffer, size, "%llu.%0*llu %s", parts / scale, digits, parts % scale, unit);
}

static void print_minutes(char *buffer, size_t size, uint64_t ns)
{
	unsigned long long seconds = rounded(ns, SECOND, 1);
	unsigned long long minutes = rounded(ns, MINUTE, 1);

	if (seconds < 3600 && seconds % 60 == 0)
		snprintf(buffer, size, "%llu min", seconds / 60);
	else if (seconds < 3600)
		snprintf(buffer, size, "%llu min %llu s", seconds / 60, seconds % 60);
	else
		snprintf(buffer, size, "%llu h %llu min", minutes / 60, minutes % 60);
}

/* The limits lie where rounding would give one digit more than the row has. */
static void print_duration(char *buffer, size_t size, uint64_t ns)
{
	if (ns == 0)
		snprintf(buffer, size, "0 ms");
	else if (ns < 5 * US)
		snprintf(buffer, size, "<0.01 ms");
	else if (ns < 95 * US)
		print_fraction(buffer, size, rounded(ns, MS, 100), 2, "ms");
	else if (ns < 9950 * US)
		print_fraction(buffer, size, rounded(ns, MS, 10), 1, "ms");
	else if (ns < 999500 * US)
		snprintf(buffer, size, "%llu ms", rounded(ns, MS, 1));
	else if (ns < 9995 * MS)
		print_fraction(buffer, size, rounded(ns, SECOND, 100), 2, "s");
	else if (ns < 59950 * MS)
		print_fraction(buffer, size, rounded(ns, SECOND, 10), 1, "s");
	else
		print_minutes(buffer, size, ns);
}

const char *units_duration(int64_t ns, char buffer[UNITS_BYTES])
{
	if (ns >= 0) {
		print_duration(buffer, UNITS_BYTES, (uint64_t)ns);
		return buffer;
	}
	buffer[0] = '-';
	print_duration(buffer + 1, UNITS_BYTES - 1, -(uint64_t)ns);
	return buffer;
}

const char *units_size(uint64_t bytes, char buffer[UNITS_BYTES])
{
	static const char *const names[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t unit = 1000;
	size_t i = 0;

	if (bytes < 1000) {
		snprintf(buffer, UNITS_BYTES, "%llu B", (unsigned long long)bytes);
		return buffer;
	}
	for (; i < ARRAY_SIZE(names) - 1 && bytes / unit >= 1000; i++)
		unit *= 1000;
	/* 999,950 rounds to a thousand of its unit: one of the next. */
	if (i < ARRAY_SIZE(names) - 1 && rounded(bytes, unit, 1) >= 1000) {
		unit *= 1000;
		i++;
	}
	if (rounded(bytes, unit, 10) < 100)
		print_fraction(buffer, UNITS_BYTES, rounded(bytes, unit, 10), 1, names[i]);
	else
		snprintf(buffer, UNITS_BYTES, "%llu %s", rounded(bytes, unit, 1), names[i]);
	return buffer;
}

/* Splits into calendar time and nanoseconds, also before 1970. */
static struct tm split(int64_t wall_ns, long *ret_ns)
{
	time_t seconds = wall_ns / (int64_t)SECOND;
	long ns = (long)(wall_ns % (int64_t)SECOND);
	struct tm tm;

	if (ns < 0) {
		seconds--;
		ns += (long)SECOND;
	}
	gmtime_r(&seconds, &tm);
	*ret_ns = ns;
	return tm;
}

const char *units_timestamp(int64_t wall_ns, char buffer[UNITS_BYTES])
{
	long ns;
	struct tm tm = split(wall_ns, &ns);
	size_t size = strftime(buffer, UNITS_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);

	snprintf(buffer + size, UNITS_BYTES - size, ".%09ldZ", ns);
	return buffer;
}

const char *units_date(int64_t wall_ns, char buffer[UNITS_BYTES])
{
	long ns;
	struct tm tm = split(wall_ns, &ns);
	size_t size = strftime(buffer, UNITS_BYTES, "%Y-%m-%d %H:%M:%S", &tm);

	snprintf(buffer + size, UNITS_BYTES - size, ".%03ld UTC", ns / (long)MS);
	return buffer;
}
