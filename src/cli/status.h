/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit statuses of every command: part of the interface, listed in --help and README. */
#ifndef SHUTWATCH_STATUS_H
#define SHUTWATCH_STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,	     /* something failed on the way */
	STATUS_USAGE = 2,	     /* wrong usage, or a target that is not there */
	STATUS_GATE = 3,	     /* a condition of --fail-on held */
	STATUS_NO_TRACING = 77,	     /* a capability, BTF or a required hook is missing */
	STATUS_NOT_EXECUTABLE = 126, /* run: as a shell says it */
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNALLED = 128, /* run: plus the signal that ended the command */
};

#endif
