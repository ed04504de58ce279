/*
 * scan.h: block by block: prune, read, filter, group; afterwards over groups.
 * Each block's scratch is freed before the next. Must not outlive its limits:
 * time and cancellation are checked at every block.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "function.h"
#include "scan.h"
#include "state.h"

struct groups {
	uint64_t *keys;  /* [count][words]: a word per key, then one of NULL bits */
	uint32_t *slots; /* group + 1, 0 free */
	uint32_t count, groups_max, slots_count, words;
};

/* Distinct strings of group keys: ids are the words of keys. */
struct strings {
	struct store_str *list;
	uint32_t *slots;
	uint32_t count, list_max, slots_count;
};

/* Rows collected for a query without groups. */
struct rows {
	struct store_value *values; /* [count][width] */
	uint64_t count, rows_max;
	uint32_t width; /* result columns, then sort keys */
};

struct scan {
	const struct plan *plan;
	const struct snapshot *snapshot;
	const struct scan_limits *limits;
	struct store_arena *arena;   /* the result's */
	struct store_arena *scratch; /* one block's */
	struct store_error *error;
	struct store_result *result;
	int64_t now_ms;
	uint64_t secret;
	struct data *cache; /* [columns_count] of the block */
	struct groups groups;
	struct strings strings;
	struct aggregate_states *states[PLAN_AGGREGATES_MAX];
	struct rows rows;
	bool done; /* enough rows */
};

static int
no_memory(struct scan *scan)
{
	return expression_no_memory(scan->error);
}

static int
check_limits(struct scan *scan)
{
	if (scan->limits->cancel != NULL && *scan->limits->cancel != 0)
		return plan_error(scan->error, STORE_ECANCEL, 394, "QUERY_WAS_CANCELLED",
				  "The query was cancelled");
	if (state_monotonic_ns() > scan->limits->deadline_ns)
		return plan_error(
		    scan->error, STORE_ETIMEOUT, 159, "TIMEOUT_EXCEEDED",
		    "Timeout exceeded: narrow the time range, or raise max_execution_time");
	return 0;
}

/* ---- groups ---------------------------------------------------------- */

static struct store_str
copy_string(struct store_arena *arena, struct store_str string)
{
	char *bytes = store_arena_alloc(arena, string.size);

	if (bytes != NULL && string.size > 0)
		memcpy(bytes, string.bytes, string.size);
	return (struct store_str){bytes, string.size};
}

static uint32_t
string_slot(const struct scan *scan, const struct strings *strings, struct store_str string)
{
	uint64_t hash =
	    XXH3_64bits_withSeed(string.size == 0 ? "" : string.bytes, string.size, scan->secret);
	uint32_t slot = (uint32_t)hash & (strings->slots_count - 1);

	for (; strings->slots[slot] != 0; slot = (slot + 1) & (strings->slots_count - 1)) {
		struct store_str other = strings->list[strings->slots[slot] - 1];

		if (other.size == string.size &&
		    (string.size == 0 || memcmp(other.bytes, string.bytes, string.size) == 0))
			break;
	}
	return slot;
}

static int
grow_strings(struct scan *scan)
{
	struct strings *strings = &scan->strings;
	uint32_t max = strings->list_max == 0 ? 256 : strings->list_max * 2;
	struct store_str *list = store_arena_alloc(scan->arena, max * sizeof *list);
	uint32_t *slots = store_arena_zalloc(scan->arena, (size_t)max * 2 * sizeof *slots);

	if (list == NULL || slots == NULL)
		return no_memory(scan);
	if (strings->count > 0)
		memcpy(list, strings->list, strings->count * sizeof *list);
	strings->list = list;
	strings->list_max = max;
	strings->slots = slots;
	strings->slots_count = max * 2;
	for (uint32_t i = 0; i < strings->count; i++)
		slots[string_slot(scan, strings, list[i])] = i + 1;
	return 0;
}

