// SPDX-License-Identifier: GPL-2.0-only
/* The advice itself. Options are named as the programs have them; versions where they matter. */
#include "src/analysis/advice_texts.h"

#include <signal.h>

#include "src/base/cleanup.h"

/* clang-format off */
#define DEAF "no_handler handler_without_effect sigterm_discarded_pid1 unhandled_stop_signal_core"
#define WRAPPER "signal_not_forwarded wrapper_died_first sigterm_discarded_pid1 sigterm_ignored"
#define TOO_LONG "grace_exceeded drain_blocked_active stop_signal_escalated"
#define IDLE_CUT " no_handler_idle"
#define DROPPED "cut_off_at_exit requests_cut no_handler"
#define ARRIVALS "listener_closed_too_early refused_after_listener_close late_arrivals"
#define QUEUE "accept_queue_dropped accept_stalled"

#define ANY(ids, text) { ids, PROGRAM_UNKNOWN, ADVICE_ANYWHERE, text, 0 }
#define PROGRAM(ids, name, text) { ids, PROGRAM_##name, ADVICE_ANYWHERE, text, 0 }
#define IN(where, ids, text) { ids, PROGRAM_UNKNOWN, ADVICE_IN_##where, text, 0 }
#define BIT(number) (1ULL << (number))
#define UNLESS(number, ids, name, text) \
	{ ids, PROGRAM_##name, ADVICE_ANYWHERE, text, BIT(number) }
#define UNLESS_BY(numbers, ids, name, text) { ids, PROGRAM_##name, ADVICE_ANYWHERE, text, numbers }
#define PROGRAM_IN(where, ids, name, text) { ids, PROGRAM_##name, ADVICE_IN_##where, text, 0 }

#define NODE_HANDLER "Add process.on('{signal}', ...) that calls server.close(), then " \
		     "server.closeIdleConnections() again and again (a connection is idle once " \
		     "it is answered), and server.closeAllConnections() before the grace period " \
		     "ends."
#define GO_HANDLER "Use signal.NotifyContext for {signal}, then http.Server.Shutdown with a " \
		   "context that has a timeout, and wait for it before main returns."
#define JAVA_HANDLER "Use Runtime.addShutdownHook to stop the server, with a time limit, " \
		     "before the JVM ends."
#define SPRING_HANDLER "Set server.shutdown=graceful, and " \
		       "spring.lifecycle.timeout-per-shutdown-phase to the longest request."
#define HAPROXY_SOFT "Stop it with SIGUSR1 (soft stop), and bound that with hard-stop-after."
#define PYTHON_HANDLER "Add a handler with signal.signal(signal.{signal}, ...) that stops " \
		       "accepting, waits for the requests in flight and then ends."

static const struct advice_text texts[] = {
	/* It did not hear. */
	PROGRAM(DEAF " " DROPPED " handler_unseen no_handler_idle", NODE, NODE_HANDLER),
	PROGRAM(DEAF " " DROPPED " handler_unseen no_handler_idle", GO, GO_HANDLER),
	PROGRAM(DEAF " " DROPPED " handler_unseen no_handler_idle", SPRING, SPRING_HANDLER),
	PROGRAM(DEAF " " DROPPED " handler_unseen no_handler_idle", JAVA, JAVA_HANDLER),
	PROGRAM(DEAF " no_handler_idle", PYTHON, PYTHON_HANDLER),
	PROGRAM(WRAPPER, SHELL,
		"Start the server with exec, as the last command of the script, so that it takes "
		"the place of the shell and gets the signal itself."),
	IN(CONTAINER, "sigterm_discarded_pid1",
	   "Or run an init as PID 1: docker run --init, podman run --init, or tini as the "
	   "entry point; or set STOPSIGNAL to a signal that it handles."),
	IN(POD, "sigterm_discarded_pid1",
	   "Or run tini as the entry point of the image, or set STOPSIGNAL in it to a signal that "
	   "the program handles."),
	IN(UNIT, "signal_not_forwarded wrapper_died_first",
	   "Or set KillMode=control-group in the unit (the default), so that every process gets "
	   "the signal."),
	IN(CONTAINER, "signal_not_forwarded wrapper_died_first",
	   "Or use docker run --init, or tini -g as the entry point, which signals the group."),
	IN(POD, "signal_not_forwarded wrapper_died_first",
	   "Or use tini -g as the entry point of the image, which signals the group."),

	/* It heard the wrong one. */
	PROGRAM("wrong_stop_signal", NGINX,
		"Stop nginx with SIGQUIT (nginx -s quit), and bound that with "
		"worker_shutdown_timeout."),
	PROGRAM("wrong_stop_signal", APACHE,
		"Stop Apache with SIGWINCH (apachectl graceful-stop), and bound that with "
		"GracefulShutdownTimeout."),
	PROGRAM("wrong_stop_signal", HAPROXY, HAPROXY_SOFT),
	PROGRAM("wrong_stop_signal", POSTGRESQL,
		"Stop PostgreSQL with SIGINT (fast shutdown) rather than SIGTERM (smart)."),
	PROGRAM("wrong_stop_signal", GUNICORN,
		"Stop gunicorn with SIGTERM (graceful), and bound that with --graceful-timeout."),
	PROGRAM_IN(UNIT, "wrong_stop_signal", NGINX,
		   "In the unit: KillSignal=SIGQUIT, KillMode=mixed, and TimeoutStopSec above "
		   "worker_shutdown_timeout."),
	PROGRAM_IN(UNIT, "wrong_stop_signal", APACHE,
		   "In the unit: KillSignal=SIGWINCH, KillMode=mixed, and TimeoutStopSec above "
		   "GracefulShutdownTimeout."),
	PROGRAM_IN(UNIT, "wrong_stop_signal", HAPROXY,
		   "In the unit: KillSignal=SIGUSR1, KillMode=mixed, and TimeoutStopSec above "
		   "hard-stop-after."),
	PROGRAM_IN(UNIT, "wrong_stop_signal", POSTGRESQL,
		   "In the unit: KillSignal=SIGINT, KillMode=mixed."),
	PROGRAM_IN(UNIT, "wrong_stop_signal", GUNICORN,
		   "In the unit: KillSignal=SIGTERM, KillMode=mixed, and TimeoutStopSec above "
		   "--graceful-timeout."),
	IN(CONTAINER, "wrong_stop_signal unhandled_stop_signal_core",
	   "In the image: STOPSIGNAL, or docker run --stop-signal."),
	IN(POD, "wrong_stop_signal unhandled_stop_signal_core", "In the image: STOPSIGNAL."),
	IN(UNIT, "unhandled_stop_signal_core", "In the unit: KillSignal=SIGTERM."),

	/* It went on for too long. */
	PROGRAM(TOO_LONG, UVICORN,
		"Start uvicorn with --timeout-graceful-shutdown {within}, which ends what is not "
		"done by then (since 0.23). Before, as in Debian 12 (0.17): a subclass of "
		"uvicorn.Server whose shutdown() sets force_exit after {within} s."),
	PROGRAM(TOO_LONG, GUNICORN,
		"Start gunicorn with --graceful-timeout {within}, below the grace period of what "
		"stops it: its master then kills the workers that are left."),
	PROGRAM(TOO_LONG, HYPERCORN, "Start hypercorn with --graceful-timeout {within}."),
	PROGRAM(TOO_LONG " drain_blocked_idle", NGINX,
		"Set worker_shutdown_timeout {within}s in the main context of nginx.conf."),
	PROGRAM(TOO_LONG " drain_blocked_idle", APACHE, "Set GracefulShutdownTimeout {within}."),
	PROGRAM(TOO_LONG " drain_blocked_idle", HAPROXY,
		"Set hard-stop-after {within}s in the global section; HAProxy may take a second "
		"more."),
	PROGRAM(TOO_LONG, NODE,
		"After server.close() set a timer of {within} s that calls "
		"server.closeAllConnections()."),
	PROGRAM(TOO_LONG, GO,
		"Give http.Server.Shutdown a context with a timeout of {within} s, and call "
		"Server.Close when that is over."),
	PROGRAM(TOO_LONG, SPRING,
		"Set spring.lifecycle.timeout-per-shutdown-phase={within}s."),
	PROGRAM(TOO_LONG, JAVA, "Bound what the shutdown hook waits for to {within} s."),
	UNLESS(SIGINT, TOO_LONG " drain_blocked_idle", POSTGRESQL,
		"Stop PostgreSQL with SIGINT (fast shutdown): SIGTERM (smart) waits until every "
		"client has left by itself."),
	PROGRAM(TOO_LONG, POSTGRESQL,
		"After SIGINT it is the shutdown checkpoint that takes long: run CHECKPOINT just "
		"before the stop."),
	PROGRAM(TOO_LONG, REDIS,
		"Set shutdown-timeout {within} (since Redis 7): how long it waits for replicas."),
	IN(UNIT, TOO_LONG,
	   "Or set TimeoutStopSec of the unit above the longest drain: at least {more grace} s."),
	IN(CONTAINER, TOO_LONG,
	   "Or give the container more time: docker stop --time, at least {more grace} s."),
	IN(POD, TOO_LONG,
	   "Or set terminationGracePeriodSeconds of the pod to at least {more grace}."),

	/* Idle connections held it. */
	PROGRAM("drain_blocked_idle", NODE,
		"After server.close() call server.closeIdleConnections() again and again (since "
		"Node.js 18.2), and server.closeAllConnections() after {within} s: silent ones do "
		"not count as idle."),
	PROGRAM("drain_blocked_idle", GUNICORN,
		"Use a worker class with an event loop (gevent, uvicorn.workers.UvicornWorker), or "
		"put a proxy in front: workers of sync and gthread wait for a connection without a "
		"request, and --keep-alive does not count for it."),
	PROGRAM("drain_blocked_idle", GO,
		"Set ReadHeaderTimeout and IdleTimeout of http.Server: Shutdown waits for "
		"connections without a request as well."),
	PROGRAM("drain_blocked_idle", UVICORN,
		"uvicorn closes idle connections at once: these are streams or WebSockets between "
		"two messages. Start it with --timeout-graceful-shutdown {within} (since 0.23), or "
		"end them when the stop begins."),
	PROGRAM("drain_blocked_idle", HYPERCORN,
		"Lower --keep-alive, and set --graceful-timeout {within}."),

	/* Requests were dropped. */
	UNLESS_BY(BIT(SIGTERM) | BIT(SIGINT), DROPPED, UVICORN,
		"Let uvicorn finish: stop it with SIGTERM once, and give it more than "
		"--timeout-graceful-shutdown (since 0.23) before it is killed."),
	PROGRAM(DROPPED, UVICORN,
		"uvicorn answers the requests that it has whole, for as long as "
		"--timeout-graceful-shutdown (since 0.23) allows, and drops those that are still "
		"on their way: leave the load balancer before the signal."),
	UNLESS(SIGTERM, DROPPED IDLE_CUT, GUNICORN,
		"Set --graceful-timeout above the longest request, stop gunicorn with SIGTERM (not "
		"SIGINT or SIGQUIT), and use a worker class such as gthread for slow clients."),
	PROGRAM(DROPPED, GUNICORN,
		"Set --graceful-timeout above the longest request, and use a worker class such as "
		"gthread for slow clients."),
	PROGRAM(DROPPED, HYPERCORN, "Set --graceful-timeout above the longest request."),
	UNLESS(SIGQUIT, DROPPED IDLE_CUT, NGINX,
		"Stop nginx with SIGQUIT, and set worker_shutdown_timeout above the longest "
		"request."),
	PROGRAM(DROPPED, NGINX,
		"Set worker_shutdown_timeout, client_header_timeout and client_body_timeout above "
		"the longest request, and leave the load balancer before the signal."),
	UNLESS(SIGWINCH, DROPPED IDLE_CUT, APACHE,
		"Stop Apache with SIGWINCH, and set GracefulShutdownTimeout above the longest "
		"request."),
	PROGRAM(DROPPED, APACHE,
		"Set GracefulShutdownTimeout above the longest request, and leave the load "
		"balancer before the signal."),
	UNLESS(SIGUSR1, DROPPED IDLE_CUT, HAPROXY, HAPROXY_SOFT),
	PROGRAM(DROPPED, HAPROXY, "Set hard-stop-after above the longest request."),
	PROGRAM(DROPPED IDLE_CUT, POSTGRESQL,
		"SIGINT (fast shutdown) aborts running queries: let the clients, or the pooler, "
		"finish before PostgreSQL is stopped."),
	PROGRAM(DROPPED IDLE_CUT, REDIS,
		"Redis closes its clients when it stops: move them to a replica first (FAILOVER), "
		"and let them retry."),

	/* The queue was dropped. */
	PROGRAM(QUEUE, GUNICORN,
		"Take the service out of the load balancer before the signal; a worker class with "
		"threads or an event loop (gthread, uvicorn.workers.UvicornWorker) accepts sooner "
		"than sync, and --timeout bounds a stuck worker."),
	PROGRAM(QUEUE, UVICORN,
		"Take the service out of the load balancer before the signal; the parent of "
		"several workers keeps the listener open while none accepts: use one worker a "
		"process, and more processes."),

	/* Clients still came. */
	ANY(ARRIVALS,
	    "Leave the load balancer at least {at least} s before the stop signal, or go on "
	    "accepting for that long after it."),
	IN(UNIT, ARRIVALS,
	   "In the unit: ExecStop= that leaves the load balancer, then ExecStop=/bin/sleep "
	   "{at least}; or a socket unit, which keeps the port open across a restart."),
	IN(UNIT, ARRIVALS,
	   "With systemd: a socket unit keeps the port open across a restart."),
	IN(CONTAINER, ARRIVALS,
	   "Detach the container from the proxy, wait at least {at least} s, then stop it."),
	IN(POD, ARRIVALS,
	   "In the pod: a preStop sleep of at least {at least} s, and a "
	   "terminationGracePeriodSeconds above that and the drain together."),
	IN(POD, ARRIVALS,
	   "In the pod: a preStop sleep, and a terminationGracePeriodSeconds above that and the "
	   "drain together."),

	/* The rest. */
	IN(UNIT, "signal_fanout",
	   "In the unit: KillMode=mixed sends the stop signal to the main process only."),
	PROGRAM("killed_by_supervisor", GUNICORN,
		"Its master kills the workers that are left after --graceful-timeout: set that to "
		"at least {at least}, above the longest request, and the grace period of what "
		"stops it above that."),
	IN(UNIT, "killed_by_supervisor",
	   "In the unit: KillMode=mixed kills what is left as soon as the main process ends: let "
	   "that wait for its children, or use control-group."),
	IN(UNIT, "killed_without_stop_signal",
	   "In the unit: KillSignal=SIGTERM; SIGKILL follows after TimeoutStopSec."),
	IN(UNIT, "oom_killed", "In the unit: raise MemoryMax."),
	IN(CONTAINER, "oom_killed", "Raise the limit: docker run --memory."),
	IN(POD, "oom_killed", "Raise resources.limits.memory."),
	PROGRAM("slow_cleanup", REDIS,
		"The snapshot of a large data set takes this long: use appendonly, or SHUTDOWN "
		"NOSAVE where losing it is fine; shutdown-timeout (since 7) bounds the wait for "
		"replicas."),
	PROGRAM("slow_cleanup", POSTGRESQL,
		"The shutdown checkpoint takes this long: run CHECKPOINT just before the stop."),
	PROGRAM("slow_cleanup", GO,
		"If clients were left that had sent nothing: http.Server.Shutdown waits for them "
		"until its context is over; set ReadHeaderTimeout and IdleTimeout. Else look at "
		"what runs after it."),
	PROGRAM("slow_reaction", JAVA,
		"Shutdown hooks run side by side: stop the server first, in a hook of its own."),
};
/* clang-format on */

const struct advice_text *advice_texts(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(texts);
	return texts;
}
