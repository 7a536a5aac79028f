/* SPDX-License-Identifier: GPL-2.0-only */
/* /api/v1/shutdowns: the records of the store, read only. */
#ifndef SHUTWATCH_API_H
#define SHUTWATCH_API_H

#include "src/serve/query.h"
#include "src/serve/reply.h"

#define API_SHUTDOWNS "/api/v1/shutdowns"

struct api {
	const char *store_path;	  /* the caller's; NULL: there is none */
	uint64_t failed_until_ns; /* the store is not tried again before; boot time */
};

/* The list. */
struct reply api_list(struct api *api, const struct query *query);

/* One record; "last" is the latest. Any text may come as the id. */
struct reply api_record(struct api *api, const char *id);

#endif
