/*
 * Goal: the groups of combinations of dictionary codes are known again when rows of a small
 * segment, with other dictionaries, lie between those of large ones; and combinations of
 * different dictionaries are never taken for each other. Method: dictionaries of one key and
 * of two, in turn, as segments have them; a table that comes again has what was written to it
 * and the meaning that it had, one that is new has nothing and a meaning of its own. Rows of
 * random codes get the groups of their strings, by any vectors.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"

#include "store/codec_vector.h"
#include "store/scan_inside.h"
#include "store/snapshot_inside.h"

#define STRINGS_MAX 40u

struct strings_of_test {
	char texts[STRINGS_MAX][8];
	struct store_str list[STRINGS_MAX];
	const struct store_str *chunks[1];
	struct dictionary dictionary;
};

/* s<first>, s<first + 1>, ... */
static void
fill(struct strings_of_test *strings, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		int size = snprintf(strings->texts[i], 8, "s%03u", first + i);

		strings->list[i] = (struct store_str){strings->texts[i], (uint32_t)size};
	}
	strings->chunks[0] = strings->list;
	strings->dictionary = (struct dictionary){count, strings->chunks};
}

/* The table of dictionaries of s<first> and so many; the other keys' have one string. */
static uint32_t *
table_of(struct scan *scan, struct strings_of_test *strings, uint32_t first, uint32_t count)
{
	static struct strings_of_test one;
	struct data data[2] = {{.count = 1000}, {.count = 1000}};

	fill(strings, first, count);
	fill(&one, 0, 1);
	data[0].dictionary = &strings->dictionary;
	data[1].dictionary = &one.dictionary;
	return scan_codes_table(scan, data, count);
}

static void
check_keys(uint32_t keys_count)
{
	static struct strings_of_test large, again, small, other, large_again;
	struct plan plan = {.keys_count = keys_count};
	struct store_arena *arena = store_arena_create(0);
	struct block block = {.segment = NULL};
	struct scan scan = {.plan = &plan, .arena = arena, .slice = {.block = &block}};
	uint64_t meaning, meaning_small, meaning_other;
	uint32_t *table = table_of(&scan, &large, 0, 30);

	assert_non_null(table);
	for (uint32_t i = 0; i < 30; i++) {
		assert_int_equal(table[i], SCAN_UNKNOWN);
		table[i] = 100 + i;
	}
	meaning = scan.dense.meaning;
	assert_ptr_equal(table_of(&scan, &again, 0, 30), table);
	assert_int_equal(scan.dense.meaning, meaning);

	table = table_of(&scan, &small, 50, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(table[i], SCAN_UNKNOWN);
	meaning_small = scan.dense.meaning;
	assert_int_not_equal(meaning_small, meaning);

	table = table_of(&scan, &again, 0, 30);
	assert_int_equal(scan.dense.meaning, meaning);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(table[i], 100 + i);

	/* As many, but others; then both are there. */
	table = table_of(&scan, &other, 60, 30);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(table[i], SCAN_UNKNOWN);
	meaning_other = scan.dense.meaning;
	assert_int_not_equal(meaning_other, meaning);
	assert_int_not_equal(meaning_other, meaning_small);
	for (uint32_t i = 0; i < 30; i++)
		table[i] = 200 + i;
	table = table_of(&scan, &large_again, 0, 30);
	assert_int_equal(scan.dense.meaning, meaning);
	assert_int_equal(table[29], 129);
	table = table_of(&scan, &other, 60, 30);
	assert_int_equal(scan.dense.meaning, meaning_other);
	assert_int_equal(table[0], 200);

	/* Larger than any before. */
	table = table_of(&scan, &large, 0, 40);
	for (uint32_t i = 0; keys_count > 1 && i < 40; i++)
		assert_int_equal(table[i], SCAN_UNKNOWN);
	assert_true(scan.dense.max >= 40);
	store_arena_free(arena);
}

static void
test_two_keys(void **state)
{
	(void)state;
	check_keys(2);
}

static void
test_one_key(void **state)
{
	(void)state;
	check_keys(1);
}

#define ROWS 700u

/* Groups of rows whose strings come in any order, by the vectors that `forms` allow: each
 * string has its own, by the order of the first rows. */
static void
check_rows(int forms, struct random *random)
{
	static struct strings_of_test strings;
	struct plan plan = {.keys_count = 1};
	struct scan_limits limits = {.groups_max = STRINGS_MAX};
	struct store_arena *arena = store_arena_create(0);
	struct block block = {.segment = NULL};
	struct scan scan = {.plan = &plan,
			    .arena = arena,
			    .limits = &limits,
			    .groups = {.words = 2, .are_strings = true},
			    .slice = {.block = &block}};
	uint32_t *table = table_of(&scan, &strings, 0, STRINGS_MAX);
	uint32_t codes[ROWS], out[ROWS], wanted[STRINGS_MAX], known = 0;
	struct data data = {.dictionary = &strings.dictionary, .codes = codes, .count = ROWS};

	codec_limit_forms(forms);
	memset(wanted, 0xff, sizeof wanted);
	for (uint32_t slice = 0; slice < 20; slice++) {
		uint32_t count = slice == 0 ? ROWS : (uint32_t)random_below(random, ROWS + 1);
		uint32_t few = 1 + (uint32_t)random_below(random, slice < 10 ? 8 : STRINGS_MAX);

		for (uint32_t i = 0; i < count; i++) {
			codes[i] = (uint32_t)random_below(random, few);
			out[i] = 12345;
		}
		assert_int_equal(scan_codes_map(&scan, &data, table, codes, count, out), 0);
		for (uint32_t i = 0; i < count; i++) {
			if (wanted[codes[i]] == SCAN_UNKNOWN)
				wanted[codes[i]] = known++;
			assert_int_equal(out[i], wanted[codes[i]]);
		}
		assert_int_equal(scan.groups.count, known);
	}
	codec_limit_forms(CODEC_FORMS_VBMI);
	store_arena_free(arena);
}

static void
test_rows(void **state)
{
	struct random random = random_seeded("scan_codes");

	(void)state;
	for (uint32_t round = 0; round < 50; round++) {
		check_rows(CODEC_FORMS_PLAIN, &random);
		check_rows(CODEC_FORMS_AVX512, &random);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_two_keys),
	    cmocka_unit_test(test_one_key),
	    cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
