/*
 * A quantile and a count of what is hot of a group, as it lies: of the list of its
 * values, or by adding up its buckets as far as the rank. To settle a group into a
 * sketch first takes ten times as long. Beside aggregate_quantile.c; must answer what
 * the sketch would.
 */
#include <math.h>
#include <string.h>

#include "aggregate_inside.h"
#include "codec.h"
#include "codec_vector.h"

/* Bytes of a span fit 16 bits; where the rank is, buckets are added up one by one. */
#define SPAN AGGREGATE_SPAN
#define SPANS AGGREGATE_SPANS
#define ZERO 1u
#define ONE AGGREGATE_ONE

/* Of a group that has buckets. */
struct counted {
	uint32_t first, last; /* buckets */
	uint32_t inner, inner_end;
	uint32_t zeros;        /* weight of ZERO */
	uint32_t spans[SPANS]; /* weights of those that it has some of */
	uint64_t total;
};

/* ---- adding up ----------------------------------------------------------------- */

static uint32_t
span_of(uint32_t bucket)
{
	return bucket < ONE ? 0 : (bucket - ONE) / SPAN;
}

/* sums[i] -= `weight` times those of so many spans from `bytes` on. */
CODEC_CLONES static void
sum_bytes(const uint8_t *bytes, uint32_t count, uint32_t weight, uint32_t *sums)
{
	for (uint32_t s = 0; s < count; s++, bytes += SPAN) {
		uint16_t sum = 0;

		for (uint32_t i = 0; i < SPAN; i++)
			sum = (uint16_t)(sum + bytes[i]);
		sums[s] -= weight * sum;
	}
}

CODEC_CLONES static void
sum_words(const uint32_t *words, uint32_t count, uint32_t *sums)
{
	for (uint32_t s = 0; s < count; s++, words += SPAN) {
		uint32_t sum = 0;

		for (uint32_t i = 0; i < SPAN; i++)
			sum += words[i];
		sums[s] += sum;
	}
}

/* weights[i] += `weight` times what bytes[i] counts, where inner buckets begin at `inner`
 * and are so many. */
CODEC_CLONES static void
add_span(const uint8_t *bytes, uint32_t inner, uint32_t count, uint32_t weight, uint32_t *weights)
{
	for (uint32_t i = 0; i < SPAN; i++)
		weights[i] += weight * ((i - inner < count ? UINT8_MAX : 0u) - bytes[i]);
}

/* What the edges have of buckets `from` ... from + count - 1, to weights[of the bucket / by]. */
static void
add_edges(const struct aggregate_edges *edges, const struct counted *counted, uint32_t from,
	  uint32_t count, uint32_t by, uint32_t *weights)
{
	if (counted->first - from < count)
		weights[(counted->first - from) / by] += edges->least;
	if (counted->last - from < count)
		weights[(counted->last - from) / by] += edges->most;
}

/* Adds what each inner bucket in [first, end) counts down from, so many times. */
static void
raise_spans(struct counted *counted, uint32_t first, uint32_t end, uint32_t times)
{
	first = first > counted->inner ? first : counted->inner;
	end = end < counted->inner_end ? end : counted->inner_end;
	if (first == ZERO && first < end) {
		counted->zeros += UINT8_MAX * times;
		first++;
	}
	for (uint32_t at = first, next; at < end; at = next) {
		next = ONE + (span_of(at) + 1) * SPAN;
		next = next < end ? next : end;
		counted->spans[span_of(at)] += (next - at) * UINT8_MAX * times;
	}
}

/* Rows of weights above 1, which are counted in bytes. */
static void
count_heavy(const struct aggregate_states *states, uint32_t group, struct counted *counted)
{
	const struct aggregate_heavy *heavy = &states->heavy;
	const uint8_t *bytes = aggregate_heavy_bytes(states, group);
	uint32_t all = 0, end = heavy->first + heavy->width, span = span_of(heavy->first + 1);

	for (uint32_t k = 0; bytes != NULL && k < AGGREGATE_WEIGHTS_MAX && heavy->weights[k] != 0;
	     k++) {
		uint32_t weight = heavy->weights[k];
		const uint8_t *of = bytes + (size_t)k * heavy->stride;

		*(heavy->first == ZERO ? &counted->zeros : &counted->spans[span - 1]) -=
		    weight * of[0];
		sum_bytes(of + 1, heavy->width / SPAN, weight, counted->spans + span);
		all += weight;
	}
	if (bytes != NULL)
		raise_spans(counted, heavy->first, end, all);
}

