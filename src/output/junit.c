// SPDX-License-Identifier: GPL-2.0-only
/*
 * JUnit's XML. Names and sentences may hold a stranger's bytes: they are first made safe as for a
 * terminal (no control characters, valid UTF-8), then escaped; no CDATA, which cannot hold "]]>".
 */
#include "src/output/junit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/output/report.h"

/* What is safe already. U+FFFE and U+FFFF are UTF-8, but no characters of XML. */
static void add_escaped(struct text *text, const char *string)
{
	for (; *string; string++) {
		if (*string == '&')
			text_add(text, "&amp;");
		else if (*string == '<')
			text_add(text, "&lt;");
		else if (*string == '>')
			text_add(text, "&gt;");
		else if (*string == '"')
			text_add(text, "&quot;");
		else if (!strncmp(string, "\xef\xbf\xbe", 3) ||
			 !strncmp(string, "\xef\xbf\xbf", 3)) {
			text_add(text, "\xef\xbf\xbd");
			string += 2;
		} else {
			text_add_bytes(text, string, 1);
		}
	}
}

static void add_safe(struct text *text, const char *string)
{
	_cleanup_free_ char *safe = NULL;
	struct text buffer;

	text_init(&buffer);
	text_add_safe(&buffer, string, SIZE_MAX);
	safe = text_take(&buffer);
	if (safe)
		add_escaped(text, safe);
	else
		text->has_failed = true;
}

static void add_failure(struct text *text, const char *type, const char *message, const char *body)
{
	text_addf(text, "      <failure type=\"%s\" message=\"", type);
	add_safe(text, message);
	text_add(text, "\">");
	add_safe(text, body);
	text_add(text, "</failure>\n");
}

static void add_condition(struct text *text, const struct condition *condition,
			  const struct record *record)
{
	_cleanup_free_ char *told = NULL;
	struct text buffer;

	text_init(&buffer);
	condition_tell(condition, record, &buffer);
	told = text_take(&buffer);
	if (told)
		add_failure(text, "fail-on", told, told);
	else
		text->has_failed = true;
}

/* Returns how many there are. */
static size_t add_failures(struct text *text, const struct record *record,
			   const struct conditions *conditions)
{
	size_t failures = 0;

	for (size_t i = 0; i < conditions->count; i++) {
		if (condition_holds(&conditions->items[i], record)) {
			add_condition(text, &conditions->items[i], record);
			failures++;
		}
	}
	for (size_t i = 0; i < record->n_findings && !conditions->count; i++) {
		const struct finding *finding = &record->findings[i];

		if (finding->row->severity == SEVERITY_ERROR) {
			add_failure(text, finding->row->id, finding->summary, finding->advice);
			failures++;
		}
	}
	return failures;
}

void junit_add(struct junit *junit, const struct record *record,
	       const struct conditions *conditions)
{
	const struct report_style style = { .use_unicode = true };
	_cleanup_free_ char *report = report_from_record(record, &style);
	struct text *text = &junit->cases;

	text_add(text, "    <testcase classname=\"shutwatch\" name=\"");
	add_safe(text, record->service.name);
	if (junit->tests) /* a service may stop more than once: a name is a name of one case only */
		text_addf(text, " (%zu)", junit->tests + 1);
	text_add(text, "\"");
	if (record->timing.total_ns >= 0) /* TIME_UNKNOWN is not */
		text_addf(text, " time=\"%.9f\"", (double)record->timing.total_ns / 1e9);
	text_add(text, ">\n");
	junit->tests++;
	junit->failures += add_failures(text, record, conditions) > 0;
	text_add(text, "      <system-out>");
	if (report)
		add_escaped(text, report);
	else
		text->has_failed = true;
	text_add(text, "</system-out>\n    </testcase>\n");
}

/* A file without a case would be green: nobody has judged anything. */
static const char nothing[] =
	"    <testcase classname=\"shutwatch\" name=\"a shutdown\">\n"
	"      <error type=\"nothing\" message=\"no shutdown is on record\"/>\n"
	"    </testcase>\n";

char *junit_take(struct junit *junit)
{
	bool is_empty;
	_cleanup_free_ char *cases = text_take(&junit->cases);
	struct text text;

	if (!cases)
		return NULL;
	is_empty = !junit->tests;
	text_init(&text);
	text_addf(&text,
		  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		  "  <testsuite name=\"shutwatch\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" "
		  "skipped=\"0\">\n",
		  junit->tests + is_empty, junit->failures, is_empty);
	text_add(&text, is_empty ? nothing : cases);
	text_add(&text, "  </testsuite>\n</testsuites>\n");
	return text_take(&text);
}

void junit_fini(struct junit *junit)
{
	text_fini(&junit->cases);
}
