/* SPDX-License-Identifier: GPL-2.0-only */
/* What shutwatch tells of itself: figures that the caller has read, as lines. */
#include "src/output/exposition.h"
#include "src/output/metrics.h"
#include "src/output/metrics_state.h"

static void add_build(struct exposition *e, const struct metrics_self *self)
{
	exposition_family(e, FAMILY_BUILD_INFO);
	sample_begin(e, NULL);
	sample_label(e, "version", self->version);
	sample_label(e, "kernel", self->kernel);
	sample_count(e, 1);
}

static void add_losses(struct exposition *e, const struct metrics_self *self)
{
	exposition_family(e, FAMILY_LOST);
	for (int i = 0; i < LOSS_CAUSES; i++) {
		sample_begin(e, NULL);
		sample_label(e, "cause", loss_cause_name(i));
		sample_count(e, self->losses[i]);
	}
}

static void program_begin(struct exposition *e, const struct metrics_program *program)
{
	sample_begin(e, NULL);
	sample_label(e, "program", program->name);
}

static void add_programs(struct exposition *e, const struct metrics_self *self)
{
	exposition_family(e, FAMILY_PROGRAM_AVAILABLE);
	for (size_t i = 0; i < self->n_programs; i++) {
		program_begin(e, &self->programs[i]);
		sample_count(e, self->programs[i].is_available);
	}
	exposition_family(e, FAMILY_PROGRAM_SECONDS);
	for (size_t i = 0; i < self->n_programs; i++) {
		program_begin(e, &self->programs[i]);
		sample_real(e, self->programs[i].run_seconds);
	}
	exposition_family(e, FAMILY_PROGRAM_RUNS);
	for (size_t i = 0; i < self->n_programs; i++) {
		program_begin(e, &self->programs[i]);
		sample_count(e, self->programs[i].runs);
	}
}

static void add_map(struct exposition *e, const struct metrics_map *map, uint64_t value)
{
	sample_begin(e, NULL);
	sample_label(e, "map", map->name);
	sample_count(e, value);
}

static void add_maps(struct exposition *e, const struct metrics_self *self)
{
	exposition_family(e, FAMILY_MAP_ENTRIES);
	for (size_t i = 0; i < self->n_maps; i++)
		add_map(e, &self->maps[i], self->maps[i].entries);
	exposition_family(e, FAMILY_MAP_CAPACITY);
	for (size_t i = 0; i < self->n_maps; i++)
		add_map(e, &self->maps[i], self->maps[i].capacity);
}

static void add_process(struct exposition *e, const struct metrics_self *self)
{
	exposition_family(e, FAMILY_CPU);
	sample_begin(e, NULL);
	sample_real(e, self->cpu_seconds);
	exposition_single(e, FAMILY_RESIDENT, self->resident_bytes);
	exposition_single(e, FAMILY_VIRTUAL, self->virtual_bytes);
	exposition_single(e, FAMILY_OPEN_FDS, self->open_fds);
	exposition_single(e, FAMILY_MAX_FDS, self->max_fds);
	exposition_family(e, FAMILY_START_TIME);
	sample_begin(e, NULL);
	sample_real(e, self->start_time_seconds);
}

void metrics_self_add(struct exposition *e, const struct metrics_self *self)
{
	add_build(e, self);
	exposition_single(e, FAMILY_SERVICES, self->services_watched);
	exposition_single(e, FAMILY_EVENTS, self->events);
	add_losses(e, self);
	add_programs(e, self);
	add_maps(e, self);
	exposition_single(e, FAMILY_JOURNAL_BYTES, self->journal_bytes);
	exposition_single(e, FAMILY_JOURNAL_ERRORS, self->journal_errors);
	exposition_single(e, FAMILY_STORE_RECORDS, self->store_records);
	exposition_single(e, FAMILY_STORE_ERRORS, self->store_errors);
	exposition_single(e, FAMILY_STORE_DROPPED, self->store_dropped);
	exposition_single(e, FAMILY_STORE_HELD, self->store_held);
	exposition_single(e, FAMILY_STORE_BYTES, self->store_bytes);
	exposition_single(e, FAMILY_HTTP_REQUESTS, self->http_requests);
	exposition_single(e, FAMILY_HTTP_REFUSED, self->http_refused);
	exposition_single(e, FAMILY_CONFIG_GOOD, self->is_config_reload_good);
	exposition_single(e, FAMILY_CONFIG_FAILED, self->config_reloads_failed);
	exposition_single(e, FAMILY_LOG_DROPPED, self->log_lines_dropped);
	add_process(e, self);
}
