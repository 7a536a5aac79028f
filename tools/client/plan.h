/* SPDX-License-Identifier: GPL-2.0-only */
/* What the command line asks for. */
#ifndef SHUTWATCH_CLIENT_PLAN_H
#define SHUTWATCH_CLIENT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tools/client/answer.h"

#define TIME_NEVER UINT64_MAX

/* What a connection does. In the order in which they are opened: first those that wait for an
 * answer, so that the server has time for them. */
enum state {
	STATE_IDLE,
	STATE_STREAM,
	STATE_HALF_RESPONSE,
	STATE_IN_FLIGHT,
	STATE_HALF_REQUEST,
	STATE_SILENT,
	STATE_QUEUED,
	STATE_FLOW, /* from here on: opened all the time, not once */
	STATE_BURST,
	STATES,
};

struct request {
	char *bytes;
	size_t size;
};

struct address {
	struct sockaddr_storage storage;
	socklen_t size;
};

struct plan_state {
	uint64_t count; /* of a flow: per second */
	const char *path;
	struct request request;
};

struct plan {
	enum protocol protocol;
	const char *target_text;
	struct address target;
	struct address *sources; /* in turn; none: the kernel chooses */
	size_t n_sources;
	size_t sources_capacity;
	struct plan_state states[STATES];
	const char *path; /* of all states that have none of their own; NULL: the protocol's */
	const char *host, *user, *database;
	struct request start_up; /* PostgreSQL: what a connection begins with */
	uint64_t burst_every_ns;
	uint64_t duration_ns;		  /* TIME_NEVER */
	uint64_t until_gone_ns;		  /* TIME_NEVER */
	uint64_t half_request_finish_ns;  /* after "ready"; TIME_NEVER */
	uint64_t half_response_resume_ns; /* after "ready"; TIME_NEVER */
	uint64_t half_response_bytes;
	uint64_t reuse_after_ns;  /* TIME_NEVER */
	uint64_t late_request_ns; /* TIME_NEVER */
	uint64_t hold_ns;
	uint64_t ready_timeout_ns;
	uint64_t wait_ns;	 /* for the target to accept, before anything else */
	uint64_t opening;	 /* at most so many that are not yet in their state */
	uint64_t stop_pid;	 /* 0: nobody is told to stop */
	uint64_t stop_after_ns;	 /* "ready" */
	const char *output_path; /* NULL: stdout */
};

/* Reads the command line; ends the program if it is wrong. plan_fini() frees. */
void plan_parse(struct plan *plan, int argc, char **argv);
void plan_fini(struct plan *plan);

/* Waits until the target accepts, wait_ns at most. Returns 0 or the last -errno. */
int plan_await_target(const struct plan *plan);

/* How many connections are opened once. */
uint64_t plan_initial(const struct plan *plan);

/* As JSON and the table call it: "half_request". */
const char *state_name(enum state state);

/* "127.0.0.1:80", "[::1]:80", or "127.0.0.1" and "::1" (port 0). Returns 0 or -EINVAL. */
int address_parse(const char *text, bool has_port, struct address *ret_address);

#define ADDRESS_TEXT_BYTES 56

/* The other way round: "127.0.0.1:80" or "[::1]:80". */
void address_print(const struct address *address, char text[static ADDRESS_TEXT_BYTES]);

/* Makes the bytes of every state's request. Returns 0 or -ENOMEM. */
int requests_build(struct plan *plan);

#endif
