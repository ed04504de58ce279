/*
 * store_append: a group of commits into memtable and WAL, one sync, then
 * visible. The writer's half of the store. Must not publish what is not
 * durable: everything done for a group can be undone until its sync succeeds.
 */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state.h"

#define WAL_FILE_BYTES_MAX (64u << 20) /* then the next group begins a new file */
#define WAL_FILE_BYTES_MIN (1u << 20)  /* a new generation begins one from here on */
/* A generation is sealed when its part of the WAL is so large, and flushed when
 * those that wait have four times as much: replaying takes seconds a GiB. */
#define WAL_GENERATION_BYTES_MAX ((uint64_t)128 << 20)
#define PREFETCHED 8u /* entries ahead: the index is too large for the caches */
/* Entries of a commit whose record is written beside the next one: some dozens
 * of microseconds of work, for a few that handing it over takes. */
#define BESIDE_ENTRIES_MIN 256u
#define MEMORY_WAIT_S 5 /* for a flush, when memory is at its bound */

enum undo_kind { UNDO_APPENDED, UNDO_KILLED, UNDO_VIEW_NEW, UNDO_VIEW_OLD, UNDO_REQUEST };

/* Small, for a row has two. */
struct undo {
	enum undo_kind kind;
	uint32_t table, row;
	union {
		struct memtable *memtable; /* of a row */
		struct generation *into;   /* which has the new view, its last */
	};
	union {
		uint64_t born;
		struct generation *from; /* which had the view that moved, or NULL */
	};
};

struct group {
	struct store *store;
	struct undo *undo; /* owned */
	size_t undo_count, undo_max;
	struct view *views; /* owned: as they were, of UNDO_VIEW_OLD */
	size_t views_count, views_max;
	uint64_t commit;         /* of the commit being applied */
	int64_t now_ms;          /* monotonic */
	uint32_t requests_count; /* the youngest of store.requests, not durable yet */
	bool beside;             /* large commits go to store.log */
	struct store_stats counted;
};

static int
remember(struct group *group, const struct undo *undo)
{
	if (group->undo_count == group->undo_max) {
		size_t undo_max = group->undo_max == 0 ? 1024 : group->undo_max * 2;
		struct undo *grown = realloc(group->undo, undo_max * sizeof *grown);

		if (grown == NULL)
			return STORE_ENOMEM;
		group->undo = grown;
		group->undo_max = undo_max;
	}
	group->undo[group->undo_count++] = *undo;
	return 0;
}

static int
remember_view(struct group *group, const struct view *view)
{
	struct undo undo = {.kind = UNDO_VIEW_OLD};
	int result;

	if (group->views_count == group->views_max) {
		size_t views_max = group->views_max == 0 ? 64 : group->views_max * 2;
		struct view *grown = realloc(group->views, views_max * sizeof *grown);

		if (grown == NULL)
			return STORE_ENOMEM;
		group->views = grown;
		group->views_max = views_max;
	}
	if ((result = remember(group, &undo)) == 0)
		group->views[group->views_count++] = *view;
	return result;
}

/* Takes back everything after `mark`, youngest first. A row cannot leave the
 * memtable; dying at its birth, it is never visible. */
static void
undo_to(struct group *group, size_t mark)
{
	(void)memtable_settle(group->store->active->memtable);
	while (group->undo_count > mark) {
		const struct undo *undo = &group->undo[--group->undo_count];

		switch (undo->kind) {
		case UNDO_APPENDED:
			memtable_set_died(undo->memtable, undo->table, undo->row, undo->born);
			break;
		case UNDO_KILLED:
			memtable_set_died(undo->memtable, undo->table, undo->row, MEMTABLE_ALIVE);
			break;
		case UNDO_VIEW_NEW:
			view_index_remove_last(&undo->into->views);
			if (undo->from != NULL)
				undo->from->views_moved--;
			break;
		case UNDO_VIEW_OLD:
			(void)state_put_view(&group->views[--group->views_count]); /* overwrites */
			break;
		case UNDO_REQUEST:
			requests_remove_last(&group->store->requests);
			group->requests_count--;
			break;
		}
	}
}

/* ---- one entry ------------------------------------------------------- */

