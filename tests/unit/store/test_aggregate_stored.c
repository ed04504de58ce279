/*
 * Goal: counts and quantiles of a column's stored integers give exactly what
 * the same rows give one by one, whatever is NULL, weighted, conditional, in one
 * group or many, large or negative; merged states too; distinct values are counted as well as
 * promised. Quantiles are answered from lists and buckets as from sketches. Method: random slices
 * into both ways, compared after every run.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>

#include "store/aggregate.h"

#define GROUPS 5u
#define ROWS 2048u
#define SCALE 10u

static uint64_t seed;

static uint64_t
next(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* One slice of rows, in both forms. */
struct rows {
	uint32_t count, groups[ROWS];
	int64_t stored[ROWS];
	double values[ROWS];
	uint64_t conditions[ROWS];
	uint32_t weights[ROWS];
	uint32_t narrow[ROWS];
	uint8_t nulls[ROWS], condition_nulls[ROWS];
	struct data argument, plain, condition;
	struct aggregate_input input;
};

/* Of a round whose values are all near each other: the outermost buckets of a group
 * get more extreme values late. */
static int64_t band_first, band_size; /* 0: any values */

static bool always_narrow; /* of a round, where values allow it */

static int64_t
draw_value(void)
{
	if (band_size != 0)
		return band_first + (int64_t)(next() % (uint64_t)band_size);
	switch (next() % 50) {
	case 0:
		return -(int64_t)(next() % 1000);
	case 1:
		return (int64_t)(next() >> (next() % 40)) >> 2; /* beyond the hot buckets */
	case 2:
		return (int64_t)(next() % 4);
	default:
		return (int64_t)(next() % 300) * (int64_t)(next() % 300);
	}
}

static void
draw_rows(struct rows *rows)
{
	bool constant = next() % 8 == 0, nullable = next() % 2, heavy = next() % 10 == 0;

	bool positive = next() % 2; /* often all fit 32 bits */
	bool few =
	    band_size == 0 && next() % 3 == 0; /* distinct ones, so that each is counted often */
	uint64_t weights = 1 + next() % 6, unit = next() % 2 ? 1 : 1 + next() % 100000;

	rows->count = 1 + (uint32_t)(next() % ROWS);
	for (uint32_t i = 0; i < rows->count; i++) {
		rows->groups[i] = (uint32_t)(next() % (1 + next() % GROUPS));
		rows->stored[i] = few ? (int64_t)(next() % 4 * unit) : draw_value();
		if (positive)
			rows->stored[i] &= 0x3ffffff;
		rows->values[i] = (double)rows->stored[i] / SCALE;
		rows->nulls[i] = next() % 3 == 0;
		rows->conditions[i] = next() % 2;
		rows->condition_nulls[i] = next() % 5 == 0;
		rows->weights[i] = (uint32_t)(heavy ? next() >> 32 : 1 + next() % weights * 99);
		rows->weights[i] += rows->weights[i] == 0;
	}
	rows->argument = (struct data){.type = {.type = STORE_R_FLOAT64, .nullable = nullable},
				       .count = rows->count,
				       .constant = constant,
				       .n.i = rows->stored,
				       .nulls = nullable ? rows->nulls : NULL};
	rows->plain = rows->argument;
	rows->plain.n.f = rows->values;
	rows->condition = (struct data){.type = {.type = STORE_R_UINT8},
					.count = rows->count,
					.constant = next() % 8 == 0,
					.n.u = rows->conditions,
					.nulls = next() % 2 ? rows->condition_nulls : NULL};
	rows->input = (struct aggregate_input){.argument = &rows->plain,
					       .condition = next() % 2 ? &rows->condition : NULL,
					       .weights = next() % 2 ? rows->weights : NULL,
					       .groups = next() % 2 ? rows->groups : NULL,
					       .group = (uint32_t)(next() % GROUPS)};
}

static uint64_t
count_plainly(const struct rows *rows, uint32_t group)
{
	const struct aggregate_input *input = &rows->input;
	uint64_t count = 0;

	for (uint32_t i = 0; i < rows->count; i++) {
		if ((input->groups == NULL ? input->group : input->groups[i]) != group ||
		    data_is_null(input->argument, i))
			continue;
		if (input->condition != NULL &&
		    (data_is_null(input->condition, i) || !data_true(input->condition, i)))
			continue;
		count += input->weights == NULL ? 1 : input->weights[i];
	}
	return count;
}

