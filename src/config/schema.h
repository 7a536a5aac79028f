/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of the file, as libcyaml fills it: all text, NULL for what the file does not say. */
#ifndef SHUTWATCH_SCHEMA_H
#define SHUTWATCH_SCHEMA_H

struct cyaml_schema_value;

/* One key of these is given. */
struct said_selector {
	char *unit;
	char *cgroup;
	char *exe;
	char *comm; /* not in a match */
	char *port;
};

struct said_service {
	struct said_selector *match;
	char *name;
	char **stop_signals;
	unsigned int stop_signals_count;
	char *protocol;
	char *grace;
};

struct said_retention {
	char *age;
	char *count;
	char *size;
};

struct said_store {
	char *path;
	struct said_retention *retention;
};

struct said_web {
	char *listen_address;
	char *config_file;
};

struct said_log {
	char *format;
};

struct said_privacy {
	char *record_arguments;
};

struct said {
	struct said_selector *targets;
	unsigned int targets_count;
	struct said_selector *exclusions;
	unsigned int exclusions_count;
	struct said_service *services;
	unsigned int services_count;
	char *settle;
	char *reopen_window;
	char *patience;
	char *details;
	struct said_store *store;
	struct said_web *web;
	struct said_log *log;
	struct said_privacy *privacy;
};

/* Of a struct said. */
extern const struct cyaml_schema_value said_schema;

#endif
