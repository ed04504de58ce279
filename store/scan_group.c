/*
 * GROUP BY: rows to groups by a hash of their keys, their values into the
 * aggregates' states, and at the end a slot per key and aggregate. A key is a
 * word per expression (a number's bits, a string's id) and one of NULL bits.
 * Hashes are seeded with the store's secret, so that nobody can aim for
 * collisions. Must not sort or print.
 */
#include <string.h>

#include <xxhash.h>

#include "codec.h"
#include "scan_inside.h"

/* ---- strings as numbers ---------------------------------------------- */

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
		return scan_no_memory(scan);
	if (strings->count > 0)
		memcpy(list, strings->list, strings->count * sizeof *list);
	store_arena_release(scan->arena, strings->list, strings->list_max * sizeof *list);
	store_arena_release(scan->arena, strings->slots, strings->slots_count * sizeof *slots);
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
		struct store_str copy = scan_copy_string(scan->arena, string);

		if (copy.bytes == NULL)
			return scan_no_memory(scan);
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
			return scan_no_memory(scan);
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

/* ---- groups ---------------------------------------------------------- */

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
		return scan_no_memory(scan);
	if (groups->count > 0)
		memcpy(keys, groups->keys, groups->count * bytes);
	store_arena_release(scan->arena, groups->keys, groups->groups_max * bytes);
	store_arena_release(scan->arena, groups->slots, groups->slots_count * sizeof *slots);
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

/* Groups of key words, a row's same as the one before at once. */
static int
find_groups(struct scan *scan, const uint64_t *keys, uint32_t count, uint32_t *out)
{
	uint32_t words = scan->groups.words;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < count; i++) {
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

/* ---- few combinations of codes ---------------------------------------- */

#define DENSE_ENTRIES_MAX (1u << 18)

/* Whether all keys are dictionary columns with few combinations in all. */
static bool
is_dense(const struct data *data, uint32_t keys_count, uint32_t *entries)
{
	uint64_t product = 1;

	for (uint32_t k = 0; k < keys_count; k++) {
		if (data[k].codes == NULL || data[k].nulls != NULL)
			return false;
		if ((product *= data[k].dictionary->count) > DENSE_ENTRIES_MAX)
			return false;
	}
	*entries = (uint32_t)product;
	return true;
}

/* The table of the dictionaries' combinations, kept from slice to slice. */
static uint32_t *
dense_table(struct scan *scan, const struct data *data, uint32_t entries)
{
	struct dense *dense = &scan->dense;
	bool same = dense->table != NULL && dense->epoch == scan->slice.epoch;

	for (uint32_t k = 0; k < scan->plan->keys_count; k++) {
		same = same && dense->dictionaries[k].chunks == data[k].dictionary->chunks &&
		       dense->dictionaries[k].count == data[k].dictionary->count;
		dense->dictionaries[k] = *data[k].dictionary;
	}
	if (same)
		return dense->table;
	/* Columns that some blocks lack come and go: the memory serves again. */
	if (dense->table == NULL || dense->epoch != scan->slice.epoch || dense->max < entries) {
		dense->table = store_arena_alloc(scan->slice.source_arena,
						 (size_t)entries * sizeof *dense->table);
		dense->max = entries;
		dense->epoch = scan->slice.epoch;
	}
	if (dense->table != NULL)
		memset(dense->table, 0, (size_t)entries * sizeof *dense->table);
	return dense->table;
}

/* The rows' places in the table: codes as they are, or in `out`. */
CODEC_CLONES static const uint32_t *
place_rows(const struct data *data, uint32_t keys_count, uint32_t count, uint32_t *out)
{
	const uint32_t *places = NULL;

	for (uint32_t k = 0; k < keys_count; k++) {
		uint32_t entries = data[k].dictionary->count;
		const uint32_t *codes = data[k].codes;

		if (places == NULL && !data[k].constant) {
			places = codes;
			continue;
		}
		for (uint32_t i = 0; i < count; i++)
			out[i] = (places == NULL ? 0 : places[i] * entries) +
				 codes[data[k].constant ? 0 : i];
		places = out;
	}
	return places;
}

static int
find_dense_group(struct scan *scan, const struct data *data, uint32_t row, uint32_t *group)
{
	uint64_t key[PLAN_KEYS_MAX + 1] = {0};

	for (uint32_t k = 0; k < scan->plan->keys_count; k++) {
		if (intern(scan, data_string(&data[k], row), &key[k]) != 0)
			return STORE_ELIMIT;
	}
	/* Of one string, groups are mostly numbered as their strings are. */
	if (scan->plan->keys_count == 1 && key[0] < scan->groups.count &&
	    memcmp(scan->groups.keys + key[0] * scan->groups.words, key,
		   scan->groups.words * sizeof *key) == 0) {
		*group = (uint32_t)key[0];
		return 0;
	}
	return find_group(scan, key, group);
}

static int
assign_dense(struct scan *scan, const struct data *data, uint32_t entries, uint32_t count,
	     uint32_t *out)
{
	uint32_t *table = dense_table(scan, data, entries);
	const uint32_t *places;
	int result;

	if (table == NULL)
		return scan_no_memory(scan);
	places = place_rows(data, scan->plan->keys_count, count, out);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = places[i], entry = table[place], group;

		if (__builtin_expect(entry == 0, 0)) {
			if ((result = find_dense_group(scan, data, i, &group)) != 0)
				return result;
			table[place] = entry = group + 1;
		}
		out[i] = entry - 1;
	}
	return 0;
}