/* The argument in 32 bits; false where it has values beyond them. */
static bool
narrow_argument(struct rows *rows, struct data *out)
{
	if (rows->argument.constant)
		return false;
	*out = rows->argument;
	for (uint32_t i = 0; i < rows->count; i++) {
		bool null = out->nulls != NULL && out->nulls[i];

		if (!null && (uint64_t)rows->stored[i] >= VECTOR_NARROW_NULL)
			return false;
		rows->narrow[i] = null ? VECTOR_NARROW_NULL : (uint32_t)rows->stored[i];
	}
	out->narrow = rows->narrow;
	out->narrow_nulls = out->nulls != NULL;
	out->nulls = NULL;
	out->n.i = NULL;
	return true;
}

static void
add_stored(struct aggregate_states *states, struct rows *rows)
{
	struct aggregate_input input = rows->input;
	struct data narrow;

	input.argument = &rows->argument;
	if ((always_narrow || next() % 2) && narrow_argument(rows, &narrow))
		input.argument = &narrow;
	assert_int_equal(aggregate_add_stored(states, rows->count, &input), 0);
}

static struct aggregate_states *
create(const struct aggregate *aggregate, struct store_arena *arena)
{
	struct aggregate_states *states = aggregate_create(aggregate, arena, 7);

	assert_non_null(states);
	assert_int_equal(aggregate_reserve(states, GROUPS), 0);
	return states;
}

static void
assert_same(struct aggregate_states *a, struct aggregate_states *b, struct store_arena *arena)
{
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = arena, .count = GROUPS, .error = &error};
	struct data x, y;

	assert_int_equal(aggregate_finish(a, NULL, GROUPS, &evaluation, &x), 0);
	assert_int_equal(aggregate_finish(b, NULL, GROUPS, &evaluation, &y), 0);
	for (uint32_t g = 0; g < GROUPS; g++) {
		const struct store_value *p = x.values + g, *q = y.values + g;

		assert_int_equal(p->v.list.count, q->v.list.count);
		for (uint32_t i = 0; i < p->v.list.count; i++) {
			double u = p->v.list.items[i].v.f, v = q->v.list.items[i].v.f;

			if (memcmp(&u, &v, sizeof u) != 0)
				fail_msg("group %u level %u: %.17g, not %.17g", g, i, u, v);
		}
	}
}

static void
test_random(void **state)
{
	static struct expression argument = {.kind = EXPRESSION_COLUMN,
					     .type = {.type = STORE_R_FLOAT64}};
	static struct aggregate quantiles = {
	    .kind = AGGREGATE_QUANTILES,
	    .argument = &argument,
	    .levels = {0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1},
	    .levels_count = 8,
	    .scale = SCALE,
	    .type = {.type = STORE_R_ARRAY, .element = STORE_R_FLOAT64}};
	static struct aggregate counts = {
	    .kind = AGGREGATE_COUNT, .argument = &argument, .type = {.type = STORE_R_UINT64}};
	uint32_t groups[GROUPS];
	struct rows *rows = malloc(sizeof *rows);

	(void)state;
	assert_non_null(rows);
	assert_true(aggregate_takes_stored(&quantiles) && aggregate_takes_stored(&counts));
	for (int round = 0; round < 20; round++) {
		struct store_arena *arena = store_arena_create(0);
		struct aggregate_states *plain = create(&quantiles, arena);
		struct aggregate_states *stored = create(&quantiles, arena);
		struct aggregate_states *half = create(&quantiles, arena);
		struct aggregate_states *other = create(&quantiles, arena);
		struct aggregate_states *counted = create(&counts, arena);
		struct store_error error = {0};
		struct evaluation evaluation = {.arena = arena, .count = GROUPS, .error = &error};
		uint64_t wanted[GROUPS] = {0};
		struct data out;

		band_first = (int64_t)(next() % (1 << 23));
		band_size = next() % 2 ? 0 : (int64_t)(1 + (next() >> (44 + next() % 20)));
		if (round % 3 == 0) /* room for many: their buckets lie otherwise */
			assert_int_equal(aggregate_reserve(other, 10 * GROUPS), 0);
		for (uint64_t slices = next() % 60; slices > 0; slices--) {
			draw_rows(rows);
			assert_int_equal(aggregate_add(plain, rows->count, &rows->input), 0);
			add_stored(next() % 2 ? stored : next() % 2 ? half : other, rows);
			add_stored(counted, rows);
			for (uint32_t g = 0; g < GROUPS; g++)
				wanted[g] += count_plainly(rows, g);
		}
		for (uint32_t g = 0; g < GROUPS; g++) {
			groups[g] = g;
			assert_int_equal(round % 2 ? 0 : aggregate_merge(stored, g, half, g), 0);
		}
		if (round % 2)
			assert_int_equal(aggregate_take(stored, groups, half, GROUPS, NULL), 0);
		assert_int_equal(aggregate_take(stored, groups, other, GROUPS, NULL), 0);
		for (uint64_t slices = next() % 8; slices > 0; slices--) { /* it goes on */
			draw_rows(rows);
			assert_int_equal(aggregate_add(plain, rows->count, &rows->input), 0);
			add_stored(stored, rows);
		}
		assert_same(plain, stored, arena);
		assert_int_equal(aggregate_finish(counted, NULL, GROUPS, &evaluation, &out), 0);
		for (uint32_t g = 0; g < GROUPS; g++)
			assert_int_equal(out.n.u[g], wanted[g]);
		store_arena_free(arena);
	}
	free(rows);
}