static int
append_row(struct group *group, const struct store_row *row, uint32_t *index)
{
	struct memtable *memtable = group->store->active->memtable;
	struct undo undo = {.kind = UNDO_APPENDED,
			    .memtable = memtable,
			    .table = row->table,
			    .born = group->commit};
	int result = memtable_add(memtable, row, group->commit, index);

	if (result != 0)
		return result;
	group->counted.rows_appended++;
	undo.row = *index;
	if ((result = remember(group, &undo)) != 0)
		memtable_set_died(memtable, row->table, *index, group->commit);
	return result;
}

static int
kill_row(struct group *group, const struct view *view)
{
	struct undo undo = {.kind = UNDO_KILLED,
			    .memtable = view->generation->memtable,
			    .table = view->table,
			    .row = view->row};
	int result = remember(group, &undo);

	if (result == 0)
		memtable_set_died(undo.memtable, view->table, view->row, group->commit);
	return result;
}

/* `from`: the generation that had it; NULL: none had. */
static int
put_view(struct group *group, const struct view *view, struct generation *from)
{
	struct generation *into = view->generation;
	struct view *old = from == NULL ? NULL : view_index_find(&into->views, view->state.key);
	struct undo undo = {.kind = UNDO_VIEW_NEW, .into = into};
	int result;

	if (old != NULL) {
		if ((result = remember_view(group, old)) == 0)
			*old = *view;
		return result;
	}
	undo.from = from;
	if ((result = remember(group, &undo)) != 0)
		return result;
	if ((result = view_index_add(&into->views, view)) != 0)
		group->undo_count--;
	else if (from != NULL)
		from->views_moved++;
	return result;
}

static bool
is_seen(const struct view *view, uint8_t version)
{
	return view->state.seen[version / 64] >> (version % 64) & 1;
}

/* The cell of column `column`, or NULL. */
static struct store_cell *
find_cell(const struct store_row *row, int column)
{
	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (row->cells[i].column == column)
			return (struct store_cell *)(uintptr_t)&row->cells[i];
	}
	return NULL;
}

/* `row` with `add` added to its SUM column, in the arena. */
static int
add_to_sum(struct store *store, struct store_row *row, int column, uint64_t add)
{
	struct store_cell *cells, *cell;
	uint32_t at = 0;

	if (add == 0)
		return 0;
	cells = store_arena_alloc(store->arena, (row->cells_count + 1u) * sizeof *cells);
	if (cells == NULL)
		return STORE_ENOMEM;
	if ((cell = find_cell(row, column)) != NULL) {
		memcpy(cells, row->cells, row->cells_count * sizeof *cells);
		cells[cell - row->cells].value.u += add;
	} else {
		while (at < row->cells_count && row->cells[at].column < column)
			at++;
		memcpy(cells, row->cells, at * sizeof *cells);
		memset(&cells[at], 0, sizeof cells[at]);
		cells[at].column = (uint16_t)column;
		cells[at].value.u = add;
		memcpy(cells + at + 1, row->cells + at, (row->cells_count - at) * sizeof *cells);
		row->cells_count++;
	}
	row->cells = cells;
	return 0;
}

static uint64_t
sum_of(const struct store_row *row, int column)
{
	const struct store_cell *cell = column < 0 ? NULL : find_cell(row, column);

	return cell == NULL ? 0 : cell->value.u;
}

struct merged {
	struct store_row row; /* what the view's row is now */
	bool changed;         /* not what it was before */
	bool dropped;         /* there is none */
};

/* Whether the row is kept, now that earlier versions have added to its sum. */
static int
judge_again(struct store *store, const struct store_entry *entry, struct merged *merged)
{
	int column = state_role(&store->schema->tables[merged->row.table], STORE_ROLE_WEIGHT);
	const struct store_cell *cell = column < 0 ? NULL : find_cell(&merged->row, column);
	uint32_t weight = entry->judge(entry->judge_context, entry, &merged->row);
	struct store_cell *cells;

	merged->dropped = weight == 0;
	if (merged->dropped || cell == NULL || cell->value.u == weight)
		return 0;
	cells = store_arena_alloc(store->arena, merged->row.cells_count * sizeof *cells);
	if (cells == NULL)
		return STORE_ENOMEM;
	memcpy(cells, merged->row.cells, merged->row.cells_count * sizeof *cells);
	cells[cell - merged->row.cells].value.u = weight;
	merged->row.cells = cells;
	return 0;
}

