/*
 * Erasing rows for good: a WAL record first, then memory and segments, then the
 * WAL files that still have the rows go. Between the server's request (or
 * recovery) and publish.h. Must let no flush pass between the record and the
 * rewritten segments: that is what makes it safe to repeat after a crash.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "publish.h"
#include "role.h"
#include "segment_merge.h"

/* An erasure that segments do not honour yet. */
struct erase_pending {
	struct store_erasure erasure; /* sort.bytes owned */
	struct erase_pending *next;
};

static const char unknown_columns[] = "a segment has columns that this version lacks: erase with "
				      "the version that wrote it";

static uint32_t
role_of(const struct store_erasure *erasure)
{
	return erasure->sort.bytes != NULL ? STORE_ROLE_SORT : STORE_ROLE_ERASE;
}

/* False when the table has no such column. */
static bool
filter_for(const struct store *store, uint32_t table, const struct store_erasure *erasure,
	   struct segment_merge_filter *filter)
{
	int column = role_column(&store->schema->tables[table], role_of(erasure));

	if (column < 0)
		return false;
	*filter = (struct segment_merge_filter){
	    .column = (uint16_t)column, .string = erasure->sort, .number = erasure->number};
	return true;
}

/* ---- memory ---------------------------------------------------------- */

static bool
is_match(const struct vector *vector, uint32_t row, const struct store_erasure *erasure)
{
	struct store_str found = {NULL, 0};

	if (vector->nulls != NULL && bitmap_get(vector->nulls, row))
		return false;
	if (erasure->sort.bytes == NULL)
		return (vector->all_null ? 0 : (uint64_t)vector->values[row]) == erasure->number;
	if (!vector->all_null)
		found = dictionary_entry(vector->dictionary, vector->codes[row]);
	return found.size == erasure->sort.size &&
	       (found.size == 0 || memcmp(found.bytes, erasure->sort.bytes, found.size) == 0);
}

static int
erase_in_table(struct generation *generation, uint32_t table,
	       const struct segment_merge_filter *filter, const struct store_erasure *erasure,
	       uint64_t commit, uint64_t *rows_count)
{
	struct memtable *memtable = generation->memtable;
	uint32_t rows = memtable_rows_count(memtable, table);
	struct store_arena *arena = store_arena_create(0);
	struct store_str no_key = {NULL, 0};
	struct vector vector;

	if (arena == NULL || memtable_read(memtable, table, filter->column, no_key, NULL, 0, rows,
					   arena, &vector) != 0) {
		store_arena_free(arena);
		return STORE_ENOMEM;
	}
	for (uint32_t row = 0; row < rows; row++) {
		if (memtable_died(memtable, table, row) != MEMTABLE_ALIVE ||
		    !is_match(&vector, row, erasure))
			continue;
		memtable_set_died(memtable, table, row, commit);
		(*rows_count)++;
	}
	store_arena_free(arena);
	return 0;
}

int
erase_in_memory(struct store *store, const struct store_erasure *erasure, uint64_t commit,
		uint64_t *rows_count)
{
	struct segment_merge_filter filter;
	int result = 0;

	for (struct generation *g = store->oldest; g != NULL; g = g->next) {
		for (uint32_t i = 0; result == 0 && i < store->schema->tables_count; i++) {
			if (filter_for(store, i, erasure, &filter))
				result = erase_in_table(g, i, &filter, erasure, commit, rows_count);
		}
	}
	/* A view whose row is gone begins anew; which seqs it sent stays known. */
	for (struct generation *g = store->oldest; g != NULL; g = g->next) {
		for (uint32_t i = 0; i < g->views.count; i++) {
			struct view *view = view_index_at(&g->views, i);

			if (view->state.has_row &&
			    memtable_died(g->memtable, view->table, view->row) == commit) {
				view->state.has_row = false;
				view->state.sum = 0;
			}
		}
	}
	return result;
}

/* ---- segments -------------------------------------------------------- */

