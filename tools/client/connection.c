// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a connection from connect() to close(): its socket, its timer, its end. What is said
 * in between is exchange.c. A time is taken as soon as the system call that tells of it returns.
 */
#include "tools/client/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"

#define SMALL_BUFFER 4096 /* of those that stop reading: the rest stays with the server */

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

void connection_arm(struct load *load, struct connection *connection, enum timer timer,
		    uint64_t delay_ns)
{
	if (connection->timer != TIMER_NONE)
		TAILQ_REMOVE(&load->timers[connection->timer], connection, waiting);
	connection->timer = delay_ns == TIME_NEVER ? TIMER_NONE : timer;
	if (connection->timer == TIMER_NONE)
		return;
	connection->deadline_ns = clock_boot_ns() + delay_ns;
	TAILQ_INSERT_TAIL(&load->timers[timer], connection, waiting);
}

void connection_watch(struct load *load, struct connection *connection, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = connection };

	if (connection->watched == events)
		return;
	connection->watched = events;
	epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

void connection_settle(struct load *load, struct connection *connection, bool is_reached)
{
	if (connection->is_settled)
		return;
	connection->is_settled = true;
	if (connection->state >= STATE_FLOW)
		return;
	load->unsettled--;
	if (!is_reached)
		load->missed++;
}

enum progress connection_progress(const struct connection *connection)
{
	if (connection->requests && connection->answers == connection->requests &&
	    !connection->is_half)
		return PROGRESS_WHOLE;
	return connection->first_byte_ns ? PROGRESS_PART : PROGRESS_NONE;
}

static void tell_shortage(struct load *load, int error)
{
	if ((error == EMFILE || error == ENFILE) && !load->is_out_of_files) {
		load->is_out_of_files = true;
		fputs("shutwatch-client: no more files may be open: raise ulimit -n; new "
		      "connections fail\n",
		      stderr);
	}
	if (error == EADDRNOTAVAIL && !load->is_out_of_ports) {
		load->is_out_of_ports = true;
		fputs("shutwatch-client: no local port is left: give more addresses with "
		      "--source; new connections fail\n",
		      stderr);
	}
}

void connection_end(struct load *load, struct connection *connection, enum end end, int error)
{
	if (connection->fd >= 0) {
		close(connection->fd);
		connection->closed_ns = clock_boot_ns();
	}
	connection_settle(load, connection, false);
	connection_arm(load, connection, TIMER_NONE, TIME_NEVER);
	TAILQ_REMOVE(&load->all, connection, all);
	load->open--;
	if (end == END_FAILED)
		tell_shortage(load, error);
	if (end != END_REFUSED)
		load->refused_ns = 0;
	else if (!load->refused_ns)
		load->refused_ns = connection->error_ns;
	load->counts[connection->state][connection_progress(connection)][end]++;
	line_write(load->output, &load->plan, connection, end, error);
	free(connection);
}

static enum end end_of_connecting(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return END_REFUSED;
	case ECONNRESET:
	case EPIPE: /* a FIN, and then an RST, before anybody came to look */
		return END_RST;
	case ETIMEDOUT:
		return END_TIMEOUT;
	default:
		return END_FAILED;
	}
}

static void fail_to_connect(struct load *load, struct connection *connection, int error)
{
	enum end end = end_of_connecting(error);

	connection->error_ns = clock_boot_ns();
	if (end == END_RST)
		connection->reset_ns = connection->error_ns;
	connection_end(load, connection, end, error);
}

static void note_local(struct connection *connection)
{
	connection->local.size = sizeof(connection->local.storage);
	if (getsockname(connection->fd, (struct sockaddr *)&connection->local.storage,
			&connection->local.size))
		connection->local.size = 0;
}

static void on_connected(struct load *load, struct connection *connection)
{
	uint64_t now = clock_boot_ns();
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		fail_to_connect(load, connection, error);
		return;
	}
	connection->connected_ns = now;
	load->refused_ns = 0;
	note_local(connection);
	connection_watch(load, connection, EPOLLIN);
	connection->phase = PHASE_TALKING;
	if (connection->state == STATE_SILENT)
		connection_settle(load, connection, true);
	else
		exchange_begin(load, connection);
}

