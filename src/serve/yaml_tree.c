/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libyaml's document, walked. Owns the document. An alias is the node itself, never a copy, and
 * the walk goes only as deep as the reader of the file asks: nothing here can blow up.
 */
#include "src/serve/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

int yaml_tree_fault(struct yaml_tree *tree, const char *key, const yaml_node_t *value,
		    const char *what)
{
	log_error("%s:%zu: %s: %s", tree->path, value->start_mark.line + 1, key, what);
	return -EINVAL;
}

/* Returns the size, or -errno after a line in the log. */
static ssize_t read_file(const char *path, char **ret_bytes)
{
	/* Not blocking: somebody's FIFO must not hold the server. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *bytes = malloc(YAML_TREE_BYTES_MAX + 1);
	struct stat status;
	ssize_t size = 0;
	ssize_t got = 1;

	if (!bytes)
		return -ENOMEM;
	if (fd < 0 || fstat(fd, &status)) {
		log_error("cannot read %s: %s", path, strerror(errno));
		return -errno;
	}
	if (!S_ISREG(status.st_mode)) {
		log_error("cannot read %s: it is no file", path);
		return -EINVAL;
	}
	while (got > 0 && size <= YAML_TREE_BYTES_MAX) {
		got = read(fd, bytes + size, (size_t)(YAML_TREE_BYTES_MAX + 1 - size));
		if (got > 0)
			size += got;
	}
	if (got < 0) {
		log_error("cannot read %s: %s", path, strerror(errno));
		return -errno;
	}
	if (size > YAML_TREE_BYTES_MAX) {
		log_error("%s: more than %d bytes", path, YAML_TREE_BYTES_MAX);
		return -EINVAL;
	}
	*ret_bytes = TAKE_PTR(bytes);
	return size;
}

static int parse(yaml_parser_t *parser, struct yaml_tree *tree)
{
	yaml_document_t second;
	bool is_alone;

	if (!yaml_parser_load(parser, &tree->document))
		goto fault;
	if (!yaml_document_get_root_node(&tree->document))
		return 0;
	if (!yaml_parser_load(parser, &second)) {
		yaml_document_delete(&tree->document);
		goto fault;
	}
	is_alone = !yaml_document_get_root_node(&second);
	yaml_document_delete(&second);
	if (is_alone)
		return 0;
	log_error("%s: more than one document", tree->path);
	yaml_document_delete(&tree->document);
	return -EINVAL;
fault:
	log_error("%s:%zu: %s", tree->path,
		  (parser->problem_mark.line ? parser->problem_mark.line
					     : parser->context_mark.line) +
			  1,
		  parser->problem ? parser->problem : "out of memory");
	return -EINVAL;
}

int yaml_tree_load(const char *path, struct yaml_tree *ret_tree)
{
	struct yaml_tree tree = { .path = path };
	_cleanup_free_ char *bytes = NULL;
	ssize_t size = read_file(path, &bytes);
	yaml_parser_t parser;
	int err;

	if (size < 0)
		return (int)size;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, (size_t)size);
	err = parse(&parser, &tree);
	yaml_parser_delete(&parser);
	/* Passwords' hashes. */
	if (bytes)
		explicit_bzero(bytes, (size_t)size);
	if (!err)
		*ret_tree = tree;
	return err;
}

void yaml_tree_fini(struct yaml_tree *tree)
{
	yaml_document_delete(&tree->document);
}

const yaml_node_t *yaml_tree_root(struct yaml_tree *tree)
{
	return yaml_document_get_root_node(&tree->document);
}

/* "key:" and "key: null": nothing was given. */
static bool node_is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!text[0] || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static const char *node_text(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE || !text[0] ||
	    strlen(text) != node->data.scalar.length || node_is_null(node))
		return NULL;
	return text;
}

static bool is_first(struct yaml_tree *tree, const yaml_node_t *node, const yaml_node_pair_t *pair,
		     const char *key)
{
	const yaml_node_pair_t *each;

	for (each = node->data.mapping.pairs.start; each < pair; each++) {
		const yaml_node_t *other = yaml_document_get_node(&tree->document, each->key);

		if (strcmp(node_text(other), key) == 0)
			return false;
	}
	return true;
}

int yaml_tree_each(struct yaml_tree *tree, const yaml_node_t *node, const char *name,
		   yaml_tree_visit visit, void *context)
{
	const yaml_node_pair_t *pair;

	if (node_is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return yaml_tree_fault(tree, name, node, "must be a mapping");
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&tree->document, pair->key);
		const char *text = node_text(key);
		int err;

		if (!text)
			return yaml_tree_fault(tree, name, key, "a key that is no text");
		if (!is_first(tree, node, pair, text))
			return yaml_tree_fault(tree, text, key, "given twice");
		err = visit(context, tree, text,
			    yaml_document_get_node(&tree->document, pair->value));
		if (err)
			return err;
	}
	return 0;
}

int yaml_tree_each_item(struct yaml_tree *tree, const yaml_node_t *node, const char *name,
			yaml_tree_visit visit, void *context)
{
	const yaml_node_item_t *item;

	if (node_is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return yaml_tree_fault(tree, name, node, "must be a list");
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		int err =
			visit(context, tree, name, yaml_document_get_node(&tree->document, *item));

		if (err)
			return err;
	}
	return 0;
}

const char *yaml_tree_text(struct yaml_tree *tree, const char *key, const yaml_node_t *value)
{
	const char *text = node_text(value);

	if (!text)
		yaml_tree_fault(tree, key, value, "must be a text that is not empty");
	return text;
}

int yaml_tree_bool(struct yaml_tree *tree, const char *key, const yaml_node_t *value,
		   bool *ret_bool)
{
	const char *text = node_text(value);

	if (text && strcmp(text, "true") == 0)
		*ret_bool = true;
	else if (text && strcmp(text, "false") == 0)
		*ret_bool = false;
	else
		return yaml_tree_fault(tree, key, value, "must be true or false");
	return 0;
}
