/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP: /metrics, /-/healthy, /-/ready, /api/v1/shutdowns, and a landing page. libmicrohttpd, in a
 * thread of its own: no client and no password hash can delay the capture or the store. Everything
 * a client can use up is bounded: connections, sizes, times, hashes a second.
 */
#ifndef SHUTWATCH_SERVER_H
#define SHUTWATCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

struct server_options {
	const char *listen_address;  /* "HOST:PORT", "[::1]:9942", ":9942" is any address */
	const char *web_config_path; /* as Prometheus' exporter-toolkit has it; NULL: none */
	const char *store_path;	     /* read by the API; NULL: none */
	/* These are called in the server's thread. */
	char *(*metrics)(void *context, bool is_openmetrics, size_t *ret_size); /* malloc()ed */
	bool (*is_ready)(void *context);
	void *context;
};

struct server_stats {
	uint64_t requests;
	uint64_t refused; /* over a limit, or not authorised */
};

/* Listens and serves. Returns 0, or -errno after a line in the log. Strings are copied. */
int server_start(const struct server_options *options, struct server **ret_server);
/* Returns within half a second, whatever the clients do. NULL is fine. */
void server_stop(struct server *server);

/* Checks a web configuration without serving: 0, or -EINVAL after log lines with file and line. */
int server_check_web_config(const char *path);

struct server_stats server_stats(const struct server *server);

#endif
