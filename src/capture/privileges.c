// SPDX-License-Identifier: GPL-2.0-only
/* Compares the effective capabilities with what BPF tracing takes (capabilities(7)). */
#include "src/capture/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

static const struct {
	int number;
	const char *name;
} needed[] = {
	{ CAP_BPF, "CAP_BPF" },		      /* load programs and maps */
	{ CAP_PERFMON, "CAP_PERFMON" },	      /* trace with them */
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },   /* iterators by program id, other namespaces */
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" }, /* the program behind a pid of another user */
};

static int effective(uint64_t *ret_mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	*ret_mask = data[0].effective | (uint64_t)data[1].effective << 32;
	return 0;
}

static int check_capabilities(void)
{
	char missing[128] = "";
	uint64_t mask = 0;
	size_t i, used = 0;
	int err = effective(&mask);

	if (err)
		return 0; /* cannot be told: loading will */
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (mask & 1ULL << needed[i].number)
			continue;
		used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s",
					 used ? ", " : "", needed[i].name);
	}
	if (!used)
		return 0;
	log_error("cannot trace: %s, missing %s: %s",
		  geteuid() ? "not root" : "root without all capabilities", missing,
		  geteuid() ? "run it as root (sudo)" : "give them to the container or unit");
	return -EPERM;
}

int privileges_check(void)
{
	int err = check_capabilities();

	if (err)
		return err;
	if (access(BTF_PATH, R_OK)) {
		log_error("cannot trace: no %s (%s): the kernel must be built with "
			  "CONFIG_DEBUG_INFO_BTF=y",
			  BTF_PATH, strerror(errno));
		return -ENOTSUP;
	}
	return 0;
}
