// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of findings: what `explain` and README say of each, and which predicate decides.
 *
 * First whether the signal was heard, then how it ended, what took the time, and what became of
 * connections. Ids are a public contract; the order is that of README.
 */
#include "src/analysis/findings_rows.h"

#include "src/base/cleanup.h"

/* clang-format off */
#define ROW(id, severity, meaning, signature, advice) \
	{ #id, SEVERITY_##severity, meaning, signature, advice, finding_##id }
#define AUDIT_ROW(id, severity, meaning, signature, advice) \
	{ #id, SEVERITY_##severity, meaning, signature, advice, NULL }

static const struct finding_row rows[] = {
	ROW(sigterm_discarded_pid1, ERROR,
		"PID 1 of a pid namespace has no handler for the stop signal, so the kernel "
		"discarded it.",
		"signal_generate with result ignored and the default disposition, or a handler "
		"that only sent the signal once more, in a process that is PID 1 in its "
		"namespace and did not end by itself.",
		"Install a handler for SIGTERM in the program, or run it under an init such as "
		"tini (docker run --init), or set STOPSIGNAL to a signal that it handles."),
	ROW(sigterm_ignored, ERROR,
		"A process ignores the stop signal, and did not end by it.",
		"signal_generate with result ignored and the disposition SIG_IGN, to a process "
		"that did not end by itself.",
		"Do not ignore the stop signal: install a handler, or restore SIG_DFL before exec. "
		"It may be inherited: trap '' TERM in a shell, nohup (SIGHUP), a shell's & "
		"(SIGINT, SIGQUIT)."),
	ROW(stop_signal_before_ready, WARNING,
		"The stop signal came while the program was still starting, before it had its "
		"handler.",
		"signal_generate with the default disposition, soon after the start of a program "
		"that always installs a handler, in a service without a listener.",
		"Wait for readiness before a stop: Type=notify, a startup probe; or delay the "
		"stop of an instance that has just been started."),
	ROW(signal_not_forwarded, ERROR,
		"A wrapper got the stop signal and did not pass it on to the server.",
		"signal_generate for the wrapper alone; its child never got a stop signal, and "
		"went on or was killed.",
		"Start the server with exec as the last command of the wrapper, or let the "
		"wrapper forward the signal (tini, dumb-init), or signal the whole group."),
	ROW(wrapper_died_first, ERROR,
		"A wrapper ended by the stop signal, and left the server behind without telling "
		"it.",
		"signal_generate for the wrapper alone, then its sched_process_exit; its child "
		"never got a stop signal, and went on or was killed.",
		"Start the server with exec as the last command of the wrapper, or use an init "
		"that forwards signals and waits (tini, dumb-init)."),
	ROW(no_handler, ERROR,
		"The program has no handler for the stop signal: it died of it at once, and "
		"connections with it.",
		"signal_generate with the default disposition, the end by that very signal, and "
		"aborted connections.",
		"Install a handler for the stop signal that stops accepting, lets the requests "
		"in flight finish, and then ends."),
	AUDIT_ROW(handler_unseen, WARNING,
		"The runtime of the language, or a wrapper, catches the stop signal, or nobody can "
		"see which signal goes to whom: whether the program drains cannot be seen before "
		"it is stopped (audit only).",
		"SigCgt has the stop signal, in a process of Go, Node or Java that serves, or in a "
		"wrapper of one that is not told; a program that does not serve has started the "
		"server; or the signal of a container is assumed, and the program drains after "
		"another one.",
		"Stop it once under load (shutwatch run with shutwatch-client, see README), or "
		"look into the program for its handler of the stop signal."),
	AUDIT_ROW(no_handler_idle, WARNING,
		"The program has no handler for the stop signal, or one that is known to drop "
		"requests: nothing is in flight now, but what is when it is stopped will be lost "
		"(audit only).",
		"the stop signal is neither caught, ignored nor blocked (SigCgt, SigIgn, SigBlk), "
		"in a process that listens; or it is one that this program documents as a fast "
		"stop.",
		"Install a handler for the stop signal that stops accepting, lets the requests "
		"in flight finish, and then ends."),
	ROW(unhandled_stop_signal_core, WARNING,
		"The stop signal was SIGQUIT, or one that usually means a fault, and the program "
		"has no handler for it: its default "
		"is a core dump.",
		"signal_generate for SIGQUIT with the default disposition, and the end by it.",
		"Stop the program with SIGTERM (KillSignal=, STOPSIGNAL), or install a handler "
		"for SIGQUIT."),
	ROW(wrong_stop_signal, ERROR,
		"The program takes this signal for something else than a graceful stop.",
		"signal_generate for SIGTERM or SIGINT to nginx, HAProxy or Apache, and aborted "
		"connections; or for SIGTERM to PostgreSQL, which then did not end by itself.",
		"Use the graceful signal of the program: nginx SIGQUIT, Apache SIGWINCH, HAProxy "
		"SIGUSR1, PostgreSQL SIGINT."),
	ROW(stop_signal_escalated, WARNING,
		"Whoever stopped the service sent another stop signal later: the first one took "
		"too long.",
		"a second signal_generate of a stop signal from outside to the same process, "
		"more than 0.1 s after the first.",
		"Bound the drain in the program to less than the patience of what stops it, so "
		"that one signal is enough."),
	ROW(signal_fanout, INFO,
		"The sender signalled not only the main process, but the processes that it had "
		"started as well.",
		"signal_generate of one signal by one outside sender to a parent and its "
		"children within 0.1 s.",
		"Signal the main process only and let it stop its workers (systemd: "
		"KillMode=mixed), unless all of them expect the signal."),
	ROW(grace_exceeded, ERROR,
		"The service had not ended by the end of its grace period, and was killed.",
		"signal_generate for SIGKILL from outside after a stop signal, no sooner than "
		"the grace period allows where that is known.",
		"Bound the drain in the program to less than the grace period, or give it more "
		"time (TimeoutStopSec, docker stop --time, terminationGracePeriodSeconds)."),
	ROW(killed_without_stop_signal, ERROR,
		"The service was killed without having been asked to stop.",
		"signal_generate for SIGKILL from outside, and no stop signal before it.",
		"Send the stop signal first and wait for the end: systemctl stop, docker stop, "
		"kill -TERM."),
	ROW(oom_killed, ERROR,
		"The OOM killer ended a process of the service.",
		"the process had been chosen by the OOM killer when it ended "
		"(signal_struct.oom_mm).",
		"Raise the memory limit, or bound what the program takes; a drain needs memory "
		"too."),
	ROW(killed_by_supervisor, ERROR,
		"A supervisor, or the process's own master, killed it before the grace period "
		"was over.",
		"signal_generate for SIGKILL by a supervisor or the parent, to a process that "
		"had not outlived its grace period.",
		"Let the main process wait for its workers before it ends, and let the time-out "
		"of a master for its workers cover the longest request."),
	ROW(killed_by_pidns_teardown, WARNING,
		"PID 1 of a pid namespace ended, and the kernel killed what was left in it.",
		"signal_generate for SIGKILL by the kernel when PID 1 of the namespace exits.",
		"Let PID 1 stop its children and wait for them before it ends: an init such as "
		"tini as PID 1, or exec of the server."),
	ROW(crashed_unasked, ERROR,
		"The service ended by a crash, or with an error, and nobody had asked it to stop.",
		"sched_process_exit with a signal that nobody had sent, or with a status other "
		"than 0, and no stop signal before it.",
		"Look at the core dump (coredumpctl), or at the last lines of its log. What it had "
		"in flight is lost: clients must be able to ask again."),
	ROW(crash_during_drain, ERROR,
		"A process crashed while the service was stopping.",
		"sched_process_exit with a signal that nobody had sent and that is no stop signal, "
		"after the stop had begun.",
		"Look at the core dump (without one: ulimit -c unlimited, LimitCORE=infinity). "
		"Most often something is used after the stop has freed it: stop threads before "
		"what they use."),
	ROW(drain_blocked_active, WARNING,
		"Connections with a request in flight kept the service from ending for long, or "
		"until it was killed.",
		"connections in flight at the signal were still there at the SIGKILL, or were "
		"the last to be answered after 5 s or more, and half of the grace period where "
		"that is known.",
		"Bound the drain: a graceful time-out below the grace period, and an end for "
		"streams and long polls when the stop begins."),
	ROW(drain_blocked_idle, WARNING,
		"Idle connections kept the service from ending for long, or until it was killed.",
		"connections idle at the signal were the last to leave after 5 s or more, or the "
		"only ones left at the SIGKILL.",
		"Close idle keep-alive connections when the stop begins, and lower the "
		"keep-alive time-out."),
	ROW(drain_blocked_outbound, WARNING,
		"The service waited for the answer to a request of its own.",
		"only outbound connections were in flight at the SIGKILL, or one of them ended "
		"with the service after 5 s or more.",
		"Set a time-out for calls to other services that is shorter than the grace "
		"period, and cancel them when the stop begins."),
	ROW(slow_cleanup, WARNING,
		"The service took long to end after its last client was gone.",
		"sched_process_exit came 1 s or more, and a quarter of the whole stop, after the "
		"last inbound connection left and the listener closed.",
		"Look at what runs after the server has stopped: exit hooks, flushes to disk, "
		"threads that are joined, pools that are closed one by one."),
	ROW(slow_reaction, WARNING,
		"The service had the stop signal in its handler and did nothing about it for "
		"long.",
		"signal_deliver, and the listener as the first thing to close, 0.5 s or more "
		"after the signal.",
		"Wake up the event loop from the handler (self-pipe, signalfd, set_wakeup_fd) "
		"rather than look at a flag now and then. If it waits on purpose, for its load "
		"balancer to notice, nothing is to change."),
	ROW(handler_without_effect, ERROR,
		"A handler took the stop signal, and nothing came of it.",
		"signal_deliver to a handler, then neither a close, nor a signal to a member, "
		"nor an exit, until SIGKILL or for as long as one waited.",
		"Let the handler begin the shutdown: close the listener, drain, end. A handler "
		"that only logs or sets a flag that nobody reads keeps the process alive."),
	ROW(accept_stalled, ERROR,
		"The listener stayed open while nobody accepted, and clients waited in vain.",
		"connections reset in the accept queue 0.5 s or more after they came, or after "
		"the signal.",
		"Close the listener when the last worker stops accepting, or go on accepting "
		"until it is closed."),
	ROW(accept_queue_dropped, ERROR,
		"Connections in the accept queue were reset when the listener closed.",
		"tcp_set_state of connections that were never accepted, by the close of their "
		"listener.",
		"Accept what waits before the listener is closed, or take the service out of the "
		"load balancer before the signal; socket activation keeps the queue for the next "
		"instance."),
	ROW(listener_closed_too_early, WARNING,
		"The listener was closed while clients still arrived, and the service worked on "
		"for a while.",
		"SYNs answered by RST after the listener had closed, 0.5 s or more before the "
		"service ended.",
		"Take the service out of the load balancer before the signal (a readiness probe "
		"that fails first), or go on accepting until that has noticed."),
	ROW(refused_after_listener_close, ERROR,
		"Clients tried to connect after the listener had closed, and were refused.",
		"SYNs, or the last ACKs of handshakes, answered by RST because no listener was "
		"left.",
		"Take the service out of the load balancer before the signal, or keep the port "
		"open: socket activation, SO_REUSEPORT with the successor started first."),
	ROW(late_arrivals, INFO,
		"Clients still arrived after the stop had begun.",
		"connections of the service's listeners established after the stop signal.",
		"Take the service out of the load balancer before the signal, and wait until it "
		"has noticed."),
	ROW(aborted_unread_data, ERROR,
		"The service closed connections with data of the client unread: they were reset.",
		"RST by a close with bytes in the receive queue.",
		"Read the request to its end before the close, or shutdown(SHUT_WR) and drain "
		"what still comes (a lingering close)."),
	ROW(aborted_linger, ERROR,
		"The service reset connections by a close with nothing unread.",
		"RST by a close of the application with an empty receive queue.",
		"Do not set SO_LINGER with a time of 0, and do not abort connections (destroy, "
		"terminate, RST) when they can be closed."),
	ROW(keepalive_close_race, ERROR,
		"The service closed a keep-alive connection, and its client sent the next request "
		"after that.",
		"data arrived after our FIN and was answered by RST.",
		"Answer with Connection: close during the drain before you close idle "
		"connections, and let clients and proxies retry, or time out sooner than the "
		"server."),
	ROW(cut_off_at_exit, ERROR,
		"A process ended with requests in flight.",
		"the exit of the process closed connections with an unanswered request, or with "
		"data unsent or unread.",
		"Wait for the requests in flight before the process ends, and do not call exit() "
		"from the handler."),
	ROW(requests_cut, ERROR,
		"The service closed connections without answering their last request.",
		"FIN by the application although the last data came from the client.",
		"Answer what has been received before the close, if only with 503 and "
		"Connection: close."),
	ROW(kill_slow_to_take, WARNING,
		"SIGKILL took long to end a process: it hung in the kernel.",
		"sched_process_exit 1 s or more after signal_generate for SIGKILL.",
		"Look at what it waited for in the kernel: a slow disk, a network file system "
		"(hard mounts), a large core dump or address space."),
	ROW(orphans_left, WARNING,
		"Processes of the service outlived the one that had started them.",
		"sched_process_exit of the parent, and none of its child.",
		"Let the main process end its children and wait for them; systemd: "
		"KillMode=mixed or control-group."),
	ROW(part_told, INFO,
		"Only a part of the service was told to stop, and the rest serves on.",
		"signal_generate from outside for a process of which the parent lives on, and its "
		"sched_process_exit.",
		"To stop the service, signal its main process. To replace a worker nothing is to "
		"change."),
	ROW(outbound_left_open, INFO,
		"Connections to other services were left for the kernel to close.",
		"the exit of the process closed outbound connections with nothing pending.",
		"Close connection pools at the end of the drain, so that the other side need not "
		"find out."),
	ROW(port_dark, WARNING,
		"The port was closed between the old instance and the new one, and clients were "
		"refused.",
		"a listener on the same address, port and network namespace opened after the "
		"last one had closed, and SYNs were refused.",
		"Start the successor first (SO_REUSEPORT, a rolling update with maxUnavailable "
		"0), or keep the port open with socket activation."),
};
/* clang-format on */

const struct finding_row *finding_rows(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(rows);
	return rows;
}
