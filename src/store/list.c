/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding records. A list reads `shutdowns` in the order of its index on id: an id begins
 * with the time. What the user typed is bound, never written into SQL.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/store/database.h"

/* GLOB knows sets as well; a bracket is a bracket here. */
static char *glob_pattern(const char *service)
{
	struct text text;

	text_init(&text);
	text_add(&text, "");
	for (; *service; service++) {
		if (*service == '[')
			text_add(&text, "[[]");
		else
			text_add_bytes(&text, service, 1);
	}
	return text_take(&text);
}

/* The parameters are numbered as in bind_filter(). */
static char *list_sql(const struct store_filter *filter, const char *names)
{
	struct text text;

	text_init(&text);
	text_addf(&text, "SELECT %s FROM shutdowns WHERE 1", names);
	if (filter->service)
		text_addf(&text, " AND service %s ?1",
			  strpbrk(filter->service, "*?") ? "GLOB" : "=");
	if (filter->verdicts)
		text_add(&text, " AND (1 << outcome) & ?2");
	if (filter->since_wall_ns)
		text_add(&text, " AND trigger_wall_ns >= ?3");
	if (filter->until_wall_ns)
		text_add(&text, " AND trigger_wall_ns < ?4");
	if (filter->before_id)
		text_add(&text, " AND id < ?5");
	if (filter->finding)
		text_add(&text, " AND EXISTS (SELECT 1 FROM findings AS f WHERE "
				"f.shutdown = number AND f.id = ?6)");
	text_addf(&text, " ORDER BY id %s LIMIT ?7", filter->is_oldest_first ? "ASC" : "DESC");
	return text_take(&text);
}

/* A parameter that the statement does not use may be bound all the same. */
static int bind_filter(sqlite3_stmt *statement, const struct store_filter *filter)
{
	bool is_glob = filter->service && strpbrk(filter->service, "*?");
	_cleanup_free_ char *pattern = is_glob ? glob_pattern(filter->service) : NULL;
	const char *const texts[] = { [1] = is_glob ? pattern : filter->service,
				      [5] = filter->before_id,
				      [6] = filter->finding };
	const int64_t numbers[] = {
		[2] = filter->verdicts,
		[3] = filter->since_wall_ns,
		[4] = filter->until_wall_ns,
		[7] = filter->limit && filter->limit < INT64_MAX ? (int64_t)filter->limit : -1,
	};
	int result = is_glob && !pattern ? SQLITE_NOMEM : SQLITE_OK;

	for (int i = 1; i <= 7 && result == SQLITE_OK; i++) {
		if (i == 1 || i == 5 || i == 6)
			result = sqlite3_bind_text(statement, i, texts[i], -1, SQLITE_TRANSIENT);
		else
			result = sqlite3_bind_int64(statement, i, numbers[i]);
	}
	return result;
}

/* In order, each once: a damaged index must not send the reader round in a circle. */
static int check_order(struct store *store, const struct store_filter *filter, const char *last,
		       const char *id)
{
	int order = strcmp(id, last);

	if (!last[0] || (filter->is_oldest_first ? order > 0 : order < 0))
		return 0;
	return database_reject(store, "the index of shutdowns is out of order");
}

static int visit_rows(struct store *store, sqlite3_stmt *statement,
		      const struct store_filter *filter, store_visit visit, void *context)
{
	char last[RECORD_ID_BYTES] = "";
	int err;

	while ((err = database_step(store, statement)) > 0) {
		struct store_summary summary = {};
		const char *wrong = "";

		err = relation_read(statement, 0, summary_columns, n_summary_columns, &summary,
				    &wrong);
		if (err == -EBADMSG)
			err = database_reject(store, "shutdowns.%s: impossible value", wrong);
		if (!err)
			err = check_order(store, filter, last, summary.id);
		if (!err)
			err = visit(context, &summary);
		if (err)
			return err;
		memcpy(last, summary.id, sizeof(last));
	}
	return err;
}