/* `own`, and of `present` the columns that it lacks; present's time, own's sum. */
static int
overlay(struct store *store, const struct store_row *own, const struct store_row *present,
	struct store_row *out)
{
	const struct store_table *table = &store->schema->tables[own->table];
	int time = state_role(table, STORE_ROLE_TIME), sum = store->sum_columns[own->table];
	uint32_t max = (uint32_t)own->cells_count + present->cells_count, count = 0, o = 0, p = 0;
	struct store_cell *cells = store_arena_alloc(store->arena, (max + 1u) * sizeof *cells);

	if (cells == NULL || max > UINT16_MAX)
		return cells == NULL ? STORE_ENOMEM : STORE_EINVAL;
	while (o < own->cells_count || p < present->cells_count) {
		int a = o < own->cells_count ? own->cells[o].column : INT_MAX;
		int b = p < present->cells_count ? present->cells[p].column : INT_MAX;
		int column = a < b ? a : b;
		bool from_own = a == column && !(column == time && b == column);

		for (; o < own->cells_count && own->cells[o].column == column; o++) {
			if (from_own)
				cells[count++] = own->cells[o];
		}
		for (; p < present->cells_count && present->cells[p].column == column; p++) {
			if (!from_own && column != sum)
				cells[count++] = present->cells[p];
		}
	}
	*out = (struct store_row){own->table, (uint16_t)count, cells};
	return 0;
}

/* The view's row as it stands, in the arena. */
static int
present_row(struct store *store, const struct view *view, struct store_row *out)
{
	struct memtable *memtable = view->generation->memtable;
	int result = memtable_settle(memtable);

	return result != 0 ? result
			   : memtable_row(memtable, view->table, view->row, store->arena, out);
}

/*
 * The row that the view has after this entry: the entry's own when it is the
 * newest, else the present one again; sums added up either way.
 */
static int
merge_row(struct store *store, const struct view *old, const struct store_entry *entry,
	  struct wal_view *state, struct merged *out)
{
	const struct store_row *own = &entry->rows[0];
	int column = store->sum_columns[own->table], result = 0;
	uint64_t own_sum = sum_of(own, column), sum = state->sum;
	bool merge = entry->merge && old != NULL && old->state.has_row;
	bool newest = old == NULL || entry->merge || entry->version > old->state.version;
	struct store_row present;

	*out = (struct merged){*own, true, entry->dropped};
	state->sum += own_sum;
	if (merge && ((result = present_row(store, old, &present)) != 0 ||
		      (result = overlay(store, own, &present, &out->row)) != 0))
		return result;
	if (newest) {
		if (sum == 0 && !merge)
			return 0;
		result = add_to_sum(store, &out->row, column, sum);
	} else if (!old->state.has_row) {
		/* After an erasure the view begins anew; a newer version that was
		 * dropped stands, for this one knows less. */
		out->changed = !old->state.dropped;
		return 0;
	} else {
		out->changed = own_sum != 0;
		out->dropped = false;
		result = present_row(store, old, &out->row);
		if (result == 0)
			result = add_to_sum(store, &out->row, column, own_sum);
	}
	if (result == 0 && out->changed && entry->judge != NULL)
		result = judge_again(store, entry, out);
	return result;
}

static bool
has_keyed_row(const struct store *store, const struct store_entry *entry)
{
	return entry->keyed && entry->rows_count > 0 &&
	       store->schema->tables[entry->rows[0].table].keyed;
}

/* The keyed row, which replaces or ends the one before. */
static int
apply_keyed_row(struct group *group, const struct store_entry *entry, const struct view *old,
		struct view *view, struct wal_entry *logged, struct store_row *out)
{
	struct store *store = group->store;
	bool had_row = old != NULL && old->state.has_row;
	struct merged merged;
	int result = merge_row(store, old, entry, &view->state, &merged);

	if (result != 0 || !merged.changed)
		return result;
	if (had_row) {
		if ((result = kill_row(group, old)) != 0)
			return result;
		group->counted.rows_replaced++;
	}
	view->state.dropped = merged.dropped;
	view->state.has_row = false;
	if (merged.dropped)
		return 0;
	*out = merged.row;
	if ((result = append_row(group, out, &view->row)) != 0)
		return result;
	view->generation = store->active;
	view->table = out->table;
	view->state.has_row = true;
	logged->rows_count = 1;
	return 0;
}

