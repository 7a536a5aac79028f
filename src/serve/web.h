/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web configuration in force: read again when it, or a certificate, changes on disk. A bad
 * new version leaves the old one in force, and is told once.
 */
#ifndef SHUTWATCH_WEB_H
#define SHUTWATCH_WEB_H

#include "src/serve/tls.h"
#include "src/serve/web_config.h"

struct web;

/* `path` NULL: none, everything is allowed. Returns 0, or -errno after lines in the log. */
int web_new(const char *path, struct web **ret_web);
void web_free(struct web *web); /* NULL is fine */

/* Looks at the files, four stat()s; to be called before each handshake and request. */
void web_refresh(struct web *web);

/* What is in force, until the next web_refresh(). */
const struct web_config *web_current(const struct web *web);
struct tls *web_tls(const struct web *web); /* NULL: no TLS; borrowed */

#endif
