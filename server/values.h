/*
 * How many different values each dimension of a site has had today. Beyond a
 * bound a new one is not taken, so that a flood of made-up paths or names cannot
 * swell the dictionaries. Values are known by a keyed hash. Any thread.
 */
#ifndef VALUES_H
#define VALUES_H

#include "store/store.h"

struct values;

/* `values_max`: of one column of one site and day. NULL: out of memory. */
struct values *values_create(uint32_t values_max);
void values_free(struct values *values);

/* The values of one site, locked until values_unlock. `day`: of receipt, UTC,
 * since 1970; a new one forgets the one before, of which more may still come. */
struct values_site {
	struct values *values;
	uint64_t hash;
	uint32_t shard;
};
struct values_site values_lock(struct values *values, struct store_str site, int64_t day);
void values_unlock(const struct values_site *site);
/* Whether the value is known, or is taken now; at most `max` of a column are (0:
 * values_max), and of all as many as memory allows. */
bool
values_take(const struct values_site *site, uint64_t column, struct store_str value, uint32_t max);
/* The same in two steps, for many values: the key, whose memory is fetched meanwhile,
 * and whether it is known or taken. Under one lock. */
uint64_t values_key(const struct values_site *site, uint64_t column, struct store_str value);
bool values_take_key(const struct values_site *site, uint64_t column, uint64_t key, uint32_t max);
/* Memory of all. */
size_t values_bytes(struct values *values);

#endif
