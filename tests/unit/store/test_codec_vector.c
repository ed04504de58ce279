/*
 * Goal: the loops over vectors do what plain loops over values do, whatever the
 * machine has. Method: each function of codec_vector.h, in both its forms, on
 * seeded random values of every width, count and density of NULL rows, in arrays
 * of exactly the size that it may touch, against a loop that is obvious.
 */
#include "forms.h"

static struct random random_state;
static uint32_t counts[] = {0,  1,  2,  3,  4,  5,   7,    8,    9,   31,
			    32, 33, 63, 64, 65, 100, 1023, 1024, 2048};
#define COUNTS (sizeof counts / sizeof *counts)

static uint64_t
next(void)
{
	return random_next(&random_state);
}

static int
setup(void **state)
{
	(void)state;
	random_state = random_seeded("codec_vector");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	codec_set_plain(false);
	return 0;
}

/* An array that ends where it should. */
static void *
array(size_t count, size_t each)
{
	void *bytes = malloc(count * each + (count == 0));

	assert_non_null(bytes);
	memset(bytes, 0xa5, count * each);
	return bytes;
}

/* ---- unpacking ------------------------------------------------------------- */

/* The bits of value i at their places in the stripes. */
static void
put(unsigned char *packed, uint32_t width, uint32_t i, uint64_t value)
{
	uint32_t lanes = width <= 32 ? 32 : 16, bits = width <= 32 ? 32 : 64;

	for (uint32_t b = 0; b < width; b++) {
		uint32_t bit = i / lanes * width + b;
		uint32_t at = bit / bits * 1024 + i % lanes * bits + bit % bits;

		packed[at / 8] = (unsigned char)(packed[at / 8] | (value >> b & 1) << at % 8);
	}
}

/* values[] as codec_unpack has them. */
static void
check_unpack_shown(const unsigned char *packed, uint32_t width, uint32_t base,
		   const uint32_t *values)
{
	uint64_t *nulls = array(CODEC_GROUP_ROWS / 64, sizeof *nulls);
	uint32_t *out = array(CODEC_GROUP_ROWS, sizeof *out), null = (uint32_t)next();

	for (uint32_t i = 0; i < CODEC_GROUP_ROWS / 64; i++)
		nulls[i] = next() & next();
	if (codec_unpack_shown(packed, width, base, nulls, null, out)) {
		for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++)
			assert_true(out[i] == (nulls[i / 64] >> i % 64 & 1 ? null : values[i]));
	} else {
		assert_true(codec_is_plain() || width == 0 || width > 32);
	}
	free(nulls);
	free(out);
}

/* A byte each of what codec_unpack has. */
static void
check_unpack_bytes(const unsigned char *packed, uint32_t width, uint32_t base,
		   const uint32_t *values)
{
	uint8_t *out = array(CODEC_GROUP_ROWS, 1);

	codec_bytes_unpack(packed, width, base, out);
	for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++)
		assert_int_equal(out[i], values[i] < 255 ? values[i] : 255);
	free(out);
}

static void
check_unpack(uint32_t width, uint64_t base)
{
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	uint64_t *wanted = array(CODEC_GROUP_ROWS, sizeof *wanted);
	unsigned char *packed = array(width * 128u, 1);
	uint32_t *out = array(CODEC_GROUP_ROWS, sizeof *out);
	int64_t *wide = array(CODEC_GROUP_ROWS, sizeof *wide);

	memset(packed, 0, width * 128u);
	for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++) {
		uint64_t value = next() & mask;

		put(packed, width, i, value);
		wanted[i] = base + value;
	}
	codec_unpack(packed, width, (uint32_t)base, out);
	codec_unpack_wide(packed, width, base, wide);
	for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++) {
		assert_true(out[i] == (uint32_t)wanted[i]);
		assert_true((uint64_t)wide[i] == wanted[i]);
	}
	check_unpack_shown(packed, width, (uint32_t)base, out);
	check_unpack_bytes(packed, width, (uint32_t)base, out);
	free(wanted);
	free(packed);
	free(out);
	free(wide);
}

static void
test_unpack(void **state)
{
	if (!forms_choose(state))
		return;
	for (uint32_t width = 0; width <= 64; width++) {
		check_unpack(width, 0);
		check_unpack(width, next());
		check_unpack(width, next() % 300);
	}
}

/* ---- sums ------------------------------------------------------------------ */

