/* SPDX-License-Identifier: GPL-2.0-only */
/* What systemd, where this runs, tells of a unit: unit_reader UNIT CGROUP */
#include <stdio.h>
#include <string.h>

#include "src/capture/unit.h"

int main(int argc, char **argv)
{
	struct audit audit = { .grace_ns = TIME_UNKNOWN };
	const char *mode;
	int err;

	if (argc != 3)
		return 2;
	snprintf(audit.service.unit, sizeof(audit.service.unit), "%s", argv[1]);
	snprintf(audit.service.cgroup, sizeof(audit.service.cgroup), "%s", argv[2]);
	err = unit_read(&audit);
	mode = kill_mode_name(audit.kill_mode);
	printf("%d %d %s %u %d %lld %d %d %d\n%s\n", err, audit.signal, mode ? mode : "-",
	       audit.main_pid, audit.sends_kill, (long long)audit.grace_ns, audit.signal_source,
	       audit.command_returns, audit.restart_signal,
	       audit.stop_command ? audit.stop_command : "");
	audit_fini(&audit);
	return 0;
}
