/*
 * What libh2o allocates for each request, kept for the next ones: for speed
 * alone. Functions of libh2o that are replaced, below everything else of the
 * server; must not know what a request is. Layouts are those of libh2o 2.2.5.
 *
 * Requests wait for the disk by the hundred, and malloc keeps seven pieces of a
 * size for a thread at hand; what is beyond goes back and forth, is joined with
 * its neighbours and taken apart again. jemalloc instead of malloc saves less.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <h2o.h>

#include "loop_memory.h"

#define RECYCLED_MAX 512u       /* of each kind and loop; 4 KiB each */
#define RECYCLED_LARGE_MAX 128u /* buffers: 32 KiB */
#define LARGE_BYTES 16384u

typedef struct st_h2o_mem_pool_shared_entry_t shared_entry;

/* A pool's list of what it shares with others. */
struct st_h2o_mem_pool_shared_ref_t {
	struct st_h2o_mem_pool_shared_ref_t *next;
	shared_entry *entry;
};

/* A header's value each, of which a request has some, or how a reply knows its
 * request. Most are short; a User-Agent is not. With what the list takes. */
static const size_t sizes[] = {56, 184}; /* malloc adds 8 */
#define SIZES_COUNT (sizeof sizes / sizeof *sizes)
#define KEPT_MAX 2048u /* of a size and thread */
/* Streams are kept with them; fewer, for a request is larger than its headers. */
#define STREAMS SIZES_COUNT
#define STREAMS_MAX 512u

/* Pointers to them, for what lies in them has left the caches: to begin a new one
 * needs none of it. */
struct kept {
	uint32_t count;
	void *entries[KEPT_MAX]; /* owned: [count] */
};

static __thread struct kept *kept; /* owned: [SIZES_COUNT + 1]; NULL: none yet */
static pthread_key_t at_end;       /* has it, too */

/* libh2o clears its pools here: its own function looks for the next after it has freed
 * one, so lists may lie in what they list only then. */
static _Atomic bool is_in_force;

static struct {
	void *(*alloc_recycle)(h2o_mem_recycle_t *, size_t);
	void (*free_recycle)(h2o_mem_recycle_t *, void *);
	void (*clear_pool)(h2o_mem_pool_t *);
} real;

static void
free_kept(void *of_thread)
{
	kept = NULL;
	for (size_t i = 0; i <= STREAMS; i++) {
		struct kept *all = (struct kept *)of_thread + i;

		while (all->count > 0)
			free(all->entries[--all->count]);
	}
	free(of_thread);
}

static bool
make_kept(void)
{
	kept = calloc(SIZES_COUNT + 1, sizeof *kept);
	if (kept != NULL && pthread_setspecific(at_end, kept) == 0)
		return true;
	free(kept);
	kept = NULL;
	return false;
}

__attribute__((constructor)) static void
find_real(void)
{
	static const struct {
		const char *name;
		void *to;
	} wanted[] = {{"h2o_mem_alloc_recycle", &real.alloc_recycle},
		      {"h2o_mem_free_recycle", &real.free_recycle},
		      {"h2o_mem_clear_pool", &real.clear_pool}};
	bool well = pthread_key_create(&at_end, free_kept) == 0;

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		void *found = dlsym(RTLD_NEXT, wanted[i].name);

		well &= found != NULL;
		memcpy(wanted[i].to, &found, sizeof found);
	}
	if (well)
		return;
	fprintf(stderr, "drum: libh2o is not the library that this program was made for\n");
	exit(1);
}

/* ---- chunks of pools, buffers ---------------------------------------- */

/* The next one's address lies in the one before: it is fetched ahead. */
void *
h2o_mem_alloc_recycle(h2o_mem_recycle_t *allocator, size_t sz)
{
	void *chunk = real.alloc_recycle(allocator, sz);

	__builtin_prefetch(allocator->_link, 1);
	return chunk;
}