static void
count_up(const struct aggregate_states *states, uint32_t group, struct counted *counted)
{
	const struct aggregate_edges *edges = &states->edges[group];
	const uint8_t *light = states->light[group];
	const uint32_t *heavy = states->hot[group].heavy;
	uint32_t ways = light == NULL ? 0 : states->ways, span, count;

	counted->first = sketch_bucket(edges->min);
	counted->last = sketch_bucket(edges->end - 1);
	aggregate_quantile_inner(edges, &counted->inner, &counted->inner_end);
	span = span_of(counted->first);
	count = counted->last < ONE ? 0 : span_of(counted->last) + 1 - span;
	counted->zeros = heavy == NULL ? 0 : heavy[ZERO];
	memset(counted->spans, 0, sizeof counted->spans);
	for (uint32_t way = 0; way < ways; way++) {
		const uint8_t *bytes = light + (size_t)way * SKETCH_BUCKETS;

		counted->zeros -= bytes[ZERO];
		sum_bytes(bytes + ONE + span * SPAN, count, 1, counted->spans + span);
	}
	if (heavy != NULL)
		sum_words(heavy + ONE + span * SPAN, count, counted->spans + span);
	count_heavy(states, group, counted);
	raise_spans(counted, ZERO, SKETCH_BUCKETS, ways);
	add_edges(edges, counted, ONE, SPANS * SPAN, SPAN, counted->spans);
	counted->total = counted->zeros;
	for (uint32_t s = span; s < span + count; s++)
		counted->total += counted->spans[s];
}

/* The same, one by one, of the buckets from `from` on to weights[SPAN], where so many
 * inner ones are from `inner` on. */
static void
weigh_heavy(const struct aggregate_states *states, uint32_t group, uint32_t from, uint32_t inner,
	    uint32_t count, uint32_t *weights)
{
	const struct aggregate_heavy *heavy = &states->heavy;
	const uint8_t *bytes = aggregate_heavy_bytes(states, group);
	uint32_t before = heavy->first - from;

	for (uint32_t k = 0; bytes != NULL && k < AGGREGATE_WEIGHTS_MAX && heavy->weights[k] != 0;
	     k++) {
		uint32_t weight = heavy->weights[k], at = from - heavy->first;
		const uint8_t *of = bytes + (size_t)k * heavy->stride;

		if (at < heavy->width)
			add_span(of + at, inner, count, weight, weights);
		else if (before < SPAN)
			weights[before] +=
			    weight * ((before - inner < count ? UINT8_MAX : 0u) - of[0]);
	}
}

/* weights[SPAN] */
static void
weigh_span(const struct aggregate_states *states, uint32_t group, const struct counted *counted,
	   uint32_t span, uint32_t *weights)
{
	const uint8_t *light = states->light[group];
	const uint32_t *heavy = states->hot[group].heavy;
	uint32_t from = ONE + span * SPAN, inner = counted->inner - from;
	uint32_t count = counted->inner_end - counted->inner;

	memset(weights, 0, SPAN * sizeof *weights);
	if (heavy != NULL)
		memcpy(weights, heavy + from, SPAN * sizeof *weights);
	for (uint32_t way = 0; light != NULL && way < states->ways; way++)
		add_span(light + (size_t)way * SKETCH_BUCKETS + from, inner, count, 1, weights);
	weigh_heavy(states, group, from, inner, count, weights);
	add_edges(&states->edges[group], counted, from, SPAN, 1, weights);
}

/* The value at the rank, which is below the total. */
static double
value_at(const struct aggregate_states *states, uint32_t group, const struct counted *counted,
	 uint64_t rank)
{
	const struct aggregate_edges *edges = &states->edges[group];
	uint32_t scale = states->aggregate->scale, span = span_of(counted->first), at = 0;
	double value, min = (double)edges->min / scale, max = (double)(edges->end - 1) / scale;
	CODEC_UNSET uint32_t weights[SPAN];

	if (rank < counted->zeros)
		return 0;
	for (rank -= counted->zeros; counted->spans[span] <= rank; span++)
		rank -= counted->spans[span];
	weigh_span(states, group, counted, span, weights);
	for (; weights[at] <= rank; at++)
		rank -= weights[at];
	value = sketch_within(ONE + span * SPAN + at, rank, weights[at]) / scale;
	value = value < min ? min : value;
	return value > max ? max : value;
}

/* ---- lists --------------------------------------------------------------------- */

/* Fewer values are sorted sooner than counted, and so few compared with each other,
 * without a branch, sooner than sorted. */
#define SORTED_MAX 32u
#define LANES 16u
#define PARTS_BITS 6u

CODEC_CLONES static void
find_bounds(const uint32_t *values, uint32_t count, uint32_t *min, uint32_t *max)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (uint32_t i = 0; i < count; i++) {
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
	}
	*min = least;
	*max = most;
}

/* The values at the rank and at the next, the same when there is none: only those near
 * it are sorted. */
