/*
 * metrics.h. Must not block: the store's numbers are handed in.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "metrics.h"

_Atomic int64_t metrics_values[METRICS_COUNT];

/* A counter of seconds: it has a fraction. */
static _Atomic int64_t query_ns;

void
metrics_add_query_ns(int64_t ns)
{
	atomic_fetch_add_explicit(&query_ns, ns, memory_order_relaxed);
	metrics_observe(METRICS_query_duration_seconds, ns);
}

/* ---- classes of times ------------------------------------------------ */

static const double bounds_s[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
				  0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30};
#define BOUNDS_COUNT (sizeof bounds_s / sizeof *bounds_s)

static struct {
	_Atomic int64_t counts[BOUNDS_COUNT + 1]; /* the last: above all */
	_Atomic int64_t sum_ns;
} histograms[METRICS_HISTOGRAMS_COUNT];

int64_t
metrics_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
metrics_observe(enum metrics_histogram histogram, int64_t ns)
{
	size_t class = 0;

	while (class < BOUNDS_COUNT && (double)ns > bounds_s[class] * 1e9)
		class ++;
	atomic_fetch_add_explicit(&histograms[histogram].counts[class], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histograms[histogram].sum_ns, ns, memory_order_relaxed);
}

#define METRIC(name, type, help)
#define HISTOGRAM(name, help) {"drum_" #name, help},
static const struct {
	const char *name, *help;
} histogram_names[METRICS_HISTOGRAMS_COUNT] = {
#include "metrics.def"
};
#undef METRIC
#undef HISTOGRAM

static void
put_histogram(FILE *out, enum metrics_histogram histogram)
{
	const char *name = histogram_names[histogram].name;
	int64_t below = 0;

	fprintf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, histogram_names[histogram].help,
		name);
	for (size_t i = 0; i < BOUNDS_COUNT; i++) {
		below +=
		    atomic_load_explicit(&histograms[histogram].counts[i], memory_order_relaxed);
		fprintf(out, "%s_bucket{le=\"%g\"} %" PRId64 "\n", name, bounds_s[i], below);
	}
	below +=
	    atomic_load_explicit(&histograms[histogram].counts[BOUNDS_COUNT], memory_order_relaxed);
	fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n%s_sum %.9g\n%s_count %" PRId64 "\n",
		name, below, name,
		(double)atomic_load_explicit(&histograms[histogram].sum_ns, memory_order_relaxed) /
		    1e9,
		name, below);
}

/* ---- counters and gauges --------------------------------------------- */

#define METRIC(name, type, help) {"drum_" #name, type, help},
#define HISTOGRAM(name, help)
static const struct {
	const char *name, *type, *help;
} descriptions[METRICS_COUNT] = {
#include "metrics.def"
};
#undef METRIC
#undef HISTOGRAM

static void
put(FILE *out, const char *name, const char *type, const char *help, double value)
{
	fprintf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n%s%s %.15g\n", name,
		type[0] == 'c' ? "_total" : "", help, name, type[0] == 'c' ? "_total" : "", type,
		name, type[0] == 'c' ? "_total" : "", value);
}

static void
put_store(FILE *out, const struct store_stats *store)
{
	put(out, "drum_store_commits", "counter", "commits since the start",
	    (double)store->commits);
	put(out, "drum_store_rows_appended", "counter", "rows appended",
	    (double)store->rows_appended);
	put(out, "drum_store_rows_replaced", "counter", "rows replaced by updates",
	    (double)store->rows_replaced);
	put(out, "drum_wal_bytes", "counter", "bytes written to the WAL",
	    (double)store->wal_bytes_written);
	put(out, "drum_wal_syncs", "counter", "groups synced", (double)store->wal_syncs);
	put(out, "drum_wal_sync_seconds", "counter", "time spent writing and syncing",
	    (double)store->wal_sync_ns / 1e9);
	put(out, "drum_wal_sync_failures", "counter", "failed writes or syncs",
	    (double)store->wal_sync_failures);
	put(out, "drum_flushes", "counter", "generations written to segments",
	    (double)store->flushes);
	put(out, "drum_flush_bytes", "counter", "bytes of segments written",
	    (double)store->flush_bytes_written);
	put(out, "drum_flush_failures", "counter", "failed flushes", (double)store->flush_failures);
	put(out, "drum_merges", "counter", "times that segments were merged into one",
	    (double)store->merges);
	put(out, "drum_merge_bytes", "counter", "bytes of merged segments written",
	    (double)store->merge_bytes_written);
	put(out, "drum_merge_failures", "counter", "failed merges", (double)store->merge_failures);
	put(out, "drum_segments_expired", "counter", "segments removed by retention",
	    (double)store->partitions_expired);
	put(out, "drum_rows_expired", "counter", "rows removed by retention",
	    (double)store->rows_expired);
	put(out, "drum_erasures", "counter", "erasures finished", (double)store->erasures);
	put(out, "drum_rows_erased", "counter", "rows erased", (double)store->rows_erased);
	put(out, "drum_memtable_bytes", "gauge", "memory of rows that are in no segment yet",
	    (double)store->memtable_bytes);
	put(out, "drum_memtable_rows", "gauge", "rows that are in no segment yet",
	    (double)store->memtable_rows);
	put(out, "drum_memtable_age_seconds", "gauge",
	    "age of the oldest rows that are in no segment yet",
	    (double)store->memtable_age_ms / 1000);
	put(out, "drum_views_open", "gauge", "views that may still be updated",
	    (double)store->views_open);
	put(out, "drum_segments", "gauge", "segment files", (double)store->segments);
	put(out, "drum_segment_rows", "gauge", "rows in segments", (double)store->segment_rows);
	put(out, "drum_segment_bytes", "gauge", "bytes of segments", (double)store->segment_bytes);
	put(out, "drum_corrupt_files", "gauge", "damaged files found since the start",
	    (double)store->corrupt_files);
}

char *
metrics_text(const struct store_stats *store, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (out == NULL)
		return NULL;
	for (int i = 0; i < METRICS_COUNT; i++)
		put(out, descriptions[i].name, descriptions[i].type, descriptions[i].help,
		    (double)metrics_get((enum metric)i));
	put(out, "drum_query_seconds", "counter", "time from queries to their answers",
	    (double)atomic_load_explicit(&query_ns, memory_order_relaxed) / 1e9);
	for (int i = 0; i < METRICS_HISTOGRAMS_COUNT; i++)
		put_histogram(out, (enum metrics_histogram)i);
	put_store(out, store);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