static void
check_sums(uint32_t count, uint64_t first)
{
	uint32_t *small = array(count, sizeof *small), *narrow = array(count, sizeof *narrow);
	int64_t *wide = array(count, sizeof *wide), *widened = array(count, sizeof *widened);
	uint64_t sum = first, total = 0, *sums = array(count, sizeof *sums);

	for (uint32_t i = 0; i < count; i++) {
		small[i] = narrow[i] = (uint32_t)(next() % (1u << 21));
		wide[i] = small[i];
		sums[i] = sum += small[i];
		total += small[i];
	}
	assert_true(codec_total(count, small) == total);
	assert_true(codec_total_wide(count, wide) == total);
	assert_true(codec_sum((uint32_t)first, count, narrow) == (uint32_t)sum);
	assert_true(codec_sum_widening(first, count, small, widened) == sum);
	assert_true(codec_sum_wide(first, count, wide) == sum);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(narrow[i] == (uint32_t)sums[i]);
		assert_true((uint64_t)widened[i] == sums[i]);
		assert_true((uint64_t)wide[i] == sums[i]);
		wide[i] = (int64_t)next();
	}
	for (uint32_t i = 0; i < count; i++)
		small[i] = (uint32_t)next();
	total = 0;
	for (uint32_t i = 0; i < count; i++)
		total += small[i];
	assert_true(codec_total(count, small) == total);
	free(small);
	free(narrow);
	free(wide);
	free(widened);
	free(sums);
}

static void
test_sums(void **state)
{
	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		for (size_t i = 0; i < COUNTS; i++) {
			check_sums(counts[i] <= 1024 ? counts[i] : 1024, 0);
			check_sums(counts[i] <= 1024 ? counts[i] : 1024, next());
		}
	}
}

/* ---- tables ---------------------------------------------------------------- */

static void
check_map(uint32_t entries, uint32_t count)
{
	uint32_t *table = array(entries, sizeof *table), *codes = array(count, sizeof *codes);
	uint32_t *out = array(count, sizeof *out), highest = 0;
	int64_t *wide_table = array(entries, sizeof *wide_table),
		*wide = array(count, sizeof *wide);

	for (uint32_t i = 0; i < entries; i++) {
		table[i] = (uint32_t)next();
		wide_table[i] = (int64_t)next();
	}
	for (uint32_t i = 0; i < count; i++) {
		codes[i] = (uint32_t)(next() % entries);
		highest = codes[i] > highest ? codes[i] : highest;
	}
	assert_true(codec_highest(codes, count) == highest);
	assert_true(codec_map(table, entries, count, codes, out));
	assert_true(codec_map_wide(wide_table, entries, count, codes, wide));
	for (uint32_t i = 0; i < count; i++) {
		assert_true(out[i] == table[codes[i]]);
		assert_true(wide[i] == wide_table[codes[i]]);
	}
	for (uint32_t bad = 0; bad < count; bad += 1 + bad / 4) {
		uint32_t kept = codes[bad];

		codes[bad] = next() % 2 ? entries : UINT32_MAX;
		assert_false(codec_map(table, entries, count, codes, out));
		assert_false(codec_map_wide(wide_table, entries, count, codes, wide));
		codes[bad] = kept;
	}
	assert_true(codec_map(table, entries, count, codes, codes)); /* in place */
	free(table);
	free(codes);
	free(out);
	free(wide_table);
	free(wide);
}

static void
check_bytes(uint32_t entries, uint32_t count)
{
	uint32_t *table = array(entries, sizeof *table), *codes = array(count, sizeof *codes);
	uint32_t *out = array(count, sizeof *out), highest = 0;
	uint8_t *bytes = array(count, 1);

	for (uint32_t i = 0; i < entries; i++)
		table[i] = (uint32_t)next();
	for (uint32_t i = 0; i < count; i++)
		codes[i] = (uint32_t)next() >> next() % 32;
	codec_bytes_narrow(codes, count, bytes);
	codec_bytes_widen(bytes, count, out);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(bytes[i], codes[i] < 255 ? codes[i] : 255);
		assert_int_equal(out[i], bytes[i]);
		bytes[i] = (uint8_t)(next() % entries);
		highest = bytes[i] > highest ? bytes[i] : highest;
	}
	assert_int_equal(codec_bytes_highest(bytes, count), highest);
	assert_int_equal(codec_bytes_map(table, entries, count, bytes, out), entries <= 8);
	for (uint32_t i = 0; entries <= 8 && i < count; i++)
		assert_int_equal(out[i], table[bytes[i]]);
	for (uint32_t bad = 0; bad < count; bad += 1 + bad / 4) {
		uint8_t kept = bytes[bad];

		bytes[bad] = next() % 2 ? (uint8_t)entries : 255;
		assert_false(codec_bytes_map(table, entries, count, bytes, out));
		bytes[bad] = kept;
	}
	free(table);
	free(codes);
	free(out);
	free(bytes);
}

static void
test_bytes(void **state)
{
	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		for (uint32_t entries = 1; entries < 11; entries++) {
			for (size_t i = 0; i < COUNTS; i++)
				check_bytes(entries, counts[i]);
		}
	}
}

/* Entries of which the first are evenly spaced, codes of which few or many are
 * theirs. */
