/* What the unit tests share: cmocka with its prerequisites, a seeded
 * generator, and a directory that goes when the test ends. */
#ifndef CHECK_H
#define CHECK_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct random {
	uint64_t state;
};

/* splitmix64 (Steele, Lea and Flood 2014). */
static inline uint64_t
random_next(struct random *random)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 <= result < bound */
static inline uint64_t
random_below(struct random *random, uint64_t bound)
{
	return random_next(random) % bound;
}

/* Prints the seed, which SEED in the environment overrides. */
static inline struct random
random_seeded(const char *test)
{
	const char *given = getenv("SEED");
	struct random random = {given != NULL && *given != '\0' ? strtoull(given, NULL, 10)
								: (uint64_t)getpid() * 2654435761u};

	printf("# %s: SEED=%llu\n", test, (unsigned long long)random.state);
	return random;
}

/* A fresh directory below $TMPDIR or /tmp, copied to path[256]. */
static inline void
scratch_make(char *path)
{
	const char *base = getenv("TMPDIR");

	snprintf(path, 256, "%s/drum-test-XXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(path));
}

static inline void
scratch_run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static inline int
scratch_remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void
scratch_remove(const char *path)
{
	assert_int_equal(nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
