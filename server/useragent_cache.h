/*
 * What was made of the last few thousand User-Agents. Any thread.
 */
#ifndef USERAGENT_CACHE_H
#define USERAGENT_CACHE_H

#include "useragent.h"

struct useragent_cache;

struct useragent_cache *useragent_cache_create(void); /* NULL: out of memory */
void useragent_cache_free(struct useragent_cache *cache);

/* The place of a User-Agent in the cache: a hash with a seed that nobody knows. */
struct useragent_cache_key {
	uint64_t hash[2];
};
struct useragent_cache_key
useragent_cache_key(const struct useragent_cache *cache, struct store_str user_agent);

/* False: it is not there. */
bool useragent_cache_find(struct useragent_cache *cache, struct useragent_cache_key key,
			  struct useragent *out);
void useragent_cache_put(struct useragent_cache *cache, struct useragent_cache_key key,
			 const struct useragent *value);

#endif
