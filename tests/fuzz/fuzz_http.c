// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the HTTP server, over loopback: paths, queries, headers, passwords. The first byte
 * chooses whether it asks for one. The server waits long for the rest of a request: an empty line
 * ends each, and who gets no answer leaves.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/serve/server.h"
#include "src/store/store.h"
#include "tests/fuzz/fuzz.h"

/* bcrypt of cost 4: user "u", password "p". */
#define USERS                                                                                      \
	"basic_auth_users: {u: $2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234}\n"

static char folder[] = "/dev/shm/shutwatch-fuzz-http-XXXXXX";
static struct sockaddr_in addresses[2];

static char *metrics(void *context, bool is_openmetrics, size_t *ret_size)
{
	(void)context;
	(void)is_openmetrics;
	*ret_size = 5;
	return strdup("up 1\n");
}

static bool is_ready(void *context)
{
	(void)context;
	return true;
}

/* A free port: one that the kernel has just given and taken back. */
static struct sockaddr_in free_address(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	fuzz_require(bind(fd, (struct sockaddr *)&address, size) == 0);
	fuzz_require(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	close(fd);
	return address;
}

static void start(const char *store, const char *web_config, struct sockaddr_in *ret_address)
{
	struct server_options options = {
		.web_config_path = web_config,
		.store_path = store,
		.metrics = metrics,
		.is_ready = is_ready,
	};
	struct server *server;
	char listen[32];

	*ret_address = free_address();
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", ntohs(ret_address->sin_port));
	options.listen_address = listen;
	fuzz_require(server_start(&options, &server) == 0);
}

static void forget(void)
{
	static const char *const names[] = { "db", "db-wal", "db-shm", "web.yml" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* A network of its own: what lingers of a million connections disturbs nobody. */
static void leave_network(void)
{
	struct ifreq loopback = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	fuzz_require(ioctl(fd, SIOCGIFFLAGS, &loopback) == 0);
	loopback.ifr_flags |= IFF_UP;
	fuzz_require(ioctl(fd, SIOCSIFFLAGS, &loopback) == 0);
	close(fd);
}

static void start_all(void)
{
	char path[64], web[64];
	struct store *store;
	FILE *file;

	leave_network();
	fuzz_require(mkdtemp(folder));
	atexit(forget);
	snprintf(path, sizeof(path), "%s/db", folder);
	snprintf(web, sizeof(web), "%s/web.yml", folder);
	fuzz_require(store_open(path, STORE_WRITE, &store) == 0);
	store_close(store);
	file = fopen(web, "we");
	fuzz_require(file && fputs(USERS, file) >= 0 && fclose(file) == 0);
	start(path, NULL, &addresses[0]);
	start(path, web, &addresses[1]);
}

/* Each time from another address of this host: there are but so many ports. */
static int connect_to(const struct sockaddr_in *address)
{
	static uint32_t number;
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct timeval limit = { .tv_usec = 20000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fuzz_require(fd >= 0);
	here.sin_addr.s_addr = htonl(0x7f000001 + number++ % 0xfffff0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	fuzz_require(bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0);
	fuzz_require(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char answer[4096];
	ssize_t got;
	int fd;

	if (!addresses[0].sin_port)
		start_all();
	if (!size)
		return 0;
	fd = connect_to(&addresses[data[0] % 2]);
	/* It may have refused already. */
	if (send(fd, data + 1, size - 1, MSG_NOSIGNAL | MSG_MORE) >= 0 &&
	    send(fd, "\r\n\r\n", 4, MSG_NOSIGNAL) >= 0)
		shutdown(fd, SHUT_WR);
	while ((got = recv(fd, answer, sizeof(answer), 0)) > 0)
		;
	close(fd);
	return 0;
}