static int
intern(struct scan *scan, struct store_str string, uint64_t *id)
{
	struct strings *strings = &scan->strings;
	uint32_t slot;

	if (strings->count == strings->list_max && grow_strings(scan) != 0)
		return STORE_ELIMIT;
	slot = string_slot(scan, strings, string);
	if (strings->slots[slot] == 0) {
		struct store_str copy = copy_string(scan->arena, string);

		if (copy.bytes == NULL)
			return no_memory(scan);
		strings->list[strings->count++] = copy;
		strings->slots[slot] = strings->count;
	}
	*id = strings->slots[slot] - 1;
	return 0;
}

/* words[row * stride] = the key's word for each row; codes are interned once
 * per dictionary entry. */
static int
key_words(struct scan *scan, const struct data *data, uint32_t count, uint32_t stride,
	  uint64_t *words)
{
	uint64_t *ids = NULL;

	if (data->type.type != STORE_R_STRING) {
		for (uint32_t i = 0; i < count; i++)
			words[(size_t)i * stride] = data->n.u[data_index(data, i)];
		return 0;
	}
	if (data->codes != NULL) {
		ids =
		    store_arena_zalloc(scan->scratch, (data->dictionary->count + 1u) * sizeof *ids);
		if (ids == NULL)
			return no_memory(scan);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t code = data->codes == NULL ? 0 : data->codes[data_index(data, i)];
		uint64_t id;

		if (ids != NULL && ids[code] != 0) {
			words[(size_t)i * stride] = ids[code] - 1;
			continue;
		}
		if (intern(scan, data_string(data, i), &id) != 0)
			return STORE_ELIMIT;
		if (ids != NULL)
			ids[code] = id + 1;
		words[(size_t)i * stride] = id;
	}
	return 0;
}

static uint32_t
group_slot(const struct scan *scan, const struct groups *groups, const uint64_t *key)
{
	size_t bytes = groups->words * sizeof *key;
	uint32_t slot =
	    (uint32_t)XXH3_64bits_withSeed(key, bytes, scan->secret) & (groups->slots_count - 1);

	while (groups->slots[slot] != 0 &&
	       memcmp(groups->keys + (size_t)(groups->slots[slot] - 1) * groups->words, key,
		      bytes) != 0)
		slot = (slot + 1) & (groups->slots_count - 1);
	return slot;
}

static int
grow_groups(struct scan *scan)
{
	struct groups *groups = &scan->groups;
	uint32_t max = groups->groups_max == 0 ? 256 : groups->groups_max * 2;
	size_t bytes = groups->words * sizeof(uint64_t);
	uint64_t *keys = store_arena_alloc(scan->arena, max * bytes);
	uint32_t *slots = store_arena_zalloc(scan->arena, (size_t)max * 2 * sizeof *slots);

	if (keys == NULL || slots == NULL)
		return no_memory(scan);
	if (groups->count > 0)
		memcpy(keys, groups->keys, groups->count * bytes);
	groups->keys = keys;
	groups->groups_max = max;
	groups->slots = slots;
	groups->slots_count = max * 2;
	for (uint32_t i = 0; i < groups->count; i++)
		slots[group_slot(scan, groups, keys + (size_t)i * groups->words)] = i + 1;
	return 0;
}

static int
find_group(struct scan *scan, const uint64_t *key, uint32_t *group)
{
	struct groups *groups = &scan->groups;
	uint32_t slot;

	if (groups->count == groups->groups_max && grow_groups(scan) != 0)
		return STORE_ELIMIT;
	slot = group_slot(scan, groups, key);
	if (groups->slots[slot] == 0) {
		if (groups->count >= scan->limits->groups_max)
			return plan_error(scan->error, STORE_ELIMIT, 158, "TOO_MANY_ROWS",
					  "Limit on groups exceeded (%llu): group by fewer values",
					  (unsigned long long)scan->limits->groups_max);
		memcpy(groups->keys + (size_t)groups->count * groups->words, key,
		       groups->words * sizeof *key);
		groups->slots[slot] = ++groups->count;
	}
	*group = groups->slots[slot] - 1;
	return 0;
}

