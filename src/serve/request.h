/* SPDX-License-Identifier: GPL-2.0-only */
/* One request: who asks, what for, what the answer is. */
#ifndef SHUTWATCH_REQUEST_H
#define SHUTWATCH_REQUEST_H

#include <microhttpd.h>

#include "src/serve/api.h"
#include "src/serve/auth.h"
#include "src/serve/server.h"
#include "src/serve/web.h"

/* What the answers are made from. Used in the server's thread only, but for what is atomic. */
struct request_context {
	struct server_options options;
	struct web *web;
	struct auth *auth;
	struct api api;
	size_t held_bytes;
	_Atomic bool is_stopping; /* nothing slow is begun any more */
	_Atomic uint64_t requests;
	_Atomic uint64_t refused;
};

/* As libmicrohttpd calls it; `cls` is the context. */
enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload_data,
			       size_t *upload_data_size, void **con_cls);

#endif
