/*
 * GROUP BY with a LIMIT, in two passes: where there are many groups, of which the
 * limit leaves few, quantiles and distinct values that neither HAVING nor ORDER BY
 * asks for wait. The first pass finds the groups and what orders them; the second
 * reads the same blocks of the same snapshot again, with the columns of what
 * waited, for rows of the groups that are left. Beside scan_group.c and scan.c's
 * one pass, and must give the same answer.
 */
#include <string.h>

#include "scan_inside.h"

/* So many groups, and so many times the limit, are worth it: below, the states of all fit
 * the caches, or most rows are of groups that are left. They are looked for in such a
 * part of the rows, the first ones. */
#define GROUPS_MIN 1024u
#define GROUPS_PER_ROW 16u
#define LOOKED_AT 16u

/* ---- which may wait ------------------------------------------------------------ */

/* Those whose states are large, in each group. */
static bool
is_costly(const struct aggregate *aggregate)
{
	return (aggregate->kind >= AGGREGATE_QUANTILE && aggregate->kind <= AGGREGATE_TOP_K) ||
	       aggregate->kind == AGGREGATE_GROUP_UNIQ_ARRAY;
}

static bool
may_fail(const struct expression *expression)
{
	return expression != NULL && expression->may_fail;
}

/* An error of rows whose groups are cut off is one of the query. Sets *some. */
static void
mark_later(const struct plan *plan, bool *later, bool *some)
{
	bool asked[PLAN_KEYS_MAX + PLAN_AGGREGATES_MAX] = {false};

	*some = false;
	scan_group_mark_asked(plan, asked);
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		const struct aggregate *aggregate = &plan->aggregates[a];

		later[a] = is_costly(aggregate) && !asked[plan->keys_count + a] &&
			   !may_fail(aggregate->argument) && !may_fail(aggregate->second) &&
			   !may_fail(aggregate->condition);
		*some |= later[a];
	}
}

/* Keys are looked up twice: by codes that is soon done. */
static bool
are_cheap(const struct plan *plan)
{
	for (uint32_t k = 0; k < plan->keys_count; k++) {
		const struct expression *key = plan->keys[k];

		if (key->kind != EXPRESSION_COLUMN || !key->type.dictionary || key->type.nullable)
			return false;
	}
	return plan->keys_count > 0;
}

/* Rows are chosen twice: not by evaluating anything row by row. */
static bool
is_cheap(const struct scan_condition *condition)
{
	if (condition->may_fail || condition->kind == SCAN_OTHER)
		return false;
	for (uint32_t i = 0; i < condition->parts_count; i++) {
		if (!is_cheap(&condition->parts[i]))
			return false;
	}
	return true;
}

bool
scan_again_serves(const struct scan *scan)
{
	const struct plan *plan = scan->plan;
	bool later[PLAN_AGGREGATES_MAX], some;

	if (plan->table == NULL || !plan->is_grouped || !scan_group_is_cut(plan) ||
	    !are_cheap(plan) || !is_cheap(scan->where))
		return false;
	mark_later(plan, later, &some);
	return some;
}

/* ---- whether they do ------------------------------------------------------------- */

static uint64_t
groups_wanted(const struct scan *scan)
{
	uint64_t rows = scan_rows_wanted(scan->plan), wanted;

	if (scan->limits->again_groups_min != 0)
		return scan->limits->again_groups_min;
	wanted = rows > UINT64_MAX / GROUPS_PER_ROW ? UINT64_MAX : rows * GROUPS_PER_ROW;
	return wanted < GROUPS_MIN ? GROUPS_MIN : wanted;
}

/* Looks for so many groups in the block, of whose rows *left may be read. */
static int
find_groups(struct scan *scan, const struct block *block, uint64_t wanted, uint64_t *left)
{
	uint32_t rows = block_rows_count(block), count;
	enum scan_verdict verdict;
	int result = scan_open_block(scan, block, &verdict);

	for (uint32_t first = 0;
	     result == 0 && first<rows && * left> 0 && scan->groups.count < wanted;
	     first += count) {
		struct evaluation evaluation;
		struct scan_assigned assigned;

		count = rows - first < SLICE_FILTERED_ROWS ? rows - first : SLICE_FILTERED_ROWS;
		evaluation = scan_evaluation(scan, count);
		store_arena_reset(scan->scratch);
		slice_move(&scan->slice, first, count);
		if ((result = scan_select(scan, &evaluation, NULL)) == 0 && evaluation.count > 0)
			result = scan_assign(scan, &evaluation, &assigned);
		*left -= count < *left ? count : *left;
	}
	return result;
}

