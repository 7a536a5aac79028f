// SPDX-License-Identifier: GPL-2.0-only
/* Durations, sizes, signals, times, addresses, selections: values that people and clients type. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/duration.h"
#include "src/base/when.h"
#include "src/cli/selection.h"
#include "src/config/values.h"
#include "src/serve/listen.h"
#include "src/serve/negotiate.h"
#include "src/serve/query.h"
#include "tests/fuzz/fuzz.h"
#include "tools/client/plan.h"

#define TEN_YEARS_NS (3660ULL * 86400 * 1000000000)
#define MAX 1000

static void try_numbers(const char *text)
{
	uint64_t value;
	int64_t wall_ns;
	int signal;

	if (duration_parse(text, &value) == 0)
		fuzz_require(value <= TEN_YEARS_NS);
	if (number_parse(text, MAX, &value) == 0)
		fuzz_require(value <= MAX);
	if (signal_parse(text, &signal) == 0)
		fuzz_require(signal >= 1 && signal <= SIGNAL_MAX);
	size_parse(text, &value);
	if (when_parse(text, 1700000000LL * 1000000000, &wall_ns) == 0)
		fuzz_require(wall_ns >= 0);
	query_time(text, &wall_ns);
	query_is_id(text);
	negotiate_openmetrics(text);
	negotiate_gzip(text);
}

static void try_addresses(const char *text)
{
	char shown[ADDRESS_TEXT_BYTES];
	struct listen_address listen;
	struct address address;

	if (listen_parse(text, &listen) == 0)
		fuzz_require(memchr(listen.host, 0, sizeof(listen.host)));
	for (int has_port = 0; has_port < 2; has_port++) {
		if (address_parse(text, has_port, &address))
			continue;
		address_print(&address, shown);
		fuzz_require(memchr(shown, 0, sizeof(shown)));
	}
}

/* "key=value", as the HTTP server has split it. */
static void try_query(char *text)
{
	char fault[QUERY_FAULT_BYTES], *value = strchr(text, '='), *next;
	struct query query = {};

	if (!value)
		return;
	*value = '\0';
	if (query_set(&query, text, value + 1, fault) == 0) {
		fuzz_require(query_limit(&query) <= QUERY_LIMIT_MAX);
		query_filter(&query);
		next = query_next(&query, "01JDABCDEFGHJKMNPQRSTVWXYZ");
		fuzz_require(next);
		free(next);
	} else {
		fuzz_require(memchr(fault, 0, sizeof(fault)));
	}
	*value = '=';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct store_filter filter = {};

	try_numbers(text);
	try_addresses(text);
	try_query(text);
	selection_parse(text, &filter);
	free(text);
	return 0;
}
