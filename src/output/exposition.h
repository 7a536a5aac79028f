/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two formats in which Prometheus reads metrics, line by line: OpenMetrics 1.0 and the text
 * format 0.0.4. Knows what a line looks like, not what is served.
 *
 * A sample: sample_begin(), sample_label() as often as needed, then one of the values.
 */
#ifndef SHUTWATCH_EXPOSITION_H
#define SHUTWATCH_EXPOSITION_H

#include <stdint.h>

#include "src/base/text.h"
#include "src/output/metrics.h"
#include "src/output/metrics_families.h"
#include "src/output/metrics_histogram.h"

#define LABEL_BYTES_MAX 128 /* of a value, before its escapes */

struct exposition {
	struct text text; /* a failed allocation is remembered here */
	enum metrics_format format;
	const struct family *family;
	bool has_labels; /* of the sample that is being written */
};

/* Adds name="value": valid UTF-8, at most LABEL_BYTES_MAX bytes, escaped. */
void label_add(struct text *text, const char *name, const char *value);

/* The lines that describe a family; its samples follow. */
void exposition_family(struct exposition *e, enum family_id id);
/* What ends the exposition. */
void exposition_end(struct exposition *e);

/* `labels`: made by label_add(); NULL: none (yet). */
void sample_begin(struct exposition *e, const char *labels);
void sample_label(struct exposition *e, const char *name, const char *value);
void sample_count(struct exposition *e, uint64_t value);
void sample_ns(struct exposition *e, uint64_t ns); /* shown as seconds */
void sample_real(struct exposition *e, double value);
void sample_counter(struct exposition *e, const struct counter *counter);

/* A family of one sample without labels. */
void exposition_single(struct exposition *e, enum family_id id, uint64_t value);

/* All lines of one histogram of the family. */
void exposition_histogram(struct exposition *e, const char *labels,
			  const struct histogram *histogram);

#endif
