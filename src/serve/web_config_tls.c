/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tls_server_config. Owns nothing. What GnuTLS cannot do as it is asked for is refused with the
 * reason: a restriction that is ignored would be a hole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/serve/web_keys.h"

/* Relative names are relative to the folder of the configuration. */
static char *resolve(const char *config_path, const char *name)
{
	const char *slash = strrchr(config_path, '/');
	char *path;

	if (name[0] == '/' || !slash)
		return strdup(name);
	if (asprintf(&path, "%.*s/%s", (int)(slash - config_path), config_path, name) < 0)
		return NULL;
	return path;
}

static int set_file(struct yaml_tree *tree, const char *key, const yaml_node_t *value,
		    char **ret_path)
{
	const char *text = yaml_tree_text(tree, key, value);

	if (!text)
		return -EINVAL;
	*ret_path = resolve(tree->path, text);
	return *ret_path ? 0 : -ENOMEM;
}

static int set_cert_file(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			 const yaml_node_t *value)
{
	return set_file(tree, key, value, &reader->config->cert_file);
}

static int set_key_file(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			const yaml_node_t *value)
{
	return set_file(tree, key, value, &reader->config->key_file);
}

static int set_client_ca_file(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			      const yaml_node_t *value)
{
	return set_file(tree, key, value, &reader->config->client_ca_file);
}

static int set_client_auth(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			   const yaml_node_t *value)
{
	static const char *const names[] = {
		[CLIENT_AUTH_NONE] = "NoClientCert",
		[CLIENT_AUTH_REQUEST] = "RequestClientCert",
		[CLIENT_AUTH_REQUIRE_ANY] = "RequireAnyClientCert",
		[CLIENT_AUTH_VERIFY_GIVEN] = "VerifyClientCertIfGiven",
		[CLIENT_AUTH_VERIFY] = "RequireAndVerifyClientCert",
	};
	const char *text = yaml_tree_text(tree, key, value);

	for (size_t i = 0; text && i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			reader->config->client_auth = (enum web_client_auth)i;
			return 0;
		}
	}
	return text ? yaml_tree_fault(tree, key, value,
				      "must be NoClientCert, RequestClientCert, "
				      "RequireAnyClientCert, VerifyClientCertIfGiven or "
				      "RequireAndVerifyClientCert")
		    : -EINVAL;
}

static int read_version(struct yaml_tree *tree, const char *key, const yaml_node_t *value,
			int *ret_version)
{
	const char *text = yaml_tree_text(tree, key, value);

	if (!text)
		return -EINVAL;
	if (strlen(text) != 5 || strncmp(text, "TLS1", 4) != 0 || text[4] < '0' || text[4] > '3')
		return yaml_tree_fault(tree, key, value, "must be TLS10, TLS11, TLS12 or TLS13");
	*ret_version = 10 + (text[4] - '0');
	return 0;
}

static int set_min_version(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			   const yaml_node_t *value)
{
	return read_version(tree, key, value, &reader->config->min_version);
}

static int set_max_version(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			   const yaml_node_t *value)
{
	return read_version(tree, key, value, &reader->config->max_version);
}

static int set_precedence(struct web_reader *reader, struct yaml_tree *tree, const char *key,
			  const yaml_node_t *value)
{
	bool server_decides = true;
	int err = yaml_tree_bool(tree, key, value, &server_decides);

	reader->config->client_decides = !server_decides;
	return err;
}

static int add_curve(void *context, struct yaml_tree *tree, const char *key,
		     const yaml_node_t *value)
{
	static const struct {
		const char *name;
		const char *group;
	} curves[] = {
		{ "CurveP256", ":+GROUP-SECP256R1" },
		{ "CurveP384", ":+GROUP-SECP384R1" },
		{ "CurveP521", ":+GROUP-SECP521R1" },
		{ "X25519", ":+GROUP-X25519" },
	};
	const char *text = yaml_tree_text(tree, key, value);
	struct text *groups = context;

	for (size_t i = 0; text && i < ARRAY_SIZE(curves); i++) {
		if (strcmp(text, curves[i].name) == 0) {
			text_add(groups, curves[i].group);
			return 0;
		}
	}
	return text ? yaml_tree_fault(tree, key, value,
				      "must be CurveP256, CurveP384, CurveP521 or X25519")
		    : -EINVAL;
}

static int set_curves(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		      const yaml_node_t *value)
{
	struct text groups;
	int err;

	text_init(&groups);
	err = yaml_tree_each_item(tree, value, key, add_curve, &groups);
	if (!err && groups.size)
		reader->config->groups = text_take(&groups);
	text_fini(&groups);
	return err;
}

