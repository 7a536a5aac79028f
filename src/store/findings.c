/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings on disk. A stored finding is one of another version's table: where this version knows
 * its id the row is ours, else the finding brings a row of its own, so that an upgrade and the way
 * back lose nothing.
 *
 * What a finding points to and does not free (that row, the keys of its evidence) stands behind
 * its summary, in the same allocation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/store/database.h"

/* As it is stored; the strings stay the finding's. */
static struct stored_finding store_finding(const struct finding *finding)
{
	struct stored_finding stored = {
		.severity = finding->row->severity,
		.summary = finding->summary,
		.advice = finding->advice,
	};

	strncpy(stored.id, finding->row->id, sizeof(stored.id) - 1);
	return stored;
}

static int insert_evidence(struct store *store, const int64_t *keys, const struct finding *finding)
{
	struct stored_evidence stored[EVIDENCE_MAX] = {};

	for (size_t i = 0; i < finding->n_evidence; i++) {
		const struct evidence *evidence = &finding->evidence[i];

		strncpy(stored[i].key, evidence->key, sizeof(stored[i].key) - 1);
		stored[i].kind = evidence->kind;
		stored[i].number = evidence->number;
		memcpy(stored[i].text, evidence->text, sizeof(stored[i].text));
	}
	return database_insert_items(store, RELATION_EVIDENCE, keys, stored, finding->n_evidence);
}

int database_insert_findings(struct store *store, int64_t number, const struct record *record)
{
	_cleanup_free_ struct stored_finding *stored =
		calloc(record->n_findings + 1, sizeof(*stored));
	int err = stored ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < record->n_findings; i++)
		stored[i] = store_finding(&record->findings[i]);
	if (!err)
		err = database_insert_items(store, RELATION_FINDINGS, &number, stored,
					    record->n_findings);
	for (size_t i = 0; !err && i < record->n_findings; i++) {
		const int64_t keys[] = { number, (int64_t)i };

		err = insert_evidence(store, keys, &record->findings[i]);
	}
	return err;
}

/* --- and back ------------------------------------------------------------------------------- */

/* Behind the summary of a finding that was read. */
struct annex {
	struct finding_row row; /* where this version has none */
	char id[sizeof(((struct stored_finding *)NULL)->id)];
	char keys[EVIDENCE_MAX][sizeof(((struct stored_evidence *)NULL)->key)];
};

static bool never_holds(const struct record *record, struct finding *finding)
{
	(void)record;
	(void)finding;
	return false;
}

static void fill_row(struct annex *annex, const struct stored_finding *stored)
{
	memcpy(annex->id, stored->id, sizeof(annex->id));
	annex->row = (struct finding_row){
		.id = annex->id,
		.severity = stored->severity,
		.meaning = "A finding of another version of shutwatch.",
		.signature = "",
		.advice = "",
		.holds = never_holds,
	};
}

/* Makes `finding` of what was read, whose strings stay the caller's. 0 or -ENOMEM. */
static int restore(const struct stored_finding *stored, const struct stored_evidence *evidence,
		   size_t n_evidence, struct finding *finding)
{
	const char *summary = stored->summary ? stored->summary : "";
	size_t size = strlen(summary) + 1;
	size_t at = (size + _Alignof(struct annex) - 1) & ~(_Alignof(struct annex) - 1);
	struct annex *annex;

	finding->advice = strdup(stored->advice ? stored->advice : "");
	finding->summary = calloc(1, at + sizeof(*annex));
	if (!finding->advice || !finding->summary)
		return -ENOMEM;
	memcpy(finding->summary, summary, size);
	annex = (struct annex *)(void *)(finding->summary + at);
	fill_row(annex, stored);
	finding->row = finding_row_find(stored->id);
	if (!finding->row)
		finding->row = &annex->row;
	finding->n_evidence = n_evidence;
	for (size_t i = 0; i < n_evidence; i++) {
		memcpy(annex->keys[i], evidence[i].key, sizeof(annex->keys[i]));
		finding->evidence[i].key = annex->keys[i];
		finding->evidence[i].kind = evidence[i].kind;
		finding->evidence[i].number = evidence[i].number;
		memcpy(finding->evidence[i].text, evidence[i].text, sizeof(evidence[i].text));
	}
	return 0;
}

static int load_finding(struct store *store, const int64_t *keys,
			const struct stored_finding *stored, struct finding *finding)
{
	_cleanup_free_ struct stored_evidence *evidence = NULL;
	size_t n_evidence = 0;
	int err = database_load_items(store, RELATION_EVIDENCE, keys, (void **)&evidence,
				      &n_evidence);

	if (!err && n_evidence > EVIDENCE_MAX)
		err = database_reject(store, "evidence: more than any finding has");
	return err ? err : restore(stored, evidence, n_evidence, finding);
}

int database_load_findings(struct store *store, int64_t number, struct record *record)
{
	_cleanup_free_ struct stored_finding *stored = NULL;
	size_t n = 0;
	int err = database_load_items(store, RELATION_FINDINGS, &number, (void **)&stored, &n);

	if (!err && n) {
		record->findings = calloc(n, sizeof(*record->findings));
		err = record->findings ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		const int64_t keys[] = { number, (int64_t)i };

		if (!err)
			err = load_finding(store, keys, &stored[i],
					   &record->findings[record->n_findings++]);
		free(stored[i].summary);
		free(stored[i].advice);
	}
	return err;
}
