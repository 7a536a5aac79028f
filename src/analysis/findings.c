// SPDX-License-Identifier: GPL-2.0-only
/* Asks every row of the table, and sorts what holds. The rows themselves are elsewhere. */
#include "src/analysis/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

static const struct finding_row rows[] = {};

const struct finding_row *finding_rows(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(rows);
	return rows;
}

const struct finding_row *finding_row_find(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
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
	if (!row->holds(record, finding))
		return 0;
	if (finding->summary && !finding->advice)
		finding->advice = strdup(row->advice);
	return finding->summary && finding->advice ? 1 : -ENOMEM;
}

int findings_of(struct record *record)
{
	int held = 0;

	findings_clear(record);
	record->findings = calloc(ARRAY_SIZE(rows) + 1, sizeof(*record->findings));
	if (!record->findings)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(rows) && held >= 0; i++) {
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
