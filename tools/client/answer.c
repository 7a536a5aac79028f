// SPDX-License-Identifier: GPL-2.0-only
/* What the three parsers of answers share. Owns nothing; no I/O, no clock. */
#include "tools/client/answer.h"

#include <string.h>

void answer_init(struct answer *answer, enum protocol protocol)
{
	memset(answer, 0, sizeof(*answer));
	answer->protocol = protocol;
}

size_t answer_feed(struct answer *answer, const char *bytes, size_t size)
{
	static size_t (*const feeds[])(struct answer *, const char *, size_t) = {
		[PROTOCOL_HTTP] = answer_feed_http,
		[PROTOCOL_REDIS] = answer_feed_redis,
		[PROTOCOL_POSTGRES] = answer_feed_postgres,
	};
	size_t taken = 0;

	while (taken < size && !answer->is_whole && !answer->is_malformed) {
		answer->has_begun = true;
		taken += feeds[answer->protocol](answer, bytes + taken, size - taken);
	}
	return answer->is_malformed ? size : taken;
}

void answer_end(struct answer *answer)
{
	if (answer->protocol == PROTOCOL_HTTP && answer->has_begun && !answer->is_malformed)
		answer_end_http(answer);
}

static void keep(struct answer *answer, const char *bytes, size_t size)
{
	size_t room = sizeof(answer->keep) - 1 - answer->kept;

	if (size > room) {
		answer->is_cut = true;
		size = room;
	}
	memcpy(answer->keep + answer->kept, bytes, size);
	answer->kept += size;
	answer->keep[answer->kept] = '\0';
}

size_t answer_keep_line(struct answer *answer, const char *bytes, size_t size,
			bool *ret_is_complete)
{
	const char *end = memchr(bytes, '\n', size);
	size_t taken = end ? (size_t)(end - bytes) + 1 : size;

	if (answer->kept == 0)
		answer->is_cut = false;
	keep(answer, bytes, end ? taken - 1 : taken);
	*ret_is_complete = end != NULL;
	if (!end)
		return taken;
	if (answer->kept && answer->keep[answer->kept - 1] == '\r')
		answer->keep[answer->kept - 1] = '\0';
	answer->kept = 0;
	return taken;
}