/* The group of each row of the block. */
static int
assign_groups(struct scan *scan, struct evaluation *evaluation, uint32_t *out)
{
	const struct plan *plan = scan->plan;
	uint32_t words = scan->groups.words;
	uint64_t *keys = store_arena_zalloc(scan->scratch,
					    ((size_t)evaluation->count + 1) * words * sizeof *keys);
	int result = 0;

	if (keys == NULL)
		return no_memory(scan);
	for (uint32_t k = 0; result == 0 && k < plan->keys_count; k++) {
		struct data data;

		if ((result = expression_evaluate(evaluation, plan->keys[k], &data)) != 0)
			return result;
		result = key_words(scan, &data, evaluation->count, words, keys + k);
		for (uint32_t i = 0; data.nulls != NULL && i < evaluation->count; i++) {
			if (data_is_null(&data, i)) {
				keys[(size_t)i * words + k] = 0;
				keys[(size_t)i * words + plan->keys_count] |= (uint64_t)1 << k;
			}
		}
	}
	for (uint32_t i = 0; result == 0 && i < evaluation->count; i++) {
		bool same =
		    i > 0 && memcmp(keys + (size_t)i * words, keys + (size_t)(i - 1) * words,
				    words * sizeof *keys) == 0;

		if (same)
			out[i] = out[i - 1];
		else
			result = find_group(scan, keys + (size_t)i * words, &out[i]);
	}
	return result;
}

/* ---- one block ------------------------------------------------------- */

/* The rows' sample intervals; NULL when all are 1. */
static int
read_weights(struct scan *scan, struct evaluation *evaluation, const uint64_t **out)
{
	struct expression column = {.kind = EXPRESSION_COLUMN, .type = {.type = STORE_R_UINT32}};
	struct data data;
	bool above = false;
	int result;

	*out = NULL;
	if (scan->plan->weight_column < 0 || evaluation->count == 0)
		return 0;
	column.column = (uint16_t)scan->plan->weight_column;
	if ((result = expression_evaluate(evaluation, &column, &data)) != 0)
		return result;
	for (uint32_t i = 0; i < data.count; i++) {
		if (data.n.u[i] == 0)
			data.n.u[i] = 1; /* a row stored without one stands for itself */
		above |= data.n.u[i] > 1;
	}
	scan->result->weighted |= above;
	if (above)
		*out = data.n.u;
	return 0;
}

static int
aggregate_block(struct scan *scan, struct evaluation *evaluation)
{
	const struct plan *plan = scan->plan;
	uint32_t *groups =
	    store_arena_zalloc(scan->scratch, (evaluation->count + 1u) * sizeof *groups);
	const uint64_t *weights;
	int result;

	if (groups == NULL)
		return no_memory(scan);
	if ((result = read_weights(scan, evaluation, &weights)) != 0 ||
	    (plan->keys_count > 0 && (result = assign_groups(scan, evaluation, groups)) != 0))
		return result;
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		const struct aggregate *aggregate = &plan->aggregates[a];
		struct data argument, condition;

		if ((aggregate->argument != NULL &&
		     (result = expression_evaluate(evaluation, aggregate->argument, &argument)) !=
			 0) ||
		    (aggregate->condition != NULL &&
		     (result = expression_evaluate(evaluation, aggregate->condition, &condition)) !=
			 0))
			return result;
		if (aggregate_reserve(scan->states[a], scan->groups.count) != 0 ||
		    aggregate_add(scan->states[a], groups, evaluation->count,
				  aggregate->argument == NULL ? NULL : &argument,
				  aggregate->condition == NULL ? NULL : &condition, weights) != 0)
			return no_memory(scan);
	}
	return 0;
}

