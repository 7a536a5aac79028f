// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grace period of a unit that stops, for its record. Asked when the stop has begun: what
 * systemd then says is what it acts by, also after a daemon-reload, and while nothing stops nothing
 * is asked. It is told after the snapshot, which does not wait for it; a record that is due
 * before the answer has none.
 */
#include <errno.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/capture/grace.h"
#include "src/capture/session_internal.h"

#define PRIVATE_SOCKET "unix:path=/run/systemd/private"

static int take_grace(void *context, uint64_t generation, uint64_t grace_ns)
{
	struct session *session = context;
	const struct shutdown *shutdown = model_find(session->model, generation);
	struct event_service event;

	if (!shutdown || !shutdown->has_identity)
		return 0;
	event = shutdown->identity; /* the rest is as it was told */
	event.header.at_ns = clock_boot_ns();
	event.grace_ns = grace_ns;
	return session_take(session, &event, sizeof(event));
}

static int open_graces(struct session *session)
{
	const struct grace_options options = {
		.address = PRIVATE_SOCKET,
		.epoll_fd = session->epoll_fd,
		.sink = take_grace,
		.context = session,
	};

	if (!session->graces)
		session->graces = graces_new(&options);
	return session->graces ? 0 : -ENOMEM;
}

void session_ask_grace(struct session *session, const struct service_info *service,
		       uint64_t generation)
{
	int err;

	if (service->grace_ns || !cgroup_is_system_service(&service->identity))
		return;
	err = open_graces(session);
	if (!err)
		err = graces_ask(session->graces, service->identity.unit, generation,
				 clock_boot_ns());
	if (err && err != -EAGAIN)
		log_info("cannot ask systemd for the grace period of %s: %s; going on without it",
			 service->identity.unit, strerror(-err));
}

int session_hear_graces(struct session *session)
{
	int err = session->graces ? graces_hear(session->graces, clock_boot_ns()) : 0;

	return err ? err : session_apply_queued(session);
}
