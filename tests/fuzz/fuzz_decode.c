// SPDX-License-Identifier: GPL-2.0-only
/* Bytes as the ring buffer hands them over: an event, or refused without a trace. */
#include <string.h>

#include "src/model/decode.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union event event, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	event = untouched;
	if (decode_event(data, size, &event)) {
		fuzz_require(memcmp(&event, &untouched, sizeof(event)) == 0);
		return 0;
	}
	fuzz_require(event.header.size <= size);
	fuzz_require(event.header.type > EVENT_NONE && event.header.type < EVENT_TYPES);
	return 0;
}
