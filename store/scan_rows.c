/*
 * The rows of the answer: collected from blocks or groups, sorted, cut to the
 * limit and turned into columns. Strings are copied: nothing here points into a
 * block. The last station before the caller.
 */
#include <stdlib.h>
#include <string.h>

#include "scan_inside.h"

/* ---- collecting ------------------------------------------------------ */

static int
copy_value(struct scan *scan, const struct type *type, struct store_value *value)
{
	struct store_value *items;
	bool has_strings;
	uint32_t count;

	if (value->null)
		return 0;
	if (type->type == STORE_R_STRING) {
		value->v.s = scan_copy_string(scan->arena, value->v.s);
		return value->v.s.bytes == NULL ? scan_no_memory(scan) : 0;
	}
	if (type->type != STORE_R_MAP && type->type != STORE_R_ARRAY)
		return 0;
	has_strings = type->type == STORE_R_MAP || type->element == STORE_R_STRING;
	count = value->v.list.count * (type->type == STORE_R_MAP ? 2 : 1);
	if ((items = store_arena_alloc(scan->arena, (count + 1u) * sizeof *items)) == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < count; i++) {
		items[i] = value->v.list.items[i];
		if (!has_strings || items[i].null)
			continue;
		items[i].v.s = scan_copy_string(scan->arena, items[i].v.s);
		if (items[i].v.s.bytes == NULL)
			return scan_no_memory(scan);
	}
	value->v.list.items = items;
	return 0;
}

int
scan_rows_reserve(struct scan *scan, struct rows *rows, uint64_t more)
{
	uint64_t max = rows->rows_max == 0 ? 256 : rows->rows_max;
	struct store_value *values;

	if (rows->count + more <= rows->rows_max)
		return 0;
	while (max < rows->count + more)
		max *= 2;
	values = store_arena_alloc(scan->arena, max * rows->width * sizeof *values);
	if (values == NULL)
		return scan_no_memory(scan);
	if (rows->rows_max > 0) {
		memcpy(values, rows->values, rows->count * rows->width * sizeof *values);
		store_arena_release(scan->arena, rows->values,
				    rows->rows_max * rows->width * sizeof *values);
	}
	rows->values = values;
	rows->rows_max = max;
	return 0;
}

const struct expression *
scan_rows_column(const struct plan *plan, uint32_t column)
{
	uint32_t orders = plan->columns_count, keys = orders + plan->orders_count;

	return column < orders ? plan->columns[column]
	       : column < keys ? plan->orders[column - orders].expression
			       : plan->limit_by[column - keys];
}

/* Numbers as they are; out[i * width]. */
static void
put_numbers(const struct data *data, uint32_t count, uint32_t width, struct store_value *out)
{
	for (uint32_t i = 0; i < count; i++, out += width) {
		bool null = data_is_null(data, i);

		*out = (struct store_value){.null = null,
					    .v.u = null ? 0 : data->n.u[data_index(data, i)]};
	}
}

#define FETCHED_AHEAD 16u /* strings, which lie anywhere in dictionaries */

#define WORDS 16u /* bytes that are copied at once */

/* Most are of one or two words: to call for each takes longer than to copy it. */
static inline void
copy_bytes(char *to, struct store_str from)
{
	char first[WORDS], last[WORDS];

	if (from.size < WORDS || from.size > 2 * WORDS) {
		if (from.size > 0)
			memcpy(to, from.bytes, from.size);
		return;
	}
	memcpy(first, from.bytes, WORDS);
	memcpy(last, from.bytes + from.size - WORDS, WORDS);
	memcpy(to, first, WORDS);
	memcpy(to + from.size - WORDS, last, WORDS);
}

/* Strings, all copies of which lie together. */
static int
put_strings(struct scan *scan, const struct data *data, uint32_t count, uint32_t width,
	    struct store_value *out)
{
	size_t size = 0;
	char *bytes;

	for (uint32_t i = 0; i < count; i++)
		size += data_is_null(data, i) ? 0 : data_string(data, i).size;
	if ((bytes = store_arena_alloc(scan->arena, size + 1)) == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < count; i++, out += width) {
		struct store_str string = {NULL, 0};

		*out = (struct store_value){.null = data_is_null(data, i)};
		if (out->null)
			continue;
		if (i + FETCHED_AHEAD < count)
			__builtin_prefetch(data_string(data, i + FETCHED_AHEAD).bytes);
		string = data_string(data, i);
		copy_bytes(bytes, string);
		out->v.s = (struct store_str){bytes, string.size};
		bytes += string.size;
	}
	return 0;
}

