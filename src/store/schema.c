/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables, and how a file gets from one version of them to the next. A version that has been
 * released is never edited: the next one adds a migration behind it. SQLite's user_version says
 * how many have been applied.
 *
 * Rows of a record hang below `shutdowns` and go with it. They are clustered by their record
 * (WITHOUT ROWID), so that one is read in a few steps whatever the size of the file.
 */
#include <errno.h>
#include <stdio.h>

#include "src/store/database.h"

/* clang-format off */
#define SENDER_COLUMNS                                                                             \
	"sender_pid INTEGER NOT NULL, sender_uid INTEGER NOT NULL,"                                \
	"sender_is_kernel INTEGER NOT NULL, sender_comm TEXT NOT NULL,"                            \
	"sender_ancestry BLOB NOT NULL"
#define DIRECTION_COLUMNS(prefix)                                                                  \
	prefix "_open INTEGER NOT NULL," prefix "_in_flight INTEGER NOT NULL,"                     \
	prefix "_late INTEGER NOT NULL," prefix "_aborted INTEGER NOT NULL,"                       \
	prefix "_undecided INTEGER NOT NULL"
#define OF_SHUTDOWN "shutdown INTEGER NOT NULL REFERENCES shutdowns ON DELETE CASCADE,"
#define CLUSTERED ", PRIMARY KEY (shutdown, n)) STRICT, WITHOUT ROWID;"

static const char version_1[] =
	"CREATE TABLE shutdowns (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	"host TEXT NOT NULL, boot_id TEXT NOT NULL, kernel TEXT NOT NULL,"
	"service_kind INTEGER NOT NULL, service TEXT NOT NULL, unit TEXT NOT NULL,"
	"container_id TEXT NOT NULL, pod_uid TEXT NOT NULL, cgroup TEXT NOT NULL,"
	"trigger_kind INTEGER NOT NULL, trigger_signal INTEGER NOT NULL,"
	"trigger_wall_ns INTEGER, has_sender INTEGER NOT NULL," SENDER_COLUMNS ","
	"outcome INTEGER NOT NULL, is_complete INTEGER NOT NULL, is_provisional INTEGER NOT NULL,"
	"react_ns INTEGER, first_action_ns INTEGER, accepting_ns INTEGER, in_flight_ns INTEGER,"
	"drain_ns INTEGER, cleanup_ns INTEGER, total_ns INTEGER, dark_ns INTEGER,"
	"grace_ns INTEGER, has_connections INTEGER NOT NULL,"
	DIRECTION_COLUMNS("inbound") "," DIRECTION_COLUMNS("outbound") ","
	"refused INTEGER NOT NULL, refused_handshakes INTEGER NOT NULL,"
	"late_closes INTEGER NOT NULL, details_omitted INTEGER NOT NULL,"
	"lost_events INTEGER NOT NULL) STRICT;"
	"CREATE INDEX shutdowns_by_service ON shutdowns (service, id);"
	"CREATE INDEX shutdowns_by_time ON shutdowns (trigger_wall_ns);"

	"CREATE TABLE processes (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"pid INTEGER NOT NULL, ns_pid INTEGER NOT NULL, ppid INTEGER NOT NULL,"
	"started_wall_ns INTEGER, comm TEXT NOT NULL, exe TEXT, args TEXT,"
	"has_exited INTEGER NOT NULL, exited_at_ns INTEGER, exit_code INTEGER NOT NULL,"
	"exit_signal INTEGER NOT NULL, has_core INTEGER NOT NULL" CLUSTERED

	"CREATE TABLE signals (" OF_SHUTDOWN "process INTEGER NOT NULL, n INTEGER NOT NULL,"
	"at_ns INTEGER, delivered_at_ns INTEGER, signal INTEGER NOT NULL,"
	"result INTEGER NOT NULL, disposition INTEGER NOT NULL, from_member INTEGER NOT NULL,"
	"from_self INTEGER NOT NULL," SENDER_COLUMNS
	", PRIMARY KEY (shutdown, process, n)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE listeners (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"family INTEGER NOT NULL, address BLOB NOT NULL, port INTEGER NOT NULL,"
	"closed_at_ns INTEGER, reopened_at_ns INTEGER, queued_at_signal INTEGER NOT NULL" CLUSTERED

	"CREATE TABLE connections (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"direction INTEGER NOT NULL, pid INTEGER NOT NULL, family INTEGER NOT NULL,"
	"local BLOB NOT NULL, peer BLOB NOT NULL, local_port INTEGER NOT NULL,"
	"peer_port INTEGER NOT NULL, at_signal INTEGER NOT NULL, arrived_at_ns INTEGER,"
	"closed_at_ns INTEGER, closed_by INTEGER NOT NULL, wire INTEGER NOT NULL,"
	"outcome INTEGER NOT NULL, unread_bytes INTEGER NOT NULL, unacked_bytes INTEGER NOT NULL,"
	"received_bytes INTEGER NOT NULL, sent_bytes INTEGER NOT NULL" CLUSTERED

	"CREATE TABLE outcomes (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"direction INTEGER NOT NULL, outcome INTEGER NOT NULL, count INTEGER NOT NULL" CLUSTERED

	"CREATE TABLE losses (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"cause INTEGER NOT NULL, count INTEGER NOT NULL" CLUSTERED

	"CREATE TABLE findings (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"id TEXT NOT NULL, severity INTEGER NOT NULL, summary TEXT NOT NULL,"
	"evidence TEXT NOT NULL, advice TEXT NOT NULL" CLUSTERED;

