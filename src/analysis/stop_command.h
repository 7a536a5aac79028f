/* SPDX-License-Identifier: GPL-2.0-only */
/* What a unit's ExecStop= does to the service, where the command is one that is known. Pure. */
#ifndef SHUTWATCH_STOP_COMMAND_H
#define SHUTWATCH_STOP_COMMAND_H

#include <stdbool.h>

struct stop_command {
	int signal;	/* that its main process gets; 0: it cannot be known */
	bool is_waited; /* it returns when the service is gone; else systemd goes on at once */
};

/*
 * words: the command and its arguments, as systemd has them, NULL at the end. Any text may stand
 * there. As documented in kill(1), start-stop-daemon(8), nginx(8), httpd(8), apachectl(8),
 * pg_ctl(1), pg_ctlcluster(1).
 */
struct stop_command stop_command_read(char *const *words);

#endif
