/*
 * Aggregate functions: a state per group, fed a block's rows at a time.
 */
#ifndef AGGREGATE_H
#define AGGREGATE_H

#include "expression.h"

#define AGGREGATE_LEVELS_MAX 16u

enum aggregate_kind {
	AGGREGATE_COUNT,
	AGGREGATE_SUM,
	AGGREGATE_AVG,
	AGGREGATE_MIN,
	AGGREGATE_MAX,
	AGGREGATE_QUANTILE, /* one level: quantile, median */
	AGGREGATE_QUANTILES,
	AGGREGATE_UNIQ,
};

struct aggregate {
	enum aggregate_kind kind;
	struct expression *argument, *condition; /* or NULL */
	double levels[AGGREGATE_LEVELS_MAX];
	uint32_t levels_count;
	uint32_t scale; /* of the argument when it is a stored column, else 0 */
	struct type type;
	bool weighted; /* by the rows' sample interval */
};

struct aggregate_states; /* of one aggregate: grows with the groups */

/* The aggregate of that name (with its -If), or -1. */
int aggregate_find(struct store_str name, bool *has_condition);
/* A known name near that one, for error messages; or NULL. */
const char *aggregate_nearest(struct store_str name);

struct aggregate_states *
aggregate_create(const struct aggregate *aggregate, struct store_arena *arena, uint64_t secret);
/* Room for `groups_count` groups. */
int aggregate_reserve(struct aggregate_states *states, uint32_t groups_count);
/* groups[i] is row i's group; the data have `rows_count` rows. `condition` and
 * `weights` may be NULL. */
int
aggregate_add(struct aggregate_states *states, const uint32_t *groups, uint32_t rows_count,
	      const struct data *argument, const struct data *condition, const uint64_t *weights);
/* Results of all groups, in the arena. */
int aggregate_finish(struct aggregate_states *states, uint32_t groups_count,
		     struct evaluation *evaluation, struct data *out);

#endif
