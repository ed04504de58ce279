/*
 * Rows of weights above 1 by places: intervals of sampling are few different numbers,
 * so that such rows are counted in bytes too, those of their weight, and multiplied
 * when they are settled. That is a quarter of the memory of words, and no row needs
 * anything but its byte. The bytes are those of struct aggregate_edges: the inner ones
 * count down from 255, all others stay 0, whereby rows that may widen the edges are noticed.
 * Beside aggregate_places.c, whose rows these are; must give the same.
 */
#include <assert.h>
#include <string.h>

#include "aggregate_inside.h"
#include "codec.h"

#define OCTAVE (1u << SKETCH_MANTISSA_BITS)
#define LINE 64u

/* ---- which bytes ------------------------------------------------------------------ */

static size_t
bytes_of_place(const struct aggregate_heavy *heavy)
{
	return (size_t)AGGREGATE_WEIGHTS_MAX * heavy->stride;
}

/* The group's bytes of all weights; NULL: it has none. */
static uint8_t *
bytes_of_group(const struct aggregate_states *states, uint32_t group)
{
	uintptr_t light = (uintptr_t)states->light[group], cells = (uintptr_t)states->cells;
	size_t at = light - cells;

	if (states->heavy.bytes == NULL || light < cells ||
	    at >= (size_t)states->cells_count * SKETCH_BUCKETS)
		return NULL;
	return states->heavy.bytes + at / SKETCH_BUCKETS * bytes_of_place(&states->heavy);
}

/* The buckets that values will have, as far as rows tell so far: what is outside
 * counts in words. */
size_t
aggregate_heavy_choose(const struct aggregate_states *states, uint32_t min, uint32_t max,
		       struct aggregate_heavy *heavy)
{
	uint32_t first, end;

	*heavy = states->heavy;
	heavy->bytes = NULL;
	heavy->missed = 0;
	for (uint32_t g = 0; heavy->width == 0 && g < states->states_max; g++) {
		const struct aggregate_edges *edges = &states->edges[g];

		min = edges->end != 0 && edges->min < min ? edges->min : min;
		max = edges->end != 0 && edges->end - 1 > max ? edges->end - 1 : max;
		for (uint32_t i = 0; i < states->hot[g].values_count; i++) {
			uint32_t value = states->hot[g].values[i];

			min = value < min ? value : min;
			max = value > max ? value : max;
		}
	}
	if (heavy->width == 0) {
		if (min > max)
			return 0;
		first = sketch_bucket(min);
		first = (first > OCTAVE ? first - OCTAVE : 1) - 1;
		end = (sketch_bucket(max) + OCTAVE) / AGGREGATE_SPAN + 1;
		end = end < AGGREGATE_SPANS ? end : AGGREGATE_SPANS;
		heavy->first = first / AGGREGATE_SPAN * AGGREGATE_SPAN + AGGREGATE_ONE - 1;
		heavy->width = end * AGGREGATE_SPAN + AGGREGATE_ONE - heavy->first;
		heavy->stride = (heavy->width + LINE - 1) / LINE * LINE;
	}
	if (heavy->words == NULL)
		heavy->words =
		    store_arena_alloc(states->arena, SKETCH_BUCKETS * sizeof *heavy->words);
	return heavy->words == NULL ? 0 : bytes_of_place(heavy);
}

/* ---- inner buckets ------------------------------------------------------------------ */

/* 256 rows of the weight, whose byte was full, go to the group's word. */
static int
carry(struct aggregate_states *states, uint32_t group, uint32_t weight, uint32_t bucket)
{
	if (aggregate_quantile_heavy(states, group) != 0)
		return STORE_ELIMIT;
	states->hot[group].heavy[bucket] += weight * (UINT8_MAX + 1u);
	return 0;
}

