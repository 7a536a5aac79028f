/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses to listen on, and who may connect how often and for how long. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/serve/connections.h"
#include "src/serve/listen.h"

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused */
		uint16_t port;
	} cases[] = {
		{ "127.0.0.1:9942", "127.0.0.1", 9942 },
		{ "[::1]:9942", "::1", 9942 },
		{ ":9942", "", 9942 },
		{ "localhost:0", "localhost", 0 },
		{ "[fe80::1%lo]:65535", "fe80::1%lo", 65535 },
		{ "::1:9942", NULL, 0 },
		{ "127.0.0.1", NULL, 0 },
		{ "9942", NULL, 0 },
		{ "", NULL, 0 },
		{ ":", NULL, 0 },
		{ "a:", NULL, 0 },
		{ "a:65536", NULL, 0 },
		{ "a:123456", NULL, 0 },
		{ "a:-1", NULL, 0 },
		{ "a:+1", NULL, 0 },
		{ "a: 1", NULL, 0 },
		{ "a:80x", NULL, 0 },
		{ "[]:80", NULL, 0 },
		{ "[::1:80", NULL, 0 },
		{ "::1]:80", NULL, 0 },
		{ "[127.0.0.1]:80", NULL, 0 },
		{ "[[::1]]:80", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listen_address address;
		int err = listen_parse(cases[i].text, &address);

		if ((err == 0) != (cases[i].host != NULL))
			fail_msg("%s: %d", cases[i].text, err);
		if (err)
			continue;
		assert_string_equal(address.host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
	}
}

static void test_long_host(void **state)
{
	char text[300];
	struct listen_address address;

	(void)state;
	memset(text, 'a', sizeof(text));
	strcpy(text + sizeof(text) - 4, ":80");
	assert_int_equal(listen_parse(text, &address), -EINVAL);
	assert_int_equal(listen_parse(text + sizeof(text) - 4 - (LISTEN_HOST_BYTES - 1), &address),
			 0);
}

static void test_taken_port(void **state)
{
	_cleanup_close_ int fd = listen_open("127.0.0.1:0");
	char where[LISTEN_TEXT_BYTES];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(listen_open(listen_text(fd, where)), -EADDRINUSE);
	assert_int_equal(strncmp(where, "127.0.0.1:", 10), 0);
}

static struct sockaddr_storage peer_of(const char *text)
{
	struct sockaddr_storage storage = {};
	struct sockaddr_in6 *v6 = (void *)&storage;
	struct sockaddr_in *v4 = (void *)&storage;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		storage.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		storage.ss_family = AF_INET6;
	else
		fail_msg("%s", text);
	return storage;
}

static bool has_room(const struct connections *connections, const char *peer)
{
	struct sockaddr_storage storage = peer_of(peer);

	return connections_has_room(connections, (struct sockaddr *)&storage);
}

static struct connection *add(struct connections *connections, const char *peer, int fd,
			      uint64_t now_ns)
{
	struct sockaddr_storage storage = peer_of(peer);
	struct connection *connection =
		connections_add(connections, (struct sockaddr *)&storage, fd, NULL, now_ns);

	assert_non_null(connection);
	return connection;
}

static void remove_all(struct connections *connections)
{
	while (connections->first)
		connections_remove(connections, connections->first);
	assert_int_equal(connections->count, 0);
}

static void test_limits(void **state)
{
	struct connections connections = {};
	struct connection *one = NULL;

	(void)state;
	for (int i = 0; i < CONNECTIONS_PER_PEER_MAX; i++) {
		assert_true(has_room(&connections, "10.0.0.1"));
		one = add(&connections, i % 2 ? "10.0.0.1" : "::ffff:10.0.0.1", -1, 0);
	}
	assert_false(has_room(&connections, "10.0.0.1"));
	assert_false(has_room(&connections, "::ffff:10.0.0.1"));
	assert_true(has_room(&connections, "10.0.0.2"));
	connections_remove(&connections, one);
	assert_true(has_room(&connections, "10.0.0.1"));
	for (int i = 0; connections.count < CONNECTIONS_MAX; i++) {
		char peer[32];

		assert_true(has_room(&connections, "10.0.0.2"));
		snprintf(peer, sizeof(peer), "10.1.0.%d", i);
		add(&connections, peer, -1, 0);
	}
	assert_false(has_room(&connections, "10.0.0.2"));
	remove_all(&connections);
}

static void test_ipv6_prefix(void **state)
{
	struct connections connections = {};

	(void)state;
	for (int i = 0; i < CONNECTIONS_PER_PEER_MAX; i++) {
		char peer[48];

		snprintf(peer, sizeof(peer), "2001:db8:0:1::%x", i + 1);
		add(&connections, peer, -1, 0);
	}
	assert_false(has_room(&connections, "2001:db8:0:1:ffff::1"));
	assert_true(has_room(&connections, "2001:db8:0:2::1"));
	assert_true(has_room(&connections, "::1"));
	remove_all(&connections);
}

static void test_deadlines(void **state)
{
	struct connections connections = {};
	struct connection *early, *late;
	int pair[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(connections_sweep(&connections, 5) == UINT64_MAX);
	early = add(&connections, "10.0.0.1", pair[0], 100);
	late = add(&connections, "10.0.0.2", -1, 300);
	assert_int_equal(connections_sweep(&connections, 200), 100 + CONNECTION_TOTAL_NS);
	connection_answered(early, 200);
	assert_int_equal(connections_sweep(&connections, 100 + CONNECTION_TOTAL_NS),
			 200 + CONNECTION_TOTAL_NS);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(connections_sweep(&connections, 200 + CONNECTION_TOTAL_NS),
			 300 + CONNECTION_TOTAL_NS);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
	assert_true(early->is_cut);
	assert_false(late->is_cut);
	remove_all(&connections);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),   cmocka_unit_test(test_long_host),
		cmocka_unit_test(test_taken_port),  cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ipv6_prefix), cmocka_unit_test(test_deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
