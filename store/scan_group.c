/*
 * GROUP BY: a slice's rows, whose groups scan_assign.c finds, into the aggregates'
 * states; blocks of one group; and other threads' groups. Must not sort or print.
 */
#include <string.h>

#include "codec.h"
#include "scan_inside.h"

/* ---- preparing ------------------------------------------------------------- */

void
scan_group_share(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	const bool *later = scan->again.later;

	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		scan->shares[a] = a;
		for (uint32_t b = 0; plan->table != NULL && b < plan->aggregates_count; b++) {
			/* The first quantile of a column serves the others and the counts. */
			if (later[a] == later[b] &&
			    aggregate_is_shared(&plan->aggregates[a], &plan->aggregates[b])) {
				scan->shares[a] = b;
				break;
			}
		}
	}
	scan_ranges_prepare(scan);
	scan_tally_prepare(scan);
}

int
scan_group_prepare(struct scan *scan)
{
	const struct plan *plan = scan->plan;

	scan->groups.words = plan->keys_count + 1;
	scan->groups.are_strings = plan->keys_count == 1 &&
				   plan->keys[0]->type.type == STORE_R_STRING &&
				   !plan->keys[0]->type.nullable;
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		scan->states[a] = aggregate_create(&plan->aggregates[a], scan->arena, scan->secret);
		if (scan->states[a] == NULL)
			return scan_no_memory(scan);
	}
	scan_group_share(scan);
	if (plan->keys_count == 0)
		scan->groups.count = 1; /* one group, also of no rows */
	return 0;
}

/* ---- one slice ------------------------------------------------------- */

/* Whether no row of the block stands for more than itself, by what is known
 * without reading it. */
static bool
has_weights_of_one(const struct scan *scan, const struct evaluation *evaluation)
{
	int64_t min, max;

	return evaluation->slice != NULL &&
	       block_range(evaluation->slice->block, (uint16_t)scan->plan->weight_column, &min,
			   &max) &&
	       (uint64_t)max <= 1;
}

/* weights[rows] of the intervals; returns bits that some have. A row stored without
 * one stands for itself. */
CODEC_CLONES static uint32_t
take_weights(const struct data *data, uint32_t *weights)
{
	/* Here, where weights that are written cannot be meant. */
	const uint32_t *narrow = data->narrow;
	uint32_t count = data->count, all = 0;

	for (uint32_t i = 0; narrow != NULL && i < count; i++) {
		uint32_t weight = narrow[i] + (narrow[i] == 0);

		weights[i] = weight;
		all |= weight;
	}
	for (uint32_t i = 0; narrow == NULL && i < count; i++) {
		uint32_t weight = (uint32_t)data->n.u[data->constant ? 0 : i];

		weights[i] = weight + (weight == 0);
		all |= weights[i];
	}
	return all;
}

/* The rows' sample intervals; NULL when all are 1. */
static int
read_weights(struct scan *scan, struct evaluation *evaluation, const uint32_t **out)
{
	struct expression column = {.kind = EXPRESSION_COLUMN, .type = {.type = STORE_R_UINT32}};
	struct data data;
	uint32_t *weights;
	int result;

	*out = NULL;
	if (scan->plan->weight_column < 0 || evaluation->count == 0 ||
	    has_weights_of_one(scan, evaluation))
		return 0;
	column.column = (uint16_t)scan->plan->weight_column;
	result = evaluation->slice == NULL ? expression_evaluate(evaluation, &column, &data)
					   : expression_read_narrow(evaluation, &column, &data);
	if (result != 0)
		return result;
	if ((weights = store_arena_alloc(scan->scratch, data.count * sizeof *weights)) == NULL)
		return scan_no_memory(scan);
	if (take_weights(&data, weights) == 1)
		return 0;
	scan->result->weighted = true;
	*out = weights;
	return 0;
}

static int
add_input(struct aggregate_states *states, uint32_t count, bool stored,
	  const struct aggregate_input *input)
{
	return stored ? aggregate_add_stored(states, count, input)
		      : aggregate_add(states, count, input);
}

