/*
 * io_lost.h. Beside io_posix.c, which maps. The handler may run at any moment in
 * any thread that reads a mapping: it must not lock, allocate or log, and must
 * leave a SIGBUS that is not about a mapping of ours to whoever had it before.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io_lost.h"
#include "store.h"

/* Never freed, for a handler may be looking at it; used again. */
struct region {
	_Atomic uintptr_t begin;
	_Atomic size_t size; /* 0: free */
	_Atomic bool lost;
	struct region *next;
};

static struct region *_Atomic regions;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* whoever changes them */
/* Changed under it, too: */
static uint32_t regions_used;
static struct sigaction previous; /* the handler is ours while any is used */
static uintptr_t page_bytes;

static struct region *
find(uintptr_t address)
{
	for (struct region *region = regions; region != NULL; region = region->next) {
		if (address - region->begin < region->size)
			return region;
	}
	return NULL;
}

static void
on_bus_error(int number, siginfo_t *information, void *context)
{
	uintptr_t address = (uintptr_t)information->si_addr;
	struct region *region = find(address);
	void *page = (void *)(address & ~(page_bytes - 1)), *zeros = MAP_FAILED;
	int saved = errno;

	(void)number, (void)context;
	if (region != NULL) {
		region->lost = true;
		zeros = mmap(page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			     -1, 0);
	}
	/* Not ours: the access happens again, and then it is theirs. */
	if (zeros == MAP_FAILED)
		sigaction(SIGBUS, &previous, NULL);
	errno = saved;
}

static void
install(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &previous);
}

static void
uninstall(void)
{
	struct sigaction now;

	if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_sigaction == on_bus_error)
		sigaction(SIGBUS, &previous, NULL);
}

static struct region *
take_region(void)
{
	struct region *region = regions;

	while (region != NULL && region->size != 0)
		region = region->next;
	if (region == NULL && (region = calloc(1, sizeof *region)) != NULL) {
		region->next = regions;
		regions = region;
	}
	return region;
}

const _Atomic bool *
io_lost_watch(const void *address, size_t size)
{
	struct region *region;

	pthread_mutex_lock(&mutex);
	if ((region = take_region()) != NULL) {
		if (regions_used++ == 0)
			install();
		region->lost = false;
		region->begin = (uintptr_t)address;
		region->size = size;
	}
	pthread_mutex_unlock(&mutex);
	return region == NULL ? NULL : &region->lost;
}

const _Atomic bool *
io_lost_flag(const void *address)
{
	struct region *region;

	pthread_mutex_lock(&mutex);
	region = find((uintptr_t)address);
	pthread_mutex_unlock(&mutex);
	return region == NULL ? NULL : &region->lost;
}

void
io_lost_forget(const void *address)
{
	struct region *region;

	pthread_mutex_lock(&mutex);
	if ((region = find((uintptr_t)address)) != NULL) {
		region->size = 0;
		if (--regions_used == 0)
			uninstall();
	}
	pthread_mutex_unlock(&mutex);
}

/* ---- store.h --------------------------------------------------------- */

bool
store_mapping_watch(const void *address, size_t size)
{
	return io_lost_watch(address, size) != NULL;
}

void
store_mapping_forget(const void *address)
{
	io_lost_forget(address);
}