/* Bytes of [*begin, *end), as far as there are some. */
static void
cut(const struct aggregate_heavy *heavy, uint32_t *begin, uint32_t *end)
{
	uint32_t heavy_end = heavy->first + heavy->width;

	*begin = *begin > heavy->first ? *begin : heavy->first;
	*end = *end < heavy_end ? *end : heavy_end;
}

void
aggregate_heavy_raise(struct aggregate_states *states, uint32_t group, uint32_t begin, uint32_t end)
{
	const struct aggregate_heavy *heavy = &states->heavy;
	uint8_t *bytes = bytes_of_group(states, group);

	cut(heavy, &begin, &end);
	for (uint32_t k = 0; bytes != NULL && begin < end && k < AGGREGATE_WEIGHTS_MAX; k++)
		aggregate_bytes_invert(bytes + (size_t)k * heavy->stride + (begin - heavy->first),
				       end - begin);
}

/* Of weights that rows have had. */
static uint32_t
weights_count(const struct aggregate_heavy *heavy)
{
	uint32_t count = 0;

	while (count < AGGREGATE_WEIGHTS_MAX && heavy->weights[count] != 0)
		count++;
	return count;
}

/* Bytes of a group with such edges become what they count. */
static void
lower(const struct aggregate_heavy *heavy, const struct aggregate_edges *edges, uint8_t *bytes)
{
	uint32_t begin, end;

	aggregate_quantile_inner(edges, &begin, &end);
	cut(heavy, &begin, &end);
	for (uint32_t k = 0; begin < end && k < weights_count(heavy); k++)
		aggregate_bytes_invert(bytes + (size_t)k * heavy->stride + (begin - heavy->first),
				       end - begin);
}

/* ---- out of the bytes ---------------------------------------------------------------- */

/* words[i] += weight * bytes[i] */
CODEC_CLONES static void
add_to_words(const uint8_t *bytes, uint32_t weight, uint32_t count, uint32_t *words)
{
	for (uint32_t i = 0; i < count; i++)
		words[i] += weight * bytes[i];
}

/* What lowered bytes count, to words[SKETCH_BUCKETS]; they become 0. */
static void
empty(const struct aggregate_heavy *heavy, uint8_t *bytes, uint32_t *words)
{
	for (uint32_t k = 0; k < weights_count(heavy); k++)
		add_to_words(bytes + (size_t)k * heavy->stride, heavy->weights[k], heavy->width,
			     words + heavy->first);
	memset(bytes, 0, bytes_of_place(heavy));
}

const uint8_t *
aggregate_heavy_bytes(const struct aggregate_states *states, uint32_t group)
{
	return bytes_of_group(states, group);
}

const uint32_t *
aggregate_heavy_words(struct aggregate_states *states, uint32_t group)
{
	uint32_t *words = states->hot[group].heavy;
	uint8_t *bytes = bytes_of_group(states, group);

	if (bytes == NULL)
		return words;
	if (words == NULL)
		words = memset(states->heavy.words, 0, SKETCH_BUCKETS * sizeof *words);
	lower(&states->heavy, &states->edges[group], bytes);
	empty(&states->heavy, bytes, words);
	return words;
}

