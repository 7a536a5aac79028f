/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the store only: which member of which struct stands in which column. One table serves
 * writing and reading, so that what is written is what is read.
 */
#ifndef SHUTWATCH_RELATION_H
#define SHUTWATCH_RELATION_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"

enum column_type {
	COLUMN_UNSIGNED, /* of 1, 2, 4 or 8 bytes */
	COLUMN_SIGNED,	 /* int */
	COLUMN_BOOL,
	COLUMN_SHARE,	 /* double, 0 to 1 */
	COLUMN_ENUM,	 /* below `limit` */
	COLUMN_TIME,	 /* from T0; NULL: TIME_UNKNOWN */
	COLUMN_WALL,	 /* CLOCK_REALTIME; NULL: TIME_UNKNOWN */
	COLUMN_TEXT,	 /* array of char */
	COLUMN_STRING,	 /* char * on the heap; NULL: NULL */
	COLUMN_ADDRESS,	 /* ADDRESS_BYTES */
	COLUMN_ANCESTRY, /* of the record_sender at the offset: names, each with a NUL behind it */
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	size_t size; /* of the member */
	unsigned int limit;
};

enum relation_id {
	RELATION_SHUTDOWNS, /* struct record */
	RELATION_PROCESSES,
	RELATION_SIGNALS, /* of one process */
	RELATION_LISTENERS,
	RELATION_CONNECTIONS,
	RELATION_OUTCOMES, /* struct outcome_count */
	RELATION_LOSSES,   /* struct loss_count */
	RELATION_WAITS,
	RELATION_FINDINGS, /* struct stored_finding */
	RELATION_EVIDENCE, /* struct stored_evidence, of one finding */
	RELATIONS,
};

/* Only those that are not 0 have a row. */
struct outcome_count {
	enum direction direction;
	enum connection_outcome outcome;
	uint64_t count;
};

struct loss_count {
	enum loss_cause cause;
	uint64_t count;
};

/* A finding without what the program itself knows of it; that program may be another version. */
struct stored_finding {
	char id[64];
	enum severity severity;
	char *summary;
	char *advice;
};

struct stored_evidence {
	char key[32];
	enum evidence_kind kind;
	int64_t number;
	char text[EVIDENCE_TEXT_BYTES];
};

struct relation {
	const char *table;
	const char *keys; /* what the rows of one record are found by, and put in order by */
	size_t n_keys;
	const struct column *columns;
	size_t n_columns;
	size_t item_size;
};

extern const struct relation relations[RELATIONS];

/* What a list shows of `shutdowns`: struct store_summary. */
extern const struct column summary_columns[];
extern const size_t n_summary_columns;

/* "a, b, c". Owned by the caller; NULL: out of memory. */
char *relation_names(const struct column *columns, size_t n_columns);

/* Binds the members of `item` to the parameters from `first` on. A result of SQLite. */
int relation_bind(sqlite3_stmt *statement, int first, const struct column *columns,
		  size_t n_columns, const void *item);

/*
 * Fills the members of the zeroed `ret_item` from the columns from `first` on. Strings that are
 * too long are cut. Returns 0, -ENOMEM, or -EBADMSG with the name of the column that is wrong.
 */
int relation_read(sqlite3_stmt *statement, int first, const struct column *columns,
		  size_t n_columns, void *ret_item, const char **ret_wrong);

#endif
