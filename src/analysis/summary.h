/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of a list: what is told of a record without its processes and connections. */
#ifndef SHUTWATCH_SUMMARY_H
#define SHUTWATCH_SUMMARY_H

#include "src/analysis/record.h"

struct store_summary {
	char id[RECORD_ID_BYTES];
	int64_t trigger_wall_ns;
	enum trigger_kind trigger;
	int trigger_signal;
	char service[NAME_BYTES + 1];
	enum service_kind service_kind;
	enum verdict verdict;
	bool is_complete;
	bool is_provisional;
	struct record_timing timing;
	bool has_connections;
	uint64_t inbound; /* open at the signal + late */
	uint64_t in_flight;
	uint64_t aborted; /* inbound */
	uint64_t late;
	bool are_resets_unseen;
	uint64_t refused;
};

void summary_of_record(const struct record *record, struct store_summary *ret_summary);

#endif
