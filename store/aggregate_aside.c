/*
 * Rows of quantiles of many groups while there are few of them: set aside as they come,
 * and when somebody asks brought into the order of their groups. That makes the lists of
 * all groups at once, each as long as it has to be, where row after row each list would
 * be looked up, and may grow; what else a group may have takes no memory until then.
 * Before aggregate_bucket.c; must give the same.
 */
#include "aggregate_inside.h"
#include "codec_vector.h"

/* With more a group lists are long, and of more there would be no gain. */
#define ROWS_MAX 32768u
#define ROWS_PER_GROUP 16u

struct aggregate_part {
	struct aggregate_part *next;
	uint32_t count;
	uint32_t *groups; /* [count]: 1 more than the group, 0 where the value is NULL */
	uint32_t *values; /* [count] */
};

/* groups[], and values[] as they are; whether each has a bucket. */
CODEC_CLONES static bool
take_rows(const struct aggregate_rows *rows, uint32_t *groups, uint32_t *values)
{
	const uint32_t *of = rows->groups, *narrow = rows->narrow;
	uint32_t count = rows->count, all = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = narrow[i], some = value == VECTOR_NARROW_NULL ? 0 : UINT32_MAX;

		all |= value & some;
		values[i] = value;
		groups[i] = (of[i] + 1) & some;
	}
	return all < SKETCH_BUCKETS_END;
}

bool
aggregate_aside_wants(const struct aggregate_states *states, uint32_t rows_count)
{
	const struct aggregate_aside *aside = &states->aside;
	uint64_t count = (uint64_t)aside->count + rows_count;

	return aside->waits && aside->values == NULL && count <= ROWS_MAX &&
	       count <= (uint64_t)states->groups_count * ROWS_PER_GROUP;
}

int
aggregate_aside_take(struct aggregate_states *states, const struct aggregate_rows *rows,
		     bool *taken)
{
	struct aggregate_aside *aside = &states->aside;
	struct aggregate_part *part;

	*taken = false;
	if (rows->groups == NULL || rows->narrow == NULL || rows->weights != NULL ||
	    !aggregate_aside_wants(states, rows->count))
		return aggregate_aside_settle(states);
	if ((part = store_arena_alloc(states->arena, sizeof *part)) == NULL)
		return STORE_ELIMIT;
	*part = (struct aggregate_part){
	    .next = aside->parts,
	    .count = rows->count,
	    .groups = store_arena_alloc(states->arena, rows->count * sizeof *part->groups),
	    .values = store_arena_alloc(states->arena, rows->count * sizeof *part->values)};
	if (part->groups == NULL || part->values == NULL)
		return STORE_ELIMIT;
	if (!take_rows(rows, part->groups, part->values))
		return aggregate_aside_settle(states);
	aside->parts = part;
	aside->count += rows->count;
	*taken = true;
	return 0;
}

/* ---- in the order of groups -------------------------------------------------------- */

/* values[] of the rows in the order of their groups; those of group g come to be from
 * ends[g] to ends[g + 1]. ends[] is of zeros. */
static void
order_rows(const struct aggregate_part *parts, uint32_t groups_count, uint32_t *ends,
	   uint32_t *values)
{
	uint32_t at = 0;

	for (const struct aggregate_part *part = parts; part != NULL; part = part->next) {
		for (uint32_t i = 0; i < part->count; i++)
			ends[part->groups[i]]++;
	}
	for (uint32_t g = 0; g <= groups_count; g++) {
		uint32_t count = ends[g];

		ends[g] = at;
		at += count;
	}
	for (const struct aggregate_part *part = parts; part != NULL; part = part->next) {
		const uint32_t *groups = part->groups, *of = part->values;

		for (uint32_t i = 0; i < part->count; i++)
			values[ends[groups[i]]++] = of[i];
	}
}

/* A group that has more values than are listed, in states of its own. */
static int
put_apart(struct aggregate_states *states, uint32_t group)
{
	struct aggregate_aside *aside = &states->aside;
	struct aggregate_rows rows = {.count = aside->ends[group + 1] - aside->ends[group],
				      .narrow = aside->values + aside->ends[group]};
	struct aggregate_apart *apart = store_arena_alloc(states->arena, sizeof *apart);

	if (apart == NULL)
		return STORE_ELIMIT;
	*apart = (struct aggregate_apart){
	    aside->apart, group,
	    aggregate_create(states->aggregate, states->arena, states->secret)};
	aside->apart = apart;
	if (apart->states == NULL || aggregate_reserve(apart->states, 1) != 0 ||
	    aggregate_aside_settle(apart->states) != 0 ||
	    aggregate_reserve_scratch(apart->states, rows.count) != 0)
		return STORE_ELIMIT;
	return aggregate_quantile_add(apart->states, &rows);
}

int
aggregate_aside_order(struct aggregate_states *states)
{
	struct aggregate_aside *aside = &states->aside;
	uint32_t groups_count = states->groups_count;

	if (aside->count == 0 || aside->values != NULL)
		return 0;
	aside->groups_count = groups_count;
	aside->ends = store_arena_zalloc(states->arena, (groups_count + 1u) * sizeof *aside->ends);
	aside->values = store_arena_alloc(states->arena, aside->count * sizeof *aside->values);
	if (aside->ends == NULL || aside->values == NULL)
		return STORE_ELIMIT;
	order_rows(aside->parts, groups_count, aside->ends, aside->values);
	for (uint32_t g = 0; g < groups_count; g++) {
		if (aside->ends[g + 1] - aside->ends[g] > SKETCH_EXACT_MAX &&
		    put_apart(states, g) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

struct aggregate_states *
aggregate_aside_apart(const struct aggregate_states *states, uint32_t group)
{
	const struct aggregate_apart *apart = states->aside.apart;

	while (apart->group != group)
		apart = apart->next;
	return apart->states;
}

/* ---- to the groups ------------------------------------------------------------------ */

/* The group's list; or more than one has room for. */
static int
put_list(struct aggregate_states *states, uint32_t group, uint32_t *values, uint32_t count)
{
	struct aggregate_rows rows = {.count = count, .narrow = values, .group = group};
	struct aggregate_hot *hot = &states->hot[group];

	if (count > SKETCH_EXACT_MAX)
		return aggregate_reserve_scratch(states, count) != 0
			   ? STORE_ELIMIT
			   : aggregate_quantile_add(states, &rows);
	hot->values = values;
	hot->values_count = hot->values_max = count;
	return 0;
}

int
aggregate_aside_settle(struct aggregate_states *states)
{
	struct aggregate_aside aside;

	if (!states->aside.waits)
		return 0;
	if (aggregate_aside_order(states) != 0)
		return STORE_ELIMIT;
	aside = states->aside;
	states->aside = (struct aggregate_aside){.waits = false};
	if (aggregate_reserve(states, states->groups_count) != 0)
		return STORE_ELIMIT;
	states->is_hot |= aside.count > 0;
	states->hot_weight += aside.count;
	for (uint32_t g = 0; g < aside.groups_count; g++) {
		uint32_t first = aside.ends[g], count = aside.ends[g + 1] - first;

		if (count > 0 && put_list(states, g, aside.values + first, count) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}
