/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads configurations and listens to what is said of them. */
#ifndef SHUTWATCH_TESTS_LOADING_H
#define SHUTWATCH_TESTS_LOADING_H

#include <stddef.h>

#include "src/config/config.h"

#define SAID_BYTES 4096
#define LOADED_NAME_BYTES 64

extern char said[SAID_BYTES]; /* on stderr, during the last of these */

/* What config_load() returns for the file. */
int load(const char *path, struct config *ret_config);
/* For a text, in a file of its own. ret_name: its path, as messages have it. */
int load_bytes(const char *text, size_t size, struct config *ret_config,
	       char ret_name[LOADED_NAME_BYTES]);
int load_text(const char *text, struct config *ret_config);

#endif