/* libh2o keeps the memory of 16 for the next ones. */
void
h2o_mem_free_recycle(h2o_mem_recycle_t *allocator, void *p)
{
	if (allocator->max < RECYCLED_LARGE_MAX)
		allocator->max =
		    malloc_usable_size(p) < LARGE_BYTES ? RECYCLED_MAX : RECYCLED_LARGE_MAX;
	real.free_recycle(allocator, p);
}

/* ---- streams ---------------------------------------------------------- */

void
loop_memory_before_stream(void)
{
	struct kept *streams = kept == NULL ? NULL : &kept[STREAMS];

	if (streams == NULL || streams->count == 0)
		return;
	free(streams->entries[--streams->count]);
	if (streams->count > 0)
		__builtin_prefetch(streams->entries[streams->count - 1], 1);
}

void
loop_memory_after_stream(size_t size)
{
	void *stream;

	if ((kept == NULL && !make_kept()) || kept[STREAMS].count == STREAMS_MAX)
		return;
	if ((stream = malloc(size)) != NULL)
		kept[STREAMS].entries[kept[STREAMS].count++] = stream;
}

/* ---- what is shared -------------------------------------------------- */

static void
link_to(h2o_mem_pool_t *pool, struct st_h2o_mem_pool_shared_ref_t *ref, shared_entry *entry)
{
	ref->entry = entry;
	ref->next = pool->shared_refs;
	pool->shared_refs = ref;
}

/* The list of its first pool has its place at the end of it: so to clear the
 * pool, this alone is touched. */
static shared_entry *
alloc_sized(h2o_mem_pool_t *pool, size_t i)
{
	shared_entry *entry;

	if (kept != NULL && kept[i].count > 0)
		entry = kept[i].entries[--kept[i].count];
	else
		entry = h2o_mem_alloc(sizes[i]);
	if (pool != NULL)
		link_to(pool, (void *)((char *)entry + sizes[i] - sizeof *pool->shared_refs),
			entry);
	return entry;
}

void *
h2o_mem_alloc_shared(h2o_mem_pool_t *pool, size_t sz, void (*dispose)(void *))
{
	size_t size = offsetof(shared_entry, bytes) + sz, i = 0;
	shared_entry *entry;

	if (!atomic_load_explicit(&is_in_force, memory_order_relaxed))
		i = SIZES_COUNT;
	while (i < SIZES_COUNT && sizes[i] - sizeof *pool->shared_refs < size)
		i++;
	if (i < SIZES_COUNT) {
		entry = alloc_sized(pool, i);
	} else {
		entry = h2o_mem_alloc(size);
		if (pool != NULL)
			link_to(pool, h2o_mem_alloc_pool(pool, sizeof *pool->shared_refs), entry);
	}
	entry->refcnt = 1;
	entry->dispose = dispose;
	return entry->bytes;
}

/* Nobody refers to it any more. Some are freed by libh2o itself, which is as
 * well: so each has to be malloc's, and tells its size. */
static void
keep(shared_entry *entry)
{
	size_t size = malloc_usable_size(entry), i = SIZES_COUNT;

	while (i > 0 && sizes[i - 1] > size)
		i--;
	if (i-- == 0 || size >= 2 * sizes[i] || (kept == NULL && !make_kept()) ||
	    kept[i].count == KEPT_MAX)
		free(entry);
	else
		kept[i].entries[kept[i].count++] = entry;
}

void
h2o_mem_clear_pool(h2o_mem_pool_t *pool)
{
	struct st_h2o_mem_pool_shared_ref_t *ref, *next;

	if (!atomic_load_explicit(&is_in_force, memory_order_relaxed))
		atomic_store_explicit(&is_in_force, true, memory_order_relaxed);
	for (ref = pool->shared_refs; ref != NULL; ref = next) {
		shared_entry *entry = ref->entry;

		next = ref->next; /* it may lie in the entry */
		if (--entry->refcnt > 0)
			continue;
		if (entry->dispose != NULL)
			entry->dispose(entry->bytes);
		keep(entry);
	}
	pool->shared_refs = NULL;
	real.clear_pool(pool);
}
