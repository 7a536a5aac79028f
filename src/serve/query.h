/* SPDX-License-Identifier: GPL-2.0-only */
/* The query of /api/v1/shutdowns: keys and values -> a filter, and the link to the next page. */
#ifndef SHUTWATCH_QUERY_H
#define SHUTWATCH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"
#include "src/store/store.h"

#define QUERY_LIMIT_DEFAULT 100
#define QUERY_LIMIT_MAX 1000
#define QUERY_FINDING_BYTES 64
#define QUERY_FAULT_BYTES 160

struct query {
	char service[NAME_BYTES + 1];	   /* "": any */
	char finding[QUERY_FINDING_BYTES]; /* "": any */
	uint32_t verdicts;		   /* bit 1 << enum verdict; 0: any */
	bool has_since;
	bool has_until;
	int64_t since_wall_ns;
	int64_t until_wall_ns;
	size_t limit;			 /* 0: none given */
	char before_id[RECORD_ID_BYTES]; /* "": newest */
};

/*
 * Takes one key with its value into a query that was zeroed before the first. `outcome` may come
 * several times. Returns 0, or -EINVAL after ret_fault says what is wrong; it may quote the client.
 */
int query_set(struct query *query, const char *key, const char *value,
	      char ret_fault[QUERY_FAULT_BYTES]);

/* The filter of it. Points into the query. The limit is one more than the page: is there more? */
struct store_filter query_filter(const struct query *query);

/* How many a page has. */
size_t query_limit(const struct query *query);

/* Path and query of the page that follows the record `last_id`. Owned by the caller; NULL: out of
 * memory. */
char *query_next(const struct query *query, const char *last_id);

/* Is it 26 characters that a ULID may have? */
bool query_is_id(const char *text);

/* RFC 3339, or seconds since 1970 with up to nine decimals. Returns 0 or -EINVAL. */
int query_time(const char *text, int64_t *ret_wall_ns);

#endif
