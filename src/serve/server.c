/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server's life: socket, configuration, libmicrohttpd, and the thread that runs it.
 *
 * libmicrohttpd is driven from our own loop over its epoll set, because it has a limit for idle
 * connections only: one that sends a byte now and then must end as well, so the loop also wakes
 * for the next deadline. All callbacks run in that thread; counters and a flag are all it shares.
 */
#include "src/serve/server.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/serve/connections.h"
#include "src/serve/listen.h"
#include "src/serve/request.h"

#define IDLE_S 10U
#define REQUEST_BYTES (16 * 1024) /* line and headers, and the headers of the answer */
#define NSEC_PER_MSEC 1000000ULL

struct server {
	struct request_context requests;
	char *listen_address;
	char *store_path;
	struct connections connections;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool has_thread;
	bool is_telling; /* libmicrohttpd's messages: while it starts, nobody can provoke them */
	int epoll_fd;
	int stop_fd;
};

/* libmicrohttpd asks before it takes a connection. */
static enum MHD_Result on_accept(void *cls, const struct sockaddr *peer, socklen_t size)
{
	struct server *server = cls;

	(void)size;
	if (connections_has_room(&server->connections, peer))
		return MHD_YES;
	server->requests.refused++;
	return MHD_NO;
}

static void begin_connection(struct server *server, struct MHD_Connection *handle,
			     void **socket_context)
{
	const union MHD_ConnectionInfo *peer =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *session;
	struct connection *connection;
	struct tls *tls = web_tls(server->requests.web);

	if (tls) {
		web_refresh(server->requests.web);
		tls = web_tls(server->requests.web);
	}
	connection = connections_add(&server->connections, peer->client_addr, fd->connect_fd, tls,
				     clock_boot_ns());
	*socket_context = connection;
	if (!connection) {
		shutdown(fd->connect_fd, SHUT_RDWR);
		return;
	}
	if (!tls)
		return;
	session = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!session || tls_apply(tls, session->tls_session))
		shutdown(fd->connect_fd, SHUT_RDWR);
}

static void on_connection(void *cls, struct MHD_Connection *handle, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct server *server = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		begin_connection(server, handle, socket_context);
	else if (*socket_context)
		connections_remove(&server->connections, *socket_context);
}

static void on_answered(void *cls, struct MHD_Connection *handle, void **con_cls,
			enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)cls;
	(void)con_cls;
	(void)code;
	if (info && info->socket_context)
		connection_answered(info->socket_context, clock_boot_ns());
}

static void on_message(void *cls, const char *format, va_list args)
{
	const struct server *server = cls;
	_cleanup_free_ char *message = NULL;

	if (!server->is_telling)
		return;
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	else
		log_error("HTTP: %.*s", (int)strcspn(message, "\n"), message);
}

/* As usual, but a NUL stays as it was sent: it would hide the rest of a path. */
static size_t unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	if (strstr(text, "%00"))
		return strlen(text);
	return MHD_http_unescape(text);
}

/* Every connection brings its own credentials: tls_apply(). */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int n,
			  const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
			  gnutls_pcert_st **pcert, unsigned int *pcert_length,
			  gnutls_privkey_t *key)
{
	(void)session;
	(void)authorities;
	(void)n;
	(void)algorithms;
	(void)n_algorithms;
	(void)pcert;
	(void)pcert_length;
	(void)key;
	return -1;
}

/* Takes the socket. Returns 0 or -errno. */
static int start_daemon(struct server *server, int fd)
{
	bool has_tls = web_tls(server->requests.web);
	struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, no_certificate },
		{ MHD_OPTION_END, 0, NULL },
	};

	server->is_telling = true;
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | (has_tls ? MHD_USE_TLS : 0), 0, on_accept,
		server, request_handle, &server->requests, MHD_OPTION_EXTERNAL_LOGGER, on_message,
		server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX + 1U, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
		on_answered, server, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_ARRAY,
		has_tls ? tls_options : &tls_options[1], MHD_OPTION_END);
	server->is_telling = false;
	if (server->daemon)
		return 0;
	/* The socket is not closed here: libmicrohttpd may have done so. */
	log_error("cannot serve HTTP on %s", server->listen_address);
	return -EIO;
}