/* Replaces one segment by what remains of it. manifest_mutex is held. */
static int
rewrite(struct store *store, struct open_segment *segment,
	const struct segment_merge_filter *filter, struct store_error *error)
{
	struct publication publication = {.removed = &segment, .removed_count = 1};
	const struct manifest_segment *entry = &segment->entry;
	struct segment_merge *rows;
	int result = segment_merge_open(&store->schema->tables[entry->table], &segment->segment, 1,
					filter, &rows, error);

	if (result != 0)
		return result;
	if (segment_merge_source(rows)->rows_count > 0)
		result = publish_write(store, &publication, entry->table, entry->partition_day,
				       segment_merge_source(rows), error);
	segment_merge_close(rows);
	if (result == 0)
		result = publish(store, &publication, error);
	if (result != 0)
		publish_abandon(store, &publication);
	return result;
}

/* The first segment that has rows to erase; *rows_count of them. */
static int
find_segment(struct store *store, const struct store_erasure *erasure, uint32_t *from,
	     struct open_segment **out, struct segment_merge_filter *filter, uint64_t *rows_count,
	     struct store_error *error)
{
	*out = NULL;
	for (; *from < store->segments_count; (*from)++) {
		struct open_segment *segment = store->segments[*from];
		struct store_error local = {0};
		int64_t count;

		if (atomic_load(&segment->damaged) ||
		    !filter_for(store, segment->entry.table, erasure, filter))
			continue;
		count = segment_merge_count(segment->segment, filter, &local);
		if (count >= 0 && segment_check_lost(segment->segment, &local) != 0)
			count = STORE_ECORRUPT;
		if (count == STORE_ECORRUPT) {
			state_damaged(store, segment, local.text);
			continue;
		}
		if (count < 0) {
			if (error != NULL)
				*error = local;
			return (int)count;
		}
		if (count > 0) {
			*rows_count += (uint64_t)count;
			*out = segment;
			return 0;
		}
	}
	return 0;
}

static int
erase_in_segments(struct store *store, const struct store_erasure *erasure, uint64_t *rows_count,
		  struct store_error *error)
{
	struct segment_merge_filter filter;
	struct store_error local = {0};
	struct open_segment *segment;
	uint32_t from = 0;
	int result;

	do {
		result = find_segment(store, erasure, &from, &segment, &filter, rows_count, error);
		if (result == 0 && segment != NULL && segment_has_unknown_columns(segment->segment))
			result = store_error_set(error, STORE_EVERSION, unknown_columns);
		if (result == 0 && segment != NULL)
			result = rewrite(store, segment, &filter, &local);
		/* What cannot be read must not hold up flushes: it is served no more. */
		if (result == STORE_ECORRUPT) {
			state_damaged(store, segment, local.text);
			result = 0;
		} else if (result != 0 && error != NULL && local.code != 0)
			*error = local;
	} while (result == 0 && segment != NULL);
	return result;
}

/* Before anything is logged: a segment that cannot be rewritten would hold up
 * flushes until a newer version comes. */
static int
refuse_unknown(struct store *store, const struct store_erasure *erasure, struct store_error *error)
{
	struct segment_merge_filter filter;

	for (uint32_t i = 0; i < store->segments_count; i++) {
		struct open_segment *segment = store->segments[i];

		if (segment_has_unknown_columns(segment->segment) &&
		    filter_for(store, segment->entry.table, erasure, &filter) &&
		    segment_merge_count(segment->segment, &filter, NULL) > 0)
			return store_error_set(error, STORE_EVERSION, unknown_columns);
	}
	return 0;
}

/* Segments that nobody could search: damaged since they were opened, or then. */
static int
tell_unsearched(struct store *store, struct store_error *error)
{
	uint32_t count;
	char path[PATH_MAX] = "";

	pthread_mutex_lock(&store->state_mutex);
	count = store->manifest.segments_count - store->segments_count;
	for (uint32_t i = 0; i < store->segments_count; i++) {
		if (!atomic_load(&store->segments[i]->damaged))
			continue;
		count++;
		manifest_segment_path("", store->schema, &store->segments[i]->entry, path,
				      sizeof path);
	}
	pthread_mutex_unlock(&store->state_mutex);
	if (count == 0)
		return 0;
	return store_error_set(error, STORE_ECORRUPT,
			       "erased, but damaged segments (%u%s%s) could not be searched and "
			       "may still have rows: `drum check` names them",
			       count, path[0] != '\0' ? ", such as " : "",
			       path[0] != '\0' ? path + 1 : "");
}

