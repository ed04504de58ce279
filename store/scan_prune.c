/*
 * Which conditions a block leaves open, by what its footer tells: bounds, NULLs
 * and codes. Those that every row meets need not be asked, and a block with no
 * row for some condition is not read. Between scan_condition.c and
 * scan_filter.c; must not decode a row.
 */
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "scan_inside.h"

/* ---- numbers and times --------------------------------------------------- */

static enum scan_verdict
judge_nulls(const struct block *block, const struct scan_condition *condition)
{
	if (block_has_no_nulls(block, condition->column))
		return condition->negated ? SCAN_ALL : SCAN_NONE;
	if (block_is_all_null(block, condition->column))
		return condition->negated ? SCAN_NONE : SCAN_ALL;
	return SCAN_SOME;
}

enum scan_verdict
scan_judge_bounds(const struct scan_condition *condition, const int64_t bounds[2])
{
	uint64_t least = (uint64_t)bounds[0] ^ condition->bias;
	uint64_t greatest = (uint64_t)bounds[1] ^ condition->bias;
	bool some = false, all = false;

	for (uint32_t i = 0; i < condition->spans_count; i++) {
		const struct scan_span *span = &condition->spans[i];

		some |= span->first <= greatest && span->last >= least;
		all |= span->first <= least && span->last >= greatest;
	}
	if (condition->negated ? all : !some)
		return SCAN_NONE;
	return (condition->negated ? !some : all) ? SCAN_ALL : SCAN_SOME;
}

static enum scan_verdict
judge_spans(const struct block *block, const struct scan_condition *condition)
{
	enum scan_verdict verdict;
	int64_t bounds[2];

	if (block_is_all_null(block, condition->column) ||
	    (condition->spans_count == 0 && !condition->negated))
		return SCAN_NONE;
	if (!block_range(block, condition->column, &bounds[0], &bounds[1]))
		return SCAN_SOME;
	verdict = scan_judge_bounds(condition, bounds);
	return verdict == SCAN_ALL && !block_has_no_nulls(block, condition->column) ? SCAN_SOME
										    : verdict;
}

/* ---- functions of time ------------------------------------------------------ */

/* Whether the operation holds for an order of value and constant. */
static bool
is_met(const char *operation, int order)
{
	return strcmp(operation, "less") == 0              ? order < 0
	       : strcmp(operation, "lessOrEquals") == 0    ? order <= 0
	       : strcmp(operation, "greater") == 0         ? order > 0
	       : strcmp(operation, "greaterOrEquals") == 0 ? order >= 0
							   : order == 0;
}

/* Between the two ends lie all values, so all orders between theirs may occur. */
static int
judge_ends(struct evaluation *evaluation, struct scan_condition *condition)
{
	const struct expression *call = condition->comparison;
	bool negated = condition->negated != condition->is_contrary;
	bool some = false, all = false, known;
	struct data ends;
	int result = expression_ends(evaluation, call->args[condition->ends], &ends, &known);

	condition->verdict = SCAN_SOME;
	for (uint32_t i = 0; result == 0 && known && i < call->args_count; i++) {
		const struct data *constant = &call->args[i]->constant;
		bool is_all = true;
		int low, high;

		if (i == condition->ends || data_is_null(constant, 0))
			continue;
		low = function_compare(&ends, constant, 0);
		high = function_compare(&ends, constant, 1);
		if (low > high || high == 2)
			return 0;
		for (int order = low; order <= high; order++) {
			some |= is_met(condition->operation, order);
			is_all = is_all && is_met(condition->operation, order);
		}
		all |= is_all;
	}
	if (result == 0 && known && (negated ? all : !some))
		condition->verdict = SCAN_NONE;
	else if (result == 0 && known && (negated ? !some : all))
		condition->verdict = SCAN_ALL;
	return result;
}

/* ---- strings ------------------------------------------------------------- */

static bool
wants(const struct scan_condition *condition, const struct data *per_entry, uint32_t entry)
{
	uint32_t index = data_index(per_entry, entry);

	return !data_is_null(per_entry, index) && data_true(per_entry, index) != condition->negated;
}

