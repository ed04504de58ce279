/*
 * Files that cannot be longer than so many bytes: a write is cut off there, and the next
 * fails, as on a full disk.
 */
#ifndef FULL_DISK_H
#define FULL_DISK_H

#include <signal.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct rlimit full_disk_before;

static inline void
full_disk_begin(size_t bytes_max)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &full_disk_before), 0);
	limit = full_disk_before;
	limit.rlim_cur = bytes_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static inline void
full_disk_end(void)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full_disk_before), 0);
}

#endif
