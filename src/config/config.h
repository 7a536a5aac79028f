/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /etc/shutwatch.yaml, read with libcyaml. Everything is optional; what is not known, of the wrong
 * type or out of range is an error with file, line and key. Flags are laid over it by the caller.
 */
#ifndef SHUTWATCH_CONFIG_H
#define SHUTWATCH_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "src/capture/roster.h"
#include "src/capture/rules.h"
#include "src/store/store.h"

#define CONFIG_PATH "/etc/shutwatch.yaml"

struct config {
	struct selectors targets;    /* empty: every service that listens */
	struct selectors exclusions; /* never watched */
	struct service_rules services;
	uint64_t settle_ns;
	uint64_t reopen_window_ns;
	uint64_t patience_ns;
	size_t details_limit;
	char *store_path; /* NULL: none ("store: {path: none}") */
	struct store_retention retention;
	char *listen_address;  /* NULL: no HTTP ("none") */
	char *web_config_path; /* NULL: none */
	bool is_log_json;
	void *texts; /* what the selectors point to */
};

/*
 * Reads the file. Returns 0; -ENOENT: there is none, ret_config has the defaults; -EINVAL after
 * log lines that name file, line and key; -ENOMEM; else -errno after a log line. Whenever 0 or
 * -ENOENT is returned, config_fini() frees.
 */
int config_load(const char *path, struct config *ret_config);
void config_fini(struct config *config);

#endif
