/*
 * Which group each row of a slice is in: by a table of its keys' dictionary codes
 * where these have few combinations, else by the keys' words, and run by run
 * where rows come in runs. Between the keys' columns and scan_group.c; must not
 * know aggregates.
 */
#include <string.h>

#include "codec_vector.h"
#include "scan_inside.h"

/* ---- few combinations of codes ---------------------------------------- */

#define DENSE_ENTRIES_MAX (1u << 18)
/* So many rows are looked up before it is asked whether all of them are known. */
#define DENSE_ROWS SCAN_ASSIGN_ROWS
#define UNKNOWN_BIT (1u << 31)
/* To look at a string in the order of dictionaries takes a tenth of finding it. */
#define CARRIED_PER_ROW 8u

/* Whether all keys are dictionary columns with few combinations in all. */
static bool
is_dense(const struct data *data, uint32_t keys_count, uint32_t *entries)
{
	uint64_t product = 1;

	for (uint32_t k = 0; k < keys_count; k++) {
		if (!data_is_coded(&data[k]) || data[k].nulls != NULL)
			return false;
		if ((product *= data[k].dictionary->count) > DENSE_ENTRIES_MAX)
			return false;
	}
	*entries = (uint32_t)product;
	return true;
}

/* Sets of table[count] the groups of strings that another has, too. Segments'
 * dictionaries ascend, and those of one table are much the same; what does not ascend
 * finds less. */
static void
carry_groups(const struct scan_codes *from, const struct dictionary *dictionary, uint32_t *table)
{
	const struct dictionary *other = &from->dictionary;

	for (uint32_t i = 0, j = 0; i < other->count && j < dictionary->count;) {
		int order =
		    string_compare(dictionary_entry(other, i), dictionary_entry(dictionary, j));

		if (order == 0 && from->table[i] != SCAN_UNKNOWN)
			table[j] = from->table[i];
		i += order <= 0;
		j += order >= 0;
	}
}

/* Whether both have the same strings by the same codes: segments of one table mostly
 * do where a column has few values. */
static bool
is_same_dictionary(const struct dictionary *a, const struct dictionary *b)
{
	if (a->count != b->count)
		return false;
	if (a->chunks == b->chunks)
		return true;
	for (uint32_t i = 0; i < a->count; i++) {
		if (string_compare(dictionary_entry(a, i), dictionary_entry(b, i)) != 0)
			return false;
	}
	return true;
}

/* The current table of one key's codes. */
static struct scan_codes
last_table(const struct dense *dense)
{
	return (struct scan_codes){dense->table, dense->max, dense->ascends,
				   dense->dictionaries[0]};
}

/* Another dictionary's table, of which nothing is known; NULL: no memory. */
static uint32_t *
empty_table(struct scan *scan, uint32_t count)
{
	struct scan_codes *spare = &scan->dense.spare;

	if (spare->table == NULL || spare->max < count) {
		spare->table = store_arena_alloc(scan->arena, count * sizeof *spare->table);
		spare->max = count;
	}
	if (spare->table != NULL)
		memset(spare->table, 0xff, count * sizeof *spare->table);
	return spare->table;
}

/* Whether all groups' strings are among the dictionary's. */
static bool
has_all_groups(const struct scan *scan, const uint32_t *table, uint32_t count)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < count; i++)
		known += table[i] != SCAN_UNKNOWN;
	return known == scan->groups.count;
}

/* A table of one key's dictionary, with what those before know where so many rows are
 * worth it. One is kept: between large segments there may be a small one. */
static uint32_t *
single_table(struct scan *scan, const struct dictionary *dictionary, uint32_t rows)
{
	struct dense *dense = &scan->dense;
	struct scan_codes last = last_table(dense), next, *before = &dense->before;
	bool is_worth = dictionary->count / CARRIED_PER_ROW <= rows;

	if (scan_tally_settle(scan) != 0)
		return NULL;
	if (before->table != NULL && is_same_dictionary(&before->dictionary, dictionary)) {
		next = *before;
		*before = last;
	} else {
		if (empty_table(scan, dictionary->count) == NULL)
			return NULL;
		next = dense->spare;
		if (before->table != NULL && before->dictionary.count / 2 > last.dictionary.count) {
			if (is_worth)
				carry_groups(before, dictionary, next.table);
			dense->spare = last;
		} else {
			dense->spare = *before;
			*before = last;
		}
	}
	if (last.table != NULL && is_worth)
		carry_groups(&last, dictionary, next.table);
	dense->table = next.table;
	dense->max = next.max;
	dense->dictionaries[0] = *dictionary;
	dense->ascends = block_source(scan->slice.block) != NULL;
	dense->emptied++;
	if (scan->strings.hashed_count == 0 && has_all_groups(scan, next.table, dictionary->count))
		scan_keys_stay_sole(scan);
	return next.table;
}

