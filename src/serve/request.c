/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes. Owns nothing. In this order: only GET and HEAD, no body; then the password, before
 * anything is told of which paths there are; then the path and its query.
 */
#include "src/serve/request.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/serve/negotiate.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define RETRY_READY_S 1

static struct reply answer_landing(struct request_context *context,
				   struct MHD_Connection *connection)
{
	static const char page[] =
		"<!DOCTYPE html>\n"
		"<html lang=\"en\">\n"
		"<head><meta charset=\"utf-8\"><title>shutwatch</title></head>\n"
		"<body>\n"
		"<h1>shutwatch</h1>\n"
		"<p>How services on this host shut down. Version " SHUTWATCH_VERSION ".</p>\n"
		"<ul>\n"
		"<li><a href=\"/metrics\">Metrics</a></li>\n"
		"<li><a href=\"/api/v1/shutdowns\">Shutdowns</a> (JSON)</li>\n"
		"<li><a href=\"/api/v1/shutdowns/last\">The last shutdown</a> (JSON)</li>\n"
		"<li><a href=\"/-/healthy\">Health</a></li>\n"
		"<li><a href=\"/-/ready\">Readiness</a></li>\n"
		"</ul>\n"
		"</body>\n"
		"</html>\n";

	(void)context;
	(void)connection;
	return reply_text(MHD_HTTP_OK, "text/html; charset=utf-8", strdup(page));
}

static struct reply answer_metrics(struct request_context *context,
				   struct MHD_Connection *connection)
{
	_cleanup_free_ char *accept = reply_request_header(connection, MHD_HTTP_HEADER_ACCEPT);
	bool is_openmetrics = negotiate_openmetrics(accept);
	const char *type = is_openmetrics ? NEGOTIATE_OPENMETRICS : NEGOTIATE_TEXT;
	struct reply reply = { .status = MHD_HTTP_OK, .type = type, .varies = true };

	reply.body =
		context->options.metrics(context->options.context, is_openmetrics, &reply.size);
	return reply;
}

static struct reply answer_healthy(struct request_context *context,
				   struct MHD_Connection *connection)
{
	(void)context;
	(void)connection;
	return reply_text(MHD_HTTP_OK, TEXT_TYPE, strdup("healthy\n"));
}

static struct reply answer_ready(struct request_context *context, struct MHD_Connection *connection)
{
	struct reply reply;

	(void)connection;
	if (context->options.is_ready(context->options.context))
		return reply_text(MHD_HTTP_OK, TEXT_TYPE, strdup("ready\n"));
	reply = reply_text(MHD_HTTP_SERVICE_UNAVAILABLE, TEXT_TYPE, strdup("not ready\n"));
	reply.retry_s = RETRY_READY_S;
	return reply;
}

/* The query, as it comes in. */
struct arguments {
	struct query query;
	char fault[QUERY_FAULT_BYTES];
	bool is_bad;
};

static enum MHD_Result take_argument(void *cls, enum MHD_ValueKind kind, const char *key,
				     size_t key_size, const char *value, size_t value_size)
{
	struct arguments *arguments = cls;

	(void)kind;
	if (strlen(key) != key_size || (value && strlen(value) != value_size)) {
		strcpy(arguments->fault, "a NUL in the query");
		arguments->is_bad = true;
	} else if (query_set(&arguments->query, key, value ? value : "", arguments->fault)) {
		arguments->is_bad = true;
	}
	return arguments->is_bad ? MHD_NO : MHD_YES;
}

static struct reply answer_list(struct request_context *context, struct MHD_Connection *connection)
{
	struct arguments arguments = {};

	MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, take_argument, &arguments);
	if (arguments.is_bad)
		return reply_error(MHD_HTTP_BAD_REQUEST, "%s", arguments.fault);
	return api_list(&context->api, &arguments.query);
}

