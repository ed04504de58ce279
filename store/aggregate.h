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
	AGGREGATE_ANY,
	AGGREGATE_ANY_LAST,
	AGGREGATE_ARG_MIN, /* argument where `second` is least */
	AGGREGATE_ARG_MAX,
	AGGREGATE_QUANTILE, /* one level: quantile, median */
	AGGREGATE_QUANTILES,
	AGGREGATE_QUANTILE_EXACT, /* an element, of the argument's type */
	AGGREGATE_QUANTILES_EXACT,
	AGGREGATE_UNIQ,
	AGGREGATE_UNIQ_EXACT,
	AGGREGATE_TOP_K,
	AGGREGATE_GROUP_ARRAY,
	AGGREGATE_GROUP_UNIQ_ARRAY,
	AGGREGATE_VAR_POP,
	AGGREGATE_VAR_SAMP,
	AGGREGATE_STDDEV_POP,
	AGGREGATE_STDDEV_SAMP,
};

/* What stands behind an aggregate's name. */
struct aggregate_name {
	const char *name;
	bool any_case;
	enum aggregate_kind kind;
	bool has_second;           /* argMin(x, y) */
	bool has_weight;           /* topKWeighted(x, w): `second` multiplies the weight */
	const char *weighted_name; /* ClickHouse's for the same with weights, or NULL */
};

struct aggregate {
	const struct aggregate_name *name;
	enum aggregate_kind kind;
	struct expression *argument, *second, *condition; /* or NULL */
	double levels[AGGREGATE_LEVELS_MAX];
	uint32_t levels_count;
	uint32_t elements_max; /* of topK and groupArray */
	uint32_t scale;        /* of the argument when a histogram may hold its values, else 0 */
	struct type type;
	bool weighted; /* by the rows' sample interval */
	bool margin;   /* half the width of its confidence interval instead */
};

struct crew;

struct aggregate_states; /* of one aggregate: grows with the groups */

/* The aggregate of that name (with its -If), or NULL. */
const struct aggregate_name *aggregate_find(struct store_str name, bool *has_condition);
/* The aggregates' names by number; NULL past the last. */
const struct aggregate_name *aggregate_at(uint32_t index);
/* The nearest known name, for error messages; NULL when none is near. */
const char *aggregate_nearest(struct store_str name);
/* Whether sampled rows need their weights for it: not min, max, any, uniq. */
bool aggregate_weighs(enum aggregate_kind kind);
/* Whether its quantiles may come from a histogram: not where the name says exact. */
bool aggregate_may_approximate(const struct aggregate_name *name);

struct aggregate_states *
aggregate_create(const struct aggregate *aggregate, struct store_arena *arena, uint64_t secret);
/* Room for `groups_count` groups. */
int aggregate_reserve(struct aggregate_states *states, uint32_t groups_count);
/* A slice's values of one aggregate; each pointer may be NULL. */
struct aggregate_input {
	const struct data *argument, *second, *condition;
	const uint32_t *weights;
	const uint32_t *groups; /* of each row; NULL: all are in `group` */
	uint32_t group;
};
/* The data have `rows_count` rows, at most BLOCK_ROWS_MAX. */
int aggregate_add(struct aggregate_states *states, uint32_t rows_count,
		  const struct aggregate_input *input);
/* Whether aggregate_add_stored serves: as aggregate_add, but the argument has a
 * column's stored integers (expression_read_stored or expression_read_narrow). */
bool aggregate_takes_stored(const struct aggregate *aggregate);
int aggregate_add_stored(struct aggregate_states *states, uint32_t rows_count,
			 const struct aggregate_input *input);
#define AGGREGATE_UNKNOWN UINT32_MAX

/* Rows' groups: groups[list[row] + base], below `count`; AGGREGATE_UNKNOWN where it is
 * none yet. */
struct aggregate_places {
	const uint32_t *list, *groups;
	uint32_t base, count;
	uint64_t meaning;       /* while it is the same, places are */
	uint64_t rows_expected; /* in all, as far as is known; 0: nothing is */
};

/* Rows whose groups are unknown. */
struct aggregate_rest {
	uint32_t *rows; /* room for all */
	uint32_t count;
};

/* Whether aggregate_add_places may be asked. */
bool aggregate_takes_places(const struct aggregate *aggregate);
/* As aggregate_add_stored without groups, of an aggregate that has taken rows with groups,
 * but for those of *rest, if it sets *taken; else nothing was done. */
int aggregate_add_places(struct aggregate_states *states, uint32_t rows_count,
			 const struct aggregate_input *input, const struct aggregate_places *places,
			 struct aggregate_rest *rest, bool *taken);
/* The rest, whose groups the places have by now. */
int aggregate_add_rest(struct aggregate_states *states, const struct aggregate_input *input,
		       const struct aggregate_places *places, const struct aggregate_rest *rest);
/* AGGREGATE_UNIQ of a column, aggregate_takes_stored: `rows_count` rows of a group,
 * whose stored integers are these and no others. */
int aggregate_add_distinct(struct aggregate_states *states, uint32_t group, const int64_t *values,
			   uint32_t count, uint64_t rows_count);
/* Whether the states of `with` have all that the aggregate needs: counts and
 * quantiles of one column. */
bool aggregate_is_shared(const struct aggregate *aggregate, const struct aggregate *with);
/* Before groups[count] (NULL: the first `count`) are finished, when no more rows
 * come: takes the other's states. 0 or STORE_ELIMIT. */
int aggregate_share(struct aggregate_states *states, struct aggregate_states *with,
		    const uint32_t *groups, uint32_t count);
/* Counts rows of that weight in all, for AGGREGATE_COUNT. */
void aggregate_add_weight(struct aggregate_states *states, uint32_t group, uint64_t weight);
/* Adds what group `from` has to group `to` of `totals`, which is of the same
 * aggregate; there must be room for it. */
int aggregate_merge(struct aggregate_states *totals, uint32_t to, struct aggregate_states *states,
		    uint32_t from);
/* Adds what each of the other's groups[count] has to group groups[g] here; for
 * states that are not asked again, whose memory must last as long as these. There
 * must be room in both. The crew (or NULL) helps. 0 or STORE_ELIMIT. */
int aggregate_take(struct aggregate_states *states, const uint32_t *groups,
		   struct aggregate_states *from, uint32_t count, struct crew *crew);
/* When no more rows come: what is counted by places goes to their groups, which others and
 * the answer would else have to wait for. 0 or STORE_ELIMIT. */
int aggregate_settle_places(struct aggregate_states *states);
/* Before another takes them, when no more rows come: settles of the first `count` groups
 * those that have many rows and cannot be answered without, for they are not merged any
 * faster as they are where others hardly have the same groups. 0 or STORE_ELIMIT. */
int aggregate_settle_large(struct aggregate_states *states, uint32_t count);
/* Results of groups[count] (NULL: of the first `count`), in the arena. There must
 * be room for them; may be called again for others. */
int aggregate_finish(struct aggregate_states *states, const uint32_t *groups, uint32_t count,
		     struct evaluation *evaluation, struct data *out);

#endif
