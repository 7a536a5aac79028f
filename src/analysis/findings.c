// SPDX-License-Identifier: GPL-2.0-only
/* Asks every row of the table, and sorts what holds. The rows themselves are elsewhere. */
#include "src/analysis/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct finding_row *finding_row_find(const char *id)
{
	size_t n_rows;
	const struct finding_row *rows = finding_rows(&n_rows);

	for (size_t i = 0; i < n_rows; i++) {
		if (strcmp(rows[i].id, id) == 0)
			return &rows[i];
	}
	return NULL;
}

static void findings_clear(struct record *record)
{
	for (size_t i = 0; i < record->n_findings; i++)
		finding_fini(&record->findings[i]);
	free(record->findings);
	record->findings = NULL;
	record->n_findings = 0;
}

/* The rows stand in one table: their order is that of their addresses. */
static int compare(const void *left, const void *right)
{
	const struct finding *a = left, *b = right;

	if (a->row->severity != b->row->severity)
		return a->row->severity < b->row->severity ? 1 : -1;
	return (a->row > b->row) - (a->row < b->row);
}

static int ask(const struct record *record, const struct finding_row *row, struct finding *finding)
{
	finding->row = row;
	if (!row->holds || !row->holds(record, finding))
		return 0;
	if (finding->summary && !finding->advice)
		finding->advice = strdup(row->advice);
	return finding->summary && finding->advice && !finding->has_failed ? 1 : -ENOMEM;
}

int findings_of(struct record *record)
{
	size_t n_rows;
	const struct finding_row *rows = finding_rows(&n_rows);
	int held = 0;

	findings_clear(record);
	record->findings = calloc(n_rows, sizeof(*record->findings));
	if (!record->findings)
		return -ENOMEM;
	for (size_t i = 0; i < n_rows && held >= 0; i++) {
		struct finding *finding = &record->findings[record->n_findings];

		held = ask(record, &rows[i], finding);
		if (held > 0)
			record->n_findings++;
		else
			finding_fini(finding);
	}
	if (held < 0) {
		findings_clear(record);
		return held;
	}
	qsort(record->findings, record->n_findings, sizeof(*record->findings), compare);
	return 0;
}
