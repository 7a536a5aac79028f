/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Socket addresses -> text. IPv4 comes as ::ffff:a.b.c.d (see events.h): its last four bytes
 * count. Resolves no names.
 */
#include "src/output/address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define IPV4_OFFSET 12

static bool address_is_mapped(const uint8_t address[ADDRESS_BYTES])
{
	static const uint8_t prefix[IPV4_OFFSET] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

const char *address_family_name(uint8_t family)
{
	switch (family) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	default:
		return NULL;
	}
}

const char *address_format(uint8_t family, const uint8_t address[ADDRESS_BYTES],
			   char buffer[ADDRESS_TEXT_BYTES])
{
	if (family == AF_INET)
		return inet_ntop(AF_INET, address + IPV4_OFFSET, buffer, ADDRESS_TEXT_BYTES);
	if (family == AF_INET6)
		return inet_ntop(AF_INET6, address, buffer, ADDRESS_TEXT_BYTES);
	return NULL;
}

const char *endpoint_format(uint8_t family, const uint8_t address[ADDRESS_BYTES], uint16_t port,
			    char buffer[ADDRESS_TEXT_BYTES])
{
	char bare[INET6_ADDRSTRLEN];

	if (family != AF_INET && family != AF_INET6)
		return NULL;
	if (family == AF_INET || address_is_mapped(address)) {
		inet_ntop(AF_INET, address + IPV4_OFFSET, bare, sizeof(bare));
		snprintf(buffer, ADDRESS_TEXT_BYTES, "%s:%u", bare, port);
	} else {
		inet_ntop(AF_INET6, address, bare, sizeof(bare));
		snprintf(buffer, ADDRESS_TEXT_BYTES, "[%s]:%u", bare, port);
	}
	return buffer;
}
