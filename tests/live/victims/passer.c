/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * passer give NAME PORT: a server that TERM makes pass its listener and all its connections on
 * (SCM_RIGHTS), and exit. passer take NAME: the one that waits for them and serves on.
 * passer drop NAME: reads them once it gets USR1, without taking them: within read() the last
 * reference to each goes, as within the look of somebody who lists files. NAME is that of an
 * abstract Unix socket.
 */
#include "loop.h"

#include <stddef.h>
#include <sys/un.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static volatile sig_atomic_t is_stopping;
static uint64_t entered_ns;
static const char *meeting;

static void on_term_give(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	is_stopping = 1;
	server_wake();
}

static void on_term_take(int signal)
{
	(void)signal;
	server_ask_to_stop();
}

static socklen_t meeting_address(struct sockaddr_un *address)
{
	size_t length = strlen(meeting);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (length > sizeof(address->sun_path) - 1)
		exit(2);
	memcpy(address->sun_path + 1, meeting, length);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static void pass(int to, int fd, const char *peer)
{
	char name[PEER_BYTES] = "";
	union control control = { 0 };
	struct iovec data = { name, sizeof(name) };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	snprintf(name, sizeof(name), "%s", peer);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(to, &message, 0) != sizeof(name))
		fail("pass a descriptor");
}

/* The descriptor, or -1: there are no more. */
static int take(int from, char name[PEER_BYTES])
{
	union control control = { 0 };
	struct iovec data = { name, PEER_BYTES };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(from, &message, MSG_WAITALL) != PEER_BYTES)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Before each wait of the giver's loop. */
static void pass_all_if_asked(void)
{
	struct sockaddr_un address;
	socklen_t length = meeting_address(&address);
	int to;

	if (!is_stopping)
		return;
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(to, (struct sockaddr *)&address, length) < 0)
		fail("meet the taker");
	pass(to, server.listener, "");
	for (int fd = 0; fd <= server.highest; fd++)
		if (server.clients[fd].is_open)
			pass(to, fd, server.clients[fd].peer);
	server_exit(0);
}

static void run_give(int port)
{
	server.on_wait = pass_all_if_asked;
	server_open(listen_on("127.0.0.1", port, 4096));
	signal(SIGTERM, on_term_give);
	say_ready(port);
	server_run();
}

static int open_door(void)
{
	struct sockaddr_un address;
	socklen_t length = meeting_address(&address);
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(door, (struct sockaddr *)&address, length) < 0 || listen(door, 1) < 0)
		fail("wait for the giver");
	return door;
}

static void run_drop(void)
{
	int door = open_door(), from, signal;
	char name[PEER_BYTES];
	sigset_t asked;

	sigemptyset(&asked);
	sigaddset(&asked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &asked, NULL);
	say_ready(0);
	sigwait(&asked, &signal);
	from = accept(door, NULL, NULL);
	while (read(from, name, sizeof(name)) == sizeof(name))
		;
}

static void run_take(void)
{
	int door = open_door();
	char name[PEER_BYTES];
	int from, fd;

	say_ready(0);
	from = accept(door, NULL, NULL);
	if (from < 0)
		fail("meet the giver");
	fd = take(from, name);
	if (fd < 0)
		fail("take the listener");
	server_open(fd);
	signal(SIGTERM, on_term_take);
	while ((fd = take(from, name)) >= 0)
		client_hold(fd, name);
	close(from);
	close(door);
	say("taken", "\"open\":%u", server.open);
	server_run();
	server_exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	meeting = argv[2];
	if (!strcmp(argv[1], "give") && argc == 4)
		run_give(atoi(argv[3]));
	else if (!strcmp(argv[1], "take"))
		run_take();
	else if (!strcmp(argv[1], "drop"))
		run_drop();
	else
		return 2;
	return 0;
}
