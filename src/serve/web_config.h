/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web configuration, in the format of Prometheus' exporter-toolkit: one version of the file,
 * read and checked. What is not known or cannot be kept is a fault, never ignored.
 */
#ifndef SHUTWATCH_WEB_CONFIG_H
#define SHUTWATCH_WEB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEB_USERS_MAX 1000
#define WEB_HEADERS_MAX 8
#define WEB_SUITES_MAX 32
/* A bcrypt hash of a higher cost holds the server's thread for longer than it may take to stop. */
#define WEB_BCRYPT_COST_MAX 12

enum web_client_auth {
	CLIENT_AUTH_NONE,
	CLIENT_AUTH_REQUEST,	 /* asked for, not looked at */
	CLIENT_AUTH_REQUIRE_ANY, /* any certificate */
	CLIENT_AUTH_VERIFY_GIVEN,
	CLIENT_AUTH_VERIFY,
};

struct web_user {
	char *name;
	char *hash; /* bcrypt */
};

struct web_header {
	char *name;
	char *value;
};

struct web_config {
	char *cert_file; /* NULL: no TLS. Relative names were made relative to the file. */
	char *key_file;
	char *client_ca_file;
	enum web_client_auth client_auth;
	int min_version; /* 10 to 13 */
	int max_version;
	bool client_decides; /* the order of cipher suites */
	char *groups;	     /* GnuTLS priorities of the curves; NULL: its own choice */
	char *suites;	     /* GnuTLS priorities of the cipher suites; NULL: its own choice */
	uint16_t suite_ids[WEB_SUITES_MAX]; /* of TLS 1.2 and before, as IANA numbers them */
	size_t n_suites;
	struct web_header headers[WEB_HEADERS_MAX];
	size_t n_headers;
	struct web_user *users;
	size_t n_users;
	size_t users_capacity;
};

/* Returns 0; -EINVAL or another -errno after lines in the log. web_config_fini() frees. */
int web_config_load(const char *path, struct web_config *ret_config);

/* Hashes are wiped. A zeroed or half-read configuration is fine. */
void web_config_fini(struct web_config *config);

#endif
