/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of presentable.h. Says nothing of the contents of a report. */
#include "tests/unit/presentable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

/* Counts characters of the widest line; a colour takes none. */
static size_t widest_line(const char *report)
{
	size_t widest = 0;
	size_t columns = 0;

	for (const char *c = report; *c; c++) {
		if (*c == '\033') {
			c += strcspn(c, "m");
			continue;
		}
		columns = *c == '\n' ? 0 : columns + (((unsigned char)*c & 0xc0) != 0x80);
		widest = columns > widest ? columns : widest;
	}
	return widest;
}

/* Valid UTF-8 without control characters, spaces at the ends of lines, or lines too wide. */
static void assert_presentable(const char *report, const struct report_style *style)
{
	_cleanup_free_ char *valid = text_valid_utf8(report, strlen(report));

	assert_string_equal(report, valid);
	assert_true(widest_line(report) <= (style->columns ? style->columns : 100));
	assert_null(strstr(report, " \n"));
	assert_null(strstr(report, "\n\n\n"));
	assert_int_equal(report[strlen(report) - 1], '\n');
	for (const char *c = report; *c; c++) {
		assert_true((unsigned char)*c >= 0x20 || *c == '\n' ||
			    (*c == '\033' && style->use_colour));
		assert_true(*c != 0x7f);
		if (!style->use_unicode)
			assert_true((unsigned char)*c < 0x80);
	}
}

char *presentable_report(const struct record *record, const struct report_style *style)
{
	char *report = report_from_record(record, style);

	assert_non_null(report);
	assert_presentable(report, style);
	return report;
}

void assert_presentable_anywhere(const struct record *record, bool is_ascii)
{
	static const size_t widths[] = { 40, 41, 56, 80, 99, 100 };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		for (int look = 0; look < 4; look++) {
			const struct report_style style = {
				.use_unicode = look & 1 || !is_ascii,
				.use_colour = look & 2,
				.columns = widths[i],
			};
			_cleanup_free_ char *report = presentable_report(record, &style);
		}
	}
}
