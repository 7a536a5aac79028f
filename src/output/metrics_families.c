/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of all metrics. Names are a public contract. Durations that overlap are families of
 * their own and no label: their sum over a label would mean nothing.
 */
#include "src/output/metrics_families.h"

#include "src/base/text.h"
#include "src/output/metrics.h"

#define COUNTER(name, labels, help)                                                                \
	{                                                                                          \
		name, FAMILY_COUNTER, labels, help                                                 \
	}
#define GAUGE(name, labels, help)                                                                  \
	{                                                                                          \
		name, FAMILY_GAUGE, labels, help                                                   \
	}
#define HISTOGRAM(name, labels, help)                                                              \
	{                                                                                          \
		name, FAMILY_HISTOGRAM, labels, help                                               \
	}

/* clang-format off */
const struct family families[FAMILIES] = {
	[FAMILY_SHUTDOWNS] = COUNTER("shutwatch_shutdowns", "service",
		"Shutdowns recorded."),
	[FAMILY_UNGRACEFUL] = COUNTER("shutwatch_shutdowns_ungraceful", "service",
		"Of these: lossy, forced, crashed or oom_killed."),
	[FAMILY_INCOMPLETE] = COUNTER("shutwatch_shutdowns_incomplete", "service",
		"Of these: something could not be observed, the record says what."),
	[FAMILY_OUTCOMES] = COUNTER("shutwatch_shutdown_outcomes", "service, outcome",
		"Shutdowns by outcome, counted once the outcome is certain."),
	[FAMILY_IN_PROGRESS] = GAUGE("shutwatch_shutdowns_in_progress", "service",
		"Shutdowns under way."),
	[FAMILY_DURATION] = HISTOGRAM("shutwatch_shutdown_duration_seconds", "service",
		"From the stop signal until the last process was gone."),
	[FAMILY_DRAIN] = HISTOGRAM("shutwatch_shutdown_drain_seconds", "service",
		"From the stop signal until the last inbound connection was gone."),
	[FAMILY_REACT] = HISTOGRAM("shutwatch_shutdown_react_seconds", "service",
		"From the stop signal until a handler took it."),
	[FAMILY_ACCEPTING] = HISTOGRAM("shutwatch_shutdown_accepting_seconds", "service",
		"From the stop signal until the last listener closed."),
	[FAMILY_IN_FLIGHT] = HISTOGRAM("shutwatch_shutdown_in_flight_seconds", "service",
		"From the stop signal until the last request in flight was answered or closed."),
	[FAMILY_CLEANUP] = HISTOGRAM("shutwatch_shutdown_cleanup_seconds", "service",
		"From the end of accepting and draining until the last process was gone."),
	[FAMILY_DARK] = HISTOGRAM("shutwatch_shutdown_dark_seconds", "service",
		"How long the port was closed, if it opened again."),
	[FAMILY_CONNECTIONS] = COUNTER("shutwatch_connections", "service, direction, outcome",
		"Connections that met a shutdown, by what became of them."),
	[FAMILY_ABORTED] = COUNTER("shutwatch_connections_aborted", "service, direction",
		"Of these: reset, cut, abandoned, unaccepted or late_reset."),
	[FAMILY_LATE] = COUNTER("shutwatch_connections_late", "service, direction",
		"Connections that came while the whole service was stopping."),
	[FAMILY_REFUSED] = COUNTER("shutwatch_connection_attempts_refused", "service",
		"Attempts to connect (SYNs) refused because no listener was left."),
	[FAMILY_HANDSHAKES] = COUNTER("shutwatch_handshakes_refused", "service",
		"Handshakes that the closing listener cut off."),
	[FAMILY_FINDINGS] = COUNTER("shutwatch_findings", "service, finding, severity",
		"Shutdowns in which this was found; shutwatch explain says what it means."),
	[FAMILY_LAST_TIME] = GAUGE("shutwatch_last_shutdown_timestamp_seconds", "service",
		"When the last shutdown ended; when it began, if the service lives on."),
	[FAMILY_LAST_DURATION] = GAUGE("shutwatch_last_shutdown_duration_seconds", "service",
		"Duration of the last shutdown; absent if the service lives on."),
	[FAMILY_LAST_DRAIN] = GAUGE("shutwatch_last_shutdown_drain_seconds", "service",
		"Drain time of the last shutdown; absent if there was nothing to drain."),
	[FAMILY_LAST_DARK] = GAUGE("shutwatch_last_shutdown_dark_seconds", "service",
		"Dark time of the last shutdown; absent if the port did not open again."),
	[FAMILY_LAST_GRACE] = GAUGE("shutwatch_last_shutdown_grace_seconds", "service",
		"Grace period of the last shutdown; absent if it is not known."),
	[FAMILY_LAST_ABORTED] = GAUGE("shutwatch_last_shutdown_connections_aborted", "service",
		"Connections aborted in the last shutdown, both directions."),
	[FAMILY_LAST_REFUSED] = GAUGE("shutwatch_last_shutdown_attempts_refused", "service",
		"Attempts to connect refused in the last shutdown."),
	[FAMILY_LAST_OUTCOME] = GAUGE("shutwatch_last_shutdown_outcome", "service, outcome",
		"1 for the outcome of the last shutdown, 0 for the others."),
	[FAMILY_COLLAPSED] = COUNTER("shutwatch_shutdowns_collapsed", "",
		"Shutdowns counted under the service other: the table of services is full."),
	[FAMILY_SNAPSHOT] = HISTOGRAM("shutwatch_snapshot_duration_seconds", "",
		"From a stop signal to the end of the snapshot that it caused."),
	[FAMILY_BUILD_INFO] = GAUGE("shutwatch_build_info", "version, kernel",
		"Always 1."),
	[FAMILY_SERVICES] = GAUGE("shutwatch_services_watched", "",
		"Services that are watched."),
	[FAMILY_EVENTS] = COUNTER("shutwatch_events", "",
		"Events taken from the kernel."),
	[FAMILY_LOST] = COUNTER("shutwatch_events_lost", "cause",
		"What could not be recorded."),
	[FAMILY_PROGRAM_AVAILABLE] = GAUGE("shutwatch_bpf_program_available", "program",
		"1 if this kernel takes the program, else 0."),
	[FAMILY_PROGRAM_SECONDS] = COUNTER("shutwatch_bpf_program_run_seconds", "program",
		"CPU time of the program; 0 unless kernel.bpf_stats_enabled is set."),
	[FAMILY_PROGRAM_RUNS] = COUNTER("shutwatch_bpf_program_runs", "program",
		"Runs of the program; 0 unless kernel.bpf_stats_enabled is set."),
	[FAMILY_MAP_ENTRIES] = GAUGE("shutwatch_bpf_map_entries", "map",
		"Entries in use."),
	[FAMILY_MAP_CAPACITY] = GAUGE("shutwatch_bpf_map_capacity_entries", "map",
		"Entries that the map has room for."),
	[FAMILY_JOURNAL_BYTES] = GAUGE("shutwatch_journal_size_bytes", "",
		"Size of the journal of events."),
	[FAMILY_JOURNAL_ERRORS] = COUNTER("shutwatch_journal_errors", "",
		"Writes to the journal that failed."),
	[FAMILY_STORE_RECORDS] = COUNTER("shutwatch_store_records", "",
		"Records written to the store."),
	[FAMILY_STORE_ERRORS] = COUNTER("shutwatch_store_errors", "",
		"Writes to the store that failed."),
	[FAMILY_STORE_DROPPED] = COUNTER("shutwatch_store_records_dropped", "",
		"Records given up because the store did not take them."),
	[FAMILY_STORE_HELD] = GAUGE("shutwatch_store_records_held", "",
		"Records in memory that wait for the store."),
	[FAMILY_STORE_BYTES] = GAUGE("shutwatch_store_size_bytes", "",
		"Size of the store."),
	[FAMILY_HTTP_REQUESTS] = COUNTER("shutwatch_http_requests", "",
		"HTTP requests."),
	[FAMILY_HTTP_REFUSED] = COUNTER("shutwatch_http_requests_refused", "",
		"Of these: over a limit, or not authorised."),
	[FAMILY_CONFIG_GOOD] = GAUGE("shutwatch_config_last_reload_successful", "",
		"1 if the configuration in use is the one in the file, else 0."),
	[FAMILY_CONFIG_FAILED] = COUNTER("shutwatch_config_reloads_failed", "",
		"Reloads of the configuration that failed."),
	[FAMILY_LOG_DROPPED] = COUNTER("shutwatch_log_lines_dropped", "",
		"Lines of the log that stderr did not take at once."),
	[FAMILY_CPU] = COUNTER("process_cpu_seconds", "",
		"User and system CPU time of shutwatch."),
	[FAMILY_RESIDENT] = GAUGE("process_resident_memory_bytes", "",
		"Resident memory."),
	[FAMILY_VIRTUAL] = GAUGE("process_virtual_memory_bytes", "",
		"Virtual memory."),
	[FAMILY_OPEN_FDS] = GAUGE("process_open_fds", "",
		"Open file descriptors."),
	[FAMILY_MAX_FDS] = GAUGE("process_max_fds", "",
		"Limit of open file descriptors."),
	[FAMILY_START_TIME] = GAUGE("process_start_time_seconds", "",
		"When shutwatch started, since the epoch."),
};
/* clang-format on */

const char *family_type_name(enum family_type type)
{
	switch (type) {
	case FAMILY_COUNTER:
		return "counter";
	case FAMILY_GAUGE:
		return "gauge";
	case FAMILY_HISTOGRAM:
		return "histogram";
	}
	return "unknown";
}

char *metrics_markdown(void)
{
	struct text text;

	text_init(&text);
	text_add(&text, "| name | type | labels | meaning |\n|---|---|---|---|\n");
	for (int i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];

		text_addf(&text, "| `%s%s` | %s | %s | %s |\n", family->name,
			  family->type == FAMILY_COUNTER ? "_total" : "",
			  family_type_name(family->type), family->labels, family->help);
	}
	return text_take(&text);
}
