/*
 * Goal: rows counted by groups are as many as they are, whatever way the number of
 * groups and of rows makes it be done, and however they alternate. Method: random
 * slices of few and many groups, evenly spread or mostly one, into one aggregate,
 * against a count row by row.
 */
#include "check.h"

#include <stdio.h>

#include "store/aggregate.h"

#define GROUPS 300u
#define ROWS 4096u

static uint64_t seed;

static uint64_t
next(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* groups[count] below a limit; the last of them sometimes only in the last row. */
static uint32_t
draw_groups(uint32_t *groups)
{
	static const uint32_t limits[] = {1, 2, 3, 7, 8, 9, 40, 127, 128, 129, GROUPS};
	uint32_t limit = limits[next() % (sizeof limits / sizeof *limits)];
	uint32_t count = (uint32_t)(next() % 4 == 0 ? next() % 200 : next() % (ROWS + 1));
	uint32_t first = (uint32_t)(next() % limit);
	bool mostly_one = next() % 2;

	for (uint32_t i = 0; i < count; i++)
		groups[i] = mostly_one && next() % 16 != 0 ? first : (uint32_t)(next() % limit);
	if (count > 0 && next() % 2)
		groups[count - 1] = limit - 1;
	return count;
}

static void
test_random(void **state)
{
	static const struct aggregate aggregate = {.kind = AGGREGATE_COUNT,
						   .type = {.type = STORE_R_UINT64}};
	static uint32_t groups[ROWS];
	uint64_t wanted[GROUPS] = {0};
	struct store_arena *arena = store_arena_create(0);
	struct aggregate_states *states = aggregate_create(&aggregate, arena, 7);
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = arena, .count = GROUPS, .error = &error};
	struct aggregate_input input = {.groups = groups};
	struct data out;

	(void)state;
	assert_non_null(states);
	assert_int_equal(aggregate_reserve(states, GROUPS), 0);
	for (int slice = 0; slice < 2000; slice++) {
		uint32_t count = draw_groups(groups);

		for (uint32_t i = 0; i < count; i++)
			wanted[groups[i]]++;
		assert_int_equal(aggregate_add(states, count, &input), 0);
		if (slice % 10 != 0)
			continue;
		assert_int_equal(aggregate_finish(states, NULL, GROUPS, &evaluation, &out), 0);
		for (uint32_t g = 0; g < GROUPS; g++) {
			if (out.n.u[g] != wanted[g])
				fail_msg("slice %d, group %u: %llu rows, not %llu", slice, g,
					 (unsigned long long)out.n.u[g],
					 (unsigned long long)wanted[g]);
		}
	}
	store_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	seed = random_seeded("aggregate_tally").state;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
