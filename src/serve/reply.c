/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Responses. Owns a body from reply_send() until libmicrohttpd has sent it or the connection is
 * gone. What all answers have in common is here: compression, caching, security headers.
 */
#include "src/serve/reply.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/serve/negotiate.h"

#define HELD_BYTES_MAX (32UL * 1024 * 1024)
#define GZIP_WORTH_BYTES 512
#define GZIP_WINDOW (15 + 16) /* 16: with gzip's header */
#define GZIP_LEVEL 4	      /* text shrinks to a tenth; higher levels cost more than they save */
#define MESSAGE_BYTES 512

/* What libmicrohttpd gives back when it has no more use for it. */
struct held {
	char *body;
	size_t size;
	size_t *held_bytes;
};

static void held_free(void *cls)
{
	struct held *held = cls;

	*held->held_bytes -= held->size;
	free(held->body);
	free(held);
}

struct reply reply_text(unsigned int status, const char *type, char *body)
{
	return (struct reply){
		.status = status,
		.type = type,
		.body = body,
		.size = body ? strlen(body) : 0,
	};
}

struct reply reply_error(unsigned int status, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	_cleanup_free_ char *valid = NULL;
	json_auto_t *json = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	valid = text_valid_utf8(message, sizeof(message));
	if (valid)
		json = json_pack("{s:i,s:s}", "status", (int)status, "error", valid);
	return reply_text(status, REPLY_JSON, json ? json_dumps(json, JSON_COMPACT) : NULL);
}

/* Compresses the body in place; leaves it as it is when that fails. */
static bool compress_body(struct reply *reply)
{
	z_stream stream = { .next_in = (Bytef *)reply->body };
	uLong bound;
	char *bytes;
	bool is_done;

	if (reply->size > UINT32_MAX / 2)
		return false;
	stream.avail_in = (uInt)reply->size;
	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY))
		return false;
	bound = deflateBound(&stream, stream.avail_in);
	bytes = malloc(bound);
	stream.next_out = (Bytef *)bytes;
	stream.avail_out = (uInt)bound;
	is_done = bytes && deflate(&stream, Z_FINISH) == Z_STREAM_END;
	if (is_done) {
		free(reply->body);
		reply->body = TAKE_PTR(bytes);
		reply->size = stream.total_out;
	}
	deflateEnd(&stream);
	free(bytes);
	return is_done;
}

struct joined {
	const char *name;
	struct text text;
};

static enum MHD_Result join_header(void *cls, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	struct joined *joined = cls;

	(void)kind;
	if (strcasecmp(key, joined->name) != 0 || !value)
		return MHD_YES;
	if (joined->text.size)
		text_add(&joined->text, ",");
	text_add(&joined->text, value);
	return MHD_YES;
}

char *reply_request_header(struct MHD_Connection *connection, const char *name)
{
	struct joined joined = { .name = name };

	text_init(&joined.text);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, join_header, &joined);
	if (joined.text.size == 0) {
		text_fini(&joined.text);
		return NULL;
	}
	return text_take(&joined.text);
}

static bool accepts_gzip(struct MHD_Connection *connection)
{
	_cleanup_free_ char *value =
		reply_request_header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);

	return negotiate_gzip(value);
}

static void add_headers(struct MHD_Response *response, const struct reply *reply,
			const struct web_config *config)
{
	char number[16];

	MHD_add_response_header(response, "Content-Type", reply->type);
	MHD_add_response_header(response, "Vary",
				reply->varies ? "Accept, Accept-Encoding" : "Accept-Encoding");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (reply->retry_s) {
		snprintf(number, sizeof(number), "%u", reply->retry_s);
		MHD_add_response_header(response, "Retry-After", number);
	}
	if (reply->allow)
		MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->asks_for_password)
		MHD_add_response_header(response, "WWW-Authenticate",
					"Basic realm=\"shutwatch\", charset=\"UTF-8\"");
	if (reply->is_last)
		MHD_add_response_header(response, "Connection", "close");
	for (size_t i = 0; i < config->n_headers; i++)
		MHD_add_response_header(response, config->headers[i].name,
					config->headers[i].value);
	/* Ours, unless the configuration has its own. */
	if (!MHD_get_response_header(response, "X-Content-Type-Options"))
		MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (!MHD_get_response_header(response, "Content-Security-Policy"))
		MHD_add_response_header(response, "Content-Security-Policy",
					"default-src 'none'; frame-ancestors 'none'");
}

/* Takes the body. NULL: out of memory. */
static struct MHD_Response *response_new(struct reply *reply, size_t *held_bytes)
{
	struct held *held = malloc(sizeof(*held));
	struct MHD_Response *response = NULL;

	if (held) {
		*held = (struct held){ reply->body, reply->size, held_bytes };
		*held_bytes += reply->size;
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			reply->size, reply->body, held_free, held);
		if (!response)
			held_free(held);
	} else {
		free(reply->body);
	}
	reply->body = NULL;
	return response;
}

enum MHD_Result reply_send(struct MHD_Connection *connection, struct reply reply,
			   const struct web_config *config, size_t *held_bytes)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	bool is_gzip = false;

	if (!reply.body)
		reply = reply_error(MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
	if (!reply.body)
		return MHD_NO;
	if (reply.size >= GZIP_WORTH_BYTES && accepts_gzip(connection))
		is_gzip = compress_body(&reply);
	if (*held_bytes && *held_bytes + reply.size > HELD_BYTES_MAX) {
		free(reply.body);
		is_gzip = false;
		reply = reply_error(MHD_HTTP_SERVICE_UNAVAILABLE,
				    "too much is on its way to other clients");
		reply.retry_s = 1;
		if (!reply.body)
			return MHD_NO;
	}
	response = response_new(&reply, held_bytes);
	if (!response)
		return MHD_NO;
	add_headers(response, &reply, config);
	if (is_gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	result = MHD_queue_response(connection, reply.status, response);
	MHD_destroy_response(response);
	return result;
}
