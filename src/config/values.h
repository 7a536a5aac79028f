/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of the configuration file -> numbers. */
#ifndef SHUTWATCH_VALUES_H
#define SHUTWATCH_VALUES_H

#include <stdint.h>

/* How messages tell what the parsers take. */
#define SIZE_EXAMPLES "a size such as 500MiB or 1GB"
#define SIGNAL_EXAMPLES "a signal such as USR1, SIGWINCH, RTMIN+3 or 34"

/* Decimal digits only. Returns 0, -EINVAL or -ERANGE (above max). */
int number_parse(const char *text, uint64_t max, uint64_t *ret_number);

/* "500MiB" (powers of 1024), "1GB" (powers of 1000), "4096B"; bare: bytes. As number_parse(). */
int size_parse(const char *text, uint64_t *ret_bytes);

/* A name with or without SIG, RTMIN+n, RTMAX-n, or a number from 1 to 64. 0 or -EINVAL. */
int signal_parse(const char *text, int *ret_signal);

#endif
