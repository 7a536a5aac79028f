/* SPDX-License-Identifier: GPL-2.0-only */
/* A keep-alive connection to another server, as pools of clients hold them. */
#ifndef SHUTWATCH_OUTBOUND_H
#define SHUTWATCH_OUTBOUND_H

#include "victim.h"

/* One request, answered when wait_ms are over. Returns the descriptor; name: of our own end. */
static inline int hold(int port, unsigned int wait_ms, char name[PEER_BYTES])
{
	struct sockaddr_storage there, here;
	socklen_t length = parse_address("127.0.0.1", port, &there), size = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[64], answer[256];
	ssize_t got;

	if (fd < 0 || connect(fd, (struct sockaddr *)&there, length) < 0)
		fail("connect");
	snprintf(request, sizeof(request), "GET /%u/1 HTTP/1.1\r\nHost: peer\r\n\r\n", wait_ms);
	if (send(fd, request, strlen(request), 0) < 0)
		fail("send");
	do
		got = recv(fd, answer, sizeof(answer), 0);
	while (got > 0 && answer[got - 1] != 'x');
	if (getsockname(fd, (struct sockaddr *)&here, &size) < 0)
		fail("learn our own address");
	name_address(&here, name);
	say("held", "\"local\":\"%s\",\"port\":%d", name, port);
	return fd;
}

#endif
