/* SPDX-License-Identifier: GPL-2.0-only */
/* Every option of every command, by the set that it belongs to. */
#ifndef SHUTWATCH_OPTION_ROWS_H
#define SHUTWATCH_OPTION_ROWS_H

#include <argp.h>
#include <stddef.h>

enum option_key {
	KEY_PID = 256,
	KEY_COMM,
	KEY_EXE,
	KEY_UNIT,
	KEY_CGROUP,
	KEY_PORT,
	KEY_DURATION,
	KEY_MULTIPLEXED,
	KEY_STOP_SIGNAL,
	KEY_SIGNAL,
	KEY_JSON,
	KEY_SETTLE,
	KEY_PATIENCE,
	KEY_DETAILS,
	KEY_RING_SIZE,
	KEY_BEST_EFFORT,
	KEY_STORE,
	KEY_SERVICE,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_OUTCOME,
	KEY_FINDING,
	KEY_BEFORE,
	KEY_FORMAT,
	KEY_FAIL_ON,
	KEY_JUNIT,
};

struct option_row {
	unsigned int set; /* enum option_set */
	struct argp_option option;
};

#define OPTION_ROWS_MAX 64 /* asserted */

extern const struct option_row option_rows[];
extern const size_t n_option_rows;

#endif
