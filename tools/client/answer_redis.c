// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a Redis answer ends (RESP2 and the aggregates of RESP3). An aggregate only adds to the
 * number of values that are still to come, so nesting needs no stack.
 */
#include "tools/client/answer.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX (1ULL << 32)
#define LINE_END 2 /* CR LF after the bytes of a string */

enum step {
	STEP_LINE, /* zero: where an answer begins */
	STEP_BYTES,
};

/* How many more values are to come, this one included, is in head_bytes; zero before the first. */
static void end_value(struct answer *answer)
{
	answer->step = STEP_LINE;
	answer->is_whole = --answer->head_bytes == 0;
}

/* The number after the type: -1 is null, which takes no more bytes. */
static bool read_count(const char *text, uint64_t *ret_count)
{
	size_t digits = strspn(text, "0123456789");

	*ret_count = 0;
	if (strcmp(text, "-1") == 0)
		return true;
	*ret_count = strtoull(text, NULL, 10);
	return digits > 0 && digits < 11 && !text[digits] && *ret_count < COUNT_MAX;
}

static void read_string(struct answer *answer)
{
	if (!read_count(answer->keep + 1, &answer->left)) {
		answer->is_malformed = true;
	} else if (strcmp(answer->keep + 1, "-1") == 0) {
		end_value(answer);
	} else {
		answer->left += LINE_END;
		answer->step = STEP_BYTES;
	}
}

static void read_aggregate(struct answer *answer)
{
	uint64_t count;

	if (!read_count(answer->keep + 1, &count)) {
		answer->is_malformed = true;
		return;
	}
	answer->head_bytes += answer->keep[0] == '%' ? 2 * count : count;
	if (answer->head_bytes > COUNT_MAX * 4)
		answer->is_malformed = true;
	else
		end_value(answer);
}

static void read_line(struct answer *answer)
{
	if (!answer->head_bytes) {
		answer->status[0] = answer->keep[0];
		answer->head_bytes = 1;
	}
	switch (answer->keep[0]) {
	case '$':
	case '=':
	case '!':
		read_string(answer);
		break;
	case '*':
	case '%':
	case '~':
	case '>':
		read_aggregate(answer);
		break;
	case '+':
	case '-':
	case ':':
	case '_':
	case '#':
	case ',':
	case '(':
		end_value(answer);
		break;
	default:
		answer->status[0] = '\0';
		answer->is_malformed = true;
	}
}

size_t answer_feed_redis(struct answer *answer, const char *bytes, size_t size)
{
	bool is_complete;
	size_t taken;

	if (answer->step == STEP_BYTES) {
		taken = size < answer->left ? size : answer->left;
		answer->left -= taken;
		if (!answer->left)
			end_value(answer);
		return taken;
	}
	taken = answer_keep_line(answer, bytes, size, &is_complete);
	if (is_complete)
		read_line(answer);
	return taken;
}
