/*
 * expression.h: reading columns and evaluating. Between plan.c's expressions
 * and function.c's kernels; must not know about groups or clauses.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "expression.h"
#include "function.h"
#include "relation.h"
#include "slice.h"

int
expression_no_memory(struct store_error *error)
{
	if (error != NULL) {
		error->clickhouse = 241;
		error->name = "MEMORY_LIMIT_EXCEEDED";
	}
	return store_error_set(
	    error, STORE_ELIMIT,
	    "Memory limit for the query exceeded: narrow the time range or group "
	    "by fewer values");
}

/* ---- columns --------------------------------------------------------- */

static uint32_t
row_of(const struct evaluation *evaluation, uint32_t i)
{
	return evaluation->rows == NULL ? i : evaluation->rows[i];
}

/* bytes[count] = the bits. */
static void
spread_bits(const uint64_t *bitmap, uint32_t count, uint8_t *bytes)
{
	uint32_t i = 0;

	/* Byte b of eight copies keeps bit b, and is 0x80 or above when 0x7f is
	 * added to what is not 0. */
	for (; i + 8 <= count; i += 8) {
		uint64_t eight = bitmap[i / 64] >> (i % 64) & 0xff;

		eight = eight * 0x0101010101010101u & 0x8040201008040201u;
		eight = (eight + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
		memcpy(bytes + i, &eight, sizeof eight);
	}
	for (; i < count; i++)
		bytes[i] = bitmap_get(bitmap, i);
}

static int
gather_nulls(struct evaluation *evaluation, const struct vector *vector, struct data *out)
{
	if (!out->type.nullable || (vector->nulls == NULL && !vector->all_null))
		return 0;
	if (data_allocate_nulls(evaluation, out) != 0)
		return STORE_ELIMIT;
	if (vector->all_null) {
		memset(out->nulls, 1, out->count);
		return 0;
	}
	for (uint32_t i = 0; evaluation->rows != NULL && i < out->count; i++)
		out->nulls[i] = bitmap_get(vector->nulls, evaluation->rows[i]);
	if (evaluation->rows == NULL)
		spread_bits(vector->nulls, out->count, out->nulls);
	return 0;
}

/* The stored integers of 32 bits, in place where that is possible. */
static int
gather_narrow(struct evaluation *evaluation, const struct vector *vector, struct type type,
	      struct data *out)
{
	const uint32_t *rows = evaluation->rows;
	uint32_t *values, count = evaluation->count;

	*out = (struct data){.type = type,
			     .count = count,
			     .narrow = vector->narrow,
			     .narrow_nulls = vector->nulls != NULL};
	if (rows == NULL)
		return 0;
	values = store_arena_alloc(evaluation->arena, (count + 1u) * sizeof *values);
	if (values == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < count; i++)
		values[i] = vector->narrow[rows[i]];
	out->narrow = values;
	return 0;
}

CODEC_CLONES static void
widen(const uint32_t *narrow, const uint32_t *rows, uint32_t count, int64_t *values)
{
	for (uint32_t i = 0; rows == NULL && i < count; i++)
		values[i] = narrow[i];
	for (uint32_t i = 0; rows != NULL && i < count; i++)
		values[i] = narrow[rows[i]];
}

CODEC_CLONES static void
divide(const uint32_t *narrow, uint32_t count, double scale, double *values)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] = narrow[i] / scale;
}

/* The stored integers, in place where that is possible. */
static int
gather_stored(struct evaluation *evaluation, const struct vector *vector, struct type type,
	      struct data *out)
{
	const uint32_t *narrow = vector->narrow;
	int64_t *values;
	uint32_t count = evaluation->count;
	int result;

	*out = (struct data){.type = type, .count = count};
	if ((result = gather_nulls(evaluation, vector, out)) != 0)
		return result;
	if (evaluation->rows == NULL && vector->values != NULL && !vector->constant) {
		out->n.i = (int64_t *)(uintptr_t)vector->values; /* read only, as arguments are */
		return 0;
	}
	out->constant = (vector->constant || vector->all_null) && out->nulls == NULL;
	values = store_arena_alloc(evaluation->arena, (count + 1u) * sizeof *values);
	if (values == NULL)
		return expression_no_memory(evaluation->error);
	out->n.i = values;
	if (vector->all_null)
		memset(values, 0, (out->constant ? 1 : count) * sizeof *values);
	if (narrow != NULL)
		widen(narrow, evaluation->rows, count, values);
	for (uint32_t i = 0; vector->values != NULL && i < (out->constant ? 1 : count); i++)
		values[i] = vector->values[vector->constant ? 0 : row_of(evaluation, i)];
	return 0;
}

