/*
 * Blocks of which every row is wanted, and all are in one group: what the file
 * tells of the block gives counts, and the values that a column lists give
 * distinct ones, so no row is decoded. Between scan.c and scan_group.c; must give
 * what the rows would.
 */
#include "scan_inside.h"

/* What a block lists for an aggregate. */
struct listed {
	const int64_t *values;
	uint32_t count;
};

static bool
is_plain_column(const struct expression *expression)
{
	return expression->kind == EXPRESSION_COLUMN && expression->key.size == 0;
}

/* Sets *alone to whether rows stand for themselves; false when that cannot be
 * told. */
static bool
look_at_weights(struct scan *scan, const struct block *block, bool *alone)
{
	int64_t min, max;

	*alone = true;
	if (scan->plan->weight_column < 0)
		return true;
	if (!block_range(block, (uint16_t)scan->plan->weight_column, &min, &max))
		return false;
	*alone = (uint64_t)max <= 1;
	return true;
}

/* Whether counting rows serves the aggregate, or else listing values. */
static bool
is_count(const struct block *block, const struct aggregate *aggregate, bool alone)
{
	return aggregate->kind == AGGREGATE_COUNT && (alone || !aggregate->weighted) &&
	       (aggregate->argument == NULL ||
		(is_plain_column(aggregate->argument) &&
		 block_has_no_nulls(block, aggregate->argument->column)));
}

static bool
is_distinct(const struct aggregate *aggregate)
{
	return aggregate->kind == AGGREGATE_UNIQ && aggregate_takes_stored(aggregate) &&
	       is_plain_column(aggregate->argument);
}

/* Fills listed[] of the aggregates; *known is false when some need rows. */
static int
list_all(struct scan *scan, const struct block *block, bool alone, struct listed *listed,
	 bool *known)
{
	const struct plan *plan = scan->plan;

	*known = false;
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		const struct aggregate *aggregate = &plan->aggregates[a];

		if (scan->again.later[a])
			continue;
		if (scan->by_ranges[a] || scan->shares[a] != a || aggregate->margin ||
		    aggregate->condition != NULL || aggregate->second != NULL ||
		    (!is_count(block, aggregate, alone) && !is_distinct(aggregate)))
			return 0;
	}
	for (uint32_t a = 0; a < plan->aggregates_count; a++) {
		uint16_t column;
		int result;

		if (plan->aggregates[a].kind != AGGREGATE_UNIQ || scan->again.later[a])
			continue;
		column = plan->aggregates[a].argument->column;
		result = block_distinct(block, column, scan->scratch, &listed[a].values,
					&listed[a].count, scan->error);
		if (result != 0)
			return result == STORE_ELIMIT ? scan_no_memory(scan) : result;
		if (listed[a].count == 0)
			return 0;
		scan->slice.bytes_read +=
		    block_column_bytes(block, column, (struct store_str){NULL, 0});
	}
	*known = true;
	return 0;
}

int
scan_whole_block(struct scan *scan, struct evaluation *evaluation, bool *taken)
{
	const struct block *block = scan->slice.block;
	uint32_t rows = block_rows_count(block), group;
	struct listed listed[PLAN_AGGREGATES_MAX];
	bool known, alone;
	int result = 0;

	*taken = false;
	if (block_source(block) == NULL || !look_at_weights(scan, block, &alone))
		return 0;
	if ((result = list_all(scan, block, alone, listed, &known)) != 0 || !known ||
	    (result = scan_group_of_block(scan, evaluation, &group, &known)) != 0 || !known) {
		scan->slice.bytes_read = 0;
		return result;
	}
	for (uint32_t a = 0; a < scan->plan->aggregates_count; a++) {
		struct aggregate_states *states = scan->states[a];

		if (scan->again.later[a])
			continue;
		if (aggregate_reserve(states, scan->groups.count) != 0)
			return scan_no_memory(scan);
		if (scan->plan->aggregates[a].kind == AGGREGATE_COUNT)
			aggregate_add_weight(states, group, rows);
		else if (aggregate_add_distinct(states, group, listed[a].values, listed[a].count,
						rows) != 0)
			return scan_no_memory(scan);
	}
	scan->result->weighted |= !alone;
	*taken = true;
	return 0;
}
