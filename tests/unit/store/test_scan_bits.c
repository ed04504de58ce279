/*
 * Goal: bitmaps of wanted dictionary entries are the same whether codes take a byte
 * or a word; those of spans of numbers have the numbers that are within. Method: seeded random
 * codes of small dictionaries, of which a run, some or none are wanted, at every count around whole
 * words, in all forms of the loops, against a look at each row. And the rows of a bitmap of any
 * density are listed, in memory that has room for as many as there may be.
 */
#include "forms.h"

#include "store/scan_inside.h"

#define ENTRIES 255u
#define COUNT_MAX 200u

static struct random random_state;

static void
check_bits(uint32_t count, bool is_run)
{
	uint64_t by_bytes[COUNT_MAX / 64 + 1], by_words[COUNT_MAX / 64 + 1];
	uint32_t first = (uint32_t)random_below(&random_state, ENTRIES),
		 last = first + (uint32_t)random_below(&random_state, ENTRIES - first), *codes;
	uint8_t wanted[ENTRIES], *bytes = malloc(count + (count == 0)); /* ends where it should */
	struct scan_entries entries = {
	    .wanted = wanted, .first = first, .last = last, .is_run = is_run};

	codes = malloc((count + 1) * sizeof *codes);
	assert_true(bytes != NULL && codes != NULL);
	for (uint32_t i = 0; i < ENTRIES; i++)
		wanted[i] = is_run ? i >= first && i <= last : random_below(&random_state, 2) == 1;
	for (uint32_t i = 0; i < count; i++)
		codes[i] = bytes[i] = (uint8_t)random_below(&random_state, ENTRIES);
	scan_bits_of_bytes(&entries, bytes, count, by_bytes);
	scan_bits_of_entries(&entries, codes, count, by_words);
	for (uint32_t i = 0; i < (count + 63) / 64 * 64; i++) {
		bool bit = i < count && wanted[codes[i]];

		assert_int_equal(by_bytes[i / 64] >> i % 64 & 1, bit);
		assert_int_equal(by_words[i / 64] >> i % 64 & 1, bit);
	}
	free(bytes);
	free(codes);
}

/* Numbers near the ends of a few spans, of which keys are made by flipping the sign. */
static void
check_spans(uint32_t count)
{
	uint64_t sign = (uint64_t)1 << 63, bits[COUNT_MAX / 64 + 1], key = sign;
	struct scan_span spans[5];
	struct scan_condition condition = {.spans = spans, .bias = sign};
	int64_t *values = malloc((count + (count == 0)) * sizeof *values);

	assert_non_null(values);
	condition.spans_count = (uint32_t)random_below(&random_state, 6);
	key -= random_below(&random_state, 40);
	for (uint32_t s = 0; s < condition.spans_count; s++) {
		spans[s].first = key + random_below(&random_state, 10);
		spans[s].last = spans[s].first + random_below(&random_state, 10);
		key = spans[s].last + 1;
	}
	for (uint32_t i = 0; i < count; i++) {
		values[i] = (int64_t)random_below(&random_state, 100) - 50;
		if (random_below(&random_state, 20) == 0)
			values[i] = (int64_t)random_next(&random_state);
	}
	scan_bits_of_spans(&condition, values, count, bits);
	for (uint32_t i = 0; i < (count + 63) / 64 * 64; i++) {
		bool bit = false;

		for (uint32_t s = 0; i < count && s < condition.spans_count; s++)
			bit |= ((uint64_t)values[i] ^ sign) >= spans[s].first &&
			       ((uint64_t)values[i] ^ sign) <= spans[s].last;
		assert_int_equal(bits[i / 64] >> i % 64 & 1, bit);
	}
	free(values);
}

static void
test_bits(void **state)
{
	(void)state;
	random_state = random_seeded("scan_bits");
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		for (uint32_t count = 0; count <= COUNT_MAX; count++) {
			check_bits(count, true);
			check_bits(count, false);
			check_spans(count);
		}
	}
	codec_set_plain(false);
}

static void
check_rows(uint32_t count, uint32_t percent)
{
	uint64_t bits[COUNT_MAX / 64 + 1] = {0};
	uint32_t *rows = malloc((count + (count == 0)) * sizeof *rows), wanted = 0, found;

	assert_non_null(rows); /* ends where it should */
	for (uint32_t i = 0; i < count; i++)
		bits[i / 64] |= (uint64_t)(random_below(&random_state, 100) < percent) << i % 64;
	found = scan_bits_rows(bits, count, rows);
	for (uint32_t i = 0; i < count; i++) {
		if ((bits[i / 64] >> i % 64 & 1) == 0)
			continue;
		assert_true(wanted < found);
		assert_int_equal(rows[wanted++], i);
	}
	assert_int_equal(wanted, found);
	free(rows);
}

static void
test_rows(void **state)
{
	static const uint32_t percents[] = {0, 2, 20, 50, 90, 100};

	if (!forms_choose(state))
		return;
	random_state = random_seeded("scan_bits_rows");
	for (uint32_t count = 0; count <= COUNT_MAX; count++) {
		for (uint32_t i = 0; i < sizeof percents / sizeof *percents; i++)
			check_rows(count, percents[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bits),
	    FORMS_TESTS(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