/* Scaled floats by their scale; unscaled ones are there as their bits. */
static int
gather_numbers(struct evaluation *evaluation, const struct store_column *column,
	       const struct vector *vector, struct type type, struct data *out)
{
	double scale = column->scale, *values;
	bool scaled = column->type == STORE_FLOAT && column->scale != 0;
	struct data narrow = {.count = 0};
	uint32_t count;
	int result;

	if (!scaled || vector->narrow == NULL) {
		result = gather_stored(evaluation, vector, type, out);
	} else {
		*out = (struct data){.type = type, .count = evaluation->count};
		if ((result = gather_nulls(evaluation, vector, out)) == 0)
			result = gather_narrow(evaluation, vector, type, &narrow);
	}
	if (result != 0 || !scaled)
		return result;
	count = out->constant ? 1 : out->count;
	if ((values = store_arena_alloc(evaluation->arena, (count + 1u) * sizeof *values)) == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; narrow.narrow == NULL && i < count; i++)
		values[i] = (double)out->n.i[i] / scale;
	if (narrow.narrow != NULL)
		divide(narrow.narrow, count, scale, values);
	out->n.f = values;
	return 0;
}

static const struct store_str empty_entry[1];
static const struct store_str *const empty_chunks[1] = {empty_entry};
static const struct dictionary empty_dictionary = {1, empty_chunks};

static int
gather_codes(struct evaluation *evaluation, const struct vector *vector, struct type type,
	     struct data *out)
{
	uint32_t *codes;

	*out = (struct data){.type = type, .count = evaluation->count};
	if (!vector->all_null && !vector->constant && evaluation->rows == NULL) {
		out->codes = vector->codes;
		out->dictionary = vector->dictionary;
		return 0;
	}
	if (vector->all_null || vector->constant) {
		codes = store_arena_zalloc(evaluation->arena, sizeof *codes);
		out->constant = true;
	} else {
		codes = store_arena_alloc(evaluation->arena, (out->count + 1u) * sizeof *codes);
	}
	if (codes == NULL)
		return expression_no_memory(evaluation->error);
	if (!vector->all_null && vector->constant)
		codes[0] = vector->codes[0];
	for (uint32_t i = 0; !out->constant && i < out->count; i++)
		codes[i] = vector->codes[row_of(evaluation, i)];
	out->codes = codes;
	out->dictionary = vector->all_null ? &empty_dictionary : vector->dictionary;
	return 0;
}

/* Strings of which some are NULL have no codes: those are never NULL. */
static int
gather_strings(struct evaluation *evaluation, const struct vector *vector, struct type type,
	       struct data *out)
{
	int result = data_allocate(evaluation, type, evaluation->count, out);

	if (result != 0 || (result = gather_nulls(evaluation, vector, out)) != 0)
		return result;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t row = vector->constant ? 0 : row_of(evaluation, i);

		out->s[i] = out->nulls[i]
				? (struct store_str){"", 0}
				: dictionary_entry(vector->dictionary, vector->codes[row]);
	}
	return 0;
}

static int
read_column(struct evaluation *evaluation, const struct expression *expression, struct data *out)
{
	const struct store_column *column = &evaluation->table->columns[expression->column];
	const struct vector *vector;
	struct slice_column *read;
	int result = slice_read(evaluation->slice, expression->column, expression->key, &read,
				evaluation->error);

	if (result != 0)
		return result;
	vector = &read->vector;
	if (read->has_values && read->values.type.type == expression->type.type) {
		*out = read->values;
		return 0;
	}
	if (expression->type.type == STORE_R_STRING && expression->type.nullable &&
	    (vector->nulls != NULL || vector->all_null))
		result = gather_strings(evaluation, vector, expression->type, out);
	else if (expression->type.type == STORE_R_STRING)
		result = gather_codes(evaluation, vector, expression->type, out);
	else
		result = gather_numbers(evaluation, column, vector, expression->type, out);
	read->values = *out;
	read->has_values = result == 0;
	return result;
}

int
expression_read_stored(struct evaluation *evaluation, const struct expression *expression,
		       struct data *out)
{
	struct slice_column *read;
	int result = slice_read(evaluation->slice, expression->column, expression->key, &read,
				evaluation->error);

	if (result == 0 && !read->has_stored) {
		result = gather_stored(evaluation, &read->vector, expression->type, &read->stored);
		read->has_stored = result == 0;
	}
	if (result == 0)
		*out = read->stored;
	return result;
}

int
expression_read_narrow(struct evaluation *evaluation, const struct expression *expression,
		       struct data *out)
{
	struct slice_column *read;
	int result = slice_read(evaluation->slice, expression->column, expression->key, &read,
				evaluation->error);

	if (result != 0)
		return result;
	if (read->vector.narrow == NULL)
		return expression_read_stored(evaluation, expression, out);
	if (!read->has_narrow) {
		result = gather_narrow(evaluation, &read->vector, expression->type, &read->narrow);
		read->has_narrow = result == 0;
	}
	*out = read->narrow;
	return result;
}

