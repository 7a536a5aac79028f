// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sound events in any order: the kernel's may be lost, late and twice. Input: a byte for the type,
 * one for which parts differ from a plain event, then those parts.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/replayed.h"

#define GENERATIONS 3
#define CHUNK 8

/* Returns how many bytes of the input it took. */
static size_t make_event(const uint8_t *data, size_t size, uint64_t now_ns, union event *event)
{
	size_t taken = 3, body = 0;

	memset(event, 0, sizeof(*event));
	event->header.type = (uint16_t)(1 + data[0] % (EVENT_TYPES - 1));
	event->header.size = event_size(event->header.type);
	event->header.at_ns = now_ns + data[1] * 1000000ULL;
	event->header.service = event->header.generation = 1 + data[1] % GENERATIONS;
	body = event->header.size - sizeof(event->header);
	for (size_t part = 0; part < 8 && part * CHUNK < body; part++) {
		size_t length = body - part * CHUNK < CHUNK ? body - part * CHUNK : CHUNK;

		if (!(data[2] & 1 << part) || taken + length > size)
			continue;
		memcpy((char *)event + sizeof(event->header) + part * CHUNK, data + taken, length);
		taken += length;
	}
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union event made, event;
	struct replayed replayed;
	uint64_t now_ns = 1000000000;
	size_t at = 0;

	replayed_init(&replayed);
	while (size - at >= 3) {
		at += make_event(data + at, size - at, now_ns, &made);
		now_ns = made.header.at_ns;
		if (decode_event(&made, made.header.size, &event) == 0)
			replayed_event(&replayed, &event);
	}
	replayed_fini(&replayed);
	return 0;
}
