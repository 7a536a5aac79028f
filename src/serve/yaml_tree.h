/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small YAML file whose mappings have keys that no schema can list (user names), read through
 * libyaml. Every fault is one line in the log that names file, line and key.
 */
#ifndef SHUTWATCH_YAML_TREE_H
#define SHUTWATCH_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#define YAML_TREE_BYTES_MAX (256 * 1024)

struct yaml_tree {
	const char *path; /* the caller's */
	yaml_document_t document;
};

/* Returns 0; -EINVAL or another -errno after a line in the log. yaml_tree_fini() frees. */
int yaml_tree_load(const char *path, struct yaml_tree *ret_tree);
void yaml_tree_fini(struct yaml_tree *tree);

/* NULL when the file is empty. Nodes live as long as the tree. */
const yaml_node_t *yaml_tree_root(struct yaml_tree *tree);

/* Takes one key with its value; returns 0 or -errno, which ends the visit. */
typedef int (*yaml_tree_visit)(void *context, struct yaml_tree *tree, const char *key,
			       const yaml_node_t *value);

/* Each key of the mapping, which may come but once. `name` says what it is in a fault. An empty
 * value counts as an empty mapping. Returns 0 or -errno. */
int yaml_tree_each(struct yaml_tree *tree, const yaml_node_t *node, const char *name,
		   yaml_tree_visit visit, void *context);

/* Each text of the sequence. Returns 0 or -errno. */
int yaml_tree_each_item(struct yaml_tree *tree, const yaml_node_t *node, const char *name,
			yaml_tree_visit visit, void *context);

/* The text of a value, or NULL after a line in the log; "" is a fault too. */
const char *yaml_tree_text(struct yaml_tree *tree, const char *key, const yaml_node_t *value);

/* Returns 0, or -EINVAL after a line in the log. */
int yaml_tree_bool(struct yaml_tree *tree, const char *key, const yaml_node_t *value,
		   bool *ret_bool);

/* One line in the log: file, line, key, what. Returns -EINVAL. */
int yaml_tree_fault(struct yaml_tree *tree, const char *key, const yaml_node_t *value,
		    const char *what);

#endif
