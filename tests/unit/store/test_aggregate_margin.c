/*
 * Goal: margins are those of the formulas that SQL.md gives, also where rows
 * share the draw of their view. Method: random rows into states, by one call or
 * merged from two groups, against sums over all pairs of rows.
 */
#include "check.h"

#include <math.h>

#include "store/aggregate.h"

#define ROWS 300u
#define Z95 1.959963984540054

struct rows {
	uint32_t count;
	uint64_t views[ROWS];
	uint32_t weights[ROWS];
	double values[ROWS];
};

/* Rows of a view have one weight; `alone`: each row is a view. */
static void
make_rows(struct random *random, struct rows *rows, bool alone)
{
	rows->count = 1 + (uint32_t)random_below(random, ROWS - 1);
	for (uint32_t i = 0; i < rows->count; i++) {
		rows->views[i] = alone ? i : random_below(random, 40);
		rows->weights[i] = (uint32_t)(1 + (rows->views[i] * 7919) % 20);
		rows->values[i] = (double)random_below(random, 1000) / 10;
	}
}

/* Covariances of rows of one draw: w (w - 1) x y, over all pairs. */
static double
naive_margin(const struct rows *rows, enum aggregate_kind kind)
{
	double total = 0, sum = 0, spread = 0;

	for (uint32_t i = 0; i < rows->count; i++) {
		total += (double)rows->weights[i];
		sum += (double)rows->weights[i] * rows->values[i];
	}
	for (uint32_t i = 0; i < rows->count; i++) {
		for (uint32_t j = 0; j < rows->count; j++) {
			double w = (double)rows->weights[i];
			double mean = kind == AGGREGATE_AVG ? sum / total : 0;
			double x = kind == AGGREGATE_COUNT ? 1 : rows->values[i] - mean;
			double y = kind == AGGREGATE_COUNT ? 1 : rows->values[j] - mean;

			if (rows->views[i] == rows->views[j])
				spread += w * (w - 1) * x * y;
		}
	}
	return Z95 * sqrt(fabs(spread)) / (kind == AGGREGATE_AVG ? total : 1);
}

static double
margin_of(const struct rows *rows, enum aggregate_kind kind, bool by_view, bool merged)
{
	struct store_arena *arena = store_arena_create(0);
	struct expression argument = {.type = {.type = STORE_R_FLOAT64}};
	struct expression view = {.type = {.type = STORE_R_UINT64}};
	struct aggregate aggregate = {.kind = kind,
				      .argument = kind == AGGREGATE_COUNT ? NULL : &argument,
				      .second = by_view ? &view : NULL,
				      .type = {.type = STORE_R_FLOAT64},
				      .weighted = true,
				      .margin = true};
	struct aggregate_states *states = aggregate_create(&aggregate, arena, 42);
	struct data values = {.type = argument.type, .count = rows->count};
	struct data views = {.type = view.type, .count = rows->count};
	struct aggregate_input input = {.argument = aggregate.argument == NULL ? NULL : &values,
					.second = by_view ? &views : NULL,
					.weights = rows->weights};
	struct evaluation evaluation = {.arena = arena};
	uint32_t groups[ROWS];
	struct data out;
	double margin;

	values.n.f = (double *)(uintptr_t)rows->values;
	views.n.u = (uint64_t *)(uintptr_t)rows->views;
	for (uint32_t i = 0; i < rows->count; i++)
		groups[i] = merged ? i % 2 : 0;
	input.groups = groups;
	assert_non_null(states);
	assert_int_equal(aggregate_reserve(states, 2), 0);
	assert_int_equal(aggregate_add(states, rows->count, &input), 0);
	if (merged)
		assert_int_equal(aggregate_merge(states, 0, states, 1), 0);
	assert_int_equal(aggregate_finish(states, NULL, 1, &evaluation, &out), 0);
	margin = out.n.f[0];
	store_arena_free(arena);
	return margin;
}

static void
check_margins(void **state)
{
	static const enum aggregate_kind kinds[] = {AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_AVG};
	struct random random = random_seeded("margins");

	(void)state;
	for (int i = 0; i < 60; i++) {
		bool alone = i % 3 == 0;
		enum aggregate_kind kind = kinds[random_below(&random, 3)];
		struct rows rows;
		double wanted, got;

		make_rows(&random, &rows, alone);
		wanted = naive_margin(&rows, kind);
		got = margin_of(&rows, kind, !alone || i % 2 == 0, i % 5 == 0);
		if (fabs(got - wanted) > 1e-6 * (wanted + 1))
			fail_msg("%d: %g instead of %g", i, got, wanted);
	}
}

static void
no_margin_without_sampling(void **state)
{
	struct rows rows = {
	    .count = 3, .views = {1, 1, 2}, .weights = {1, 1, 1}, .values = {1, 2, 3}};

	(void)state;
	for (int by_view = 0; by_view < 2; by_view++) {
		assert_true(margin_of(&rows, AGGREGATE_COUNT, by_view, false) == 0);
		assert_true(margin_of(&rows, AGGREGATE_SUM, by_view, false) == 0);
		assert_true(margin_of(&rows, AGGREGATE_AVG, by_view, false) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_margins),
	    cmocka_unit_test(no_margin_without_sampling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