/* Rows of one entry to memtable and, as `logged`, to the record. */
static int
apply_rows(struct group *group, const struct store_entry *entry, const struct view *old,
	   struct view *view, struct wal_entry *logged)
{
	struct store *store = group->store;
	struct store_row *rows =
	    store_arena_alloc(store->arena, (entry->rows_count + 1u) * sizeof *rows);
	uint32_t first = has_keyed_row(store, entry) ? 1 : 0, index;
	int result = 0;

	if (rows == NULL)
		return STORE_ENOMEM;
	logged->rows = rows;
	if (first == 1)
		result = apply_keyed_row(group, entry, old, view, logged, rows);
	logged->view = view->state;
	logged->view.has_row = logged->rows_count == 1;
	logged->view.had_row = old != NULL && old->state.has_row;
	for (uint32_t i = first; result == 0 && i < entry->rows_count; i++) {
		rows[logged->rows_count++] = entry->rows[i];
		result = append_row(group, &entry->rows[i], &index);
	}
	return result;
}

/* 1: logged; 0: nothing to log; negative: the commit fails. */
static int
apply_entry(struct group *group, struct store_entry *entry, const uint64_t key[2],
	    struct wal_entry *logged)
{
	struct store *store = group->store;
	struct view *old, view = {0};
	int result;

	memset(logged, 0, sizeof *logged);
	entry->outcome = STORE_STORED;
	if (!entry->keyed) {
		result = apply_rows(group, entry, NULL, &view, logged);
		return result != 0 ? result : 1;
	}
	memcpy(view.state.key, key, sizeof view.state.key);
	old = state_find_view(store, key);
	if (old != NULL && !entry->merge && is_seen(old, entry->version)) {
		entry->outcome = STORE_REPEATED;
		return 0;
	}
	if (old != NULL && old->generation->views_closed) {
		entry->outcome = STORE_LATE;
		return 0;
	}
	if (old == NULL && (entry->version > 0 || entry->again || entry->perhaps_again) &&
	    (result = lookup_late(store, entry)) != 0) {
		entry->outcome = STORE_LATE;
		return result < 0 ? result : 0;
	}
	view.generation = store->active;
	if (old != NULL)
		view = *old;
	view.state.seen[entry->version / 64] |= (uint64_t)1 << (entry->version % 64);
	view.state.version =
	    entry->version > view.state.version ? entry->version : view.state.version;
	view.state.last_ms = entry->received_ms;
	logged->keyed = true;
	if ((result = apply_rows(group, entry, old, &view, logged)) != 0 ||
	    (result = put_view(group, &view, old == NULL ? NULL : old->generation)) != 0)
		return result;
	store->active->last_ms = group->now_ms;
	return 1;
}

/* ---- one commit ------------------------------------------------------ */

/* True when the request was seen before: its answer is filled in. */
static bool
is_known_request(struct store *store, struct store_request *request)
{
	const struct store_request *known = requests_find(&store->requests, request->key);

	if (known == NULL || known->received_ms < request->received_ms - REQUESTS_KEEP_MS)
		return false;
	request->conflict = memcmp(known->body, request->body, sizeof known->body) != 0;
	request->repeated = !request->conflict;
	request->note = known->note;
	request->stored_count = known->stored_count;
	request->repeated_count = known->repeated_count;
	request->late_count = known->late_count;
	return true;
}

static int
put_request(struct group *group, struct store_commit *commit)
{
	struct undo undo = {.kind = UNDO_REQUEST};
	int result;

	if (commit->request == NULL)
		return 0;
	if ((result = remember(group, &undo)) != 0)
		return result;
	if ((result = requests_put(&group->store->requests, commit->request)) != 0)
		group->undo_count--;
	else
		group->requests_count++;
	return result;
}

/* [entries_count], the arena's; NULL without memory. */
static uint64_t (*view_keys(struct store *store, const struct store_commit *commit))[2]
{
	uint64_t(*keys)[2] =
	    store_arena_alloc(store->arena, (commit->entries_count + 1u) * sizeof *keys);

	for (uint32_t i = 0; keys != NULL && i < commit->entries_count; i++)
		state_view_key(store, commit->entries[i].sort, commit->entries[i].key, keys[i]);
	return keys;
}

