/*
 * values.h. Part of enrichment; must not keep a value itself.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "values.h"

#define SHARDS 64u
#define SLOTS_MIN 256u
#define BYTES_MAX ((size_t)64 << 20)   /* of all: three million values, or some */
#define SURE_BYTES ((size_t)256 << 10) /* of each shard, whatever the others take: 12,000 */
#define SHARED_BYTES (BYTES_MAX - SHARDS * SURE_BYTES)

struct slot {
	uint64_t key;   /* 0: free */
	uint32_t count; /* of a column: its values; 0 of a value */
};

struct shard {
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	int64_t day;
	struct slot *slots; /* owned: [slots_count], a power of 2 */
	uint32_t slots_count, used;
};

struct values {
	uint32_t values_max;
	uint64_t seed;
	_Atomic int64_t day;          /* the latest that came */
	_Atomic size_t bytes, shared; /* of all; of those, what shards have beyond SURE_BYTES */
	struct shard shards[SHARDS];
};

struct values *
values_create(uint32_t values_max)
{
	struct values *values = calloc(1, sizeof *values);

	if (values == NULL ||
	    getrandom(&values->seed, sizeof values->seed, 0) != sizeof values->seed) {
		free(values);
		return NULL;
	}
	values->values_max = values_max;
	for (uint32_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&values->shards[i].mutex, NULL);
	return values;
}

void
values_free(struct values *values)
{
	if (values == NULL)
		return;
	for (uint32_t i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&values->shards[i].mutex);
		free(values->shards[i].slots);
	}
	free(values);
}

size_t
values_bytes(struct values *values)
{
	return atomic_load(&values->bytes);
}

/* What so many slots take of what all shards share. */
static size_t
shared_of(uint32_t slots_count)
{
	size_t bytes = slots_count * sizeof(struct slot);

	return bytes > SURE_BYTES ? bytes - SURE_BYTES : 0;
}

/* What came on the day before the present one, as an import's records do that began
 * then, does not end the present one. */
static bool
is_over(int64_t present, int64_t day)
{
	return present != day && present != day + 1;
}

static void
forget(struct values *values, struct shard *shard, int64_t day)
{
	if (!is_over(shard->day, day))
		return;
	atomic_fetch_sub(&values->bytes, shard->slots_count * sizeof *shard->slots);
	atomic_fetch_sub(&values->shared, shared_of(shard->slots_count));
	free(shard->slots);
	shard->slots = NULL;
	shard->slots_count = shard->used = 0;
	shard->day = day;
}

/* Sites that send no more would keep what they had of the day before. */
static void
begin_day(struct values *values, int64_t day)
{
	int64_t before = atomic_load(&values->day);

	if (!is_over(before, day) || !atomic_compare_exchange_strong(&values->day, &before, day))
		return;
	for (uint32_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&values->shards[i].mutex);
		forget(values, &values->shards[i], day);
		pthread_mutex_unlock(&values->shards[i].mutex);
	}
}

struct values_site
values_lock(struct values *values, struct store_str site, int64_t day)
{
	uint64_t hash =
	    XXH3_64bits_withSeed(site.size == 0 ? "" : site.bytes, site.size, values->seed);
	struct values_site out = {values, hash, (uint32_t)(hash >> 32) % SHARDS};
	struct shard *shard = &values->shards[out.shard];

	begin_day(values, day);
	pthread_mutex_lock(&shard->mutex);
	forget(values, shard, day);
	return out;
}

void
values_unlock(const struct values_site *site)
{
	pthread_mutex_unlock(&site->values->shards[site->shard].mutex);
}

/* The key's slot, or the free one where it belongs. */
static struct slot *
find(struct slot *slots, uint32_t slots_count, uint64_t key)
{
	uint32_t at = (uint32_t)key & (slots_count - 1);

	while (slots[at].key != 0 && slots[at].key != key)
		at = (at + 1) & (slots_count - 1);
	return &slots[at];
}

/* Room for two more; false: memory is at its bound. */
static bool
make_room(struct values *values, struct shard *shard)
{
	uint32_t count = shard->slots_count == 0 ? SLOTS_MIN : shard->slots_count * 2;
	size_t more = shared_of(count) - shared_of(shard->slots_count);
	struct slot *slots;

	if ((shard->used + 2) * 4 <= (uint64_t)shard->slots_count * 3)
		return true;
	if ((atomic_fetch_add(&values->shared, more) + more > SHARED_BYTES && more > 0) ||
	    (slots = calloc(count, sizeof *slots)) == NULL) {
		atomic_fetch_sub(&values->shared, more);
		return false;
	}
	atomic_fetch_add(&values->bytes, (count - shard->slots_count) * sizeof *slots);
	for (uint32_t i = 0; i < shard->slots_count; i++) {
		if (shard->slots[i].key != 0)
			*find(slots, count, shard->slots[i].key) = shard->slots[i];
	}
	free(shard->slots);
	shard->slots = slots;
	shard->slots_count = count;
	return true;
}

uint64_t
values_key(const struct values_site *site, uint64_t column, struct store_str value)
{
	const struct shard *shard = &site->values->shards[site->shard];
	/* The seed, which nobody knows, is in the site's hash. */
	uint64_t key = XXH3_64bits_withSeed(value.size == 0 ? "" : value.bytes, value.size,
					    site->hash + column * 0x9e3779b97f4a7c15u) |
		       1;

	if (shard->slots_count > 0)
		__builtin_prefetch(&shard->slots[(uint32_t)key & (shard->slots_count - 1)]);
	return key;
}

bool
values_take(const struct values_site *site, uint64_t column, struct store_str value, uint32_t max)
{
	return values_take_key(site, column, values_key(site, column, value), max);
}

bool
values_take_key(const struct values_site *site, uint64_t column, uint64_t key, uint32_t max)
{
	struct values *values = site->values;
	struct shard *shard = &values->shards[site->shard];
	struct slot *slot, *column_slot;
	uint64_t counted;

	if (shard->slots_count > 0 && find(shard->slots, shard->slots_count, key)->key == key)
		return true;
	counted = XXH3_64bits_withSeed(&column, sizeof column, site->hash) | 1;
	if (!make_room(values, shard))
		return false;
	column_slot = find(shard->slots, shard->slots_count, counted);
	if (column_slot->key == 0) {
		column_slot->key = counted;
		shard->used++;
	}
	if (column_slot->count >= (max == 0 ? values->values_max : max))
		return false;
	column_slot->count++;
	slot = find(shard->slots, shard->slots_count, key);
	if (slot->key == 0) {
		slot->key = key;
		shard->used++;
	}
	return true;
}
