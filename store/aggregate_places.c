/*
 * Quantiles of rows whose groups are few combinations of dictionary codes, their
 * places: the bytes of places lie one after another, so that where a row counts is
 * arithmetic, and nothing has to be looked up. Once a group has many rows its
 * bytes move into those of its place; those of all other places stay 0, whereby
 * rows of them are noticed, or they are looked for ahead while there are many. Beside
 * aggregate_bucket.c, whose bytes these are; must give the same.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

#define UNROLLED 8u
/* So many rows, and so many a place, come before bytes are laid out, for they take
 * longer to zero than few rows to count; and so often, for combinations change with
 * dictionaries. */
#define ROWS_MIN 65536u
#define ROWS_PER_PLACE 256u
#define OPENED_MAX 4u
/* Rows of groups without bytes are looked for ahead while there are more of them than
 * one in so many: where one is noticed the processor has guessed wrong. */
#define UNLIT_SHARE 16u
/* Where such rows count, which nobody asks for: bytes that they take in turn. */
#define IDLE_BYTES 64u

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

/* Rows of weights above 1 get bucket 0; marks[] of those of them that have a value
 * are 1, of all others 0. */
CODEC_CLONES static void
mark_heavy(const uint64_t *weights, const uint32_t *values, const uint32_t *list, uint32_t base,
	   uint32_t count, uint32_t *cells, uint8_t *marks)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t heavy = weights[i] == 1 ? 0 : UINT32_MAX;
		uint32_t nobody = (list[i] + base) * SKETCH_BUCKETS;

		marks[i] = (uint8_t)(heavy & (values[i] != VECTOR_NARROW_NULL));
		cells[i] = (cells[i] & ~heavy) | (nobody & heavy);
	}
}

/* ---- the places' bytes --------------------------------------------------------- */

/* The group's bytes move to its place's. */
static void
move(struct aggregate_states *states, uint32_t group, uint32_t place)
{
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;

	memcpy(cells, states->light[group], SKETCH_BUCKETS);
	states->light[group] = cells;
	states->unlit[place] = 0;
}

/* New bytes, when they are worth it; what memory there was stays in use. */
static void
open_cells(struct aggregate_states *states, const struct aggregate_places *places)
{
	size_t size = (size_t)places->count * SKETCH_BUCKETS + IDLE_BYTES;
	uint8_t *cells = store_arena_zalloc(states->arena, size + places->count);

	states->cells_opened++;
	if (cells == NULL) {
		states->cells_opened = OPENED_MAX; /* it is possible without */
		return;
	}
	states->cells = cells;
	states->cells_count = places->count;
	states->cells_meaning = places->meaning;
	states->unlit = cells + size;
	states->some_unlit = true;
	for (uint32_t p = 0; p < places->count; p++) {
		uint32_t group = places->groups[p];

		states->unlit[p] = 1;
		if (group != AGGREGATE_UNKNOWN && states->light[group] != NULL)
			move(states, group, p);
	}
}

/* Whether the rows can be counted in the places' bytes. */
static bool
has_cells(struct aggregate_states *states, uint32_t rows_count,
	  const struct aggregate_places *places)
{
	if (states->ways != 1 || states->light == NULL)
		return false;
	if (states->cells != NULL && states->cells_meaning == places->meaning &&
	    states->cells_count == places->count)
		return true;
	states->cells_missed += rows_count;
	if (states->cells_missed < ROWS_MIN ||
	    states->cells_missed / ROWS_PER_PLACE < places->count ||
	    states->cells_opened == OPENED_MAX)
		return false;
	states->cells_missed = 0;
	open_cells(states, places);
	return false; /* the next ones */
}

/* ---- rows ------------------------------------------------------------------------ */

/* The row's byte was full, or is the first of its bucket, or its place has none. */
static __attribute__((noinline)) int
count_noticed(struct aggregate_states *states, const struct aggregate_places *places,
	      const uint32_t *values, uint32_t row, uint8_t *byte, struct aggregate_rest *rest)
{
	uint32_t place = places->list[row] + places->base, group = places->groups[place];
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;
	bool counts = byte != cells;

	if (byte >= states->cells + (size_t)states->cells_count * SKETCH_BUCKETS)
		return 0;
	if (group != AGGREGATE_UNKNOWN && states->light[group] == cells)
		return counts ? aggregate_quantile_noticed(states, group, values[row], byte) : 0;
	*byte = 0;
	if (group == AGGREGATE_UNKNOWN) {
		rest->rows[rest->count++] = row;
		return 0;
	}
	if (counts && aggregate_quantile_put(states, group, values[row]) != 0)
		return STORE_ELIMIT;
	if (states->light[group] != NULL)
		move(states, group, place);
	return 0;
}

/* rows[] of places whose groups have no bytes there; how many. */
static uint32_t
list_unlit(const struct aggregate_states *states, const struct aggregate_places *places,
	   uint32_t count, uint32_t *rows)
{
	const uint8_t *unlit = states->unlit + places->base;
	uint32_t listed = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < count; i++) {
		rows[listed] = i;
		listed += unlit[places->list[i]];
	}
	return listed;
}

/* A value of weight 1 of a group that has no bytes there. */
static inline int
add_unlit(struct aggregate_states *states, uint32_t place, uint32_t group, uint32_t value)
{
	struct aggregate_hot *hot = &states->hot[group];

	if (aggregate_quantile_has_room(hot)) {
		hot->values[hot->values_count] = value;
		hot->values_count += value != VECTOR_NARROW_NULL;
		return 0;
	}
	if (value == VECTOR_NARROW_NULL)
		return 0;
	if (states->light[group] == NULL && !aggregate_quantile_is_few(states, group, 1)) {
		states->unlit[place] = 0;
		if (aggregate_quantile_begin(states, group,
					     states->cells + (size_t)place * SKETCH_BUCKETS) != 0)
			return STORE_ELIMIT;
	} else if (states->light[group] != NULL && states->unlit[place]) {
		move(states, group, place);
	}
	return aggregate_quantile_put(states, group, value);
}

