/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of `shutwatch daemon`: what it says overrides the configuration. */
#ifndef SHUTWATCH_DAEMON_OPTIONS_H
#define SHUTWATCH_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define RUNTIME_PATH "/run/shutwatch"

struct daemon_options {
	const char *config_path;
	bool is_config_given; /* then the file must exist */
	bool only_checks_config;
	bool only_unpins;
	const char *store_path;	     /* NULL: as configured; "none": no store */
	const char *listen_address;  /* NULL: as configured; "none": no HTTP */
	const char *web_config_path; /* NULL: as configured */
	const char *log_format;	     /* NULL: as configured; "logfmt" or "json" */
	const char *runtime_path;    /* the journal and the lock; should be a tmpfs */
	const char *pins_path;	     /* NULL: nothing outlives the process */
	size_t detail_ring_bytes;    /* 0: default */
};

/* Prints help or an error and ends the process (argp) where these are asked for or due. */
void daemon_options_parse(int argc, char **argv, struct daemon_options *ret_options);

#endif
