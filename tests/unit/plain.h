/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests that valgrind cannot run: it is in the way, and they are skipped by name. */
#ifndef SHUTWATCH_PLAIN_H
#define SHUTWATCH_PLAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* why: what valgrind does that the test would see, or what the test does that valgrind would. */
static inline void skip_under_valgrind(const char *why)
{
	(void)why;
	if (getenv("SHUTWATCH_VALGRIND"))
		skip();
}

#endif
