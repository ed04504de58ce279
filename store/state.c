/*
 * What every part of the store needs of state.h: the log, the clock, keys,
 * roles and generations. Must not do I/O.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <xxhash.h>

#include "role.h"
#include "state.h"

void
state_log(struct store *store, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	if (store->options.log == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	store->options.log(store->options.log_context, line);
}

void
state_damaged(struct store *store, struct open_segment *segment, const char *text)
{
	if (atomic_exchange(&segment->damaged, true))
		return;
	state_log(store, "DAMAGED: %s: its %llu rows are left out", text,
		  (unsigned long long)segment->entry.summary.rows_count);
	pthread_mutex_lock(&store->state_mutex);
	store->stats.corrupt_files++;
	pthread_mutex_unlock(&store->state_mutex);
}

int64_t
state_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
state_monotonic_ms(void)
{
	return state_monotonic_ns() / 1000000;
}

void
state_view_key(const struct store *store, struct store_str sort, uint64_t key, uint64_t out[2])
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(sort.size == 0 ? "" : sort.bytes, sort.size,
						   store->secret ^ key * 0x9e3779b97f4a7c15u);

	out[0] = hash.low64;
	out[1] = hash.high64 ^ key;
}

uint64_t
store_draw(const struct store *store, uint64_t key)
{
	return XXH3_64bits_withSeed(&key, sizeof key, ~store->secret);
}

int
state_check_schema(const struct store_schema *schema, struct store_error *error)
{
	for (uint32_t t = 0; t < schema->tables_count; t++) {
		const struct store_table *table = &schema->tables[t];
		int weight = role_column(table, STORE_ROLE_WEIGHT);
		const struct store_column *column = &table->columns[weight < 0 ? 0 : weight];

		if (weight >= 0 && (column->type != STORE_UINT || column->bits > 32 ||
				    (column->flags & STORE_NULLABLE) != 0))
			return store_error_set(error, STORE_EINVAL,
					       "schema: %s.%s has STORE_ROLE_WEIGHT and must be an "
					       "integer of at most 32 bits that is never NULL",
					       table->name, column->name);
	}
	return 0;
}

int
state_add_generation(struct store *store, uint64_t wal_floor, struct store_error *error)
{
	struct generation *generation = calloc(1, sizeof *generation);

	if (generation != NULL)
		generation->memtable = memtable_create(store->schema, store->secret);
	if (generation == NULL || generation->memtable == NULL) {
		free(generation);
		return store_error_set(error, STORE_ENOMEM, "out of memory for the memtable");
	}
	generation->id = ++store->next_generation;
	generation->wal_floor = wal_floor;
	generation->created_ms = generation->last_ms = state_monotonic_ms();
	if (store->active != NULL)
		store->active->next = generation;
	else
		store->oldest = generation;
	store->active = generation;
	return 0;
}

void
state_free_generation(struct generation *generation)
{
	view_index_clear(&generation->views);
	memtable_release(generation->memtable);
	free(generation);
}

struct view *
state_find_view(const struct store *store, const uint64_t key[2])
{
	struct view *found = NULL;

	for (const struct generation *g = store->oldest; g != NULL; g = g->next) {
		struct view *view = view_index_find(&g->views, key);

		found = view != NULL ? view : found;
	}
	return found;
}

void
state_prefetch_view(const struct store *store, const uint64_t key[2])
{
	for (const struct generation *g = store->oldest; g != NULL; g = g->next)
		view_index_prefetch(&g->views, key);
}

int
state_put_view(const struct view *view)
{
	struct view *found = view_index_find(&view->generation->views, view->state.key);

	if (found == NULL)
		return view_index_add(&view->generation->views, view);
	*found = *view;
	return 0;
}

size_t
state_generation_bytes(const struct generation *generation)
{
	return memtable_bytes(generation->memtable) + view_index_bytes(&generation->views);
}

size_t
state_memtable_bytes(struct store *store)
{
	size_t bytes = 0;

	for (const struct generation *g = store->oldest; g != NULL; g = g->next)
		bytes += state_generation_bytes(g);
	return bytes;
}
