/*
 * Which group each row of a slice is in: by the tables of scan_codes.c where its
 * keys' dictionary codes have few combinations, else by the keys' words, and run by
 * run where rows come in runs. Between the keys' columns and scan_group.c; must not
 * know aggregates.
 */
#include <string.h>

#include "codec_vector.h"
#include "scan_inside.h"

/* ---- few combinations of codes ---------------------------------------- */

/* out[i] = a[i] * a_step + b[i] * b_step; `b` may be `out`. */
CODEC_CLONES static void
add_steps(const uint32_t *a, uint32_t a_step, const uint32_t *b, uint32_t b_step, uint32_t count,
	  uint32_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = a[i] * a_step + b[i] * b_step;
}

/* The same of codes of a byte each. */
CODEC_CLONES static void
add_bytes(const uint8_t *a, uint32_t a_step, const uint32_t *b, uint32_t b_step, uint32_t count,
	  uint32_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = a[i] * a_step + b[i] * b_step;
}

/* And of both, b_step being 1. */
CODEC_CLONES static void
add_two_bytes(const uint8_t *a, uint32_t a_step, const uint8_t *b, uint32_t count, uint32_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = a[i] * a_step + b[i];
}

/* out[i] = the codes' steps plus what `places` have or, if there are none, `bytes`. */
static void
add_key(const struct data *key, uint32_t step, const uint32_t *places, const uint8_t *bytes,
	uint32_t count, uint32_t *out)
{
	if (key->bytes != NULL && places == NULL)
		add_two_bytes(key->bytes, step, bytes, count, out);
	else if (key->bytes != NULL)
		add_bytes(key->bytes, step, places, 1, count, out);
	else if (places == NULL)
		add_bytes(bytes, 1, key->codes, step, count, out);
	else
		add_steps(key->codes, step, places, 1, count, out);
}

/* out[i] = the codes' steps */
static void
take_key(const struct data *key, uint32_t step, uint32_t count, uint32_t *out)
{
	if (key->bytes != NULL)
		add_bytes(key->bytes, step, out, 0, count, out);
	else
		add_steps(key->codes, step, out, 0, count, out);
}

/* The rows' places in the table: codes as they are, or in `out`. Constant keys only
 * move the table: by *base. */
static const uint32_t *
place_rows(const struct data *data, uint32_t keys_count, uint32_t count, uint32_t *out,
	   uint32_t *base)
{
	const uint32_t *places = NULL;
	const uint8_t *bytes = NULL;
	uint32_t step = 1;

	*base = 0;
	for (uint32_t k = keys_count; k-- > 0; step *= data[k].dictionary->count) {
		if (data[k].constant) {
			*base += data_code(&data[k], 0) * step;
		} else if (places != NULL || bytes != NULL) {
			add_key(&data[k], step, places, bytes, count, out);
			places = out;
		} else if (step == 1) {
			places = data[k].codes;
			bytes = data[k].bytes;
		} else {
			take_key(&data[k], step, count, out);
			places = out;
		}
	}
	if (places != NULL)
		return places;
	codec_bytes_widen(bytes, count, out);
	return out;
}

/* Whether a register holds the table, and each of its entries is known. */
static bool
is_few(const uint32_t *table, uint32_t entries)
{
	if (entries > CODEC_MAP_FEW)
		return false;
	for (uint32_t i = 0; i < entries; i++) {
		if (table[i] == SCAN_UNKNOWN)
			return false;
	}
	return true;
}

static int
assign_dense(struct scan *scan, const struct data *data, uint32_t entries, uint32_t count,
	     uint32_t *out)
{
	uint32_t *table = scan_codes_table(scan, data, entries), base;
	uint32_t *sums = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *sums);
	const uint32_t *places;

	if (table == NULL || sums == NULL)
		return scan_no_memory(scan);
	if (scan->plan->keys_count == 1 && data[0].bytes != NULL && is_few(table, entries) &&
	    codec_bytes_map(table, entries, count, data[0].bytes, out))
		return 0;
	places = place_rows(data, scan->plan->keys_count, count, sums, &base);
	table += base;
	if (is_few(table, entries - base) && codec_map(table, entries - base, count, places, out))
		return 0;
	return scan_codes_map(scan, data, table, places, count, out);
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

	if (coded && scan_codes_are_few(data, scan->plan->keys_count, &entries))
		return assign_dense(scan, data, entries, count, out);
	return assign_words(scan, data, count, out);
}

/* Only ranges need the groups of rows that come in runs. */
static void
spread_runs(const struct scan *scan, const struct scan_runs *runs, uint32_t *groups)
{
	for (uint32_t r = 0; scan->ranges_count > 0 && r < runs->count; r++) {
		for (uint32_t i = runs->firsts[r]; i < runs->firsts[r + 1]; i++)
			groups[i] = runs->groups[r];
	}
}

static int
assign_runs(struct scan *scan, const struct data *data, bool coded, const struct scan_runs *runs,
	    uint32_t *groups)
{
	CODEC_UNSET struct data keys[PLAN_KEYS_MAX];
	int result = 0;

	for (uint32_t k = 0; result == 0 && k < scan->plan->keys_count; k++)
		result = scan_runs_key(scan, runs, &data[k], &keys[k]);
	if (result == 0)
		result = assign_rows(scan, keys, coded, runs->count, runs->groups);
	if (result == 0)
		spread_runs(scan, runs, groups);
	return result;
}

