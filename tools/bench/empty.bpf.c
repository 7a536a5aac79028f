// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that do nothing, on the hooks of shutwatch's: as many of them on each. What they seem
 * to cost is what the kernel's statistics cost, which is in every other figure too.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* clang-format off */
#define EMPTY(hook, name)                                                                          \
	SEC("tp_btf/" #hook)                                                                       \
	int name(void *context)                                                                    \
	{                                                                                          \
		return 0;                                                                          \
	}

EMPTY(inet_sock_set_state, empty_tcp_state_1)
EMPTY(inet_sock_set_state, empty_tcp_state_2)
EMPTY(tcp_destroy_sock, empty_tcp_destroyed)
EMPTY(tcp_send_reset, empty_reset_sent)
EMPTY(signal_generate, empty_signal_generate)
EMPTY(signal_deliver, empty_signal_deliver)
EMPTY(sched_process_exit, empty_process_exit)
EMPTY(sched_process_fork, empty_process_fork)
