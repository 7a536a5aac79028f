/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small HTTP/1.1 server in one epoll loop, whose faults can be switched on.
 *
 * "GET /WAIT/BYTES" is answered after WAIT milliseconds with BYTES bytes; "Connection: close" is
 * honoured. A write to stop_event makes it stop, and so does "GET /stop": it closes the listener,
 * then every connection that owes no answer, gives the answers that it owes, closes those too, and
 * server_run() returns. "GET /exit" ends the process there and then, with status 1.
 * Everything it does to a connection is told (see victim.h): accepted, asked, answered, closed.
 *
 * One server per process: its table of clients is indexed by descriptor.
 */
#ifndef SHUTWATCH_LOOP_H
#define SHUTWATCH_LOOP_H

#include "victim.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#define CLIENTS_MAX 20000
#define REQUEST_BYTES 512
#define EVENTS_MAX 256

struct client {
	bool is_open;
	bool is_owed; /* an answer is due at due_ns, or half written */
	bool is_last; /* close after this answer */
	bool is_half; /* we have sent our FIN, and wait for the peer's */
	size_t used;  /* bytes of the request so far */
	size_t left;  /* bytes of the answer still to write */
	uint64_t due_ns;
	char peer[PEER_BYTES];
	char request[REQUEST_BYTES];
};

struct server {
	int listener;
	int epoll;
	int stop_event;
	int wake_event; /* does nothing but end a wait */
	bool never_accepts;
	bool never_reads;
	bool never_answers; /* reads and forgets */
	bool resets;	    /* SO_LINGER 0 on close */
	bool half_closes;   /* shutdown(SHUT_WR) first, close() after the peer's FIN */
	bool keeps_idle;    /* while it stops, it waits for idle clients to leave by themselves */
	bool is_stopping;
	unsigned int open;
	unsigned int owed;
	int highest;	       /* highest descriptor of a client so far */
	void (*on_wait)(void); /* called before each wait; may be NULL */
	struct client clients[CLIENTS_MAX];
};

static struct server server = { .listener = -1, .epoll = -1, .stop_event = -1, .wake_event = -1 };

static inline void server_expect(int fd, uint32_t events, int operation)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(server.epoll, operation, fd, &event) < 0)
		fail("use epoll");
}

static inline void client_close(int fd)
{
	struct client *client = &server.clients[fd];
	struct linger zero = { 1, 0 };

	if (server.resets)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &zero, sizeof(zero));
	close_saying(fd, "closed", client->peer);
	if (client->is_owed)
		server.owed--;
	server.open--;
	memset(client, 0, sizeof(*client));
}

