/*
 * Tables of dictionary codes: of the keys' combinations, where these are few, the
 * group of each, kept from slice to slice; what one dictionary's tells is carried to
 * the next one's. Between dictionaries and scan_assign.c; must not know runs of rows,
 * nor aggregates.
 */
#include <string.h>

#include "codec_vector.h"
#include "scan_inside.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

#define ENTRIES_MAX (1u << 18)
#define UNKNOWN_BIT (1u << 31)
/* To look at a string in the order of dictionaries takes a tenth of finding it. */
#define CARRIED_PER_ROW 8u

bool
scan_codes_are_few(const struct data *data, uint32_t keys_count, uint32_t *entries)
{
	uint64_t product = 1;

	for (uint32_t k = 0; k < keys_count; k++) {
		if (!data_is_coded(&data[k]) || data[k].nulls != NULL)
			return false;
		if ((product *= data[k].dictionary->count) > ENTRIES_MAX)
			return false;
	}
	*entries = (uint32_t)product;
	return true;
}

/* ---- tables --------------------------------------------------------------- */

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
	return (struct scan_codes){dense->table, dense->max, dense->ascends, dense->meaning,
				   dense->dictionaries[0]};
}

/* Another dictionary's table, of which nothing is known; NULL: no memory. */
static uint32_t *
empty_table(struct scan *scan, uint32_t count)
{
	struct scan_codes *spare = &scan->dense.spare;

	if (spare->table == NULL || spare->max < count) {
		/* A memtable's dictionary may grow with every slice. */
		spare->max = count + count / 2;
		spare->table = store_arena_alloc(scan->arena, spare->max * sizeof *spare->table);
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
		next.meaning = dense->emptied + 1;
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
	dense->meaning = next.meaning;
	dense->dictionaries[0] = *dictionary;
	dense->ascends = block_source(scan->slice.block) != NULL;
	dense->emptied++;
	if (scan->strings.hashed_count == 0 && has_all_groups(scan, next.table, dictionary->count))
		scan_keys_stay_sole(scan);
	return next.table;
}

static bool
are_same_dictionaries(const struct dictionary *list, const struct data *data, uint32_t keys_count)
{
	for (uint32_t k = 0; k < keys_count; k++) {
		if (!is_same_dictionary(&list[k], data[k].dictionary))
			return false;
	}
	return true;
}

static struct scan_combinations
last_combinations(const struct dense *dense, uint32_t keys_count)
{
	struct scan_combinations last = {
	    .table = dense->table, .max = dense->max, .entries = 1, .meaning = dense->meaning};

	for (uint32_t k = 0; k < keys_count; k++) {
		last.dictionaries[k] = dense->dictionaries[k];
		last.entries *= last.dictionaries[k].count;
	}
	return last;
}

/* Of two tables' memory one that has room for so many entries; NULL: no memory. */
static uint32_t *
take_memory(struct scan *scan, struct scan_combinations *of, uint32_t entries)
{
	if (of->table != NULL && of->max >= entries)
		return of->table;
	if (of->table != NULL)
		store_arena_release(scan->arena, of->table, of->max * sizeof *of->table);
	of->max = entries;
	return store_arena_alloc(scan->arena, (size_t)entries * sizeof *of->table);
}

/* A table of several keys' dictionaries. The one before is kept, unless it is small: what
 * its places are goes on when a small segment's rows are through. */
static uint32_t *
combined_table(struct scan *scan, const struct data *data, uint32_t entries)
{
	struct dense *dense = &scan->dense;
	uint32_t keys_count = scan->plan->keys_count;
	struct scan_combinations last = last_combinations(dense, keys_count), next;
	struct scan_combinations *before = &dense->combinations;

	dense->emptied++;
	if (before->table != NULL &&
	    are_same_dictionaries(before->dictionaries, data, keys_count)) {
		next = *before;
		*before = last;
	} else {
		if (last.table != NULL &&
		    (before->table == NULL || last.entries >= before->entries / 2)) {
			next = *before;
			*before = last;
		} else {
			next = last;
		}
		next.table = take_memory(scan, &next, entries);
		next.meaning = dense->emptied;
		if (next.table != NULL)
			memset(next.table, 0xff, (size_t)entries * sizeof *next.table);
	}
	dense->table = next.table;
	dense->max = next.max;
	dense->meaning = next.meaning;
	return next.table;
}

uint32_t *
scan_codes_table(struct scan *scan, const struct data *data, uint32_t entries)
{
	struct dense *dense = &scan->dense;
	uint32_t keys_count = scan->plan->keys_count, *table = dense->table;

	if (table == NULL || !are_same_dictionaries(dense->dictionaries, data, keys_count)) {
		if (keys_count == 1)
			return single_table(scan, data[0].dictionary, data[0].count);
		table = combined_table(scan, data, entries);
	}
	for (uint32_t k = 0; k < keys_count; k++)
		dense->dictionaries[k] = *data[k].dictionary;
	return table;
}

/* ---- codes that no table knows --------------------------------------------- */

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
find_group(struct scan *scan, const struct data *data, uint32_t row, uint32_t hash, uint32_t *group)
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

/* The same of rows[count] by the only key, where strings of unknown groups are new. */
static int
add_unknown(struct scan *scan, const struct dictionary *dictionary, uint32_t *table,
	    const uint32_t *places, const uint32_t *rows, uint32_t count, uint32_t *out)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t code = places[rows[i]];

		__builtin_prefetch(&dictionary->chunks[code >> DICTIONARY_CHUNK_BITS]
						      [code & (DICTIONARY_CHUNK_SIZE - 1)]);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t code = places[rows[i]];

		if (table[code] == SCAN_UNKNOWN &&
		    scan_keys_add(scan, dictionary_entry(dictionary, code), &table[code]) != 0)
			return STORE_ELIMIT;
		out[rows[i]] = table[code];
	}
	return 0;
}