static int sort_and_cut(struct scan *scan, struct rows *rows, uint64_t keep);

static int
copy_value(struct scan *scan, const struct type *type, struct store_value *value)
{
	struct store_value *items;
	uint32_t count;

	if (value->null)
		return 0;
	if (type->type == STORE_R_STRING) {
		value->v.s = copy_string(scan->arena, value->v.s);
		return value->v.s.bytes == NULL ? no_memory(scan) : 0;
	}
	if (type->type != STORE_R_MAP)
		return 0;
	count = value->v.list.count * 2;
	if ((items = store_arena_alloc(scan->arena, (count + 1u) * sizeof *items)) == NULL)
		return no_memory(scan);
	for (uint32_t i = 0; i < count; i++) {
		items[i] = value->v.list.items[i];
		items[i].v.s = copy_string(scan->arena, items[i].v.s);
		if (items[i].v.s.bytes == NULL)
			return no_memory(scan);
	}
	value->v.list.items = items;
	return 0;
}

/* Room for `more` rows. */
static int
reserve_rows(struct scan *scan, struct rows *rows, uint64_t more)
{
	uint64_t max = rows->rows_max == 0 ? 256 : rows->rows_max;
	struct store_value *values;

	if (rows->count + more <= rows->rows_max)
		return 0;
	while (max < rows->count + more)
		max *= 2;
	values = store_arena_alloc(scan->arena, max * rows->width * sizeof *values);
	if (values == NULL)
		return no_memory(scan);
	if (rows->count > 0)
		memcpy(values, rows->values, rows->count * rows->width * sizeof *values);
	rows->values = values;
	rows->rows_max = max;
	return 0;
}

/* How many rows the limit can ever need. */
static uint64_t
rows_wanted(const struct plan *plan)
{
	return plan->limit > UINT64_MAX - plan->offset ? UINT64_MAX : plan->limit + plan->offset;
}

/* With a limit, the sorted front is enough: the rest goes now and then. */
static int
trim_rows(struct scan *scan)
{
	struct rows *rows = &scan->rows;
	uint64_t wanted = rows_wanted(scan->plan);

	if (scan->plan->orders_count == 0) {
		scan->done = rows->count >= wanted;
		return 0;
	}
	if (wanted < UINT32_MAX && rows->count > wanted * 2 + 4096)
		return sort_and_cut(scan, rows, wanted);
	if (rows->count > scan->limits->result_rows_max)
		return plan_error(scan->error, STORE_ELIMIT, 396, "TOO_MANY_ROWS_OR_BYTES",
				  "Limit for result exceeded: %llu rows; add a LIMIT",
				  (unsigned long long)scan->limits->result_rows_max);
	return 0;
}

static const struct expression *
column_at(const struct plan *plan, uint32_t i)
{
	return i < plan->columns_count ? plan->columns[i]
				       : plan->orders[i - plan->columns_count].expression;
}

/* Appends `evaluation`'s rows; those of `keep` when it is not NULL. */
static int
collect(struct scan *scan, struct evaluation *evaluation, const struct data *keep)
{
	struct rows *rows = &scan->rows;
	uint64_t first = rows->count;
	int result = reserve_rows(scan, rows, evaluation->count);

	for (uint32_t c = 0; result == 0 && c < rows->width; c++) {
		const struct expression *expression = column_at(scan->plan, c);
		struct data data;
		uint64_t at = first;

		if ((result = expression_evaluate(evaluation, expression, &data)) != 0)
			return result;
		for (uint32_t i = 0; result == 0 && i < evaluation->count; i++) {
			struct store_value *value = &rows->values[at * rows->width + c];

			if (keep != NULL && (data_is_null(keep, i) || !data_true(keep, i)))
				continue;
			*value = data_value(&data, i);
			result = copy_value(scan, &expression->type, value);
			at++;
		}
		rows->count = at;
	}
	return result;
}

