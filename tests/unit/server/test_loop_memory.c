/*
 * Goal: what libh2o shares between requests (server/loop_memory.c) is disposed
 * of once, when nobody refers to it any more, and is the caller's until then,
 * whatever was there before; what is freed serves again, streams as well.
 * Method: pools are filled, linked to each other's memory and cleared at random,
 * beside a model that counts references; sanitizers see use after free, leaks at
 * the end of a thread, and bytes beyond the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>
#include <h2o.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/loop_memory.h"

#define POOLS 8
#define THINGS 4096
#define STEPS 200000
#define BYTES_MAX 400u

struct thing { /* something shared */
	char *bytes;
	size_t size;
	unsigned char fill;
	uint32_t references, disposed;
	bool disposes;
	uint32_t in_pool[POOLS];
};

static struct thing things[THINGS];
static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void
on_dispose(void *bytes)
{
	struct thing *thing;

	memcpy(&thing, bytes, sizeof thing);
	assert_int_equal(thing->references, 0);
	thing->disposed++;
}

static void
look_at(const struct thing *thing)
{
	for (size_t i = thing->disposes ? sizeof thing : 0; i < thing->size; i++)
		if ((unsigned char)thing->bytes[i] != thing->fill)
			fail_msg("byte %zu of %zu is another's", i, thing->size);
}

static void
make(h2o_mem_pool_t *pools, struct thing *thing, uint32_t in)
{
	*thing = (struct thing){.size = sizeof thing + draw(BYTES_MAX),
				.fill = (unsigned char)draw(256),
				.references = 1,
				.disposes = draw(2) == 0};
	if (draw(2) == 0) /* as most are */
		thing->size = sizeof thing + draw(24);
	thing->bytes = h2o_mem_alloc_shared(in == POOLS ? NULL : &pools[in], thing->size,
					    thing->disposes ? on_dispose : NULL);
	memset(thing->bytes, thing->fill, thing->size);
	if (thing->disposes)
		memcpy(thing->bytes, &thing, sizeof thing);
	if (in < POOLS)
		thing->in_pool[in] = 1;
}

static void
clear(h2o_mem_pool_t *pools, uint32_t which)
{
	for (uint32_t i = 0; i < THINGS; i++) {
		look_at(&things[i]);
		things[i].references -= things[i].in_pool[which];
		things[i].in_pool[which] = 0;
	}
	h2o_mem_clear_pool(&pools[which]);
	for (uint32_t i = 0; i < THINGS; i++) {
		if (things[i].references > 0 || things[i].bytes == NULL)
			continue;
		assert_int_equal(things[i].disposed, things[i].disposes);
		things[i] = (struct thing){0};
	}
}

/* The references of nobody's pool, as those of a table of headers are. */
static void
release(struct thing *thing)
{
	for (uint32_t of_pools = 0; thing->references > 0; thing->references--) {
		of_pools = 0;
		for (uint32_t i = 0; i < POOLS; i++)
			of_pools += thing->in_pool[i];
		if (thing->references == of_pools)
			return;
		if (thing->references == 1) {
			bool disposes = thing->disposes;
			char *bytes = thing->bytes;

			thing->references = 0;
			h2o_mem_release_shared(bytes);
			assert_int_equal(thing->disposed, disposes);
			*thing = (struct thing){0};
			return;
		}
		h2o_mem_release_shared(thing->bytes);
	}
}

static void *
run(void *unused)
{
	h2o_mem_pool_t pools[POOLS];

	for (uint32_t i = 0; i < POOLS; i++)
		h2o_mem_init_pool(&pools[i]);
	for (uint32_t step = 0; step < STEPS; step++) {
		struct thing *thing = &things[draw(THINGS)];
		uint32_t in = draw(POOLS), what = draw(1000);

		if (what == 0) {
			clear(pools, in);
		} else if (thing->bytes == NULL) {
			make(pools, thing, draw(8) == 0 ? POOLS : in);
		} else if (what < 400) {
			h2o_mem_link_shared(&pools[in], thing->bytes);
			thing->in_pool[in]++;
			thing->references++;
		} else if (what < 500) {
			h2o_mem_addref_shared(thing->bytes);
			thing->references++;
		} else {
			release(thing);
		}
	}
	for (uint32_t i = 0; i < THINGS; i++)
		release(&things[i]);
	for (uint32_t i = 0; i < POOLS; i++)
		clear(pools, i);
	return unused;
}

/* In a thread of its own, which keeps nothing after its end. */
static void
test_at_random(void **state)
{
	const char *given = getenv("SEED");
	pthread_t thread;

	(void)state;
	seed = given != NULL && *given != '\0' ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)seed);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	pthread_join(thread, NULL);
	for (uint32_t i = 0; i < THINGS; i++)
		assert_null(things[i].bytes);
}

/* What one request had, the next one has, and nobody else in between. */
static void
test_serves_again(void **state)
{
	h2o_mem_pool_t pool;
	char *address = NULL, *agent = NULL;

	(void)state;
	h2o_mem_init_pool(&pool);
	for (int turn = 0; turn < 3; turn++) {
		char *address_now = h2o_mem_alloc_shared(&pool, 14, NULL);
		char *agent_now = h2o_mem_alloc_shared(&pool, 120, NULL);
		void *others[2];

		assert_true(turn == 0 || (address_now == address && agent_now == agent));
		address = address_now;
		agent = agent_now;
		h2o_mem_clear_pool(&pool);
		others[0] = malloc(56);
		others[1] = malloc(184);
		assert_true((char *)others[0] + 16 != address && (char *)others[1] + 16 != agent);
		free(others[0]);
		free(others[1]);
	}
}

/* More than are kept: the rest is given back. */
static void
test_bound(void **state)
{
	h2o_mem_pool_t pool;

	(void)state;
	h2o_mem_init_pool(&pool);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 10000; i++) {
			memset(h2o_mem_alloc_shared(&pool, 24, NULL), i, 24);
			memset(h2o_mem_alloc_shared(&pool, 150, NULL), i, 150);
		}
		h2o_mem_clear_pool(&pool);
	}
}

#define STREAM_BYTES 880u
#define STREAMS 500u

static void
close_streams(char **streams)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		memset(streams[i], (int)i, STREAM_BYTES);
		free(streams[i]);
		loop_memory_after_stream(STREAM_BYTES);
	}
}

/* Streams by the hundred: what those before had these have, the last one's first. Then
 * many more than are kept. Sanitizers see what is left at the end of the thread. */
static void *
run_streams(void *same_count)
{
	static char *streams[STREAMS], *before[STREAMS];
	uint32_t *count = same_count;

	for (int turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < STREAMS; i++) {
			loop_memory_before_stream();
			streams[i] = malloc(STREAM_BYTES);
		}
		for (uint32_t i = 0; turn > 0 && i < STREAMS; i++)
			*count += streams[i] == before[STREAMS - 1 - i];
		memcpy(before, streams, sizeof before);
		close_streams(streams);
	}
	for (uint32_t i = 0; i < 8 * STREAMS; i++)
		loop_memory_after_stream(STREAM_BYTES);
	return NULL;
}

static void
test_streams(void **state)
{
	pthread_t thread;
	uint32_t count = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_streams, &count), 0);
	pthread_join(thread, NULL);
	/* But for a few that malloc had at hand; the sanitizer's gives nothing twice. */
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(count, 2 * STREAMS - 32, 2 * STREAMS);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_at_random),
	    cmocka_unit_test(test_serves_again),
	    cmocka_unit_test(test_bound),
	    cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
