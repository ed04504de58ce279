/*
 * ingest.h. Between the loops and store_append; must not look into commits.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "ingest.h"
#include "log.h"
#include "metrics.h"

#define GROUP_MAX 4096u
/* What a loop reads at once may take it milliseconds: the writer need not wait
 * for all of it. */
#define BATCH_MAX 64u

struct ingest {
	struct store *store; /* borrowed */
	pthread_t thread;
	uint32_t queue_max;
	_Atomic uint32_t queued; /* also those in batches */
	/* set before anything is submitted: */
	void (*after)(void);
	uint32_t (*coming)(void *context); /* NULL: nobody */
	void *coming_context;
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	/* guarded by mutex: */
	struct ingest_item *first, *last;
	bool stopping;
	int64_t first_ns;      /* when the first of the list came */
	uint32_t count, came;  /* of the list */
	uint32_t arrivals;     /* of it, one by one or as batches */
	uint32_t wanted_count; /* the writer waits for so many */
	/* the writer thread's: */
	struct ingest_item *taken; /* from the queue, not yet in a group */
	/* Arrivals that joined another's sync, and items of clients that were coming,
	 * fewer with time: */
	double joined, came_lately;
	int64_t taken_ns; /* when the last group was taken */
	int64_t began_ns; /* when it was given to the store */
	struct store_commit commits[GROUP_MAX];
	struct ingest_item *items[GROUP_MAX];
};

static bool
is_often(double lately)
{
	return lately * 1e9 >= (double)INGEST_OFTEN_PER_S * INGEST_LATELY_NS;
}

/* Until when the group may wait for more, and for how many. Under the mutex. */
static int64_t
may_wait_until(struct ingest *ingest, uint32_t *wanted)
{
	int64_t interval_ns = is_often(ingest->joined) ? ingest->began_ns + INGEST_INTERVAL_NS : 0;
	uint32_t coming = 0;

	*wanted = INGEST_MANY;
	if (metrics_now_ns() < interval_ns)
		return interval_ns;
	if (ingest->count > 0 && ingest->coming != NULL && is_often(ingest->came_lately))
		coming = ingest->coming(ingest->coming_context);
	if (coming == 0 || coming + ingest->count < INGEST_CLIENTS)
		return 0;
	*wanted = ingest->count + coming;
	return ingest->first_ns + INGEST_COMING_NS;
}

/* Until it is time for a group: there is an item, and either nobody else's is likely
 * to follow, or that was waited for long enough, or many wait, or it is time to end.
 * Under the mutex. */
static void
await(struct ingest *ingest)
{
	while (ingest->count < INGEST_MANY && !ingest->stopping) {
		uint32_t wanted;
		int64_t until_ns = may_wait_until(ingest, &wanted);
		struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

		if (metrics_now_ns() < until_ns) {
			ingest->wanted_count = wanted < INGEST_MANY ? wanted : INGEST_MANY;
			pthread_cond_timedwait(&ingest->wanted, &ingest->mutex, &until);
			continue;
		}
		if (ingest->count > 0)
			break;
		ingest->wanted_count = 1;
		pthread_cond_wait(&ingest->wanted, &ingest->mutex);
	}
	ingest->wanted_count = 1;
}

/* A group is taken. Under the mutex. */
static void
note_group(struct ingest *ingest)
{
	int64_t now = metrics_now_ns();
	double over = INGEST_LATELY_NS, left = over / (over + (double)(now - ingest->taken_ns));

	ingest->joined = ingest->joined * left + (ingest->arrivals > 1 ? ingest->arrivals - 1 : 0);
	ingest->came_lately = ingest->came_lately * left + ingest->came;
	ingest->taken_ns = now;
	ingest->count = ingest->came = ingest->arrivals = 0;
}

/* Up to GROUP_MAX items; 0 when it is time to end. They are gone through without
 * the mutex: each has to be fetched from a loop's core. */
static uint32_t
take(struct ingest *ingest)
{
	uint32_t count = 0;

	if (ingest->taken == NULL) {
		pthread_mutex_lock(&ingest->mutex);
		await(ingest);
		ingest->taken = ingest->first;
		ingest->first = NULL;
		note_group(ingest);
		pthread_mutex_unlock(&ingest->mutex);
	}
	for (; ingest->taken != NULL && count < GROUP_MAX; ingest->taken = ingest->taken->next) {
		ingest->items[count] = ingest->taken;
		ingest->commits[count++] = ingest->taken->commit;
	}
	atomic_fetch_sub(&ingest->queued, count);
	return count;
}