/* ---- calls ----------------------------------------------------------- */

/* The arguments one by one, each for the rows that want it. */
static int
evaluate_lazily(struct evaluation *evaluation, const struct expression *expression,
		struct data *args)
{
	const uint8_t *active = evaluation->active;
	uint8_t *mask = store_arena_alloc(evaluation->arena, evaluation->count + 1u);
	int result = mask == NULL ? expression_no_memory(evaluation->error) : 0;

	for (uint32_t i = 0; result == 0 && i < expression->args_count; i++) {
		if (i > 0) {
			function_mask(expression, args, i - 1, active, evaluation->count, mask);
			evaluation->active = mask;
		}
		result = expression_evaluate(evaluation, expression->args[i], &args[i]);
		evaluation->active = active;
	}
	return result;
}

int
expression_ends(struct evaluation *evaluation, const struct expression *expression,
		struct data *out, bool *known)
{
	struct evaluation inner = *evaluation;
	struct data args[EXPRESSION_ENDS_ARGS_MAX];
	int64_t *ends = store_arena_alloc(evaluation->arena, 2 * sizeof *ends);
	int result = 0;

	*known = false;
	if (ends == NULL)
		return expression_no_memory(evaluation->error);
	if (evaluation->slice == NULL || !function_is_monotone(expression) ||
	    expression->args[0]->kind != EXPRESSION_COLUMN ||
	    expression->args_count > EXPRESSION_ENDS_ARGS_MAX ||
	    !block_range(evaluation->slice->block, expression->args[0]->column, &ends[0],
			 &ends[1]) ||
	    !block_has_no_nulls(evaluation->slice->block, expression->args[0]->column))
		return 0;
	inner.count = 2;
	inner.active = NULL;
	args[0] = (struct data){.type = expression->args[0]->type, .count = 2, .n.i = ends};
	for (uint32_t i = 1; result == 0 && i < expression->args_count; i++)
		result = expression_evaluate(&inner, expression->args[i], &args[i]);
	if (result == 0)
		result = function_evaluate(&inner, expression, args, out);
	*known = result == 0 && out->nulls == NULL && out->s == NULL && !out->constant;
	return result;
}

/* The value that all rows of the block have, when its earliest and latest time
 * give the same: then the times need not be decoded. */
static int
evaluate_by_ends(struct evaluation *evaluation, const struct expression *expression,
		 struct data *out, bool *same)
{
	int result;

	*same = false;
	if (evaluation->slice == NULL || !function_is_monotone(expression))
		return 0;
	result = expression_ends(evaluation, expression, out, same);
	*same = *same && out->n.u[0] == out->n.u[1];
	out->count = evaluation->count;
	out->constant = true;
	return result;
}

static int
evaluate_call(struct evaluation *evaluation, const struct expression *expression, struct data *out)
{
	struct data *args =
	    store_arena_alloc(evaluation->arena, (expression->args_count + 1u) * sizeof *args);
	int result = args == NULL ? expression_no_memory(evaluation->error) : 0;
	bool same = false;

	if (result == 0)
		result = evaluate_by_ends(evaluation, expression, out, &same);
	if (same && result == 0)
		return 0;
	if (result == 0 && expression->may_fail && function_is_lazy(expression->function)) {
		result = evaluate_lazily(evaluation, expression, args);
	} else {
		for (uint32_t i = 0; result == 0 && i < expression->args_count; i++)
			result = expression_evaluate(evaluation, expression->args[i], &args[i]);
	}
	return result != 0 ? result : function_evaluate(evaluation, expression, args, out);
}

/* Results per dictionary entry, spread over the rows by their codes. */
static int
spread(struct evaluation *evaluation, const struct expression *expression, const struct data *coded,
       const struct data *per_entry, struct data *out)
{
	uint32_t count = coded->constant ? 1 : coded->count;
	int result = data_allocate(evaluation, expression->type, coded->count, out);

	if (result == 0 && per_entry->nulls != NULL)
		result = data_allocate_nulls(evaluation, out);
	if (result != 0)
		return result;
	out->constant = coded->constant;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t entry = data_index(per_entry, coded->codes[i]);

		if (out->s != NULL)
			out->s[i] = data_string(per_entry, entry);
		else
			out->n.u[i] = per_entry->n.u[entry];
		if (out->nulls != NULL)
			out->nulls[i] = per_entry->nulls[entry];
	}
	return 0;
}

/* f(entry) for all of the dictionary, kept from slice to slice. */
static int
fill_entries(struct evaluation *evaluation, const struct expression *expression,
	     struct slice_entries *out)
{
	struct store_error error = {0};
	struct evaluation inner = *evaluation;
	struct data entries;
	int result;

