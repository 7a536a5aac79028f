/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine on which something was observed; a recording carries it along. */
#ifndef SHUTWATCH_HOST_H
#define SHUTWATCH_HOST_H

#define HOST_NAME_BYTES 65
#define HOST_BOOT_ID_BYTES 37
#define HOST_KERNEL_BYTES 65

struct host {
	char name[HOST_NAME_BYTES];
	char boot_id[HOST_BOOT_ID_BYTES];
	char kernel[HOST_KERNEL_BYTES];
};

#endif