static void *
write_on(void *argument)
{
	struct ingest *ingest = argument;
	uint32_t count;

	while ((count = take(ingest)) > 0) {
		struct store_error error = {0};
		int result;

		ingest->began_ns = metrics_now_ns();
		result = store_append(ingest->store, ingest->commits, count, &error);
		metrics_observe(METRICS_sync_duration_seconds, metrics_now_ns() - ingest->began_ns);
		if (result != 0)
			log_line("beacons refused: %s", error.text);
		metrics_add(METRICS_groups, 1);
		for (uint32_t i = 0; i < count; i++) {
			ingest->items[i]->commit = ingest->commits[i];
			ingest->items[i]->done(ingest->items[i],
					       result != 0 ? result : ingest->commits[i].result);
		}
		if (ingest->after != NULL)
			ingest->after();
	}
	return NULL;
}

struct ingest *
ingest_create(struct store *store, uint32_t queue_max)
{
	struct ingest *ingest = calloc(1, sizeof *ingest);
	pthread_condattr_t clock;

	if (ingest == NULL)
		return NULL;
	ingest->store = store;
	ingest->queue_max = queue_max;
	pthread_mutex_init(&ingest->mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&ingest->wanted, &clock);
	pthread_condattr_destroy(&clock);
	if (pthread_create(&ingest->thread, NULL, write_on, ingest) != 0) {
		pthread_mutex_destroy(&ingest->mutex);
		pthread_cond_destroy(&ingest->wanted);
		free(ingest);
		return NULL;
	}
	pthread_setname_np(ingest->thread, "writer");
	return ingest;
}

void
ingest_destroy(struct ingest *ingest)
{
	if (ingest == NULL)
		return;
	pthread_mutex_lock(&ingest->mutex);
	ingest->stopping = true;
	pthread_cond_signal(&ingest->wanted);
	pthread_mutex_unlock(&ingest->mutex);
	pthread_join(ingest->thread, NULL);
	pthread_mutex_destroy(&ingest->mutex);
	pthread_cond_destroy(&ingest->wanted);
	free(ingest);
}

void
ingest_after_group(struct ingest *ingest, void (*after)(void))
{
	ingest->after = after;
}

void
ingest_clients(struct ingest *ingest, uint32_t (*coming)(void *context), void *context)
{
	ingest->coming = coming;
	ingest->coming_context = context;
}

static bool
reserve(struct ingest *ingest)
{
	if (atomic_fetch_add(&ingest->queued, 1) < ingest->queue_max)
		return true;
	atomic_fetch_sub(&ingest->queued, 1);
	return false;
}

/* Under the mutex. True: the writer may be waiting for it, and is to be woken,
 * after the mutex: else it would wait for that. */
static bool
queue(struct ingest *ingest, const struct ingest_batch *batch)
{
	bool were_enough = ingest->count >= ingest->wanted_count;

	batch->last->next = NULL;
	if (ingest->first == NULL) {
		ingest->first = batch->first;
		ingest->first_ns = metrics_now_ns();
	} else {
		ingest->last->next = batch->first;
	}
	ingest->last = batch->last;
	ingest->count += batch->count;
	ingest->came += batch->came;
	ingest->arrivals++;
	return !were_enough && ingest->count >= ingest->wanted_count;
}

bool
ingest_submit(struct ingest *ingest, struct ingest_item *item)
{
	bool well, wake = false;

	if (!reserve(ingest))
		return false;
	pthread_mutex_lock(&ingest->mutex);
	if ((well = !ingest->stopping))
		wake = queue(ingest, &(struct ingest_batch){item, item, 1, item->was_coming});
	pthread_mutex_unlock(&ingest->mutex);
	if (wake)
		pthread_cond_signal(&ingest->wanted);
	if (!well)
		atomic_fetch_sub(&ingest->queued, 1);
	return well;
}

bool
ingest_add(struct ingest *ingest, struct ingest_batch *batch, struct ingest_item *item)
{
	if (!reserve(ingest))
		return false;
	if (batch->first == NULL)
		batch->first = item;
	else
		batch->last->next = item;
	batch->last = item;
	batch->came += item->was_coming;
	if (++batch->count >= BATCH_MAX)
		ingest_flush(ingest, batch);
	return true;
}

void
ingest_flush(struct ingest *ingest, struct ingest_batch *batch)
{
	bool wake;

	if (batch->first == NULL)
		return;
	pthread_mutex_lock(&ingest->mutex);
	assert(!ingest->stopping);
	wake = queue(ingest, batch);
	pthread_mutex_unlock(&ingest->mutex);
	if (wake)
		pthread_cond_signal(&ingest->wanted);
	*batch = (struct ingest_batch){.count = 0};
}
