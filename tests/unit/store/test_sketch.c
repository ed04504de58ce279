/*
 * Goal: quantiles are exact for up to SKETCH_EXACT_MAX values and for values
 * that are no stored integers, and within 0.4 % beyond, in whatever order the
 * values come. Method: random weighted values of several shapes (seeded)
 * against the sorted array; the shapes include those that fill a bucket from
 * one side, negative values and values too large for the histogram.
 */
#include "check.h"

#include <math.h>

#include "store/sketch.h"

#define VALUES_MAX 20000u
#define ERROR_MAX 0.004

struct item {
	double value;
	uint64_t weight;
};

static int
compare_items(const void *a, const void *b)
{
	double x = ((const struct item *)a)->value, y = ((const struct item *)b)->value;

	return (x > y) - (x < y);
}

static double
item_at(const struct item *sorted, uint32_t count, uint64_t rank)
{
	for (uint32_t i = 0; i < count; i++) {
		if (rank < sorted[i].weight)
			return sorted[i].value;
		rank -= sorted[i].weight;
	}
	return sorted[count - 1].value;
}

/* quantileExactWeightedInterpolated, and how far off an answer may be. */
static double
naive_quantile(const struct item *sorted, uint32_t count, double level, double *error)
{
	uint64_t total = 0;
	double position, part, low, high;

	for (uint32_t i = 0; i < count; i++)
		total += sorted[i].weight;
	position = level * (double)(total - 1);
	part = position - floor(position);
	low = item_at(sorted, count, (uint64_t)position);
	high = part > 0 ? item_at(sorted, count, (uint64_t)position + 1) : low;
	*error = ERROR_MAX * (fabs(low) * (1 - part) + fabs(high) * part);
	return low == high ? low : low * (1 - part) + high * part;
}

enum shape { UNIFORM, SKEWED, SMALL, CLUSTERS, POWERS, SIGNED, HUGE_ONES, SHAPES };

/* A whole number of 1 / scale. */
static double
random_value(struct random *random, enum shape shape, uint32_t scale)
{
	double integer = 0, unit = (double)random_below(random, 1u << 30) / (1u << 30);

	switch (shape) {
	case UNIFORM:
		integer = (double)random_below(random, 100000);
		break;
	case SKEWED: /* as load times are */
		integer = floor(exp(7 + 3 * unit * unit));
		break;
	case SMALL:
		integer = (double)random_below(random, 40);
		break;
	case CLUSTERS: /* both ends of a bucket of 256 an octave, and little else */
		integer = 65536 + (random_below(random, 50) != 0 ? 0 : 255);
		break;
	case POWERS:
		integer = (double)(1ull << random_below(random, 62));
		break;
	case SIGNED:
		integer = (double)random_below(random, 4000) - 1000;
		break;
	default:
		integer = random_below(random, 2) ? 9.5e18 + floor(unit * 1e6) * 1e14
						  : (double)random_below(random, 1000);
		break;
	}
	return integer / scale;
}

static struct sketch *
fill(struct store_arena *arena, uint32_t scale, const struct item *items, uint32_t count)
{
	struct sketch *sketch = sketch_create(arena, scale);

	assert_non_null(sketch);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(sketch_add(sketch, items[i].value, items[i].weight), 0);
	return sketch;
}

/* The same values in another order. */
static void
shuffle(struct random *random, struct item *items, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)random_below(random, i);
		struct item item = items[i - 1];

		items[i - 1] = items[j];
		items[j] = item;
	}
}

static void
check_one(struct random *random, enum shape shape, uint32_t scale, uint32_t count, bool exact)
{
	static struct item items[VALUES_MAX];
	struct store_arena *arena = store_arena_create(0);
	struct sketch *sketch, *other;
	bool weighted = random_below(random, 2) == 0;

	for (uint32_t i = 0; i < count; i++) {
		items[i].value = random_value(random, shape, scale == 0 ? 1 : scale);
		items[i].weight = weighted ? 1 + random_below(random, 100) : 1;
	}
	sketch = fill(arena, scale, items, count);
	shuffle(random, items, count);
	other = fill(arena, scale, items, count);
	qsort(items, count, sizeof *items, compare_items);
	for (int i = 0; i <= 50; i++) {
		double level = i == 50 ? 0.999 : i / 49.0, error;
		double wanted = naive_quantile(items, count, level, &error);
		double found = sketch_quantile(sketch, level);

		if (exact)
			error = fabs(wanted) * 1e-12;
		if (!(fabs(found - wanted) <= error))
			fail_msg("shape %d, scale %u, %u values: level %g gives %.17g, not %.17g",
				 (int)shape, scale, count, level, found, wanted);
		if (found != sketch_quantile(other, level))
			fail_msg("shape %d, level %g: the order matters", (int)shape, level);
	}
	store_arena_free(arena);
}