int
aggregate_heavy_close(struct aggregate_states *states)
{
	for (uint32_t g = 0; states->heavy.bytes != NULL && g < states->states_max; g++) {
		uint8_t *bytes = bytes_of_group(states, g);

		if (bytes == NULL)
			continue;
		if (aggregate_quantile_heavy(states, g) != 0)
			return STORE_ELIMIT;
		aggregate_heavy_words(states, g);
	}
	states->heavy.bytes = NULL;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------------ */

CODEC_CLONES uint32_t
aggregate_heavy_number(const struct aggregate_heavy *heavy, const struct aggregate_rows *rows,
		       const struct aggregate_places *places, uint32_t begin, uint32_t *cells,
		       uint8_t *marks)
{
	const uint32_t *weights = rows->weights;
	const uint32_t *list = places->list;
	uint32_t w0 = heavy->weights[0], w1 = heavy->weights[1], w2 = heavy->weights[2],
		 w3 = heavy->weights[3], first = heavy->first, base = places->base;
	uint32_t width = heavy->bytes == NULL ? 0 : heavy->width, marked = 0;
	uint32_t stride = heavy->stride;
	uint32_t count = rows->count;

	_Static_assert(AGGREGATE_WEIGHTS_MAX == 4, "they are compared one by one");
	for (uint32_t i = 0; i < count; i++) {
		uint32_t weight = weights[i], place = list[i] + base;
		uint32_t nobody = place * SKETCH_BUCKETS, bucket = cells[i] - nobody;
		uint32_t is_heavy = weight == 1 ? 0 : UINT32_MAX, at = bucket - first;
		uint32_t is1 = weight == w1 ? UINT32_MAX : 0, is2 = weight == w2 ? UINT32_MAX : 0;
		uint32_t is3 = weight == w3 ? UINT32_MAX : 0, is0 = weight == w0 ? UINT32_MAX : 0;
		uint32_t inside = at < width ? is0 | is1 | is2 | is3 : 0;
		uint32_t of_weight = (is1 & stride) | (is2 & 2 * stride) | (is3 & 3 * stride);
		uint32_t cell = begin + place * (AGGREGATE_WEIGHTS_MAX * stride) + of_weight + at;
		uint32_t left = is_heavy & ~inside & (bucket != 0);

		cell = (cell & inside) | (nobody & ~inside);
		cells[i] = (cell & is_heavy) | (cells[i] & ~is_heavy);
		marks[i] = (uint8_t)left;
		marked += left;
	}
	return marked;
}

/* Which of the weights it is, if there is room for it; else AGGREGATE_WEIGHTS_MAX. */
static uint32_t
number_of(const struct aggregate_heavy *heavy, uint32_t weight)
{
	uint32_t k = 0;

	while (k < AGGREGATE_WEIGHTS_MAX && heavy->weights[k] != 0 && heavy->weights[k] != weight)
		k++;
	return k;
}

void
aggregate_heavy_learn(struct aggregate_heavy *heavy, const uint32_t *weights, const uint32_t *list,
		      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t weight = weights[list[i]], k = number_of(heavy, weight);

		if (k == AGGREGATE_WEIGHTS_MAX)
			return;
		heavy->weights[k] = weight;
	}
}

/* The weight's bytes of the group, if there is room for such; NULL. */
static uint8_t *
room_for(struct aggregate_states *states, uint32_t group, uint32_t weight)
{
	struct aggregate_heavy *heavy = &states->heavy;
	uint8_t *bytes = bytes_of_group(states, group);
	uint32_t k = number_of(heavy, weight);

	if (bytes == NULL || k == AGGREGATE_WEIGHTS_MAX)
		return NULL;
	heavy->weights[k] = weight;
	return bytes + (size_t)k * heavy->stride;
}

int
aggregate_heavy_put(struct aggregate_states *states, uint32_t group, uint32_t value,
		    uint32_t weight)
{
	uint32_t bucket = sketch_bucket(value), at = bucket - states->heavy.first;
	uint8_t *bytes = room_for(states, group, weight);

	if (aggregate_quantile_weigh(states, group, value, weight))
		return 0;
	if (bytes != NULL && at < states->heavy.width)
		return bytes[at]-- == 0 ? carry(states, group, weight, bucket) : 0;
	if (aggregate_quantile_heavy(states, group) != 0)
		return STORE_ELIMIT;
	states->hot[group].heavy[bucket] += weight;
	return 0;
}

int
aggregate_heavy_noticed(struct aggregate_states *states, uint32_t group, uint32_t value,
			uint8_t *byte)
{
	const struct aggregate_heavy *heavy = &states->heavy;
	uint32_t at = (uint32_t)((size_t)(byte - heavy->bytes) % bytes_of_place(heavy));
	uint32_t weight = heavy->weights[at / heavy->stride], bucket = sketch_bucket(value);

	assert(bytes_of_group(states, group) == byte - at);
	if (aggregate_quantile_is_inner(&states->edges[group], bucket))
		return carry(states, group, weight, bucket);
	*byte = 0;
	if (aggregate_quantile_widen(states, group, value, value + 1) != 0)
		return STORE_ELIMIT;
	if (!aggregate_quantile_weigh(states, group, value, weight))
		*byte -= 1;
	return 0;
}

