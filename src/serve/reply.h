/* SPDX-License-Identifier: GPL-2.0-only */
/* An answer: what a handler decides, and how it becomes a response of libmicrohttpd. */
#ifndef SHUTWATCH_REPLY_H
#define SHUTWATCH_REPLY_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "src/serve/web_config.h"

#define REPLY_JSON "application/json"

struct reply {
	unsigned int status;
	const char *type;
	char *body; /* malloc()ed; NULL: memory ran out, and the answer will be a 500 */
	size_t size;
	bool varies;		/* with Accept */
	unsigned int retry_s;	/* Retry-After; 0: none */
	const char *allow;	/* NULL, or the methods */
	bool asks_for_password; /* WWW-Authenticate */
	bool is_last;		/* the connection ends with it */
};

/* A reply with that body, which it owns; NULL is fine. */
struct reply reply_text(unsigned int status, const char *type, char *body);

/* {"status": 400, "error": "..."}; the message may quote a stranger. */
struct reply reply_error(unsigned int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Queues it, compressed if the client can. Takes the body in any case. *held_bytes counts what is
 * on its way to clients: above a bound the answer is a 503, so that slow readers do not fill the
 * memory; it must live as long as the daemon.
 */
enum MHD_Result reply_send(struct MHD_Connection *connection, struct reply reply,
			   const struct web_config *config, size_t *held_bytes);

/* All values of a header joined by commas, as HTTP defines. NULL: none. Owned by the caller. */
char *reply_request_header(struct MHD_Connection *connection, const char *name);

#endif
