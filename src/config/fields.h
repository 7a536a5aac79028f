/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single values of the file. All take the key, for the fault, and the text; a text of NULL, which
 * the file does not say, changes nothing. All return 0, -EINVAL after a log line, or -ENOMEM.
 */
#ifndef SHUTWATCH_FIELDS_H
#define SHUTWATCH_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "src/config/outline.h"

int read_duration(const struct outline *outline, const char *key, const char *text,
		  uint64_t *ret_ns);
int read_number(const struct outline *outline, const char *key, const char *text, uint64_t min,
		uint64_t max, uint64_t *ret_number);

/* 0, or at least min. */
int read_size(const struct outline *outline, const char *key, const char *text, uint64_t min,
	      uint64_t *ret_bytes);

/* One of two words. */
int read_word(const struct outline *outline, const char *key, const char *text, const char *usual,
	      const char *other, bool *ret_is_other);

/* Replace the string with a copy, or with NULL for "none". */
int read_path(const struct outline *outline, const char *key, const char *text, char **ret_path);
int read_listen_address(const struct outline *outline, const char *key, const char *text,
			char **ret_address);

#endif
