/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as JUnit's XML, which CI systems show: one test suite, one test case per record. */
#ifndef SHUTWATCH_JUNIT_H
#define SHUTWATCH_JUNIT_H

#include <stddef.h>

#include "src/analysis/condition.h"
#include "src/analysis/record.h"
#include "src/base/text.h"

/* Zeroed at first. */
struct junit {
	struct text cases;
	size_t tests;
	size_t failures; /* test cases that failed */
};

/*
 * Adds a case. It fails for each condition that holds; without any condition, for each finding of
 * severity error.
 */
void junit_add(struct junit *junit, const struct record *record,
	       const struct conditions *conditions);

/* The document, valid XML 1.0 in UTF-8, owned by the caller; NULL if memory ran out. */
char *junit_take(struct junit *junit);

void junit_fini(struct junit *junit);

#endif
