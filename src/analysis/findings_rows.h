/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the rows of the table of findings only: their thresholds, what they ask a record, how they
 * tell what they found, and the predicates. The rows of an audit tell theirs by it as well.
 */
#ifndef SHUTWATCH_FINDINGS_ROWS_H
#define SHUTWATCH_FINDINGS_ROWS_H

#include <signal.h>

#include "src/analysis/findings.h"
#include "src/analysis/waits.h"
#include "src/base/text.h"

#define SECOND_NS 1000000000LL

/* From where a wait for the first visible act is felt; event loops that poll take 0.1 to 0.5 s. */
#define REACTION_SLOW_NS (SECOND_NS / 2)
/* Done with its clients, and that long busy with itself: this, and a part of the whole stop. */
#define CLEANUP_SLOW_NS SECOND_NS
#define CLEANUP_SLOW_PART 4
/* A drain that takes half of the shortest usual grace period (10 s, of containers). */
#define DRAIN_SLOW_NS (5 * SECOND_NS)
/* Of a grace period that is known: who takes less has time enough. */
#define DRAIN_SLOW_PART 2
/* Killed sooner than this after the stop signal, it had no chance: nothing blocked the drain. */
#define CHANCE_NS SECOND_NS
/* The kernel ends a killed process within milliseconds, unless it hangs in the kernel. */
#define KILL_SLOW_NS SECOND_NS
/* A repeated signal sooner than this is one stop, told twice; likewise what one sender sends. */
#define ONE_STOP_NS (SECOND_NS / 10)
/* No accept() for so long is no mere delay of a busy server. */
#define ACCEPT_SLOW_NS (SECOND_NS / 2)
/* A program that always takes its stop signal, and has not yet, is still starting. */
#define STARTING_NS (10 * SECOND_NS)
/* Of a known grace period: supervisors and clocks are not exact. */
#define GRACE_PART 0.95
/* The listener was closed this long before the rest: it could have served those it refused. */
#define CLOSED_EARLY_NS (SECOND_NS / 2)
/* Two instants of one act. */
#define SAME_INSTANT_NS 10000000LL
/* A sentence does not speak of times below that. */
#define SHORTEST_TOLD_NS (SECOND_NS / 1000)
/* The longest wait before a stop that anybody would accept. */
#define WAIT_MAX_NS (30 * SECOND_NS)
/* No client for so long, and for so many times what lay between two of them: they have stopped. */
#define SILENCE_NS (SECOND_NS / 2)
#define SILENCE_GAPS 3

/* --- how a row tells ------------------------------------------------------------------------ */

#define SPAN_BYTES 32
/* "340 ms", "3.4 s"; writes into the buffer and returns it. */
const char *finding_span(int64_t ns, char buffer[SPAN_BYTES]);
#define SPAN(ns) finding_span((ns), (char[SPAN_BYTES]){ 0 })
#define SIGNAL_NAME(signal) signal_name((signal), (char[16]){ 0 })
#define PLURAL(n) ((n) == 1 ? "" : "s")

/* The sentence; takes the text. Strangers' bytes in it become valid UTF-8. */
void finding_say(struct finding *finding, struct text *text);
#define SAY(finding, ...)                                                                          \
	do {                                                                                       \
		struct text say_;                                                                  \
		text_init(&say_);                                                                  \
		text_addf(&say_, __VA_ARGS__);                                                     \
		finding_say((finding), &say_);                                                     \
	} while (0)

/* Adds one piece of evidence; a time that is unknown is left out. */
void finding_count(struct finding *finding, const char *key, uint64_t count);
void finding_seconds(struct finding *finding, const char *key, int64_t ns);
void finding_text(struct finding *finding, const char *key, const char *text);
/* Who it was: pid and process. */
void finding_process(struct finding *finding, const struct record_process *process);
/* Which signal, and from whom. */
void finding_signal(struct finding *finding, const struct record_signal *signal);

/* What to change in that program; `ns` is the measurement that a value is computed from. */
void finding_advise(const struct record *record, struct finding *finding, enum program program,
		    int64_t ns);

/* The advice of another finding, of which this one is but a consequence. */
void finding_advise_as(const struct record *record, struct finding *finding, const char *id,
		       int64_t ns);

/* The same, of the first of these that holds. False: none of them does. */
bool finding_advise_by_cause(const struct record *record, struct finding *finding,
			     const char *const *ids, size_t count);

/* What to change in the program alone: where it runs has no part in it. */
void finding_advise_program(const struct record *record, struct finding *finding,
			    enum program program, int64_t ns);

/* Adds what that part of the stop was waited for, if that was looked at. */
void finding_add_wait(struct text *text, const struct record *record, enum wait_phase phase);

/* --- what a row asks ------------------------------------------------------------------------ */

