// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where an HTTP/1.1 answer to a GET ends (RFC 9112, section 6): by its status, by chunks, by
 * Content-Length, else by the end of the connection. Interim answers (1xx) are skipped; 101 is
 * not one of them: what follows it is no HTTP and ends with the connection.
 */
#include "tools/client/answer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum step {
	STEP_STATUS, /* zero: where an answer begins */
	STEP_HEADER,
	STEP_BODY, /* `left` bytes, then the answer is whole */
	STEP_CHUNK_SIZE,
	STEP_CHUNK, /* `left` bytes, then the line end after them */
	STEP_CHUNK_END,
	STEP_TRAILER,
	STEP_UNTIL_END,
};

static bool is_digits(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
	}
	return size > 0;
}

static void read_status(struct answer *answer)
{
	const char *line = answer->keep;

	if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digits(line + 7, 1) || line[8] != ' ' ||
	    !is_digits(line + 9, 3) || (line[12] && line[12] != ' ')) {
		answer->is_malformed = true;
		return;
	}
	memcpy(answer->status, line + 9, 3);
	answer->status[3] = '\0';
	answer->step = STEP_HEADER;
}

/* The value of the header if the line is one of that name, else NULL. */
static const char *value_of(const char *line, const char *name)
{
	size_t size = strlen(name);

	if (strncasecmp(line, name, size) != 0 || line[size] != ':')
		return NULL;
	line += size + 1;
	return line + strspn(line, " \t");
}

/* Whether the word is in this list with commas; ret_is_last: as its last item. */
static bool has_word(const char *list, const char *word, bool *ret_is_last)
{
	bool is_there = false;

	*ret_is_last = false;
	while (*list) {
		size_t size;

		list += strspn(list, ", \t");
		size = strcspn(list, ",; \t");
		if (size == 0)
			break;
		*ret_is_last = size == strlen(word) && strncasecmp(list, word, size) == 0;
		is_there |= *ret_is_last;
		list += strcspn(list, ",");
	}
	return is_there;
}

static void read_length(struct answer *answer, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t length = strtoull(value, NULL, 10);

	if (digits == 0 || digits > 18 || value[digits + strspn(value + digits, " \t")])
		answer->is_malformed = true;
	else if (answer->has_length && answer->left != length)
		answer->is_malformed = true;
	answer->has_length = true;
	answer->left = length;
}

static void read_header(struct answer *answer)
{
	const char *length = value_of(answer->keep, "Content-Length");
	const char *encoding = value_of(answer->keep, "Transfer-Encoding");
	const char *connection = value_of(answer->keep, "Connection");
	bool is_last;

	if ((length || encoding || connection) && answer->is_cut)
		answer->is_malformed = true;
	if (length && !answer->is_chunked && answer->left != UINT64_MAX)
		read_length(answer, length); /* else Transfer-Encoding has said it */
	if (encoding) {
		has_word(encoding, "chunked", &is_last);
		answer->is_chunked = is_last;
		/* Any other encoding: no length counts, the end of the connection does. */
		answer->has_length = true;
		answer->left = is_last ? 0 : UINT64_MAX;
	}
	if (connection && has_word(connection, "close", &is_last))
		answer->says_close = true;
}

static void begin_interim(struct answer *answer)
{
	answer->step = STEP_STATUS;
	answer->status[0] = '\0';
	answer->has_length = answer->is_chunked = false;
	answer->left = 0;
}

/* The empty line has come: what is next? */
static void end_head(struct answer *answer)
{
	const char *status = answer->status;

	if (strcmp(status, "101") == 0)
		answer->step = STEP_UNTIL_END;
	else if (status[0] == '1')
		begin_interim(answer);
	else if (strcmp(status, "204") == 0 || strcmp(status, "304") == 0)
		answer->is_whole = true;
	else if (answer->is_chunked)
		answer->step = STEP_CHUNK_SIZE;
	else if (!answer->has_length || answer->left == UINT64_MAX)
		answer->step = STEP_UNTIL_END;
	else if (answer->left == 0)
		answer->is_whole = true;
	else
		answer->step = STEP_BODY;
}

static void read_chunk_size(struct answer *answer)
{
	size_t digits = strspn(answer->keep, "0123456789abcdefABCDEF");
	const char *rest = answer->keep + digits;

	rest += strspn(rest, " \t");
	if (digits == 0 || digits > 15 || (*rest && *rest != ';')) {
		answer->is_malformed = true;
		return;
	}
	answer->left = strtoull(answer->keep, NULL, 16);
	answer->step = answer->left ? STEP_CHUNK : STEP_TRAILER;
	answer->head_bytes = 0;
}

static void read_line(struct answer *answer)
{
	switch (answer->step) {
	case STEP_STATUS:
		read_status(answer);
		break;
	case STEP_HEADER:
		if (answer->keep[0])
			read_header(answer);
		else
			end_head(answer);
		break;
	case STEP_CHUNK_SIZE:
		read_chunk_size(answer);
		break;
	case STEP_CHUNK_END:
		answer->is_malformed = answer->keep[0] != '\0';
		answer->step = STEP_CHUNK_SIZE;
		break;
	default:
		answer->is_whole = answer->keep[0] == '\0';
	}
}

static size_t feed_line(struct answer *answer, const char *bytes, size_t size)
{
	bool is_complete;
	size_t taken = answer_keep_line(answer, bytes, size, &is_complete);

	answer->head_bytes += taken;
	if (answer->head_bytes > ANSWER_HEAD_MAX)
		answer->is_malformed = true;
	else if (is_complete)
		read_line(answer);
	return taken;
}

size_t answer_feed_http(struct answer *answer, const char *bytes, size_t size)
{
	if (answer->step == STEP_UNTIL_END)
		return size;
	if (answer->step != STEP_BODY && answer->step != STEP_CHUNK)
		return feed_line(answer, bytes, size);
	if (size < answer->left) {
		answer->left -= size;
		return size;
	}
	size = answer->left;
	if (answer->step == STEP_BODY)
		answer->is_whole = true;
	answer->step = STEP_CHUNK_END;
	answer->head_bytes = 0;
	return size;
}

void answer_end_http(struct answer *answer)
{
	if (answer->step == STEP_UNTIL_END)
		answer->is_whole = true;
}
