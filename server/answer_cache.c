/*
 * answer_cache.h: a hash table and a list by last use, under one mutex. Bytes
 * are copied outside of it. Must not know what a key is made of.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "answer_cache.h"
#include "metrics.h"

#define BUCKETS 1024u
#define PART_MAX 8u /* of the bound for one answer */

struct entry {
	struct answer answer;        /* first: it is what others hold */
	struct entry *bucket_next;   /* guarded by the cache's mutex, as all below */
	struct entry *newer, *older; /* by last use */
	uint64_t hash;
	uint32_t key_size, holders;
	bool is_kept;
	size_t bytes;
	char data[]; /* key, body, headers */
};

struct answer_cache {
	pthread_mutex_t mutex;
	size_t bytes_max;
	/* guarded by mutex: */
	struct entry *buckets[BUCKETS]; /* owned */
	struct entry *newest, *oldest;
	size_t bytes;
};

struct answer_cache *
answer_cache_create(size_t bytes_max)
{
	struct answer_cache *cache = calloc(1, sizeof *cache);

	if (cache == NULL)
		return NULL;
	pthread_mutex_init(&cache->mutex, NULL);
	cache->bytes_max = bytes_max;
	return cache;
}

static void
unlink_use(struct answer_cache *cache, struct entry *entry)
{
	*(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
	*(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
}

static void
link_newest(struct answer_cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
	cache->newest = entry;
}

/* Out of the table; freed at once when nobody holds it. */
static void
drop(struct answer_cache *cache, struct entry *entry)
{
	struct entry **at = &cache->buckets[entry->hash % BUCKETS];

	while (*at != entry)
		at = &(*at)->bucket_next;
	*at = entry->bucket_next;
	unlink_use(cache, entry);
	cache->bytes -= entry->bytes;
	metrics_add(METRICS_cached_bytes, -(int64_t)entry->bytes);
	entry->is_kept = false;
	if (entry->holders == 0)
		free(entry);
}

void
answer_cache_destroy(struct answer_cache *cache)
{
	if (cache == NULL)
		return;
	while (cache->oldest != NULL) {
		assert(cache->oldest->holders == 0);
		drop(cache, cache->oldest);
	}
	pthread_mutex_destroy(&cache->mutex);
	free(cache);
}

static struct entry *
find(const struct answer_cache *cache, struct store_str key, uint64_t hash)
{
	struct entry *entry = cache->buckets[hash % BUCKETS];

	while (entry != NULL && (entry->hash != hash || entry->key_size != key.size ||
				 memcmp(entry->data, key.bytes, key.size) != 0))
		entry = entry->bucket_next;
	return entry;
}

const struct answer *
answer_cache_find(struct answer_cache *cache, struct store_str key)
{
	uint64_t hash = XXH3_64bits(key.bytes, key.size);
	struct entry *entry;

	pthread_mutex_lock(&cache->mutex);
	if ((entry = find(cache, key, hash)) != NULL) {
		entry->holders++;
		unlink_use(cache, entry);
		link_newest(cache, entry);
	}
	pthread_mutex_unlock(&cache->mutex);
	return entry == NULL ? NULL : &entry->answer;
}

void
answer_cache_release(struct answer_cache *cache, const struct answer *answer)
{
	struct entry *entry = (struct entry *)(uintptr_t)answer;
	bool is_free;

	pthread_mutex_lock(&cache->mutex);
	is_free = --entry->holders == 0 && !entry->is_kept;
	pthread_mutex_unlock(&cache->mutex);
	if (is_free)
		free(entry);
}

static struct entry *
make_entry(struct store_str key, const struct answer *answer)
{
	size_t size = key.size + answer->body_size + answer->headers_size;
	struct entry *entry = malloc(sizeof *entry + size);
	char *body, *headers;

	if (entry == NULL)
		return NULL;
	memset(entry, 0, sizeof *entry);
	body = entry->data + key.size;
	headers = body + answer->body_size;
	memcpy(entry->data, key.bytes, key.size);
	if (answer->body_size > 0)
		memcpy(body, answer->body, answer->body_size);
	if (answer->headers_size > 0)
		memcpy(headers, answer->headers, answer->headers_size);
	entry->answer = *answer;
	entry->answer.body = body;
	entry->answer.headers = headers;
	entry->key_size = key.size;
	entry->hash = XXH3_64bits(key.bytes, key.size);
	entry->bytes = sizeof *entry + size;
	entry->is_kept = true;
	return entry;
}

void
answer_cache_put(struct answer_cache *cache, struct store_str key, const struct answer *answer)
{
	size_t bytes = sizeof(struct entry) + key.size + answer->body_size + answer->headers_size;
	struct entry *entry, *old;

	if (bytes > cache->bytes_max / PART_MAX || (entry = make_entry(key, answer)) == NULL)
		return;
	pthread_mutex_lock(&cache->mutex);
	if ((old = find(cache, key, entry->hash)) != NULL)
		drop(cache, old);
	while (cache->bytes + bytes > cache->bytes_max)
		drop(cache, cache->oldest);
	entry->bucket_next = cache->buckets[entry->hash % BUCKETS];
	cache->buckets[entry->hash % BUCKETS] = entry;
	link_newest(cache, entry);
	cache->bytes += bytes;
	metrics_add(METRICS_cached_bytes, (int64_t)bytes);
	pthread_mutex_unlock(&cache->mutex);
}
