/*
 * The order that a query wants of rows, and the first of many rows in it. Below
 * scan_rows.c and scan_front.c; knows sort keys, not where they come from.
 */
#include <math.h>
#include <stdlib.h>

#include "scan_inside.h"

static bool
is_nan(const struct type *type, const struct store_value *value)
{
	return !value->null && data_type_is_float(type->type) && isnan(value->v.f);
}

/* NULL and NaN come last (NaN before NULL) in either direction, unless NULLS
 * FIRST. */
static int
compare_key(const struct plan_order *order, const struct store_value *p,
	    const struct store_value *q)
{
	const struct type *type = &order->expression->type;
	int last_p = p->null ? 2 : is_nan(type, p), last_q = q->null ? 2 : is_nan(type, q);
	int result;

	if (last_p != last_q)
		return (last_p > last_q) == order->nulls_first ? -1 : 1;
	if (last_p != 0)
		return 0;
	result = data_compare(type->type, p, q);
	return order->descending ? -result : result;
}

int
scan_best_compare(const void *a, const void *b, void *context)
{
	const struct scan_order *order = context;
	const struct store_value *x = a, *y = b;

	x += order->first;
	y += order->first;
	for (uint32_t i = 0; i < order->plan->orders_count; i++, x++, y++) {
		int result = compare_key(&order->plan->orders[i], x, y);

		if (result != 0)
			return result;
	}
	return order->is_numbered ? (x->v.u > y->v.u) - (x->v.u < y->v.u) : 0;
}

int
scan_best_open(struct scan *scan, uint64_t offers_max, struct scan_best *best)
{
	*best = (struct scan_best){.order = {scan->plan, 0, true},
				   .wanted = scan_rows_wanted(scan->plan),
				   .width = scan->plan->orders_count + 1};
	best->max = best->wanted < offers_max ? best->wanted * 2 + 64 : offers_max + 1;
	best->max = best->max < offers_max ? best->max : offers_max + 1;
	best->list =
	    store_arena_alloc(scan->arena, (best->max + 1) * best->width * sizeof *best->list);
	return best->list == NULL ? scan_no_memory(scan) : 0;
}

struct store_value *
scan_best_next(struct scan_best *best)
{
	return &best->list[best->count * best->width];
}

bool
scan_best_offers(const struct scan_best *best)
{
	struct scan_order order = best->order;

	return best->wanted > 0 &&
	       (!best->is_full || scan_best_compare(&best->list[best->count * best->width],
						    scan_best_last(best), &order) < 0);
}

bool
scan_best_take(struct scan_best *best)
{
	if (++best->count < best->max)
		return false;
	scan_best_sort(best);
	return true;
}

void
scan_best_sort(struct scan_best *best)
{
	if (best->count > 1)
		qsort_r(best->list, best->count, best->width * sizeof *best->list,
			scan_best_compare, &best->order);
	best->is_full = best->wanted > 0 && best->count >= best->wanted;
	best->count = best->count > best->wanted ? best->wanted : best->count;
}

const struct store_value *
scan_best_last(const struct scan_best *best)
{
	return best->is_full ? &best->list[(best->wanted - 1) * best->width] : NULL;
}

bool
scan_best_is_behind(const struct scan_best *best, const struct store_value *first_key)
{
	const struct store_value *last = scan_best_last(best);

	return last != NULL && compare_key(&best->order.plan->orders[0], first_key, last) > 0;
}
