/*
 * Goal: as many jobs as there are threads and places in the queue are taken, however
 * soon they come one after the other; one more is not; all that were taken run. Method:
 * new pools, whose threads may not be awake yet, and jobs that wait until they are let go.
 */
#include <pthread.h>

#include "beacon.h"

#include "server/workpool.h"

#define THREADS 3u
#define QUEUE 4u
#define ROUNDS 50

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool open;
	unsigned ended;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
wait_for_gate(struct workpool_job *job)
{
	(void)job;
	pthread_mutex_lock(&gate.mutex);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.mutex);
	gate.ended++;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
}

static void
open_gate(unsigned until_ended)
{
	pthread_mutex_lock(&gate.mutex);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	while (gate.ended < until_ended)
		pthread_cond_wait(&gate.changed, &gate.mutex);
	gate.open = false;
	gate.ended = 0;
	pthread_mutex_unlock(&gate.mutex);
}

/* The threads of a new pool are not awake yet, perhaps. */
static void
test_room(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct workpool *pool = workpool_create(THREADS, QUEUE);
		struct workpool_job jobs[THREADS + QUEUE + 1];

		assert_non_null(pool);
		for (unsigned i = 0; i < THREADS + QUEUE + 1; i++) {
			jobs[i] = (struct workpool_job){.run = wait_for_gate};
			assert_int_equal(workpool_submit(pool, &jobs[i]), i < THREADS + QUEUE);
		}
		open_gate(THREADS + QUEUE);
		workpool_destroy(pool);
	}
}

/* As long a queue as the configuration can ask for takes jobs, too. */
static void
test_longest_queue(void **state)
{
	struct workpool *pool = workpool_create(THREADS, UINT32_MAX);
	struct workpool_job jobs[THREADS + 2];

	(void)state;
	assert_non_null(pool);
	for (unsigned i = 0; i < THREADS + 2; i++) {
		jobs[i] = (struct workpool_job){.run = wait_for_gate};
		assert_true(workpool_submit(pool, &jobs[i]));
	}
	open_gate(THREADS + 2);
	workpool_destroy(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_room),
					   cmocka_unit_test(test_longest_queue)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
