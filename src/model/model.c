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

#define ENDED_KEPT 1024

struct model {
	struct model_options options;
	struct shutdown **shutdowns;
	size_t count;
	size_t capacity;
	/* The last signal of each number that was sent to the forwarder; type 0: none. */
	struct event_signal forwarded[SIGNAL_MAX + 1];
	/* The generations that ended last: an event of theirs comes too late. */
	__u64 ended[ENDED_KEPT];
	size_t n_ended;
};

struct model *model_new(const struct model_options *options)
{
	struct model *model = calloc(1, sizeof(*model));

	if (model)
		model->options = *options;
	return model;
}

void model_set_options(struct model *model, const struct model_options *options)
{
	model->options = *options;
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

const struct shutdown *model_find(const struct model *model, __u64 generation)
{
	size_t i;

	for (i = 0; i < model->count; i++) {
		if (model->shutdowns[i]->generation == generation)
			return model->shutdowns[i];
	}
	return NULL;
}

static bool has_ended(const struct model *model, __u64 generation)
{
	size_t i;

	for (i = 0; i < ENDED_KEPT && i < model->n_ended; i++) {
		if (model->ended[i] == generation)
			return true;
	}
	return false;
}

/* Returns 0; 1: it has ended; -ENOMEM. */
static int shutdown_of(struct model *model, const struct event_header *header,
		       struct shutdown **ret_shutdown)
{
	struct shutdown *shutdown =
		(struct shutdown *)model_find(model, header->generation); /* ours */
	int err;

	if (shutdown) {
		*ret_shutdown = shutdown;
		return 0;
	}
	if (has_ended(model, header->generation))
		return 1;
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
		return err < 0 ? err : 0;
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
		model->ended[model->n_ended++ % ENDED_KEPT] = shutdown->generation;
		return shutdown;
	}
	return NULL;
}

static __u64 deadline_of(const struct model *model, const struct shutdown *shutdown,
			 enum ended_reason *ret_reason)
{
	return shutdown_deadline_ns(shutdown, &model->options, ret_reason);
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
	return model_at(model, 0);
}

const struct shutdown *model_at(const struct model *model, size_t index)
{
	return index < model->count ? model->shutdowns[index] : NULL;
}