static void
select_two(const uint32_t *values, uint32_t count, uint32_t rank, uint32_t out[2])
{
	CODEC_UNSET uint32_t near[SKETCH_EXACT_MAX];
	uint32_t counts[1u << PARTS_BITS] = {0}, min, max, shift, part = 0, found = 0;
	uint32_t beyond = UINT32_MAX;

	find_bounds(values, count, &min, &max);
	shift =
	    max - min < 1u << PARTS_BITS ? 0 : 32 - PARTS_BITS - (uint32_t)__builtin_clz(max - min);
	for (uint32_t i = 0; i < count; i++)
		counts[(values[i] - min) >> shift]++;
	for (; counts[part] <= rank; part++)
		rank -= counts[part];
	for (uint32_t i = 0; i < count; i++) {
		uint32_t of = (values[i] - min) >> shift;

		near[found] = values[i];
		found += of == part;
		beyond = of > part && values[i] < beyond ? values[i] : beyond;
	}
	aggregate_quantile_sort(near, found);
	out[0] = near[rank];
	out[1] = rank + 1 < found ? near[rank + 1] : beyond < UINT32_MAX ? beyond : near[rank];
}

/* The same of LANES values at most: each has as many below it as ranks before the first that
 * it has. */
CODEC_CLONES static void
compare_few(const uint32_t *values, uint32_t count, uint32_t rank, uint32_t out[2])
{
	CODEC_UNSET uint32_t lanes[LANES];
	uint32_t below[LANES] = {0}, next = rank + 1 < count ? rank + 1 : rank, low = 0, high = 0;

	for (uint32_t i = 0; i < LANES; i++)
		lanes[i] = i < count ? values[i] : UINT32_MAX;
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < LANES; j++)
			below[j] += values[i] < lanes[j];
	}
	for (uint32_t i = 0; i < LANES; i++) {
		uint32_t at = lanes[i] & (below[i] <= rank ? UINT32_MAX : 0);
		uint32_t beyond = lanes[i] & (below[i] <= next ? UINT32_MAX : 0);

		/* Masks: with conditions gcc leaves the loop scalar. */
		low = at > low ? at : low;
		high = beyond > high ? beyond : high;
	}
	out[0] = low;
	out[1] = high;
}

void
aggregate_answer_list(uint32_t *values, uint32_t count, uint32_t scale, const double *levels,
		      uint32_t levels_count, double *out)
{
	double position, lower;
	uint32_t two[2] = {0};

	if (levels_count > 1 || (count > LANES && count <= SORTED_MAX)) {
		aggregate_quantile_sort(values, count);
		for (uint32_t i = 0; i < levels_count; i++)
			out[i] = sketch_quantile_ascending(values, count, scale, levels[i]);
		return;
	}
	position = levels[0] * (double)(count - 1);
	lower = floor(position);
	(count <= LANES ? compare_few : select_two)(values, count, (uint32_t)lower, two);
	*out = position == lower ? (double)two[0] / scale
				 : sketch_between(position, lower, (double)two[0] / scale,
						  (double)two[1] / scale);
}

/* Of a group that has listed values and nothing else. They stay listed, for more rows or
 * to be settled. */
static bool
answer_of_list(const struct aggregate_states *states, uint32_t group, const double *levels,
	       uint32_t levels_count, double *out)
{
	const struct aggregate_hot *hot = &states->hot[group];

	if (hot->values_count == 0 || hot->values_count > SKETCH_EXACT_MAX ||
	    aggregate_sketch(states, group) != NULL || states->edges[group].end != 0)
		return false;
	aggregate_answer_list(hot->values, hot->values_count, states->aggregate->scale, levels,
			      levels_count, out);
	return true;
}

/* ---- answers --------------------------------------------------------------------- */

/* Whether all that the group has is in its buckets. */
static bool
has_buckets(const struct aggregate_states *states, uint32_t group)
{
	return states->edges[group].end != 0 && states->hot[group].values_count == 0 &&
	       aggregate_sketch(states, group) == NULL;
}

bool
aggregate_answer(struct aggregate_states *states, uint32_t group, const double *levels,
		 uint32_t count, double *out)
{
	CODEC_UNSET struct counted counted;

	if (answer_of_list(states, group, levels, count, out))
		return true;
	if (!has_buckets(states, group))
		return false;
	count_up(states, group, &counted);
	if (counted.total == 0)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		double position = levels[i] * (double)(counted.total - 1), lower = floor(position);
		double low = value_at(states, group, &counted, (uint64_t)lower);

		out[i] =
		    position == lower
			? low
			: sketch_between(position, lower, low,
					 value_at(states, group, &counted, (uint64_t)lower + 1));
	}
	return true;
}

bool
aggregate_can_answer(const struct aggregate_states *states, uint32_t group)
{
	return has_buckets(states, group);
}

uint64_t
aggregate_answer_weight(const struct aggregate_states *states, uint32_t group)
{
	uint64_t weight = states->states == NULL ? 0 : states->states[group].weight;
	CODEC_UNSET struct counted counted;

	if (states->weights != NULL)
		return weight + states->weights[group];
	weight += states->hot[group].values_count;
	if (states->edges[group].end == 0)
		return weight;
	count_up(states, group, &counted);
	return weight + counted.total;
}