/* Room for so many entries; NULL: no memory. */
static uint32_t *
reserve_table(struct scan *scan, uint32_t entries)
{
	struct dense *dense = &scan->dense;

	if (dense->table != NULL && dense->max >= entries)
		return dense->table;
	if (dense->table != NULL)
		store_arena_release(scan->arena, dense->table, dense->max * sizeof *dense->table);
	dense->table = store_arena_alloc(scan->arena, (size_t)entries * sizeof *dense->table);
	dense->max = entries;
	return dense->table;
}

/* The table of the dictionaries' combinations, kept from slice to slice. */
static uint32_t *
dense_table(struct scan *scan, const struct data *data, uint32_t entries)
{
	struct dense *dense = &scan->dense;
	bool same = dense->table != NULL;

	for (uint32_t k = 0; same && k < scan->plan->keys_count; k++)
		same = is_same_dictionary(&dense->dictionaries[k], data[k].dictionary);
	for (uint32_t k = 0; same && k < scan->plan->keys_count; k++)
		dense->dictionaries[k] = *data[k].dictionary;
	if (same)
		return dense->table;
	if (scan->plan->keys_count == 1)
		return single_table(scan, data[0].dictionary, data[0].count);
	if (reserve_table(scan, entries) == NULL)
		return NULL;
	for (uint32_t k = 0; k < scan->plan->keys_count; k++)
		dense->dictionaries[k] = *data[k].dictionary;
	/* Columns that some blocks lack come and go: the memory serves again. */
	dense->emptied++;
	memset(dense->table, 0xff, (size_t)entries * sizeof *dense->table);
	return dense->table;
}

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

/* out[i] = table[places[i]]; returns the bits that some of them have. Loads one by
 * one: gathering eight at once takes as long. */
static uint32_t
map_rows(const uint32_t *table, const uint32_t *places, uint32_t count, uint32_t *out)
{
	uint32_t all = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < count; i++) {
		uint32_t group = table[places[i]];

		out[i] = group;
		all |= group;
	}
	return all;
}

static int
find_dense_group(struct scan *scan, const struct data *data, uint32_t row, uint32_t hash,
		 uint32_t *group)
{
	uint32_t keys_count = scan->plan->keys_count;
	CODEC_UNSET uint64_t key[PLAN_KEYS_MAX + 1];

	if (scan_keys_intern_hashed(scan, data_string(&data[0], row), hash, true, &key[0]) != 0)
		return STORE_ELIMIT;
	for (uint32_t k = 1; k < keys_count; k++) {
		if (scan_keys_intern(scan, data_string(&data[k], row), true, &key[k]) != 0)
			return STORE_ELIMIT;
	}
	key[keys_count] = 0;
	return scan_keys_group(scan, key, group);
}

/* The same of the only key, a string that is new. */
static int
add_dense_group(struct scan *scan, const struct data *data, uint32_t row, uint32_t *group)
{
	uint64_t key[2] = {0};

	if (scan_keys_add(scan, data_string(data, row), &key[0]) != 0)
		return STORE_ELIMIT;
	return scan_keys_group(scan, key, group);
}

/* The first key's strings lie anywhere in memory, as does what is known of them: those
 * of several rows are asked for at once. hashes[] are theirs. */
static void
fetch_strings(const struct scan *scan, const struct data *data, const uint32_t *rows,
	      uint32_t count, uint32_t *hashes)
{
	const struct dictionary *dictionary = data->dictionary;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t code = data_code(data, data_index(data, rows[i]));

		__builtin_prefetch(&dictionary->chunks[code >> DICTIONARY_CHUNK_BITS]
						      [code & (DICTIONARY_CHUNK_SIZE - 1)]);
	}
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(data_string(data, rows[i]).bytes);
	for (uint32_t i = 0; i < count; i++)
		hashes[i] = scan_keys_hash(scan, data_string(data, rows[i]));
}

/* Whether strings whose groups are unknown are no group's: then they need not be looked
 * up. Segments' strings last. */
static bool
are_new(const struct scan *scan)
{
	if (!scan->groups.are_strings || block_source(scan->slice.block) == NULL)
		return false;
	return scan_keys_are_sole(scan);
}