static void
assert_same_quantiles(struct aggregate_states *a, struct aggregate_states *b,
		      struct store_arena *arena)
{
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = arena, .count = GROUPS, .error = &error};
	struct data x, y;

	assert_int_equal(aggregate_finish(a, NULL, GROUPS, &evaluation, &x), 0);
	assert_int_equal(aggregate_finish(b, NULL, GROUPS, &evaluation, &y), 0);
	for (uint32_t g = 0; g < GROUPS; g++) {
		if (x.nulls != NULL)
			assert_int_equal(x.nulls[g], y.nulls[g]);
		if (memcmp(&x.n.f[g], &y.n.f[g], sizeof x.n.f[g]) != 0)
			fail_msg("group %u: %.17g, not %.17g", g, y.n.f[g], x.n.f[g]);
	}
}

/* One quantile of few values, which may be answered from a list of them: asked for
 * again and again while rows come, from lists to sketches, and after merging. */
static void
test_listed(void **state)
{
	static const double levels[] = {0, 0.1, 0.5, 0.75, 0.99, 1};
	struct rows *rows = malloc(sizeof *rows);

	(void)state;
	assert_non_null(rows);
	for (uint32_t round = 0; round < 120; round++) {
		struct expression argument = {.kind = EXPRESSION_COLUMN,
					      .type = {.type = STORE_R_FLOAT64}};
		struct aggregate aggregate = {
		    .kind = AGGREGATE_QUANTILE,
		    .argument = &argument,
		    .levels = {levels[round % 6]},
		    .levels_count = 1,
		    .scale = SCALE,
		    .type = {.type = STORE_R_FLOAT64, .nullable = next() % 2}};
		struct store_arena *arena = store_arena_create(0);
		struct aggregate_states *plain = create(&aggregate, arena);
		struct aggregate_states *stored = create(&aggregate, arena);
		struct aggregate_states *other = create(&aggregate, arena);
		uint32_t few = 1 + (uint32_t)(next() % 60);

		assert_true(aggregate_takes_stored(&aggregate));
		band_first = 0;
		band_size = next() % 4 == 0 ? 0 : (int64_t)(1 + next() % 100000);
		assert_same_quantiles(plain, stored, arena); /* of nothing */
		for (uint64_t slices = next() % 30; slices > 0; slices--) {
			draw_rows(rows);
			rows->count = rows->count < few ? rows->count : few;
			if (next() % 4 != 0)
				rows->input.weights = NULL;
			assert_int_equal(aggregate_add(plain, rows->count, &rows->input), 0);
			if (next() % 4 == 0) {
				add_stored(other, rows);
				for (uint32_t g = 0; g < GROUPS; g++)
					assert_int_equal(aggregate_merge(stored, g, other, g), 0);
				other = create(&aggregate, arena);
			} else {
				add_stored(stored, rows);
			}
			if (next() % 3 == 0)
				assert_same_quantiles(plain, stored, arena);
		}
		assert_same_quantiles(plain, stored, arena);
		store_arena_free(arena);
	}
	free(rows);
}

static struct expression column = {.kind = EXPRESSION_COLUMN, .type = {.type = STORE_R_FLOAT64}};
static const struct aggregate p75 = {.kind = AGGREGATE_QUANTILE,
				     .argument = &column,
				     .levels = {0.75},
				     .levels_count = 1,
				     .scale = SCALE,
				     .type = {.type = STORE_R_FLOAT64, .nullable = true}};

#define MANY_GROUPS 3000u