static bool
outside(const struct expression *literal, const char *operation, int64_t min, int64_t max)
{
	int64_t value = data_time_ms(&literal->constant, 0);

	if (strcmp(operation, "equals") == 0)
		return value < min || value > max;
	if (strcmp(operation, "less") == 0)
		return min >= value;
	if (strcmp(operation, "lessOrEquals") == 0)
		return min > value;
	if (strcmp(operation, "greater") == 0)
		return max <= value;
	return strcmp(operation, "greaterOrEquals") == 0 && max < value;
}

/* Whether the block's range shows that no row can match: AND-ed comparisons of
 * a time column with a constant. */
static bool
is_pruned(const struct block *block, const struct expression *where)
{
	int64_t min, max;

	if (where == NULL || where->kind != EXPRESSION_CALL)
		return false;
	if (strcmp(where->function->name, "and") == 0) {
		for (uint32_t i = 0; i < where->args_count; i++) {
			if (is_pruned(block, where->args[i]))
				return true;
		}
		return false;
	}
	return where->args_count == 2 && where->args[0]->kind == EXPRESSION_COLUMN &&
	       where->args[0]->type.type == STORE_R_DATETIME64 &&
	       where->args[1]->kind == EXPRESSION_CONSTANT &&
	       where->args[1]->constant.nulls == NULL &&
	       data_type_is_time(where->args[1]->type.type) &&
	       block_range(block, where->args[0]->column, &min, &max) &&
	       outside(where->args[1], where->function->name, min, max);
}

/* The block's rows that are visible and match. NULL: all. */
static int
select_rows(struct scan *scan, struct evaluation *evaluation)
{
	uint32_t *rows = NULL, count = 0, total = evaluation->count;
	const uint64_t *visible;
	struct data condition;
	int result = block_visible(evaluation->block, scan->scratch, &visible, scan->error);

	if (result != 0)
		return result == STORE_ELIMIT ? no_memory(scan) : result;
	if (scan->plan->where != NULL &&
	    (result = expression_evaluate(evaluation, scan->plan->where, &condition)) != 0)
		return result;
	if (scan->plan->where == NULL && visible == NULL)
		return 0;
	if ((rows = store_arena_alloc(scan->scratch, (total + 1u) * sizeof *rows)) == NULL)
		return no_memory(scan);
	for (uint32_t i = 0; i < total; i++) {
		if ((visible == NULL || bitmap_get(visible, i)) &&
		    (scan->plan->where == NULL ||
		     (!data_is_null(&condition, i) && data_true(&condition, i))))
			rows[count++] = i;
	}
	evaluation->count = count;
	if (count < total) { /* the cache holds all rows: columns are read anew */
		evaluation->rows = rows;
		memset(evaluation->columns, 0,
		       evaluation->table->columns_count * sizeof *evaluation->columns);
	}
	return 0;
}

static int
scan_block(struct scan *scan, const struct block *block)
{
	struct evaluation evaluation = {.table = scan->plan->table,
					.block = block,
					.count = block_rows_count(block),
					.columns = scan->cache,
					.arena = scan->scratch,
					.error = scan->error,
					.now_ms = scan->now_ms};
	int result;

	if (is_pruned(block, scan->plan->where))
		return 0;
	store_arena_reset(scan->scratch);
	memset(scan->cache, 0, (scan->plan->table->columns_count + 1u) * sizeof *scan->cache);
	scan->result->rows_read += evaluation.count;
	if ((result = select_rows(scan, &evaluation)) == 0 && evaluation.count > 0) {
		result = scan->plan->is_grouped ? aggregate_block(scan, &evaluation)
						: collect(scan, &evaluation, NULL);
		if (result == 0 && !scan->plan->is_grouped)
			result = trim_rows(scan);
	}
	scan->result->bytes_read += evaluation.bytes_read;
	return result;
}

