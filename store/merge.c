/*
 * Few large segments out of many small ones, per table and day. Between
 * maintain.c and publish.h. Must not hold a mutex that intake or queries wait
 * for while it reads and writes.
 *
 * A row is written by its flush, when its day is over, and before that when
 * segments of like size have come together: 16, or of larger ones 64. These cost
 * a query little more than one, so rows that come by the million are not written
 * once more for it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "partition.h"
#include "publish.h"
#include "segment_merge.h"

#define ROWS_MAX (16u << 20) /* of a merged segment */
/* Segments of like size that are merged before their day is over; and where each
 * has a whole block of rows, which is as much as a query looks at together. */
#define FAN_IN 16u
#define FAN_IN_LARGE SEGMENT_MERGE_INPUTS_MAX
#define STRINGS_SHARE 4u   /* of memtable_bytes_max may be what a merge holds of strings */
#define TIER_BITS 4u       /* like size: within a factor of 16 */
#define TIER_ROWS_BITS 12u /* of the lowest tier */
#define TIER_LARGE 2u      /* the first of whole blocks */
/* A day's last rows have come when nothing came for so long, or when so many
 * flushes had none of it (history is being loaded). */
#define QUIET_MS (10 * 60 * 1000)
#define QUIET_FLUSHES 2u
#define TIERS_COUNT 4u

_Static_assert(BLOCK_ROWS_MAX == 1u << (TIER_ROWS_BITS + (TIER_LARGE - 1) * TIER_BITS),
	       "segments of TIER_LARGE have a block");

/* One merge. */
struct merge {
	struct store *store;
	struct open_segment *inputs[SEGMENT_MERGE_INPUTS_MAX]; /* referenced */
	struct segment *segments[SEGMENT_MERGE_INPUTS_MAX];
	uint32_t inputs_count;
	bool full;                           /* others had no room */
	const struct segment_source *source; /* of the merged rows */
};

static uint32_t
tier_of(uint64_t rows_count)
{
	uint32_t tier = 0;

	for (rows_count >>= TIER_ROWS_BITS; rows_count > 0 && tier + 1 < TIERS_COUNT;
	     rows_count >>= TIER_BITS)
		tier++;
	return tier;
}

/* ---- choosing -------------------------------------------------------- */

static bool
is_mergeable(const struct open_segment *segment)
{
	return !segment->unmergeable && !atomic_load(&segment->damaged) &&
	       segment->entry.summary.rows_count < ROWS_MAX / 2 &&
	       !segment_has_unknown_columns(segment->segment);
}

static int
compare_segments(const void *a, const void *b)
{
	const struct open_segment *x = *(struct open_segment *const *)a;
	const struct open_segment *y = *(struct open_segment *const *)b;

	if (x->entry.table != y->entry.table)
		return x->entry.table < y->entry.table ? -1 : 1;
	if (x->entry.partition_day != y->entry.partition_day)
		return x->entry.partition_day < y->entry.partition_day ? -1 : 1;
	return (x->entry.id > y->entry.id) - (x->entry.id < y->entry.id);
}

/* What merging the segment takes for its strings. */
static uint64_t
strings_bytes(struct open_segment *segment)
{
	if (segment->merge_bytes == 0)
		segment->merge_bytes = segment_merge_bytes(segment->segment);
	return segment->merge_bytes;
}

/* Takes segments of the partition, oldest first, as many as fit; those of one
 * tier, or of any (TIERS_COUNT). */
static void
take(struct merge *merge, struct open_segment *const *partition, uint32_t count, uint32_t tier)
{
	uint64_t rows = 0, bytes = 0,
		 bytes_max = merge->store->options.memtable_bytes_max / STRINGS_SHARE;

	merge->inputs_count = 0;
	merge->full = false;
	for (uint32_t i = 0; i < count && merge->inputs_count < SEGMENT_MERGE_INPUTS_MAX; i++) {
		const struct segment_summary *summary = &partition[i]->entry.summary;
		uint64_t own_bytes;

		if (!is_mergeable(partition[i]) ||
		    (tier < TIERS_COUNT && tier_of(summary->rows_count) != tier) ||
		    (own_bytes = strings_bytes(partition[i])) > bytes_max)
			continue;
		if (rows + summary->rows_count > ROWS_MAX || bytes + own_bytes > bytes_max) {
			merge->full = true;
			continue;
		}
		rows += summary->rows_count;
		bytes += own_bytes;
		merge->inputs[merge->inputs_count++] = partition[i];
	}
}

/* Whether the day is over and its last rows have come. */
static bool
is_closed(const struct store *store, struct open_segment *const *partition, uint32_t count,
	  int32_t today)
{
	uint64_t flushes = atomic_load(&store->flushes);
	int64_t now_ms = state_monotonic_ms();

	if (partition[0]->entry.partition_day >= today)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (partition[i]->opened_ms != 0 && now_ms - partition[i]->opened_ms < QUIET_MS &&
		    flushes - partition[i]->opened_flush <= QUIET_FLUSHES)
			return false;
	}
	return true;
}

static void
choose_in_partition(struct merge *merge, struct open_segment *const *partition, uint32_t count,
		    int32_t today, bool all)
{
	if (all || is_closed(merge->store, partition, count, today)) {
		take(merge, partition, count, TIERS_COUNT);
		if (merge->inputs_count > 1)
			return;
	}
	for (uint32_t tier = 0; tier < TIERS_COUNT; tier++) {
		take(merge, partition, count, tier);
		if (merge->inputs_count >=
		    (tier < TIER_LARGE || merge->full ? FAN_IN : FAN_IN_LARGE))
			return;
	}
	merge->inputs_count = 0;
}

