/*
 * useragent_cache.h: sets of four, of which the one that was not asked for
 * longest makes room. Beside useragent.c. Must not let a client choose who is
 * driven out.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include <xxhash.h>

#include "useragent_cache.h"

#define WAYS 4u
#define SETS 2048u /* 8,192 User-Agents */
#define SHARDS 16u

struct cached {
	uint64_t hash[2]; /* 0, 0: empty */
	uint32_t used;    /* age within its set */
	struct useragent value;
};

struct useragent_cache {
	uint64_t seed;
	pthread_mutex_t mutexes[SHARDS]; /* each guards the sets of its number */
	struct cached ways[SETS * WAYS];
};

struct useragent_cache *
useragent_cache_create(void)
{
	struct useragent_cache *cache = calloc(1, sizeof *cache);

	if (cache == NULL)
		return NULL;
	if (getrandom(&cache->seed, sizeof cache->seed, 0) != sizeof cache->seed) {
		free(cache);
		return NULL;
	}
	for (uint32_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&cache->mutexes[i], NULL);
	return cache;
}

void
useragent_cache_free(struct useragent_cache *cache)
{
	if (cache == NULL)
		return;
	for (uint32_t i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&cache->mutexes[i]);
	free(cache);
}

struct useragent_cache_key
useragent_cache_key(const struct useragent_cache *cache, struct store_str user_agent)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(user_agent.bytes, user_agent.size, cache->seed);

	return (struct useragent_cache_key){{hash.low64, hash.high64}};
}

bool
useragent_cache_find(struct useragent_cache *cache, struct useragent_cache_key key,
		     struct useragent *out)
{
	uint32_t set = (uint32_t)key.hash[0] % SETS;
	struct cached *ways = cache->ways + (size_t)set * WAYS;
	bool found = false;

	pthread_mutex_lock(&cache->mutexes[set % SHARDS]);
	for (uint32_t i = 0; i < WAYS; i++) {
		bool same = ways[i].hash[0] == key.hash[0] && ways[i].hash[1] == key.hash[1];

		if (same) {
			*out = ways[i].value;
			ways[i].used = 0;
			found = true;
		} else {
			ways[i].used++;
		}
	}
	pthread_mutex_unlock(&cache->mutexes[set % SHARDS]);
	return found;
}

void
useragent_cache_put(struct useragent_cache *cache, struct useragent_cache_key key,
		    const struct useragent *value)
{
	uint32_t set = (uint32_t)key.hash[0] % SETS, oldest = 0;
	struct cached *ways = cache->ways + (size_t)set * WAYS;

	pthread_mutex_lock(&cache->mutexes[set % SHARDS]);
	for (uint32_t i = 0; i < WAYS; i++) {
		if (ways[i].hash[0] == 0 && ways[i].hash[1] == 0) {
			oldest = i;
			break;
		}
		if (ways[i].used > ways[oldest].used)
			oldest = i;
	}
	ways[oldest] = (struct cached){{key.hash[0], key.hash[1]}, 0, *value};
	pthread_mutex_unlock(&cache->mutexes[set % SHARDS]);
}
