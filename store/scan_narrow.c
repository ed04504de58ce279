/*
 * A bitmap of a slice's rows narrowed by one condition after the other: by bounds of times,
 * spans of numbers, NULLs, entries of a dictionary, or values. Under scan_filter.c; a column
 * is read only while rows are left, and a condition that may fail is asked of no other row.
 */
#include <string.h>

#include "codec.h"
#include "scan_inside.h"

#define PART_ROWS CODEC_GROUP_ROWS /* whose bounds may be known */

static bool
is_empty(const uint64_t *bits, uint32_t count)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < bitmap_words(count); i++)
		any |= bits[i];
	return any == 0;
}

void
scan_select_rows(struct scan_selection *selection, const uint64_t *bits)
{
	struct evaluation *evaluation = selection->evaluation;
	uint32_t count = scan_bits_count(bits, selection->total);
	bool was_all = evaluation->rows == NULL && evaluation->count == selection->total;

	evaluation->count = count;
	evaluation->rows = NULL;
	if (count == selection->total && was_all)
		return; /* what was gathered serves again */
	if (count > 0 && count < selection->total) {
		scan_bits_rows(bits, selection->total, selection->rows);
		evaluation->rows = selection->rows;
	}
	if (evaluation->slice != NULL)
		slice_select(evaluation->slice);
}

/* ---- leaves ---------------------------------------------------------- */

static bool
holds(const struct scan_condition *condition, const struct data *data, uint32_t row)
{
	return !data_is_null(data, row) && data_true(data, row) != condition->negated;
}

/* By the value of the expression. */
static int
narrow_by_value(struct scan_selection *selection, const struct scan_condition *condition,
		uint64_t *bits)
{
	struct evaluation *evaluation = selection->evaluation;
	struct data data;
	int result;

	scan_select_rows(selection, bits);
	if (evaluation->count == 0)
		return 0;
	if ((result = expression_evaluate(evaluation, condition->expression, &data)) != 0)
		return result;
	if (data.constant && holds(condition, &data, 0))
		return 0;
	memset(bits, 0, bitmap_words(selection->total) * sizeof *bits);
	for (uint32_t i = 0; !data.constant && i < evaluation->count; i++) {
		uint32_t row = evaluation->rows == NULL ? i : evaluation->rows[i];

		bits[row / 64] |= (uint64_t)holds(condition, &data, i) << row % 64;
	}
	return 0;
}

static void
keep_if(const struct scan_selection *selection, bool keep, uint64_t *bits)
{
	if (!keep)
		memset(bits, 0, bitmap_words(selection->total) * sizeof *bits);
}

/* Bits of rows that are not in selection->wanted go; with `negated`, of those
 * that are. */
static void
keep_wanted(const struct scan_selection *selection, bool negated, uint64_t *bits)
{
	uint64_t flip = negated ? UINT64_MAX : 0;

	for (uint32_t i = 0; i < bitmap_words(selection->total); i++)
		bits[i] &= selection->wanted[i] ^ flip;
}

static void
remove_nulls(const struct scan_selection *selection, const uint64_t *nulls, uint64_t *bits)
{
	for (uint32_t i = 0; nulls != NULL && i < bitmap_words(selection->total); i++)
		bits[i] &= ~nulls[i];
}

static int
read_vector(struct scan_selection *selection, uint16_t column, struct store_str key,
	    const struct vector **out)
{
	struct slice_column *read;
	int result =
	    slice_read(selection->evaluation->slice, column, key, &read, selection->scan->error);

	if (result == 0)
		*out = &read->vector;
	return result;
}

/* Times of rows in turn have bounds that are known sooner than themselves: of `count` rows
 * from row `first` on. */
static int
judge_times(struct scan_selection *selection, const struct scan_condition *condition,
	    uint32_t first, uint32_t count, enum scan_verdict *verdict)
{
	int64_t bounds[2];
	bool known;
	int result = slice_part_bounds(selection->evaluation->slice, condition->column, first,
				       count, bounds, &known, selection->scan->error);

	*verdict = SCAN_SOME;
	if (result == 0 && known)
		*verdict = scan_judge_bounds(condition, bounds);
	return result;
}