/* ---- what is not finished -------------------------------------------- */

int
erase_remember(struct store *store, const struct store_erasure *erasure)
{
	struct erase_pending *pending = calloc(1, sizeof *pending), **end = &store->erasures;
	char *sort = NULL;

	if (erasure->sort.bytes != NULL) {
		sort = malloc((size_t)erasure->sort.size + 1);
		if (sort != NULL && erasure->sort.size > 0)
			memcpy(sort, erasure->sort.bytes, erasure->sort.size);
	}
	if (pending == NULL || (erasure->sort.bytes != NULL && sort == NULL)) {
		free(pending);
		free(sort);
		return STORE_ENOMEM;
	}
	pending->erasure = *erasure;
	pending->erasure.sort.bytes = sort;
	while (*end != NULL)
		end = &(*end)->next;
	*end = pending;
	return 0;
}

void
erase_forget(struct store *store)
{
	struct erase_pending *pending = store->erasures;

	store->erasures = pending->next;
	free((void *)(uintptr_t)pending->erasure.sort.bytes);
	free(pending);
}

int
erase_finish(struct store *store, uint64_t *rows_count, struct store_error *error)
{
	while (store->erasures != NULL) {
		int result = publish_reserve(store, error);

		if (result == 0)
			result =
			    erase_in_segments(store, &store->erasures->erasure, rows_count, error);
		if (result != 0)
			return result;
		erase_forget(store);
	}
	return 0;
}

/* ---- the request ----------------------------------------------------- */

/* Logs it and takes the rows out of memory, in one commit. */
static int
log_erasure(struct store *store, const struct store_erasure *erasure, uint64_t *rows_count,
	    struct store_error *error)
{
	struct wal_buffer payload = {0};
	uint64_t commit;
	int result;

	wal_record_put_erasure(&payload, erasure);
	if (payload.failed || erase_remember(store, erasure) != 0) {
		free(payload.bytes);
		return store_error_set(error, STORE_ENOMEM, "out of memory while erasing");
	}
	append_lock(store);
	result = append_record(store, WAL_ERASE, payload.bytes, payload.size, &commit, error);
	if (result == 0) {
		/* It is logged: short of memory here, the next opening does it. */
		if (erase_in_memory(store, erasure, commit, rows_count) != 0)
			result = store_error_set(error, STORE_ENOMEM,
						 "out of memory while erasing: erase again");
		atomic_store_explicit(&store->published, commit, memory_order_release);
	} else
		erase_forget(store); /* the only one: others were finished before */
	pthread_mutex_unlock(&store->writer_mutex);
	free(payload.bytes);
	return result;
}

int
store_erase(struct store *store, const struct store_erasure *erasure, uint64_t *rows_count,
	    struct store_error *error)
{
	uint64_t rows = 0, ignored = 0;
	int result;

	pthread_mutex_lock(&store->manifest_mutex);
	result = erase_finish(store, &ignored, error);
	if (result == 0)
		result = refuse_unknown(store, erasure, error);
	if (result == 0)
		result = log_erasure(store, erasure, &rows, error);
	if (result == 0)
		result = erase_finish(store, &rows, error);
	pthread_mutex_unlock(&store->manifest_mutex);
	if (result != 0)
		return result;
	/* A new WAL file, and everything before it to segments. */
	append_lock(store);
	result = append_rotate(store, 0, error);
	pthread_mutex_unlock(&store->writer_mutex);
	if (result == 0)
		result = store_flush(store, error);
	if (result != 0)
		return result;
	/* A merge that reads what was rewritten is in vain, but its file has the
	 * rows until it ends. */
	pthread_mutex_lock(&store->maintenance_mutex);
	pthread_mutex_unlock(&store->maintenance_mutex);
	pthread_mutex_lock(&store->state_mutex);
	store->stats.erasures++;
	store->stats.rows_erased += rows;
	pthread_mutex_unlock(&store->state_mutex);
	*rows_count = rows;
	return tell_unsearched(store, error);
}