static int
apply_entries(struct group *group, struct store_commit *commit, struct wal_entry *logged,
	      uint32_t *logged_count)
{
	uint32_t counts[3] = {0};
	uint64_t(*keys)[2] = view_keys(group->store, commit);

	if (keys == NULL)
		return STORE_ENOMEM;
	*logged_count = 0;
	for (uint32_t i = 0; i < commit->entries_count; i++) {
		int result;

		if (i + PREFETCHED < commit->entries_count)
			state_prefetch_view(group->store, keys[i + PREFETCHED]);
		result = apply_entry(group, &commit->entries[i], keys[i], &logged[*logged_count]);

		if (result < 0)
			return result;
		*logged_count += (uint32_t)result;
		counts[commit->entries[i].outcome]++;
	}
	group->counted.repeated += counts[STORE_REPEATED];
	group->counted.late += counts[STORE_LATE];
	if (commit->request != NULL) {
		commit->request->repeated = commit->request->conflict = false;
		commit->request->stored_count = counts[STORE_STORED];
		commit->request->repeated_count = counts[STORE_REPEATED];
		commit->request->late_count = counts[STORE_LATE];
	}
	return 0;
}

/* True when the record is better written by the thread of store.log. */
static bool
is_for_beside(const struct group *group, const struct store_commit *commit, bool is_last)
{
	struct store *store = group->store;

	if (!group->beside)
		return false;
	if (store->log == NULL && !is_last && commit->entries_count >= BESIDE_ENTRIES_MIN)
		store->log = append_log_create();
	if (store->log == NULL)
		return false;
	return (!is_last && commit->entries_count >= BESIDE_ENTRIES_MIN) ||
	       append_log_is_busy(store->log);
}

static int
log_commit(struct group *group, const struct store_commit *commit, const struct wal_entry *logged,
	   uint32_t logged_count, bool is_last)
{
	struct store *store = group->store;
	struct append_log_job job = {.wal = store->wal,
				     .schema = store->schema,
				     .request = commit->request,
				     .entries = logged,
				     .entries_count = logged_count,
				     .commit = group->commit};

	if (!is_for_beside(group, commit, is_last))
		return append_log_now(&job);
	store->arena = append_log_give(store->log, &job, store->arena);
	return 0;
}

static int
apply_commit(struct group *group, struct store_commit *commit, bool is_last)
{
	struct store *store = group->store;
	struct store_stats counted = group->counted;
	size_t mark = group->undo_count;
	struct wal_entry *logged;
	uint32_t logged_count;
	int result;

	if (commit->request != NULL && is_known_request(store, commit->request))
		return 0;
	store_arena_reset(store->arena);
	logged = store_arena_alloc(store->arena, (commit->entries_count + 1u) * sizeof *logged);
	if (logged == NULL)
		return STORE_ENOMEM;
	group->commit = store->next_commit;
	result = apply_entries(group, commit, logged, &logged_count);
	if (result == 0)
		result = memtable_settle(store->active->memtable);
	if (result == 0)
		result = put_request(group, commit);
	if (result == 0 && (logged_count > 0 || commit->request != NULL))
		result = log_commit(group, commit, logged, logged_count, is_last);
	if (result != 0) {
		undo_to(group, mark);
		group->counted = counted;
		return result;
	}
	if (logged_count > 0 || commit->request != NULL) {
		store->active->last_commit = group->commit;
		store->next_commit++;
		group->counted.commits++;
	}
	return 0;
}

/* ---- files and generations ------------------------------------------- */

/* Requests must outlive the files that have them, so each file has them all,
 * durably before any manifest can name it as the first. */
static int
carry_requests(struct store *store, uint32_t count, struct wal *wal, struct store_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		wal_record_put_request(wal_begin(wal), requests_at(&store->requests, i));
		if (wal_end(wal, WAL_REQUEST, 0) != 0)
			return store_error_set(error, STORE_ENOMEM, "out of memory in the WAL");
	}
	return wal_commit(wal, error);
}

