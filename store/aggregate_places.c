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
/* Bytes of all places do not fit the second cache: they are asked for so many rows
 * before they are counted in. */
#define AHEAD 64u
/* So many rows, and so many a place, come before bytes are laid out, for they take
 * longer to zero than few rows to count; and so often, for combinations change with
 * dictionaries. */
#define ROWS_MIN 65536u
#define ROWS_PER_PLACE 256u
#define OPENED_MAX 4u
#define MISSED_MAX 8192u /* rows of weights that have no bytes, before they get some */
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

/* ---- the places' bytes --------------------------------------------------------- */

/* The group's bytes move to its place's. */
static int
move(struct aggregate_states *states, uint32_t group, uint32_t place)
{
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;

	memcpy(cells, states->light[group], SKETCH_BUCKETS);
	states->light[group] = cells;
	states->unlit[place] = 0;
	return states->edges[group].end == 0
		   ? 0
		   : aggregate_heavy_raise(states, group,
					   sketch_bucket(states->edges[group].min) + 1,
					   sketch_bucket(states->edges[group].end - 1) - 1);
}

/* New bytes, when they are worth it; what memory there was stays in use. */
static int
open_cells(struct aggregate_states *states, const struct aggregate_places *places, bool weighted)
{
	struct aggregate_heavy heavy;
	size_t light_bytes = (size_t)places->count * SKETCH_BUCKETS, heavy_bytes;
	uint8_t *cells;

	states->cells_opened++;
	heavy_bytes = weighted ? places->count * aggregate_heavy_choose(states, &heavy) : 0;
	cells = store_arena_zalloc(states->arena,
				   light_bytes + heavy_bytes + IDLE_BYTES + places->count);
	if (cells == NULL) {
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
	states->unlit = cells + states->idle + IDLE_BYTES;
	states->some_unlit = true;
	for (uint32_t p = 0; p < places->count; p++) {
		uint32_t group = places->groups[p];

		states->unlit[p] = 1;
		if (group == AGGREGATE_UNKNOWN ||
		    (states->light[group] == NULL && states->hot[group].heavy == NULL))
			continue;
		if (aggregate_quantile_begin(states, group, NULL) != 0 ||
		    move(states, group, p) != 0)
			return STORE_ELIMIT;
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

/* Bytes for the next rows, where there are none for these. */
static int
want_cells(struct aggregate_states *states, uint32_t rows_count,
	   const struct aggregate_places *places, bool weighted)
{
	if (states->ways != 1 || states->light == NULL)
		return 0;
	states->cells_missed += rows_count;
	if (states->cells_missed < ROWS_MIN ||
	    states->cells_missed / ROWS_PER_PLACE < places->count ||
	    states->cells_opened == OPENED_MAX)
		return 0;
	states->cells_missed = 0;
	return open_cells(states, places, weighted);
}

/* ---- rows ------------------------------------------------------------------------ */

/* The row's byte was full, or is the first of its bucket, or its place has none. */
static __attribute__((noinline)) int
count_noticed(struct aggregate_states *states, const struct aggregate_places *places,
	      const uint32_t *values, uint32_t row, uint8_t *byte, struct aggregate_rest *rest)
{
	uint32_t place = places->list[row] + places->base, group = places->groups[place];
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;
	size_t at = (size_t)(byte - states->cells);
	bool counts = byte != cells;

	if (at >= states->idle)
		return 0;
	if (group != AGGREGATE_UNKNOWN && at >= (size_t)states->cells_count * SKETCH_BUCKETS) {
		if (aggregate_heavy_noticed(states, group, values[row], byte) != 0)
			return STORE_ELIMIT;
		return states->light[group] == NULL || states->light[group] == cells
			   ? 0
			   : move(states, group, place);
	}
	if (group != AGGREGATE_UNKNOWN && states->light[group] == cells)
		return counts ? aggregate_quantile_noticed(states, group, values[row], byte) : 0;
	*byte = 0;
	if (group == AGGREGATE_UNKNOWN) {
		rest->rows[rest->count++] = row;
		return 0;
	}
	if (counts && aggregate_quantile_put(states, group, values[row]) != 0)
		return STORE_ELIMIT;
	return states->light[group] != NULL ? move(states, group, place) : 0;
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

/* A value of a group that has no bytes there. */
static inline int
add_unlit(struct aggregate_states *states, uint32_t place, uint32_t group, uint32_t value,
	  uint64_t weight)
{
	struct aggregate_hot *hot = &states->hot[group];

	if (weight > 1) {
		if (aggregate_heavy_elsewhere(states, group, value, weight) != 0)
			return STORE_ELIMIT;
		return states->light[group] != NULL && states->unlit[place]
			   ? move(states, group, place)
			   : 0;
	}
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
	} else if (states->light[group] != NULL && states->unlit[place] &&
		   move(states, group, place) != 0) {
		return STORE_ELIMIT;
	}
	return aggregate_quantile_put(states, group, value);
}

/* Rows of such places, whose cells become those of nobody. */
static int
count_unlit(struct aggregate_states *states, const struct aggregate_places *places,
	    const struct aggregate_rows *rows, struct aggregate_rest *rest)
{
	struct aggregate_scratch *scratch = &states->scratch;
	uint32_t heavy = states->cells_count * SKETCH_BUCKETS, idle = states->idle;
	uint32_t listed = list_unlit(states, places, rows->count, scratch->rows);

	states->some_unlit = listed > rows->count / UNLIT_SHARE;
	for (uint32_t i = 0; i < listed; i++) {
		uint32_t row = scratch->rows[i], place = places->list[row] + places->base;
		uint32_t group = places->groups[place];
		uint64_t weight = rows->weights == NULL ? 1 : rows->weights[row];
		/* Others are in words already. */
		bool has_cell = weight == 1 || scratch->cells[row] >= heavy;

		scratch->cells[row] = idle + i % IDLE_BYTES;
		if (group == AGGREGATE_UNKNOWN)
			rest->rows[rest->count++] = row;
		else if (has_cell &&
			 add_unlit(states, place, group, rows->narrow[row], weight) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* Rows [first, end), in their cells. */
static inline __attribute__((always_inline)) int
count_some(struct aggregate_states *states, const struct aggregate_places *places,
	   const uint32_t *values, uint32_t first, uint32_t end, uint32_t ahead,
	   struct aggregate_rest *rest)
{
	/* Here, where bytes that are written cannot be meant. */
	const uint32_t *cells = states->scratch.cells;
	uint8_t *bytes = states->cells;
	uint32_t i = first;

	for (; i + UNROLLED <= end; i += UNROLLED) {
#pragma GCC unroll 8
		for (uint32_t n = 0; n < UNROLLED; n++) {
			uint8_t *byte = bytes + cells[i + n];

			if (ahead > 0)
				__builtin_prefetch(bytes + cells[i + n + ahead], 1);
			if (__builtin_expect(++*byte <= 1, 0) &&
			    count_noticed(states, places, values, i + n, byte, rest) != 0)
				return STORE_ELIMIT;
		}
	}
	for (; i < end; i++) {
		uint8_t *byte = bytes + cells[i];

		if (++*byte <= 1 && count_noticed(states, places, values, i, byte, rest) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* All rows. */
static int
count_cells(struct aggregate_states *states, const struct aggregate_places *places,
	    const uint32_t *values, uint32_t count, struct aggregate_rest *rest)
{
	uint32_t near = count < AHEAD ? 0 : (count - AHEAD) / UNROLLED * UNROLLED;

	if (count_some(states, places, values, 0, near, AHEAD, rest) != 0)
		return STORE_ELIMIT;
	return count_some(states, places, values, near, count, 0, rest);
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

/* Rows of weights above 1 to their cells, or to words when these have none. */
static int
add_heavy(struct aggregate_states *states, const struct aggregate_rows *rows,
	  const struct aggregate_places *places, bool few)
{
	static const struct aggregate_heavy none;
	struct aggregate_scratch *scratch = &states->scratch;
	struct aggregate_heavy *heavy = &states->heavy;
	uint32_t begin = states->cells_count * SKETCH_BUCKETS, count;

	if (!few && heavy->missed > MISSED_MAX && states->cells_opened < OPENED_MAX) {
		heavy->missed = 0;
		if (open_cells(states, places, true) != 0)
			return STORE_ELIMIT;
	}
	if (aggregate_heavy_number(few ? &none : heavy, rows, places, begin, scratch->cells,
				   scratch->marks) == 0)
		return 0;
	count = list_heavy(scratch, places, rows->count);
	if (!few && heavy->bytes != NULL)
		aggregate_heavy_learn(heavy, rows->weights, scratch->rows, count);
	else if (!few)
		heavy->missed += count;
	return aggregate_bucket_heavy(states, rows, scratch->rows, count);
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
	uint32_t min, max;
	uint64_t sum;

	rest->count = 0;
	*taken = false;
	if (rows.narrow == NULL)
		return 0;
	if (!few && !has_cells(states, places))
		return want_cells(states, rows_count, places, rows.weights != NULL);
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
	if (rows.weights != NULL && add_heavy(states, &rows, places, few) != 0)
		return STORE_ELIMIT;
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
