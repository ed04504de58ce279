/*
 * margin(...): half the width of the 95 % confidence interval of an aggregate
 * over sampled rows. Draws are independent with probability 1/w (Horvitz and
 * Thompson 1952); a quantile's is Woodruff's interval (1952) with Kish's
 * effective number of rows. Rows that share a view share its draw: there a
 * view's rows are summed first. Below aggregate.c.
 */
#include <math.h>
#include <string.h>

#include "aggregate_inside.h"

/* Half the width of an interval of 95 % of a normal distribution. */
#define Z95 1.959963984540054
/* A difference of sums that is less of them is nothing but their rounding. */
#define ROUNDING 1e-12

/* ---- rows that share a draw ------------------------------------------ */

/* By the finalizer of MurmurHash3, seeded, so that nobody can aim. */
static uint32_t
slot_of(const struct aggregate_views *views, uint64_t key, uint64_t secret)
{
	uint64_t x = key ^ secret;
	uint32_t slot;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
	slot = (uint32_t)(x ^ x >> 33) & (views->slots_count - 1);
	while (views->slots[slot] != 0 && views->list[views->slots[slot] - 1].key != key)
		slot = (slot + 1) & (views->slots_count - 1);
	return slot;
}

static int
grow(struct aggregate_views *views, const struct aggregate_states *states)
{
	uint32_t max = views->max == 0 ? 16 : views->max * 2;
	struct aggregate_view *list = store_arena_alloc(states->arena, max * sizeof *list);

	if (list == NULL)
		return STORE_ELIMIT;
	if (views->count > 0)
		memcpy(list, views->list, views->count * sizeof *list);
	views->list = list;
	views->max = max;
	views->slots_count = max * 2;
	views->slots =
	    store_arena_zalloc(states->arena, (size_t)views->slots_count * sizeof *views->slots);
	if (views->slots == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < views->count; i++)
		views->slots[slot_of(views, list[i].key, states->secret)] = i + 1;
	return 0;
}

static int
add_view(const struct aggregate_states *states, struct aggregate_state *state,
	 const struct aggregate_view *add)
{
	struct aggregate_views *views = state->views;
	struct aggregate_view *view;
	uint32_t slot;

	if (views == NULL)
		state->views = views = store_arena_zalloc(states->arena, sizeof *views);
	if (views == NULL || (views->count == views->max && grow(views, states) != 0))
		return STORE_ELIMIT;
	slot = slot_of(views, add->key, states->secret);
	if (views->slots[slot] == 0) {
		views->list[views->count++] = *add;
		views->slots[slot] = views->count;
		return 0;
	}
	view = &views->list[views->slots[slot] - 1];
	view->rows += add->rows;
	view->sum += add->sum;
	return 0;
}

int
aggregate_margin_add(const struct aggregate_states *states, struct aggregate_state *state,
		     uint64_t view, double number, uint64_t weight)
{
	struct aggregate_view add = {view, (double)weight, 1, number};

	return add_view(states, state, &add);
}

int
aggregate_margin_merge(const struct aggregate_states *states, struct aggregate_state *to,
		       const struct aggregate_state *from)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && from->views != NULL && i < from->views->count; i++)
		result = add_view(states, to, &from->views->list[i]);
	return result;
}

/* ---- the margin ------------------------------------------------------ */

/* m[i]: the sum over draws of w (w - 1) times rows^(2 - i) and sum^i. Returns
 * the sum of (w rows)^2. */
static double
moments_of(const struct aggregate_state *state, double m[3])
{
	double squares = 0;

	if (state->views == NULL) {
		memcpy(m, state->moments, sizeof state->moments);
		return m[0] + (double)state->weight; /* of w (w - 1) and w */
	}
	m[0] = m[1] = m[2] = 0;
	for (uint32_t i = 0; i < state->views->count; i++) {
		const struct aggregate_view *view = &state->views->list[i];
		double extra = view->weight * (view->weight - 1);

		m[0] += extra * view->rows * view->rows;
		m[1] += extra * view->rows * view->sum;
		m[2] += extra * view->sum * view->sum;
		squares += view->weight * view->weight * view->rows * view->rows;
	}
	return squares;
}

double
aggregate_margin(const struct aggregate *aggregate, struct aggregate_state *state)
{
	double total = (double)state->weight, mean = state->number / total;
	double level = aggregate->levels[0], m[3], e, scale, spread;
	double squares = moments_of(state, m);

	if (aggregate->kind == AGGREGATE_COUNT)
		return Z95 * sqrt(m[0]);
	if (aggregate->kind == AGGREGATE_SUM)
		return Z95 * sqrt(m[2]);
	if (state->weight == 0)
		return NAN;
	if (aggregate->kind == AGGREGATE_AVG) {
		scale = m[2] + mean * mean * m[0];
		spread = scale - 2 * mean * m[1];
		return Z95 * sqrt(spread < ROUNDING * scale ? 0 : spread) / total;
	}
	if (state->sketch == NULL)
		return NAN;
	if (m[0] == 0)
		return 0;
	e = Z95 * sqrt(level * (1 - level) * squares / (total * total));
	return (sketch_quantile(state->sketch, level + e > 1 ? 1 : level + e) -
		sketch_quantile(state->sketch, level - e < 0 ? 0 : level - e)) /
	       2;
}