int
append_rotate(struct store *store, uint32_t pending, struct store_error *error)
{
	uint64_t id = atomic_fetch_add(&store->next_file_id, 1);
	uint32_t requests = store->requests.count > pending ? store->requests.count - pending : 0;
	struct wal *wal;
	int result;

	if (store->wal != NULL) {
		store->wal_previous_id = wal_id(store->wal);
		store->wal_previous_bytes = wal_durable_bytes(store->wal);
	}
	result = wal_create(store->io, store->directory, id, store->wal_previous_id,
			    store->wal_previous_bytes, store->schema, &wal, error);
	if (result != 0)
		return result;
	result = carry_requests(store, requests, wal, error);
	if (result == 0 && store->wal != NULL && wal_move_group(store->wal, wal) != 0)
		result = store_error_set(error, STORE_ENOMEM, "out of memory in the WAL");
	if (result != 0) {
		wal_close(wal);
		return result;
	}
	wal_close(store->wal);
	store->wal = wal;
	return 0;
}

static bool
is_old(const struct store *store, const struct generation *active)
{
	return active->last_commit != 0 &&
	       state_monotonic_ms() - active->created_ms >= store->options.seal_age_ms;
}

/* Seals the active generation when it is large or old, and begins another.
 * Between commits only: a commit is in one generation. */
static int
seal_if_due(struct store *store, bool full, struct store_error *error)
{
	struct generation *active = store->active;
	int result;

	if (!full && active->wal_bytes < WAL_GENERATION_BYTES_MAX &&
	    state_generation_bytes(active) < store->options.memtable_bytes_max / 4 &&
	    !is_old(store, active))
		return 0;
	pthread_mutex_lock(&store->state_mutex);
	result = state_add_generation(
	    store, store->wal != NULL ? wal_id(store->wal) : active->wal_floor, error);
	if (result == 0) {
		active->sealed = true;
		pthread_cond_signal(&store->flush_wanted);
	}
	pthread_mutex_unlock(&store->state_mutex);
	return result;
}

/* Waits, within bounds, until a flush has made room. */
static int
wait_for_memory(struct store *store, struct store_error *error)
{
	size_t bytes_max = store->options.memtable_bytes_max, bytes;
	struct timespec deadline;
	int result = 0;

	pthread_mutex_lock(&store->state_mutex);
	bytes = state_memtable_bytes(store);
	pthread_mutex_unlock(&store->state_mutex);
	if (bytes < bytes_max)
		return 0;
	if (store->active->last_commit != 0 && (result = seal_if_due(store, true, error)) != 0)
		return result;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += MEMORY_WAIT_S;
	/* The flush thread needs writer_mutex to begin a flush. */
	pthread_mutex_unlock(&store->writer_mutex);
	pthread_mutex_lock(&store->state_mutex);
	store->flush_now = true;
	pthread_cond_signal(&store->flush_wanted);
	while (result == 0 && state_memtable_bytes(store) >= bytes_max)
		result = pthread_cond_timedwait(&store->flush_done, &store->state_mutex, &deadline);
	pthread_mutex_unlock(&store->state_mutex);
	pthread_mutex_lock(&store->writer_mutex);
	return result == 0
		   ? 0
		   : store_error_set(error, STORE_ENOMEM,
				     "memtable_bytes_max is reached and flushing does not keep up");
}

/* A generation and a WAL file that take the next commit. */
static int
make_ready(struct store *store, struct store_error *error)
{
	bool fresh;
	int result;

	if (store->wal != NULL && (result = seal_if_due(store, false, error)) != 0)
		return result;
	fresh = store->active->last_commit == 0;
	if (store->wal == NULL || wal_durable_bytes(store->wal) >= WAL_FILE_BYTES_MAX ||
	    (fresh && wal_durable_bytes(store->wal) >= WAL_FILE_BYTES_MIN)) {
		if ((result = append_rotate(store, 0, error)) != 0)
			return result;
		/* The files before this one go when the older generations are flushed. */
		if (fresh)
			store->active->wal_floor = wal_id(store->wal);
	}
	return 0;
}

/* ---- the group ------------------------------------------------------- */

/* For good: the next group begins a new file. */
static void
leave_file(struct store *store)
{
	store->wal_previous_id = wal_id(store->wal);
	store->wal_previous_bytes = wal_durable_bytes(store->wal);
	wal_close(store->wal);
	store->wal = NULL;
}

static void
drop_group(struct store *store)
{
	if (store->wal != NULL && !wal_drop_group(store->wal))
		leave_file(store);
}

