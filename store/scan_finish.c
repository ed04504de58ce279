/*
 * Groups to rows of the answer: a slot per key and aggregate, HAVING, totals.
 * Where a LIMIT leaves few groups, what HAVING and ORDER BY ask for is finished
 * for all of them, and the rest, quantiles above all, for those that are left.
 * Between scan_group.c and scan_rows.c.
 */
#include <string.h>

#include "scan_inside.h"

/* Fewer groups are finished sooner than chosen. */
#define GROUPS_MIN 64u

/* ---- slots --------------------------------------------------------------- */

/* Some of the groups, or all. */
struct chosen {
	const uint32_t *groups; /* [count]; NULL: all */
	uint32_t count;
};

static uint32_t
group_at(const struct chosen *chosen, uint32_t i)
{
	return chosen->groups == NULL ? i : chosen->groups[i];
}

static int
finish_lists(struct scan *scan, uint32_t k, const struct chosen *chosen, struct data *out)
{
	const struct groups *groups = &scan->groups;
	struct type type = scan->plan->keys[k]->type;
	struct store_value *values =
	    store_arena_zalloc(scan->arena, (chosen->count + 1u) * sizeof *values);
	int result = values == NULL ? scan_no_memory(scan) : 0;

	*out = (struct data){.type = type, .count = chosen->count, .values = values};
	for (uint32_t i = 0; result == 0 && i < chosen->count; i++) {
		const uint64_t *key = groups->keys + (size_t)group_at(chosen, i) * groups->words;

		result = scan_lists_read(scan, &type, scan->strings.list[key[k]], &values[i]);
	}
	return result;
}

/* Group keys back from their words. */
static int
finish_key(struct scan *scan, uint32_t k, const struct chosen *chosen,
	   struct evaluation *evaluation, struct data *out)
{
	const struct groups *groups = &scan->groups;
	struct type type = scan->plan->keys[k]->type;
	int result;

	if (type.type == STORE_R_ARRAY)
		return finish_lists(scan, k, chosen, out);
	if (groups->are_strings && chosen->groups == NULL) {
		/* Borrowed: no string is interned while the slots are used. */
		*out = (struct data){.type = type, .count = chosen->count, .s = scan->strings.list};
		return 0;
	}
	result = data_allocate(evaluation, type, chosen->count, out);
	if (result == 0 && type.nullable)
		result = data_allocate_nulls(evaluation, out);
	for (uint32_t i = 0; result == 0 && i < chosen->count; i++) {
		const uint64_t *key = groups->keys + (size_t)group_at(chosen, i) * groups->words;

		if (out->nulls != NULL)
			out->nulls[i] = key[scan->plan->keys_count] >> k & 1;
		if (out->s != NULL && out->nulls != NULL && out->nulls[i])
			out->s[i] = (struct store_str){NULL, 0};
		else if (out->s != NULL)
			out->s[i] = scan->strings.list[key[k]];
		else
			out->n.u[i] = key[k];
	}
	return result;
}

/* Of the aggregate whose states it uses, too. States of those that waited are those
 * of the chosen groups. */
static int
finish_aggregate(struct scan *scan, uint32_t a, const struct chosen *chosen,
		 struct evaluation *evaluation, struct data *out)
{
	struct aggregate_states *states = scan->states[a];
	struct chosen these = {NULL, chosen->count};
	uint32_t groups_count = scan->groups.count;

	if (scan->again.later[a]) {
		groups_count = chosen->count;
		chosen = &these;
	}
	if (aggregate_reserve(scan->states[scan->shares[a]], groups_count) != 0)
		return scan_no_memory(scan);
	if (scan->shares[a] != a && aggregate_share(states, scan->states[scan->shares[a]],
						    chosen->groups, chosen->count) != 0)
		return scan_no_memory(scan);
	return aggregate_finish(states, chosen->groups, chosen->count, evaluation, out);
}

/* Slots of the groups; of `wanted` only when it is not NULL. */
static int
fill_slots(struct scan *scan, const struct chosen *chosen, const bool *wanted,
	   struct evaluation *out)
{
	const struct plan *plan = scan->plan;
	uint32_t count = plan->keys_count + plan->aggregates_count;
	int result = 0;