/* Those that Go knows under these names, and that are no longer broken. */
static const struct {
	const char *name;
	const char *priorities;
	uint16_t id; /* 0: of TLS 1.3, where the cipher alone decides */
} suites[] = {
	{ "TLS_AES_128_GCM_SHA256", ":+AES-128-GCM:+AEAD", 0 },
	{ "TLS_AES_256_GCM_SHA384", ":+AES-256-GCM:+AEAD", 0 },
	{ "TLS_CHACHA20_POLY1305_SHA256", ":+CHACHA20-POLY1305:+AEAD", 0 },
	{ "TLS_RSA_WITH_AES_128_CBC_SHA", ":+RSA:+AES-128-CBC:+SHA1", 0x002f },
	{ "TLS_RSA_WITH_AES_256_CBC_SHA", ":+RSA:+AES-256-CBC:+SHA1", 0x0035 },
	{ "TLS_RSA_WITH_AES_128_GCM_SHA256", ":+RSA:+AES-128-GCM:+AEAD", 0x009c },
	{ "TLS_RSA_WITH_AES_256_GCM_SHA384", ":+RSA:+AES-256-GCM:+AEAD", 0x009d },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", ":+ECDHE-ECDSA:+AES-128-CBC:+SHA1", 0xc009 },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", ":+ECDHE-ECDSA:+AES-256-CBC:+SHA1", 0xc00a },
	{ "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", ":+ECDHE-RSA:+AES-128-CBC:+SHA1", 0xc013 },
	{ "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", ":+ECDHE-RSA:+AES-256-CBC:+SHA1", 0xc014 },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ":+ECDHE-ECDSA:+AES-128-GCM:+AEAD", 0xc02b },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ":+ECDHE-ECDSA:+AES-256-GCM:+AEAD", 0xc02c },
	{ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ":+ECDHE-RSA:+AES-128-GCM:+AEAD", 0xc02f },
	{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", ":+ECDHE-RSA:+AES-256-GCM:+AEAD", 0xc030 },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ":+ECDHE-RSA:+CHACHA20-POLY1305:+AEAD",
	  0xcca8 },
	{ "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ":+ECDHE-ECDSA:+CHACHA20-POLY1305:+AEAD",
	  0xcca9 },
};

struct suite_list {
	struct web_config *config;
	struct text priorities;
};

static int add_suite(void *context, struct yaml_tree *tree, const char *key,
		     const yaml_node_t *value)
{
	struct suite_list *list = context;
	const char *text = yaml_tree_text(tree, key, value);
	size_t i;

	if (!text)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(suites) && strcmp(text, suites[i].name) != 0; i++)
		;
	if (i == ARRAY_SIZE(suites))
		return yaml_tree_fault(tree, key, value, "no cipher suite that is known here");
	if (list->config->n_suites == WEB_SUITES_MAX)
		return yaml_tree_fault(tree, key, value, "too many cipher suites");
	list->config->suite_ids[list->config->n_suites++] = suites[i].id;
	text_add(&list->priorities, suites[i].priorities);
	return 0;
}

static int set_suites(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		      const yaml_node_t *value)
{
	struct suite_list list = { .config = reader->config };
	int err;

	text_init(&list.priorities);
	err = yaml_tree_each_item(tree, value, key, add_suite, &list);
	if (!err && list.priorities.size)
		reader->config->suites = text_take(&list.priorities);
	text_fini(&list.priorities);
	return err;
}

static const struct web_key tls_keys[] = {
	{ .name = "cert_file", .set = set_cert_file },
	{ .name = "key_file", .set = set_key_file },
	{ .name = "client_ca_file", .set = set_client_ca_file },
	{ .name = "client_auth_type", .set = set_client_auth },
	{ .name = "min_version", .set = set_min_version },
	{ .name = "max_version", .set = set_max_version },
	{ .name = "prefer_server_cipher_suites", .set = set_precedence },
	{ .name = "curve_preferences", .set = set_curves },
	{ .name = "cipher_suites", .set = set_suites },
	{ .name = "client_allowed_sans",
	  .reason = "not supported: use a client_ca_file that signs only who may come" },
	{ .name = "cert", .reason = "not supported: use cert_file" },
	{ .name = "key", .reason = "not supported: use key_file" },
	{ .name = "client_ca", .reason = "not supported: use client_ca_file" },
	{},
};

static int check_tls(struct web_config *config, struct yaml_tree *tree, const yaml_node_t *node)
{
	const char *section = "tls_server_config";
	bool verifies = config->client_auth == CLIENT_AUTH_VERIFY_GIVEN ||
			config->client_auth == CLIENT_AUTH_VERIFY;

	if (!config->cert_file || !config->key_file)
		return yaml_tree_fault(tree, section, node, "needs cert_file and key_file");
	if (verifies && !config->client_ca_file)
		return yaml_tree_fault(tree, section, node,
				       "client_auth_type needs a "
				       "client_ca_file");
	if (config->client_auth == CLIENT_AUTH_NONE && config->client_ca_file)
		return yaml_tree_fault(tree, section, node,
				       "client_ca_file is of no use: client_auth_type asks for no "
				       "certificate");
	if (config->min_version > config->max_version)
		return yaml_tree_fault(tree, section, node, "min_version is above max_version");
	return 0;
}

int web_set_tls(struct web_reader *reader, struct yaml_tree *tree, const char *key,
		const yaml_node_t *value)
{
	int err = web_read_section(reader, tree, value, key, tls_keys);

	if (err)
		return err;
	/* An empty section is no TLS, as there. */
	if (value->type != YAML_MAPPING_NODE ||
	    value->data.mapping.pairs.start == value->data.mapping.pairs.top)
		return 0;
	return check_tls(reader->config, tree, value);
}