static int
fill_entries(struct scan *scan, const struct scan_condition *condition,
	     const struct data *per_entry, struct scan_entries *out)
{
	struct store_arena *arena = scan->slice.source_arena;
	uint32_t total = 0;

	out->wanted = store_arena_alloc(arena, out->count + 1u);
	out->below = store_arena_alloc(arena, (out->count + 1u) * sizeof *out->below);
	if (out->wanted == NULL || out->below == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < out->count; i++) {
		out->wanted[i] = wants(condition, per_entry, i);
		out->below[i] = total;
		if (out->wanted[i]) {
			out->first = total == 0 ? i : out->first;
			out->last = i;
		}
		total += out->wanted[i];
	}
	out->below[out->count] = total;
	out->is_run = total > 0 && out->last - out->first + 1 == total;
	out->known = true;
	return 0;
}

int
scan_entries(struct scan *scan, struct evaluation *evaluation, struct scan_condition *condition,
	     const struct dictionary *dictionary, const struct scan_entries **out)
{
	struct scan_entries *entries = &condition->entries[dictionary == NULL];
	const struct store_str *const *chunks = dictionary == NULL ? NULL : dictionary->chunks;
	uint32_t count = dictionary == NULL ? 1 : dictionary->count;
	const struct data *per_entry;
	int result;

	*out = entries;
	if (entries->known && entries->epoch == scan->slice.epoch && entries->chunks == chunks &&
	    entries->count == count)
		return 0;
	*entries =
	    (struct scan_entries){.epoch = scan->slice.epoch, .chunks = chunks, .count = count};
	result = expression_entries(evaluation, condition->expression, dictionary, &per_entry);
	if (result != 0 || per_entry == NULL)
		return result;
	return fill_entries(scan, condition, per_entry, entries);
}

/* Strings of which some are NULL have no codes: the rows are asked. */
static int
judge_entries(struct scan *scan, struct evaluation *evaluation, struct scan_condition *condition)
{
	const struct expression *column = condition->expression->only_string;
	const struct block *block = scan->slice.block;
	const struct scan_entries *entries;
	const struct dictionary *dictionary;
	uint32_t min, max, found;
	int result;

	condition->verdict = SCAN_SOME;
	if (column->type.nullable && !block_has_no_nulls(block, column->column))
		return 0;
	result =
	    block_codes(block, column->column, column->key, &dictionary, &min, &max, scan->error);
	if (result <= 0)
		return result == STORE_ELIMIT || result == STORE_ENOMEM ? scan_no_memory(scan)
									: result;
	result = scan_entries(scan, evaluation, condition, dictionary, &entries);
	if (result != 0 || !entries->known)
		return result;
	found = entries->below[max + 1] - entries->below[min];
	condition->verdict = found == 0 ? SCAN_NONE : found == max - min + 1 ? SCAN_ALL : SCAN_SOME;
	return 0;
}

/* ---- the tree ------------------------------------------------------------ */

/* A part that may fail is asked in any case, so that its errors depend on the
 * rows before it only. */
static void
join_parts(struct scan_condition *condition)
{
	enum scan_verdict deciding = condition->kind == SCAN_AND ? SCAN_NONE : SCAN_ALL;

	condition->verdict = condition->kind == SCAN_AND ? SCAN_ALL : SCAN_NONE;
	for (uint32_t i = 0; i < condition->parts_count; i++) {
		enum scan_verdict verdict;

		if (condition->parts[i].may_fail)
			condition->parts[i].verdict = SCAN_SOME;
		verdict = condition->parts[i].verdict;
		if (verdict == deciding)
			condition->verdict = deciding;
		else if (verdict == SCAN_SOME && condition->verdict != deciding)
			condition->verdict = SCAN_SOME;
	}
}

/* What can be told without evaluating anything. */
static void
judge_bounds(const struct block *block, struct scan_condition *condition)
{
	condition->verdict = SCAN_SOME;
	for (uint32_t i = 0; i < condition->parts_count; i++) {
		struct scan_condition *part = &condition->parts[i];

		judge_bounds(block, part);
		if (condition->kind == SCAN_AND && part->verdict == SCAN_NONE && !part->may_fail) {
			condition->verdict = SCAN_NONE;
			return; /* nobody asks for the other parts' */
		}
	}
	if (condition->kind == SCAN_AND || condition->kind == SCAN_OR)
		join_parts(condition);
	else if (condition->kind == SCAN_SPANS)
		condition->verdict = judge_spans(block, condition);
	else if (condition->kind == SCAN_NULLS)
		condition->verdict = judge_nulls(block, condition);
}

