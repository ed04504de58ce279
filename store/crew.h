/*
 * Threads that help with queries (scan_parallel.c). They wait for more when they are
 * done: one that is made for each query begins up to 3 ms late, for the system mostly
 * puts it on the processor of who made it, who is busy with a share of his own. Their
 * priority is that of who made them.
 */
#ifndef CREW_H
#define CREW_H

#include <stdatomic.h>
#include <stdint.h>

struct crew;

enum crew_state { CREW_QUEUED, CREW_RUNNING, CREW_DONE };

/* Something to do; the caller's, from crew_begin to crew_end. */
struct crew_job {
	void (*run)(void *context);
	void *context;
	/* the crew's: */
	enum crew_state state;
	struct crew_job *next;
};

/* NULL: no memory. No thread is made yet. */
struct crew *crew_create(void);
/* No job is begun and not ended. Waits for the threads' end. */
void crew_free(struct crew *crew);
/* Any thread, also when there is none to help: then crew_end does it. */
void crew_begin(struct crew *crew, struct crew_job *job);
/* When this returns the job has run, here if no thread had begun it. Every job that
 * was begun must be ended, by whoever began it. */
void crew_end(struct crew *crew, struct crew_job *job);

/* Something to do for each number below `count`, which do not need each other. */
struct crew_division {
	void (*run)(void *context, uint32_t first, uint32_t end); /* of [first, end) */
	void *own, *other; /* contexts: the caller's, and that of who helps */
	uint32_t count, step;
	/* the crew's: */
	_Atomic uint32_t next;
};

/* Does it all, `step` numbers at a time, here and on one of the crew's threads if that comes
 * before the end; without a crew (NULL) here. */
void crew_divide(struct crew *crew, struct crew_division *division);

#endif
