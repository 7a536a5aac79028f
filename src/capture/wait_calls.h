/* SPDX-License-Identifier: GPL-2.0-only */
/* The system calls in which threads wait: their numbers on this machine, their names. */
#ifndef SHUTWATCH_WAIT_CALLS_H
#define SHUTWATCH_WAIT_CALLS_H

#include <stdint.h>

#include "bpf/maps.h"

/* What the iterator has to know: an enum wait_call for each number. */
void wait_calls_fill(uint8_t ret_calls[WAIT_CALLS_MAX]);

/* "epoll_wait"; NULL: not in the table. */
const char *wait_call_name(int32_t number);

#endif
