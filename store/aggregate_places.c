/*
 * Quantiles of rows whose groups are few combinations of dictionary codes, their
 * places: the bytes of places lie one after another, so that where a row counts is
 * arithmetic, and nothing has to be looked up. A place's first rows are listed
 * (aggregate_young.c); once there are many its group counts in its bytes. Those of all
 * other places stay 0, whereby rows of them are noticed, or they are looked for ahead
 * while there are many. Beside aggregate_bucket.c, whose bytes these are; must give the
 * same.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

#define UNROLLED 8u
/* So many rows, and so many a place, come before bytes are laid out, or are to come, for
 * they take longer to zero than few rows to count; and so often, for combinations change
 * with dictionaries. */
#define ROWS_MIN 65536u
#define ROWS_PER_PLACE 256u
#define EXPECTED_PER_PLACE SKETCH_EXACT_MAX
#define OPENED_MAX 4u
#define MISSED_MAX 8192u /* rows of weights that have no bytes, before they get some */

/* cells[i] = that of the row's place and bucket, of bucket 0 where it has no value.
 * *min and *max: of the values. Returns whether there was one that has no bucket; then
 * cells are anything. */
CODEC_CLONES static bool
number_cells(const uint32_t *values, const uint32_t *list, uint32_t base, uint32_t count,
	     uint32_t *cells, uint32_t *min, uint32_t *max)
{
	uint32_t least = UINT32_MAX, end = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = values[i], above = value + 1; /* 0 of VECTOR_NARROW_NULL */
		/* All bits, unless the sign is that of VECTOR_NARROW_NULL. */
		uint32_t some = (value >> 31) - 1;

		least = value < least ? value : least;
		end = above > end ? above : end;
		cells[i] = (list[i] + base) * SKETCH_BUCKETS + (sketch_bucket_wide(value) & some);
	}
	*min = least;
	*max = end == 0 ? 0 : end - 1;
	return end > SKETCH_BUCKETS_END;
}

/* ---- the places' bytes --------------------------------------------------------- */

void
aggregate_places_move(struct aggregate_states *states, uint32_t group, uint32_t place)
{
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;
	uint32_t begin, end;

	memcpy(cells, states->light[group], SKETCH_BUCKETS);
	states->light[group] = cells;
	states->unlit[place] = 0;
	aggregate_quantile_inner(&states->edges[group], &begin, &end);
	aggregate_heavy_raise(states, group, begin, end);
}

/* New bytes, where values of [min, max] come; what memory there was stays in use. */
static int
open_cells(struct aggregate_states *states, const struct aggregate_places *places, bool weighted,
	   uint32_t min, uint32_t max)
{
	struct aggregate_heavy heavy;
	size_t light_bytes = (size_t)places->count * SKETCH_BUCKETS, heavy_bytes = 0, all_bytes;
	uint8_t *cells;

	states->cells_opened++;
	if (aggregate_young_settle(states) != 0)
		return STORE_ELIMIT;
	if (weighted)
		heavy_bytes = places->count * aggregate_heavy_choose(states, min, max, &heavy);
	all_bytes = light_bytes + heavy_bytes + AGGREGATE_IDLE_BYTES + places->count +
		    AGGREGATE_UNLIT_PADDING;
	if (!aggregate_young_reserve(states, places->count) ||
	    (cells = store_arena_zalloc(states->arena, all_bytes)) == NULL) {
		states->cells_opened = OPENED_MAX; /* it is possible without */
		return 0;
	}
	if (aggregate_heavy_close(states) != 0)
		return STORE_ELIMIT;
	if (heavy_bytes > 0) {
		states->heavy = heavy;
		states->heavy.bytes = cells + light_bytes;
	}
	states->cells = cells;
	states->cells_count = places->count;
	states->cells_meaning = places->meaning;
	states->idle = (uint32_t)(light_bytes + heavy_bytes);
	states->unlit = cells + states->idle + AGGREGATE_IDLE_BYTES;
	states->some_unlit = true;
	for (uint32_t p = 0; p < places->count; p++) {
		uint32_t group = places->groups[p];

		states->unlit[p] = 1;
		if (group == AGGREGATE_UNKNOWN ||
		    (states->light[group] == NULL && states->hot[group].heavy == NULL))
			continue;
		if (aggregate_quantile_begin(states, group, NULL) != 0)
			return STORE_ELIMIT;
		aggregate_places_move(states, group, p);
	}
	return 0;
}

/* Whether the rows can be counted in the places' bytes. */
static bool
has_cells(const struct aggregate_states *states, const struct aggregate_places *places)
{
	return states->ways == 1 && states->light != NULL && states->cells != NULL &&
	       states->cells_meaning == places->meaning && states->cells_count == places->count;
}

