/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The values of a record in JSON. Each returns a new reference, or NULL when memory ran out;
 * object_new() and array_add() take what they are given, NULL included, and fail in turn. So a
 * failure anywhere ends as NULL at the top, and nothing is checked on the way. Unknown is null,
 * never 0.
 */
#ifndef SHUTWATCH_JSON_VALUES_H
#define SHUTWATCH_JSON_VALUES_H

#include <jansson.h>
#include <stdint.h>

/* Key, value, key, value, ..., NULL. Keeps their order. */
json_t *object_new(const char *key, ...) __attribute__((sentinel));

/* Frees the array when the value cannot be added; the array may be NULL already. */
json_t *array_add(json_t *array, json_t *value);

json_t *value_count(uint64_t count);
/* For numbers of which 0 means unknown. */
json_t *value_number(uint32_t number);
json_t *value_seconds(int64_t ns);
json_t *value_time(int64_t wall_ns);
/* One of our own words; NULL becomes null. */
json_t *value_word(const char *word);
/* A stranger's string, "" included. */
json_t *value_text(const char *string);
/* A stranger's string of which NULL or "" means unknown. */
json_t *value_known_text(const char *string);
json_t *value_signal(int signal);

#endif
