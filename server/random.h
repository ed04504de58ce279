/*
 * Seeded draws for made-up traffic: the same seed gives the same everywhere. Not
 * for secrets.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <math.h>
#include <stdint.h>

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

/* 0 <= x < 1 */
static inline double
random_uniform(struct random *random)
{
	return (double)(random_next(random) >> 11) * 0x1p-53;
}

static inline uint32_t
random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)(random_uniform(random) * bound);
}

/* Log-normal by Box and Muller (1958). */
static inline double
random_log_normal(struct random *random, double median, double sigma)
{
	double radius = sqrt(-2 * log(1 - random_uniform(random)));

	return median * exp(sigma * radius * cos(6.283185307179586 * random_uniform(random)));
}

/* Zipf over 0 .. count-1, by the inverse of the continuous law. */
static inline uint32_t
random_zipf(struct random *random, uint32_t count)
{
	uint32_t rank = (uint32_t)pow((double)count + 1, random_uniform(random)) - 1;

	return rank < count ? rank : count - 1;
}

#endif