static bool
is_of_times(const struct scan_selection *selection, const struct scan_condition *condition)
{
	return condition->kind == SCAN_SPANS &&
	       selection->scan->plan->table->columns[condition->column].type == STORE_TIME;
}

/* Bits of parts of which no row is wanted go. Those that bounds leave open are within rows
 * *first ... *end - 1. */
static int
narrow_by_bounds(struct scan_selection *selection, const struct scan_condition *condition,
		 uint64_t *bits, uint32_t *first, uint32_t *end)
{
	uint32_t total = selection->total;

	*first = 0;
	*end = total;
	if (!is_of_times(selection, condition))
		return 0;
	*end = 0;
	for (uint32_t at = 0, count; at < total; at += count) {
		enum scan_verdict verdict;
		int result;

		count = total - at < PART_ROWS ? total - at : PART_ROWS;
		if (is_empty(bits + at / 64, count))
			continue;
		result = judge_times(selection, condition, at, count, &verdict);
		if (result != 0)
			return result;
		if (verdict == SCAN_NONE)
			memset(bits + at / 64, 0, bitmap_words(count) * sizeof *bits);
		if (verdict != SCAN_SOME)
			continue;
		*first = *end == 0 ? at : *first;
		*end = at + count;
	}
	return 0;
}

/* The values that the rest of the condition is about; of all rows they are kept for others. */
static int
read_open(struct scan_selection *selection, uint16_t column, uint32_t first, uint32_t count,
	  struct vector *out)
{
	const struct vector *whole;
	int result;

	if (count < selection->total)
		return slice_read_some(selection->evaluation->slice, column, first, count, out,
				       selection->scan->error);
	result = read_vector(selection, column, (struct store_str){NULL, 0}, &whole);
	if (result == 0)
		*out = *whole;
	return result;
}

static int
narrow_by_spans(struct scan_selection *selection, const struct scan_condition *condition,
		uint64_t *bits)
{
	const struct store_column *column =
	    &selection->scan->plan->table->columns[condition->column];
	struct scan_selection part = *selection;
	struct vector vector;
	uint32_t first, end;
	int64_t zero = 0;
	int result = narrow_by_bounds(selection, condition, bits, &first, &end);

	if (result != 0 || first == end)
		return result;
	result = read_open(selection, condition->column, first, end - first, &vector);
	if (result != 0)
		return result;
	part.total = end - first;
	bits += first / 64;
	if (vector.all_null || vector.constant) {
		bool is_null = vector.all_null && column->flags & STORE_NULLABLE;

		scan_bits_of_spans(condition, vector.all_null ? &zero : vector.values, 1,
				   part.wanted);
		keep_if(&part, !is_null && (part.wanted[0] == 1) != condition->negated, bits);
	} else {
		if (vector.narrow != NULL)
			scan_bits_of_narrow_spans(condition, vector.narrow, part.total,
						  part.wanted);
		else
			scan_bits_of_spans(condition, vector.values, part.total, part.wanted);
		keep_wanted(&part, condition->negated, bits);
	}
	remove_nulls(&part, vector.nulls, bits);
	return 0;
}

static int
narrow_by_nulls(struct scan_selection *selection, const struct scan_condition *condition,
		uint64_t *bits)
{
	const struct store_column *column =
	    &selection->scan->plan->table->columns[condition->column];
	const struct vector *vector;
	int result =
	    read_vector(selection, condition->column, (struct store_str){NULL, 0}, &vector);

	if (result != 0)
		return result;
	if (vector->all_null && column->flags & STORE_NULLABLE)
		keep_if(selection, !condition->negated, bits);
	else if (condition->negated)
		remove_nulls(selection, vector->nulls, bits);
	else if (vector->nulls == NULL)
		keep_if(selection, false, bits);
	for (uint32_t i = 0; !condition->negated && !vector->all_null && vector->nulls != NULL &&
			     i < bitmap_words(selection->total);
	     i++)
		bits[i] &= vector->nulls[i];
	return 0;
}

/* Strings of which some are NULL have no codes to go by, nor have those of
 * dictionaries that are larger than the block. */
