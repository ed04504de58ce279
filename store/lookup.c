/*
 * Whether the row of a late update is already in a segment. The writer waits
 * for the answer, so the time is bounded: beyond it the beacon is refused, not
 * stored twice.
 */
#include <stdlib.h>
#include <string.h>

#include "role.h"
#include "state.h"

#define BUDGET_NS 200000000LL        /* of each second */
#define PERHAPS_BUDGET_NS 20000000LL /* for those that hardly are */
#define SECOND_NS 1000000000LL

static bool
take_budget(struct lookup_budget *budget, int64_t per_s, int64_t now_ns)
{
	int64_t passed = now_ns - budget->filled_ns;

	budget->left_ns += passed < SECOND_NS ? passed / (SECOND_NS / per_s) : per_s;
	if (budget->left_ns > per_s)
		budget->left_ns = per_s;
	budget->filled_ns = now_ns;
	return budget->left_ns > 0;
}

struct wanted {
	struct store_str sort;
	uint64_t key;
	int64_t began_ms;
	int time_column, sort_column, key_column;
};

static bool
is_same_sort(const struct vector *sort, uint32_t row, struct store_str wanted)
{
	struct store_str found = {NULL, 0};

	if (!sort->all_null)
		found = dictionary_entry(sort->dictionary, sort->codes[sort->constant ? 0 : row]);
	return found.size == wanted.size &&
	       (wanted.size == 0 || memcmp(found.bytes, wanted.bytes, wanted.size) == 0);
}

/* Of a column without NULL: absent is 0. */
static int64_t
value_at(const struct vector *vector, uint32_t row)
{
	return vector->all_null ? 0 : vector->values[vector->constant ? 0 : row];
}

/* 1, 0, or an error of reading. */
static int
find_in_block(const struct segment *segment, uint32_t block, const struct wanted *wanted,
	      struct store_arena *arena, struct store_error *error)
{
	struct vector time, key, sort;
	struct store_str no_key = {NULL, 0};
	int64_t min, max;
	int result;

	if (!segment_range(segment, block, (uint16_t)wanted->time_column, &min, &max) ||
	    wanted->began_ms < min || wanted->began_ms > max)
		return 0;
	if ((result = segment_read(segment, block, (uint16_t)wanted->time_column, no_key, arena,
				   &time, error)) != 0 ||
	    (result = segment_read(segment, block, (uint16_t)wanted->key_column, no_key, arena,
				   &key, error)) != 0)
		return result;
	for (uint32_t row = 0; row < time.rows_count; row++) {
		if (value_at(&time, row) != wanted->began_ms ||
		    (uint64_t)value_at(&key, row) != wanted->key)
			continue;
		result = segment_read(segment, block, (uint16_t)wanted->sort_column, no_key, arena,
				      &sort, error);
		if (result != 0 || is_same_sort(&sort, row, wanted->sort))
			return result != 0 ? result : 1;
	}
	return 0;
}

static int
find_in_segment(struct store *store, struct open_segment *open, const struct wanted *wanted)
{
	const struct segment *segment = open->segment;
	struct store_error error = {0};
	struct store_arena *arena = store_arena_create(0);
	int found = arena == NULL ? STORE_ENOMEM : 0;

	for (uint32_t block = 0; found == 0 && block < segment_blocks_count(segment); block++) {
		found = find_in_block(segment, block, wanted, arena, &error);
		store_arena_reset(arena);
	}
	store_arena_free(arena);
	if (found == 0)
		found = segment_check_lost(segment, &error);
	if (found != STORE_ECORRUPT)
		return found;
	/* It cannot answer: its rows count as not found. */
	state_damaged(store, open, error.text);
	return 0;
}

static bool
may_have(struct open_segment *segment, uint32_t table, int64_t began_ms)
{
	return segment->entry.table == table && !atomic_load(&segment->damaged) &&
	       began_ms >= segment->entry.summary.time_min &&
	       began_ms <= segment->entry.summary.time_max;
}

/* References to the segments of `table` whose time range has began_ms: *count of
 * them, in *taken, the caller's to free. Mostly there are none, which takes no
 * memory. */
static int
take_segments(struct store *store, uint32_t table, int64_t began_ms, struct open_segment ***taken,
	      uint32_t *count)
{
	uint32_t first = 0;

	*taken = NULL;
	*count = 0;
	pthread_mutex_lock(&store->state_mutex);
	while (first < store->segments_count && !may_have(store->segments[first], table, began_ms))
		first++;
	if (first < store->segments_count)
		*taken = malloc((store->segments_count - first) * sizeof **taken);
	for (uint32_t i = first; *taken != NULL && i < store->segments_count; i++) {
		struct open_segment *segment = store->segments[i];

		if (!may_have(segment, table, began_ms))
			continue;
		atomic_fetch_add(&segment->references, 1);
		(*taken)[(*count)++] = segment;
	}
	pthread_mutex_unlock(&store->state_mutex);
	return first < store->segments_count && *taken == NULL ? STORE_ENOMEM : 0;
}

int
lookup_late(struct store *store, const struct store_entry *entry)
{
	uint32_t table = entry->rows_count > 0 ? entry->rows[0].table : 0, count;
	const struct store_table *schema = &store->schema->tables[table];
	struct wanted wanted = {.sort = entry->sort,
				.key = entry->key,
				.began_ms = entry->began_ms,
				.time_column = role_column(schema, STORE_ROLE_TIME),
				.sort_column = role_column(schema, STORE_ROLE_SORT),
				.key_column = role_column(schema, STORE_ROLE_KEY)};
	bool perhaps = entry->version == 0 && !entry->again;
	struct lookup_budget *budget = perhaps ? &store->perhaps_budget : &store->budget;
	struct open_segment **segments;
	int64_t began_ns = state_monotonic_ns();
	int found = 0;

	if (!schema->keyed || wanted.time_column < 0 || wanted.sort_column < 0 ||
	    wanted.key_column < 0)
		return 0;
	if (perhaps && !take_budget(budget, PERHAPS_BUDGET_NS, began_ns))
		return 0;
	if (take_segments(store, table, entry->began_ms, &segments, &count) != 0)
		return STORE_ENOMEM;
	if (count > 0 && !perhaps && !take_budget(budget, BUDGET_NS, began_ns))
		found = STORE_EBUSY;
	for (uint32_t i = 0; i < count; i++) {
		if (found == 0)
			found = find_in_segment(store, segments[i], &wanted);
		snapshot_release_segment(segments[i]);
	}
	free(segments);
	/* A refusal costs nothing, or who comes again at once would never get in. */
	if (count > 0 && found != STORE_EBUSY)
		budget->left_ns -= state_monotonic_ns() - began_ns;
	return found;
}
