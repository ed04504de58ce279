/*
 * WITH TOTALS: the states of all groups as one more row. After scan_group.c,
 * which knows what HAVING keeps.
 */
#include "relation.h"
#include "scan_inside.h"

int
scan_totals(struct scan *scan, const struct data *keep)
{
	const struct plan *plan = scan->plan;
	struct evaluation evaluation = {.count = 1,
					.arena = scan->arena,
					.error = scan->error,
					.watch = &scan->limits->watch,
					.now_ms = scan->now_ms};
	struct relation_column keys[PLAN_KEYS_MAX] = {0};
	struct relation *defaults;
	int result = 0;

	for (uint32_t k = 0; k < plan->keys_count; k++)
		keys[k].type = plan->keys[k]->type;
	defaults = relation_create(scan->arena, keys, plan->keys_count, 1);
	evaluation.slots =
	    store_arena_zalloc(scan->arena, (plan->keys_count + plan->aggregates_count + 1u) *
						sizeof *evaluation.slots);
	if (evaluation.slots == NULL || defaults == NULL)
		return scan_no_memory(scan);
	for (uint32_t k = 0; k < plan->keys_count; k++) {
		if (plan->keys[k]->kind == EXPRESSION_CONSTANT) {
			evaluation.slots[k] = plan->keys[k]->constant;
			continue;
		}
		evaluation.slots[k] = defaults->columns[k].data;
		if (evaluation.slots[k].nulls != NULL)
			evaluation.slots[k].nulls[0] = 1;
	}
	for (uint32_t a = 0; result == 0 && a < plan->aggregates_count; a++) {
		struct aggregate_states *totals =
		    aggregate_create(&plan->aggregates[a], scan->arena, scan->secret);

		if (totals == NULL || aggregate_reserve(totals, 1) != 0)
			return scan_no_memory(scan);
		for (uint32_t g = 0; g < scan->groups.count; g++) {
			if (keep != NULL && (data_is_null(keep, g) || !data_true(keep, g)))
				continue;
			if (aggregate_merge(totals, 0, scan->states[scan->shares[a]], g) != 0)
				return scan_no_memory(scan);
		}
		result = aggregate_finish(totals, NULL, 1, &evaluation,
					  &evaluation.slots[plan->keys_count + a]);
	}
	return result != 0 ? result : scan_rows_totals(scan, &evaluation);
}