int
scan_again_decide(struct scan *scan, const uint32_t *list, uint32_t count)
{
	uint64_t wanted = groups_wanted(scan), rows = 0, left;
	uint32_t table = scan->plan->table_index;
	int result = 0;

	for (uint32_t i = 0; i < count; i++)
		rows += block_rows_count(snapshot_block(scan->snapshot, table, list[i]));
	if (rows < scan->limits->thread_rows_min || !scan_again_serves(scan))
		return 0;
	left = rows / LOOKED_AT < SLICE_FILTERED_ROWS ? SLICE_FILTERED_ROWS : rows / LOOKED_AT;
	for (uint32_t i = 0; result == 0 && i < count && left > 0 && scan->groups.count < wanted;
	     i++) {
		const struct block *block = snapshot_block(scan->snapshot, table, list[i]);

		result = find_groups(scan, block, wanted, &left);
	}
	if (result != 0 || scan->groups.count < wanted)
		return result;
	mark_later(scan->plan, scan->again.later, &scan->again.is_wanted);
	scan_group_share(scan);
	return 0;
}

/* ---- the second pass ---------------------------------------------------------------- */

/* The rows' groups, one by one. NULL: no memory. */
static const uint32_t *
list_groups(struct scan *scan, uint32_t count, const struct scan_assigned *assigned)
{
	const struct scan_runs *runs = &assigned->runs;
	uint32_t *groups;

	if (assigned->groups != NULL && runs->count == 0)
		return assigned->groups;
	groups = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *groups);
	for (uint32_t r = 0; groups != NULL && r < runs->count; r++) {
		for (uint32_t i = runs->firsts[r]; i < runs->firsts[r + 1]; i++)
			groups[i] = runs->groups[r];
	}
	for (uint32_t i = 0; groups != NULL && runs->count == 0 && i < count; i++)
		groups[i] = assigned->group;
	return groups;
}

/* rows[] and out[]: which of the rows are of groups that are left, and their places; how
 * many. */
static uint32_t
keep_rows(const uint32_t *groups, uint32_t count, const uint32_t *places, uint32_t *rows,
	  uint32_t *out)
{
	uint32_t kept = 0;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = places[groups[i]];

		rows[kept] = i;
		out[kept] = place;
		kept += place != SCAN_UNKNOWN;
	}
	return kept;
}

/* The evaluation is of rows[kept] of its own from now on, whose places are these. */
static void
take_kept(struct evaluation *evaluation, uint32_t *rows, uint32_t kept, const uint32_t *places,
	  struct scan_assigned *assigned)
{
	*assigned = (struct scan_assigned){.groups = places};
	if (kept == evaluation->count)
		return;
	for (uint32_t i = 0; evaluation->rows != NULL && i < kept; i++)
		rows[i] = evaluation->rows[rows[i]];
	evaluation->rows = rows;
	evaluation->count = kept;
	slice_select(evaluation->slice);
}

int
scan_again_narrow(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *assigned)
{
	uint32_t count = evaluation->count, kept;
	const uint32_t *groups = list_groups(scan, count, assigned);
	uint32_t *rows = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *rows);
	uint32_t *places = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *places);

	if (groups == NULL || rows == NULL || places == NULL)
		return scan_no_memory(scan);
	if (scan->groups.count > scan->again.groups_count)
		return store_error_set(scan->error, STORE_ECORRUPT,
				       "A file was lost while it was read");
	kept = keep_rows(groups, count, scan->again.places, rows, places);
	take_kept(evaluation, rows, kept, places, assigned);
	return 0;
}

/* ---- by codes ------------------------------------------------------------------------- */

/* The string's code, or the number of them: entries ascend, as in every segment. */
static uint32_t
find_code(const struct dictionary *dictionary, struct store_str string)
{
	uint32_t low = 0, high = dictionary->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = string_compare(dictionary_entry(dictionary, middle), string);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return dictionary->count;
}

/* Room for so many codes; 0 or STORE_ELIMIT. */
static int
reserve_codes(struct scan *scan, uint32_t count)
{
	struct scan_again *again = &scan->again;

	if (again->codes_max > count)
		return 0;
	again->codes_max = count + count / 2 + 1; /* dictionaries may grow */
	again->code_places =
	    store_arena_alloc(scan->arena, again->codes_max * sizeof *again->code_places);
	again->code_kept = store_arena_alloc(scan->arena, again->codes_max);
	return again->code_places == NULL || again->code_kept == NULL ? STORE_ELIMIT : 0;
}

