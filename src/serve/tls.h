/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS as the web configuration wants it: one version of the certificates and rules. Connections
 * hold the version with which they began; a new one is for those that come after.
 */
#ifndef SHUTWATCH_TLS_H
#define SHUTWATCH_TLS_H

#include <gnutls/gnutls.h>

#include "src/serve/web_config.h"

struct tls;

/* Reads the files. Returns 0, or -errno after a line in the log. One reference is the caller's. */
int tls_new(const struct web_config *config, struct tls **ret_tls);
struct tls *tls_ref(struct tls *tls);
void tls_unref(struct tls *tls); /* NULL is fine */

/* Before the handshake; the caller holds a reference for as long as the session lives.
 * Returns 0 or -EPROTO. */
int tls_apply(struct tls *tls, gnutls_session_t session);

#endif