static void
check_map_even(uint32_t entries, uint32_t even, uint32_t count)
{
	uint32_t *table = array(entries, sizeof *table), *codes = array(count, sizeof *codes);
	uint32_t *out = array(count, sizeof *out), odd = 0, counted = 7;
	uint32_t step = (uint32_t)next(), share = 1 + (uint32_t)(next() % 30);

	for (uint32_t i = 0; i < entries; i++)
		table[i] = i == 0 ? step : table[i - 1] + step + (i >= even ? i : 0);
	assert_int_equal(codec_evenly(table, entries), even);
	for (uint32_t i = 0; i < count; i++) {
		codes[i] = (uint32_t)(next() % (next() % share == 0 ? entries : even));
		odd += codes[i] >= even;
	}
	assert_true(codec_map_even(table, entries, even, count, codes, out, &counted));
	assert_true(codec_is_plain() || even < 2 || counted <= 7 + odd);
	assert_true(codec_is_plain() || even < 2 || counted + 8 > 7 + odd);
	for (uint32_t i = 0; i < count; i++)
		assert_true(out[i] == table[codes[i]]);
	for (uint32_t bad = 0; bad < count; bad += 1 + bad / 4) {
		uint32_t kept = codes[bad];

		codes[bad] = next() % 2 ? entries : UINT32_MAX;
		assert_false(codec_map_even(table, entries, even, count, codes, out, &counted));
		codes[bad] = kept;
	}
	free(table);
	free(codes);
	free(out);
}

static void
test_map_even(void **state)
{
	static const uint32_t entries[] = {1, 2, 3, 9, 100, 1000};

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		for (size_t e = 0; e < sizeof entries / sizeof *entries; e++) {
			uint32_t least = entries[e] < 2 ? entries[e] : 2, rest = entries[e] - least;

			for (size_t i = 0; i < COUNTS; i++) {
				check_map_even(entries[e], entries[e], counts[i]);
				check_map_even(entries[e], least + (uint32_t)(next() % (rest + 1)),
					       counts[i]);
			}
		}
	}
}

static void
test_map(void **state)
{
	static const uint32_t entries[] = {1, 2, 3, 7, 8, 9, 1000};

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		for (size_t e = 0; e < sizeof entries / sizeof *entries; e++) {
			for (size_t i = 0; i < COUNTS; i++)
				check_map(entries[e], counts[i]);
		}
	}
}

/* ---- NULL rows ------------------------------------------------------------- */

/* Of a bitmap as it lies in a file: bytes, as many as the rows need. */
static void
check_copy(const uint64_t *nulls, uint32_t rows, uint32_t hidden)
{
	size_t words = (rows + 63) / 64, size = (rows + 7) / 8;
	unsigned char *bytes = array(size, 1);
	uint64_t *copy = array(words, sizeof *copy);

	memcpy(bytes, nulls, size);
	assert_int_equal(codec_copy_bits(bytes, size, copy), hidden);
	assert_memory_equal(copy, nulls, words * sizeof *copy);
	free(bytes);
	free(copy);
}

static void
check_nulls(uint32_t rows, uint32_t percent)
{
	uint64_t *nulls = array((rows + 63) / 64, sizeof *nulls);
	uint32_t *out = array(rows, sizeof *out), *set = array(rows, sizeof *set), *dense;
	int64_t *wide = array(rows, sizeof *wide), *wide_dense;
	uint32_t null = (uint32_t)next(), hidden = 0, at = 0;

	memset(nulls, 0, (rows + 63) / 64 * sizeof *nulls);
	for (uint32_t row = 0; row < rows; row++) {
		if (next() % 100 >= percent)
			continue;
		nulls[row / 64] |= (uint64_t)1 << row % 64;
		hidden++;
	}
	dense = array(rows - hidden + CODEC_SPREAD_PADDING, sizeof *dense);
	wide_dense = array(rows - hidden + CODEC_SPREAD_PADDING, sizeof *wide_dense);
	for (uint32_t i = 0; i < rows - hidden; i++) {
		dense[i] = (uint32_t)next();
		wide_dense[i] = (int64_t)next();
	}
	for (uint32_t row = 0; row < rows; row++)
		set[row] = row;
	assert_int_equal(codec_count_bits(nulls, (rows + 63) / 64), hidden);
	check_copy(nulls, rows, hidden);
	codec_spread(nulls, rows, dense, null, out);
	codec_spread_wide(nulls, rows, wide_dense, -5, wide);
	codec_set_nulls(nulls, rows, null, set);
	for (uint32_t row = 0; row < rows; row++) {
		bool is_null = nulls[row / 64] >> row % 64 & 1;

		assert_true(out[row] == (is_null ? null : dense[at]));
		assert_true(wide[row] == (is_null ? -5 : wide_dense[at]));
		assert_true(set[row] == (is_null ? null : row));
		at += !is_null;
	}
	free(nulls);
	free(out);
	free(set);
	free(wide);
	free(dense);
	free(wide_dense);
}

static void
test_nulls(void **state)
{
	static const uint32_t percents[] = {0, 3, 50, 97, 100};

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		for (size_t p = 0; p < sizeof percents / sizeof *percents; p++) {
			for (size_t i = 0; i < COUNTS; i++)
				check_nulls(counts[i], percents[p]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FORMS_TESTS(test_unpack),     cmocka_unit_test(test_sums),
	    cmocka_unit_test(test_map),   cmocka_unit_test(test_map_even),
	    cmocka_unit_test(test_nulls), cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
