// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which findings a stop would have, each with its reason in a sentence. They are named as those of
 * a record; what only a real stop can show (times, late arrivals) is not among them.
 */
#include "src/analysis/audit_findings.h"

#include <errno.h>
#include <stdlib.h>

#include "src/analysis/advice.h"
#include "src/analysis/audit_rows.h"
#include "src/base/cleanup.h"

const struct audit_process *audit_first(const struct audit *audit, process_test *holds,
					size_t *ret_count)
{
	const struct audit_process *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < audit->n_processes; i++) {
		if (!holds(audit, &audit->processes[i]))
			continue;
		if (!found)
			found = &audit->processes[i];
		++*ret_count;
	}
	return found;
}

void audit_tell(const struct audit *audit, struct finding *finding,
		const struct audit_process *process)
{
	finding_count(finding, "pid", process->pid);
	finding_text(finding, "process", process->comm);
	finding_text(finding, "signal", SIGNAL_NAME(audit->signal));
}

#define ROW(id)                                                                                    \
	{                                                                                          \
#id, predict_##id                                                                  \
	}

/* By the ids of findings.h, which has their severity and their meaning. */
static const struct prediction {
	const char *id;
	bool (*holds)(const struct audit *audit, struct finding *finding);
} predictions[] = {
	ROW(sigterm_discarded_pid1), ROW(sigterm_ignored),    ROW(signal_not_forwarded),
	ROW(wrapper_died_first),     ROW(orphans_left),	      ROW(no_handler),
	ROW(handler_unseen),	     ROW(no_handler_idle),    ROW(unhandled_stop_signal_core),
	ROW(wrong_stop_signal),	     ROW(signal_fanout),      ROW(cut_off_at_exit),
	ROW(accept_queue_dropped),   ROW(grace_exceeded),     ROW(killed_by_pidns_teardown),
	ROW(killed_by_supervisor),   ROW(drain_blocked_idle), ROW(killed_without_stop_signal),
};

/* Nothing is measured yet: values come from the grace period alone. */
static int ask(struct audit *audit, const struct prediction *prediction)
{
	const bool is_endless = audit->grace_ns == INT64_MAX;
	const struct advice_stop stop = { .signal = audit->signal,
					  .ns = TIME_UNKNOWN,
					  .grace_ns = is_endless ? TIME_UNKNOWN : audit->grace_ns,
					  .killed_ns = TIME_UNKNOWN };
	struct finding *finding = &audit->findings[audit->n_findings];

	if (!prediction->holds(audit, finding))
		return 0;
	finding->row = finding_row_find(prediction->id);
	finding->advice = advice_of(finding->row, audit_program(audit), &audit->service, &stop);
	audit->n_findings++;
	return finding->summary && finding->advice ? 0 : -ENOMEM;
}

int audit_find(struct audit *audit)
{
	int err = 0;

	audit->findings = calloc(ARRAY_SIZE(predictions), sizeof(*audit->findings));
	if (!audit->findings)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(predictions) && !err; i++)
		err = ask(audit, &predictions[i]);
	/* Few: insertion keeps the order of the table among equals. */
	for (size_t i = 1; i < audit->n_findings; i++) {
		for (size_t k = i; k > 0; k--) {
			struct finding *upper = &audit->findings[k - 1];
			struct finding *lower = &audit->findings[k];
			struct finding kept = *upper;

			if (upper->row->severity >= lower->row->severity)
				break;
			*upper = *lower;
			*lower = kept;
		}
	}
	return err;
}
