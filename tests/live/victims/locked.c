/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * locked PORT: holds the lock of a connection until it is told to let go.
 *
 * After TERM it answers its one client with bytes from a page that is not there yet: send() takes
 * the socket's lock and then waits for the page (userfaultfd). Told "locked", the kit lets the
 * client reset the connection: the RST must wait in the socket's backlog. A line on stdin brings
 * the page; the kernel processes the RST as it releases the lock, in this process.
 */
#include "victim.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static volatile sig_atomic_t is_stopping;
static uint64_t entered_ns;
static int faults = -1;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	is_stopping = 1;
}

static void *bring_the_page(void *unused)
{
	struct pollfd waits = { .fd = faults, .events = POLLIN };
	struct uffdio_zeropage zero = { 0 };
	struct uffd_msg message;

	(void)unused;
	poll(&waits, 1, -1);
	if (read(faults, &message, sizeof(message)) != sizeof(message))
		fail("learn of the fault");
	say("locked", "\"page\":\"missing\"");
	truth_flush();
	getchar();
	say("unlocks", "\"page\":\"zero\"");
	zero.range.start = message.arg.pagefault.address & ~(uint64_t)(getpagesize() - 1);
	zero.range.len = (uint64_t)getpagesize();
	if (ioctl(faults, UFFDIO_ZEROPAGE, &zero) < 0)
		fail("bring the page");
	return NULL;
}

/* A page whose first touch waits for bring_the_page(). */
static char *missing_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = (size_t)getpagesize();
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (page == MAP_FAILED || faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0)
		fail("use userfaultfd");
	range.range.start = (uintptr_t)page;
	range.range.len = size;
	if (ioctl(faults, UFFDIO_REGISTER, &range) < 0)
		fail("watch a page");
	return page;
}

/* Accepts the one client and reads its request. Returns the descriptor. */
static int take_client(int listener, char peer[PEER_BYTES])
{
	struct pollfd waits = { .fd = listener, .events = POLLIN };
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char request[1024];
	int fd;

	poll(&waits, 1, -1);
	fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	if (fd < 0)
		fail("accept");
	name_address(&address, peer);
	say("accepted", "\"peer\":\"%s\"", peer);
	if (recv(fd, request, sizeof(request), 0) < 0)
		fail("read the request");
	say("asked", "\"peer\":\"%s\"", peer);
	truth_flush();
	return fd;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	char peer[PEER_BYTES], *page = missing_page();
	sigset_t term, before;
	pthread_t thread;
	int listener, fd;
	ssize_t sent;

	if (argc != 2)
		return 2;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigaction(SIGTERM, &action, NULL);
	if (pthread_create(&thread, NULL, bring_the_page, NULL))
		fail("start a thread");
	listener = listen_on("127.0.0.1", atoi(argv[1]), 8);
	say_ready(atoi(argv[1]));
	fd = take_client(listener, peer);
	while (!is_stopping)
		sigsuspend(&before);
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	close_saying(listener, "listener_closed", "");
	truth_flush();
	sent = send(fd, page, (size_t)getpagesize(), MSG_NOSIGNAL);
	say("sent", "\"result\":%zd,\"errno\":%d", sent, sent < 0 ? errno : 0);
	sent = send(fd, "x", 1, MSG_NOSIGNAL);
	say("sent_again", "\"result\":%zd,\"errno\":%d", sent, sent < 0 ? errno : 0);
	close_saying(fd, "closed", peer);
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