static void
test_exact(void **state)
{
	static const uint32_t counts[] = {1, 2, 3, 100, SKETCH_EXACT_MAX};
	struct random random = random_seeded("exact");

	(void)state;
	for (int shape = 0; shape < SHAPES; shape++) {
		for (int i = 0; i < 5; i++) {
			check_one(&random, (enum shape)shape, 10, counts[i], true);
			check_one(&random, (enum shape)shape, 0, counts[i], true);
		}
		check_one(&random, (enum shape)shape, 0, VALUES_MAX, true);
	}
}

static void
test_bound(void **state)
{
	static const uint32_t counts[] = {SKETCH_EXACT_MAX + 1, 3000, VALUES_MAX};
	struct random random = random_seeded("bound");

	(void)state;
	for (int shape = 0; shape < SHAPES; shape++) {
		for (int i = 0; i < 3; i++) {
			check_one(&random, (enum shape)shape, 1, counts[i], false);
			check_one(&random, (enum shape)shape, 10000, counts[i], false);
		}
	}
	/* Below 512 units a bucket holds one integer: counts stay exact. */
	check_one(&random, SMALL, 1, VALUES_MAX, true);
}

static void
test_infinite(void **state)
{
	struct store_arena *arena = store_arena_create(0);
	struct sketch *sketch = sketch_create(arena, 1);

	(void)state;
	for (uint32_t i = 0; i < 2 * SKETCH_EXACT_MAX; i++)
		assert_int_equal(sketch_add(sketch, i, 1), 0);
	assert_int_equal(sketch_add(sketch, INFINITY, 1), 0);
	assert_int_equal(sketch_add(sketch, -INFINITY, 1), 0);
	assert_true(sketch_quantile(sketch, 0) == -INFINITY);
	assert_true(sketch_quantile(sketch, 1) == INFINITY);
	assert_true(fabs(sketch_quantile(sketch, 0.5) - 1023.5) < 5);
	store_arena_free(arena);
}

static void
test_keys(void **state)
{
	struct store_arena *arena = store_arena_create(0);
	struct sketch *sketch = sketch_create(arena, SKETCH_KEYS);
	struct sketch *other = sketch_create(arena, SKETCH_KEYS);

	(void)state;
	/* Enough to be compressed on the way, and one apart where doubles are 2,048 apart. */
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(
		    sketch_add_key(i % 2 == 0 ? sketch : other, UINT64_MAX - i % 5001, 1), 0);
	assert_int_equal(sketch_merge(sketch, other, arena), 0);
	assert_true(sketch_quantile_key(sketch, 0, false) == UINT64_MAX - 5000);
	assert_true(sketch_quantile_key(sketch, 1, false) == UINT64_MAX);
	/* Of 20,000 the one behind 10,000: 4 * 3 of the last four, 4 each of 4996 to 2500. */
	assert_true(sketch_quantile_key(sketch, 0.5, false) == UINT64_MAX - 2499);
	assert_int_equal(sketch_add_key(sketch, 7, 20000), 0);
	assert_true(sketch_quantile_key(sketch, 0.5, false) == 7);
	store_arena_free(arena);
}

/* Values that are there often, in two sketches: each joins equal ones before they meet. */
static void
test_merge_exact(void **state)
{
	struct store_arena *arena = store_arena_create(0);
	struct sketch *sketches[3], *keys[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		sketches[i] = sketch_create(arena, 0);
		keys[i] = sketch_create(arena, SKETCH_KEYS);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		assert_int_equal(sketch_add(sketches[i % 2], i % 5000, 1), 0);
		assert_int_equal(sketch_add(sketches[2], i % 5000, 1), 0);
		assert_int_equal(sketch_add_key(keys[i % 2], i % 5000, 1), 0);
		assert_int_equal(sketch_add_key(keys[2], i % 5000, 1), 0);
	}
	assert_int_equal(sketch_merge(sketches[0], sketches[1], arena), 0);
	assert_int_equal(sketch_merge(keys[0], keys[1], arena), 0);
	for (int i = 0; i <= 100; i++) {
		double level = i / 100.0, wanted = fmin(floor(level * 20000 / 4), 4999);

		for (int k = 0; k < 3; k += 2) {
			assert_true(sketch_quantile_exact(sketches[k], level, false) == wanted);
			assert_int_equal(sketch_quantile_key(keys[k], level, false), wanted);
		}
	}
	/* Weights of what is merged count: the middle of 10,008 lies between two values. */
	assert_int_equal(sketch_add(sketches[1], 0, 4), 0);
	sketches[2] = sketch_create(arena, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(sketch_add(sketches[2], 5 + i, 1), 0);
	assert_int_equal(sketch_merge(sketches[2], sketches[1], arena), 0);
	assert_true(sketch_quantile_exact(sketches[2], 0.5, false) == 2497);
	store_arena_free(arena);
}

static void
test_memory(void **state)
{
	struct store_arena *arena = store_arena_create(40000);
	struct sketch *sketch = sketch_create(arena, 0);
	int result = 0;

	(void)state;
	for (uint32_t i = 0; result == 0 && i < 10000; i++)
		result = sketch_add(sketch, i, 1);
	assert_int_equal(result, STORE_ELIMIT);
	store_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exact),       cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_infinite),    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_merge_exact), cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
