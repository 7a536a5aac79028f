/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon does with what it learns: each record goes into the metrics, the log and the
 * archive; what the archive has stored is acknowledged. Main thread only, except ledger_text().
 */
#ifndef SHUTWATCH_LEDGER_H
#define SHUTWATCH_LEDGER_H

#include "src/cli/watcher.h"
#include "src/output/metrics.h"
#include "src/store/archive.h"

struct ledger;

struct ledger_options {
	const char *store_path; /* NULL: none */
	struct store_retention retention;
	const struct host *host;
	struct watcher *watcher;
};

/* NULL: out of memory. */
struct ledger *ledger_new(const struct ledger_options *options);
void ledger_free(struct ledger *ledger);

/* Takes over the message. */
void ledger_take(struct ledger *ledger, struct message *message);
/* Does what is due: retries, retention. */
void ledger_step(struct ledger *ledger);
/* When ledger_step() is due again; UINT64_MAX: not before the next message. */
uint64_t ledger_deadline_ns(const struct ledger *ledger);
/* Stores all that it can, once. */
void ledger_flush(struct ledger *ledger);

void ledger_set_retention(struct ledger *ledger, const struct store_retention *retention);

/*
 * The metrics as text; any thread. `self` holds what the caller knows of the process; the figures
 * of store, watcher and kernel are filled in here. Owned by the caller; NULL: out of memory.
 */
char *ledger_text(struct ledger *ledger, struct metrics_self *self, enum metrics_format format,
		  size_t *ret_size);

#endif