/* The first partition that has something to merge. References its inputs. */
static int
choose(struct merge *merge, bool all)
{
	struct store *store = merge->store;
	int32_t today = partition_day((int64_t)time(NULL) * 1000);
	struct open_segment **sorted;
	uint32_t count, first, end;

	pthread_mutex_lock(&store->state_mutex);
	count = store->segments_count;
	if ((sorted = malloc(((size_t)count + 1) * sizeof *sorted)) == NULL) {
		pthread_mutex_unlock(&store->state_mutex);
		return STORE_ENOMEM;
	}
	if (count > 0) {
		memcpy(sorted, store->segments, count * sizeof *sorted);
		qsort(sorted, count, sizeof *sorted, compare_segments);
	}
	for (first = 0; first < count && merge->inputs_count == 0; first = end) {
		for (end = first + 1;
		     end < count && sorted[end]->entry.table == sorted[first]->entry.table &&
		     sorted[end]->entry.partition_day == sorted[first]->entry.partition_day;)
			end++;
		choose_in_partition(merge, sorted + first, end - first, today, all);
	}
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		atomic_fetch_add(&merge->inputs[i]->references, 1);
		merge->segments[i] = merge->inputs[i]->segment;
	}
	pthread_mutex_unlock(&store->state_mutex);
	free(sorted);
	return 0;
}

/* ---- merging --------------------------------------------------------- */

/* segment_source.read: ends early when the store closes. */
static int
read_merged(void *context, uint32_t column, uint64_t first, uint32_t rows_count, struct vector *out,
	    struct store_error *error)
{
	const struct merge *merge = context;

	if (atomic_load_explicit(&merge->store->maintenance_stops, memory_order_relaxed))
		return store_error_set(error, STORE_ECANCEL, "the store is closing");
	return merge->source->read(merge->source->context, column, first, rows_count, out, error);
}

static int
merged_dictionary(void *context, uint32_t column, const struct dictionary **out,
		  struct store_error *error)
{
	const struct merge *merge = context;

	return merge->source->dictionary(merge->source->context, column, out, error);
}

static int
write_merged(struct merge *merge, struct publication *publication, struct store_error *error)
{
	const struct manifest_segment *entry = &merge->inputs[0]->entry;
	struct store *store = merge->store;
	struct segment_merge *rows = NULL;
	struct segment_source source;
	int result = segment_merge_open(&store->schema->tables[entry->table], merge->segments,
					merge->inputs_count, NULL, &rows, error);

	if (result != 0)
		return result;
	merge->source = segment_merge_source(rows);
	source = *merge->source;
	source.read = read_merged;
	source.dictionary = merged_dictionary;
	source.context = merge;
	source.thorough = true;
	result =
	    publish_write(store, publication, entry->table, entry->partition_day, &source, error);
	segment_merge_close(rows);
	return result;
}

/* What cannot be merged is not tried again; what may pass is. */
static void
give_up(struct merge *merge, const struct store_error *error)
{
	pthread_mutex_lock(&merge->store->state_mutex);
	merge->store->stats.merge_failures++;
	pthread_mutex_unlock(&merge->store->state_mutex);
	state_log(merge->store, "merge failed: %s; the segments stay as they are", error->text);
	if (error->code != STORE_ECORRUPT && error->code != STORE_EVERSION)
		return;
	for (uint32_t i = 0; i < merge->inputs_count; i++)
		merge->inputs[i]->unmergeable = true;
}

/* maintenance_mutex is held. */
static int
run(struct merge *merge, struct store_error *error)
{
	struct store *store = merge->store;
	struct publication publication = {.removed = merge->inputs,
					  .removed_count = merge->inputs_count};
	uint64_t bytes = 0;
	int result;

	pthread_mutex_lock(&store->manifest_mutex);
	result = publish_reserve(store, error);
	pthread_mutex_unlock(&store->manifest_mutex);
	if (result == 0)
		result = write_merged(merge, &publication, error);
	if (result == 0) {
		bytes = publication.added[0]->entry.summary.file_bytes;
		pthread_mutex_lock(&store->manifest_mutex);
		result = publish(store, &publication, error);
		pthread_mutex_unlock(&store->manifest_mutex);
	}
	if (result != 0) {
		publish_abandon(store, &publication);
		return result;
	}
	pthread_mutex_lock(&store->state_mutex);
	store->stats.merges++;
	store->stats.merge_bytes_written += bytes;
	pthread_mutex_unlock(&store->state_mutex);
	return 0;
}

int
merge_one(struct store *store, bool all, struct store_error *error)
{
	struct merge merge = {.store = store};
	struct store_error local = {0};
	int result;

	pthread_mutex_lock(&store->maintenance_mutex);
	if ((result = choose(&merge, all)) != 0)
		store_error_set(&local, result, "out of memory choosing a merge");
	else if (merge.inputs_count > 1 && (result = run(&merge, &local)) == 0)
		result = 1;
	if (result == STORE_EBUSY)
		result = 1; /* an erasure was faster: choose again */
	if (result < 0 && result != STORE_ECANCEL)
		give_up(&merge, &local);
	for (uint32_t i = 0; i < merge.inputs_count; i++)
		snapshot_release_segment(merge.inputs[i]);
	pthread_mutex_unlock(&store->maintenance_mutex);
	if (result < 0 && error != NULL)
		*error = local;
	return result;
}

int
store_merge(struct store *store, struct store_error *error)
{
	int result;

	while ((result = merge_one(store, true, error)) == 1)
		continue;
	return result;
}