/* A column of `count` rows that are all wanted. */
static int
put_column(struct scan *scan, const struct type *type, const struct data *data, uint32_t count,
	   uint32_t width, struct store_value *out)
{
	int result = 0;

	if (data->values == NULL && type->type == STORE_R_STRING)
		return put_strings(scan, data, count, width, out);
	if (data->values == NULL) {
		put_numbers(data, count, width, out);
		return 0;
	}
	for (uint32_t i = 0; result == 0 && i < count; i++, out += width) {
		*out = data_value(data, i);
		result = copy_value(scan, type, out);
	}
	return result;
}

/* Groups whose rows nobody sorts, compares or fills in, all at once, so that their
 * columns can be the answer's. */
static bool
are_columns(const struct scan *scan, uint32_t count, const struct data *keep)
{
	const struct plan *plan = scan->plan;

	return plan->is_grouped && keep == NULL && count > 0 && scan->rows.count == 0 &&
	       plan->orders_count == 0 && plan->limit_by_count == 0 && !plan->is_distinct &&
	       !plan->is_filled;
}

/* Appends `evaluation`'s rows; those of `keep` when it is not NULL. */
int
scan_rows_collect(struct scan *scan, struct evaluation *evaluation, const struct data *keep)
{
	struct rows *rows = &scan->rows;
	uint64_t first = rows->count;
	int result = scan_rows_reserve(scan, rows, evaluation->count);

	rows->are_columns = are_columns(scan, evaluation->count, keep);
	for (uint32_t c = 0; result == 0 && c < rows->width; c++) {
		const struct expression *expression = scan_rows_column(scan->plan, c);
		struct data data;
		uint64_t at = first;

		if ((result = expression_evaluate(evaluation, expression, &data)) != 0)
			return result;
		if (keep == NULL) {
			struct store_value *out = rows->are_columns
						      ? rows->values + c * rows->rows_max
						      : rows->values + first * rows->width + c;

			result = put_column(scan, &expression->type, &data, evaluation->count,
					    rows->are_columns ? 1 : rows->width, out);
			rows->count = first + evaluation->count;
			continue;
		}
		for (uint32_t i = 0; result == 0 && i < evaluation->count; i++) {
			struct store_value *value = &rows->values[at * rows->width + c];

			if (data_is_null(keep, i) || !data_true(keep, i))
				continue;
			*value = data_value(&data, i);
			result = copy_value(scan, &expression->type, value);
			at++;
		}
		rows->count = at;
	}
	return result;
}

/* ---- sorting --------------------------------------------------------- */

static void
sort_and_cut(struct scan *scan, uint64_t keep)
{
	struct rows *rows = &scan->rows;
	struct scan_order order = {scan->plan, scan->plan->columns_count, false};

	if (rows->count > 0)
		qsort_r(rows->values, rows->count, rows->width * sizeof *rows->values,
			scan_best_compare, &order);
	if (keep < rows->count) {
		scan->result->limited = true;
		rows->count = keep;
	}
}

static int
too_many_rows(struct scan *scan)
{
	return plan_error(scan->error, STORE_ELIMIT, 396, "TOO_MANY_ROWS_OR_BYTES",
			  "Limit for result exceeded: %llu rows; add a LIMIT",
			  (unsigned long long)scan->limits->result_rows_max);
}

uint64_t
scan_rows_wanted(const struct plan *plan)
{
	return plan->limit > UINT64_MAX - plan->offset ? UINT64_MAX : plan->limit + plan->offset;
}

/* With a limit, the sorted front is enough: the rest goes now and then. */
int
scan_rows_trim(struct scan *scan)
{
	struct rows *rows = &scan->rows;
	uint64_t wanted = scan_rows_wanted(scan->plan), max = scan->limits->result_rows_max;

	if (scan->plan->limit > max && rows->count > max && rows->count - max > scan->plan->offset)
		return too_many_rows(scan);
	if (scan->plan->is_distinct || scan->plan->limit_by_count > 0)
		return 0;
	if (scan->plan->orders_count == 0)
		scan->done = rows->count >= wanted;
	else if (wanted < UINT32_MAX && rows->count > wanted * 2 + 4096)
		sort_and_cut(scan, wanted);
	return 0;
}

/* ---- groups before they are rows -------------------------------------- */