/* Sets *constant to whether all rows have the same. */
static int
evaluate_keys(struct scan *scan, struct evaluation *evaluation, struct data *data, bool *constant)
{
	const struct plan *plan = scan->plan;
	int result = 0;

	*constant = true;
	for (uint32_t k = 0; result == 0 && k < plan->keys_count; k++) {
		result = expression_evaluate(evaluation, plan->keys[k], &data[k]);
		*constant = *constant && result == 0 && data[k].constant;
	}
	return result;
}

/* Places where they are few and nothing is gained by runs. */
static int
find_places(struct scan *scan, const struct data *data, uint32_t count, struct scan_places *out)
{
	uint32_t *sums, entries;

	if (!scan_codes_are_few(data, scan->plan->keys_count, &entries) ||
	    entries > SCAN_PLACES_MAX)
		return 0;
	out->groups = scan_codes_table(scan, data, entries);
	sums = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *sums);
	if (out->groups == NULL || sums == NULL)
		return scan_no_memory(scan);
	out->list = place_rows(data, scan->plan->keys_count, count, sums, &out->base);
	out->count = entries;
	return 0;
}

/* By the only key, of times that ascend; *found: all is done. */
static int
assign_times(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out,
	     bool *found)
{
	const struct plan *plan = scan->plan;
	struct data key;
	uint32_t *groups;
	int result;

	*found = false;
	if (plan->keys_count != 1 || evaluation->slice == NULL)
		return 0;
	result = scan_runs_find_times(scan, evaluation, plan->keys[0], &out->runs, &key);
	if (result != 0 || out->runs.count == 0)
		return result;
	*found = true;
	if ((result = assign_words(scan, &key, out->runs.count, out->runs.groups)) != 0)
		return result;
	if (out->runs.count == 1) {
		out->group = out->runs.groups[0];
		out->runs.count = 0;
		return 0;
	}
	groups = store_arena_alloc(scan->scratch, (evaluation->count + 1u) * sizeof *groups);
	if (groups == NULL)
		return scan_no_memory(scan);
	spread_runs(scan, &out->runs, groups);
	out->groups = groups;
	return 0;
}

/* `places`: NULL, or where they serve in place of groups. */
static int
assign(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out,
       struct scan_places *places)
{
	const struct plan *plan = scan->plan;
	uint32_t count = evaluation->count, *groups;
	CODEC_UNSET struct data data[PLAN_KEYS_MAX];
	bool constant, coded = evaluation->slice != NULL, found;
	int result;

	*out = (struct scan_assigned){.groups = NULL};
	if ((result = assign_times(scan, evaluation, out, &found)) != 0 || found ||
	    (result = evaluate_keys(scan, evaluation, data, &constant)) != 0)
		return result;
	if (constant) /* without keys too */
		return plan->keys_count == 0 ? 0 : assign_words(scan, data, 1, &out->group);
	if ((result = scan_runs_find(scan, data, plan->keys_count, count, &out->runs)) != 0)
		return result;
	if (places != NULL && coded && out->runs.count == 0 &&
	    ((result = find_places(scan, data, count, places)) != 0 || places->count > 0))
		return result;
	out->groups = groups = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *groups);
	if (groups == NULL)
		return scan_no_memory(scan);
	return out->runs.count > 0 ? assign_runs(scan, data, coded, &out->runs, groups)
				   : assign_rows(scan, data, coded, count, groups);
}

int
scan_assign(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out)
{
	return assign(scan, evaluation, out, NULL);
}

int
scan_assign_or_place(struct scan *scan, struct evaluation *evaluation, struct scan_assigned *out,
		     struct scan_places *places)
{
	*places = (struct scan_places){.count = 0};
	return assign(scan, evaluation, out, places);
}

int
scan_assign_places(struct scan *scan, struct evaluation *evaluation, struct scan_places *out)
{
	CODEC_UNSET struct data data[PLAN_KEYS_MAX];
	uint32_t *table, *sums, entries, base;
	bool constant;
	int result = evaluate_keys(scan, evaluation, data, &constant);

	*out = (struct scan_places){.count = 0};
	if (result != 0 || constant || evaluation->slice == NULL ||
	    !scan_codes_are_few(data, scan->plan->keys_count, &entries) ||
	    entries > SCAN_PLACES_MAX || entries > evaluation->count)
		return result;
	table = scan_codes_table(scan, data, entries);
	sums = store_arena_alloc(scan->scratch, (evaluation->count + 1u) * sizeof *sums);
	if (table == NULL || sums == NULL)
		return scan_no_memory(scan);
	base = 0;
	out->bytes = scan->plan->keys_count == 1 ? data[0].bytes : NULL;
	if (out->bytes == NULL)
		out->list =
		    place_rows(data, scan->plan->keys_count, evaluation->count, sums, &base);
	out->groups = table + base;
	out->count = entries - base;
	return 0;
}
