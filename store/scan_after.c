/*
 * What becomes of the sorted rows before LIMIT: DISTINCT, LIMIT BY and WITH
 * FILL. Between scan_rows.c's sorting and its cutting.
 */
#include <math.h>
#include <string.h>

#include <xxhash.h>

#include "function.h"
#include "scan_inside.h"

/* ---- rows by some of their columns ----------------------------------- */

/* A hash table of rows that differ in `columns`, with a count each. */
struct seen {
	struct scan *scan;
	uint32_t first, count; /* columns of the row */
	uint32_t *slots;       /* entry + 1, 0 free */
	uint32_t slots_count, entries_count, entries_max;
	const struct store_value **entries;
	uint64_t *counts;
};

static uint64_t
hash_value(enum store_result_type type, enum store_result_type element,
	   const struct store_value *value, uint64_t seed)
{
	uint32_t items = value->v.list.count * (type == STORE_R_MAP ? 2 : 1);

	if (value->null)
		return seed * 31 + 1;
	if (type == STORE_R_STRING)
		return XXH3_64bits_withSeed(value->v.s.size == 0 ? "" : value->v.s.bytes,
					    value->v.s.size, seed);
	if (type != STORE_R_MAP && type != STORE_R_ARRAY)
		return XXH3_64bits_withSeed(&value->v.u, sizeof value->v.u, seed);
	for (uint32_t i = 0; i < items; i++)
		seed = hash_value(element, element, &value->v.list.items[i], seed);
	return XXH3_64bits_withSeed(&items, sizeof items, seed);
}

static bool
is_same(enum store_result_type type, enum store_result_type element, const struct store_value *a,
	const struct store_value *b)
{
	uint32_t items = a->v.list.count * (type == STORE_R_MAP ? 2 : 1);

	if (a->null || b->null)
		return a->null && b->null;
	if (type == STORE_R_STRING)
		return a->v.s.size == b->v.s.size &&
		       (a->v.s.size == 0 || memcmp(a->v.s.bytes, b->v.s.bytes, a->v.s.size) == 0);
	if (type != STORE_R_MAP && type != STORE_R_ARRAY)
		return a->v.u == b->v.u;
	if (a->v.list.count != b->v.list.count)
		return false;
	for (uint32_t i = 0; i < items; i++) {
		if (!is_same(element, element, &a->v.list.items[i], &b->v.list.items[i]))
			return false;
	}
	return true;
}

static const struct type *
type_at(const struct seen *seen, uint32_t column)
{
	return &scan_rows_column(seen->scan->plan, seen->first + column)->type;
}

static uint32_t
find_slot(const struct seen *seen, const struct store_value *row)
{
	uint64_t hash = seen->scan->secret;
	uint32_t slot;

	for (uint32_t c = 0; c < seen->count; c++)
		hash = hash_value(type_at(seen, c)->type, type_at(seen, c)->element,
				  &row[seen->first + c], hash);
	slot = (uint32_t)hash & (seen->slots_count - 1);
	for (; seen->slots[slot] != 0; slot = (slot + 1) & (seen->slots_count - 1)) {
		const struct store_value *other = seen->entries[seen->slots[slot] - 1];
		uint32_t c = 0;

		while (c < seen->count && is_same(type_at(seen, c)->type, type_at(seen, c)->element,
						  &row[seen->first + c], &other[seen->first + c]))
			c++;
		if (c == seen->count)
			break;
	}
	return slot;
}

static int
grow(struct seen *seen)
{
	struct store_arena *arena = seen->scan->arena;
	uint32_t max = seen->entries_max == 0 ? 64 : seen->entries_max * 2;
	const struct store_value **entries = store_arena_alloc(arena, max * sizeof *entries);
	uint64_t *counts = store_arena_alloc(arena, max * sizeof *counts);
	uint32_t *slots = store_arena_zalloc(arena, (size_t)max * 2 * sizeof *slots);

	if (entries == NULL || counts == NULL || slots == NULL)
		return scan_no_memory(seen->scan);
	if (seen->entries_count > 0) {
		memcpy(entries, seen->entries, seen->entries_count * sizeof *entries);
		memcpy(counts, seen->counts, seen->entries_count * sizeof *counts);
	}
	seen->entries = entries;
	seen->counts = counts;
	seen->slots = slots;
	seen->slots_count = max * 2;
	seen->entries_max = max;
	for (uint32_t i = 0; i < seen->entries_count; i++)
		slots[find_slot(seen, entries[i])] = i + 1;
	return 0;
}

