/* SPDX-License-Identifier: GPL-2.0-only */
/* What the configuration says about services; plain data, filled elsewhere. */
#ifndef SHUTWATCH_RULES_H
#define SHUTWATCH_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

enum rule_match { RULE_UNIT, RULE_CGROUP, RULE_EXE, RULE_PORT };

/* One service that is known better than its processes show. The first rule that matches counts. */
struct service_rule {
	enum rule_match match;
	char *pattern;	       /* unit, cgroup and exe: a glob, as fnmatch(3) with FNM_NOESCAPE */
	uint32_t port;	       /* RULE_PORT */
	char *name;	       /* NULL: as found */
	uint64_t stop_signals; /* more than the usual: bit 1 << (signal - 1) */
	bool is_multiplexed;
	uint64_t grace_ns; /* 0: unknown */
};

struct service_rules {
	struct service_rule *items;
	size_t count;
	size_t capacity;
	bool records_arguments;
};

/* What is to be known of a service before its rule is found. */
struct rule_subject {
	const char *unit;   /* "": none */
	const char *cgroup; /* "": unknown */
	const char *exe;    /* "": unknown */
	const uint16_t *ports;
	size_t n_ports;
};

/* NULL: no rule matches. `rules` may be NULL. */
const struct service_rule *rules_find(const struct service_rules *rules,
				      const struct rule_subject *subject);
/* Frees what the rules hold. */
void rules_fini(struct service_rules *rules);

#endif