/* ---- after the blocks ------------------------------------------------ */

/* Group keys back from their words. */
static int
finish_key(struct scan *scan, uint32_t k, struct evaluation *evaluation, struct data *out)
{
	const struct groups *groups = &scan->groups;
	struct type type = scan->plan->keys[k]->type;
	int result = data_allocate(evaluation, type, groups->count, out);

	if (result == 0 && type.nullable)
		result = data_allocate_nulls(evaluation, out);
	for (uint32_t g = 0; result == 0 && g < groups->count; g++) {
		const uint64_t *key = groups->keys + (size_t)g * groups->words;

		if (out->nulls != NULL)
			out->nulls[g] = key[scan->plan->keys_count] >> k & 1;
		if (out->s != NULL && out->nulls != NULL && out->nulls[g])
			out->s[g] = (struct store_str){NULL, 0};
		else if (out->s != NULL)
			out->s[g] = scan->strings.list[key[k]];
		else
			out->n.u[g] = key[k];
	}
	return result;
}

static int
finish_groups(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	struct evaluation evaluation = {.count = scan->groups.count,
					.arena = scan->arena,
					.error = scan->error,
					.now_ms = scan->now_ms};
	struct data keep;
	int result = 0;

	evaluation.slots =
	    store_arena_zalloc(scan->arena, (plan->keys_count + plan->aggregates_count + 1u) *
						sizeof *evaluation.slots);
	if (evaluation.slots == NULL)
		return no_memory(scan);
	for (uint32_t k = 0; result == 0 && k < plan->keys_count; k++)
		result = finish_key(scan, k, &evaluation, &evaluation.slots[k]);
	for (uint32_t a = 0; result == 0 && a < plan->aggregates_count; a++)
		result = aggregate_finish(scan->states[a], scan->groups.count, &evaluation,
					  &evaluation.slots[plan->keys_count + a]);
	if (result == 0 && plan->having != NULL)
		result = expression_evaluate(&evaluation, plan->having, &keep);
	return result != 0 ? result
			   : collect(scan, &evaluation, plan->having == NULL ? NULL : &keep);
}

/* ---- sorting --------------------------------------------------------- */

struct sort_context {
	const struct plan *plan;
	uint32_t width;
};

static int
compare_values(const struct type *type, const struct store_value *a, const struct store_value *b)
{
	uint32_t size;
	int order;

	if (type->type == STORE_R_STRING) {
		size = a->v.s.size < b->v.s.size ? a->v.s.size : b->v.s.size;
		order = size == 0 ? 0 : memcmp(a->v.s.bytes, b->v.s.bytes, size);
		return order != 0 ? order
				  : (a->v.s.size > b->v.s.size) - (a->v.s.size < b->v.s.size);
	}
	if (data_type_is_float(type->type))
		return (a->v.f > b->v.f) - (a->v.f < b->v.f);
	if (data_type_is_signed(type->type) || type->type == STORE_R_DATETIME64)
		return (a->v.i > b->v.i) - (a->v.i < b->v.i);
	return (a->v.u > b->v.u) - (a->v.u < b->v.u);
}

static bool
is_nan(const struct type *type, const struct store_value *value)
{
	return !value->null && data_type_is_float(type->type) && isnan(value->v.f);
}

/* NULL and NaN come last (NaN before NULL) in either direction, unless NULLS
 * FIRST. */
static int
compare_rows(const void *a, const void *b, void *context)
{
	const struct sort_context *sort = context;
	const struct store_value *x = a, *y = b;

	for (uint32_t i = 0; i < sort->plan->orders_count; i++) {
		const struct plan_order *order = &sort->plan->orders[i];
		const struct type *type = &order->expression->type;
		const struct store_value *p = x + sort->plan->columns_count + i;
		const struct store_value *q = y + sort->plan->columns_count + i;
		int last_p = p->null ? 2 : is_nan(type, p), last_q = q->null ? 2 : is_nan(type, q);
		int result;

		if (last_p != last_q)
			return (last_p > last_q) == order->nulls_first ? -1 : 1;
		if (last_p != 0 || (result = compare_values(type, p, q)) == 0)
			continue;
		return order->descending ? -result : result;
	}
	return 0;
}