/* ---- any keys ------------------------------------------------------------ */

static int
assign_words(struct scan *scan, const struct data *data, uint32_t count, uint32_t *out)
{
	uint32_t words = scan->groups.words, keys_count = scan->plan->keys_count;
	uint64_t *keys =
	    store_arena_zalloc(scan->scratch, ((size_t)count + 1) * words * sizeof *keys);
	int result = 0;

	if (keys == NULL)
		return scan_no_memory(scan);
	for (uint32_t k = 0; result == 0 && k < keys_count; k++) {
		result = key_words(scan, &data[k], count, words, keys + k);
		for (uint32_t i = 0; data[k].nulls != NULL && i < count; i++) {
			if (data_is_null(&data[k], i)) {
				keys[(size_t)i * words + k] = 0;
				keys[(size_t)i * words + keys_count] |= (uint64_t)1 << k;
			}
		}
	}
	return result != 0 ? result : find_groups(scan, keys, count, out);
}

static int
assign_rows(struct scan *scan, const struct data *data, bool coded, uint32_t count, uint32_t *out)
{
	uint32_t entries;

	if (coded && is_dense(data, scan->plan->keys_count, &entries))
		return assign_dense(scan, data, entries, count, out);
	return assign_words(scan, data, count, out);
}

static int
assign_runs(struct scan *scan, const struct data *data, bool coded, struct scan_assigned *out)
{
	const struct scan_runs *runs = &out->runs;
	struct data keys[PLAN_KEYS_MAX];
	int result = 0;

	for (uint32_t k = 0; result == 0 && k < scan->plan->keys_count; k++)
		result = scan_runs_key(scan, runs, &data[k], &keys[k]);
	if (result == 0)
		result = assign_rows(scan, keys, coded, runs->count, runs->groups);
	for (uint32_t r = 0; result == 0 && r < runs->count; r++) {
		for (uint32_t i = runs->firsts[r]; i < runs->firsts[r + 1]; i++)
			out->groups[i] = runs->groups[r];
	}
	return result;
}

static int
assign_groups(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out)
{
	const struct plan *plan = scan->plan;
	uint32_t count = evaluation->count;
	struct data data[PLAN_KEYS_MAX];
	bool constant = true, coded = evaluation->slice != NULL;
	int result = 0;

	*out = (struct scan_assigned){.groups = NULL};
	for (uint32_t k = 0; k < plan->keys_count; k++) {
		if ((result = expression_evaluate(evaluation, plan->keys[k], &data[k])) != 0)
			return result;
		constant = constant && data[k].constant;
	}
	if (constant) /* without keys too */
		return plan->keys_count == 0 ? 0 : assign_words(scan, data, 1, &out->group);
	out->groups = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *out->groups);
	if (out->groups == NULL)
		return scan_no_memory(scan);
	if ((result = scan_runs_find(scan, data, plan->keys_count, count, &out->runs)) != 0)
		return result;
	return out->runs.count > 0 ? assign_runs(scan, data, coded, out)
				   : assign_rows(scan, data, coded, count, out->groups);
}

