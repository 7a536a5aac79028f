// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a PostgreSQL answer ends (protocol 3.0): at ReadyForQuery. So does the answer to the
 * start-up message. A FATAL error is not followed by one: the answer stays a part, with its code.
 */
#include "tools/client/answer.h"

#include <stdint.h>
#include <string.h>

#define HEAD_BYTES 5 /* type and length; the length counts itself, not the type */
#define LENGTH_BYTES 4
#define MESSAGE_MAX (1U << 30)
#define CODE_BYTES 5

enum step {
	STEP_HEAD, /* zero: where an answer begins */
	STEP_BODY,
};

static uint32_t number(const char *bytes)
{
	uint32_t value = 0;
	size_t i;

	for (i = 0; i < LENGTH_BYTES; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return value;
}

/* The fields of an error: a letter, a string, ..., a zero byte. */
static void read_error(struct answer *answer, const char *body)
{
	const char *end = answer->keep + answer->kept;

	while (body < end && *body) {
		const char *value = body + 1;
		const char *stop = value < end ? memchr(value, '\0', (size_t)(end - value)) : NULL;

		if (!stop)
			return;
		if (*body == 'C' && stop - value == CODE_BYTES &&
		    strspn(value, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CODE_BYTES)
			memcpy(answer->status, value, CODE_BYTES + 1);
		if (*body == 'V' && strcmp(value, "FATAL") == 0)
			answer->says_close = true;
		body = stop + 1;
	}
}

static void read_message(struct answer *answer)
{
	const char *body = answer->keep + HEAD_BYTES;

	answer->step = STEP_HEAD;
	switch (answer->keep[0]) {
	case 'E':
		read_error(answer, body);
		break;
	case 'R':
		if (answer->kept < HEAD_BYTES + LENGTH_BYTES)
			answer->is_malformed = true;
		else
			answer->wants_password = number(body) != 0;
		break;
	case 'Z':
		answer->is_whole = true;
		if (!answer->status[0])
			strcpy(answer->status, "00000");
	}
	answer->kept = 0;
}

static void read_head(struct answer *answer)
{
	uint32_t length = number(answer->keep + 1);
	char type = answer->keep[0];
	bool is_letter = (type >= 'a' && type <= 'z') || (type >= 'A' && type <= 'Z') ||
			 (type >= '1' && type <= '3');

	if (!is_letter || length < LENGTH_BYTES || length > MESSAGE_MAX) {
		answer->is_malformed = true;
		return;
	}
	answer->left = length - LENGTH_BYTES;
	answer->step = STEP_BODY;
	if (!answer->left)
		read_message(answer);
}

/* Keeps what fits; the end of a long message is of no interest. */
static size_t keep(struct answer *answer, const char *bytes, size_t size, size_t wanted)
{
	size_t room = sizeof(answer->keep) - answer->kept;
	size_t taken = size < wanted ? size : wanted;
	size_t stored = taken < room ? taken : room;

	memcpy(answer->keep + answer->kept, bytes, stored);
	answer->kept += stored;
	return taken;
}

size_t answer_feed_postgres(struct answer *answer, const char *bytes, size_t size)
{
	size_t taken;

	if (answer->step == STEP_HEAD) {
		taken = keep(answer, bytes, size, HEAD_BYTES - answer->kept);
		if (answer->kept == HEAD_BYTES)
			read_head(answer);
		return taken;
	}
	taken = keep(answer, bytes, size, answer->left);
	answer->left -= taken;
	if (!answer->left)
		read_message(answer);
	return taken;
}
