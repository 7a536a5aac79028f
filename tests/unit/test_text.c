/* SPDX-License-Identifier: GPL-2.0-only */
/* The text buffer, and what strangers' bytes become on a terminal and in JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

static void assert_safe(const char *string, size_t columns, const char *expected)
{
	_cleanup_free_ char *safe = NULL;
	struct text text;

	text_init(&text);
	text_add_safe(&text, string, columns);
	safe = text_take(&text);
	assert_non_null(safe);
	assert_string_equal(safe, expected);
	assert_true(text_columns(safe) <= columns);
}

static void assert_valid(const char *bytes, size_t size, const char *expected)
{
	_cleanup_free_ char *valid = text_valid_utf8(bytes, size);

	assert_non_null(valid);
	assert_string_equal(valid, expected);
}

static void test_take_of_nothing(void **state)
{
	_cleanup_free_ char *string = NULL;
	struct text text;

	(void)state;
	text_init(&text);
	text_add(&text, "");
	text_add_bytes(&text, NULL, 0);
	text_add_repeated(&text, "x", 0);
	string = text_take(&text);
	assert_string_equal(string, "");
	assert_null(text.bytes);
}

static void test_add(void **state)
{
	_cleanup_free_ char *string = NULL;
	struct text text;

	(void)state;
	text_init(&text);
	text_add(&text, "a");
	text_addf(&text, "%d-%s", 42, "b");
	text_addf(&text, "%s", "");
	text_add_bytes(&text, "cdef", 2);
	text_add_repeated(&text, "→", 3);
	assert_int_equal(text.size, strlen("a42-bcd→→→"));
	string = text_take(&text);
	assert_string_equal(string, "a42-bcd→→→");
	assert_int_equal(text.size, 0);
}

/* Each size once, so that every boundary of the capacity is met. */
static void test_growth(void **state)
{
	_cleanup_free_ char *string = NULL;
	struct text text;
	size_t size = 0;

	(void)state;
	text_init(&text);
	for (int i = 0; i < 3000; i++) {
		text_addf(&text, "%c", 'a' + i % 26);
		text_add(&text, "z");
		size += 2;
		assert_int_equal(text.size, size);
		assert_int_equal(text.bytes[size], '\0');
		assert_true(text.size < text.capacity);
	}
	string = text_take(&text);
	assert_int_equal(strlen(string), size);
	text_init(&text);
	text_addf(&text, "%*d", 100000, 7);
	assert_int_equal(text.size, 100000);
	text_fini(&text);
	assert_null(text.bytes);
}

static void test_failure_is_remembered(void **state)
{
	struct text text;

	(void)state;
	text_init(&text);
	text_add(&text, "kept");
	text.has_failed = true;
	text_add(&text, "x");
	text_addf(&text, "%d", 1);
	text_add_repeated(&text, "y", SIZE_MAX);
	text_add_safe(&text, "\033", 10);
	assert_int_equal(text.size, 4);
	assert_null(text_take(&text));
	assert_null(text.bytes);
}

static void test_safe_harmless(void **state)
{
	(void)state;
	assert_safe("", 10, "");
	assert_safe("nginx: worker", 20, "nginx: worker");
	assert_safe("caffè-日本-🦀", 20, "caffè-日本-🦀");
	assert_safe("a\\b~", 10, "a\\b~");
}

static void test_safe_controls(void **state)
{
	(void)state;
	assert_safe("\033[2Jx", 40, "\\x1b[2Jx");
	assert_safe("a\nb\r\t", 40, "a\\x0ab\\x0d\\x09");
	assert_safe("\x01\x7f", 40, "\\x01\\x7f");
	assert_safe("\xc2\x9bm", 40, "\\xc2\\x9bm"); /* C1: CSI in UTF-8 */
	assert_safe("\xc2\xa0", 40, "\xc2\xa0");     /* the first after C1 */
}