/* The same of so many groups that rows are set aside at first, and values listed without a
 * look at their states, while there are more and more of them; of some with a large one. */
static void
assert_same_of(struct aggregate_states *plain, struct aggregate_states *stored, uint32_t count,
	       struct store_arena *arena)
{
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = arena, .count = count, .error = &error};
	struct data x, y;

	assert_int_equal(aggregate_finish(plain, NULL, count, &evaluation, &x), 0);
	assert_int_equal(aggregate_finish(stored, NULL, count, &evaluation, &y), 0);
	assert_memory_equal(x.nulls, y.nulls, count);
	for (uint32_t g = 0; g < count; g++) {
		if (memcmp(&x.n.f[g], &y.n.f[g], sizeof x.n.f[g]) != 0)
			fail_msg("group %u: %.17g, not %.17g", g, y.n.f[g], x.n.f[g]);
	}
}

static void
test_many(void **state)
{
	struct rows *rows = malloc(sizeof *rows);

	(void)state;
	assert_non_null(rows);
	for (uint32_t round = 0; round < 40; round++) {
		struct store_arena *arena = store_arena_create(0);
		struct aggregate_states *plain = create(&p75, arena);
		struct aggregate_states *stored = create(&p75, arena);
		uint32_t groups = 1, within, spread = 1 + (uint32_t)(next() % 40);
		bool weighted = next() % 3 == 0, has_large = next() % 2;

		band_first = 0;
		band_size = next() % 3 == 0 ? 0 : 100000;
		always_narrow = next() % 2;
		for (uint64_t slices = next() % 24; slices > 0; slices--) {
			groups += (uint32_t)(next() % 600);
			groups = groups < MANY_GROUPS ? groups : MANY_GROUPS;
			draw_rows(rows);
			for (uint32_t i = 0; i < rows->count; i++) {
				within = 1 + (groups - 1) / (1 + (uint32_t)(next() % spread));
				rows->groups[i] = (uint32_t)(next() % within);
				if (has_large && i % 4 > 0)
					rows->groups[i] = 0;
			}
			rows->input.groups = rows->groups;
			if (!weighted)
				rows->input.weights = NULL;
			assert_int_equal(aggregate_reserve(plain, groups), 0);
			assert_int_equal(aggregate_reserve(stored, groups), 0);
			assert_int_equal(aggregate_add(plain, rows->count, &rows->input), 0);
			add_stored(stored, rows);
			if (next() % 8 == 0)
				assert_same_of(plain, stored, groups, arena);
		}
		assert_int_equal(aggregate_reserve(plain, groups), 0);
		assert_same_of(plain, stored, groups, arena);
		store_arena_free(arena);
	}
	always_narrow = false;
	free(rows);
}

/* Groups of a thread that had more of them go on where there was none yet: rows take
 * several arrays in turn there, for which theirs have no room. */
static void
test_taken(void **state)
{
	uint32_t groups[GROUPS] = {0, 1, 2, 3, 4};
	struct rows *rows = malloc(sizeof *rows);

	(void)state;
	assert_non_null(rows);
	band_size = 0;
	for (uint32_t round = 0; round < 10; round++) {
		struct store_arena *arena = store_arena_create(0);
		struct aggregate_states *plain = create(&p75, arena);
		struct aggregate_states *stored = create(&p75, arena);
		struct aggregate_states *other = create(&p75, arena);

		assert_int_equal(aggregate_reserve(other, 10 * GROUPS), 0);
		for (uint32_t slice = 0; slice < 40; slice++) {
			draw_rows(rows);
			rows->input.weights = NULL;
			assert_int_equal(aggregate_add(plain, rows->count, &rows->input), 0);
			add_stored(slice < 30 ? other : stored, rows);
			if (slice == 29)
				assert_int_equal(
				    aggregate_take(stored, groups, other, GROUPS, NULL), 0);
		}
		assert_same_quantiles(plain, stored, arena);
		store_arena_free(arena);
	}
	free(rows);
}

/* A count by the states of a quantile, of all groups or of the last. */
static void
assert_counts(struct aggregate_states *stored, const uint64_t *wanted, struct store_arena *arena)
{
	static const uint32_t last = GROUPS - 1;
	static struct expression argument = {.kind = EXPRESSION_COLUMN,
					     .type = {.type = STORE_R_FLOAT64}};
	static const struct aggregate count = {
	    .kind = AGGREGATE_COUNT, .argument = &argument, .type = {.type = STORE_R_UINT64}};
	uint32_t first = next() % 2 ? 0 : last;
	const uint32_t *groups = first == 0 ? NULL : &last;
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = arena, .count = GROUPS, .error = &error};
	struct aggregate_states *shared = aggregate_create(&count, arena, 7);
	struct data out;

	assert_non_null(shared);
	assert_int_equal(aggregate_share(shared, stored, groups, GROUPS - first), 0);
	assert_int_equal(aggregate_finish(shared, groups, GROUPS - first, &evaluation, &out), 0);
	for (uint32_t g = first; g < GROUPS; g++)
		assert_int_equal(out.n.u[g - first], wanted[g]);
}