static int
sort_and_cut(struct scan *scan, struct rows *rows, uint64_t keep)
{
	struct sort_context context = {scan->plan, rows->width};

	if (rows->count > 0)
		qsort_r(rows->values, rows->count, rows->width * sizeof *rows->values, compare_rows,
			&context);
	if (keep < rows->count) {
		scan->result->limited = true;
		rows->count = keep;
	}
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
		return no_memory(scan);
	if (count > scan->limits->result_rows_max)
		return plan_error(scan->error, STORE_ELIMIT, 396, "TOO_MANY_ROWS_OR_BYTES",
				  "Limit for result exceeded: %llu rows; add a LIMIT",
				  (unsigned long long)scan->limits->result_rows_max);
	for (uint32_t c = 0; c < plan->columns_count; c++) {
		if ((values[c] = store_arena_alloc(scan->arena, (count + 1) * sizeof **values)) ==
		    NULL)
			return no_memory(scan);
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

static int
prepare(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	uint32_t columns = plan->table == NULL ? 0 : plan->table->columns_count;

	scan->cache = store_arena_zalloc(scan->arena, (columns + 1u) * sizeof *scan->cache);
	if (scan->cache == NULL)
		return no_memory(scan);
	scan->rows.width = plan->columns_count + plan->orders_count;
	scan->groups.words = plan->keys_count + 1;
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		scan->states[a] = aggregate_create(&plan->aggregates[a], scan->arena, scan->secret);
		if (scan->states[a] == NULL)
			return no_memory(scan);
	}
	if (plan->is_grouped && plan->keys_count == 0)
		scan->groups.count = 1; /* one group, also of no rows */
	return 0;
}

static int
scan_all(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	struct evaluation one = {
	    .count = 1, .arena = scan->arena, .error = scan->error, .now_ms = scan->now_ms};
	uint32_t blocks;
	int result = 0;

	if (plan->table == NULL)
		return plan->is_grouped ? aggregate_block(scan, &one) : collect(scan, &one, NULL);
	blocks = snapshot_blocks_count(scan->snapshot, plan->table_index);
	for (uint32_t i = 0; result == 0 && !scan->done && i < blocks; i++) {
		if ((result = check_limits(scan)) == 0)
			result =
			    scan_block(scan, snapshot_block(scan->snapshot, plan->table_index, i));
	}
	return result;
}

int
scan_run(const struct plan *plan, const struct snapshot *snapshot, const struct scan_limits *limits,
	 int64_t now_ms, uint64_t secret, struct store_arena *arena, struct store_result *result,
	 struct store_error *error)
{
	struct scan *scan = store_arena_zalloc(arena, sizeof *scan);
	uint64_t rows_before_limit = 0;
	int code;

	if (scan == NULL)
		return expression_no_memory(error);
	*scan = (struct scan){.plan = plan,
			      .snapshot = snapshot,
			      .limits = limits,
			      .arena = arena,
			      .error = error,
			      .result = result,
			      .now_ms = now_ms,
			      .secret = secret};
	if ((scan->scratch = store_arena_create(0)) == NULL)
		return no_memory(scan);
	if ((code = prepare(scan)) == 0 && (code = scan_all(scan)) == 0 && plan->is_grouped)
		code = finish_groups(scan);
	if (code == 0) {
		rows_before_limit = scan->rows.count;
		code = plan->orders_count == 0 ? 0
					       : sort_and_cut(scan, &scan->rows, rows_wanted(plan));
	}
	if (code == 0)
		code = fill_result(scan, rows_before_limit);
	store_arena_free(scan->scratch);
	return code;
}
