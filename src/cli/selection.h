/* SPDX-License-Identifier: GPL-2.0-only */
/* Which records of the store are meant, in the words of the command line. */
#ifndef SHUTWATCH_SELECTION_H
#define SHUTWATCH_SELECTION_H

#include "src/capture/roster.h"
#include "src/store/store.h"

/*
 * Narrows the filter by one word and its value: service, since, until, outcome (each adds one),
 * finding, n. The value stays the caller's. Returns NULL, or what is wrong with it.
 */
const char *selection_set(struct store_filter *filter, const char *key, const char *value);

/* "service=orders,since=7d": the same, joined by commas. Cuts `expression` into pieces. */
const char *selection_parse(char *expression, struct store_filter *ret_filter);

/*
 * The one id that is meant by `name`: "last", or the beginning of an id. Returns 0, or -errno
 * after a line in the log.
 */
int selection_id(struct store *store, const char *name, char ret_id[RECORD_ID_BYTES]);

/* Nothing that runs matches the target: says so in the log. */
void selection_complain(const struct selector *selector);

#endif
