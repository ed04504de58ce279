/*
 * expression.h: evaluating. Between plan.c's expressions and function.c's
 * kernels; must not know about groups or clauses.
 */
#include <string.h>

#include "expression_inside.h"
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

/* The time column, without NULL in the block, that a monotone function is of; or NULL. */
static const struct expression *
find_time(const struct evaluation *evaluation, const struct expression *expression)
{
	const struct expression *time =
	    evaluation->slice == NULL ? NULL : function_time_of(expression);

	return time != NULL && block_has_no_nulls(evaluation->slice->block, time->column) ? time
											  : NULL;
}

/* Of these two times. */
static int
evaluate_ends(struct evaluation *evaluation, const struct expression *expression,
	      const struct expression *time, int64_t *ends, struct data *out, bool *known)
{
	int result = function_evaluate_times(evaluation, expression, time, ends, 2, out);

	*known = result == 0 && out->nulls == NULL && out->s == NULL && !out->constant;
	return result;
}

int
expression_ends(struct evaluation *evaluation, const struct expression *expression,
		struct data *out, bool *known)
{
	const struct expression *time = find_time(evaluation, expression);
	int64_t ends[2];

	*known = false;
	if (time == NULL ||
	    !block_range(evaluation->slice->block, time->column, &ends[0], &ends[1]))
		return 0;
	return evaluate_ends(evaluation, expression, time, ends, out, known);
}

/* The value that all rows of the slice have, when the earliest and latest time of the
 * block, or of the slice, give the same: then the times need not be decoded. */
static int
evaluate_by_ends(struct evaluation *evaluation, const struct expression *expression,
		 struct data *out, bool *same)
{
	const struct expression *time = find_time(evaluation, expression);
	int64_t ends[2];
	int result = 0;

	*same = false;
	if (time == NULL)
		return 0;
	if (evaluation->slice->mixed != expression) {
		result = expression_ends(evaluation, expression, out, same);
		*same = *same && out->n.u[0] == out->n.u[1];
		if (result == 0 && !*same)
			evaluation->slice->mixed = expression;
	}
	if (result == 0 && !*same) {
		result =
		    slice_bounds(evaluation->slice, time->column, ends, same, evaluation->error);
		if (result == 0 && *same)
			result = evaluate_ends(evaluation, expression, time, ends, out, same);
		*same = *same && out->n.u[0] == out->n.u[1];
	}
	out->count = evaluation->count;
	out->constant = true;
	return result;
}

int
expression_runs(struct evaluation *evaluation, const struct expression *expression,
		struct function_runs *runs)
{
	const struct expression *time = find_time(evaluation, expression);
	struct data times, one;
	int64_t bounds[2];
	bool known;
	int result;

	runs->count = 0;
	if (evaluation->rows != NULL || evaluation->count == 0 || time == NULL)
		return 0;
	if ((result = evaluate_by_ends(evaluation, expression, &one, &known)) != 0)
		return result;
	if (known) {
		runs->firsts[0] = 0;
		runs->values[0] = one.n.i[0];
		runs->count = 1;
		return 0;
	}
	result = slice_bounds(evaluation->slice, time->column, bounds, &known, evaluation->error);
	if (result != 0 || !known)
		return result;
	result = expression_evaluate(evaluation, time, &times);
	if (result != 0 || times.constant || times.nulls != NULL)
		return result;
	return function_find_runs(evaluation, expression, &times, runs);
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
		uint32_t entry = data_index(per_entry, data_code(coded, i));

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
	dictionary = dictionary == NULL ? &expression_no_strings : dictionary;
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
	return !data_is_coded(coded)
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
		return expression_read_column(evaluation, expression, out);
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
