/* SPDX-License-Identifier: GPL-2.0-only */
/* What the command line says. Parsed by argp; every value is checked here and nowhere else. */
#ifndef SHUTWATCH_OPTIONS_H
#define SHUTWATCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/condition.h"
#include "src/capture/roster.h"
#include "src/model/model.h"
#include "src/store/store.h"

struct options {
	struct selectors selectors;
	struct model_options model;
	struct service_rules rules; /* of every service: none, or the one below */
	struct service_rule rule;
	size_t detail_ring_bytes; /* 0: default */
	bool is_json;
	int signal; /* of audit; 0: not said */
	bool is_best_effort;
	uint64_t count;		 /* 0: no end */
	uint64_t duration_ns;	 /* 0: no end */
	const char *output_path; /* NULL: none */
	const char *file;	 /* of record and replay */
	char **command;		 /* of run: NULL-terminated */
	const char *store_path;
	struct store_filter filter;
	const char *before; /* id or its beginning; NULL: none */
	bool is_csv;
	struct conditions fail_on;
	const char *junit_path; /* NULL: none */
	const char *names[2];	/* of show and diff: ids, "last", sets */
};

enum option_set {
	OPTIONS_MODEL = 1 << 0,	  /* --settle --patience --details --ring-size */
	OPTIONS_TARGETS = 1 << 1, /* --pid … --port */
	OPTIONS_JSON = 1 << 2,
	OPTIONS_FILE = 1 << 3,	   /* one argument: FILE */
	OPTIONS_COMMAND = 1 << 4,  /* -o, --best-effort, CMD… */
	OPTIONS_STORE = 1 << 5,	   /* --store */
	OPTIONS_FILTER = 1 << 6,   /* --service … --finding, -n */
	OPTIONS_PAGE = 1 << 7,	   /* --before */
	OPTIONS_FORMAT = 1 << 8,   /* --format */
	OPTIONS_ID = 1 << 9,	   /* one argument: a record */
	OPTIONS_PAIR = 1 << 10,	   /* two arguments: records or sets */
	OPTIONS_SERVICE = 1 << 11, /* --multiplexed, --stop-signal */
	OPTIONS_END = 1 << 12,	   /* -n, --duration */
	OPTIONS_SIGNAL = 1 << 13,  /* --signal */
	OPTIONS_GATE = 1 << 14,	   /* --fail-on, --junit */
};

struct options_usage {
	const char *arguments; /* "FILE", "-- CMD…" */
	const char *doc;
	unsigned int sets; /* enum option_set */
};

/*
 * Parses argv; argv[0] is the name of the command. Prints help or an error and ends the process
 * (argp) where these are asked for or due. ret_options must stay where it is: it points into
 * itself. options_fini() frees.
 */
void options_parse(const struct options_usage *usage, int argc, char **argv,
		   struct options *ret_options);
void options_fini(struct options *options);

#endif
