/*
 * The first rows of places: listed with their weights, as many as a sketch keeps, for a
 * group that has no more is answered from its values. That takes a store a row. When there
 * are more the place's bytes count all of them; the others' rows go to their groups in the
 * end. Beside aggregate_places.c, whose places these are; must not know who counts
 * elsewhere.
 */
#include "aggregate_inside.h"
#include "codec_vector.h"

/* Rows of groups without bytes are looked for ahead while there are more of them than one
 * in so many: where one is noticed the processor has guessed wrong, which takes as long as
 * looking at 16 rows, or at 100 and more where that is fast. */
#define UNLIT_SHARE 16u
#define UNLIT_SHARE_FAST 256u
#define ROWS_MIN 1024u /* of fewer rows a share tells nothing */
#define LINE_VALUES 16u

bool
aggregate_young_reserve(struct aggregate_states *states, uint32_t count)
{
	struct aggregate_young young = {.max = count};

	if (count <= states->young.max)
		return true;
	young.values = store_arena_alloc(states->arena,
					 (size_t)count * SKETCH_EXACT_MAX * sizeof *young.values);
	young.counts = store_arena_zalloc(states->arena, count * sizeof *young.counts);
	young.groups = store_arena_alloc(states->arena, count * sizeof *young.groups);
	if (young.values == NULL || young.counts == NULL || young.groups == NULL)
		return false;
	states->young = young;
	return true;
}

/* Rows that weigh more than 1 come: what is listed has weights from now on. Most queries
 * have none, and half the memory. */
static int
begin_weights(struct aggregate_states *states)
{
	struct aggregate_young *young = &states->young;
	uint32_t *weights;

	if (young->weights != NULL)
		return 0;
	weights = store_arena_alloc(states->arena,
				    (size_t)young->max * SKETCH_EXACT_MAX * sizeof *weights);
	if (weights == NULL)
		return STORE_ELIMIT;
	for (uint32_t p = 0; p < young->max; p++) {
		for (uint32_t i = 0; i < young->counts[p]; i++)
			weights[(size_t)p * SKETCH_EXACT_MAX + i] = 1;
	}
	young->weights = weights;
	return 0;
}

/* ---- a place that has many rows --------------------------------------------------- */

/* The edges of values[count], and those of weight 1 to light[]; how many these are. */
static uint32_t
split(const uint32_t *values, const uint32_t *weights, uint32_t count, uint32_t *light,
      uint32_t *min, uint32_t *max)
{
	uint32_t listed = 0;

	*min = UINT32_MAX;
	*max = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = values[i];

		*min = value < *min ? value : *min;
		*max = value > *max ? value : *max;
		light[listed] = value;
		listed += weights == NULL || weights[i] == 1;
	}
	return listed;
}

