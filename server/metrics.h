/*
 * Counters of the server, and the Prometheus text of everything. Any thread.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define METRIC(name, type, help) METRICS_##name,
#define HISTOGRAM(name, help)
enum metric {
#include "metrics.def"
	METRICS_COUNT
};
#undef METRIC
#undef HISTOGRAM
#define METRIC(name, type, help)

extern _Atomic int64_t metrics_values[METRICS_COUNT];

static inline void
metrics_add(enum metric metric, int64_t count)
{
	atomic_fetch_add_explicit(&metrics_values[metric], count, memory_order_relaxed);
}

static inline int64_t
metrics_get(enum metric metric)
{
	return atomic_load_explicit(&metrics_values[metric], memory_order_relaxed);
}

void metrics_add_query_ns(int64_t ns);

static inline void
metrics_set(enum metric metric, int64_t value)
{
	atomic_store_explicit(&metrics_values[metric], value, memory_order_relaxed);
}

/* How long something took, by classes. */
#define HISTOGRAM(name, help) METRICS_##name,
enum metrics_histogram {
#include "metrics.def"
	METRICS_HISTOGRAMS_COUNT
};
#undef HISTOGRAM
#undef METRIC

/* A clock for it. */
int64_t metrics_now_ns(void);
void metrics_observe(enum metrics_histogram histogram, int64_t ns);

/* Prometheus text, malloc'ed; NULL: out of memory. */
char *metrics_text(const struct store_stats *store, size_t *size);

#endif
