/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of a stop, for tests to bend and to tell. Times are milliseconds after T0, and may be
 * negative. All belong to service 1 in generation 1 until a test says otherwise.
 */
#ifndef SHUTWATCH_STORY_H
#define SHUTWATCH_STORY_H

#include <stdint.h>

#include "src/model/shutdown.h"

#define STORY_T0 5000000000000ULL
#define STORY_MS 1000000LL
#define STORY_SYSTEMD 1 /* a sender outside the service */

/* Exit statuses as wait(2) reports them. */
#define STORY_CODE(code) ((uint32_t)(code) << 8)
#define STORY_DEATH(signal) ((uint32_t)(signal))

uint64_t story_ns(int64_t at_ms);
struct process_id story_id(uint32_t pid);

/* Only the header is filled: its type, the size of that type, and the time. */
union event story_event(enum event_type type, int64_t at_ms);

/* Delivered as far as the kernel knows, and with a handler. */
union event story_signal(int64_t at_ms, uint32_t target, int signal, uint32_t sender,
			 uint32_t flags);
union event story_delivered(int64_t at_ms, uint32_t pid, int signal);
union event story_process(uint32_t pid, uint32_t parent);
union event story_exit(int64_t at_ms, uint32_t pid, uint32_t status);
/* On 0.0.0.0, with a cookie that goes with the port. */
union event story_listener(int64_t at_ms, enum listener_change change, uint16_t port);
union event story_connection(int64_t at_ms, uint64_t cookie, enum connection_outcome outcome);
union event story_ended(int64_t at_ms, enum ended_reason reason);

/* A shutdown to which nothing was told yet. Aborts when memory runs out. */
struct shutdown *story_begin(void);
/* Fails the test if the shutdown does not take it. */
void story_tell(struct shutdown *shutdown, union event event);

#endif
