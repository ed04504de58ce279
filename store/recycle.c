/*
 * recycle.h: below memtables and view indexes. Must not keep more than the bound.
 *
 * Huge pages are asked for where memory is read at random, for there every
 * access to a small one misses the TLB too; not where it is filled in order: a
 * virtual machine that gave them back to its host waits for milliseconds to get
 * one again.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "recycle.h"

#define KEPT_MAX 64u /* blocks */

struct block {
	void *bytes; /* owned */
	size_t size;
};

/* The process's, as malloc's memory is. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the rest */
static struct block kept[KEPT_MAX];                       /* oldest first */
static size_t kept_count, kept_bytes;

static void
remove_kept(size_t at)
{
	kept_bytes -= kept[at].size;
	kept_count--;
	memmove(kept + at, kept + at + 1, (kept_count - at) * sizeof *kept);
}

/* NULL: none of that size. */
static void *
take_kept(size_t size)
{
	void *bytes = NULL;

	pthread_mutex_lock(&mutex);
	for (size_t i = kept_count; i-- > 0 && bytes == NULL;) {
		if (kept[i].size != size)
			continue;
		bytes = kept[i].bytes;
		remove_kept(i);
	}
	pthread_mutex_unlock(&mutex);
	return bytes;
}

static void *
map(size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return bytes == MAP_FAILED ? NULL : bytes;
}

void *
recycle_alloc(size_t size)
{
	void *bytes;

	if (size < RECYCLE_BYTES_MIN)
		return malloc(size);
	return (bytes = take_kept(size)) != NULL ? bytes : map(size);
}

void *
recycle_zalloc(size_t size)
{
	void *bytes;

	if (size < RECYCLE_BYTES_MIN)
		return calloc(1, size);
	if ((bytes = take_kept(size)) != NULL)
		return memset(bytes, 0, size);
	if ((bytes = map(size)) != NULL)
		(void)madvise(bytes, size, MADV_HUGEPAGE); /* an advice: small pages do too */
	return bytes;
}

/* The oldest makes room; false: there is enough. */
static bool
drop_oldest(size_t size, struct block *oldest)
{
	bool full = kept_count == KEPT_MAX || kept_bytes + size > RECYCLE_KEPT_BYTES_MAX;

	if (!full || kept_count == 0)
		return false;
	*oldest = kept[0];
	remove_kept(0);
	return true;
}

void
recycle_free(void *bytes, size_t size)
{
	struct block oldest;

	if (size < RECYCLE_BYTES_MIN)
		free(bytes);
	if (size < RECYCLE_BYTES_MIN || bytes == NULL)
		return;
	pthread_mutex_lock(&mutex);
	while (drop_oldest(size, &oldest))
		munmap(oldest.bytes, oldest.size);
	if (size <= RECYCLE_KEPT_BYTES_MAX) {
		kept[kept_count++] = (struct block){bytes, size};
		kept_bytes += size;
		bytes = NULL;
	}
	pthread_mutex_unlock(&mutex);
	if (bytes != NULL)
		munmap(bytes, size);
}