/* Places of a dictionary's codes, kept while slices have the same; 0 or STORE_ELIMIT. */
static int
find_code_places(struct scan *scan, const struct dictionary *dictionary)
{
	struct scan_again *again = &scan->again;

	if (again->epoch == scan->slice.epoch && again->dictionary.chunks == dictionary->chunks &&
	    again->dictionary.count == dictionary->count)
		return 0;
	if (reserve_codes(scan, dictionary->count) != 0)
		return STORE_ELIMIT;
	memset(again->code_kept, 0, dictionary->count);
	for (uint32_t p = 0; p < again->places_count; p++) {
		uint32_t code = find_code(dictionary, again->strings[p]);

		if (code == dictionary->count)
			continue;
		again->code_places[code] = p;
		again->code_kept[code] = 1;
	}
	again->epoch = scan->slice.epoch;
	again->dictionary = *dictionary;
	return 0;
}

/* keep_rows() of codes: which are wanted is asked of bytes, that most rows need no more
 * of; `bits` is scratch. */
static uint32_t
keep_codes(const struct scan_again *again, const struct data *data, uint32_t count, uint64_t *bits,
	   uint32_t *rows, uint32_t *out)
{
	const struct scan_entries entries = {.wanted = again->code_kept};
	uint32_t kept;

	if (data->bytes != NULL)
		scan_bits_of_bytes(&entries, data->bytes, count, bits);
	else
		scan_bits_of_entries(&entries, data->codes, count, bits);
	kept = scan_bits_rows(bits, count, rows);
	for (uint32_t i = 0; i < kept; i++)
		out[i] = again->code_places[data_code(data, rows[i])];
	return kept;
}

/* The few groups are looked for in each dictionary, not each of its strings among all
 * groups. */
int
scan_again_by_codes(struct scan *scan, struct evaluation *evaluation,
		    struct scan_assigned *assigned, bool *taken)
{
	uint32_t count = evaluation->count, kept, *rows, *places;
	uint64_t *bits;
	struct data data;
	int result;

	*taken = false;
	if (scan->again.strings == NULL || evaluation->slice == NULL ||
	    block_source(evaluation->slice->block) == NULL)
		return 0;
	result = expression_evaluate(evaluation, scan->plan->keys[0], &data);
	if (result != 0 || data.constant || !data_is_coded(&data) || data.nulls != NULL)
		return result;
	rows = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *rows);
	places = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *places);
	bits = store_arena_alloc(scan->scratch, (bitmap_words(count) + 1u) * sizeof *bits);
	if (rows == NULL || places == NULL || bits == NULL ||
	    find_code_places(scan, data.dictionary) != 0)
		return scan_no_memory(scan);
	kept = keep_codes(&scan->again, &data, count, bits, rows, places);
	take_kept(evaluation, rows, kept, places, assigned);
	*taken = true;
	return 0;
}

/* ---- both ------------------------------------------------------------------------------ */

/* The strings of groups[count]; NULL: no memory. */
static const struct store_str *
list_strings(struct scan *scan, const uint32_t *groups, uint32_t count)
{
	struct store_str *strings = store_arena_alloc(scan->arena, (count + 1u) * sizeof *strings);

	for (uint32_t i = 0; strings != NULL && i < count; i++) {
		uint64_t id = scan->groups.keys[(size_t)groups[i] * scan->groups.words];

		strings[i] = scan->strings.list[id];
	}
	return strings;
}

int
scan_again(struct scan *scan, const uint32_t *groups, uint32_t count)
{
	struct scan_again *again = &scan->again;
	uint32_t *places;

	if (!again->is_wanted || count == 0)
		return 0;
	places = store_arena_alloc(scan->arena, (scan->groups.count + 1u) * sizeof *places);
	if (places == NULL)
		return scan_no_memory(scan);
	for (uint32_t g = 0; g < scan->groups.count; g++)
		places[g] = SCAN_UNKNOWN;
	for (uint32_t i = 0; i < count; i++)
		places[groups[i]] = i;
	if (scan->groups.are_strings &&
	    (again->strings = list_strings(scan, groups, count)) == NULL)
		return scan_no_memory(scan);
	again->places = places;
	again->groups_count = scan->groups.count;
	again->places_count = count;
	return scan_in_parallel_again(scan);
}
