/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events in, shutdowns out. No I/O, no clock, no libbpf: time comes with the events, so that a
 * recording gives the same shutdowns as the kernel did.
 */
#ifndef SHUTWATCH_MODEL_H
#define SHUTWATCH_MODEL_H

#include "src/model/deadline.h"
#include "src/model/decode.h"
#include "src/model/shutdown.h"

struct model;

/* NULL: out of memory. */
struct model *model_new(const struct model_options *options);
void model_free(struct model *model);

/* The spans and limits from now on. */
void model_set_options(struct model *model, const struct model_options *options);

/*
 * Takes in one event. Returns 0 or -ENOMEM. Events of no shutdown, or of one that has ended, are
 * no error.
 */
int model_apply(struct model *model, const union event *event);

/* The next shutdown that has ended, owned by the caller; NULL: none. */
struct shutdown *model_take_ended(struct model *model);

/* When to look for due shutdowns again; UINT64_MAX: nothing is under way. */
__u64 model_deadline_ns(const struct model *model);

/* A shutdown whose deadline has come, still the model's; NULL: none. */
const struct shutdown *model_due(const struct model *model, __u64 now_ns,
				 enum ended_reason *ret_reason);

/* Any shutdown that is under way; NULL: none. For winding up. */
const struct shutdown *model_first(const struct model *model);

/* One under way by its number from 0; NULL: there are no more. */
const struct shutdown *model_at(const struct model *model, size_t index);
/* The one under way of this generation; NULL: none. */
const struct shutdown *model_find(const struct model *model, __u64 generation);

#endif
