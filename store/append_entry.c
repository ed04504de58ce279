/*
 * append_group.h: one entry to the memtable, its view to the index, and what
 * came of both for the record. Must not look at other entries or at the WAL.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "append_group.h"
#include "role.h"

static int
append_row(struct append_group *group, const struct store_row *row, uint32_t *index)
{
	struct memtable *memtable = group->store->active->memtable;
	struct append_undo undo = {.kind = APPEND_UNDO_APPENDED,
				   .memtable = memtable,
				   .table = row->table,
				   .born = group->commit};
	int result = memtable_add(memtable, row, group->commit, index);

	if (result != 0)
		return result;
	group->counted.rows_appended++;
	undo.row = *index;
	if ((result = append_remember(group, &undo)) != 0)
		memtable_set_died(memtable, row->table, *index, group->commit);
	return result;
}

static int
kill_row(struct append_group *group, const struct view *view)
{
	struct append_undo undo = {.kind = APPEND_UNDO_KILLED,
				   .memtable = view->generation->memtable,
				   .table = view->table,
				   .row = view->row};
	int result = append_remember(group, &undo);

	if (result == 0)
		memtable_set_died(undo.memtable, view->table, view->row, group->commit);
	return result;
}

/* `from`: the generation that had it; NULL: none had. */
static int
put_view(struct append_group *group, const struct view *view, struct generation *from)
{
	struct generation *into = view->generation;
	struct view *old = from == NULL ? NULL : view_index_find(&into->views, view->state.key);
	struct append_undo undo = {.kind = APPEND_UNDO_VIEW_NEW, .into = into};
	int result;

	if (old != NULL) {
		if ((result = append_remember_view(group, old)) == 0)
			*old = *view;
		return result;
	}
	undo.from = from;
	if ((result = append_remember(group, &undo)) != 0)
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
	int column = role_column(&store->schema->tables[merged->row.table], STORE_ROLE_WEIGHT);
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
	int time = role_column(table, STORE_ROLE_TIME), sum = store->sum_columns[own->table];
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
apply_keyed_row(struct append_group *group, const struct store_entry *entry, const struct view *old,
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
	group->merged |= merged.row.cells != entry->rows[0].cells;
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
apply_rows(struct append_group *group, const struct store_entry *entry, const struct view *old,
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
int
append_entry(struct append_group *group, struct store_entry *entry, const uint64_t key[2],
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
