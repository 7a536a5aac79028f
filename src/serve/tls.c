/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GnuTLS credentials and priorities. Owns both, counted by reference; one thread uses it. A
 * client's certificate is verified within the handshake: who fails never gets to HTTP.
 */
#include "src/serve/tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"

struct tls {
	unsigned int references;
	enum web_client_auth client_auth;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priorities;
};

/* "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE" */
static char *priority_string(const struct web_config *config)
{
	struct text text;

	text_init(&text);
	text_add(&text, "NORMAL:-VERS-ALL");
	for (int version = config->max_version; version >= config->min_version; version--)
		text_addf(&text, ":+VERS-TLS1.%d", version - 10);
	if (config->suites)
		text_addf(&text, ":-KX-ALL:-CIPHER-ALL:-MAC-ALL%s", config->suites);
	if (config->groups)
		text_addf(&text, ":-GROUP-ALL%s", config->groups);
	if (!config->client_decides)
		text_add(&text, ":%SERVER_PRECEDENCE");
	return text_take(&text);
}

static bool is_listed(const struct web_config *config, const unsigned char id[2])
{
	for (size_t i = 0; i < config->n_suites; i++) {
		if (config->suite_ids[i] == (id[0] << 8 | id[1]))
			return true;
	}
	return false;
}

/*
 * GnuTLS is told key exchanges, ciphers and MACs, and combines them freely: a suite that was not
 * listed must not come in by that. Those of TLS 1.3 are no choice, as in Go.
 */
static int check_suites(const struct web_config *config, gnutls_priority_t priorities)
{
	for (unsigned int i = 0;; i++) {
		gnutls_protocol_t version;
		unsigned char id[2];
		unsigned int suite;
		const char *name;
		int err = gnutls_priority_get_cipher_suite_index(priorities, i, &suite);

		if (err == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return 0;
		if (err)
			continue;
		name = gnutls_cipher_suite_info(suite, id, NULL, NULL, NULL, &version);
		if (!name || version >= GNUTLS_TLS1_3 || is_listed(config, id))
			continue;
		log_error("cipher_suites: GnuTLS combines key exchanges and ciphers, and would "
			  "take %s as well: list all combinations",
			  name);
		return -EINVAL;
	}
}

static int read_priorities(const struct web_config *config, struct tls *tls)
{
	_cleanup_free_ char *string = priority_string(config);
	const char *position;
	int err;

	if (!string)
		return -ENOMEM;
	err = gnutls_priority_init(&tls->priorities, string, &position);
	if (!err)
		return config->suites ? check_suites(config, tls->priorities) : 0;
	log_error("TLS: GnuTLS does not take %s: %s", position, gnutls_strerror(err));
	return -EINVAL;
}

static int read_certificates(const struct web_config *config, struct tls *tls)
{
	int err = gnutls_certificate_allocate_credentials(&tls->credentials);

	if (err)
		return -ENOMEM;
	err = gnutls_certificate_set_x509_key_file(tls->credentials, config->cert_file,
						   config->key_file, GNUTLS_X509_FMT_PEM);
	if (err < 0) {
		log_error("cannot use the certificate %s with the key %s: %s", config->cert_file,
			  config->key_file, gnutls_strerror(err));
		return -EINVAL;
	}
	if (!config->client_ca_file)
		return 0;
	err = gnutls_certificate_set_x509_trust_file(tls->credentials, config->client_ca_file,
						     GNUTLS_X509_FMT_PEM);
	if (err > 0)
		return 0;
	log_error("cannot use the clients' CA %s: %s", config->client_ca_file,
		  err ? gnutls_strerror(err) : "there is no certificate in it");
	return -EINVAL;
}

int tls_new(const struct web_config *config, struct tls **ret_tls)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	int err;

	if (!tls)
		return -ENOMEM;
	tls->references = 1;
	tls->client_auth = config->client_auth;
	err = read_certificates(config, tls);
	if (!err)
		err = read_priorities(config, tls);
	if (err)
		tls_unref(tls);
	else
		*ret_tls = tls;
	return err;
}

struct tls *tls_ref(struct tls *tls)
{
	tls->references++;
	return tls;
}

void tls_unref(struct tls *tls)
{
	if (!tls || --tls->references)
		return;
	if (tls->priorities)
		gnutls_priority_deinit(tls->priorities);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	free(tls);
}

/* Called in the handshake, when the client had its chance to show a certificate. 0: go on. */
static int verify_client(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
					  .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };
	unsigned int status = 0;
	unsigned int count = 0;

	if (!gnutls_certificate_get_peers(session, &count) || count == 0)
		return 0; /* whether one must come is told by the kind of request */
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) || status)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return 0;
}

int tls_apply(struct tls *tls, gnutls_session_t session)
{
	static const gnutls_certificate_request_t requests[] = {
		[CLIENT_AUTH_NONE] = GNUTLS_CERT_IGNORE,
		[CLIENT_AUTH_REQUEST] = GNUTLS_CERT_REQUEST,
		[CLIENT_AUTH_REQUIRE_ANY] = GNUTLS_CERT_REQUIRE,
		[CLIENT_AUTH_VERIFY_GIVEN] = GNUTLS_CERT_REQUEST,
		[CLIENT_AUTH_VERIFY] = GNUTLS_CERT_REQUIRE,
	};

	/* They take the place of what libmicrohttpd set for all connections. */
	if (gnutls_priority_set(session, tls->priorities) ||
	    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials))
		return -EPROTO;
	gnutls_certificate_server_set_request(session, requests[tls->client_auth]);
	if (tls->client_auth >= CLIENT_AUTH_VERIFY_GIVEN)
		gnutls_session_set_verify_function(session, verify_client);
	return 0;
}
