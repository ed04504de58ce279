/*
 * Which group each row of a slice is in: by a table of its keys' dictionary codes
 * where these have few combinations, else by the keys' words, and run by run
 * where rows come in runs. Between the keys' columns and scan_group.c; must not
 * know aggregates.
 */
#include <string.h>

#include "codec.h"
#include "scan_inside.h"

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
		if (scan_keys_intern(scan, data_string(&data[k], row), &key[k]) != 0)
			return STORE_ELIMIT;
	}
	/* Of one string, groups are mostly numbered as their strings are. */
	if (scan->plan->keys_count == 1 && key[0] < scan->groups.count &&
	    memcmp(scan->groups.keys + key[0] * scan->groups.words, key,
		   scan->groups.words * sizeof *key) == 0) {
		*group = (uint32_t)key[0];
		return 0;
	}
	return scan_keys_group(scan, key, group);
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
		result = scan_keys_words(scan, &data[k], count, words, keys + k);
		for (uint32_t i = 0; data[k].nulls != NULL && i < count; i++) {
			if (data_is_null(&data[k], i)) {
				keys[(size_t)i * words + k] = 0;
				keys[(size_t)i * words + keys_count] |= (uint64_t)1 << k;
			}
		}
	}
	return result != 0 ? result : scan_keys_groups(scan, keys, count, out);
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

int
scan_assign(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out)
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
