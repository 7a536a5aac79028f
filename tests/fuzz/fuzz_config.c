// SPDX-License-Identifier: GPL-2.0-only
/* The configuration file of the daemon. */
#include <errno.h>

#include "src/config/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	int err = config_load(fuzz_file(data, size), &config);

	fuzz_require(err == 0 || err == -EINVAL || err == -EFBIG);
	if (!err)
		config_fini(&config);
	return 0;
}