/* Keeps of equal rows those from `offset` on, at most `limit`. */
static int
keep_some(struct seen *seen, uint64_t offset, uint64_t limit)
{
	struct rows *rows = &seen->scan->rows;
	uint64_t kept = 0;

	for (uint64_t r = 0; r < rows->count; r++) {
		struct store_value *row = &rows->values[r * rows->width];
		uint32_t slot;
		uint64_t place;

		if (seen->entries_count == seen->entries_max && grow(seen) != 0)
			return STORE_ELIMIT;
		slot = find_slot(seen, row);
		if (seen->slots[slot] == 0) {
			/* A copy: rows that are kept move to the front. */
			struct store_value *copy =
			    store_arena_alloc(seen->scan->arena, rows->width * sizeof *copy);

			if (copy == NULL)
				return scan_no_memory(seen->scan);
			memcpy(copy, row, rows->width * sizeof *copy);
			seen->entries[seen->entries_count] = copy;
			seen->counts[seen->entries_count] = 0;
			seen->slots[slot] = ++seen->entries_count;
		}
		place = seen->counts[seen->slots[slot] - 1]++;
		if (place >= offset && place - offset < limit)
			memmove(&rows->values[kept++ * rows->width], row,
				rows->width * sizeof *row);
	}
	rows->count = kept;
	return 0;
}

int
scan_after_distinct(struct scan *scan)
{
	struct seen seen = {.scan = scan, .count = scan->plan->columns_count};

	return keep_some(&seen, 0, 1);
}

int
scan_after_limit_by(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	struct seen seen = {.scan = scan,
			    .first = plan->columns_count + plan->orders_count,
			    .count = plan->limit_by_count};

	return keep_some(&seen, plan->limit_by_offset, plan->limit_by_limit);
}

/* ---- WITH FILL ------------------------------------------------------- */

struct filling {
	struct scan *scan;
	const struct plan_order *order;
	uint32_t place; /* of the order among all */
	bool ended;     /* a step went below an unsigned type's 0 */
	struct rows out;
};

/* <0, 0, >0 in the direction of the order. */
static int
compare(const struct filling *filling, const struct store_value *a, const struct store_value *b)
{
	int order = data_compare(filling->order->expression->type.type, a, b);

	return filling->order->descending ? -order : order;
}

static void
step(struct filling *filling, struct store_value *value)
{
	int64_t before = value->v.i;
	const struct plan_fill *fill = &filling->order->fill;
	enum store_result_type type = filling->order->expression->type.type;
	int64_t unit = data_time_unit_ms(type);

	if (data_type_is_float(type))
		value->v.f += fill->step.v.f;
	else if (fill->unit.size > 0)
		value->v.i =
		    function_add_interval(value->v.i * unit, fill->step.v.i, fill->unit) / unit;
	else if (__builtin_add_overflow(value->v.i, fill->step.v.i, &value->v.i))
		value->v.i = fill->step.v.i > 0 ? INT64_MAX : INT64_MIN;
	if (!data_type_is_float(type) && !data_type_is_signed(type) && type != STORE_R_DATETIME64)
		filling->ended |= filling->order->descending && before >= 0 && value->v.i < 0;
}

static struct store_value *
add_row(struct filling *filling)
{
	struct rows *out = &filling->out;

	if (scan_rows_reserve(filling->scan, out, 1) != 0)
		return NULL;
	return &out->values[out->count++ * out->width];
}

/* A row that nothing gave: the value, the order's columns before it as in
 * `like`, and 0, '' or NULL. */
