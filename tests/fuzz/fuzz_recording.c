// SPDX-License-Identifier: GPL-2.0-only
/* A file that `replay` is given: refused in words, or a record of it. */
#include <errno.h>

#include "src/capture/recording.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/replayed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recording_fault fault;
	struct replayed replayed;
	int err;

	replayed_init(&replayed);
	err = recording_read(fuzz_file(data, size), &replayed.host, replayed_event, &replayed,
			     &fault);
	fuzz_require(err == 0 || err == -EBADMSG);
	fuzz_require((err == 0) == !fault.what);
	fuzz_require(fault.offset <= size);
	replayed_fini(&replayed);
	return 0;
}
