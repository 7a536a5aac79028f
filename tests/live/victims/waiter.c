/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * waiter PORT [STEP…]: after TERM its main thread does each step in turn, for SECONDS, and says
 * how long each of them took.
 *
 *   epoll:SECONDS          waits for its listener and its clients
 *   sleep:SECONDS          nanosleep, as a clean-up that waits
 *   busy:SECONDS           computes
 *   child:SECONDS          waits for a child that sleeps
 *   pipe:SECONDS           reads a pipe that a child holds open and then closes
 *   sync:SECONDS:FILE      writes and fdatasync, again and again
 *   recv:SECONDS:PEERPORT  reads from a server that does not answer, until a timeout
 *   leave:SECONDS          closes its listener and its clients, and takes no time
 *   threads:COUNT          from the start: so many threads in futex, for ever
 */
#include "victim.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define CLIENTS_MAX 16

static int listener, loop, outbound = -1;
static int clients[CLIENTS_MAX], n_clients;
static pthread_mutex_t locked = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t is_stopping;

static void on_term(int signal)
{
	(void)signal;
	is_stopping = 1;
}

static void loop_add(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("watch a descriptor");
}

/* Until the time is over; -1: until TERM. Clients are taken, and never answered. */
static void run_loop(double seconds, const sigset_t *mask)
{
	uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9);
	struct epoll_event event;

	while (seconds < 0 ? !is_stopping : now_ns() < end_ns) {
		int left_ms = seconds < 0 ? -1 : (int)((end_ns - now_ns()) / 1000000) + 1;

		if ((mask ? epoll_pwait(loop, &event, 1, left_ms, mask)
			  : epoll_wait(loop, &event, 1, left_ms)) <= 0)
			continue;
		if (event.data.fd != listener)
			fail("expect silence of a client");
		if (n_clients == CLIENTS_MAX)
			fail("take more clients");
		clients[n_clients] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		loop_add(clients[n_clients++]);
		say("taken", "\"port\":0");
		truth_flush();
	}
}

static void leave(void)
{
	while (n_clients)
		close(clients[--n_clients]);
	close(listener);
}

static void compute(double seconds)
{
	uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9);

	while (now_ns() < end_ns)
		;
}

static pid_t sleeping_child(double seconds, int pipe_end)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child)
		return child;
	if (pipe_end >= 0)
		close(pipe_end);
	sleep_ms((unsigned int)(seconds * 1000));
	_exit(0);
}

static void read_pipe(double seconds)
{
	int ends[2];
	pid_t child;
	char byte;

	if (pipe(ends) < 0)
		fail("make a pipe");
	child = sleeping_child(seconds, ends[0]);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 0)
		fail("read the end of a pipe");
	waitpid(child, NULL, 0);
	close(ends[0]);
}

static void write_and_sync(double seconds, const char *path)
{
	uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	static char block[1 << 20];

	if (fd < 0)
		fail("open a file");
	while (now_ns() < end_ns) {
		uint64_t before = now_ns();

		if (pwrite(fd, block, sizeof(block), 0) < 0 || fdatasync(fd) < 0)
			fail("write");
		say("synced", "\"took_ns\":%llu", (unsigned long long)(now_ns() - before));
	}
	close(fd);
}

/* SO_RCVTIMEO: a plain recv() that gives up. */
static void read_silence(double seconds)
{
	struct timeval limit = { (time_t)seconds,
				 (suseconds_t)((seconds - (time_t)seconds) * 1e6) };
	char byte;

	setsockopt(outbound, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (recv(outbound, &byte, 1, 0) >= 0)
		fail("expect silence of the server");
}

static void connect_to(int port)
{
	struct sockaddr_storage where;
	socklen_t length = parse_address("127.0.0.1", port, &where);

	outbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (outbound < 0 || connect(outbound, (struct sockaddr *)&where, length) < 0)
		fail("connect");
}

static void *lock_for_ever(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&locked);
	return NULL;
}

static void start_threads(int count)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	pthread_mutex_lock(&locked);
	while (count-- > 0) {
		if (pthread_create(&thread, &attributes, lock_for_ever, NULL))
			fail("start a thread");
	}
}

/* What has to be there before the signal. */
static void prepare(const char *step)
{
	int number;

	if (sscanf(step, "threads:%d", &number) == 1)
		start_threads(number);
	else if (sscanf(step, "recv:%*f:%d", &number) == 1)
		connect_to(number);
}

static void do_step(const char *step)
{
	char name[16] = "", path[256] = "";
	uint64_t began_ns = now_ns();
	double seconds = 0;

	sscanf(step, "%15[^:]:%lf:%255s", name, &seconds, path);
	if (!strcmp(name, "threads"))
		return;
	if (!strcmp(name, "epoll"))
		run_loop(seconds, NULL);
	else if (!strcmp(name, "sleep"))
		sleep_ms((unsigned int)(seconds * 1000));
	else if (!strcmp(name, "busy"))
		compute(seconds);
	else if (!strcmp(name, "child"))
		waitpid(sleeping_child(seconds, -1), NULL, 0);
	else if (!strcmp(name, "pipe"))
		read_pipe(seconds);
	else if (!strcmp(name, "sync"))
		write_and_sync(seconds, path);
	else if (!strcmp(name, "recv"))
		read_silence(seconds);
	else if (!strcmp(name, "leave"))
		leave();
	say("step", "\"name\":\"%s\",\"took_ns\":%llu", name,
	    (unsigned long long)(now_ns() - began_ns));
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	sigset_t term, before;

	if (argc < 2)
		return 2;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigaction(SIGTERM, &action, NULL);
	loop = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc; i++)
		prepare(argv[i]);
	listener = listen_on("127.0.0.1", atoi(argv[1]), 64);
	loop_add(listener);
	say_ready(atoi(argv[1]));
	run_loop(-1, &before);
	for (int i = 2; i < argc; i++)
		do_step(argv[i]);
	truth_flush();
	return 0;
}
