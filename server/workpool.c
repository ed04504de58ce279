/*
 * workpool.h: one queue, one mutex. Must not know what the jobs do.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "workpool.h"

#define THREADS_MAX 64u
#define NICE 5 /* after the loops and the writer: a beacon does not wait for queries */

struct workpool {
	pthread_t threads[THREADS_MAX];
	unsigned threads_count, queue_max;
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	/* guarded by mutex: */
	struct workpool_job *first, *last;
	unsigned queued, busy; /* jobs that wait, and that run */
	bool stopping;
};

static void *
work(void *argument)
{
	struct workpool *pool = argument;

	/* This thread's alone, as Linux has it; without it everything still works. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		struct workpool_job *job = pool->first;

		if (job == NULL && pool->stopping)
			break;
		if (job == NULL) {
			pthread_cond_wait(&pool->wanted, &pool->mutex);
			continue;
		}
		pool->first = job->next;
		pool->queued--;
		pool->busy++;
		pthread_mutex_unlock(&pool->mutex);
		job->run(job);
		pthread_mutex_lock(&pool->mutex);
		pool->busy--;
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

struct workpool *
workpool_create(unsigned threads, unsigned queue_max)
{
	struct workpool *pool = calloc(1, sizeof *pool);

	if (pool == NULL)
		return NULL;
	pool->queue_max = queue_max;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->wanted, NULL);
	while (pool->threads_count < threads && pool->threads_count < THREADS_MAX &&
	       pthread_create(&pool->threads[pool->threads_count], NULL, work, pool) == 0)
		pthread_setname_np(pool->threads[pool->threads_count++], "pool");
	if (pool->threads_count == 0) {
		workpool_destroy(pool);
		return NULL;
	}
	return pool;
}

void
workpool_destroy(struct workpool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->wanted);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_mutex_destroy(&pool->mutex);
	pthread_cond_destroy(&pool->wanted);
	free(pool);
}

bool
workpool_submit(struct workpool *pool, struct workpool_job *job)
{
	bool room;

	pthread_mutex_lock(&pool->mutex);
	/* What idle threads have not taken yet does not wait for others. */
	room =
	    (uint64_t)pool->queued + pool->busy < (uint64_t)pool->queue_max + pool->threads_count &&
	    !pool->stopping;
	if (room) {
		job->next = NULL;
		if (pool->first == NULL)
			pool->first = job;
		else
			pool->last->next = job;
		pool->last = job;
		pool->queued++;
		pthread_cond_signal(&pool->wanted);
	}
	pthread_mutex_unlock(&pool->mutex);
	return room;
}