/* Until when to wait, in milliseconds for epoll: what libmicrohttpd or the next deadline asks. */
static int wait_ms(struct server *server)
{
	uint64_t now_ns = clock_boot_ns();
	uint64_t next_ns = connections_sweep(&server->connections, now_ns);
	MHD_UNSIGNED_LONG_LONG daemon_ms;
	int ms = -1;

	/* Rounded up: not to wake in vain. */
	if (next_ns != UINT64_MAX)
		ms = (int)((next_ns - now_ns) / NSEC_PER_MSEC) + 1;
	if (MHD_get_timeout(server->daemon, &daemon_ms) == MHD_YES &&
	    (ms < 0 || daemon_ms < (unsigned int)ms))
		ms = (int)daemon_ms;
	return ms;
}

static void *run(void *argument)
{
	struct server *server = argument;
	struct epoll_event event;

	for (;;) {
		int count = epoll_wait(server->epoll_fd, &event, 1, wait_ms(server));

		if (count > 0 && event.data.fd == server->stop_fd)
			break;
		MHD_run(server->daemon);
	}
	MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
	return NULL;
}

/* The thread takes no signal: they are the main thread's; and a broken pipe is an error code. */
static int start_thread(struct server *server)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&server->thread, NULL, run, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	server->has_thread = true;
	pthread_setname_np(server->thread, "http");
	return 0;
}

static int start_loop(struct server *server)
{
	const union MHD_DaemonInfo *info;
	int err;

	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->stop_fd < 0 || server->epoll_fd < 0)
		return -errno;
	err = poll_add(server->epoll_fd, server->stop_fd);
	if (!err)
		err = poll_add(server->epoll_fd, info->epoll_fd);
	return err ? err : start_thread(server);
}

static int copy_options(struct server *server, const struct server_options *options)
{
	struct request_context *requests = &server->requests;

	server->listen_address = strdup(options->listen_address);
	server->store_path = options->store_path ? strdup(options->store_path) : NULL;
	requests->options = (struct server_options){
		.metrics = options->metrics,
		.is_ready = options->is_ready,
		.context = options->context,
	};
	requests->api.store_path = server->store_path;
	requests->auth = auth_new();
	if (!server->listen_address || (options->store_path && !server->store_path) ||
	    !requests->auth)
		return -ENOMEM;
	return 0;
}

static int start(struct server *server, const struct server_options *options)
{
	int err = copy_options(server, options);
	char where[LISTEN_TEXT_BYTES];
	int fd;

	if (!err)
		err = web_new(options->web_config_path, &server->requests.web);
	if (err)
		return err;
	fd = listen_open(options->listen_address);
	if (fd < 0)
		return fd;
	err = start_daemon(server, fd);
	if (!err)
		err = start_loop(server);
	if (!err)
		log_info("serving HTTP%s on %s", web_tls(server->requests.web) ? "S" : "",
			 listen_text(fd, where));
	return err;
}

int server_start(const struct server_options *options, struct server **ret_server)
{
	struct server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->epoll_fd = -1;
	server->stop_fd = -1;
	err = start(server, options);
	if (err) {
		log_error("HTTP does not start: %s", strerror(-err));
		server_stop(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	if (server->has_thread) {
		server->requests.is_stopping = true;
		eventfd_write(server->stop_fd, 1);
		pthread_join(server->thread, NULL);
	}
	if (server->daemon) /* the thread never ran */
		MHD_stop_daemon(server->daemon);
	cleanup_closep(&server->epoll_fd);
	cleanup_closep(&server->stop_fd);
	web_free(server->requests.web);
	auth_free(server->requests.auth);
	free(server->listen_address);
	free(server->store_path);
	free(server);
}

int server_check_web_config(const char *path)
{
	struct web *web;
	int err = web_new(path, &web);

	if (!err)
		web_free(web);
	return err ? -EINVAL : 0;
}

struct server_stats server_stats(const struct server *server)
{
	return (struct server_stats){
		.requests = server->requests.requests,
		.refused = server->requests.refused,
	};
}
