/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of the web configuration, one row each. Owns nothing: what is read belongs to struct
 * web_config. Keys that we know and cannot keep are refused with the reason: a restriction that
 * is ignored would be a hole.
 */
#include "src/serve/web_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/serve/web_keys.h"

static int set_keyed(void *context, struct yaml_tree *tree, const char *name,
		     const yaml_node_t *value)
{
	struct web_reader *reader = context;
	const struct web_key *key = reader->keys;

	while (key->name && strcmp(key->name, name) != 0)
		key++;
	if (!key->name)
		return yaml_tree_fault(tree, name, value, "unknown key");
	if (key->reason)
		return yaml_tree_fault(tree, name, value, key->reason);
	return key->set(reader, tree, name, value);
}

int web_read_section(struct web_reader *reader, struct yaml_tree *tree, const yaml_node_t *node,
		     const char *name, const struct web_key *keys)
{
	const struct web_key *outer = reader->keys;
	int err;

	reader->keys = keys;
	err = yaml_tree_each(tree, node, name, set_keyed, reader);
	reader->keys = outer;
	return err;
}

static int set_http2(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		     const yaml_node_t *value)
{
	bool wants_http2 = false;
	int err = yaml_tree_bool(tree, key, value, &wants_http2);

	(void)reader;
	if (!err && wants_http2)
		return yaml_tree_fault(tree, key, value, "must be false: HTTP/1.1 is served");
	return err;
}

static int add_header(void *context, struct yaml_tree *tree, const char *name,
		      const yaml_node_t *value)
{
	static const char *const known[] = { "Content-Security-Policy", "Strict-Transport-Security",
					     "X-Content-Type-Options", "X-Frame-Options",
					     "X-XSS-Protection" };
	struct web_config *config = context;
	const char *text = yaml_tree_text(tree, name, value);
	struct web_header *header = &config->headers[config->n_headers];
	size_t i;

	if (!text)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(known) && strcasecmp(known[i], name) != 0; i++)
		;
	if (i == ARRAY_SIZE(known))
		return yaml_tree_fault(tree, name, value, "this header cannot be configured");
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			return yaml_tree_fault(tree, name, value, "must be printable ASCII");
	}
	for (size_t j = 0; j < config->n_headers; j++) {
		if (strcmp(config->headers[j].name, known[i]) == 0)
			return yaml_tree_fault(tree, name, value, "given twice");
	}
	*header = (struct web_header){ .name = strdup(known[i]), .value = strdup(text) };
	config->n_headers++;
	return header->name && header->value ? 0 : -ENOMEM;
}

static int set_headers(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		       const yaml_node_t *value)
{
	return yaml_tree_each(tree, value, key, add_header, reader->config);
}

static const struct web_key http_keys[] = {
	{ .name = "http2", .set = set_http2 },
	{ .name = "headers", .set = set_headers },
	{},
};

static int set_http(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		    const yaml_node_t *value)
{
	return web_read_section(reader, tree, value, key, http_keys);
}

/* "$2b$10$" and 53 letters. Returns what is wrong with it, or NULL. */
static const char *hash_fault(const char *hash)
{
	static const char letters[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789";
	int cost;

	if (strlen(hash) != 60 || strncmp(hash, "$2", 2) != 0 || !strchr("aby", hash[2]) ||
	    hash[3] != '$' || hash[6] != '$' || strspn(hash + 7, letters) != 53 ||
	    strspn(hash + 4, "0123456789") != 2)
		return "must be a bcrypt hash ($2y$...)";
	cost = (hash[4] - '0') * 10 + (hash[5] - '0');
	if (cost < 4)
		return "a bcrypt cost below 4";
	return cost > WEB_BCRYPT_COST_MAX ? "a bcrypt cost above 12: each check would hold up "
					    "every other client"
					  : NULL;
}

static int add_user(void *context, struct yaml_tree *tree, const char *name,
		    const yaml_node_t *value)
{
	struct web_config *config = context;
	const char *hash = yaml_tree_text(tree, name, value);
	const char *fault = hash ? hash_fault(hash) : NULL;
	struct web_user *user;
	int err;

	if (!hash)
		return -EINVAL;
	if (fault)
		return yaml_tree_fault(tree, name, value, fault);
	if (strchr(name, ':'))
		return yaml_tree_fault(tree, name, value, "a user's name cannot have a colon");
	if (config->n_users == WEB_USERS_MAX)
		return yaml_tree_fault(tree, name, value, "more than 1000 users");
	err = array_reserve((void **)&config->users, &config->users_capacity, config->n_users,
			    sizeof(*config->users));
	if (err)
		return err;
	user = &config->users[config->n_users++];
	*user = (struct web_user){ .name = strdup(name), .hash = strdup(hash) };
	return user->name && user->hash ? 0 : -ENOMEM;
}

static int set_users(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		     const yaml_node_t *value)
{
	return yaml_tree_each(tree, value, key, add_user, reader->config);
}

static const struct web_key top_keys[] = {
	{ .name = "tls_server_config", .set = web_set_tls },
	{ .name = "http_server_config", .set = set_http },
	{ .name = "basic_auth_users", .set = set_users },
	{ .name = "rate_limit", .reason = "not supported: the limits are built in" },
	{},
};

int web_config_load(const char *path, struct web_config *ret_config)
{
	struct web_config config = { .min_version = 12, .max_version = 13 };
	struct web_reader reader = { .config = &config };
	const yaml_node_t *root;
	struct yaml_tree tree;
	int err;

	err = yaml_tree_load(path, &tree);
	if (err)
		return err;
	root = yaml_tree_root(&tree);
	if (root)
		err = web_read_section(&reader, &tree, root, "the file", top_keys);
	yaml_tree_fini(&tree);
	if (err)
		web_config_fini(&config);
	else
		*ret_config = config;
	return err;
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void web_config_fini(struct web_config *config)
{
	free(config->cert_file);
	free(config->key_file);
	free(config->client_ca_file);
	free(config->groups);
	free(config->suites);
	for (size_t i = 0; i < config->n_headers; i++) {
		free(config->headers[i].name);
		free(config->headers[i].value);
	}
	for (size_t i = 0; i < config->n_users; i++) {
		free(config->users[i].name);
		wipe(config->users[i].hash);
	}
	free(config->users);
	*config = (struct web_config){};
}
