// SPDX-License-Identifier: GPL-2.0-only
/* Where an answer ends, for each protocol, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/client/answer.h"

enum expected {
	PART,
	WHOLE,	 /* with the last byte of the text */
	EARLIER, /* whole before its last byte */
	AT_END,	 /* whole once the connection has ended */
	MALFORMED,
};

struct row {
	const char *bytes;
	size_t size; /* 0: a string */
	enum expected expected;
	const char *status;
	bool says_close;
};

#define BYTES(text) text, sizeof(text) - 1
#define OK "HTTP/1.1 200 OK\r\n"

static const struct row http[] = {
	{ BYTES(""), PART, "", false },
	{ BYTES("HTTP/1.1 2"), PART, "", false },
	{ BYTES(OK "Content-Length: 5\r\n\r\nhell"), PART, "200", false },
	{ BYTES(OK "Content-Length: 5\r\n\r\nhello"), WHOLE, "200", false },
	{ BYTES(OK "content-length:5 \r\n\r\nhello"), WHOLE, "200", false },
	{ BYTES("HTTP/1.1 200\nContent-Length: 0\n\n"), WHOLE, "200", false },
	{ BYTES(OK "Content-Length: 5\r\n\r\nhelloHTTP"), EARLIER, "200", false },
	{ BYTES(OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"), WHOLE, "200", false },
	{ BYTES(OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab"), MALFORMED, "200", false },
	{ BYTES(OK "Content-Length: -2\r\n\r\nab"), MALFORMED, "200", false },
	{ BYTES(OK "Content-Length: 99999999999999999999\r\n\r\n"), MALFORMED, "200", false },
	{ BYTES(OK "Connection: close\r\nContent-Length: 0\r\n\r\n"), WHOLE, "200", true },
	{ BYTES(OK "Connection: foo, Close\r\nContent-Length: 0\r\n\r\n"), WHOLE, "200", true },
	{ BYTES(OK "Connection: closed\r\nContent-Length: 0\r\n\r\n"), WHOLE, "200", false },
	{ BYTES(OK "\r\nuntil the end"), AT_END, "200", false },
	{ BYTES(OK "\r\n"), AT_END, "200", false },
	{ BYTES(OK "Content-Type: x\r\n"), PART, "200", false },
	{ BYTES("HTTP/1.1 204 No\r\n\r\n"), WHOLE, "204", false },
	{ BYTES("HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n"), WHOLE, "304", false },
	{ BYTES("HTTP/1.1 101 Up\r\n\r\nwords"), AT_END, "101", false },
	{ BYTES("HTTP/1.1 100 Go on\r\n\r\n"), PART, "", false },
	{ BYTES("HTTP/1.1 103 Hint\r\nContent-Length: 7\r\n\r\n" OK "Content-Length: 1\r\n\r\na"),
	  WHOLE, "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), PART, "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"), PART, "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n"), WHOLE, "200",
	  false },
	{ BYTES(OK "Transfer-Encoding: gzip, chunked\r\n\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"),
	  WHOLE, "200", false },
	{ BYTES(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), WHOLE,
	  "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"), WHOLE,
	  "200", false },
	{ BYTES(OK "Transfer-Encoding: gzip\r\n\r\nabc"), AT_END, "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"), MALFORMED, "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), MALFORMED, "200", false },
	{ BYTES(OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"), MALFORMED, "200",
	  false },
	{ BYTES("SSH-2.0-x\r\n"), MALFORMED, "", false },
	{ BYTES("HTTP/1.1 \r\n"), MALFORMED, "", false },
	{ BYTES("\r\n"), MALFORMED, "", false },
};

static const struct row redis[] = {
	{ BYTES("+PON"), PART, "", false },
	{ BYTES("+PONG\r\n"), WHOLE, "+", false },
	{ BYTES("-ERR no\r\n"), WHOLE, "-", false },
	{ BYTES(":7\r\n:"), EARLIER, ":", false },
	{ BYTES("$5\r\nhel\r\n"), PART, "$", false },
	{ BYTES("$5\r\nhe\r\nl\r\n"), WHOLE, "$", false },
	{ BYTES("$-1\r\n"), WHOLE, "$", false },
	{ BYTES("*-1\r\n"), WHOLE, "*", false },
	{ BYTES("*0\r\n"), WHOLE, "*", false },
	{ BYTES("*2\r\n$1\r\na\r\n"), PART, "*", false },
	{ BYTES("*2\r\n*2\r\n:1\r\n:2\r\n$1\r\na\r\n"), WHOLE, "*", false },
	{ BYTES("%1\r\n+k\r\n+v\r\n"), WHOLE, "%", false },
	{ BYTES("$x\r\n"), MALFORMED, "$", false },
	{ BYTES("*99999999999\r\n"), MALFORMED, "*", false },
	{ BYTES("HTTP/1.1 400\r\n"), MALFORMED, "", false },
};

#define READY "Z\0\0\0\5I"
#define FATAL "E\0\0\0\x1dSFATAL\0VFATAL\0C57P01\0Mx\0\0"
#define ERROR "E\0\0\0\x1aSERROR\0VERROR\0C22012\0\0"

static const struct row postgres[] = {
	{ BYTES("R\0\0"), PART, "", false },
	{ BYTES("R\0\0\0\x8\0\0\0\0" READY), WHOLE, "00000", false },
	{ BYTES("C\0\0\0\xdSELECT 1\0"), PART, "", false },
	{ BYTES("C\0\0\0\xdSELECT 1\0" READY), WHOLE, "00000", false },
	{ BYTES(ERROR READY), WHOLE, "22012", false },
	{ BYTES(FATAL), PART, "57P01", true },
	{ BYTES("I\0\0\0\4" READY "Z"), EARLIER, "00000", false },
	{ BYTES("Z\0\0\0\3"), MALFORMED, "", false },
	{ BYTES("Z\x7f\0\0\3"), MALFORMED, "", false },
	{ BYTES("\0\0\0\0\5"), MALFORMED, "", false },
	{ BYTES("E\0\0\0\xa"
		"C22012"),
	  PART, "", false },
};

static void check(const struct answer *answer, const struct row *row, size_t taken)
{
	assert_string_equal(answer->status, row->status);
	assert_int_equal(answer->says_close, row->says_close);
	assert_int_equal(answer->is_malformed, row->expected == MALFORMED);
	assert_int_equal(answer->is_whole, row->expected == WHOLE || row->expected == EARLIER);
	assert_int_equal(taken < row->size, row->expected == EARLIER);
}

/* The bytes in a heap block of their size, so that reading beyond them is seen. */
static size_t feed(struct answer *answer, const char *bytes, size_t size)
{
	char *copy = malloc(size ? size : 1);
	size_t taken;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	taken = answer_feed(answer, copy, size);
	free(copy);
	return taken;
}

/* In two parts, cut at each place. */
static void run_split(const struct row *row, enum protocol protocol, size_t cut)
{
	struct answer answer;
	size_t taken;

	answer_init(&answer, protocol);
	taken = feed(&answer, row->bytes, cut);
	if (taken == cut)
		taken += feed(&answer, row->bytes + cut, row->size - cut);
	check(&answer, row, taken);
	answer_end(&answer);
	assert_int_equal(answer.is_whole, row->expected == WHOLE || row->expected == EARLIER ||
						  row->expected == AT_END);
}

static void run_bytes(const struct row *row, enum protocol protocol)
{
	struct answer answer;
	size_t i, taken = 0;

	answer_init(&answer, protocol);
	for (i = 0; i < row->size; i++)
		taken += feed(&answer, row->bytes + i, 1);
	check(&answer, row, taken);
}

static void run(const struct row *rows, size_t n, enum protocol protocol)
{
	size_t i, cut;

	for (i = 0; i < n; i++) {
		for (cut = 0; cut <= rows[i].size; cut++)
			run_split(&rows[i], protocol, cut);
		run_bytes(&rows[i], protocol);
	}
}

static void test_http(void **state)
{
	(void)state;
	run(http, sizeof(http) / sizeof(http[0]), PROTOCOL_HTTP);
}

static void test_redis(void **state)
{
	(void)state;
	run(redis, sizeof(redis) / sizeof(redis[0]), PROTOCOL_REDIS);
}

static void test_postgres(void **state)
{
	(void)state;
	run(postgres, sizeof(postgres) / sizeof(postgres[0]), PROTOCOL_POSTGRES);
}

/* A head without end is given up; a long header is not, unless it is one that counts. */
static void test_bounds(void **state)
{
	static char bytes[2 * ANSWER_HEAD_MAX];
	struct answer answer;
	int size;

	(void)state;
	size = snprintf(bytes, sizeof(bytes), OK "X: %0*d\r\nContent-Length: 1\r\n\r\na",
			ANSWER_HEAD_MAX / 2, 7);
	answer_init(&answer, PROTOCOL_HTTP);
	assert_int_equal(answer_feed(&answer, bytes, (size_t)size), size);
	assert_true(answer.is_whole);

	size = snprintf(bytes, sizeof(bytes), OK "Connection: %0*d\r\n", ANSWER_KEEP_BYTES, 7);
	answer_init(&answer, PROTOCOL_HTTP);
	answer_feed(&answer, bytes, (size_t)size);
	assert_true(answer.is_malformed);

	size = snprintf(bytes, sizeof(bytes), OK "X: %0*d", ANSWER_HEAD_MAX, 7);
	answer_init(&answer, PROTOCOL_HTTP);
	answer_feed(&answer, bytes, (size_t)size);
	assert_true(answer.is_malformed);
}

static void test_password(void **state)
{
	struct answer answer;

	(void)state;
	answer_init(&answer, PROTOCOL_POSTGRES);
	feed(&answer, BYTES("R\0\0\0\xc\0\0\0\5salt"));
	assert_true(answer.wants_password);
	answer_init(&answer, PROTOCOL_POSTGRES);
	feed(&answer, BYTES("R\0\0\0\x8\0\0\0\0"));
	assert_false(answer.wants_password);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http),	 cmocka_unit_test(test_redis),
		cmocka_unit_test(test_postgres), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
