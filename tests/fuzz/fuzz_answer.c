// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers of a server that the client watches. The first byte chooses the protocol, the second how
 * the bytes are split: that must not matter.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/client/answer.h"

static size_t feed(struct answer *answer, const uint8_t *data, size_t size, size_t step)
{
	size_t taken = 0;

	while (taken < size && !answer->is_whole) {
		size_t length = size - taken < step ? size - taken : step;
		char *bytes = malloc(length);
		size_t got;

		fuzz_require(bytes);
		memcpy(bytes, data + taken, length);
		got = answer_feed(answer, bytes, length);
		free(bytes);
		fuzz_require(got <= length);
		fuzz_require(got == length || answer->is_whole);
		taken += got;
	}
	answer_end(answer);
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer once, split;

	if (size < 3)
		return 0;
	answer_init(&once, data[0] % (PROTOCOL_POSTGRES + 1));
	split = once;
	fuzz_require(feed(&once, data + 2, size - 2, size) ==
		     feed(&split, data + 2, size - 2, 1 + data[1] % 16));
	fuzz_require(once.is_whole == split.is_whole && once.is_malformed == split.is_malformed);
	fuzz_require(once.says_close == split.says_close);
	fuzz_require(memcmp(once.status, split.status, sizeof(once.status)) == 0);
	return 0;
}