/* What two states of a quantile have after a slice: each by itself, with a count and
 * another quantile by its states. */
struct answered {
	struct aggregate aggregates[2]; /* of two levels */
	struct aggregate_states *plain[2], *stored, *other;
	uint64_t wanted[GROUPS];
};

static void
add_slice(struct answered *answered, struct rows *rows, bool positive)
{
	draw_rows(rows);
	for (uint32_t i = 0; positive && i < rows->count; i++) {
		rows->stored[i] &= 0xffffff;
		rows->values[i] = (double)rows->stored[i] / SCALE;
	}
	rows->input.condition = NULL;
	if (next() % 4 != 0)
		rows->input.weights = NULL;
	for (int i = 0; i < 2; i++)
		assert_int_equal(aggregate_add(answered->plain[i], rows->count, &rows->input), 0);
	add_stored(next() % 2 ? answered->stored : answered->other, rows);
	for (uint32_t g = 0; g < GROUPS; g++)
		answered->wanted[g] += count_plainly(rows, g);
}

static void
assert_answers(struct answered *answered, struct store_arena *arena)
{
	struct aggregate_states *shared = aggregate_create(&answered->aggregates[1], arena, 7);

	assert_non_null(shared);
	assert_same_quantiles(answered->plain[0], answered->stored, arena);
	assert_counts(answered->stored, answered->wanted, arena);
	assert_int_equal(aggregate_share(shared, answered->stored, NULL, GROUPS), 0);
	assert_same_quantiles(answered->plain[1], shared, arena);
}

/* One quantile of many values, answered from buckets whose outermost ones widen with each
 * slice; with a count and a quantile of another level by the same states; taken over
 * from another thread, and again when more rows came. */
static void
test_answered(void **state)
{
	static const double levels[] = {0, 0.1, 0.5, 0.75, 0.99, 1};
	static const uint32_t groups[GROUPS] = {0, 1, 2, 3, 4};
	struct expression argument = {.kind = EXPRESSION_COLUMN, .type = {.type = STORE_R_FLOAT64}};
	struct rows *rows = malloc(sizeof *rows);

	(void)state;
	assert_non_null(rows);
	for (uint32_t round = 0; round < 200; round++) {
		struct store_arena *arena = store_arena_create(0);
		struct answered answered = {.wanted = {0}};
		bool positive = round % 8 != 0;

		for (uint32_t i = 0; i < 2; i++) {
			answered.aggregates[i] =
			    (struct aggregate){.kind = AGGREGATE_QUANTILE,
					       .argument = &argument,
					       .levels = {levels[(round + i) % 6]},
					       .levels_count = 1,
					       .scale = SCALE,
					       .type = {.type = STORE_R_FLOAT64, .nullable = true}};
			answered.plain[i] = create(&answered.aggregates[i], arena);
		}
		answered.stored = create(&answered.aggregates[0], arena);
		answered.other = create(&answered.aggregates[0], arena);
		if (next() % 2) { /* room for many: their buckets lie otherwise */
			assert_int_equal(aggregate_reserve(answered.stored, 10 * GROUPS), 0);
			if (next() % 4 != 0)
				assert_int_equal(aggregate_reserve(answered.other, 10 * GROUPS), 0);
		}
		for (uint64_t slices = 1 + next() % 30; slices > 0; slices--) {
			band_first = (int64_t)(next() >> (40 + next() % 24));
			band_size = next() % 4 == 0 ? 0 : (int64_t)(1 + next() % 100000);
			add_slice(&answered, rows, positive);
		}
		if (next() % 2)
			assert_int_equal(aggregate_settle_large(answered.other, GROUPS), 0);
		assert_int_equal(
		    aggregate_take(answered.stored, groups, answered.other, GROUPS, NULL), 0);
		assert_answers(&answered, arena);
		answered.other = answered.stored;
		add_slice(&answered, rows, positive);
		assert_answers(&answered, arena);
		store_arena_free(arena);
	}
	free(rows);
}

