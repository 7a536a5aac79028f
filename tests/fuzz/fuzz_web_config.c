// SPDX-License-Identifier: GPL-2.0-only
/* The file with certificates, users and headers of the HTTP server. */
#include <errno.h>

#include "src/serve/web_config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_config config = {};
	int err = web_config_load(fuzz_file(data, size), &config);

	fuzz_require(err == 0 || err == -EINVAL || err == -EFBIG);
	fuzz_require(config.n_users <= WEB_USERS_MAX && config.n_headers <= WEB_HEADERS_MAX);
	fuzz_require(config.n_suites <= WEB_SUITES_MAX);
	web_config_fini(&config);
	return 0;
}