int
scan_rows_choose(struct scan *scan, struct evaluation *evaluation, const struct data *keep,
		 const uint32_t **out, uint32_t *count)
{
	const struct plan *plan = scan->plan;
	struct data keys[PLAN_ORDERS_MAX];
	struct scan_best best;
	uint32_t *groups;
	uint64_t kept = 0;
	int result = scan_best_open(scan, evaluation->count, &best);

	for (uint32_t k = 0; result == 0 && k < plan->orders_count; k++)
		result = expression_evaluate(evaluation, plan->orders[k].expression, &keys[k]);
	for (uint32_t g = 0; result == 0 && g < evaluation->count; g++) {
		struct store_value *row = scan_best_next(&best);

		if (keep != NULL && (data_is_null(keep, g) || !data_true(keep, g)))
			continue;
		kept++;
		if (plan->orders_count > 0)
			row[0] = data_value(&keys[0], g);
		if (plan->orders_count > 0 && scan_best_is_behind(&best, row))
			continue; /* as most of many: their other keys do not matter */
		for (uint32_t k = 1; k < plan->orders_count; k++)
			row[k] = data_value(&keys[k], g);
		row[plan->orders_count] = (struct store_value){.v.u = g};
		if (scan_best_offers(&best))
			scan_best_take(&best);
	}
	if (result != 0)
		return result;
	scan_best_sort(&best);
	if ((groups = store_arena_alloc(scan->arena, (best.count + 1) * sizeof *groups)) == NULL)
		return scan_no_memory(scan);
	for (uint64_t i = 0; i < best.count; i++)
		groups[i] = (uint32_t)best.list[i * best.width + plan->orders_count].v.u;
	scan->rows_left_out = kept - best.count;
	*out = groups;
	*count = (uint32_t)best.count;
	return 0;
}

/* ---- the result ------------------------------------------------------ */

static int
fill_result(struct scan *scan, uint64_t rows_before_limit)
{
	const struct plan *plan = scan->plan;
	struct rows *rows = &scan->rows;
	uint64_t first = plan->offset < rows->count ? plan->offset : rows->count;
	uint64_t count = rows->count - first < plan->limit ? rows->count - first : plan->limit;
	struct store_result *result = scan->result;
	struct store_value **values =
	    store_arena_alloc(scan->arena, (plan->columns_count + 1u) * sizeof *values);

	if (values == NULL)
		return scan_no_memory(scan);
	if (count > scan->limits->result_rows_max)
		return too_many_rows(scan);
	for (uint32_t c = 0; rows->are_columns && c < plan->columns_count; c++)
		values[c] = rows->values + c * rows->rows_max + first;
	for (uint32_t c = 0; !rows->are_columns && c < plan->columns_count; c++) {
		if ((values[c] = store_arena_alloc(scan->arena, (count + 1) * sizeof **values)) ==
		    NULL)
			return scan_no_memory(scan);
		for (uint64_t i = 0; i < count; i++)
			values[c][i] = rows->values[(first + i) * rows->width + c];
	}
	result->columns = plan->results;
	result->columns_count = plan->columns_count;
	result->values = values;
	result->rows_count = count;
	result->limited |= plan->limit != UINT64_MAX;
	result->rows_before_limit = rows_before_limit;
	return 0;
}

int
scan_rows_totals(struct scan *scan, struct evaluation *evaluation)
{
	const struct plan *plan = scan->plan;
	struct store_value *totals =
	    store_arena_zalloc(scan->arena, (plan->columns_count + 1u) * sizeof *totals);
	int result = totals == NULL ? scan_no_memory(scan) : 0;

	for (uint32_t c = 0; result == 0 && c < plan->columns_count; c++) {
		struct data data;

		if ((result = expression_evaluate(evaluation, plan->columns[c], &data)) != 0)
			break;
		totals[c] = data_value(&data, 0);
		result = copy_value(scan, &plan->columns[c]->type, &totals[c]);
	}
	scan->result->totals = totals;
	return result;
}

int
scan_rows_finish(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	uint64_t rows_before_limit;
	int result = plan->is_distinct ? scan_after_distinct(scan) : 0;

	if (result != 0)
		return result;
	rows_before_limit = scan->rows.count + scan->rows_left_out;
	scan->result->limited |= scan->rows_left_out > 0;
	if (plan->orders_count > 0)
		sort_and_cut(scan, plan->limit_by_count > 0 ? UINT64_MAX : scan_rows_wanted(plan));
	if (plan->limit_by_count > 0 && (result = scan_after_limit_by(scan)) != 0)
		return result;
	if (plan->limit_by_count > 0)
		rows_before_limit = scan->rows.count;
	if (plan->is_filled && (result = scan_after_fill(scan)) != 0)
		return result;
	return fill_result(scan, rows_before_limit);
}