#define UNKNOWN_AT_ONCE 16u

#if CODEC_HAS_AVX2
/* Of whole vectors: where the rest begins. */
CODEC_AVX512 static uint32_t
list_unknown_avx512(const uint32_t *groups, uint32_t first, uint32_t end, uint32_t *rows,
		    uint32_t *count)
{
	const __m512i unknown = _mm512_set1_epi32((int)SCAN_UNKNOWN);
	const __m512i step = _mm512_set1_epi32(UNKNOWN_AT_ONCE);
	__m512i numbers = _mm512_add_epi32(
	    _mm512_set1_epi32((int)first),
	    _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
	uint32_t found = 0;

	for (; first + UNKNOWN_AT_ONCE <= end; first += UNKNOWN_AT_ONCE) {
		__mmask16 are =
		    _mm512_cmpeq_epi32_mask(_mm512_loadu_si512(groups + first), unknown);

		_mm512_storeu_si512(rows + found, _mm512_maskz_compress_epi32(are, numbers));
		found += (uint32_t)__builtin_popcount(are);
		numbers = _mm512_add_epi32(numbers, step);
	}
	*count = found;
	return first;
}
#endif

/* rows[] of groups[first] ... groups[end - 1] that are SCAN_UNKNOWN, with room for
 * UNKNOWN_AT_ONCE more; how many. */
static uint32_t
list_unknown(const uint32_t *groups, uint32_t first, uint32_t end, uint32_t *rows)
{
	uint32_t count = 0;

#if CODEC_HAS_AVX2
	if (codec_has_avx512())
		first = list_unknown_avx512(groups, first, end, rows, &count);
#endif
	for (uint32_t i = first; i < end; i++) {
		rows[count] = i;
		count += groups[i] == SCAN_UNKNOWN;
	}
	return count;
}

/* Sets out[i] of rows first ... end - 1 that are SCAN_UNKNOWN, and the table. */
static int
find_unknown(struct scan *scan, const struct data *data, uint32_t *table, const uint32_t *places,
	     uint32_t first, uint32_t end, uint32_t *out)
{
	CODEC_UNSET uint32_t rows[SCAN_CODES_ROWS + UNKNOWN_AT_ONCE], hashes[SCAN_CODES_ROWS];
	uint32_t count = list_unknown(out, first, end, rows);
	int result = 0;

	if (are_new(scan))
		return add_unknown(scan, data->dictionary, table, places, rows, count, out);
	fetch_strings(scan, &data[0], rows, count, hashes);
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		uint32_t *group = &table[places[rows[i]]];

		if (*group == SCAN_UNKNOWN)
			result = find_group(scan, data, rows[i], hashes[i], group);
		out[rows[i]] = *group;
	}
	return result;
}

int
scan_codes_map(struct scan *scan, const struct data *data, uint32_t *table, const uint32_t *places,
	       uint32_t count, uint32_t *out)
{
	int result = 0;

	for (uint32_t first = 0, end; result == 0 && first < count; first = end) {
		end = count - first < SCAN_CODES_ROWS ? count : first + SCAN_CODES_ROWS;
		if (map_rows(table, places + first, end - first, out + first) >= UNKNOWN_BIT)
			result = find_unknown(scan, data, table, places, first, end, out);
	}
	return result;
}

int
scan_codes_of_key(struct scan *scan, const struct data *key, const uint32_t **table)
{
	uint32_t entries;

	*table = NULL;
	if (!scan_codes_are_few(key, 1, &entries))
		return 0;
	*table = scan_codes_table(scan, key, entries);
	return *table == NULL ? scan_no_memory(scan) : 0;
}

int
scan_codes_new(struct scan *scan, const struct data *key, uint32_t first, uint32_t end)
{
	CODEC_UNSET uint32_t groups[SCAN_CODES_ROWS];
	uint32_t count = end - first, *table = scan->dense.table;
	struct data rows = *key;

	rows.codes += first;
	if (map_rows(table, rows.codes, count, groups) < UNKNOWN_BIT)
		return 0;
	return find_unknown(scan, &rows, table, rows.codes, 0, count, groups);
}

/* ---- another thread's ------------------------------------------------------- */

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
scan_codes_carry(const struct scan *scan, const struct scan *from, uint32_t *groups)
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