static bool
are_many(uint64_t rows, uint32_t per_place, const struct aggregate_places *places)
{
	return rows >= ROWS_MIN && rows / per_place >= places->count;
}

/* Whether there are going to be bytes for rows like these, where there are none. */
static bool
wants_cells(struct aggregate_states *states, uint32_t rows_count,
	    const struct aggregate_places *places)
{
	bool many;

	if (states->ways == 0 && states->states_max > AGGREGATE_WAYS_GROUPS)
		states->ways = 1;
	if (states->ways != 1 || states->light == NULL)
		return false;
	states->cells_missed += rows_count;
	many = are_many(places->rows_expected, EXPECTED_PER_PLACE, places);
	if (states->cells_opened == OPENED_MAX || (states->cells_opened > 0 && !many))
		return false;
	/* Those that follow may be short-lived. */
	if ((states->cells_opened > 0 || !many) &&
	    !are_many(states->cells_missed, ROWS_PER_PLACE, places))
		return false;
	states->cells_missed = 0;
	return true;
}

/* ---- rows ------------------------------------------------------------------------ */

/* The row's byte was 0. */
static __attribute__((noinline)) int
count_noticed(struct aggregate_states *states, const struct aggregate_places *places,
	      const struct aggregate_rows *rows, uint32_t row, struct aggregate_rest *rest)
{
	uint32_t place = places->list[row] + places->base, group = places->groups[place];
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;
	uint32_t at = states->scratch.cells[row];
	uint8_t *byte = states->cells + at;
	bool counts = byte != cells;

	if (at >= states->idle)
		return 0;
	if (states->unlit[place]) {
		*byte = 0;
		if (group == AGGREGATE_UNKNOWN)
			rest->rows[rest->count++] = row;
		else if (counts)
			return aggregate_young_add(states, place, group, rows->narrow[row],
						   aggregate_row_weight(rows, row));
		return 0;
	}
	if (at >= (size_t)states->cells_count * SKETCH_BUCKETS)
		return aggregate_heavy_noticed(states, group, rows->narrow[row], byte);
	return counts ? aggregate_quantile_noticed(states, group, rows->narrow[row], byte) : 0;
}

/* All rows, in their cells. These are not asked for ahead: so few instructions a row leave
 * the processor room to. */