static void
find_shares(struct scan *scan)
{
	const struct plan *plan = scan->plan;

	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		scan->shares[a] = a;
		for (uint32_t b = 0; plan->table != NULL && b < plan->aggregates_count; b++) {
			/* The first quantile of a column serves the others and the counts. */
			if (aggregate_is_shared(&plan->aggregates[a], &plan->aggregates[b])) {
				scan->shares[a] = b;
				break;
			}
		}
	}
}

int
scan_group_prepare(struct scan *scan)
{
	const struct plan *plan = scan->plan;

	scan->groups.words = plan->keys_count + 1;
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		scan->states[a] = aggregate_create(&plan->aggregates[a], scan->arena, scan->secret);
		if (scan->states[a] == NULL)
			return scan_no_memory(scan);
	}
	find_shares(scan);
	scan_ranges_prepare(scan);
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
CODEC_CLONES static uint64_t
take_weights(const struct data *data, uint64_t *weights)
{
	uint64_t all = 0;

	for (uint32_t i = 0; data->narrow != NULL && i < data->count; i++)
		weights[i] = data->narrow[i] + (uint64_t)(data->narrow[i] == 0);
	for (uint32_t i = 0; data->narrow == NULL && i < data->count; i++) {
		uint64_t weight = data->n.u[data->constant ? 0 : i];

		weights[i] = weight + (weight == 0);
	}
	for (uint32_t i = 0; i < data->count; i++)
		all |= weights[i];
	return all;
}

/* The rows' sample intervals; NULL when all are 1. */
static int
read_weights(struct scan *scan, struct evaluation *evaluation, const uint64_t **out)
{
	struct expression column = {.kind = EXPRESSION_COLUMN, .type = {.type = STORE_R_UINT32}};
	struct data data;
	uint64_t *weights;
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
	 const struct scan_assigned *assigned, const uint64_t *weights)
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

int
scan_group_slice(struct scan *scan, struct evaluation *evaluation)
{
	const struct plan *plan = scan->plan;
	struct scan_assigned assigned;
	const uint64_t *weights;
	int result;

	if ((result = read_weights(scan, evaluation, &weights)) != 0 ||
	    (result = assign_groups(scan, evaluation, &assigned)) != 0)
		return result;
	result = scan_ranges_slice(scan, evaluation, &assigned, weights);
	for (uint32_t a = 0; result == 0 && a < plan->aggregates_count; a++) {
		if (scan->by_ranges[a] || scan->shares[a] != a)
			continue;
		if (aggregate_reserve(scan->states[a], scan->groups.count) != 0)
			return scan_no_memory(scan);
		result = add_rows(scan, evaluation, a, &assigned, weights);
	}
	return result;
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
	return intern(scan, dictionary_entry(dictionary, min), word);
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
	return scan->plan->keys_count == 0 ? 0 : find_group(scan, key, group);
}

/* ---- several threads' groups ------------------------------------------------ */

/* The other scan's key with this one's ids of strings. */
static int
translate_key(struct scan *scan, const struct scan *from, const uint64_t *key, uint64_t *out)
{
	uint32_t keys_count = scan->plan->keys_count;

	memcpy(out, key, scan->groups.words * sizeof *key);
	for (uint32_t k = 0; k < keys_count; k++) {
		bool null = key[keys_count] >> k & 1;

		if (scan->plan->keys[k]->type.type == STORE_R_STRING && !null &&
		    intern(scan, from->strings.list[key[k]], &out[k]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

int
scan_group_merge(struct scan *scan, struct scan *from)
{
	const struct plan *plan = scan->plan;
	uint32_t *groups =
	    store_arena_zalloc(scan->scratch, (from->groups.count + 1u) * sizeof *groups);
	int result = 0;

	if (groups == NULL)
		return scan_no_memory(scan);
	for (uint32_t g = 0; plan->keys_count > 0 && g < from->groups.count; g++) {
		const uint64_t *words = from->groups.keys + (size_t)g * from->groups.words;
		uint64_t key[PLAN_KEYS_MAX + 1];

		if ((result = translate_key(scan, from, words, key)) != 0 ||
		    (result = find_group(scan, key, &groups[g])) != 0)
			return result;
	}
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		if (scan->shares[a] == a &&
		    (aggregate_reserve(scan->states[a], scan->groups.count) != 0 ||
		     aggregate_reserve(from->states[a], from->groups.count) != 0 ||
		     aggregate_take(scan->states[a], groups, from->states[a], from->groups.count) !=
			 0))
			return scan_no_memory(scan);
	}
	return 0;
}
