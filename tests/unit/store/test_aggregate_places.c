/*
 * Goal: quantiles of rows by places give exactly what the same rows give by groups,
 * whatever is NULL, weighted, large or of a group that nobody knew, when other
 * dictionaries give the places other meanings, and when groups have few rows or so many
 * that bytes are full; of many places, and of so few that they have counters of their
 * own; also where a group has just as many values as are kept, or only values of one
 * bucket; and also where a thread helps with taking and answering groups, and in the loops
 * for any machine. Method: random slices (seeded) into both, answers compared.
 */
#include "check.h"

#include <stdio.h>

#include "store/aggregate.h"
#include "store/codec_vector.h"
#include "store/crew.h"

#define PLACES_MAX 60u
#define GROUPS PLACES_MAX
#define FEW_PLACES 8u
#define ROWS 2048u
#define SLICES 160u

static uint64_t seed;
static struct crew *crew;

static uint64_t
next(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static struct expression argument = {.kind = EXPRESSION_COLUMN, .type = {.type = STORE_R_FLOAT64}};
static struct aggregate quantiles = {.kind = AGGREGATE_QUANTILES,
				     .argument = &argument,
				     .levels = {0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1},
				     .levels_count = 8,
				     .scale = 10,
				     .type = {.type = STORE_R_ARRAY, .element = STORE_R_FLOAT64}};

/* Which group each place is, as the dictionaries tell, and what is known of that. */
struct meaning {
	uint32_t group_of[PLACES_MAX], known[PLACES_MAX];
	uint64_t number;
	uint32_t count;
};

/* What is drawn in a round. */
struct kind {
	uint32_t base, groups; /* as many as places at most */
	bool weighted;
	bool same; /* values, of few buckets */
	bool one;  /* place, of nearly all rows, whose values are the same */
};

static struct slice_rows {
	uint32_t count, list[ROWS], groups[ROWS], narrow[ROWS], rest[ROWS];
	uint32_t weights[ROWS];
	struct data argument;
} rows;

static uint32_t taken_slices, rest_rows;
static uint64_t rows_expected; /* many: places are used from the first slice on */

/* Which weights rows have: a few, so that they have bytes, or any; in `heavy` of 100
 * rows, from a slice on. */
static struct weighing {
	const uint32_t *table;
	uint32_t table_count, heavy, from;
	bool far;      /* values are large before bytes are laid out for those there are */
	bool heaviest; /* now and then one that no word has room for */
} weighing;

/* Where a thread's values are, most of them or `all`: its bytes of weights are those of
 * buckets there. */
static struct range {
	uint32_t begin, times;
	bool all;
} range;

static uint32_t
draw_weight(void)
{
	if (next() % 100 >= weighing.heavy)
		return 1;
	if (weighing.heaviest && next() % 50000 == 0)
		return 1u << 31;
	return weighing.table == NULL ? 1 + (uint32_t)(next() % 1000)
				      : weighing.table[next() % weighing.table_count];
}

/* `all`: all rows may have, where groups need no rows of weight 1 to be counted so. */
static void
draw_weighing(bool all)
{
	static const uint32_t tables[][6] = {
	    {10, 100, 1000}, {2, 7, 1000, 65536}, {2, 3, 4, 5, 6, 255}, {3}};
	static const uint32_t counts[] = {3, 4, 6, 1}, heavy[] = {1, 20, 60, 100};
	uint32_t t = (uint32_t)(next() % 5);

	weighing.table = t < 4 ? tables[t] : NULL;
	weighing.table_count = t < 4 ? counts[t] : 0;
	weighing.heavy = heavy[next() % (all ? 4 : 3)];
	weighing.from = next() % 3 == 0 ? SLICES / 3 : 0;
	weighing.far = next() % 2;
	weighing.heaviest = next() % 3 == 0;
}

static void
draw_range(void)
{
	range = (struct range){next() % 2 ? 0 : 100000, next() % 2 ? 1 : 16, false};
}

static void
change_meaning(struct meaning *meaning, const struct kind *kind)
{
	uint32_t shift = (uint32_t)(next() % kind->groups);
	uint32_t least = kind->groups / 3, base = kind->base;

	meaning->number++;
	meaning->count = base + least + (uint32_t)(next() % (kind->groups - least - base + 1));
	for (uint32_t p = 0; p < PLACES_MAX; p++) {
		meaning->group_of[p] = (p + shift) % kind->groups;
		meaning->known[p] = AGGREGATE_UNKNOWN;
	}
}

static uint32_t
draw_value(uint32_t place, bool same, bool far)
{
	switch (range.all ? 3 : next() % (same ? 60 : 3000)) {
	case 0:
		return VECTOR_NARROW_NULL;
	case 1:
		if (!far)
			return (uint32_t)next() & 0x3fff;
		return next() % 8 == 0 ? 0xffffff : (uint32_t)next() & 0xffffff;
	case 2:
		return (uint32_t)(next() % 600);
	default:
		return same ? 5000 + (uint32_t)(next() % 4) * 100
			    : range.begin +
				  range.times *
				      (place * 50 + (uint32_t)(next() % 20000 * (next() % 4 + 1)));
	}
}

/* One that is not seen until rows are counted by places, unless it is late, or
 * hardly ever: its group's values are few enough to be kept. */
static uint32_t
draw_place(uint32_t places, bool late)
{
	uint32_t hidden = places > 20 ? 3 : places > 1 ? 1 : 0, seen = places - hidden;

	if (late && next() % 400 == 0)
		return places - 1;
	return (uint32_t)(next() % (1 + next() % (late && places > 20 ? places : seen)));
}

static void
draw_rows(const struct meaning *meaning, const struct kind *kind, bool late)
{
	/* They have no buckets. */
	static const uint32_t far[] = {1u << 24, 1u << 24 | 1000, INT32_MAX, 1u << 31,
				       VECTOR_NARROW_NULL - 2};
	uint32_t places = meaning->count - kind->base;

	rows.count = next() % 8 == 0 ? 1 + (uint32_t)(next() % ROWS) : ROWS;
	for (uint32_t i = 0; i < rows.count; i++) {
		bool one = kind->one && next() % 500 != 0;

		rows.list[i] = one ? 0 : draw_place(places, late);
		rows.narrow[i] =
		    one ? 5000 : draw_value(rows.list[i], kind->same, late || weighing.far);
		rows.weights[i] = draw_weight();
		rows.groups[i] = meaning->group_of[rows.list[i] + kind->base];
	}
	if (next() % 40 == 0)
		rows.narrow[next() % rows.count] = far[next() % 5] | (uint32_t)(next() % 2);
	rows.argument = (struct data){.type = argument.type,
				      .count = rows.count,
				      .narrow = rows.narrow,
				      .narrow_nulls = true};
}

static void
add_places(struct aggregate_states *states, struct meaning *meaning, uint32_t base,
	   const uint32_t *weights)
{
	struct aggregate_places places = {rows.list,      meaning->known,  base,
					  meaning->count, meaning->number, rows_expected};
	struct aggregate_input input = {.argument = &rows.argument, .weights = weights};
	struct aggregate_rest rest = {rows.rest, 0};
	bool taken;

	assert_int_equal(aggregate_add_places(states, rows.count, &input, &places, &rest, &taken),
			 0);
	for (uint32_t i = 0; i < rest.count; i++)
		assert_int_equal(meaning->known[rows.list[rest.rows[i]] + base], AGGREGATE_UNKNOWN);
	for (uint32_t i = 0; i < rows.count; i++)
		meaning->known[rows.list[i] + base] = rows.groups[i];
	input.groups = rows.groups;
	taken_slices += taken;
	rest_rows += rest.count;
	assert_int_equal(taken ? aggregate_add_rest(states, &input, &places, &rest)
			       : aggregate_add_stored(states, rows.count, &input),
			 0);
}

static void
assert_same(struct aggregate_states *a, struct aggregate_states *b, struct store_arena *arena)
{
	struct store_error error = {0};
	struct evaluation evaluation = {
	    .arena = arena, .count = GROUPS, .error = &error, .crew = crew};
	struct data x, y;

	assert_int_equal(aggregate_finish(a, NULL, GROUPS, &evaluation, &x), 0);
	evaluation.crew = NULL;
	assert_int_equal(aggregate_finish(b, NULL, GROUPS, &evaluation, &y), 0);
	for (uint32_t g = 0; g < GROUPS; g++) {
		for (uint32_t i = 0; i < quantiles.levels_count; i++) {
			double u = x.values[g].v.list.items[i].v.f;
			double v = y.values[g].v.list.items[i].v.f;

			if (memcmp(&u, &v, sizeof u) != 0)
				fail_msg("group %u level %u: %.17g, not %.17g", g, i, u, v);
		}
	}
}

/* One quantile by the states of all, which it does not settle. */
static void
answer(struct aggregate_states *states, struct store_arena *arena, struct crew *helps,
       struct data *out)
{
	static const struct aggregate one = {.kind = AGGREGATE_QUANTILE,
					     .argument = &argument,
					     .levels = {0.75},
					     .levels_count = 1,
					     .scale = 10,
					     .type = {.type = STORE_R_FLOAT64}};
	struct store_error error = {0};
	struct evaluation evaluation = {
	    .arena = arena, .count = GROUPS, .error = &error, .crew = helps};
	struct aggregate_states *shared = aggregate_create(&one, arena, 7);

	assert_non_null(shared);
	assert_int_equal(aggregate_share(shared, states, NULL, GROUPS), 0);
	assert_int_equal(aggregate_finish(shared, NULL, GROUPS, &evaluation, out), 0);
}

static void
assert_same_answers(struct aggregate_states *a, struct aggregate_states *b,
		    struct store_arena *arena)
{
	struct data x, y;

	answer(a, arena, crew, &x);
	answer(b, arena, NULL, &y);
	for (uint32_t g = 0; g < GROUPS; g++) {
		if (memcmp(&x.n.f[g], &y.n.f[g], sizeof x.n.f[g]) != 0)
			fail_msg("group %u: %.17g, not %.17g", g, x.n.f[g], y.n.f[g]);
	}
}

/* Slices into both states of each thread, whose states are taken together; of drawn ranges,
 * or ranges[threads]. */
static void
run_round(struct store_arena *arena, uint32_t threads, const struct kind *kind,
	  const struct range *ranges)
{
	struct store_arena *arenas[] = {arena, store_arena_create(0)};
	struct aggregate_states *by_places[2], *by_groups[2];
	static struct meaning meaning;
	uint32_t same[GROUPS];

	draw_weighing(kind->groups > 8);
	for (uint32_t t = 0; t < threads; t++) {
		by_places[t] = aggregate_create(&quantiles, arenas[t], 7);
		by_groups[t] = aggregate_create(&quantiles, arenas[t], 7);
		assert_int_equal(aggregate_reserve(by_places[t], kind->groups), 0);
		assert_int_equal(aggregate_reserve(by_groups[t], kind->groups), 0);
		change_meaning(&meaning, kind);
		draw_range();
		range = ranges == NULL ? range : ranges[t];
		for (uint32_t i = 0; i < SLICES; i++) {
			bool weighs = kind->weighted && i >= weighing.from;
			struct aggregate_input input = {.argument = &rows.argument,
							.weights = weighs ? rows.weights : NULL,
							.groups = rows.groups};

			if (next() % SLICES == 0)
				change_meaning(&meaning, kind);
			draw_rows(&meaning, kind, i > SLICES / 2);
			add_places(by_places[t], &meaning, kind->base, input.weights);
			assert_int_equal(aggregate_add_stored(by_groups[t], rows.count, &input), 0);
		}
	}
	for (uint32_t g = 0; g < GROUPS; g++)
		same[g] = g;
	if (threads == 2) {
		assert_int_equal(
		    aggregate_take(by_places[0], same, by_places[1], kind->groups, crew), 0);
		assert_int_equal(
		    aggregate_take(by_groups[0], same, by_groups[1], kind->groups, NULL), 0);
	}
	assert_same_answers(by_places[0], by_groups[0], arena);
	assert_same(by_places[0], by_groups[0], arena);
	store_arena_free(arenas[1]);
}

/* Rows of places in turn, `each` of a place (one more, or two, of others) but the first
 * ones, of a value that tells the rows' range; by value_of. */
static void
run_drawn(uint32_t each, uint32_t (*value_of)(uint32_t place, uint32_t at), uint32_t at)
{
	static const uint32_t weights[] = {1, 1, 1, 10, 100, 1000};
	struct store_arena *arena = store_arena_create(0);
	struct aggregate_states *by_places = aggregate_create(&quantiles, arena, 7);
	struct aggregate_states *by_groups = aggregate_create(&quantiles, arena, 7);
	struct aggregate_input input = {
	    .argument = &rows.argument, .weights = rows.weights, .groups = rows.groups};
	struct meaning meaning = {.number = 1, .count = PLACES_MAX};
	uint32_t left[PLACES_MAX], some = PLACES_MAX, before = taken_slices;

	assert_int_equal(aggregate_reserve(by_places, GROUPS), 0);
	assert_int_equal(aggregate_reserve(by_groups, GROUPS), 0);
	for (uint32_t p = 0; p < PLACES_MAX; p++) {
		meaning.group_of[p] = PLACES_MAX - 1 - p;
		meaning.known[p] = AGGREGATE_UNKNOWN;
		left[p] = each + p % 3;
	}
	for (bool first = true; some > 0; first = false) {
		for (rows.count = 0; rows.count < ROWS && some > 0; rows.count++) {
			uint32_t p = (uint32_t)(next() % PLACES_MAX), i = rows.count;

			while (left[p] == 0)
				p = (p + 1) % PLACES_MAX;
			some -= --left[p] == 0;
			rows.list[i] = p;
			rows.groups[i] = meaning.group_of[p];
			rows.weights[i] = weights[next() % 6];
			rows.narrow[i] = first ? 5000 + (uint32_t)(next() % 100) : value_of(p, at);
		}
		rows.argument.count = rows.count;
		rows.argument.narrow = rows.narrow;
		add_places(by_places, &meaning, 0, rows.weights);
		assert_int_equal(aggregate_add_stored(by_groups, rows.count, &input), 0);
	}
	assert_true(taken_slices > before);
	assert_same_answers(by_places, by_groups, arena);
	assert_same(by_places, by_groups, arena);
	store_arena_free(arena);
}

static uint32_t
any_value(uint32_t place, uint32_t at)
{
	return 200 + place + at + (uint32_t)(next() % 9000);
}

/* As many values as are kept, one less, and one more. */
static void
test_kept(void **state)
{
	(void)state;
	rows_expected = 1u << 20;
	for (uint32_t i = 0; i < 3; i++)
		run_drawn(1023, any_value, i);
}

static uint32_t
value_of_place(uint32_t place, uint32_t at)
{
	return next() % 50 == 0 ? 300 : (at + place) * 4;
}

/* Each group has most rows in one bucket: of one integer, or some are where those that have
 * bytes end. */
static void
test_ends(void **state)
{
	(void)state;
	rows_expected = 1u << 20;
	for (uint32_t at = 0; at < 2 * PLACES_MAX; at += PLACES_MAX)
		run_drawn(1500, value_of_place, at);
	for (uint32_t at = 240; at < 720; at += PLACES_MAX)
		run_drawn(1500, value_of_place, at);
	for (uint32_t at = 2500; at < 3700; at += PLACES_MAX)
		run_drawn(1500, value_of_place, at);
}

static void
run_rounds(uint32_t rounds, uint32_t groups, uint32_t base)
{
	taken_slices = rest_rows = 0;
	for (uint32_t i = 0; i < rounds; i++) {
		struct store_arena *arena = store_arena_create(0);
		struct kind kind = {.base = next() % 3 == 0 ? base : 0,
				    .groups = groups,
				    .weighted = next() % 2,
				    .same = next() % 2,
				    .one = next() % 4 == 0};

		assert_non_null(arena);
		rows_expected = next() % 2 ? 1u << 20 : 0;
		codec_set_plain(next() % 4 == 0);
		run_round(arena, 1 + i % 2, &kind, NULL);
		store_arena_free(arena);
	}
	codec_set_plain(false);
}

static void
test_many(void **state)
{
	(void)state;
	run_rounds(32, GROUPS, 7);
	assert_true(taken_slices > 800);
	assert_true(rest_rows > 0);
}

static void
test_few(void **state)
{
	(void)state;
	run_rounds(64, FEW_PLACES, 2);
	assert_true(taken_slices > 64 * 100);
	assert_int_equal(rest_rows, 0);
}

/* Two threads' bytes of weights are not of the same buckets. */
static void
test_ranges(void **state)
{
	static const struct range ranges[][2] = {{{100000, 1, true}, {100000, 16, true}},
						 {{100000, 16, true}, {100000, 1, true}},
						 {{800000, 1, true}, {100000, 1, true}},
						 {{100000, 1, true}, {100000, 1, true}}};
	const struct kind kind = {.groups = GROUPS, .weighted = true};

	(void)state;
	for (uint32_t i = 0; i < 16; i++) {
		struct store_arena *arena = store_arena_create(0);

		rows_expected = 1u << 20;
		taken_slices = 0;
		run_round(arena, 2, &kind, ranges[i % 4]);
		assert_true(taken_slices > 0);
		store_arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_many), cmocka_unit_test(test_few),    cmocka_unit_test(test_kept),
	    cmocka_unit_test(test_ends), cmocka_unit_test(test_ranges),
	};
	int result;

	seed = random_seeded("aggregate_places").state;
	crew = crew_create();
	assert_non_null(crew);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	crew_free(crew);
	return result;
}