static int
count_cells(struct aggregate_states *states, const struct aggregate_places *places,
	    const struct aggregate_rows *rows, struct aggregate_rest *rest)
{
	/* Here, where bytes that are written cannot be meant. */
	const uint32_t *cells = states->scratch.cells, *at = cells, *end = cells + rows->count;
	uint8_t *bytes = states->cells;

	for (; end - at >= (ptrdiff_t)UNROLLED; at += UNROLLED) {
#pragma GCC unroll 8
		for (uint32_t n = 0; n < UNROLLED; n++) {
			if (__builtin_expect(aggregate_byte_count(&bytes[at[n]]), 0) &&
			    count_noticed(states, places, rows, (uint32_t)(at + n - cells), rest) !=
				0)
				return STORE_ELIMIT;
		}
	}
	for (; at < end; at++) {
		if (aggregate_byte_count(&bytes[*at]) &&
		    count_noticed(states, places, rows, (uint32_t)(at - cells), rest) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Those that are marked, of groups that have bytes: rows[] with their groups; how many.
 * Others are listed, or rest when the byte of nobody is noticed. */
static int
list_heavy(struct aggregate_states *states, const struct aggregate_places *places,
	   const struct aggregate_rows *rows, bool few, uint32_t *out)
{
	struct aggregate_scratch *scratch = &states->scratch;
	uint32_t listed = 0, count;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < rows->count; i++) {
		scratch->rows[listed] = i;
		listed += scratch->marks[i];
	}
	count = listed;
	listed = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = scratch->rows[i], place = places->list[row] + places->base;
		uint32_t group = places->groups[place];

		if (group == AGGREGATE_UNKNOWN)
			continue;
		if (!few && states->unlit[place]) {
			if (aggregate_young_add(states, place, group, rows->narrow[row],
						aggregate_row_weight(rows, row)) != 0)
				return STORE_ELIMIT;
			continue;
		}
		scratch->rows[listed++] = row;
		scratch->groups[row] = group;
	}
	*out = listed;
	return 0;
}

bool
aggregate_takes_places(const struct aggregate *aggregate)
{
	return aggregate_is_quantile(aggregate) && aggregate_takes_stored(aggregate) &&
	       aggregate->condition == NULL;
}

/* Cells of rows of weights above 1; *marked: those that have none. */
static int
number_heavy(struct aggregate_states *states, const struct aggregate_rows *rows,
	     const struct aggregate_places *places, bool few, uint32_t *marked)
{
	static const struct aggregate_heavy none;
	struct aggregate_scratch *scratch = &states->scratch;
	struct aggregate_heavy *heavy = &states->heavy;
	uint32_t begin = states->cells_count * SKETCH_BUCKETS;

	if (!few && heavy->missed > MISSED_MAX && states->cells_opened < OPENED_MAX) {
		heavy->missed = 0;
		if (open_cells(states, places, true, UINT32_MAX, 0) != 0)
			return STORE_ELIMIT;
	}
	*marked = aggregate_heavy_number(few ? &none : heavy, rows, places, begin, scratch->cells,
					 scratch->marks);
	return 0;
}

/* These go to words. */
static int
add_marked(struct aggregate_states *states, const struct aggregate_rows *rows,
	   const struct aggregate_places *places, bool few)
{
	struct aggregate_scratch *scratch = &states->scratch;
	struct aggregate_heavy *heavy = &states->heavy;
	uint32_t count;

	if (list_heavy(states, places, rows, few, &count) != 0)
		return STORE_ELIMIT;
	if (!few && heavy->bytes != NULL)
		aggregate_heavy_learn(heavy, rows->weights, scratch->rows, count);
	else if (!few)
		heavy->missed += count;
	return aggregate_bucket_heavy(states, rows, scratch->rows, count);
}

/* Rows that are numbered, in bytes. */
static int
add_to_cells(struct aggregate_states *states, const struct aggregate_rows *rows,
	     const struct aggregate_places *places, struct aggregate_rest *rest)
{
	uint32_t marked = 0;

	if (rows->weights != NULL && number_heavy(states, rows, places, false, &marked) != 0)
		return STORE_ELIMIT;
	if (states->some_unlit && aggregate_young_take(states, places, rows, rest) != 0)
		return STORE_ELIMIT;
	if (marked > 0 && add_marked(states, rows, places, false) != 0)
		return STORE_ELIMIT;
	return count_cells(states, places, rows, rest);
}

/* The same in counters. */
static int
add_to_few(struct aggregate_states *states, const struct aggregate_rows *rows,
	   const struct aggregate_places *places)
{
	uint32_t marked = 0;

	if (rows->weights != NULL && number_heavy(states, rows, places, true, &marked) != 0)
		return STORE_ELIMIT;
	if (marked > 0 && add_marked(states, rows, places, true) != 0)
		return STORE_ELIMIT;
	aggregate_few_count(states, rows->count);
	return 0;
}

int
aggregate_add_places(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_input *input, const struct aggregate_places *places,
		     struct aggregate_rest *rest, bool *taken)
{
	struct aggregate_scratch *scratch = &states->scratch;
	struct aggregate_rows rows = {
	    .count = rows_count, .narrow = input->argument->narrow, .weights = input->weights};
	bool few, known = true, open;
	uint32_t min, max;
	uint64_t sum;

	rest->count = 0;
	*taken = false;
	if (rows.narrow == NULL)
		return 0;
	if (aggregate_aside_wants(states, rows_count))
		return 0;
	if (aggregate_aside_settle(states) != 0)
		return STORE_ELIMIT;
	few = aggregate_few_serves(states, rows_count, places);
	open = !few && !has_cells(states, places);
	if (open && !wants_cells(states, rows_count, places))
		return 0;
	if (aggregate_reserve_scratch(states, rows_count) != 0)
		return STORE_ELIMIT;
	rows.groups = scratch->groups;
	sum = aggregate_bucket_weight(&rows);
	if (sum >= AGGREGATE_HOT_WEIGHT_MAX - states->hot_weight ||
	    number_cells(rows.narrow, places->list, places->base, rows_count, scratch->cells, &min,
			 &max))
		return 0;
	if (open && open_cells(states, places, rows.weights != NULL, min, max) != 0)
		return STORE_ELIMIT;
	if (open && !has_cells(states, places))
		return 0;
	if (few && aggregate_few_widen(states, &rows, places, min, max, &known) != 0)
		return STORE_ELIMIT;
	if (!known)
		return 0;
	*taken = true;
	states->hot_weight += sum;
	states->is_hot = true;
	return few ? add_to_few(states, &rows, places) : add_to_cells(states, &rows, places, rest);
}

int
aggregate_add_rest(struct aggregate_states *states, const struct aggregate_input *input,
		   const struct aggregate_places *places, const struct aggregate_rest *rest)
{
	for (uint32_t i = 0; i < rest->count; i++) {
		uint32_t row = rest->rows[i], value = input->argument->narrow[row];
		uint32_t place = places->list[row] + places->base;
		uint32_t weight = input->weights == NULL ? 1 : input->weights[row];

		if (value != VECTOR_NARROW_NULL &&
		    aggregate_young_add(states, place, places->groups[place], value, weight) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
