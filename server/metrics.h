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
enum metric {
#include "metrics.def"
	METRICS_COUNT
};
#undef METRIC

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

/* Prometheus text, malloc'ed; NULL: out of memory. */
char *metrics_text(const struct store_stats *store, size_t *size);

#endif