static int
narrow_by_entries(struct scan_selection *selection, struct scan_condition *condition,
		  uint64_t *bits)
{
	const struct expression *column = condition->expression->only_string;
	const struct scan_entries *entries;
	const struct vector *vector;
	int result = read_vector(selection, column->column, column->key, &vector);

	if (result != 0)
		return result;
	if (column->type.nullable && (vector->all_null || vector->nulls != NULL))
		return narrow_by_value(selection, condition, bits);
	result = scan_entries(selection->scan, selection->evaluation, condition,
			      vector->all_null ? NULL : vector->dictionary, &entries);
	if (result != 0)
		return result;
	if (!entries->known)
		return narrow_by_value(selection, condition, bits);
	if (vector->all_null || vector->constant) {
		keep_if(selection, entries->wanted[vector->all_null ? 0 : vector->codes[0]], bits);
		return 0;
	}
	if (vector->bytes != NULL)
		scan_bits_of_bytes(entries, vector->bytes, selection->total, selection->wanted);
	else
		scan_bits_of_entries(entries, vector->codes, selection->total, selection->wanted);
	keep_wanted(selection, false, bits);
	return 0;
}

/* ---- the tree -------------------------------------------------------- */

/* Each part is asked of the rows that are left, so its errors for others do not
 * matter. */
static int
narrow_by_all(struct scan_selection *selection, struct scan_condition *condition, uint64_t *bits)
{
	uint32_t left = scan_bits_count(bits, selection->total);
	int result = 0;

	for (uint32_t i = 0; result == 0 && left > 0 && i < condition->parts_count; i++) {
		struct scan_condition *part = &condition->parts[i];

		if (part->verdict == SCAN_ALL)
			continue;
		part->asked += left;
		result = scan_narrow(selection, part, bits);
		left = scan_bits_count(bits, selection->total);
		part->kept += left;
	}
	return result;
}

/* Each part is asked of the rows that none before it wanted. */
static int
narrow_by_any(struct scan_selection *selection, struct scan_condition *condition, uint64_t *bits)
{
	uint32_t words = bitmap_words(selection->total);
	uint64_t *rest =
	    store_arena_alloc(selection->evaluation->arena, ((size_t)words * 2 + 1) * sizeof *rest);
	uint64_t *some;
	int result = 0;

	if (rest == NULL)
		return scan_no_memory(selection->scan);
	some = rest + words;
	memcpy(rest, bits, words * sizeof *rest);
	memset(bits, 0, words * sizeof *bits);
	for (uint32_t p = 0; p < condition->parts_count && !is_empty(rest, selection->total); p++) {
		memcpy(some, rest, words * sizeof *some);
		if ((result = scan_narrow(selection, &condition->parts[p], some)) != 0)
			return result;
		for (uint32_t i = 0; i < words; i++) {
			bits[i] |= some[i];
			rest[i] &= ~some[i];
		}
	}
	return 0;
}

int
scan_narrow(struct scan_selection *selection, struct scan_condition *condition, uint64_t *bits)
{
	if (condition->verdict != SCAN_SOME) {
		keep_if(selection, condition->verdict == SCAN_ALL, bits);
		return 0;
	}
	switch (condition->kind) {
	case SCAN_AND:
		return narrow_by_all(selection, condition, bits);
	case SCAN_OR:
		return narrow_by_any(selection, condition, bits);
	case SCAN_SPANS:
		return narrow_by_spans(selection, condition, bits);
	case SCAN_NULLS:
		return narrow_by_nulls(selection, condition, bits);
	case SCAN_ENTRIES:
		return narrow_by_entries(selection, condition, bits);
	case SCAN_ENDS:
	case SCAN_OTHER:
		break;
	}
	return narrow_by_value(selection, condition, bits);
}

/* ---- times first ------------------------------------------------------ */

int
scan_rule_out(struct scan_selection *selection, bool *is_out)
{
	const struct scan_condition *where = selection->scan->where;
	uint32_t count = where->kind == SCAN_AND ? where->parts_count : 0;
	int result = 0;

	*is_out = false;
	for (uint32_t i = 0; result == 0 && !*is_out && i < count; i++) {
		const struct scan_condition *part = &where->parts[i];
		enum scan_verdict verdict = part->verdict;

		if (part->may_fail)
			break;
		if (verdict == SCAN_SOME && is_of_times(selection, part))
			result = judge_times(selection, part, 0, selection->total, &verdict);
		*is_out = verdict == SCAN_NONE;
	}
	return result;
}
