/*
 * huge.h: below memtables and view indexes. Large blocks that are freed are
 * kept for the next generation, within a bound: a kernel may take milliseconds
 * to find and clear a huge page, and the more so in a virtual machine.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "huge.h"

#define KEPT_MAX 32u /* blocks */

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

	if (bytes == MAP_FAILED)
		return NULL;
	(void)madvise(bytes, size, MADV_HUGEPAGE); /* an advice: small pages do too */
	return bytes;
}

void *
huge_alloc(size_t size)
{
	void *bytes;

	if (size < HUGE_BYTES)
		return malloc(size);
	return (bytes = take_kept(size)) != NULL ? bytes : map(size);
}

void *
huge_zalloc(size_t size)
{
	void *bytes;

	if (size < HUGE_BYTES)
		return calloc(1, size);
	return (bytes = take_kept(size)) != NULL ? memset(bytes, 0, size) : map(size);
}

/* The oldest makes room; false: there is enough. */
static bool
drop_oldest(size_t size, struct block *oldest)
{
	bool full = kept_count == KEPT_MAX || kept_bytes + size > HUGE_KEPT_BYTES_MAX;

	if (!full || kept_count == 0)
		return false;
	*oldest = kept[0];
	remove_kept(0);
	return true;
}

void
huge_free(void *bytes, size_t size)
{
	struct block oldest;

	if (size < HUGE_BYTES)
		free(bytes);
	if (size < HUGE_BYTES || bytes == NULL)
		return;
	pthread_mutex_lock(&mutex);
	while (drop_oldest(size, &oldest))
		munmap(oldest.bytes, oldest.size);
	if (size <= HUGE_KEPT_BYTES_MAX) {
		kept[kept_count++] = (struct block){bytes, size};
		kept_bytes += size;
		bytes = NULL;
	}
	pthread_mutex_unlock(&mutex);
	if (bytes != NULL)
		munmap(bytes, size);
}