/* So many rows of one value, then one below and one above: what the outermost bucket has
 * by then, full or not, is that of an inner one. */
static void
test_becomes_inner(void **state)
{
	static const int64_t middles[] = {2, 100, 300, 100000};
	static struct expression argument = {.kind = EXPRESSION_COLUMN,
					     .type = {.type = STORE_R_FLOAT64}};
	static const struct aggregate aggregate = {
	    .kind = AGGREGATE_QUANTILE,
	    .argument = &argument,
	    .levels = {0.5},
	    .levels_count = 1,
	    .scale = SCALE,
	    .type = {.type = STORE_R_FLOAT64, .nullable = true}};
	struct rows *rows = calloc(1, sizeof *rows);

	(void)state;
	assert_non_null(rows);
	rows->argument = (struct data){.type = argument.type, .n.i = rows->stored};
	for (uint32_t round = 0; round < 1100; round++) {
		int64_t middle = middles[round % 4];
		struct store_arena *arena = store_arena_create(0);
		struct aggregate_states *stored = create(&aggregate, arena);
		uint64_t wanted[GROUPS] = {[1] = 1202 + round / 4};

		assert_int_equal(aggregate_reserve(stored, 10 * GROUPS), 0);
		for (uint32_t i = 0; i < 3; i++) {
			rows->count = i == 0 ? 1200 + round / 4 : 1;
			rows->argument.count = rows->count;
			for (uint32_t row = 0; row < rows->count; row++)
				rows->stored[row] = i == 0 ? middle : i == 1 ? 1 : 200000;
			rows->input =
			    (struct aggregate_input){.argument = &rows->argument, .group = 1};
			assert_int_equal(aggregate_add_stored(stored, rows->count, &rows->input),
					 0);
		}
		assert_counts(stored, wanted, arena);
		store_arena_free(arena);
	}
	free(rows);
}

static uint64_t
distinct_of(struct aggregate_states *states, struct store_arena *arena)
{
	struct store_error error = {0};
	struct evaluation evaluation = {.arena = arena, .count = 1, .error = &error};
	struct data out;

	assert_int_equal(aggregate_finish(states, NULL, 1, &evaluation, &out), 0);
	return out.n.u[0];
}

/* Exact while there are few, then within 1.5 % (five standard errors); each value
 * several times, in two halves that overlap. */
static void
test_distinct(void **state)
{
	static struct expression argument = {.kind = EXPRESSION_COLUMN,
					     .type = {.type = STORE_R_UINT64}};
	static struct aggregate aggregate = {
	    .kind = AGGREGATE_UNIQ, .argument = &argument, .type = {.type = STORE_R_UINT64}};
	static const uint64_t counts[] = {0, 1, 1000, 32768, 40000, 100000, 1000000};
	struct rows *rows = malloc(sizeof *rows);

	(void)state;
	assert_non_null(rows);
	assert_true(aggregate_takes_stored(&aggregate));
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		struct store_arena *arena = store_arena_create(0);
		struct aggregate_states *halves[2] = {create(&aggregate, arena),
						      create(&aggregate, arena)};
		uint64_t first = next(), count = counts[c];
		double off;

		for (uint64_t at = 0; at < 2 * count; at += ROWS) {
			uint32_t part = 2 * count - at < ROWS ? (uint32_t)(2 * count - at) : ROWS;
			struct aggregate_input input = {.argument = &rows->argument};

			for (uint32_t i = 0; i < part; i++)
				rows->stored[i] = (int64_t)(first + (at + i) % count);
			rows->argument = (struct data){
			    .type = argument.type, .count = part, .n.i = rows->stored};
			assert_int_equal(aggregate_add_stored(halves[next() % 2], part, &input), 0);
		}
		assert_int_equal(
		    c % 2 ? aggregate_merge(halves[0], 0, halves[1], 0)
			  : aggregate_take(halves[0], &(uint32_t){0}, halves[1], 1, NULL),
		    0);
		off = (double)distinct_of(halves[0], arena) - (double)count;
		if (count <= 32768 ? off != 0 : fabs(off) > 0.015 * (double)count)
			fail_msg("%llu distinct values: off by %g", (unsigned long long)count, off);
		store_arena_free(arena);
	}
	free(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),   cmocka_unit_test(test_listed),
	    cmocka_unit_test(test_many),     cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_answered), cmocka_unit_test(test_becomes_inner),
	    cmocka_unit_test(test_distinct)};

	seed = random_seeded("aggregate_stored").state;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