/* A failed file is left for good; its group goes to a new one, once. */
static int
make_durable(struct group *group, struct store_error *error)
{
	struct store *store = group->store;
	int64_t began = state_monotonic_ns();
	size_t bytes = wal_group_bytes(store->wal);
	int result = wal_commit(store->wal, error);

	if (result != 0) {
		state_log(store, "%s; trying a new WAL file",
			  error != NULL ? error->text : "WAL write failed");
		pthread_mutex_lock(&store->state_mutex);
		store->stats.wal_sync_failures++;
		pthread_mutex_unlock(&store->state_mutex);
		if ((result = append_rotate(store, group->requests_count, error)) == 0)
			result = wal_commit(store->wal, error);
	}
	if (result != 0) {
		leave_file(store);
		return result;
	}
	pthread_mutex_lock(&store->state_mutex);
	store->active->wal_bytes += bytes;
	store->stats.wal_syncs++;
	store->stats.wal_bytes_written += bytes;
	store->stats.wal_sync_ns += (uint64_t)(state_monotonic_ns() - began);
	pthread_mutex_unlock(&store->state_mutex);
	return 0;
}

int
append_record(struct store *store, enum wal_type type, const void *payload, size_t size,
	      uint64_t *commit, struct store_error *error)
{
	struct group group = {.store = store};
	/* It takes no memory; and the flush that would free some may be waiting
	 * for the manifest_mutex that our caller holds. */
	int result = make_ready(store, error);

	if (result != 0)
		return result;
	if (wal_add(store->wal, type, store->next_commit, payload, size) != 0)
		return store_error_set(error, STORE_ENOMEM, "out of memory in the WAL");
	if ((result = make_durable(&group, error)) != 0) {
		drop_group(store);
		return result;
	}
	*commit = store->next_commit++;
	store->active->last_commit = *commit;
	return 0;
}

static void
count_group(struct store *store, const struct store_stats *counted)
{
	pthread_mutex_lock(&store->state_mutex);
	store->stats.commits += counted->commits;
	store->stats.rows_appended += counted->rows_appended;
	store->stats.rows_replaced += counted->rows_replaced;
	store->stats.repeated += counted->repeated;
	store->stats.late += counted->late;
	pthread_mutex_unlock(&store->state_mutex);
}

/* To memory and to the WAL's group. */
static int
apply_group(struct group *group, struct store_commit *commits, size_t count,
	    struct store_error *error)
{
	struct store *store = group->store;
	int result = make_ready(store, error), logged;

	for (size_t i = 0; result == 0 && i < count; i++) {
		bool is_last = i + 1 == count;

		commits[i].result = apply_commit(group, &commits[i], is_last);
		if (commits[i].result == STORE_ELIMIT &&
		    (result = seal_if_due(store, true, error)) == 0)
			commits[i].result = apply_commit(group, &commits[i], is_last);
	}
	logged = store->log == NULL ? 0 : append_log_settle(store->log);
	if (logged != 0)
		group->beside = false;
	return result != 0 ? result : logged;
}

/* As if it had never been. */
static void
take_back(struct group *group)
{
	undo_to(group, 0);
	drop_group(group->store);
	group->counted = (struct store_stats){0};
}

int
store_append(struct store *store, struct store_commit *commits, size_t commits_count,
	     struct store_error *error)
{
	struct group group = {.store = store, .now_ms = state_monotonic_ms(), .beside = true};
	int result;

	pthread_mutex_lock(&store->writer_mutex);
	result = wait_for_memory(store, error);
	if (result == 0)
		result = apply_group(&group, commits, commits_count, error);
	if (!group.beside) {
		/* A record was too large, or memory short, when its commit was past:
		 * once more, so that this one alone fails. */
		take_back(&group);
		result = apply_group(&group, commits, commits_count, error);
	}
	if (result == 0 && wal_group_bytes(store->wal) > 0)
		result = make_durable(&group, error);
	if (result == 0) {
		atomic_store_explicit(&store->published, store->next_commit - 1,
				      memory_order_release);
		count_group(store, &group.counted);
	} else {
		take_back(&group);
	}
	pthread_mutex_unlock(&store->writer_mutex);
	free(group.undo);
	free(group.views);
	return result;
}
