/*
 * crew.h. A list of jobs, and threads that take its first; a thread is made when more
 * jobs wait than threads, and ends when it has waited for long. Must not know what
 * jobs do: they lock what they like, for nothing of the crew's is locked meanwhile.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "crew.h"
#include "state.h"

#define WAIT_S 10 /* until a thread ends that has nothing to do */

struct crew {
	pthread_mutex_t mutex;
	pthread_cond_t wanted, ended, gone;
	/* guarded by the mutex: */
	struct crew_job *first, **last; /* queued; borrowed */
	uint32_t queued, waiting, threads;
	bool closing;
};

struct crew *
crew_create(void)
{
	struct crew *crew = calloc(1, sizeof *crew);
	pthread_condattr_t monotonic;

	if (crew == NULL)
		return NULL;
	pthread_mutex_init(&crew->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&crew->wanted, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&crew->ended, NULL);
	pthread_cond_init(&crew->gone, NULL);
	crew->last = &crew->first;
	return crew;
}

void
crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	pthread_mutex_lock(&crew->mutex);
	assert(crew->queued == 0);
	crew->closing = true;
	pthread_cond_broadcast(&crew->wanted);
	while (crew->threads > 0)
		pthread_cond_wait(&crew->gone, &crew->mutex);
	pthread_mutex_unlock(&crew->mutex);
	pthread_cond_destroy(&crew->wanted);
	pthread_cond_destroy(&crew->ended);
	pthread_cond_destroy(&crew->gone);
	pthread_mutex_destroy(&crew->mutex);
	free(crew);
}

/* The job of which *at is the place in the list leaves it. The mutex is held, as it
 * is for the next ones. */
static struct crew_job *
take(struct crew *crew, struct crew_job **at)
{
	struct crew_job *job = *at;

	*at = job->next;
	if (crew->last == &job->next)
		crew->last = at;
	crew->queued--;
	job->state = CREW_RUNNING;
	return job;
}

static void
run(struct crew *crew, struct crew_job *job)
{
	pthread_mutex_unlock(&crew->mutex);
	job->run(job->context);
	pthread_mutex_lock(&crew->mutex);
	job->state = CREW_DONE;
	pthread_cond_broadcast(&crew->ended);
}

/* Whether there is one. */
static bool
wait_for_job(struct crew *crew)
{
	struct timespec until;
	int result = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	crew->waiting++;
	while (crew->first == NULL && !crew->closing && result == 0)
		result = pthread_cond_timedwait(&crew->wanted, &crew->mutex, &until);
	crew->waiting--;
	return crew->first != NULL;
}

static void *
help(void *argument)
{
	struct crew *crew = argument;

	pthread_setname_np(pthread_self(), "query");
	pthread_mutex_lock(&crew->mutex);
	while (wait_for_job(crew))
		run(crew, take(crew, &crew->first));
	crew->threads--;
	pthread_cond_signal(&crew->gone);
	pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

static void
add_thread(struct crew *crew)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, help, crew) != 0)
		return;
	pthread_detach(thread);
	crew->threads++;
}

void
crew_begin(struct crew *crew, struct crew_job *job)
{
	pthread_mutex_lock(&crew->mutex);
	job->state = CREW_QUEUED;
	job->next = NULL;
	*crew->last = job;
	crew->last = &job->next;
	crew->queued++;
	if (crew->queued > crew->waiting)
		add_thread(crew);
	else
		pthread_cond_signal(&crew->wanted);
	pthread_mutex_unlock(&crew->mutex);
}

void
crew_end(struct crew *crew, struct crew_job *job)
{
	struct crew_job **at = &crew->first;

	pthread_mutex_lock(&crew->mutex);
	if (job->state == CREW_QUEUED) {
		while (*at != job)
			at = &(*at)->next;
		run(crew, take(crew, at));
	}
	while (job->state != CREW_DONE)
		pthread_cond_wait(&crew->ended, &crew->mutex);
	pthread_mutex_unlock(&crew->mutex);
}

/* ---- divisions -------------------------------------------------------------- */

static void
run_some(struct crew_division *division, void *context)
{
	uint32_t step = division->step, first;

	while ((first = atomic_fetch_add(&division->next, step)) < division->count)
		division->run(context, first,
			      division->count - first < step ? division->count : first + step);
}

static void
help_divide(void *context)
{
	struct crew_division *division = context;

	run_some(division, division->other);
}

void
crew_divide(struct crew *crew, struct crew_division *division)
{
	struct crew_job job = {.run = help_divide, .context = division};

	atomic_init(&division->next, 0);
	if (crew != NULL)
		crew_begin(crew, &job);
	run_some(division, division->own);
	if (crew != NULL)
		crew_end(crew, &job);
}
