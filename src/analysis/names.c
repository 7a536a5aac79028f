/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words of the record's enums: a public contract, the same in JSON, metrics and text. Each
 * table is tied to its enum, so that a new enumerator without a word does not compile.
 *
 * A number that is out of range (a recording of a later version) is "unknown".
 */
#define _GNU_SOURCE 1 /* sigabbrev_np() */
#include "src/analysis/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/cleanup.h"

static const char *name_of(const char *const *names, size_t n_names, unsigned int value)
{
	return value < n_names ? names[value] : "unknown";
}

/* clang-format off */
static const char *const trigger_kinds[] = {
	[TRIGGER_SIGNAL] = "signal",
	[TRIGGER_EXIT] = "exit",
	[TRIGGER_OOM] = "oom",
	[TRIGGER_LISTENER_CLOSED] = "listener_closed",
};
_Static_assert(ARRAY_SIZE(trigger_kinds) == TRIGGER_LISTENER_CLOSED + 1, "a word for each");

static const char *const verdicts[] = {
	[VERDICT_CLEAN] = "clean",
	[VERDICT_LOSSY] = "lossy",
	[VERDICT_FORCED] = "forced",
	[VERDICT_CRASHED] = "crashed",
	[VERDICT_OOM_KILLED] = "oom_killed",
	[VERDICT_PARTIAL] = "partial",
	[VERDICT_UNAFFECTED] = "unaffected",
	[VERDICT_DRAINING] = "draining",
};
_Static_assert(ARRAY_SIZE(verdicts) == VERDICT_DRAINING + 1, "a word for each");

static const char *const service_kinds[] = {
	[SERVICE_UNIT] = "unit",
	[SERVICE_CONTAINER] = "container",
	[SERVICE_CGROUP] = "cgroup",
	[SERVICE_TREE] = "tree",
	[SERVICE_COMMAND] = "command",
};
_Static_assert(ARRAY_SIZE(service_kinds) == SERVICE_COMMAND + 1, "a word for each");

static const char *const outcomes[] = {
	[OUTCOME_NONE] = "none",
	[OUTCOME_COMPLETED] = "completed",
	[OUTCOME_IDLE] = "idle",
	[OUTCOME_PEER_CLOSED] = "peer_closed",
	[OUTCOME_PEER_RESET] = "peer_reset",
	[OUTCOME_TIMED_OUT] = "timed_out",
	[OUTCOME_HANDED_OVER] = "handed_over",
	[OUTCOME_OPEN] = "open",
	[OUTCOME_LEFT_OPEN] = "left_open",
	[OUTCOME_UNDECIDED] = "undecided",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_CUT] = "cut",
	[OUTCOME_ABANDONED] = "abandoned",
	[OUTCOME_UNACCEPTED] = "unaccepted",
	[OUTCOME_LATE_RESET] = "late_reset",
};
_Static_assert(ARRAY_SIZE(outcomes) == OUTCOMES, "a word for each");

static const char *const directions[] = {
	[DIRECTION_INBOUND] = "inbound",
	[DIRECTION_OUTBOUND] = "outbound",
};
_Static_assert(ARRAY_SIZE(directions) == DIRECTIONS, "a word for each");

static const char *const at_signals[] = {
	[AT_SIGNAL_UNKNOWN] = NULL,
	[AT_SIGNAL_IN_FLIGHT] = "in_flight",
	[AT_SIGNAL_IDLE] = "idle",
	[AT_SIGNAL_QUEUED] = "queued",
	[AT_SIGNAL_NEW] = "new",
};
_Static_assert(ARRAY_SIZE(at_signals) == AT_SIGNAL_NEW + 1, "a word for each");

static const char *const closers[] = {
	[CLOSED_BY_NOBODY] = NULL,
	[CLOSED_BY_APP] = "app",
	[CLOSED_BY_EXIT] = "exit",
	[CLOSED_BY_PEER] = "peer",
	[CLOSED_BY_KERNEL] = "kernel",
};
_Static_assert(ARRAY_SIZE(closers) == CLOSED_BY_KERNEL + 1, "a word for each");

