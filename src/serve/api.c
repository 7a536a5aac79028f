/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store is opened for each request, so that a file that was moved away or came later is no
 * matter. Where that fails, it is not tried again for a second: neither the disk nor the log is
 * at the mercy of who asks how often.
 */
#include "src/serve/api.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/output/json.h"
#include "src/output/json_values.h"
#include "src/output/units.h"
#include "src/store/store.h"

#define REAL_DIGITS 15 /* as in the record */

static void close_store(struct store **store)
{
	store_close(*store);
}

static struct reply unreadable(struct api *api)
{
	struct reply reply =
		reply_error(MHD_HTTP_SERVICE_UNAVAILABLE, "%s",
			    api->store_path ? "the store cannot be read; the log says why"
					    : "this shutwatch keeps no store");

	reply.retry_s = api->store_path ? 1 : 0;
	return reply;
}

static bool open_store(struct api *api, struct store **ret_store)
{
	if (!api->store_path || clock_boot_ns() < api->failed_until_ns)
		return false;
	if (store_open(api->store_path, STORE_READ, ret_store) == 0)
		return true;
	api->failed_until_ns = clock_boot_ns() + NSEC_PER_SEC;
	return false;
}

/* The store was open, and then could not be read. */
static struct reply failed(struct api *api, struct store *store, int err)
{
	log_error("cannot read %s for HTTP: %s %s", api->store_path, strerror(-err),
		  store_fault(store));
	api->failed_until_ns = clock_boot_ns() + NSEC_PER_SEC;
	return unreadable(api);
}

/* New references; NULL: out of memory, which json_pack() passes on. */

static json_t *trigger_json(const struct store_summary *summary)
{
	char signal[16];
	char at[UNITS_BYTES];

	return json_pack("{s:s,s:s?,s:s}", "kind", trigger_kind_name(summary->trigger), "signal",
			 summary->trigger_signal ? signal_name(summary->trigger_signal, signal)
						 : NULL,
			 "at", units_timestamp(summary->trigger_wall_ns, at));
}

static json_t *timing_json(const struct record_timing *timing)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "react_s",
			 value_seconds(timing->react_ns), "first_action_s",
			 value_seconds(timing->first_action_ns), "accepting_s",
			 value_seconds(timing->accepting_ns), "in_flight_s",
			 value_seconds(timing->in_flight_ns), "drain_s",
			 value_seconds(timing->drain_ns), "cleanup_s",
			 value_seconds(timing->cleanup_ns), "total_s",
			 value_seconds(timing->total_ns), "dark_s", value_seconds(timing->dark_ns),
			 "grace_s", value_seconds(timing->grace_ns));
}

static json_t *connections_json(const struct store_summary *summary)
{
	if (!summary->has_connections)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:I,s:o}", "inbound", (json_int_t)summary->inbound,
			 "in_flight_at_signal", (json_int_t)summary->in_flight, "late",
			 (json_int_t)summary->late, "aborted", (json_int_t)summary->aborted,
			 "refused",
			 summary->are_resets_unseen ? json_null() : value_count(summary->refused));
}

/* The names are those of the record; `connections` has its sums alone. */
static json_t *summary_json(const struct store_summary *summary)
{
	return json_pack("{s:s,s:{s:o,s:s},s:o,s:s,s:b,s:b,s:o,s:o}", "id", summary->id, "service",
			 "name", value_text(summary->service), "kind",
			 service_kind_name(summary->service_kind), "trigger", trigger_json(summary),
			 "outcome", verdict_name(summary->verdict), "complete",
			 summary->is_complete, "provisional", summary->is_provisional, "timing",
			 timing_json(&summary->timing), "connections", connections_json(summary));
}

struct page {
	json_t *items;
	size_t limit;
	char last_id[RECORD_ID_BYTES];
	bool has_more;
};

static int add_summary(void *context, const struct store_summary *summary)
{
	struct page *page = context;

	if (json_array_size(page->items) == page->limit) {
		page->has_more = true;
		return 0;
	}
	memcpy(page->last_id, summary->id, sizeof(page->last_id));
	return json_array_append_new(page->items, summary_json(summary)) ? -ENOMEM : 0;
}

static char *page_text(const struct page *page, const struct query *query)
{
	_cleanup_free_ char *next = page->has_more ? query_next(query, page->last_id) : NULL;
	json_auto_t *json = NULL;

	if (page->has_more && !next)
		return NULL;
	json = json_pack("{s:O,s:s?}", "shutdowns", page->items, "next", next);
	if (!json)
		return NULL;
	return json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
}

struct reply api_list(struct api *api, const struct query *query)
{
	__attribute__((cleanup(close_store))) struct store *store = NULL;
	struct store_filter filter = query_filter(query);
	json_auto_t *items = json_array();
	struct page page = { .items = items, .limit = query_limit(query) };
	int err;

	if (!items)
		return reply_text(MHD_HTTP_OK, REPLY_JSON, NULL);
	if (!open_store(api, &store))
		return unreadable(api);
	err = store_list(store, &filter, add_summary, &page);
	if (err == -ENOMEM)
		return reply_text(MHD_HTTP_OK, REPLY_JSON, NULL);
	if (err)
		return failed(api, store, err);
	return reply_text(MHD_HTTP_OK, REPLY_JSON, page_text(&page, query));
}

struct reply api_record(struct api *api, const char *id)
{
	__attribute__((cleanup(close_store))) struct store *store = NULL;
	char last_id[RECORD_ID_BYTES];
	struct record record;
	char *text;
	int err = 0;

	if (strcmp(id, "last") != 0 && !query_is_id(id))
		return reply_error(MHD_HTTP_NOT_FOUND,
				   "%.40s is no id of a record: 26 letters and digits, or last",
				   id);
	if (!open_store(api, &store))
		return unreadable(api);
	if (strcmp(id, "last") == 0) {
		err = store_last_id(store, last_id);
		id = last_id;
		if (err == -ENOENT)
			return reply_error(MHD_HTTP_NOT_FOUND, "the store has no record yet");
	}
	if (!err)
		err = store_load(store, id, &record);
	if (err == -ENOENT)
		return reply_error(MHD_HTTP_NOT_FOUND, "there is no record %s", id);
	if (err)
		return failed(api, store, err);
	text = json_from_record(&record, false);
	record_fini(&record);
	return reply_text(MHD_HTTP_OK, REPLY_JSON, text);
}
