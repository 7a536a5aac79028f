// SPDX-License-Identifier: GPL-2.0-only
/* Reads single values. Owns nothing; what is returned on failure is untouched. */
#include "src/config/values.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "src/analysis/record.h"
#include "src/base/cleanup.h"

#define SIGNALS 64

/* The digits at the start of the text; -EINVAL: none. ret_end is behind them. */
static int digits_parse(const char *text, uint64_t *ret_number, const char **ret_end)
{
	const char *at = text;
	uint64_t number = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
			return -ERANGE;
	}
	if (at == text)
		return -EINVAL;
	*ret_number = number;
	*ret_end = at;
	return 0;
}

int number_parse(const char *text, uint64_t max, uint64_t *ret_number)
{
	const char *end;
	uint64_t number;
	int err = digits_parse(text, &number, &end);

	if (err || *end)
		return err ? err : -EINVAL;
	if (number > max)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "kB", 1000 },
		{ "KB", 1000 },
		{ "MB", 1000000 },
		{ "GB", 1000000000 },
		{ "TB", 1000000000000 },
		{ "KiB", 1ULL << 10 },
		{ "MiB", 1ULL << 20 },
		{ "GiB", 1ULL << 30 },
		{ "TiB", 1ULL << 40 },
	};
	const char *end;
	uint64_t number;
	int err = digits_parse(text, &number, &end);

	for (size_t i = 0; !err && i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].bytes, &number))
			return -ERANGE;
		*ret_bytes = number;
		return 0;
	}
	return err ? err : -EINVAL;
}

/* "RTMIN+3", "RTMAX-1", "RTMIN": as glibc counts them. */
static int realtime_parse(const char *name, int *ret_signal)
{
	bool is_min = !strncasecmp(name, "RTMIN", 5);
	uint64_t offset = 0;

	if (!is_min && strncasecmp(name, "RTMAX", 5) != 0)
		return -EINVAL;
	if (name[5] && (name[5] != (is_min ? '+' : '-') ||
			number_parse(name + 6, (uint64_t)(SIGRTMAX - SIGRTMIN), &offset)))
		return -EINVAL;
	*ret_signal = is_min ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
	return 0;
}

int signal_parse(const char *text, int *ret_signal)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	char known[16];
	uint64_t number;

	if (!number_parse(name, SIGNALS, &number) && number) {
		*ret_signal = (int)number;
		return 0;
	}
	for (int signal = 1; signal < __SIGRTMIN; signal++) {
		if (strcasecmp(signal_name(signal, known) + 3, name) != 0)
			continue;
		*ret_signal = signal;
		return 0;
	}
	return realtime_parse(name, ret_signal);
}
