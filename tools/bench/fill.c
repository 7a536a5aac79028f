// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-fill STORE COUNT SECONDS RECORDING...: writes so many records into the store, or fewer if
 * the time is over first, as the daemon does: one transaction each. They are the records of the
 * recordings, again and again, each a minute later, of 200 services. Prints a JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/build.h"
#include "src/analysis/ulid.h"
#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/capture/recording.h"
#include "src/model/model.h"
#include "src/store/store.h"

#define FIRST_MS 1700000000000ULL
#define APART_MS 60000
#define SERVICES 200

struct records {
	struct record *items;
	size_t count;
	size_t capacity;
	struct host host;
	struct model *model;
};

static int add_ended(struct records *records)
{
	struct shutdown *shutdown;
	int err = 0;

	while (!err && (shutdown = model_take_ended(records->model))) {
		err = array_reserve((void **)&records->items, &records->capacity, records->count,
				    sizeof(*records->items));
		if (!err)
			err = record_build(shutdown, &records->host,
					   &records->items[records->count]);
		records->count += !err;
		shutdown_free(shutdown);
	}
	return err;
}

static int on_event(void *context, const union event *event)
{
	struct records *records = context;
	int err = model_apply(records->model, event);

	return err ? err : add_ended(records);
}

static int read_recording(struct records *records, const char *path)
{
	const struct model_options options = { .settle_ns = NSEC_PER_SEC,
					       .patience_ns = 600 * NSEC_PER_SEC,
					       .details_limit = DETAILS_DEFAULT };
	struct recording_fault fault;
	int err;

	records->model = model_new(&options);
	if (!records->model)
		return -1;
	err = recording_read(path, &records->host, on_event, records, &fault);
	model_free(records->model);
	return err;
}

static int fill(struct store *store, struct records *records, uint64_t count, uint64_t end_ns)
{
	uint64_t i, start_ns = clock_boot_ns();

	for (i = 0; i < count && clock_boot_ns() < end_ns; i++) {
		struct record *record = &records->items[i % records->count];
		uint64_t ms = FIRST_MS + i * APART_MS;

		record->trigger_wall_ns = (int64_t)(ms * 1000000);
		ulid_format(ms, 1, i, record->id);
		snprintf(record->service.name, sizeof(record->service.name), "service-%llu",
			 (unsigned long long)(i * 7919 % SERVICES));
		if (store_put(store, record))
			return fprintf(stderr, "bench-fill: %s\n", store_fault(store)), 1;
	}
	printf("{\"records\": %llu, \"kinds\": %zu, \"seconds\": %.6f}\n", (unsigned long long)i,
	       records->count, (double)(clock_boot_ns() - start_ns) / NSEC_PER_SEC);
	return 0;
}

int main(int argc, char **argv)
{
	struct records records = {};
	struct store *store;
	size_t i;
	int status;

	if (argc < 5)
		return 2;
	for (int k = 4; k < argc; k++) {
		if (read_recording(&records, argv[k]))
			return fprintf(stderr, "bench-fill: cannot read %s\n", argv[k]), 1;
	}
	if (!records.count || store_open(argv[1], STORE_WRITE, &store))
		return 1;
	status = fill(store, &records, strtoull(argv[2], NULL, 10),
		      clock_boot_ns() + strtoull(argv[3], NULL, 10) * NSEC_PER_SEC);
	store_close(store);
	for (i = 0; i < records.count; i++)
		record_fini(&records.items[i]);
	free(records.items);
	return status;
}
