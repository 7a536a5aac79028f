// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two looks at the accept queues, by /proc/PID/net/tcp and tcp6 of whoever listens: that tells them
 * in its network namespace, and a connection is the same one where its addresses and ports are.
 */
#include "src/capture/stalled.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"

#define BETWEEN_LOOKS_MS 200
#define LINE_BYTES 512

/* include/net/tcp_states.h; an orphan has no inode either, but is in neither of these states. */
#define ESTABLISHED 1
#define CLOSE_WAIT 8

struct look {
	struct queued_connection *items;
	size_t count;
	size_t capacity;
};

struct queue {
	struct audit_listener *listener;
	struct look first;
};

bool queued_connection_parse(const char *line, struct queued_connection *ret_connection)
{
	struct queued_connection connection = {};
	unsigned int state;
	unsigned long inode;

	if (sscanf(line, " %*u: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x %*s %*s %*s %*s %*s %lu",
		   connection.local, &connection.local_port, connection.peer, &connection.peer_port,
		   &state, &inode) != 6)
		return false;
	if (inode || (state != ESTABLISHED && state != CLOSE_WAIT))
		return false;
	*ret_connection = connection;
	return true;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct queued_connection));
}

/* What cannot be read is gone: nothing waits there. */
static int take_look(const struct audit_listener *listener, struct look *look)
{
	char path[64], line[LINE_BYTES];
	_cleanup_fclose_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%u/net/%s", listener->holders[0],
		 listener->family == AF_INET6 ? "tcp6" : "tcp");
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		struct queued_connection connection;
		int err;

		if (!queued_connection_parse(line, &connection) ||
		    connection.local_port != listener->port)
			continue;
		err = array_reserve((void **)&look->items, &look->capacity, look->count,
				    sizeof(*look->items));
		if (err)
			return err;
		look->items[look->count++] = connection;
	}
	if (look->count)
		qsort(look->items, look->count, sizeof(*look->items), compare);
	return 0;
}

static int look_again(const struct queue *queue)
{
	struct audit_listener *listener = queue->listener;
	struct look second = {};
	uint32_t stalled = 0;
	int err = take_look(listener, &second);

	for (size_t i = 0; i < second.count && queue->first.count; i++)
		stalled += bsearch(&second.items[i], queue->first.items, queue->first.count,
				   sizeof(second.items[i]), compare) != NULL;
	listener->stalled = stalled < listener->queued ? stalled : listener->queued;
	free(second.items);
	return err;
}

/* Returns how many there are; queues: NULL, or room for all of them. */
static size_t find_queues(struct audit *audits, size_t n_audits, struct queue *queues)
{
	size_t count = 0;

	for (size_t i = 0; i < n_audits; i++) {
		for (size_t k = 0; k < audits[i].n_listeners; k++) {
			struct audit_listener *listener = &audits[i].listeners[k];

			if (!listener->queued || listener->family == AF_UNIX)
				continue;
			if (queues)
				queues[count].listener = listener;
			count++;
		}
	}
	return count;
}

int stalled_find(struct audit *audits, size_t n_audits)
{
	size_t count = find_queues(audits, n_audits, NULL);
	_cleanup_free_ struct queue *queues = calloc(count + 1, sizeof(*queues));
	int err = 0;

	if (!queues)
		return -ENOMEM;
	find_queues(audits, n_audits, queues);
	for (size_t i = 0; i < count && !err; i++)
		err = take_look(queues[i].listener, &queues[i].first);
	if (count && !err)
		poll(NULL, 0, BETWEEN_LOOKS_MS);
	for (size_t i = 0; i < count && !err; i++)
		err = look_again(&queues[i]);
	for (size_t i = 0; i < count; i++)
		free(queues[i].first.items);
	return err;
}
