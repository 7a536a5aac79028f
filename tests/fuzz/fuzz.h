/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers share. Each fuzz_NAME.c is one program; its seeds are in corpus/NAME. */
#ifndef SHUTWATCH_FUZZ_H
#define SHUTWATCH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* As libFuzzer calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The input up to its first NUL, as a string of its own: what reads over its end is caught. The
 * caller frees.
 */
char *fuzz_text(const uint8_t *data, size_t size);

/* The input as a regular file: its path, the same each time; valid until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Ends the program with a message, as a crash that libFuzzer keeps, unless `holds`. */
#define fuzz_require(holds)                                                                        \
	do {                                                                                       \
		if (!(holds))                                                                      \
			fuzz_fail(__FILE__, __LINE__, #holds);                                     \
	} while (0)
void fuzz_fail(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