/* ---- another thread's ------------------------------------------------------------------ */

/* from[count] of the weight, of the buckets first, first + 1, ..., which lie at to[]. */
static int
add_weight(struct aggregate_states *states, uint32_t group, uint32_t weight, uint8_t *to,
	   const uint8_t *from, uint32_t first, uint32_t count)
{
	for (uint32_t at = 0; at < count; at += AGGREGATE_BYTES_AT_ONCE) {
		uint32_t left = count - at,
			 some = left < AGGREGATE_BYTES_AT_ONCE ? left : AGGREGATE_BYTES_AT_ONCE;

		if (!aggregate_bytes_take(to + at, from + at, some))
			continue;
		for (uint32_t i = at; i < at + some; i++) {
			if (aggregate_byte_was_full(to[i], from[i]) &&
			    carry(states, group, weight, first + i) != 0)
				return STORE_ELIMIT;
		}
	}
	return 0;
}

static bool
has_some(const uint8_t *bytes, uint32_t count)
{
	uint8_t some = 0;

	for (uint32_t i = 0; i < count; i++)
		some |= bytes[i];
	return some != 0;
}

/* Whether there is room for all that is counted in another thread's lowered bytes, if
 * there is for buckets [begin, end). */
static bool
has_room(struct aggregate_states *states, uint32_t to, const struct aggregate_heavy *heavy,
	 const uint8_t *bytes, uint32_t begin, uint32_t end)
{
	uint32_t before = begin - heavy->first, behind = heavy->first + heavy->width - end;

	for (uint32_t k = 0; k < weights_count(heavy); k++, bytes += heavy->stride) {
		if (room_for(states, to, heavy->weights[k]) == NULL || begin >= end ||
		    has_some(bytes, before) || has_some(bytes + heavy->width - behind, behind))
			return false;
	}
	return true;
}

void
aggregate_heavy_meet(struct aggregate_heavy *heavy, const struct aggregate_heavy *from)
{
	for (uint32_t i = 0; heavy->bytes != NULL && i < weights_count(from); i++) {
		uint32_t k = number_of(heavy, from->weights[i]);

		if (k < AGGREGATE_WEIGHTS_MAX)
			heavy->weights[k] = from->weights[i];
	}
}

int
aggregate_heavy_take(struct aggregate_states *states, uint32_t to,
		     const struct aggregate_states *from, uint32_t group)
{
	const struct aggregate_heavy *heavy = &from->heavy;
	uint8_t *bytes = bytes_of_group(from, group);
	/* Buckets that both have: of those, [begin, end). */
	uint32_t begin = heavy->first, end = begin + heavy->width;
	uint32_t own_end = states->heavy.first + states->heavy.width;

	if (bytes == NULL)
		return 0;
	lower(heavy, &from->edges[group], bytes);
	begin = begin > states->heavy.first ? begin : states->heavy.first;
	end = end < own_end ? end : own_end;
	if (!has_room(states, to, heavy, bytes, begin, end)) {
		if (aggregate_quantile_heavy(states, to) != 0)
			return STORE_ELIMIT;
		empty(heavy, bytes, states->hot[to].heavy);
		return 0;
	}
	for (uint32_t k = 0; k < weights_count(heavy); k++) {
		uint32_t weight = heavy->weights[k];
		const uint8_t *of = bytes + (size_t)k * heavy->stride + (begin - heavy->first);
		uint8_t *room = room_for(states, to, weight) + (begin - states->heavy.first);

		if (add_weight(states, to, weight, room, of, begin, end - begin) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