/* The server wants no more of it. */
static inline void client_end(int fd)
{
	struct client *client = &server.clients[fd];

	if (!server.half_closes) {
		client_close(fd);
		return;
	}
	client->is_half = true;
	shutdown(fd, SHUT_WR);
	say("half_closed", "\"peer\":\"%s\"", client->peer);
	server_expect(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static inline void client_hold(int fd, const char *peer)
{
	if (fd >= CLIENTS_MAX)
		fail("hold so many connections");
	server.clients[fd].is_open = true;
	snprintf(server.clients[fd].peer, PEER_BYTES, "%s", peer);
	server.open++;
	if (fd > server.highest)
		server.highest = fd;
	server_expect(fd, server.never_reads ? 0 : EPOLLIN, EPOLL_CTL_ADD);
}

static inline void client_accept(void)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char peer[PEER_BYTES];
	int fd = accept4(server.listener, (struct sockaddr *)&address, &length,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) /* another process was faster, or the client is gone */
		return;
	name_address(&address, peer);
	client_hold(fd, peer);
	say("accepted", "\"peer\":\"%s\"", peer);
}

/* Writes on; an answer that does not fit waits for EPOLLOUT. */
static inline void client_write(int fd)
{
	static char body[65536] = { [0 ... 65535] = 'x' };
	struct client *client = &server.clients[fd];
	uint64_t before = now_ns();

	while (client->left > 0) {
		size_t chunk = client->left < sizeof(body) ? client->left : sizeof(body);
		ssize_t sent = send(fd, body, chunk, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			server_expect(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
			return;
		}
		if (sent < 0) {
			client_close(fd);
			return;
		}
		client->left -= (size_t)sent;
	}
	say("answered", "\"peer\":\"%s\",\"before_ns\":%llu,\"after_ns\":%llu", client->peer,
	    (unsigned long long)before, (unsigned long long)now_ns());
	client->is_owed = false;
	server.owed--;
	if (server.is_stopping || client->is_last)
		client_end(fd);
	else
		server_expect(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static inline void client_answer(int fd)
{
	struct client *client = &server.clients[fd];
	char head[128];
	int used = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			    client->left);

	client->due_ns = 0;
	if (send(fd, head, (size_t)used, MSG_NOSIGNAL | MSG_MORE) < 0) {
		client_close(fd);
		return;
	}
	client_write(fd);
}

static inline void server_exit(int code)
{
	say("exiting", "\"code\":%d", code);
	truth_flush();
	_exit(code);
}

/* Async-signal-safe, as server_wake(). */
static inline void server_ask_to_stop(void)
{
	eventfd_write(server.stop_event, 1);
}

static inline void server_wake(void)
{
	eventfd_write(server.wake_event, 1);
}

/* A whole request is in the buffer: when is which answer due? */
static inline void client_ask(int fd)
{
	struct client *client = &server.clients[fd];
	unsigned int wait_ms = 0;

	if (sscanf(client->request, "GET /%u/%zu", &wait_ms, &client->left) != 2)
		client->left = 1;
	client->is_last = strstr(client->request, "Connection: close");
	client->used = 0;
	client->is_owed = true;
	client->due_ns = now_ns() + (uint64_t)wait_ms * 1000000;
	server.owed++;
	say("asked", "\"peer\":\"%s\"", client->peer);
	if (!strncmp(client->request, "GET /exit ", 10))
		server_exit(1);
	if (!strncmp(client->request, "GET /stop ", 10))
		server_ask_to_stop();
	if (wait_ms == 0)
		client_answer(fd);
}

static inline void client_read(int fd)
{
	struct client *client = &server.clients[fd];
	ssize_t got = recv(fd, client->request + client->used, REQUEST_BYTES - 1 - client->used, 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		client_close(fd);
		return;
	}
	if (server.never_answers)
		return;
	client->used += (size_t)got;
	client->request[client->used] = '\0';
	if (strstr(client->request, "\r\n\r\n"))
		client_ask(fd);
}

/* The listener first, then whoever is owed nothing. */
static inline void server_stop(void)
{
	eventfd_t count;

	if (eventfd_read(server.stop_event, &count) < 0 || server.is_stopping)
		return;
	server.is_stopping = true;
	close_saying(server.listener, "listener_closed", "");
	for (int fd = 0; fd <= server.highest && !server.keeps_idle; fd++)
		if (server.clients[fd].is_open && !server.clients[fd].is_owed)
			client_end(fd);
}

/* Milliseconds until the next answer is due, -1 for never. */
static inline int server_patience(void)
{
	uint64_t now = now_ns(), next = UINT64_MAX;

	if (server.owed == 0)
		return -1;
	for (int fd = 0; fd <= server.highest; fd++)
		if (server.clients[fd].due_ns && server.clients[fd].due_ns < next)
			next = server.clients[fd].due_ns;
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now + 999999) / 1000000);
}

static inline void server_answer_due(void)
{
	uint64_t now = now_ns();

	if (server.owed == 0)
		return;
	for (int fd = 0; fd <= server.highest; fd++)
		if (server.clients[fd].due_ns && server.clients[fd].due_ns <= now)
			client_answer(fd);
}

static inline void server_serve(const struct epoll_event *event)
{
	int fd = event->data.fd;

	if (fd == server.wake_event) {
		eventfd_read(fd, &(eventfd_t){ 0 });
	} else if (fd == server.stop_event) {
		server_stop();
	} else if (fd == server.listener) {
		client_accept();
	} else if (server.clients[fd].is_open) {
		if (event->events & EPOLLOUT)
			client_write(fd);
		else
			client_read(fd);
	}
}

/* Before server_run(), and in each process that will call it: epoll is not shared. */
static inline void server_open(int listener)
{
	server.listener = listener;
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	server.stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server.wake_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server.epoll < 0 || server.stop_event < 0 || server.wake_event < 0)
		fail("make epoll and eventfds");
	server_expect(server.stop_event, EPOLLIN, EPOLL_CTL_ADD);
	server_expect(server.wake_event, EPOLLIN, EPOLL_CTL_ADD);
	if (!server.never_accepts)
		server_expect(listener, EPOLLIN, EPOLL_CTL_ADD);
}

static inline void server_run(void)
{
	struct epoll_event events[EVENTS_MAX];

	while (!server.is_stopping || server.open > 0) {
		int ready;

		if (server.on_wait)
			server.on_wait();
		truth_flush();
		ready = epoll_wait(server.epoll, events, EVENTS_MAX, server_patience());
		for (int i = 0; i < ready; i++)
			server_serve(&events[i]);
		server_answer_due();
	}
}

#endif