static const char *const wires[] = {
	[WIRE_NONE] = "none",
	[WIRE_FIN] = "fin",
	[WIRE_RST] = "rst",
};
_Static_assert(ARRAY_SIZE(wires) == WIRE_RST + 1, "a word for each");

static const char *const signal_results[] = {
	[SIGNAL_DELIVERED] = "delivered",
	[SIGNAL_IGNORED] = "ignored",
	[SIGNAL_ALREADY_PENDING] = "pending",
	[SIGNAL_OVERFLOW_FAIL] = "overflow_fail",
	[SIGNAL_LOSE_INFO] = "lose_info",
};
_Static_assert(ARRAY_SIZE(signal_results) == SIGNAL_LOSE_INFO + 1, "a word for each");

static const char *const dispositions[] = {
	[DISPOSITION_DEFAULT] = "default",
	[DISPOSITION_HANDLER] = "handler",
	[DISPOSITION_IGNORED] = "ignored",
	[DISPOSITION_BLOCKED] = "blocked",
};
_Static_assert(ARRAY_SIZE(dispositions) == DISPOSITION_BLOCKED + 1, "a word for each");

static const char *const loss_causes[] = {
	[LOSS_EVENT_RING_FULL] = "event_ring_full",
	[LOSS_DETAIL_RING_FULL] = "detail_ring_full",
	[LOSS_COUNTS_FULL] = "counts_full",
	[LOSS_CLOSED_FULL] = "closed_full",
	[LOSS_MEMBERS_FULL] = "members_full",
	[LOSS_LISTENERS_FULL] = "listeners_full",
	[LOSS_TAG_FAILED] = "tag_failed",
	[LOSS_NESTED_PACKET] = "nested_packet",
	[LOSS_NESTED_RESET] = "nested_reset",
	[LOSS_NESTED_OTHER] = "nested_other",
	[LOSS_UNBALANCED] = "unbalanced",
	[LOSS_RECORDER_GONE] = "recorder_gone",
};
_Static_assert(ARRAY_SIZE(loss_causes) == LOSS_CAUSES, "a word for each");
/* clang-format on */

const char *trigger_kind_name(enum trigger_kind kind)
{
	return name_of(trigger_kinds, ARRAY_SIZE(trigger_kinds), kind);
}

const char *verdict_name(enum verdict verdict)
{
	return name_of(verdicts, ARRAY_SIZE(verdicts), verdict);
}

int verdict_from_name(const char *name, enum verdict *ret_verdict)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (strcmp(name, verdicts[i]) == 0) {
			*ret_verdict = (enum verdict)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *service_kind_name(enum service_kind kind)
{
	return name_of(service_kinds, ARRAY_SIZE(service_kinds), kind);
}

const char *outcome_name(enum connection_outcome outcome)
{
	return name_of(outcomes, ARRAY_SIZE(outcomes), outcome);
}

const char *direction_name(enum direction direction)
{
	return name_of(directions, ARRAY_SIZE(directions), direction);
}

const char *at_signal_name(enum at_signal at)
{
	return name_of(at_signals, ARRAY_SIZE(at_signals), at);
}

const char *closer_name(enum closer closer)
{
	return name_of(closers, ARRAY_SIZE(closers), closer);
}

const char *wire_name(enum wire wire)
{
	return name_of(wires, ARRAY_SIZE(wires), wire);
}

const char *signal_result_name(enum signal_result result)
{
	return name_of(signal_results, ARRAY_SIZE(signal_results), result);
}

const char *disposition_name(enum disposition disposition)
{
	return name_of(dispositions, ARRAY_SIZE(dispositions), disposition);
}

const char *loss_cause_name(enum loss_cause cause)
{
	return name_of(loss_causes, ARRAY_SIZE(loss_causes), cause);
}

const char *signal_name(int signal, char buffer[16])
{
	const char *abbreviation = sigabbrev_np(signal);

	if (abbreviation)
		snprintf(buffer, 16, "SIG%s", abbreviation);
	else
		snprintf(buffer, 16, "SIG%d", signal);
	return buffer;
}
