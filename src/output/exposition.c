/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of OpenMetrics 1.0 and of the text format 0.0.4. What differs: the name of a counter's
 * family, units, exemplars and the end.
 *
 * There are no _created lines: they would add a series to each counter, and what they are for, a
 * counter that begins anew, process_start_time_seconds tells as well.
 */
#include "src/output/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"

#define REAL_BYTES 32

static void add_escaped(struct text *text, const char *value, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t plain = strcspn(value + i, "\\\"\n");

		plain = plain < size - i ? plain : size - i;
		text_add_bytes(text, value + i, plain);
		i += plain;
		if (i == size)
			break;
		text_add_bytes(text, "\\", 1);
		text_add_bytes(text, value[i] == '\n' ? "n" : value + i, 1);
		i++;
	}
}

void label_add(struct text *text, const char *name, const char *value)
{
	_cleanup_free_ char *valid = text_valid_utf8(value, strlen(value));
	size_t size;

	if (!valid) {
		text->has_failed = true;
		return;
	}
	size = strlen(valid);
	if (size > LABEL_BYTES_MAX) {
		size = LABEL_BYTES_MAX;
		while (((unsigned char)valid[size] & 0xc0) == 0x80) /* not within a character */
			size--;
	}
	text_add(text, name);
	text_add_bytes(text, "=\"", 2);
	add_escaped(text, valid, size);
	text_add_bytes(text, "\"", 1);
}

static void add_count(struct text *text, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_add_bytes(text, digits + i, sizeof(digits) - i);
}

static void add_seconds(struct text *text, uint64_t ns)
{
	char fraction[] = ".000000000";
	uint64_t rest = ns % NSEC_PER_SEC;
	size_t size = sizeof(fraction) - 1;

	add_count(text, ns / NSEC_PER_SEC);
	if (rest == 0)
		return;
	for (size_t i = size; i-- > 1; rest /= 10)
		fraction[i] = (char)('0' + rest % 10);
	while (fraction[size - 1] == '0')
		size--;
	text_add_bytes(text, fraction, size);
}

/* The fewest digits that read back as the same number. */
static void add_real(struct text *text, double value)
{
	char buffer[REAL_BYTES];

	if (isnan(value)) {
		text_add(text, "NaN");
		return;
	}
	if (isinf(value)) {
		text_add(text, value > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
		if (strtod(buffer, NULL) == value)
			break;
	}
	text_add(text, buffer);
}

static const char *unit_of(const char *name)
{
	const char *last = strrchr(name, '_');

	if (last && (strcmp(last, "_seconds") == 0 || strcmp(last, "_bytes") == 0))
		return last + 1;
	return NULL;
}

void exposition_family(struct exposition *e, enum family_id id)
{
	const struct family *family = &families[id];
	bool is_open = e->format == METRICS_OPENMETRICS;
	const char *suffix = family->type == FAMILY_COUNTER && !is_open ? "_total" : "";
	const char *unit = unit_of(family->name);

	e->family = family;
	text_addf(&e->text, "# HELP %s%s %s\n", family->name, suffix, family->help);
	text_addf(&e->text, "# TYPE %s%s %s\n", family->name, suffix,
		  family_type_name(family->type));
	if (is_open && unit)
		text_addf(&e->text, "# UNIT %s %s\n", family->name, unit);
}

void exposition_end(struct exposition *e)
{
	if (e->format == METRICS_OPENMETRICS)
		text_add(&e->text, "# EOF\n");
}

static void begin(struct exposition *e, const char *suffix, const char *labels)
{
	text_add(&e->text, e->family->name);
	text_add(&e->text, suffix);
	e->has_labels = labels;
	if (!labels)
		return;
	text_add_bytes(&e->text, "{", 1);
	text_add(&e->text, labels);
}

static void next_label(struct exposition *e)
{
	text_add_bytes(&e->text, e->has_labels ? "," : "{", 1);
	e->has_labels = true;
}

static void end_labels(struct exposition *e)
{
	text_add(&e->text, e->has_labels ? "} " : " ");
}

static void end_line(struct exposition *e)
{
	text_add_bytes(&e->text, "\n", 1);
}

void sample_begin(struct exposition *e, const char *labels)
{
	begin(e, e->family->type == FAMILY_COUNTER ? "_total" : "", labels);
}

void sample_label(struct exposition *e, const char *name, const char *value)
{
	next_label(e);
	label_add(&e->text, name, value);
}

void sample_count(struct exposition *e, uint64_t value)
{
	end_labels(e);
	add_count(&e->text, value);
	end_line(e);
}

void sample_ns(struct exposition *e, uint64_t ns)
{
	end_labels(e);
	add_seconds(&e->text, ns);
	end_line(e);
}

void sample_real(struct exposition *e, double value)
{
	end_labels(e);
	add_real(&e->text, value);
	end_line(e);
}

static void add_exemplar(struct exposition *e, const struct exemplar *exemplar, bool is_ns)
{
	if (e->format != METRICS_OPENMETRICS || !exemplar->record_id[0])
		return;
	text_add(&e->text, " # {");
	label_add(&e->text, "record_id", exemplar->record_id);
	text_add(&e->text, "} ");
	if (is_ns)
		add_seconds(&e->text, exemplar->value);
	else
		add_count(&e->text, exemplar->value);
	if (exemplar->wall_ns <= 0)
		return;
	text_add(&e->text, " ");
	add_seconds(&e->text, (uint64_t)exemplar->wall_ns / 1000000 * 1000000);
}

void exposition_single(struct exposition *e, enum family_id id, uint64_t value)
{
	exposition_family(e, id);
	sample_begin(e, NULL);
	sample_count(e, value);
}

void sample_counter(struct exposition *e, const struct counter *counter)
{
	end_labels(e);
	add_count(&e->text, counter->value);
	add_exemplar(e, &counter->exemplar, false);
	end_line(e);
}

void exposition_histogram(struct exposition *e, const char *labels,
			  const struct histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i < histogram->n_buckets; i++) {
		count += histogram->counts[i];
		begin(e, "_bucket", labels);
		next_label(e);
		text_add(&e->text, "le=\"");
		text_add(&e->text, histogram->buckets[i].le);
		text_add(&e->text, "\"} ");
		add_count(&e->text, count);
		add_exemplar(e, &histogram->exemplars[i], true);
		end_line(e);
	}
	begin(e, "_sum", labels);
	sample_ns(e, histogram->sum_ns);
	begin(e, "_count", labels);
	sample_count(e, count);
}