	inner.arena = evaluation->slice->source_arena;
	inner.active = NULL;
	inner.count = out->dictionary.count;
	result = data_allocate(&inner, expression->only_string->type, inner.count, &entries);
	if (result != 0)
		return result;
	for (uint32_t i = 0; i < entries.count; i++)
		entries.s[i] = dictionary_entry(&out->dictionary, i);
	inner.entry_column = expression->only_string;
	inner.entries = &entries;
	inner.error = &error;
	result = evaluate_call(&inner, expression, &out->data);
	if (result == STORE_ELIMIT && evaluation->error != NULL)
		*evaluation->error = error;
	out->failed = result != 0;
	return result == STORE_ELIMIT ? result : 0;
}

int
expression_entries(struct evaluation *evaluation, const struct expression *expression,
		   const struct dictionary *dictionary, const struct data **per_entry)
{
	struct slice_entries *entries;
	int result;

	*per_entry = NULL;
	dictionary = dictionary == NULL ? &empty_dictionary : dictionary;
	if (dictionary->count > block_rows_count(evaluation->slice->block))
		return 0;
	entries = slice_find_entries(evaluation->slice, expression, dictionary);
	if (entries == NULL)
		return expression_no_memory(evaluation->error);
	if (entries->data.count == 0 && !entries->failed &&
	    (result = fill_entries(evaluation, expression, entries)) != 0)
		return result;
	if (!entries->failed) /* else perhaps none of the rows has the entry that did */
		*per_entry = &entries->data;
	return 0;
}

/* Where the expression reads one coded string column only: the codes of the
 * rows, and its value per entry; *per_entry is NULL where that cannot serve. */
static int
evaluate_by_entry(struct evaluation *evaluation, const struct expression *expression,
		  struct data *coded, const struct data **per_entry)
{
	int result;

	*per_entry = NULL;
	if (expression->only_string == NULL || evaluation->entry_column != NULL ||
	    evaluation->slice == NULL)
		return 0;
	if ((result = expression_evaluate(evaluation, expression->only_string, coded)) != 0)
		return result;
	return coded->codes == NULL
		   ? 0
		   : expression_entries(evaluation, expression, coded->dictionary, per_entry);
}

/* A whole map: the keys that the row has, in order. */
static int
evaluate_map(struct evaluation *evaluation, const struct expression *expression, struct data *out)
{
	uint32_t keys = expression->args_count;
	struct store_value *values =
	    store_arena_zalloc(evaluation->arena, (evaluation->count + 1u) * sizeof *values);
	struct data *args = store_arena_alloc(evaluation->arena, (keys + 1u) * sizeof *args);
	int result;

	memset(out, 0, sizeof *out);
	if (values == NULL || args == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t k = 0; k < keys; k++) {
		if ((result = expression_evaluate(evaluation, expression->args[k], &args[k])) != 0)
			return result;
	}
	for (uint32_t i = 0; i < evaluation->count; i++) {
		struct store_value *items =
		    store_arena_zalloc(evaluation->arena, (keys * 2u + 1u) * sizeof *items);

		if (items == NULL)
			return expression_no_memory(evaluation->error);
		values[i].v.list.items = items;
		for (uint32_t k = 0; k < keys; k++) {
			struct store_str value = data_string(&args[k], i);

			if (value.size == 0)
				continue;
			items[values[i].v.list.count * 2].v.s = expression->args[k]->key;
			items[values[i].v.list.count++ * 2 + 1].v.s = value;
		}
	}
	out->type = expression->type;
	out->count = evaluation->count;
	out->values = values;
	return 0;
}

int
expression_evaluate(struct evaluation *evaluation, const struct expression *expression,
		    struct data *out)
{
	const struct data *per_entry;
	struct data coded;
	int result;

	switch (expression->kind) {
	case EXPRESSION_CONSTANT:
		*out = expression->constant;
		out->count = evaluation->count;
		return 0;
	case EXPRESSION_SLOT:
		*out = evaluation->slots[expression->slot];
		return 0;
	case EXPRESSION_COLUMN:
		if (evaluation->entry_column != NULL) {
			*out = *evaluation->entries;
			return 0;
		}
		if (evaluation->relation != NULL)
			return relation_read(evaluation, expression, out);
		if (evaluation->read_column != NULL)
			return evaluation->read_column(evaluation, expression, out);
		if (expression->type.type == STORE_R_MAP)
			return evaluate_map(evaluation, expression, out);
		return read_column(evaluation, expression, out);
	case EXPRESSION_CALL:
		break;
	}
	if ((result = watch_check(evaluation->watch, evaluation->error)) != 0)
		return result;
	if ((result = evaluate_by_entry(evaluation, expression, &coded, &per_entry)) != 0)
		return result;
	return per_entry != NULL ? spread(evaluation, expression, &coded, per_entry, out)
				 : evaluate_call(evaluation, expression, out);
}
