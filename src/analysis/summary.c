// SPDX-License-Identifier: GPL-2.0-only
/* The line of a list, from the record itself. */
#include "src/analysis/summary.h"

#include <string.h>

void summary_of_record(const struct record *record, struct store_summary *ret_summary)
{
	const struct record_direction *inbound = &record->directions[DIRECTION_INBOUND];

	*ret_summary = (struct store_summary){
		.trigger_wall_ns = record->trigger_wall_ns,
		.trigger = record->trigger,
		.trigger_signal = record->trigger_signal,
		.service_kind = record->service.kind,
		.verdict = record->verdict,
		.is_complete = record->is_complete,
		.is_provisional = record->is_provisional,
		.timing = record->timing,
		.has_connections = record->has_connections,
		.inbound = inbound->open_at_signal + inbound->late,
		.in_flight = inbound->in_flight_at_signal,
		.aborted = inbound->aborted,
		.late = inbound->late,
		.are_resets_unseen = record->are_resets_unseen,
		.refused = record->refused,
	};
	memcpy(ret_summary->id, record->id, sizeof(record->id));
	memcpy(ret_summary->service, record->service.name, sizeof(record->service.name));
}