int store_list(struct store *store, const struct store_filter *filter, store_visit visit,
	       void *context)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	_cleanup_free_ char *names = relation_names(summary_columns, n_summary_columns);
	_cleanup_free_ char *sql = names ? list_sql(filter, names) : NULL;
	int err = sql ? database_prepare(store, &statement, sql) : -ENOMEM;

	if (!err)
		err = database_fail(store, bind_filter(statement, filter));
	return err ? err : visit_rows(store, statement, filter, visit, context);
}

int store_count_findings(struct store *store, const struct store_filter *filter,
			 store_visit_finding visit, void *context)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	_cleanup_free_ char *numbers = list_sql(filter, "number");
	_cleanup_free_ char *sql = NULL;
	int err;

	if (!numbers || asprintf(&sql,
				 "SELECT id, count(DISTINCT shutdown) FROM findings "
				 "WHERE shutdown IN (%s) GROUP BY id",
				 numbers) < 0)
		return -ENOMEM;
	err = database_prepare(store, &statement, sql);
	if (!err)
		err = database_fail(store, bind_filter(statement, filter));
	if (err)
		return err;
	while ((err = database_step(store, statement)) > 0) {
		const unsigned char *id = sqlite3_column_text(statement, 0);

		err = visit(context, id ? (const char *)id : "",
			    (uint64_t)sqlite3_column_int64(statement, 1));
		if (err)
			return err;
	}
	return err;
}

static int no_record(struct store *store, int err, const char *what)
{
	snprintf(store->fault, sizeof(store->fault), "%s", what);
	return err;
}

static void copy_id(sqlite3_stmt *statement, char ret_id[RECORD_ID_BYTES])
{
	const unsigned char *id = sqlite3_column_text(statement, 0);

	snprintf(ret_id, RECORD_ID_BYTES, "%s", id ? (const char *)id : "");
}

int store_last_id(struct store *store, char ret_id[RECORD_ID_BYTES])
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	int err = database_prepare(store, &statement,
				   "SELECT id FROM shutdowns ORDER BY id DESC LIMIT 1");

	if (!err)
		err = database_step(store, statement);
	if (err == 0)
		return no_record(store, -ENOENT, "there is no record yet");
	if (err < 0)
		return err;
	copy_id(statement, ret_id);
	return 0;
}

/* What sorts behind every id with this prefix: '~' is behind all letters. */
static int bind_prefix(struct store *store, const char *prefix)
{
	char from[RECORD_ID_BYTES] = "", to[RECORD_ID_BYTES + 1];
	size_t length = strlen(prefix);
	int result;

	if (length == 0 || length >= RECORD_ID_BYTES)
		return -ENOENT;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)prefix[i]))
			return -ENOENT;
		from[i] = (char)toupper((unsigned char)prefix[i]);
	}
	snprintf(to, sizeof(to), "%s~", from);
	result = sqlite3_bind_text(store->find, 1, from, -1, SQLITE_TRANSIENT);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(store->find, 2, to, -1, SQLITE_TRANSIENT);
	return database_fail(store, result);
}

int store_find_id(struct store *store, const char *prefix, char ret_id[RECORD_ID_BYTES])
{
	char id[RECORD_ID_BYTES];
	int err = database_prepare(store, &store->find,
				   "SELECT id FROM shutdowns WHERE id >= ? AND id < ? "
				   "ORDER BY id LIMIT 2");

	if (!err)
		err = bind_prefix(store, prefix);
	if (!err) {
		err = database_step(store, store->find);
		err = err == 0 ? -ENOENT : err;
	}
	if (err == -ENOENT)
		return no_record(store, err, "no such record");
	if (err < 0)
		return err;
	copy_id(store->find, id);
	err = database_step(store, store->find);
	sqlite3_reset(store->find);
	if (err > 0)
		return no_record(store, -ENOTUNIQ, "more than one record begins so");
	if (!err)
		memcpy(ret_id, id, sizeof(id));
	return err;
}
