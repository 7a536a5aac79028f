/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of a prediction, for audit_findings.c only: each predicate tells whether the finding of
 * that id would come, and fills its sentence and its evidence. Advice is added by who asks.
 */
#ifndef SHUTWATCH_AUDIT_ROWS_H
#define SHUTWATCH_AUDIT_ROWS_H

#include "src/analysis/audit_findings.h"
#include "src/analysis/findings_rows.h"

/* The summary, of which NULL means "no memory"; true in any case: the finding holds. */
#define say(finding, ...)                                                                          \
	({                                                                                         \
		SAY(finding, __VA_ARGS__);                                                         \
		true;                                                                              \
	})

#define AUDIT_ROW(id) bool predict_##id(const struct audit *audit, struct finding *finding)

typedef bool process_test(const struct audit *audit, const struct audit_process *process);

/* The first process for which it holds; NULL: none. ret_count: how many there are. */
const struct audit_process *audit_first(const struct audit *audit, process_test *holds,
					size_t *ret_count);

/* Evidence: who it is, what is sent to it. */
void audit_tell(const struct audit *audit, struct finding *finding,
		const struct audit_process *process);

AUDIT_ROW(sigterm_discarded_pid1);
AUDIT_ROW(sigterm_ignored);
AUDIT_ROW(signal_not_forwarded);
AUDIT_ROW(wrapper_died_first);
AUDIT_ROW(orphans_left);
AUDIT_ROW(no_handler);
AUDIT_ROW(handler_unseen);
AUDIT_ROW(no_handler_idle);
AUDIT_ROW(unhandled_stop_signal_core);
AUDIT_ROW(wrong_stop_signal);
AUDIT_ROW(signal_fanout);
AUDIT_ROW(cut_off_at_exit);
AUDIT_ROW(accept_queue_dropped);
AUDIT_ROW(grace_exceeded);
AUDIT_ROW(killed_without_stop_signal);
AUDIT_ROW(killed_by_pidns_teardown);
AUDIT_ROW(killed_by_supervisor);
AUDIT_ROW(drain_blocked_idle);

#endif