/* Run by run. */
static int
add_runs(struct aggregate_states *states, bool stored, const struct scan_runs *runs,
	 const struct aggregate_input *input)
{
	for (uint32_t r = 0; r < runs->count; r++) {
		uint32_t first = runs->firsts[r];
		struct aggregate_input run = {.group = runs->groups[r]};
		struct data argument, second, condition;

		if (input->weights != NULL)
			run.weights = input->weights + first;
		if (input->argument != NULL)
			argument = scan_runs_part(runs, r, input->argument);
		if (input->second != NULL)
			second = scan_runs_part(runs, r, input->second);
		if (input->condition != NULL)
			condition = scan_runs_part(runs, r, input->condition);
		run.argument = input->argument == NULL ? NULL : &argument;
		run.second = input->second == NULL ? NULL : &second;
		run.condition = input->condition == NULL ? NULL : &condition;
		if (add_input(states, runs->firsts[r + 1] - first, stored, &run) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* The evaluation's rows into the states of aggregate `a`. */
static int
add_rows(struct scan *scan, struct evaluation *evaluation, uint32_t a,
	 const struct scan_assigned *assigned, const uint32_t *weights)
{
	const struct aggregate *aggregate = &scan->plan->aggregates[a];
	const struct expression *of[] = {aggregate->argument, aggregate->second,
					 aggregate->condition};
	bool stored = evaluation->slice != NULL && aggregate_takes_stored(aggregate);
	struct data data[3];
	struct aggregate_input input = {.weights = aggregate->weighted ? weights : NULL,
					.groups = assigned->groups,
					.group = assigned->group};
	int result;

	for (int i = 0; i < 3; i++) {
		if (of[i] == NULL)
			continue;
		result = i == 0 && stored ? expression_read_narrow(evaluation, of[i], &data[i])
					  : expression_evaluate(evaluation, of[i], &data[i]);
		if (result != 0)
			return result;
	}
	input.argument = of[0] == NULL ? NULL : &data[0];
	input.second = of[1] == NULL ? NULL : &data[1];
	input.condition = of[2] == NULL ? NULL : &data[2];
	result = assigned->runs.count > 0
		     ? add_runs(scan->states[a], stored, &assigned->runs, &input)
		     : add_input(scan->states[a], evaluation->count, stored, &input);
	return result == 0 ? 0 : scan_no_memory(scan);
}

bool
scan_group_may_place(const struct scan *scan)
{
	const struct plan *plan = scan->plan;
	uint32_t count = 0;

	if (!plan->is_grouped || plan->keys_count == 0 || scan->ranges_count > 0)
		return false;
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		if (scan->shares[a] != a || scan->again.later[a])
			continue;
		if (!aggregate_takes_places(&plan->aggregates[a]))
			return false;
		count++;
	}
	return count > 0;
}

/* Rows by places into the states of aggregate `a`; of those that need a group, or of
 * all, *assigned is made. */
static int
add_places(struct scan *scan, struct evaluation *evaluation, uint32_t a,
	   const struct aggregate_places *places, const uint32_t *weights,
	   struct scan_assigned *assigned)
{
	const struct aggregate *aggregate = &scan->plan->aggregates[a];
	struct data argument;
	struct aggregate_input input = {.argument = &argument,
					.weights = aggregate->weighted ? weights : NULL};
	uint32_t *rows = store_arena_alloc(scan->scratch, (evaluation->count + 1u) * sizeof *rows);
	struct aggregate_rest rest = {rows, 0};
	bool taken;
	int result;

	/* Of the first rows each would be the first of its group. */
	if (scan->groups.count == 0 && (result = scan_assign(scan, evaluation, assigned)) != 0)
		return result;
	if (rows == NULL || aggregate_reserve(scan->states[a], scan->groups.count) != 0)
		return scan_no_memory(scan);
	if ((result = expression_read_narrow(evaluation, aggregate->argument, &argument)) != 0)
		return result;
	if (aggregate_add_places(scan->states[a], evaluation->count, &input, places, &rest,
				 &taken) != 0)
		return scan_no_memory(scan);
	if (taken && rest.count == 0)
		return 0;
	if (assigned->groups == NULL && (result = scan_assign(scan, evaluation, assigned)) != 0)
		return result;
	if (aggregate_reserve(scan->states[a], scan->groups.count) != 0)
		return scan_no_memory(scan);
	input.groups = assigned->groups;
	result = taken ? aggregate_add_rest(scan->states[a], &input, places, &rest)
		       : aggregate_add_stored(scan->states[a], evaluation->count, &input);
	return result == 0 ? 0 : scan_no_memory(scan);
}

/* Into all aggregates that do not wait. */
static int
add_all_places(struct scan *scan, struct evaluation *evaluation, const struct scan_places *of,
	       const uint32_t *weights)
{
	const struct slice *slice = evaluation->slice;
	struct aggregate_places places = {
	    of->list,  of->groups,          of->base,
	    of->count, scan->dense.meaning, scan->rows_ahead * evaluation->count / slice->count};
	struct scan_assigned assigned = {.groups = NULL};
	int result = 0;

	for (uint32_t a = 0; result == 0 && a < scan->plan->aggregates_count; a++) {
		if (scan->shares[a] == a && !scan->again.later[a])
			result = add_places(scan, evaluation, a, &places, weights, &assigned);
	}
	return result;
}

/* Into the aggregates of rows' own groups, of which there are so many: those that
 * wait, or the others. */
static int
add_all(struct scan *scan, struct evaluation *evaluation, bool later, uint32_t groups_count,
	const struct scan_assigned *assigned, const uint32_t *weights)
{
	int result = 0;

	for (uint32_t a = 0; result == 0 && a < scan->plan->aggregates_count; a++) {
		if (scan->by_ranges[a] || scan->shares[a] != a || scan->again.later[a] != later)
			continue;
		if (aggregate_reserve(scan->states[a], groups_count) != 0)
			return scan_no_memory(scan);
		result = add_rows(scan, evaluation, a, assigned, weights);
	}
	return result;
}

int
scan_group_slice_again(struct scan *scan, struct evaluation *evaluation)
{
	struct scan_assigned assigned;
	const uint32_t *weights;
	bool taken;
	int result;

	if ((result = scan_again_by_codes(scan, evaluation, &assigned, &taken)) != 0)
		return result;
	if (!taken && ((result = scan_assign(scan, evaluation, &assigned)) != 0 ||
		       (result = scan_again_narrow(scan, evaluation, &assigned)) != 0))
		return result;
	if (evaluation->count == 0 || (result = read_weights(scan, evaluation, &weights)) != 0)
		return result;
	return add_all(scan, evaluation, true, scan->again.places_count, &assigned, weights);
}

int
scan_group_slice(struct scan *scan, struct evaluation *evaluation)
{
	struct scan_assigned assigned;
	struct scan_places places = {.count = 0};
	const uint32_t *weights;
	bool taken;
	int result;

	if ((result = read_weights(scan, evaluation, &weights)) != 0)
		return result;
	if (scan->only_ranges) {
		result = scan_classes_by_places(scan, evaluation, weights, &taken);
		if (result != 0 || taken)
			return result;
	}
	if (scan->tally.serves && weights == NULL) {
		result = scan_tally_slice(scan, evaluation, &taken);
		if (result != 0 || taken)
			return result;
	}
	result = evaluation->slice != NULL && scan_group_may_place(scan)
		     ? scan_assign_or_place(scan, evaluation, &assigned, &places)
		     : scan_assign(scan, evaluation, &assigned);
	if (result == 0 && places.count > 0)
		return add_all_places(scan, evaluation, &places, weights);
	if (result == 0)
		result = scan_classes_slice(scan, evaluation, &assigned, weights);
	return result != 0
		   ? result
		   : add_all(scan, evaluation, false, scan->groups.count, &assigned, weights);
}

/* ---- one block --------------------------------------------------------------- */

/* The key's word of all rows of the block. */
static int
word_of_block(struct scan *scan, struct evaluation *evaluation, const struct expression *key,
	      uint64_t *word, bool *known)
{
	const struct block *block = evaluation->slice->block;
	const struct dictionary *dictionary;
	uint32_t min, max;
	struct data ends;
	int result;

	*known = false;
	if (key->kind == EXPRESSION_CALL) {
		result = expression_ends(evaluation, key, &ends, known);
		*known = *known && ends.n.u[0] == ends.n.u[1];
		if (result == 0 && *known)
			*word = ends.n.u[0];
		return result;
	}
	if (key->kind != EXPRESSION_COLUMN || key->type.type != STORE_R_STRING ||
	    key->key.size != 0 || !block_has_no_nulls(block, key->column))
		return 0;
	result = block_codes(block, key->column, key->key, &dictionary, &min, &max, scan->error);
	if (result < 0)
		return result == STORE_ELIMIT || result == STORE_ENOMEM ? scan_no_memory(scan)
									: result;
	if (result == 0 || dictionary == NULL || min != max || max >= dictionary->count)
		return 0;
	*known = true;
	return scan_keys_intern(scan, dictionary_entry(dictionary, min), true, word);
}

int
scan_group_of_block(struct scan *scan, struct evaluation *evaluation, uint32_t *group, bool *known)
{
	uint64_t key[PLAN_KEYS_MAX + 1] = {0};
	int result;

	*known = true;
	*group = 0;
	for (uint32_t k = 0; k < scan->plan->keys_count; k++) {
		result = word_of_block(scan, evaluation, scan->plan->keys[k], &key[k], known);
		if (result != 0 || !*known)
			return result;
	}
	return scan->plan->keys_count == 0 ? 0 : scan_keys_group(scan, key, group);
}

/* ---- several threads' groups ------------------------------------------------ */

/* The other scan's key, of whose strings these are the hashes, with this one's ids of them. */
static int
translate_key(struct scan *scan, const struct scan *from, const uint32_t *hashes,
	      const uint64_t *key, uint64_t *out)
{
	uint32_t keys_count = scan->plan->keys_count;

	memcpy(out, key, scan->groups.words * sizeof *key);
	for (uint32_t k = 0; k < keys_count; k++) {
		bool null = key[keys_count] >> k & 1;

		enum store_result_type type = scan->plan->keys[k]->type.type;

		if ((type == STORE_R_STRING || type == STORE_R_ARRAY) && !null &&
		    scan_keys_intern_hashed(scan, from->strings.list[key[k]], hashes[key[k]], true,
					    &out[k]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Strings that are new. */
static int
append_key(struct scan *scan, const struct scan *from, const uint64_t *key, uint64_t *out)
{
	out[1] = 0;
	return scan_keys_append(scan, from->strings.list[key[0]], &out[0]);
}

/* groups[from->groups.count]: its groups' numbers here. */
static int
translate_groups(struct scan *scan, const struct scan *from, uint32_t *groups)
{
	bool are_new = scan_codes_carry(scan, from, groups);
	const uint32_t *hashes = NULL;
	int result = 0;

	for (uint32_t g = 0; result == 0 && g < from->groups.count; g++) {
		const uint64_t *words = from->groups.keys + (size_t)g * from->groups.words;
		uint64_t key[PLAN_KEYS_MAX + 1];

		if (groups[g] != SCAN_UNKNOWN)
			continue;
		if (!are_new && hashes == NULL && (hashes = scan_keys_hashes(from)) == NULL)
			return scan_no_memory(scan);
		result = are_new ? append_key(scan, from, words, key)
				 : translate_key(scan, from, hashes, words, key);
		if (result == 0)
			result = scan_keys_group(scan, key, &groups[g]);
	}
	return result;
}

/* Of the aggregates that wait, or of the others: the other's group g is groups[g]
 * here. */
static int
take_states(struct scan *scan, struct scan *from, bool later, const uint32_t *groups,
	    uint32_t groups_count, uint32_t count)
{
	for (uint32_t a = 0; a < scan->plan->aggregates_count; a++) {
		if (scan->shares[a] == a && scan->again.later[a] == later &&
		    (aggregate_reserve(scan->states[a], groups_count) != 0 ||
		     aggregate_reserve(from->states[a], count) != 0 ||
		     aggregate_take(scan->states[a], groups, from->states[a], count,
				    scan->limits->crew) != 0))
			return scan_no_memory(scan);
	}
	return 0;
}

int
scan_group_merge(struct scan *scan, struct scan *from)
{
	uint32_t *groups =
	    store_arena_zalloc(from->arena, (from->groups.count + 1u) * sizeof *groups);
	int result;

	if (groups == NULL)
		return scan_no_memory(scan);
	if (scan->plan->keys_count > 0 && (result = translate_groups(scan, from, groups)) != 0)
		return result;
	from->again.taken_as = groups;
	return take_states(scan, from, false, groups, scan->groups.count, from->groups.count);
}

int
scan_group_merge_again(struct scan *scan, struct scan *from)
{
	uint32_t count = scan->again.places_count;
	uint32_t *same = store_arena_alloc(from->arena, (count + 1u) * sizeof *same);

	if (same == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < count; i++)
		same[i] = i;
	return take_states(scan, from, true, same, count, count);
}
