/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of /proc/net/tcp: which of them are connections that nobody has accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/capture/stalled.h"

#define V4 "   2: 0100007F:1F40 0100007F:D2A4 "
#define V6 "   3: 00000000000000000000000001000000:1F40 00000000000000000000000001000000:D2A4 "
/* Queues and timer, then user, time-out, inode and what nobody reads. */
#define TIMES " 00000000:00000001 00:00000000 00000000     0        0 "
#define REST " 1 00000000e5b2f1a3 20 0 0 10 -1\n"

static void test_queued(void **state)
{
	static const char *const lines[] = { V4 "01" TIMES "0" REST, V6 "08" TIMES "0" REST };
	struct queued_connection first, second;

	(void)state;
	assert_true(queued_connection_parse(lines[0], &first));
	assert_string_equal(first.local, "0100007F");
	assert_int_equal(first.local_port, 8000);
	assert_string_equal(first.peer, "0100007F");
	assert_int_equal(first.peer_port, 0xd2a4);
	assert_true(queued_connection_parse(lines[1], &second));
	assert_string_equal(second.peer, "00000000000000000000000001000000");
	assert_memory_not_equal(&first, &second, sizeof(first));
}

static void test_others(void **state)
{
	static const char *const lines[] = {
		"",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		"uid  timeout inode",
		V4 "01" TIMES "71292" REST,	/* accepted */
		V4 "0A" TIMES "71291" REST,	/* a listener */
		V4 "04" TIMES "0" REST,		/* an orphan */
		V4 "06" TIMES "0" REST,		/* TIME_WAIT */
		V4 "01 00000000:00000000 00:0", /* cut */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct queued_connection connection;

		if (queued_connection_parse(lines[i], &connection))
			fail_msg("%s", lines[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queued),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