/* Rows of such places, whose cells become those of nobody. */
static int
count_unlit(struct aggregate_states *states, const struct aggregate_places *places,
	    const struct aggregate_rows *rows, struct aggregate_rest *rest)
{
	struct aggregate_scratch *scratch = &states->scratch;
	uint32_t idle = states->cells_count * SKETCH_BUCKETS;
	uint32_t listed = list_unlit(states, places, rows->count, scratch->rows);

	states->some_unlit = listed > rows->count / UNLIT_SHARE;
	for (uint32_t i = 0; i < listed; i++) {
		uint32_t row = scratch->rows[i], place = places->list[row] + places->base;
		uint32_t group = places->groups[place];

		scratch->cells[row] = idle + i % IDLE_BYTES;
		if (group == AGGREGATE_UNKNOWN)
			rest->rows[rest->count++] = row;
		else if ((rows->weights == NULL || rows->weights[row] == 1) &&
			 add_unlit(states, place, group, rows->narrow[row]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* All rows, in their cells. */
static int
count_cells(struct aggregate_states *states, const struct aggregate_places *places,
	    const uint32_t *values, uint32_t count, struct aggregate_rest *rest)
{
	/* Here, where bytes that are written cannot be meant. */
	const uint32_t *cells = states->scratch.cells;
	uint8_t *bytes = states->cells;
	uint32_t i = 0;

	for (; i + UNROLLED <= count; i += UNROLLED) {
#pragma GCC unroll 8
		for (uint32_t n = 0; n < UNROLLED; n++) {
			uint8_t *byte = bytes + cells[i + n];

			if (__builtin_expect(++*byte <= 1, 0) &&
			    count_noticed(states, places, values, i + n, byte, rest) != 0)
				return STORE_ELIMIT;
		}
	}
	for (; i < count; i++) {
		uint8_t *byte = bytes + cells[i];

		if (++*byte <= 1 && count_noticed(states, places, values, i, byte, rest) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Those that are marked, of known groups: rows[] with their groups; the others are
 * rest when their light row is noticed. How many. */
static uint32_t
list_heavy(struct aggregate_scratch *scratch, const struct aggregate_places *places, uint32_t count)
{
	uint32_t listed = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < count; i++) {
		scratch->rows[listed] = i;
		listed += scratch->marks[i];
	}
	count = listed;
	listed = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = scratch->rows[i];
		uint32_t group = places->groups[places->list[row] + places->base];

		scratch->rows[listed] = row;
		scratch->groups[row] = group;
		listed += group != AGGREGATE_UNKNOWN;
	}
	return listed;
}

bool
aggregate_takes_places(const struct aggregate *aggregate)
{
	return aggregate_is_quantile(aggregate) && aggregate_takes_stored(aggregate) &&
	       aggregate->condition == NULL;
}

int
aggregate_add_places(struct aggregate_states *states, uint32_t rows_count,
		     const struct aggregate_input *input, const struct aggregate_places *places,
		     struct aggregate_rest *rest, bool *taken)
{
	struct aggregate_scratch *scratch = &states->scratch;
	struct aggregate_rows rows = {.count = rows_count,
				      .narrow = input->argument->narrow,
				      .weights = input->weights,
				      .groups = scratch->groups};
	bool few = aggregate_few_serves(states, rows_count, places), known = true;
	uint32_t min, max, heavy;
	uint64_t sum;

	rest->count = 0;
	*taken = false;
	if (rows.narrow == NULL || (!few && !has_cells(states, rows_count, places)))
		return 0;
	sum = aggregate_bucket_weight(&rows);
	if (sum >= AGGREGATE_HOT_WEIGHT_MAX - states->hot_weight || rows_count > scratch->max ||
	    number_cells(rows.narrow, places->list, places->base, rows_count, scratch->cells, &min,
			 &max))
		return 0;
	if (few && aggregate_few_widen(states, &rows, places, min, max, &known) != 0)
		return STORE_ELIMIT;
	if (!known)
		return 0;
	*taken = true;
	states->hot_weight += sum;
	states->is_hot = true;
	if (rows.weights != NULL) {
		mark_heavy(rows.weights, rows.narrow, places->list, places->base, rows_count,
			   scratch->cells, scratch->marks);
		heavy = list_heavy(scratch, places, rows_count);
		if (aggregate_bucket_heavy(states, &rows, scratch->rows, heavy) != 0)
			return STORE_ELIMIT;
	}
	if (few) {
		aggregate_few_count(states, rows_count);
		return 0;
	}
	if (states->some_unlit && count_unlit(states, places, &rows, rest) != 0)
		return STORE_ELIMIT;
	return count_cells(states, places, rows.narrow, rows_count, rest);
}

int
aggregate_add_rest(struct aggregate_states *states, const struct aggregate_input *input,
		   const struct aggregate_rest *rest)
{
	for (uint32_t i = 0; i < rest->count; i++) {
		uint32_t row = rest->rows[i], value = input->argument->narrow[row];
		uint32_t group = input->groups[row];
		uint64_t weight = input->weights == NULL ? 1 : input->weights[row];
		int result = 0;

		if (value == VECTOR_NARROW_NULL)
			continue;
		result = weight == 1 ? aggregate_quantile_put(states, group, value)
				     : aggregate_quantile_cold(states, group, value, weight);
		if (result != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