/* Nothing was ever written to findings.evidence: it is a table of its own. */
static const char version_2[] =
	"ALTER TABLE shutdowns ADD COLUMN last_arrival_ns INTEGER;"
	"ALTER TABLE shutdowns ADD COLUMN last_refused_ns INTEGER;"
	"ALTER TABLE shutdowns ADD COLUMN has_waits INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE processes ADD COLUMN program INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE findings DROP COLUMN evidence;"

	"CREATE TABLE evidence (" OF_SHUTDOWN "finding INTEGER NOT NULL, n INTEGER NOT NULL,"
	"key TEXT NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL"
	", PRIMARY KEY (shutdown, finding, n)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE waits (" OF_SHUTDOWN "n INTEGER NOT NULL,"
	"pid INTEGER NOT NULL, tid INTEGER NOT NULL, comm TEXT NOT NULL,"
	"is_main INTEGER NOT NULL, state INTEGER NOT NULL, call TEXT NOT NULL,"
	"object INTEGER NOT NULL, text TEXT NOT NULL, total_ns INTEGER, share REAL,"
	"samples INTEGER NOT NULL" CLUSTERED;

static const char version_3[] =
	"ALTER TABLE shutdowns ADD COLUMN are_resets_unseen INTEGER NOT NULL DEFAULT 0;";

static const char version_4[] = "ALTER TABLE waits ADD COLUMN cleanup_ns INTEGER;";

static const char *const migrations_of_ours[] = { version_1, version_2, version_3, version_4 };
/* clang-format on */

const char *const *schema_migrations(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(migrations_of_ours);
	return migrations_of_ours;
}

static int version_of(struct store *store, size_t known, int64_t *ret_version)
{
	int err = database_number(store, "PRAGMA user_version", ret_version);

	if (err || (*ret_version >= 0 && *ret_version <= (int64_t)known))
		return err;
	snprintf(store->fault, sizeof(store->fault),
		 "written by a newer shutwatch (schema %lld, this one knows %zu)",
		 (long long)*ret_version, known);
	return -EPROTO;
}

static int migrate_once(struct store *store, const char *migration, size_t version)
{
	char mark[96];
	int err = database_exec(store, "BEGIN IMMEDIATE");

	if (err)
		return err;
	snprintf(mark, sizeof(mark), "PRAGMA user_version = %zu; PRAGMA application_id = %d",
		 version, SCHEMA_APPLICATION_ID);
	err = database_exec(store, migration);
	if (!err)
		err = database_exec(store, mark);
	return database_end(store, err);
}

int schema_check_owner(struct store *store)
{
	int64_t id, objects;
	int err = database_number(store, "PRAGMA application_id", &id);

	if (err || id == SCHEMA_APPLICATION_ID)
		return err;
	err = database_number(store, "SELECT count(*) FROM sqlite_schema", &objects);
	if (err || (id == 0 && objects == 0))
		return err;
	snprintf(store->fault, sizeof(store->fault), "a database of another program");
	return -EMEDIUMTYPE;
}

int schema_migrate(struct store *store, const char *const *migrations, size_t n_migrations)
{
	int64_t version = 0;
	int err = schema_check_owner(store);

	if (!err)
		err = version_of(store, n_migrations, &version);
	for (size_t i = (size_t)version; !err && i < n_migrations; i++)
		err = migrate_once(store, migrations[i], i + 1);
	return err;
}

/* A view could be of any length, and a virtual table of any kind. */
static int check_tables(struct store *store)
{
	int64_t tables;
	int err = database_number(store,
				  "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
				  "rootpage > 0 AND name IN ('shutdowns', 'processes', 'signals', "
				  "'listeners', 'connections', 'outcomes', 'losses', 'findings', "
				  "'evidence', 'waits')",
				  &tables);

	if (!err && tables != RELATIONS)
		return database_reject(store, "tables are missing");
	return err;
}

int schema_check(struct store *store)
{
	int64_t version;
	int err = schema_check_owner(store);

	if (!err)
		err = version_of(store, ARRAY_SIZE(migrations_of_ours), &version);
	if (err)
		return err;
	if (version < (int64_t)ARRAY_SIZE(migrations_of_ours)) {
		snprintf(store->fault, sizeof(store->fault),
			 "not brought up to this version yet (schema %lld, this one reads %zu); "
			 "the daemon does when it starts",
			 (long long)version, ARRAY_SIZE(migrations_of_ours));
		return -EPROTO;
	}
	return check_tables(store);
}
