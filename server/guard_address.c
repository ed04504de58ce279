/*
 * guard_address.h. Addresses stay in memory and go with the process: nothing
 * here may write one anywhere.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <xxhash.h>

#include "guard_address.h"

/* 65,536 entries of 64 bytes, in sets: an address has its place in one set,
 * where the one that is idle longest makes room. */
#define SETS 8192u
#define WAYS 8u
#define LOCKS 64u

struct guard_address {
	uint8_t key[16]; /* fixed while there are references */
	_Atomic uint32_t references, connections, in_flight;
	_Atomic int64_t requests_ns, connections_ns; /* buckets */
	_Atomic int64_t buffered;
	int64_t used_ns; /* of the set's lock; 0: free */
};

_Static_assert(sizeof(struct guard_address) == 64, "one cache line an entry");

static struct {
	pthread_once_t once;
	uint64_t seed;
	struct guard_address *entries;  /* NULL: out of memory, nothing is limited */
	uint8_t (*tags)[WAYS];          /* of each set's entries: a byte of the hash, or 0 */
	pthread_mutex_t mutexes[LOCKS]; /* each: the sets of its number */
} table = {.once = PTHREAD_ONCE_INIT};

int64_t
guard_bucket_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool
guard_bucket_take(_Atomic int64_t *full_ns, int64_t now_ns, uint32_t per_s, uint32_t burst)
{
	int64_t token_ns = per_s == 0 ? 1000000000 : 1000000000 / per_s, full, from;

	if (token_ns == 0)
		return true; /* or who has looked at the clock before another would get none */
	full = atomic_load_explicit(full_ns, memory_order_relaxed);
	do {
		from = full > now_ns ? full : now_ns;
		if (from + token_ns - now_ns > token_ns * (int64_t)(burst == 0 ? 1 : burst))
			return false;
	} while (!atomic_compare_exchange_weak(full_ns, &full, from + token_ns));
	return true;
}

void
guard_bucket_owe(_Atomic int64_t *full_ns, int64_t now_ns, uint32_t per_s, uint32_t tokens)
{
	int64_t owed_ns = (int64_t)tokens * 1000000000 / (per_s == 0 ? 1 : per_s), full;

	full = atomic_load_explicit(full_ns, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(full_ns, &full,
					     (full > now_ns ? full : now_ns) + owed_ns))
		;
}

static void
set_up(void)
{
	size_t size;

	if (getrandom(&table.seed, sizeof table.seed, GRND_NONBLOCK) != sizeof table.seed)
		table.seed = (uint64_t)guard_bucket_now_ns(); /* long before the first client */
	for (uint32_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&table.mutexes[i], NULL);
	if ((table.tags = calloc(SETS, sizeof *table.tags)) == NULL)
		return;
	size = (size_t)SETS * WAYS * sizeof *table.entries;
	if ((table.entries = aligned_alloc(sizeof *table.entries, size)) != NULL)
		memset(table.entries, 0, size);
}

/* An IPv4 address, also in IPv6's clothes: 12 bytes of zeros, then itself. An
 * IPv6 address: its /64, which is what one client can pick from freely. */
static bool
make_key(const struct sockaddr *peer, uint8_t key[16])
{
	memset(key, 0, 16);
	if (peer->sa_family == AF_INET) {
		memcpy(key + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
		return true;
	}
	if (peer->sa_family == AF_INET6) {
		const struct in6_addr *address = &((const struct sockaddr_in6 *)peer)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(address))
			memcpy(key + 12, &address->s6_addr[12], 4);
		else
			memcpy(key, address->s6_addr, 8);
		return true;
	}
	return false;
}

bool
guard_address_is_limited(const struct sockaddr *peer, const struct config_limits *limits)
{
	uint8_t key[16];
	static const uint8_t none[12];

	if (!make_key(peer, key))
		return false;
	if (limits->loopback)
		return true;
	if (peer->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)peer)->sin6_addr))
		return false;
	return memcmp(key, none, sizeof none) != 0 || key[12] != 127;
}

