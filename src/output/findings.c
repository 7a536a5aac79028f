/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings for people. The sentences are the findings' own; here they get a mark, an order and a
 * width. The id stands behind each sentence: `shutwatch explain` takes it.
 */
#include "src/output/findings.h"

#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"

#define FINDINGS_SHOWN 40
#define PROSE_COLUMNS 1000 /* a file that we did not write may hold a whole book */
#define ADVICE_MARGIN 2	   /* as wide as a mark */

static const struct {
	const char *mark;
	const char *ascii;
	enum paint paint;
} looks[] = {
	[SEVERITY_INFO] = { "\u00b7 ", "- ", PAINT_NONE },
	[SEVERITY_WARNING] = { "? ", "? ", PAINT_DOUBT },
	[SEVERITY_ERROR] = { "\u2717 ", "! ", PAINT_BAD },
};
_Static_assert(ARRAY_SIZE(looks) == SEVERITIES, "a mark for each");

/* One change that mends several: told in full with the first of them. NULL: this is the first. */
static const struct finding *advised_before(const struct record *record,
					    const struct finding *finding)
{
	for (int severity = SEVERITIES - 1; severity >= (int)finding->row->severity; severity--) {
		for (size_t i = 0; i < record->n_findings; i++) {
			const struct finding *other = &record->findings[i];

			if ((int)other->row->severity != severity)
				continue;
			if (other == finding)
				return NULL;
			if (strcmp(other->advice, finding->advice) == 0)
				return other;
		}
	}
	return NULL;
}

static void add_advice(const struct record *record, const struct finding *finding,
		       struct text *text)
{
	const struct finding *before = advised_before(record, finding);

	if (before && finding->advice[0])
		text_addf(text, "The same as for %s.", before->row->id);
	else
		text_add_safe(text, finding->advice, PROSE_COLUMNS);
}

static void print_finding(const struct record *record, const struct finding *finding,
			  const struct report_style *style, struct text *text)
{
	enum severity severity = finding->row->severity;
	_cleanup_free_ char *sentence = NULL;
	_cleanup_free_ char *advice = NULL;
	struct text summary, change;

	text_init(&summary);
	text_add_safe(&summary, finding->summary, PROSE_COLUMNS);
	text_addf(&summary, " [%s]", finding->row->id);
	sentence = text_take(&summary);
	text_init(&change);
	add_advice(record, finding, &change);
	advice = text_take(&change);
	if (!sentence || !advice) {
		text->has_failed = true;
		return;
	}
	style_item(style, text, looks[severity].paint, 0,
		   style->use_unicode ? looks[severity].mark : looks[severity].ascii, sentence);
	if (advice[0])
		style_item(style, text, PAINT_NONE, ADVICE_MARGIN,
			   style->use_unicode ? "\u2192 " : "-> ", advice);
}

/* They come in this order from findings_of(), but not from a file of another version. */
void findings_print(const struct record *record, const struct report_style *style,
		    struct text *text)
{
	size_t shown = 0;

	if (record->n_findings)
		text_add(text, "\n");
	for (int severity = SEVERITIES - 1; severity >= 0; severity--) {
		for (size_t i = 0; i < record->n_findings && shown < FINDINGS_SHOWN; i++) {
			if ((int)record->findings[i].row->severity != severity)
				continue;
			print_finding(record, &record->findings[i], style, text);
			shown++;
		}
	}
	style_more(style, text, record->n_findings - shown);
}
