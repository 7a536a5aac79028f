/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buckets, and how an observation finds its own. Sums are whole nanoseconds: exact, and printed
 * without floating point.
 */
#include "src/output/metrics_histogram.h"

#include "src/base/cleanup.h"

#define MS 1000000ULL
#define S (1000 * MS)

/* As OpenMetrics wants them ("1.0"), so that both formats give the same series. */
static const struct bucket shutdown_buckets[] = {
	{ 1 * MS, "0.001" },  { 5 * MS, "0.005" },  { 25 * MS, "0.025" }, { 100 * MS, "0.1" },
	{ 250 * MS, "0.25" }, { 500 * MS, "0.5" },  { 1 * S, "1.0" },	  { 2500 * MS, "2.5" },
	{ 5 * S, "5.0" },     { 10 * S, "10.0" },   { 30 * S, "30.0" },	  { 60 * S, "60.0" },
	{ 90 * S, "90.0" },   { 180 * S, "180.0" }, { 600 * S, "600.0" }, { UINT64_MAX, "+Inf" },
};
static const struct bucket snapshot_buckets[] = {
	{ 100000, "0.0001" },  { 250000, "0.00025" },  { 500000, "0.0005" }, { 1 * MS, "0.001" },
	{ 2500000, "0.0025" }, { 5 * MS, "0.005" },    { 10 * MS, "0.01" },  { 25 * MS, "0.025" },
	{ 50 * MS, "0.05" },   { 100 * MS, "0.1" },    { 250 * MS, "0.25" }, { 500 * MS, "0.5" },
	{ 1 * S, "1.0" },      { UINT64_MAX, "+Inf" },
};
_Static_assert(ARRAY_SIZE(shutdown_buckets) <= BUCKETS_MAX, "room for each");
_Static_assert(ARRAY_SIZE(snapshot_buckets) <= BUCKETS_MAX, "room for each");

void histogram_init_shutdown(struct histogram *histogram)
{
	*histogram = (struct histogram){ .buckets = shutdown_buckets,
					 .n_buckets = ARRAY_SIZE(shutdown_buckets) };
}

void histogram_init_snapshot(struct histogram *histogram)
{
	*histogram = (struct histogram){ .buckets = snapshot_buckets,
					 .n_buckets = ARRAY_SIZE(snapshot_buckets) };
}

static void exemplar_set(struct exemplar *to, const struct exemplar *from, uint64_t value)
{
	*to = *from;
	to->value = value;
}

void histogram_observe(struct histogram *histogram, uint64_t ns, const struct exemplar *exemplar)
{
	size_t i = 0;

	while (ns > histogram->buckets[i].up_to_ns) /* the last has no end */
		i++;
	histogram->counts[i]++;
	histogram->sum_ns += ns;
	if (exemplar)
		exemplar_set(&histogram->exemplars[i], exemplar, ns);
}

void counter_add(struct counter *counter, uint64_t n, const struct exemplar *exemplar)
{
	if (n == 0)
		return;
	counter->value += n;
	exemplar_set(&counter->exemplar, exemplar, n);
}