/* Sets out[i] of rows first ... end - 1 that are SCAN_UNKNOWN, and the table. */
static int
find_unknown(struct scan *scan, const struct data *data, uint32_t *table, const uint32_t *places,
	     uint32_t first, uint32_t end, uint32_t *out)
{
	CODEC_UNSET uint32_t rows[DENSE_ROWS], hashes[DENSE_ROWS];
	bool new = are_new(scan);
	uint32_t count = 0;
	int result = 0;

	for (uint32_t i = first; i < end; i++) {
		rows[count] = i;
		count += out[i] == SCAN_UNKNOWN;
	}
	if (!new)
		fetch_strings(scan, &data[0], rows, count, hashes);
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		uint32_t *group = &table[places[rows[i]]];

		if (*group == SCAN_UNKNOWN)
			result = new ? add_dense_group(scan, data, rows[i], group)
				     : find_dense_group(scan, data, rows[i], hashes[i], group);
		out[rows[i]] = *group;
	}
	return result;
}

int
scan_assign_codes(struct scan *scan, const struct data *key, const uint32_t **table)
{
	uint32_t entries;

	*table = NULL;
	if (!is_dense(key, 1, &entries))
		return 0;
	*table = dense_table(scan, key, entries);
	return *table == NULL ? scan_no_memory(scan) : 0;
}

int
scan_assign_new(struct scan *scan, const struct data *key, uint32_t first, uint32_t end)
{
	CODEC_UNSET uint32_t groups[DENSE_ROWS];
	uint32_t count = end - first, *table = scan->dense.table;
	struct data rows = *key;

	rows.codes += first;
	if (map_rows(table, rows.codes, count, groups) < UNKNOWN_BIT)
		return 0;
	return find_unknown(scan, &rows, table, rows.codes, 0, count, groups);
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

/* Of the scan's tables the one that may know more. */
static struct scan_codes
largest_table(const struct dense *dense)
{
	const struct scan_codes *before = &dense->before;

	return before->table != NULL && before->dictionary.count > dense->dictionaries[0].count
		   ? *before
		   : last_table(dense);
}

bool
scan_assign_carry(const struct scan *scan, const struct scan *from, uint32_t *groups)
{
	struct scan_codes to = largest_table(&scan->dense), of = largest_table(&from->dense);
	bool is_same;

	memset(groups, 0xff, from->groups.count * sizeof *groups);
	if (!scan->groups.are_strings || to.table == NULL || of.table == NULL)
		return false;
	is_same = is_same_dictionary(&to.dictionary, &of.dictionary);
	for (uint32_t i = 0, j = 0; i < of.dictionary.count && j < to.dictionary.count;) {
		int order = is_same ? 0
				    : string_compare(dictionary_entry(&of.dictionary, i),
						     dictionary_entry(&to.dictionary, j));

		if (order == 0 && of.table[i] != SCAN_UNKNOWN)
			groups[of.table[i]] = to.table[j];
		i += order <= 0;
		j += order >= 0;
	}
	return to.ascends && of.ascends && has_all_groups(scan, to.table, to.dictionary.count) &&
	       has_all_groups(from, of.table, of.dictionary.count);
}

static int
assign_dense(struct scan *scan, const struct data *data, uint32_t entries, uint32_t count,
	     uint32_t *out)
{
	uint32_t *table = dense_table(scan, data, entries), base;
	uint32_t *sums = store_arena_alloc(scan->scratch, (count + 1u) * sizeof *sums);
	const uint32_t *places;
	int result = 0;

	if (table == NULL || sums == NULL)
		return scan_no_memory(scan);
	if (scan->plan->keys_count == 1 && data[0].bytes != NULL && is_few(table, entries) &&
	    codec_bytes_map(table, entries, count, data[0].bytes, out))
		return 0;
	places = place_rows(data, scan->plan->keys_count, count, sums, &base);
	table += base;
	if (is_few(table, entries - base) && codec_map(table, entries - base, count, places, out))
		return 0;
	for (uint32_t first = 0, end; result == 0 && first < count; first = end) {
		end = count - first < DENSE_ROWS ? count : first + DENSE_ROWS;
		if (map_rows(table, places + first, end - first, out + first) >= UNKNOWN_BIT)
			result = find_unknown(scan, data, table, places, first, end, out);
	}
	return result;
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
	struct data keys[PLAN_KEYS_MAX];
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

	if (!is_dense(data, scan->plan->keys_count, &entries) || entries > SCAN_PLACES_MAX)
		return 0;
	out->groups = dense_table(scan, data, entries);
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
	struct data data[PLAN_KEYS_MAX];
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
	struct data data[PLAN_KEYS_MAX];
	uint32_t *table, *sums, entries, base;
	bool constant;
	int result = evaluate_keys(scan, evaluation, data, &constant);

	*out = (struct scan_places){.count = 0};
	if (result != 0 || constant || evaluation->slice == NULL ||
	    !is_dense(data, scan->plan->keys_count, &entries) || entries > SCAN_PLACES_MAX ||
	    entries > evaluation->count)
		return result;
	table = dense_table(scan, data, entries);
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