static int
add_filled(struct filling *filling, const struct store_value *value, const struct store_value *like)
{
	const struct plan *plan = filling->scan->plan;
	struct store_value *row = add_row(filling);

	if (row == NULL)
		return STORE_ELIMIT;
	if (filling->out.count > filling->scan->limits->result_rows_max)
		return plan_error(filling->scan->error, STORE_ELIMIT, 396, "TOO_MANY_ROWS_OR_BYTES",
				  "WITH FILL would give more than %llu rows",
				  (unsigned long long)filling->scan->limits->result_rows_max);
	memset(row, 0, filling->out.width * sizeof *row);
	for (uint32_t c = 0; c < filling->out.width; c++)
		row[c].null = scan_rows_column(plan, c)->type.nullable;
	for (uint32_t c = 0; c < plan->columns_count; c++) {
		uint32_t of = plan->shows_order[c];

		if (of == filling->place + 1)
			row[c] = *value;
		else if (of > 0 && of <= filling->place && like != NULL)
			row[c] = like[c];
	}
	row[plan->columns_count + filling->place] = *value;
	return 0;
}

/* On to `until` (not with it), or to TO. */
static int
fill_until(struct filling *filling, struct store_value *next, const struct store_value *until,
	   const struct store_value *like)
{
	const struct plan_fill *fill = &filling->order->fill;
	int result = 0;

	while (result == 0 && !filling->ended &&
	       (until == NULL || compare(filling, next, until) < 0) &&
	       (!fill->has_to || compare(filling, next, &fill->to) < 0)) {
		result = add_filled(filling, next, like);
		step(filling, next);
	}
	return result;
}

static bool
same_before(const struct filling *filling, const struct store_value *a, const struct store_value *b)
{
	const struct plan *plan = filling->scan->plan;

	for (uint32_t i = 0; i < filling->place; i++) {
		const struct type *type = &plan->orders[i].expression->type;

		if (!is_same(type->type, type->element, &a[plan->columns_count + i],
			     &b[plan->columns_count + i]))
			return false;
	}
	return true;
}

/* Rows that agree in what the order has before the filled column. */
static int
fill_group(struct filling *filling, const struct store_value *rows, uint64_t count)
{
	const struct plan_fill *fill = &filling->order->fill;
	uint32_t width = filling->out.width, at = filling->scan->plan->columns_count;
	bool is_float = data_type_is_float(filling->order->expression->type.type);
	bool begun = fill->has_from;
	struct store_value next = fill->from;
	int result;

	filling->ended = false;
	for (uint64_t r = 0; r < count; r++) {
		const struct store_value *row = rows + r * width;
		const struct store_value *value = row + at + filling->place;
		struct store_value *copy;

		if (!value->null && !(is_float && isnan(value->v.f))) {
			if (!begun)
				next = *value;
			begun = true;
			if ((result = fill_until(filling, &next, value, row)) != 0)
				return result;
			if (compare(filling, &next, value) == 0)
				step(filling, &next);
		} else if (begun && fill->has_to && !filling->order->nulls_first &&
			   (result = fill_until(filling, &next, NULL, row)) != 0) {
			return result;
		}
		if ((copy = add_row(filling)) == NULL)
			return STORE_ELIMIT;
		memcpy(copy, row, width * sizeof *row);
	}
	return begun && fill->has_to ? fill_until(filling, &next, NULL, count > 0 ? rows : NULL)
				     : 0;
}

int
scan_after_fill(struct scan *scan)
{
	struct rows *rows = &scan->rows;
	struct filling filling = {.scan = scan, .out = {.width = rows->width}};
	int result = 0;

	while (!scan->plan->orders[filling.place].fill.wanted)
		filling.place++;
	filling.order = &scan->plan->orders[filling.place];
	for (uint64_t first = 0, end; result == 0 && first < rows->count; first = end) {
		const struct store_value *row = &rows->values[first * rows->width];

		for (end = first + 1; end < rows->count; end++) {
			if (!same_before(&filling, row, &rows->values[end * rows->width]))
				break;
		}
		result = fill_group(&filling, row, end - first);
	}
	if (rows->count == 0)
		result = fill_group(&filling, NULL, 0);
	if (result == 0)
		*rows = filling.out;
	return result;
}
