/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket addresses as the record holds them -> text. */
#ifndef SHUTWATCH_ADDRESS_H
#define SHUTWATCH_ADDRESS_H

#include <stdint.h>

#include "bpf/events.h"

#define ADDRESS_TEXT_BYTES 64

/* "inet", "inet6", "unix"; NULL for any other family. */
const char *address_family_name(uint8_t family);

/*
 * "10.0.0.5", "::1", as a listener is bound: an IPv6 socket on a mapped address stays IPv6.
 * Writes into buffer and returns it; NULL when the family has no such address (Unix sockets).
 */
const char *address_format(uint8_t family, const uint8_t address[ADDRESS_BYTES],
			   char buffer[ADDRESS_TEXT_BYTES]);

/*
 * "10.0.0.5:8000", "[::1]:8000". A mapped IPv4 address (::ffff:a.b.c.d) shows as IPv4, whatever
 * the family of the socket. Writes into buffer and returns it; NULL as above.
 */
const char *endpoint_format(uint8_t family, const uint8_t address[ADDRESS_BYTES], uint16_t port,
			    char buffer[ADDRESS_TEXT_BYTES]);

#endif
