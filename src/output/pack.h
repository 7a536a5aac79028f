/* SPDX-License-Identifier: GPL-2.0-only */
/* For views that json_pack() their JSON: the values it does not know, and one line of text. */
#ifndef SHUTWATCH_PACK_H
#define SHUTWATCH_PACK_H

#include <jansson.h>
#include <stdint.h>

/* New references; NULL when memory ran out, at which json_pack() fails in turn ("o"). */
json_t *pack_seconds(int64_t ns); /* null: TIME_UNKNOWN */
json_t *pack_time(int64_t wall_ns);
json_t *pack_signal(int signal); /* null: 0 */
json_t *pack_text(const char *string);

/* Takes the object, NULL included. One line without its end, owned by the caller, or NULL. */
char *pack_line(json_t *json);

#endif