static const struct {
	const char *path;
	struct reply (*answer)(struct request_context *context, struct MHD_Connection *connection);
	bool has_query;
} routes[] = {
	{ "/", answer_landing, false },		 { "/metrics", answer_metrics, false },
	{ "/-/healthy", answer_healthy, false }, { "/-/ready", answer_ready, false },
	{ API_SHUTDOWNS, answer_list, true },
};

static struct reply find_answer(struct request_context *context, struct MHD_Connection *connection,
				const char *url)
{
	bool has_query =
		MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0;
	size_t prefix = strlen(API_SHUTDOWNS "/");

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (strcmp(url, routes[i].path) != 0)
			continue;
		if (has_query && !routes[i].has_query)
			return reply_error(MHD_HTTP_BAD_REQUEST, "%s takes no query", url);
		return routes[i].answer(context, connection);
	}
	if (strncmp(url, API_SHUTDOWNS "/", prefix) != 0)
		return reply_error(MHD_HTTP_NOT_FOUND, "there is no %.200s", url);
	if (has_query)
		return reply_error(MHD_HTTP_BAD_REQUEST, "one record takes no query");
	return api_record(&context->api, url + prefix);
}

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	MHD_free(secret);
}

/* May they come in? If not, ret_reply says so. */
static bool is_authorised(struct request_context *context, struct MHD_Connection *connection,
			  struct reply *ret_reply)
{
	const struct web_config *config = web_current(context->web);
	enum auth_result result = AUTH_BAD;
	unsigned int retry_s = 0;
	char *user, *password = NULL;

	if (config->n_users == 0)
		return true;
	if (context->is_stopping) {
		*ret_reply = reply_error(MHD_HTTP_SERVICE_UNAVAILABLE, "shutwatch is stopping");
		return false;
	}
	user = MHD_basic_auth_get_username_password(connection, &password);
	if (user && password)
		result = auth_check(context->auth, config, user, password, clock_boot_ns(),
				    &retry_s);
	forget(user);
	forget(password);
	if (result == AUTH_GOOD)
		return true;
	if (result == AUTH_BUSY) {
		*ret_reply = reply_error(MHD_HTTP_TOO_MANY_REQUESTS,
					 "too many passwords are tried; come again later");
		ret_reply->retry_s = retry_s;
		return false;
	}
	*ret_reply = reply_error(MHD_HTTP_UNAUTHORIZED, "user and password are needed");
	ret_reply->asks_for_password = true;
	return false;
}

static bool is_read_only(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	       strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static bool has_body(struct MHD_Connection *connection)
{
	_cleanup_free_ char *size =
		reply_request_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (size && strspn(size, "0") != strlen(size)) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* What is refused by its headers alone. Nothing of it is read further. */
static bool is_refused_early(struct MHD_Connection *connection, const char *method,
			     struct reply *ret_reply)
{
	if (!is_read_only(method)) {
		*ret_reply = reply_error(MHD_HTTP_METHOD_NOT_ALLOWED, "%.20s: only GET and HEAD",
					 method);
		ret_reply->allow = "GET, HEAD";
	} else if (has_body(connection)) {
		*ret_reply = reply_error(MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here");
	} else {
		return false;
	}
	ret_reply->is_last = true;
	return true;
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload_data,
			       size_t *upload_data_size, void **con_cls)
{
	static int is_seen;
	struct request_context *context = cls;
	struct reply reply;

	(void)version;
	(void)upload_data;
	(void)upload_data_size;
	/* First the headers; an answer now would end the connection, a good client keeps it. */
	if (!*con_cls) {
		*con_cls = &is_seen;
		context->requests++;
		web_refresh(context->web);
		if (!is_refused_early(connection, method, &reply))
			return MHD_YES;
		context->refused++;
	} else if (is_authorised(context, connection, &reply)) {
		reply = find_answer(context, connection, url);
	} else {
		context->refused++;
	}
	return reply_send(connection, reply, web_current(context->web), &context->held_bytes);
}
