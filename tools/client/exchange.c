// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a connection sends and reads, and when it has reached its state. After a reset, what was
 * received before it is still read to the end: the reset is an end only then.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tools/client/connection.h"

#define READ_BYTES 65536
#define LATE_RESET_NS NSEC_PER_SEC /* how long the answer to a late request is waited for */

static const struct request *request_of(const struct load *load,
					const struct connection *connection)
{
	return &load->plan.states[connection->state].request;
}

static void send_bytes(struct load *load, struct connection *connection, const char *bytes,
		       size_t size)
{
	connection->out = bytes;
	connection->out_size = size;
	exchange_send(load, connection);
}

void exchange_begin(struct load *load, struct connection *connection)
{
	const struct request *request = request_of(load, connection);

	if (load->plan.start_up.size && connection->phase != PHASE_STARTING) {
		connection->phase = PHASE_STARTING;
		answer_init(&connection->answer, load->plan.protocol);
		send_bytes(load, connection, load->plan.start_up.bytes, load->plan.start_up.size);
		return;
	}
	connection->phase = PHASE_TALKING;
	answer_init(&connection->answer, load->plan.protocol);
	if (connection->state == STATE_HALF_REQUEST) {
		connection->is_half = true;
		send_bytes(load, connection, request->bytes, request->size / 2);
	} else {
		send_bytes(load, connection, request->bytes, request->size);
	}
}

void exchange_ask(struct load *load, struct connection *connection)
{
	const struct request *request = request_of(load, connection);

	connection->is_late = connection->phase == PHASE_HALF_CLOSED;
	send_bytes(load, connection, request->bytes, request->size);
}

void exchange_finish_half(struct load *load, struct connection *connection)
{
	const struct request *request = request_of(load, connection);
	size_t half = request->size / 2;

	connection->is_half = false;
	send_bytes(load, connection, request->bytes + half, request->size - half);
}

/* A request that could not be sent whole leaves what is known of the one before. */
static void note_request(struct connection *connection, uint64_t now)
{
	if (connection->requests++) {
		connection->answered_ns = connection->last_byte_ns;
		connection->first_byte_ns = connection->last_byte_ns = 0;
		connection->status[0] = '\0';
		if (connection->answer.is_malformed) /* leftovers of the last answer */
			answer_init(&connection->answer, connection->answer.protocol);
	} else {
		connection->first_request_ns = now;
	}
	connection->request_ns = now;
}

/* The last byte is out. */
static void on_sent(struct load *load, struct connection *connection, uint64_t now)
{
	if (connection->is_late) {
		uint64_t hold = load->plan.hold_ns;

		connection->late_request_ns = now;
		connection_arm(load, connection, TIMER_LATE_HOLD,
			       hold > LATE_RESET_NS ? hold : LATE_RESET_NS);
		return;
	}
	if (connection->phase == PHASE_STARTING)
		return;
	if (connection->is_half) {
		connection_settle(load, connection, true);
		return;
	}
	note_request(connection, now);
	if (connection->state == STATE_IN_FLIGHT || connection->state == STATE_QUEUED)
		connection_settle(load, connection, true);
}

static void on_send_error(struct load *load, struct connection *connection, int error)
{
	uint64_t now = clock_boot_ns();

	connection->out_size = 0;
	if (connection->is_late) {
		connection->late_reset_ns = now;
		connection_end(load, connection, END_FIN, error);
		return;
	}
	connection->error = error;
	if (error == ECONNRESET || error == EPIPE)
		connection->reset_ns = now;
	connection_watch(load, connection, EPOLLIN); /* EPOLLHUP is there: it is read at once */
}

void exchange_send(struct load *load, struct connection *connection)
{
	while (connection->out_size) {
		ssize_t sent =
			send(connection->fd, connection->out, connection->out_size, MSG_NOSIGNAL);
		uint64_t now = clock_boot_ns();

		if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
			connection_watch(load, connection, EPOLLIN | EPOLLOUT);
			return;
		}
		if (sent < 0) {
			on_send_error(load, connection, errno);
			return;
		}
		connection->sent_bytes += (size_t)sent;
		connection->out += sent;
		connection->out_size -= (size_t)sent;
		if (!connection->out_size)
			on_sent(load, connection, now);
	}
	if (connection->phase != PHASE_HALF_CLOSED)
		connection_watch(load, connection, EPOLLIN);
}

/* Takes the whole answer. Returns false if the connection has ended with it. */
static bool on_answer(struct load *load, struct connection *connection)
{
	bool is_asked = connection->requests > connection->answers;
	bool is_start = connection->phase == PHASE_STARTING;

	answer_init(&connection->answer, load->plan.protocol);
	if (is_start) {
		connection->status[0] = '\0';
		exchange_begin(load, connection);
		return true;
	}
	if (!is_asked)
		return true;
	connection->answers++;
	connection_settle(load, connection,
			  connection->state == STATE_IDLE && !connection->says_close);
	if (connection->state == STATE_IDLE && !connection->says_close)
		connection_arm(load, connection, TIMER_REUSE, load->plan.reuse_after_ns);
	if (connection->state >= STATE_FLOW && load->plan.protocol != PROTOCOL_HTTP) {
		connection_end(load, connection, END_CLOSED, 0);
		return false;
	}
	return true;
}