/* What is listed of the place is counted: its group has bytes now. */
static int
count_listed(struct aggregate_states *states, uint32_t place, uint32_t group)
{
	struct aggregate_young *young = &states->young;
	const uint32_t *values = young->values + (size_t)place * SKETCH_EXACT_MAX;
	const uint32_t *weights =
	    young->weights == NULL ? NULL : young->weights + (size_t)place * SKETCH_EXACT_MAX;
	uint32_t count = young->counts[place], light_count, min, max;
	CODEC_UNSET uint32_t light[SKETCH_EXACT_MAX];

	young->counts[place] = 0;
	if (count == 0)
		return 0;
	light_count = split(values, weights, count, light, &min, &max);
	if (aggregate_quantile_widen(states, group, min, max + 1) != 0 ||
	    aggregate_bucket_values(states, group, light, light_count) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; light_count < count && i < count; i++) {
		if (weights[i] > 1 &&
		    aggregate_heavy_put(states, group, values[i], weights[i]) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* The place's group has bytes there from now on, with all that was listed. */
static int
light_up(struct aggregate_states *states, uint32_t place, uint32_t group)
{
	uint8_t *cells = states->cells + (size_t)place * SKETCH_BUCKETS;

	states->unlit[place] = 0;
	if (states->light[group] == NULL && aggregate_quantile_begin(states, group, cells) != 0)
		return STORE_ELIMIT;
	if (states->light[group] != cells)
		aggregate_places_move(states, group, place);
	return count_listed(states, place, group);
}

/* ---- rows ------------------------------------------------------------------------- */

/* A row of a place whose group has no bytes there: it is listed, if there is room. */
static inline bool
list_row(const struct aggregate_young *young, uint32_t place, uint32_t group, uint32_t value,
	 uint32_t weight)
{
	uint32_t count = young->counts[place];
	size_t at;

	if (value == VECTOR_NARROW_NULL)
		return true;
	if (count == SKETCH_EXACT_MAX)
		return false;
	at = (size_t)place * SKETCH_EXACT_MAX + count;
	__builtin_prefetch(young->values + at + LINE_VALUES, 1);
	young->values[at] = value;
	if (young->weights != NULL)
		young->weights[at] = weight;
	young->counts[place] = count + 1;
	young->groups[place] = group;
	return true;
}

int
aggregate_young_add(struct aggregate_states *states, uint32_t place, uint32_t group, uint32_t value,
		    uint32_t weight)
{
	if (states->unlit[place]) {
		states->young.some = true;
		if (weight > 1 && begin_weights(states) != 0)
			return STORE_ELIMIT;
		if (list_row(&states->young, place, group, value, weight))
			return 0;
		if (light_up(states, place, group) != 0)
			return STORE_ELIMIT;
	}
	if (weight == 1)
		return aggregate_quantile_put(states, group, value);
	if (aggregate_quantile_widen(states, group, value, value + 1) != 0)
		return STORE_ELIMIT;
	return aggregate_heavy_put(states, group, value, weight);
}

/* Whether the next rows are asked ahead, too. */
static void
ask_on(struct aggregate_states *states, uint32_t rows, uint32_t listed)
{
	struct aggregate_young *young = &states->young;
	uint32_t share = aggregate_unlit_is_fast(states) ? UNLIT_SHARE_FAST : UNLIT_SHARE;

	young->asked += rows;
	young->found += listed;
	if (young->asked < ROWS_MIN)
		return;
	states->some_unlit = young->found > young->asked / share;
	young->asked = young->found = 0;
}

int
aggregate_young_take(struct aggregate_states *states, const struct aggregate_places *places,
		     const struct aggregate_rows *rows, struct aggregate_rest *rest)
{
	/* Here, where what is written cannot be meant. */
	uint32_t *list = states->scratch.rows, *cells = states->scratch.cells;
	const uint32_t *of = places->list, *known = places->groups, *values = rows->narrow;
	const uint8_t *unlit = states->unlit;
	uint8_t *marks = states->scratch.marks;
	struct aggregate_young *young = &states->young;
	uint32_t base = places->base, idle = states->idle, listed;

	if (rows->weights != NULL && begin_weights(states) != 0)
		return STORE_ELIMIT;
	listed = aggregate_unlit_list(states, places, rows->count, list);
	ask_on(states, rows->count, listed);
	young->some |= listed > 0;
	for (uint32_t i = 0; i < listed; i++) {
		uint32_t row = list[i], place = of[row] + base, group = known[place];

		if (!unlit[place])
			continue; /* by a row before */
		if (group == AGGREGATE_UNKNOWN) {
			rest->rows[rest->count++] = row;
		} else if (!list_row(young, place, group, values[row],
				     aggregate_row_weight(rows, row))) {
			if (light_up(states, place, group) != 0)
				return STORE_ELIMIT;
			continue;
		}
		cells[row] = idle + i % AGGREGATE_IDLE_BYTES;
		marks[row] = 0;
	}
	return 0;
}

/* ---- in the end --------------------------------------------------------------------- */

/* A row of a group that counts anywhere. */
static int
put(struct aggregate_states *states, uint32_t group, uint32_t value, uint32_t weight)
{
	struct aggregate_rows row = {
	    .count = 1, .narrow = &value, .weights = &weight, .group = group};
	uint32_t list = 0;

	if (weight == 1)
		return aggregate_quantile_put(states, group, value);
	if (aggregate_bucket_heavy(states, &row, &list, 1) != 0)
		return STORE_ELIMIT;
	return states->hot[group].heavy == NULL ? 0 : aggregate_quantile_begin(states, group, NULL);
}

int
aggregate_young_settle(struct aggregate_states *states)
{
	struct aggregate_young *young = &states->young;

	if (!young->some)
		return 0;
	young->some = false;
	for (uint32_t p = 0; p < young->max; p++) {
		const size_t at = (size_t)p * SKETCH_EXACT_MAX;
		uint32_t count = young->counts[p], group = young->groups[p];

		young->counts[p] = 0;
		for (uint32_t i = 0; i < count; i++) {
			if (put(states, group, young->values[at + i],
				young->weights == NULL ? 1 : young->weights[at + i]) != 0)
				return STORE_ELIMIT;
		}
	}
	return 0;
}
