// SPDX-License-Identifier: GPL-2.0-only
/*
 * The beginning of a shutdown. What the service holds is looked at as soon as its first event is
 * applied; the accept queues are those of all services that were found to stop meanwhile, so that
 * thousands of them take one pass over the table of sockets and not one each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/capture/session_internal.h"
#include "src/capture/snapshot.h"

struct begun {
	struct snapshot snapshot;
	uint64_t armed_ns;
};

static void log_failure(const struct service_info *service, int err)
{
	log_error("the snapshot of %s failed: %s; going on with what its closes tell",
		  service->identity.name, strerror(-err));
}

/* A snapshot, whole or not, is over. */
static void note_begun(struct session *session, const struct target *target, uint64_t armed_ns)
{
	const struct shutdown *shutdown = model_find(session->model, target->generation);

	if (shutdown && session->options.on_begun)
		session->options.on_begun(session->options.context, shutdown,
					  clock_boot_ns() - armed_ns);
}

int session_begin(struct session *session, const struct target *target, uint64_t armed_ns)
{
	const struct service_info *service = roster_find(session->roster, target->service);
	struct begun *begun;
	int err;

	if (!service)
		return 0;
	err = array_reserve((void **)&session->begun, &session->begun_capacity, session->n_begun,
			    sizeof(*session->begun));
	if (err)
		return err;
	begun = &session->begun[session->n_begun];
	begun->armed_ns = armed_ns;
	err = snapshot_begin(session->probe, target, &begun->snapshot);
	if (err == -ENOMEM)
		return err;
	if (err) {
		log_failure(service, err);
		note_begun(session, target, armed_ns);
	} else {
		session->n_begun++;
	}
	err = session_tell_losses(session, target->generation);
	/* Meanwhile the rings have filled. */
	return err ? err : probe_dispatch(session->probe);
}

static int end_one(struct session *session, const struct begun *begun, int queues_err)
{
	const struct target *target = &begun->snapshot.target;
	const struct service_info *service = roster_find(session->roster, target->service);
	int err = queues_err;

	if (!service)
		return 0;
	if (!err)
		err = snapshot_tell(&begun->snapshot, service,
				    roster_wants_arguments(session->roster), session_take, session);
	if (err == -ENOMEM)
		return err;
	if (err)
		log_failure(service, err);
	note_begun(session, target, begun->armed_ns);
	if (!err)
		session_ask_grace(session, service, target->generation);
	return 0;
}

int session_end_begun(struct session *session)
{
	size_t i, count = session->n_begun;
	struct snapshot *snapshots = calloc(count, sizeof(*snapshots));
	int queues_err, err = snapshots ? 0 : -ENOMEM;

	if (err)
		return err;
	for (i = 0; i < count; i++)
		snapshots[i] = session->begun[i].snapshot;
	queues_err = snapshot_end_all(session->probe, snapshots, count);
	free(snapshots);
	for (i = 0; !err && i < count; i++)
		err = end_one(session, &session->begun[i], queues_err);
	session_forget_begun(session);
	return err ? err : probe_dispatch(session->probe);
}

void session_forget_begun(struct session *session)
{
	while (session->n_begun)
		snapshot_fini(&session->begun[--session->n_begun].snapshot);
	free(session->begun);
	session->begun = NULL;
	session->begun_capacity = 0;
}