/* A signal that asks for a stop: SIGKILL does not ask, and a fault asks nobody. */
bool record_is_stop(const struct record *record, int signal);
bool signal_is_fault(int signal);
/* From outside the service, by somebody. */
bool signal_is_from_outside(const struct record_signal *signal);
/* No event that could be a signal, a process or an end was lost. */
bool record_has_all_signals(const struct record *record);

/* The first stop signal of any sender but itself to the process; NULL: none. */
const struct record_signal *process_first_stop(const struct record *record,
					       const struct record_process *process);
/*
 * Its handler did nothing but send it the same signal again, for the default to end it: Node
 * puts the terminal in order so, where the program itself has no handler.
 */
bool process_only_reraised(const struct record *record, const struct record_process *process,
			   int number);
/* The stop signal that did no more than that, and it lives on or was killed; else NULL. */
const struct record_signal *process_reraised_in_vain(const struct record *record,
						     const struct record_process *process);
/* The SIGKILL from outside that ended it; NULL: none. */
const struct record_signal *process_kill(const struct record_process *process);
/* NULL: not of the service. */
const struct record_process *record_process_find(const struct record *record, uint32_t pid);
/* When somebody lost patience: the first SIGKILL from outside after T0; TIME_UNKNOWN: nobody. */
int64_t record_forced_at(const struct record *record);
/* How long whoever stopped it waited until it killed it or told it once more; TIME_UNKNOWN. */
int64_t record_patience(const struct record *record);
/* Another stop signal from outside, so much later that it is a second thought. */
const struct record_signal *process_second_thought(const struct record *record,
						   const struct record_process *process);
/* A stop signal from outside that a handler, or a waiting thread, took; NULL: none. */
const struct record_signal *process_heard(const struct record *record,
					  const struct record_process *process);
/* Did the service itself do anything before that? */
bool record_has_acted_before(const struct record *record, int64_t at_ns);
/* Killed then while it drained, not while it did nothing at all about the signal. */
bool record_was_draining(const struct record *record, int64_t forced_ns);
/* The server among its processes; what else is known of one where none is known. */
enum program record_program(const struct record *record);
/* Has an inbound connection in the details. */
bool process_has_clients(const struct record *record, const struct record_process *process);
/* A process that was told stands before the one that serves, which was not. */
bool record_has_wrapper(const struct record *record);
/* Held a listener, or has clients. */
bool process_serves(const struct record *record, const struct record_process *process);
/* Connections that ended badly, inbound and outbound. */
uint64_t record_aborted(const struct record *record);
/*
 * Those that had asked before they were closed: who asks as an idle connection is closed is too
 * late for any server, however it stops.
 */
uint64_t record_dropped(const struct record *record);
/*
 * "at least " for a count of details, where these do not tell all connections of that direction
 * that left so (OUTCOME_NONE: however they left); else "".
 */
const char *record_at_least(const struct record *record, enum direction direction,
			    enum connection_outcome outcome);
/* Stop signals were sent, and the kernel discarded all of them: nothing that follows is a drain. */
bool record_is_deaf(const struct record *record);

/* --- the rows ------------------------------------------------------------------------------- */

#define FINDING_ROW(id) bool finding_##id(const struct record *record, struct finding *finding)

FINDING_ROW(sigterm_discarded_pid1);
FINDING_ROW(sigterm_ignored);
FINDING_ROW(stop_signal_before_ready);
FINDING_ROW(signal_not_forwarded);
FINDING_ROW(wrapper_died_first);
FINDING_ROW(no_handler);
FINDING_ROW(unhandled_stop_signal_core);
FINDING_ROW(wrong_stop_signal);
FINDING_ROW(stop_signal_escalated);
FINDING_ROW(signal_fanout);
FINDING_ROW(grace_exceeded);
FINDING_ROW(killed_without_stop_signal);
FINDING_ROW(oom_killed);
FINDING_ROW(killed_by_supervisor);
FINDING_ROW(killed_by_pidns_teardown);
FINDING_ROW(drain_blocked_active);
FINDING_ROW(drain_blocked_idle);
FINDING_ROW(drain_blocked_outbound);
FINDING_ROW(slow_cleanup);
FINDING_ROW(slow_reaction);
FINDING_ROW(handler_without_effect);
FINDING_ROW(accept_stalled);
FINDING_ROW(accept_queue_dropped);
FINDING_ROW(listener_closed_too_early);
FINDING_ROW(refused_after_listener_close);
FINDING_ROW(late_arrivals);
FINDING_ROW(aborted_unread_data);
FINDING_ROW(aborted_linger);
FINDING_ROW(keepalive_close_race);
FINDING_ROW(cut_off_at_exit);
FINDING_ROW(requests_cut);
FINDING_ROW(kill_slow_to_take);
FINDING_ROW(orphans_left);
FINDING_ROW(part_told);
FINDING_ROW(crashed_unasked);
FINDING_ROW(crash_during_drain);
FINDING_ROW(outbound_left_open);
FINDING_ROW(port_dark);

#endif
