/* SPDX-License-Identifier: GPL-2.0-only */
/* A store of its own for each test: a directory that comes and goes with it. */
#ifndef SHUTWATCH_SHELF_H
#define SHUTWATCH_SHELF_H

#include "src/store/store.h"

/* For cmocka_unit_test_setup_teardown(): the state is the directory. */
int shelf_setup(void **state);
int shelf_teardown(void **state);

/* Valid until the next call. */
const char *shelf_path(void *directory);
/* Opens it for writing; the caller closes. */
struct store *shelf_open(void *directory);

void shelf_put(struct store *store, const char *id, const char *service, int64_t wall_ns,
	       enum verdict verdict);
/* `n` clean ones of one process each, at 1000, 2000, … */
void shelf_fill(struct store *store, int n);

size_t shelf_count(struct store *store);
/* The last letters of the ids that the filter finds, in order. Owned by the caller. */
char *shelf_letters(struct store *store, const struct store_filter *filter);

#endif
