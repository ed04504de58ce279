/*
 * Threads for what would block a loop: queries and imports. The queue is
 * bounded.
 */
#ifndef WORKPOOL_H
#define WORKPOOL_H

#include <stdbool.h>

struct workpool;

struct workpool_job {
	void (*run)(struct workpool_job *job); /* on a pool thread; owns the job */
	struct workpool_job *next;             /* the pool's */
};

struct workpool *workpool_create(unsigned threads, unsigned queue_max);
/* Waits until queued jobs have run. */
void workpool_destroy(struct workpool *pool);
/* False: each thread has a job, and queue_max wait; the job is still the caller's. */
bool workpool_submit(struct workpool *pool, struct workpool_job *job);

#endif
