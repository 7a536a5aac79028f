// SPDX-License-Identifier: GPL-2.0-only
/* Findings on who was told how often, and what a service that heard did about it, how soon. */
#include "src/analysis/findings_rows.h"

#include <sys/socket.h>

/* The same signal, by the same sender, in one go, to a parent and its child. */
static bool is_fanned_out(const struct record *record, const struct record_process *child,
			  const struct record_process **ret_parent)
{
	const struct record_process *parent = record_process_find(record, child->ppid);
	const struct record_signal *to_parent, *to_child;

	if (!parent || parent->program == PROGRAM_SHELL)
		return false;
	to_parent = process_first_stop(record, parent);
	to_child = process_first_stop(record, child);
	if (!to_parent || !to_child || to_parent->signal != to_child->signal)
		return false;
	if (!signal_is_from_outside(to_parent) || !signal_is_from_outside(to_child) ||
	    to_parent->sender.pid != to_child->sender.pid)
		return false;
	*ret_parent = parent;
	return to_child->at_ns - to_parent->at_ns < ONE_STOP_NS &&
	       to_parent->at_ns - to_child->at_ns < ONE_STOP_NS;
}

FINDING_ROW(signal_fanout)
{
	const struct record_process *parent = NULL;
	const struct record_signal *signal;
	size_t children = 0;

	for (size_t i = 0; i < record->n_processes; i++)
		children += is_fanned_out(record, &record->processes[i], &parent);
	if (!children)
		return false;
	signal = process_first_stop(record, parent);
	finding_process(finding, parent);
	finding_count(finding, "children", children);
	finding_signal(finding, signal);
	finding_advise(record, finding, parent->program, TIME_UNKNOWN);
	SAY(finding, "%s sent %s to %s (pid %u) and to %zu process%s that it had started",
	    signal->sender.comm, SIGNAL_NAME(signal->signal), parent->comm, parent->pid, children,
	    children == 1 ? "" : "es");
	return true;
}

FINDING_ROW(stop_signal_escalated)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *first = process_first_stop(record, process);
		const struct record_signal *second = process_second_thought(record, process);

		if (!second)
			continue;
		finding_process(finding, process);
		finding_text(finding, "first_signal", SIGNAL_NAME(first->signal));
		finding_signal(finding, second);
		finding_seconds(finding, "after_s", second->at_ns - first->at_ns);
		finding_advise(record, finding, process->program, second->at_ns - first->at_ns);
		SAY(finding, "%s sent %s to %s (pid %u) %s after %s", second->sender.comm,
		    SIGNAL_NAME(second->signal), process->comm, process->pid,
		    SPAN(second->at_ns - first->at_ns), SIGNAL_NAME(first->signal));
		return true;
	}
	return false;
}

static const struct record_process *who_heard(const struct record *record)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		if (process_heard(record, &record->processes[i]))
			return &record->processes[i];
	}
	return NULL;
}

static bool has_inet_listener(const struct record *record)
{
	for (size_t i = 0; i < record->n_listeners; i++) {
		if (record->listeners[i].family != AF_UNIX)
			return true;
	}
	return false;
}

/*
 * Only closing its listener shows for sure that a service reacts: it may be answering what is in
 * flight, or hold a listener that its supervisor owns.
 */
static bool began_with_listener(const struct record *record)
{
	int64_t first = record->timing.first_action_ns;

	for (size_t i = 0; i < record->n_listeners; i++) {
		int64_t closed = record->listeners[i].closed_at_ns;

		if (closed != TIME_UNKNOWN && closed - first < SAME_INSTANT_NS)
			return true;
	}
	return false;
}

/* A service that goes on accepting and answering for a while, as many do by design, is not slow. */
static bool has_served_on(const struct record *record)
{
	for (size_t i = 0; i < record->n_details; i++) {
		const struct record_connection *c = &record->details[i];

		if (c->direction == DIRECTION_INBOUND && c->at_signal == AT_SIGNAL_NEW &&
		    c->outcome == OUTCOME_COMPLETED)
			return true;
	}
	return false;
}

FINDING_ROW(slow_reaction)
{
	const struct record_process *process = who_heard(record);
	int64_t first = record->timing.first_action_ns;
	int64_t forced = record_forced_at(record);

	if (!process || first == TIME_UNKNOWN || first < REACTION_SLOW_NS)
		return false;
	if ((forced != TIME_UNKNOWN && first >= forced) || !began_with_listener(record) ||
	    has_served_on(record))
		return false;
	finding_process(finding, process);
	finding_seconds(finding, "react_s", record->timing.react_ns);
	finding_seconds(finding, "first_action_s", first);
	finding_advise(record, finding, process->program, first);
	SAY(finding,
	    "%s (pid %u) had %s in its handler after %s; its first visible act came after %s",
	    process->comm, process->pid, SIGNAL_NAME(process_heard(record, process)->signal),
	    SPAN(process_heard(record, process)->delivered_at_ns), SPAN(first));
	return true;
}

/* How long it was given, without any act of its own; 0: it acted, or had no chance. */
static int64_t idled(const struct record *record)
{
	int64_t forced = record_forced_at(record);

	if (forced != TIME_UNKNOWN)
		return forced >= CHANCE_NS && !record_has_acted_before(record, forced) ? forced : 0;
	return record->verdict == VERDICT_UNAFFECTED &&
			       record->timing.first_action_ns == TIME_UNKNOWN
		       ? INT64_MAX
		       : 0;
}

FINDING_ROW(handler_without_effect)
{
	const struct record_process *process = who_heard(record);
	int64_t waited = idled(record);
	const struct record_signal *signal;

	/* Of wrappers and PostgreSQL other rows know why. A job without clients may be at work. */
	if (!process || !waited || !has_inet_listener(record) ||
	    process->program == PROGRAM_SHELL || process->program == PROGRAM_POSTGRESQL ||
	    record_has_wrapper(record))
		return false;
	signal = process_heard(record, process);
	finding_process(finding, process);
	finding_signal(finding, signal);
	finding_seconds(finding, "delivered_s", signal->delivered_at_ns);
	if (waited != INT64_MAX)
		finding_seconds(finding, "waited_s", waited);
	finding_advise(record, finding, process->program, TIME_UNKNOWN);
	if (waited == INT64_MAX)
		SAY(finding, "%s (pid %u) has a handler for %s, which ran, and nothing came of it",
		    process->comm, process->pid, SIGNAL_NAME(signal->signal));
	else
		SAY(finding,
		    "%s (pid %u) has a handler for %s, which ran, and nothing came of it in the "
		    "%s until it was killed",
		    process->comm, process->pid, SIGNAL_NAME(signal->signal), SPAN(waited));
	return true;
}
