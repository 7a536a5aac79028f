/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside of the web configuration: sections are tables of keys. */
#ifndef SHUTWATCH_WEB_KEYS_H
#define SHUTWATCH_WEB_KEYS_H

#include "src/serve/web_config.h"
#include "src/serve/yaml_tree.h"

/* What is being read, and into what. */
struct web_reader {
	struct web_config *config;
	const struct web_key *keys; /* of the section, ends with a NULL name */
};

struct web_key {
	const char *name;
	int (*set)(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		   const yaml_node_t *value);
	const char *reason; /* why it cannot be kept */
};

/* Each key of the section by its row; one that has none is a fault. Returns 0 or -errno. */
int web_read_section(struct web_reader *reader, struct yaml_tree *tree, const yaml_node_t *node,
		     const char *name, const struct web_key *keys);

/* tls_server_config. Returns 0 or -errno. */
int web_set_tls(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		const yaml_node_t *value);

#endif