	*out = (struct evaluation){.count = chosen->count,
				   .arena = scan->arena,
				   .error = scan->error,
				   .crew = scan->workers_count == 0 ? NULL : scan->limits->crew,
				   .watch = &scan->limits->watch,
				   .now_ms = scan->now_ms};
	out->slots = store_arena_zalloc(scan->arena, (count + 1u) * sizeof *out->slots);
	if (out->slots == NULL)
		return scan_no_memory(scan);
	for (uint32_t slot = 0; result == 0 && slot < count; slot++) {
		if (wanted != NULL && !wanted[slot])
			continue;
		result = slot < plan->keys_count
			     ? finish_key(scan, slot, chosen, out, &out->slots[slot])
			     : finish_aggregate(scan, slot - plan->keys_count, chosen, out,
						&out->slots[slot]);
	}
	return result;
}

/* ---- few of many --------------------------------------------------------- */

static void
mark_slots(const struct expression *expression, bool *wanted)
{
	if (expression->kind == EXPRESSION_SLOT)
		wanted[expression->slot] = true;
	for (uint32_t i = 0; i < expression->args_count; i++)
		mark_slots(expression->args[i], wanted);
}

void
scan_group_mark_asked(const struct plan *plan, bool *asked)
{
	for (uint32_t i = 0; i < plan->orders_count; i++)
		mark_slots(plan->orders[i].expression, asked);
	if (plan->having != NULL)
		mark_slots(plan->having, asked);
}

/* Rows that the limit cuts off are finished where one of them could be an error
 * of the query, or another clause looks at them. */
bool
scan_group_is_cut(const struct plan *plan)
{
	if (plan->limit == UINT64_MAX || plan->is_distinct || plan->limit_by_count > 0 ||
	    plan->is_filled || plan->has_totals)
		return false;
	for (uint32_t c = 0; c < plan->columns_count; c++) {
		if (plan->columns[c]->may_fail)
			return false;
	}
	return true;
}

static bool
is_limited(const struct scan *scan)
{
	if (scan->again.is_wanted)
		return true;
	return scan->groups.count >= GROUPS_MIN &&
	       scan_rows_wanted(scan->plan) <= scan->groups.count / 2 &&
	       scan_group_is_cut(scan->plan);
}

/* The groups that the limit leaves, in order. */
static int
choose_groups(struct scan *scan, struct chosen *chosen)
{
	const struct plan *plan = scan->plan;
	struct chosen all = {NULL, scan->groups.count};
	bool wanted[PLAN_KEYS_MAX + PLAN_AGGREGATES_MAX] = {false};
	struct evaluation evaluation;
	struct data keep;
	int result;

	scan_group_mark_asked(plan, wanted);
	if ((result = fill_slots(scan, &all, wanted, &evaluation)) != 0)
		return result;
	if (plan->having != NULL &&
	    (result = expression_evaluate(&evaluation, plan->having, &keep)) != 0)
		return result;
	return scan_rows_choose(scan, &evaluation, plan->having == NULL ? NULL : &keep,
				&chosen->groups, &chosen->count);
}

/* ---- all ----------------------------------------------------------------- */

int
scan_group_finish(struct scan *scan)
{
	const struct plan *plan = scan->plan;
	struct chosen chosen = {NULL, scan->groups.count};
	struct evaluation evaluation;
	struct data keep;
	int result = scan_ranges_finish(scan);

	if (result == 0 && is_limited(scan)) {
		if ((result = choose_groups(scan, &chosen)) != 0 ||
		    (result = scan_again(scan, chosen.groups, chosen.count)) != 0 ||
		    (result = fill_slots(scan, &chosen, NULL, &evaluation)) != 0)
			return result;
		return scan_rows_collect(scan, &evaluation, NULL);
	}
	if (result != 0 || (result = fill_slots(scan, &chosen, NULL, &evaluation)) != 0)
		return result;
	if (plan->having != NULL)
		result = expression_evaluate(&evaluation, plan->having, &keep);
	if (result == 0 && plan->has_totals)
		result = scan_totals(scan, plan->having == NULL ? NULL : &keep);
	return result != 0
		   ? result
		   : scan_rows_collect(scan, &evaluation, plan->having == NULL ? NULL : &keep);
}