/* Bytes nobody asked for (408, 57P01) have a status, but are no part of an answer. */
static void note_answer(struct connection *connection, size_t size, uint64_t now)
{
	const struct answer *answer = &connection->answer;
	bool is_unasked =
		connection->phase == PHASE_TALKING && connection->requests == connection->answers;

	connection->is_malformed |= answer->is_malformed;
	connection->says_close |= answer->says_close;
	if (answer->status[0] || !is_unasked)
		memcpy(connection->status, answer->status, sizeof(connection->status));
	if (is_unasked)
		connection->unasked_bytes += size;
	if (is_unasked || connection->phase == PHASE_STARTING)
		return;
	if (!connection->first_byte_ns)
		connection->first_byte_ns = now;
	connection->last_byte_ns = now;
}

static bool on_bytes(struct load *load, struct connection *connection, const char *bytes,
		     size_t size, uint64_t now)
{
	while (size) {
		size_t taken = answer_feed(&connection->answer, bytes, size);

		bytes += taken;
		size -= taken;
		note_answer(connection, taken, now);
		if (connection->answer.wants_password) {
			connection_end(load, connection, END_CLOSED, EACCES);
			return false;
		}
		if (connection->answer.is_whole && !on_answer(load, connection))
			return false;
	}
	return true;
}

/* EPIPE is a reset after the FIN: a socket that had none says ECONNRESET. Returns it, or 0. */
static int note_fin(struct connection *connection, uint64_t now)
{
	socklen_t size = sizeof(int);
	int error = connection->error;

	if (!error)
		getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		connection->late_reset_ns = connection->reset_ns ? connection->reset_ns : now;
		connection->reset_ns = 0;
		now = connection->late_reset_ns;
	}
	if (!connection->fin_ns)
		connection->fin_ns = now;
	return error;
}

static void on_fin(struct load *load, struct connection *connection, uint64_t now)
{
	const struct plan *plan = &load->plan;
	bool asks = connection->state == STATE_IDLE && plan->late_request_ns != TIME_NEVER;
	int error;

	if (connection->state == STATE_IDLE)
		connection_settle(load, connection, false); /* not kept alive */
	answer_end(&connection->answer);
	if (connection->answer.is_whole && !on_answer(load, connection))
		return;
	error = note_fin(connection, now);
	connection->phase = PHASE_HALF_CLOSED;
	connection->out_size = 0;
	if (error || (!asks && !plan->hold_ns)) {
		connection_end(load, connection, END_FIN, error);
		return;
	}
	connection_watch(load, connection, 0);
	if (asks)
		connection_arm(load, connection, TIMER_LATE, plan->late_request_ns);
	else
		connection_arm(load, connection, TIMER_HOLD, plan->hold_ns);
}

static void on_end(struct load *load, struct connection *connection, int error, uint64_t now)
{
	if (!connection->reset_ns && (error == ECONNRESET || error == EPIPE))
		connection->reset_ns = now;
	connection->error_ns = now;
	if (error == ECONNRESET || error == EPIPE)
		connection_end(load, connection, END_RST, error);
	else
		connection_end(load, connection, error == ETIMEDOUT ? END_TIMEOUT : END_FAILED,
			       error);
}

/* Stops reading in the middle of the answer, once enough of it is in. */
static void pause_reading(struct load *load, struct connection *connection)
{
	connection->phase = PHASE_PAUSED;
	connection_watch(load, connection, EPOLLRDHUP);
	connection_settle(load, connection, true);
}

void exchange_receive(struct load *load, struct connection *connection)
{
	static char buffer[READ_BYTES];
	bool pauses = connection->state == STATE_HALF_RESPONSE && !connection->is_settled &&
		      connection->phase == PHASE_TALKING;
	size_t wanted = pauses ? load->plan.half_response_bytes : sizeof(buffer);
	ssize_t got = recv(connection->fd, buffer, wanted < READ_BYTES ? wanted : READ_BYTES, 0);
	uint64_t now = clock_boot_ns();

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		on_end(load, connection, errno, now);
		return;
	}
	if (got == 0 && connection->error && connection->error != EPIPE) {
		on_end(load, connection, connection->error, now);
		return;
	}
	if (got == 0) {
		on_fin(load, connection, now);
		return;
	}
	connection->received_bytes += (size_t)got;
	if (!on_bytes(load, connection, buffer, (size_t)got, now))
		return;
	if (connection->state == STATE_STREAM && connection->phase == PHASE_TALKING &&
	    connection->requests > connection->answers)
		connection_settle(load, connection, true);
	if (pauses && !connection->is_settled)
		pause_reading(load, connection);
}
