/* SPDX-License-Identifier: GPL-2.0-only */
/* How systemd stops a unit. The only user of D-Bus. */
#ifndef SHUTWATCH_UNIT_H
#define SHUTWATCH_UNIT_H

#include <stdint.h>

#include "src/analysis/audit.h"

/*
 * Asks the systemd of this host, for at most a second or two, for KillSignal, KillMode,
 * TimeoutStopUSec, SendSIGKILL, MainPID, ExecStop and RestartKillSignal of the unit, into those
 * fields of the audit. Its service says which unit, and in which cgroup it must be: a unit of a
 * machine inside, or of a user, may have the same name. Returns 0, or -errno with the audit
 * untouched (-ENOENT: no systemd, or another unit).
 */
int unit_read(struct audit *audit);

#endif