/* Binds, starts to connect. Returns 0 or -errno. */
static int start(struct load *load, struct connection *connection)
{
	const struct plan *plan = &load->plan;
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = connection };
	int one = 1, small = SMALL_BUFFER;

	connection->fd = socket(plan->target.storage.ss_family,
				SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		return -errno;
	if (connection->state == STATE_HALF_RESPONSE)
		setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (plan->n_sources) {
		const struct address *source = &plan->sources[load->next_source++];

		load->next_source %= plan->n_sources;
		setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(connection->fd, (const struct sockaddr *)&source->storage, source->size))
			return -errno;
	}
	connection->connect_ns = clock_boot_ns();
	if (connect(connection->fd, (const struct sockaddr *)&plan->target.storage,
		    plan->target.size) &&
	    errno != EINPROGRESS)
		return -errno;
	note_local(connection);
	connection->watched = event.events;
	return epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) ? -errno : 0;
}

int connection_open(struct load *load, enum state state)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int err;

	if (!connection)
		return -ENOMEM;
	connection->id = load->next_id++;
	connection->state = state;
	connection->timer = TIMER_NONE;
	connection->fd = -1;
	answer_init(&connection->answer, load->plan.protocol);
	TAILQ_INSERT_TAIL(&load->all, connection, all);
	load->open++;
	if (state < STATE_FLOW)
		load->unsettled++;
	err = start(load, connection);
	if (err)
		fail_to_connect(load, connection, -err);
	return 0;
}

/* A reset after the server's FIN is EPIPE, and read() does not tell. */
static void look_for_late_reset(struct load *load, struct connection *connection)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		connection->late_reset_ns = clock_boot_ns();
		connection_end(load, connection, END_FIN, error);
	} else {
		connection_end(load, connection, END_FIN, 0);
	}
}

static void resume(struct load *load, struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

	connection->phase = PHASE_TALKING;
	connection->watched = EPOLLIN;
	if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event))
		epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

/*
 * The peer has ended: what it sent before that is still to be read, when it is time, or now if no
 * time was given.
 */
static void on_paused(struct load *load, struct connection *connection, uint32_t events)
{
	uint64_t now = clock_boot_ns();

	if (events & (EPOLLERR | EPOLLHUP) && !connection->reset_ns)
		connection->reset_ns = now;
	else if (events & EPOLLRDHUP && !connection->fin_ns)
		connection->fin_ns = now;
	if (load->plan.half_response_resume_ns == TIME_NEVER) {
		resume(load, connection);
	} else if (!connection->reset_ns) {
		connection_watch(load, connection, 0); /* a reset may follow */
	} else {
		epoll_ctl(load->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
		connection->watched = 0;
	}
}

void connection_on_events(struct load *load, struct connection *connection, uint32_t events)
{
	if (!connection->fin_ns && !connection->reset_ns)
		connection->late_ns = lateness_now(&load->lateness);
	switch (connection->phase) {
	case PHASE_CONNECTING:
		on_connected(load, connection);
		return;
	case PHASE_PAUSED:
		on_paused(load, connection, events);
		return;
	case PHASE_HALF_CLOSED:
		if (events & (EPOLLERR | EPOLLHUP))
			look_for_late_reset(load, connection);
		return;
	default:
		if (events & EPOLLOUT)
			exchange_send(load, connection);
		if (events & ~(uint32_t)EPOLLOUT)
			exchange_receive(load, connection);
	}
}

void connection_on_timer(struct load *load, struct connection *connection)
{
	enum timer timer = connection->timer;

	connection_arm(load, connection, TIMER_NONE, TIME_NEVER);
	switch (timer) {
	case TIMER_FINISH:
		exchange_finish_half(load, connection);
		return;
	case TIMER_RESUME:
		resume(load, connection);
		return;
	case TIMER_REUSE:
	case TIMER_LATE:
		exchange_ask(load, connection);
		return;
	default:
		look_for_late_reset(load, connection);
	}
}
