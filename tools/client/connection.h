/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection: what it does, and what it has seen. */
#ifndef SHUTWATCH_CLIENT_CONNECTION_H
#define SHUTWATCH_CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#include "tools/client/answer.h"
#include "tools/client/lateness.h"
#include "tools/client/plan.h"

enum end {
	END_FIN,
	END_RST,
	END_REFUSED,
	END_TIMEOUT,
	END_OPEN,   /* when the client ended */
	END_CLOSED, /* by us */
	END_FAILED, /* anything else: see its errno */
	ENDS,
};

enum progress {
	PROGRESS_NONE,
	PROGRESS_PART,
	PROGRESS_WHOLE,
	PROGRESSES,
};

enum phase {
	PHASE_CONNECTING,
	PHASE_STARTING, /* PostgreSQL: the start-up message is out */
	PHASE_TALKING,
	PHASE_PAUSED,	   /* reads nothing */
	PHASE_HALF_CLOSED, /* the server's FIN is in, we have not closed */
};

/* Each has one delay, so that a list of those that wait for it is in order. */
enum timer {
	TIMER_FINISH,
	TIMER_RESUME,
	TIMER_REUSE,
	TIMER_LATE,
	TIMER_HOLD,
	TIMER_LATE_HOLD,
	TIMERS,
	TIMER_NONE = TIMERS,
};

struct connection {
	TAILQ_ENTRY(connection) all;
	TAILQ_ENTRY(connection) waiting; /* in the list of its timer */
	enum timer timer;
	uint64_t deadline_ns;

	uint64_t id;
	enum state state;
	enum phase phase;
	int fd;
	uint32_t watched; /* epoll events; 0 still brings EPOLLERR and EPOLLHUP */
	bool is_settled;  /* its state was reached, or will not be */
	bool is_half;	  /* half a request is out */
	bool is_late;	  /* the request after the FIN is out */
	bool is_malformed;
	bool says_close;
	int error; /* errno, remembered until all that was received is read */
	const char *out;
	size_t out_size; /* still to be sent */
	struct answer answer;
	char status[ANSWER_STATUS_BYTES]; /* of the last answer */

	struct address local;
	/* Zero: did not happen. */
	uint64_t connect_ns, connected_ns, closed_ns;
	uint64_t first_request_ns;			  /* stays as more are sent */
	uint64_t answered_ns;				  /* the answer before the last request */
	uint64_t request_ns, first_byte_ns, last_byte_ns; /* of the last request and its answer */
	uint64_t fin_ns, reset_ns, error_ns;
	uint64_t late_ns; /* so much later than it happened the end was seen, at most */
	uint64_t late_request_ns, late_reset_ns;
	uint64_t sent_bytes, received_bytes;
	uint64_t unasked_bytes; /* of the received: no whole request was open */
	uint64_t requests, answers;
};

TAILQ_HEAD(connection_list, connection);

struct load {
	struct plan plan;
	int epoll;
	FILE *output;
	struct connection_list all;
	struct connection_list timers[TIMERS];
	uint64_t next_id;
	uint64_t open;	    /* in `all` */
	uint64_t unsettled; /* initial ones on their way to their state */
	uint64_t missed;    /* initial ones that did not reach it */
	size_t next_source;
	struct lateness lateness;
	bool is_ready;
	bool is_out_of_files, is_out_of_ports; /* has been told */
	uint64_t refused_ns;		       /* nothing but refusals since; 0: not so */
	uint64_t counts[STATES][PROGRESSES][ENDS];
};

/*
 * Starts a connection; what fails is written down as its end. Returns 0 or -ENOMEM. A connection is
 * freed when it has ended: none of these pointers outlives the call that it is given to.
 */
int connection_open(struct load *load, enum state state);
void connection_on_events(struct load *load, struct connection *connection, uint32_t events);
void connection_on_timer(struct load *load, struct connection *connection);

/* Closes, writes the line, frees. */
void connection_end(struct load *load, struct connection *connection, enum end end, int error);

/* Replaces the timer of a connection; TIME_NEVER or TIMER_NONE: it has none. */
void connection_arm(struct load *load, struct connection *connection, enum timer timer,
		    uint64_t delay_ns);
void connection_watch(struct load *load, struct connection *connection, uint32_t events);

/* Its state is reached, or not: once. */
void connection_settle(struct load *load, struct connection *connection, bool is_reached);

/* The talk itself (exchange.c). Each may end the connection. */
void exchange_begin(struct load *load, struct connection *connection);
void exchange_ask(struct load *load, struct connection *connection);
void exchange_finish_half(struct load *load, struct connection *connection);
void exchange_send(struct load *load, struct connection *connection);
void exchange_receive(struct load *load, struct connection *connection);

enum progress connection_progress(const struct connection *connection);

/* Its JSON line. */
void line_write(FILE *file, const struct plan *plan, const struct connection *connection,
		enum end end, int error);

/* The table of all ends. */
void table_print(FILE *file, const struct load *load);

#endif
