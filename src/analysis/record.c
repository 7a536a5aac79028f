/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lifetime of a record: everything it points to belongs to it alone. How a record is made
 * is not here, nor how it is shown.
 */
#include "src/analysis/record.h"

#include <stdlib.h>

static void record_process_fini(struct record_process *process)
{
	free(process->exe);
	free(process->args);
	free(process->signals);
}

void record_fini(struct record *record)
{
	if (!record)
		return;
	for (size_t i = 0; record->processes && i < record->n_processes; i++)
		record_process_fini(&record->processes[i]);
	free(record->processes);
	for (size_t i = 0; record->findings && i < record->n_findings; i++)
		finding_fini(&record->findings[i]);
	free(record->findings);
	free(record->waits);
	free(record->listeners);
	free(record->details);
	record->processes = NULL;
	record->n_processes = 0;
	record->listeners = NULL;
	record->n_listeners = 0;
	record->details = NULL;
	record->n_details = 0;
	record->waits = NULL;
	record->n_waits = 0;
	record->findings = NULL;
	record->n_findings = 0;
}
