/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of any origin through the model and into every view. */
#ifndef SHUTWATCH_FUZZ_REPLAYED_H
#define SHUTWATCH_FUZZ_REPLAYED_H

#include "src/model/host.h"
#include "src/model/model.h"

struct replayed {
	struct model *model;
	struct host host;
};

void replayed_init(struct replayed *replayed);
void replayed_fini(struct replayed *replayed);

/*
 * A recording_sink; the context is a struct replayed. Each record that comes of it is shown, and
 * one that says it is complete must count every connection once. Returns 0.
 */
int replayed_event(void *context, const union event *event);

#endif
