// SPDX-License-Identifier: GPL-2.0-only
/* Addresses as people type them and as the lines show them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/plan.h"

/* Splits "[::1]:80" or "host:80" in place. Returns the host, NULL if there is no port. */
static char *split(char *text, char **ret_port)
{
	char *colon = strrchr(text, ':');

	if (!colon || !colon[1])
		return NULL;
	*colon = '\0';
	*ret_port = colon + 1;
	if (text[0] != '[')
		return strchr(text, ':') ? NULL : text;
	if (colon - text < 3 || colon[-1] != ']')
		return NULL;
	colon[-1] = '\0';
	return text + 1;
}

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);

	return digits > 0 && digits < 6 && !text[digits] && port > 0 && port < 65536;
}

int address_parse(const char *text, bool has_port, struct address *ret_address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = has_port ? 0 : AI_NUMERICHOST };
	struct addrinfo *found;
	char copy[300], *host = copy, *port = NULL;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	if (has_port)
		host = split(copy, &port);
	if (!host || !*host || (port && !is_port(port)))
		return -EINVAL;
	if (getaddrinfo(host, port, &hints, &found))
		return -EINVAL;
	memcpy(&ret_address->storage, found->ai_addr, found->ai_addrlen);
	ret_address->size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

void address_print(const struct address *address, char text[static ADDRESS_TEXT_BYTES])
{
	const struct sockaddr_in *v4 = (const void *)&address->storage;
	const struct sockaddr_in6 *v6 = (const void *)&address->storage;
	char host[INET6_ADDRSTRLEN];

	if (address->storage.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_BYTES, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(text, ADDRESS_TEXT_BYTES, "%s:%u", host, ntohs(v4->sin_port));
	}
}