/* Under the set's lock: the address's entry, or the one that makes room. Tags
 * tell which entries to look at: each is another line of memory. */
static struct guard_address *
find(struct guard_address *set, uint8_t tags[WAYS], uint8_t tag, const uint8_t key[16])
{
	struct guard_address *room = NULL;

	for (uint32_t i = 0; i < WAYS; i++) {
		if (tags[i] == tag && memcmp(set[i].key, key, 16) == 0)
			return &set[i];
	}
	for (uint32_t i = 0; i < WAYS; i++) {
		if (atomic_load(&set[i].references) == 0 &&
		    (room == NULL || set[i].used_ns < room->used_ns))
			room = &set[i];
	}
	if (room == NULL)
		return NULL;
	tags[room - set] = tag;
	memcpy(room->key, key, 16);
	atomic_store(&room->requests_ns, 0);
	atomic_store(&room->connections_ns, 0);
	return room;
}

/* To know which of a set's entries is idle longest. */
static int64_t
coarse_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct guard_address *
guard_address_acquire(const struct sockaddr *peer)
{
	struct guard_address *entry = NULL;
	uint8_t key[16];
	uint64_t hash;
	uint32_t set;

	pthread_once(&table.once, set_up);
	if (table.entries == NULL || !make_key(peer, key))
		return NULL;
	hash = XXH3_64bits_withSeed(key, sizeof key, table.seed);
	set = (uint32_t)(hash % SETS);
	pthread_mutex_lock(&table.mutexes[set % LOCKS]);
	entry = find(&table.entries[(size_t)set * WAYS], table.tags[set],
		     (uint8_t)(1 + (hash >> 32) % UINT8_MAX), key);
	if (entry != NULL) {
		entry->used_ns = coarse_now_ns();
		atomic_fetch_add(&entry->references, 1);
	}
	pthread_mutex_unlock(&table.mutexes[set % LOCKS]);
	return entry;
}

void
guard_address_release(struct guard_address *address)
{
	uint32_t before;

	if (address == NULL)
		return;
	before = atomic_fetch_sub(&address->references, 1);
	assert(before > 0);
	(void)before;
}

bool
guard_address_connect(struct guard_address *address, const struct config_limits *limits)
{
	return atomic_fetch_add(&address->connections, 1) < limits->address_connections &&
	       guard_bucket_take(&address->connections_ns, guard_bucket_now_ns(),
				 limits->address_connections_per_s,
				 limits->address_connections_per_s);
}

void
guard_address_disconnect(struct guard_address *address)
{
	if (address == NULL)
		return;
	atomic_fetch_sub(&address->connections, 1);
	guard_address_release(address);
}

bool
guard_address_request(struct guard_address *address, const struct config_limits *limits,
		      int64_t now_ns)
{
	return guard_bucket_take(&address->requests_ns, now_ns, limits->address_requests_per_s,
				 limits->address_requests_per_s);
}

void
guard_address_owe(struct guard_address *address, const struct config_limits *limits, int64_t now_ns,
		  uint32_t tokens)
{
	guard_bucket_owe(&address->requests_ns, now_ns, limits->address_requests_per_s, tokens);
}

uint64_t
guard_address_buffer(struct guard_address *address, int64_t bytes)
{
	int64_t sum = atomic_fetch_add(&address->buffered, bytes) + bytes;

	return sum < 0 ? 0 : (uint64_t)sum;
}

bool
guard_address_enter(struct guard_address *address, const struct config_limits *limits)
{
	if (atomic_fetch_add(&address->in_flight, 1) >= limits->address_in_flight) {
		atomic_fetch_sub(&address->in_flight, 1);
		return false;
	}
	atomic_fetch_add(&address->references, 1);
	return true;
}

void
guard_address_leave(struct guard_address *address)
{
	atomic_fetch_sub(&address->in_flight, 1);
	guard_address_release(address);
}