/* To look at the clock takes as long as to judge a few of them. */
#define JUDGED_PARTS 64u

/* The same with functions and dictionaries, for what is still open. */
static int
judge_values(struct scan *scan, struct evaluation *evaluation, struct scan_condition *condition)
{
	int result = 0;

	if (condition->verdict != SCAN_SOME)
		return 0;
	if (condition->kind == SCAN_ENDS)
		return condition->may_fail ? 0 : judge_ends(evaluation, condition);
	if (condition->kind == SCAN_ENTRIES)
		return condition->may_fail ? 0 : judge_entries(scan, evaluation, condition);
	for (uint32_t i = 0; result == 0 && i < condition->parts_count; i++) {
		if (i % JUDGED_PARTS == JUDGED_PARTS - 1)
			result = watch_check(evaluation->watch, evaluation->error);
		if (result == 0)
			result = judge_values(scan, evaluation, &condition->parts[i]);
	}
	if (condition->parts_count > 0)
		join_parts(condition);
	return result;
}

/* ---- the order ------------------------------------------------------------ */

/* Of asking one row, in the time that a code of a dictionary takes. */
static double
cost_of(const struct scan_condition *condition)
{
	double cost = 0;

	switch (condition->kind) {
	case SCAN_NULLS:
	case SCAN_ENTRIES:
		return 1;
	case SCAN_SPANS:
		return 2;
	case SCAN_ENDS:
	case SCAN_OTHER:
		return 16;
	case SCAN_AND:
	case SCAN_OR:
		break;
	}
	for (uint32_t i = 0; i < condition->parts_count; i++)
		cost += cost_of(&condition->parts[i]);
	return cost;
}

/* What it costs to be rid of a row, as far as is known: half of them go. */
static double
rank_of(const struct scan_condition *condition)
{
	double asked = (double)condition->asked + 2;

	return cost_of(condition) * asked / (asked - 1 - (double)condition->kept);
}

static int
compare_ranks(const void *a, const void *b)
{
	const struct scan_condition *x = a, *y = b;

	if (x->rank < y->rank || x->rank > y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Conditions change places where neither can fail, so errors stay the same. */
static void
order_parts(struct scan_condition *where)
{
	for (uint32_t first = 0, end; first < where->parts_count; first = end + 1) {
		struct scan_condition *parts = &where->parts[first];
		bool is_ordered = true;

		for (end = first; end < where->parts_count && !where->parts[end].may_fail; end++) {
			struct scan_condition *part = &where->parts[end];

			part->rank = rank_of(part);
			part->place = end;
			is_ordered = is_ordered && (end == first || part[-1].rank <= part->rank);
		}
		if (!is_ordered)
			qsort(parts, end - first, sizeof *parts, compare_ranks);
	}
}

/* Whether the times of none of its blocks are wanted. */
static bool
is_source_pruned(const struct block *block, const struct scan_condition *where)
{
	bool is_list = where->kind == SCAN_AND;
	int64_t times[2];

	for (uint32_t i = 0; i < (is_list ? where->parts_count : 1); i++) {
		const struct scan_condition *part = is_list ? &where->parts[i] : where;

		if (part->kind == SCAN_SPANS && !part->may_fail &&
		    block_source_times(block, part->column, times) &&
		    scan_judge_bounds(part, times) == SCAN_NONE)
			return true;
	}
	return false;
}

bool
scan_is_pruned(const struct block *block, struct scan_condition *where)
{
	const void *source = block_source(block);

	if (source != NULL && source != where->source) {
		where->source = source;
		where->is_source_pruned = is_source_pruned(block, where);
	}
	if (source != NULL && where->is_source_pruned)
		return true;
	judge_bounds(block, where);
	return where->verdict == SCAN_NONE;
}

int
scan_judge(struct scan *scan, struct evaluation *evaluation, enum scan_verdict *verdict)
{
	int result;

	order_parts(scan->where);
	judge_bounds(scan->slice.block, scan->where);
	result = judge_values(scan, evaluation, scan->where);
	*verdict = scan->where->verdict;
	return result;
}
