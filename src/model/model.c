// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shutdowns under way. Routes each event to its own, and knows the two things that cross
 * them: a port that opens again, and signals that shutwatch itself passed on.
 */
#include "src/model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"

struct model {
	struct model_options options;
	struct shutdown **shutdowns;
	size_t count;
	size_t capacity;
	/* The last signal of each number that was sent to the forwarder; type 0: none. */
	struct event_signal forwarded[SIGNAL_MAX + 1];
};

struct model *model_new(const struct model_options *options)
{
	struct model *model = calloc(1, sizeof(*model));

	if (model)
		model->options = *options;
	return model;
}

void model_free(struct model *model)
{
	size_t i;

	if (!model)
		return;
	for (i = 0; i < model->count; i++)
		shutdown_free(model->shutdowns[i]);
	free(model->shutdowns);
	free(model);
}

static int shutdown_of(struct model *model, const struct event_header *header,
		       struct shutdown **ret_shutdown)
{
	struct shutdown *shutdown;
	size_t i;
	int err;

	for (i = 0; i < model->count; i++) {
		shutdown = model->shutdowns[i];
		if (shutdown->service == header->service &&
		    shutdown->generation == header->generation) {
			*ret_shutdown = shutdown;
			return 0;
		}
	}
	err = array_reserve((void **)&model->shutdowns, &model->capacity, model->count,
			    sizeof(struct shutdown *));
	if (err)
		return err;
	shutdown = shutdown_new(header->service, header->generation, header->at_ns,
				model->options.details_limit);
	if (!shutdown)
		return -ENOMEM;
	model->shutdowns[model->count++] = shutdown;
	*ret_shutdown = shutdown;
	return 0;
}

static void note_reopened(struct model *model, const struct event_listener *event)
{
	size_t i;

	if (event->change != LISTENER_OPENED)
		return;
	for (i = 0; i < model->count; i++)
		shutdown_note_reopened(model->shutdowns[i], event);
}

/* A signal that shutwatch passed on has the sender who sent it to shutwatch. */
static void name_original_sender(const struct model *model, struct event_signal *event)
{
	const struct event_signal *original = &model->forwarded[event->signal];

	if (original->header.type == EVENT_NONE ||
	    !process_id_equal(&original->target, &event->sender))
		return;
	event->sender = original->sender;
	event->sender_uid = original->sender_uid;
	event->code = original->code;
	event->ancestors = original->ancestors;
	memcpy(event->ancestry, original->ancestry, sizeof(event->ancestry));
}

int model_apply(struct model *model, const union event *event)
{
	struct shutdown *shutdown;
	union event named;
	int err;

	if (event->header.type == EVENT_LISTENER)
		note_reopened(model, &event->listener);
	if (event->header.type == EVENT_SIGNAL && event->signal.flags & SIGNAL_TO_FORWARDER)
		model->forwarded[event->signal.signal] = event->signal;
	if (!event->header.generation)
		return 0;
	err = shutdown_of(model, &event->header, &shutdown);
	if (err)
		return err;
	if (event->header.type != EVENT_SIGNAL)
		return shutdown_apply(shutdown, event);
	named.signal = event->signal;
	name_original_sender(model, &named.signal);
	return shutdown_apply(shutdown, &named);
}

struct shutdown *model_take_ended(struct model *model)
{
	size_t i;

	for (i = 0; i < model->count; i++) {
		struct shutdown *shutdown = model->shutdowns[i];

		if (!shutdown->has_ended)
			continue;
		memmove(&model->shutdowns[i], &model->shutdowns[i + 1],
			(model->count - i - 1) * sizeof(struct shutdown *));
		model->count--;
		return shutdown;
	}
	return NULL;
}

static __u64 deadline_of(const struct model *model, const struct shutdown *shutdown,
			 enum ended_reason *ret_reason)
{
	return shutdown_deadline_ns(shutdown, model->options.settle_ns, model->options.patience_ns,
				    ret_reason);
}

__u64 model_deadline_ns(const struct model *model)
{
	__u64 first = UINT64_MAX;
	enum ended_reason reason;
	size_t i;

	for (i = 0; i < model->count; i++) {
		__u64 deadline = deadline_of(model, model->shutdowns[i], &reason);

		if (deadline < first)
			first = deadline;
	}
	return first;
}

const struct shutdown *model_due(const struct model *model, __u64 now_ns,
				 enum ended_reason *ret_reason)
{
	size_t i;

	for (i = 0; i < model->count; i++) {
		if (deadline_of(model, model->shutdowns[i], ret_reason) <= now_ns)
			return model->shutdowns[i];
	}
	return NULL;
}

const struct shutdown *model_first(const struct model *model)
{
	return model->count ? model->shutdowns[0] : NULL;
}