static void test_safe_bidi(void **state)
{
	(void)state;
	assert_safe("\u202e", 40, "\\xe2\\x80\\xae");
	assert_safe("\u202a", 40, "\\xe2\\x80\\xaa");
	assert_safe("\u2066x\u2069", 40, "\\xe2\\x81\\xa6x\\xe2\\x81\\xa9");
	assert_safe("\u061c", 40, "\\xd8\\x9c");
	assert_safe("\u200e\u200f", 40, "\\xe2\\x80\\x8e\\xe2\\x80\\x8f");
	assert_safe("עברית", 40, "עברית"); /* a script is no attack */
}

static void test_safe_invalid(void **state)
{
	(void)state;
	assert_safe("\xff\xfe", 40, "\\xff\\xfe");
	assert_safe("a\x80", 40, "a\\x80");
	assert_safe("\xc3", 40, "\\xc3");
	assert_safe("\xe2\x82", 40, "\\xe2\\x82");
	assert_safe("\xe2(x", 40, "\\xe2(x");
	assert_safe("\xc0\xaf", 40, "\\xc0\\xaf");		     /* overlong "/" */
	assert_safe("\xe0\x80\xaf", 40, "\\xe0\\x80\\xaf");	     /* the same in three */
	assert_safe("\xed\xa0\x80", 40, "\\xed\\xa0\\x80");	     /* a surrogate */
	assert_safe("\xf4\x90\x80\x80", 40, "\\xf4\\x90\\x80\\x80"); /* U+110000 */
	assert_safe("\xf4\x8f\xbf\xbf", 40, "\xf4\x8f\xbf\xbf");
}

static void test_safe_cut(void **state)
{
	(void)state;
	assert_safe("abcdef", 6, "abcdef");
	assert_safe("abcdef", 5, "abcd~");
	assert_safe("abcdef", 1, "~");
	assert_safe("abcdef", 0, "");
	assert_safe("", 0, "");
	assert_safe("日本語", 2, "日~");
	assert_safe("ab\033", 6, "ab\\x1b");
	assert_safe("ab\033", 5, "ab~");
	assert_safe("ab\033c", 6, "ab~"); /* an escape is not cut in two */
	assert_safe("\u202e", 11, "~");
}

static void test_columns(void **state)
{
	(void)state;
	assert_int_equal(text_columns(""), 0);
	assert_int_equal(text_columns("abc"), 3);
	assert_int_equal(text_columns("━━▶"), 3);
	assert_int_equal(text_columns("🦀"), 1);
}

static void test_valid_utf8(void **state)
{
	(void)state;
	assert_valid("", 0, "");
	assert_valid("abc", 3, "abc");
	assert_valid("abc", 2, "ab");
	assert_valid("a\0b", 3, "a");
	assert_valid("\033\n", 2, "\033\n"); /* valid, if not pretty: JSON escapes it */
	assert_valid("日本", 6, "日本");
	assert_valid("日本", 5, "日\ufffd\ufffd");
	assert_valid("\xffz\xc0\xaf", 4, "\ufffdz\ufffd\ufffd");
	assert_valid("\xed\xa0\x80", 3, "\ufffd\ufffd\ufffd");
}

/* No byte, and no pair of bytes, leads to anything that a terminal or JSON could mind. */
static void test_every_pair(void **state)
{
	(void)state;
	for (unsigned int pair = 0x0101; pair <= 0xffff; pair++) {
		char bytes[3] = { (char)(pair >> 8), (char)pair, '\0' };
		_cleanup_free_ char *again = NULL;
		_cleanup_free_ char *valid = NULL;
		_cleanup_free_ char *safe = NULL;
		struct text text;

		text_init(&text);
		text_add_safe(&text, bytes, 8);
		safe = text_take(&text);
		for (const char *c = safe; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
		again = text_valid_utf8(safe, strlen(safe));
		assert_string_equal(safe, again);
		valid = text_valid_utf8(bytes, sizeof(bytes));
		free(again);
		again = text_valid_utf8(valid, strlen(valid));
		assert_string_equal(valid, again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_of_nothing),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_safe_harmless),
		cmocka_unit_test(test_safe_controls),
		cmocka_unit_test(test_safe_bidi),
		cmocka_unit_test(test_safe_invalid),
		cmocka_unit_test(test_safe_cut),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_valid_utf8),
		cmocka_unit_test(test_every_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
