/*
 * Goal: rows of places without bytes are listed, all of them and no others, whatever forms
 * of the loops serve, of few places and of more than fit registers, at any base. Method:
 * random places (seeded), compared with looking at each row; nothing is written behind as
 * many rows as there are.
 */
#include "forms.h"

#include "store/aggregate_inside.h"

#define PLACES_MAX 1100u
#define ROWS 300u

static struct random random_state;

static void
check(uint32_t places_count, uint32_t base, uint32_t share, uint32_t count)
{
	static uint8_t unlit[PLACES_MAX + AGGREGATE_UNLIT_PADDING];
	static uint32_t list[ROWS], rows[ROWS + 1];
	struct aggregate_states states = {.unlit = unlit, .cells_count = places_count};
	struct aggregate_places places = {.list = list, .base = base, .count = places_count};
	uint32_t listed, at = 0;

	memset(unlit, 1, sizeof unlit); /* what is behind the last place is nobody's */
	for (uint32_t p = 0; p < places_count; p++)
		unlit[p] = random_below(&random_state, 100) < share;
	for (uint32_t i = 0; i < count; i++)
		list[i] = (uint32_t)random_below(&random_state, places_count - base);
	rows[count] = UINT32_MAX;
	listed = aggregate_unlit_list(&states, &places, count, rows);
	assert_int_equal(rows[count], UINT32_MAX);
	for (uint32_t i = 0; i < count; i++) {
		if (!unlit[list[i] + base])
			continue;
		assert_true(at < listed);
		assert_int_equal(rows[at++], i);
	}
	assert_int_equal(at, listed);
}

static void
test_list(void **state)
{
	static const uint32_t counts[] = {1, 31, 32, 63, 64, 65, 512, 513, 600, 1023, 1024, 1025};
	static const uint32_t shares[] = {0, 1, 50, 100};

	if (!forms_choose(state))
		return;
	for (uint32_t i = 0; i < 200 * sizeof counts / sizeof *counts; i++) {
		uint32_t count = counts[i / 200];
		uint32_t base = i % 2 == 0 ? 0 : (uint32_t)random_below(&random_state, count);

		check(count, base, shares[i % 4], i % 200 + (i % 3 == 0 ? 100 : 0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {FORMS_TESTS(test_list)};

	random_state = random_seeded("aggregate_unlit");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
