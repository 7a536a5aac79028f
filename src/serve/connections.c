/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of connections, a list: at most CONNECTIONS_MAX. Owns the entries, not the sockets:
 * one whose time is over is shut down, upon which libmicrohttpd closes it.
 */
#include "src/serve/connections.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Who has one IPv6 address has a whole /64; an IPv4 address is one peer. */
#define PREFIX_BYTES 8

/* Fills in the peer of a new connection. */
static void set_peer(struct connection *connection, const struct sockaddr *peer)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct sockaddr_in6 *v6 = (const void *)peer;
	const struct sockaddr_in *v4 = (const void *)peer;

	connection->peer_bytes = sizeof(connection->peer);
	if (peer->sa_family == AF_INET) {
		memcpy(connection->peer, mapped, sizeof(mapped));
		memcpy(connection->peer + sizeof(mapped), &v4->sin_addr, sizeof(v4->sin_addr));
	} else if (peer->sa_family == AF_INET6) {
		memcpy(connection->peer, &v6->sin6_addr, sizeof(v6->sin6_addr));
		if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr))
			connection->peer_bytes = PREFIX_BYTES;
	}
}

bool connections_has_room(const struct connections *connections, const struct sockaddr *peer)
{
	struct connection candidate = {};
	size_t same = 0;

	set_peer(&candidate, peer);
	for (const struct connection *each = connections->first; each; each = each->next)
		same += memcmp(each->peer, candidate.peer, candidate.peer_bytes) == 0;
	return connections->count < CONNECTIONS_MAX && same < CONNECTIONS_PER_PEER_MAX;
}

struct connection *connections_add(struct connections *connections, const struct sockaddr *peer,
				   int fd, struct tls *tls, uint64_t now_ns)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	set_peer(connection, peer);
	connection->fd = fd;
	connection->tls = tls ? tls_ref(tls) : NULL;
	connection->deadline_ns = now_ns + CONNECTION_TOTAL_NS;
	connection->next = connections->first;
	connections->first = connection;
	connections->count++;
	return connection;
}

void connections_remove(struct connections *connections, struct connection *connection)
{
	struct connection **link = &connections->first;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	connections->count--;
	tls_unref(connection->tls);
	free(connection);
}

void connection_answered(struct connection *connection, uint64_t now_ns)
{
	connection->deadline_ns = now_ns + CONNECTION_TOTAL_NS;
}

uint64_t connections_sweep(struct connections *connections, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (struct connection *each = connections->first; each; each = each->next) {
		if (each->is_cut)
			continue;
		if (each->deadline_ns <= now_ns) {
			shutdown(each->fd, SHUT_RDWR);
			each->is_cut = true;
		} else if (each->deadline_ns < next_ns) {
			next_ns = each->deadline_ns;
		}
	}
	return next_ns;
}
