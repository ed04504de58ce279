/*
 * import_sink.h: the queue of chunks between whoever reads them and whoever
 * makes them durable. Must not look into chunks.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "import_sink.h"

#define THREADS_MAX 2u
/* Groups begun and not ended: their chunks stay in memory. */
#define UNDER_WAY_MAX 2u

struct import_sink {
	struct import_sink_options options;
	pthread_t threads[THREADS_MAX];
	uint32_t threads_count;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* guarded by mutex: a ring of jobs, of which those before `taken` are
	 * being worked on, and those before `done` are done */
	struct import_job *ring[IMPORT_SINK_CHUNKS_MAX]; /* owned */
	uint64_t put, taken, done;
	bool failed, ending;
	char error[512];
};

struct worker {
	struct import_sink *sink;
	uint32_t index;
};

static void
free_job(struct import_job *job)
{
	if (job == NULL)
		return;
	store_arena_free(job->arena);
	free(job->chunk.text);
	free(job);
}

/* The mutex is held. */
static void
fail(struct import_sink *sink, const char *error)
{
	if (!sink->failed)
		snprintf(sink->error, sizeof sink->error, "%s", error);
	sink->failed = true;
	pthread_cond_broadcast(&sink->changed);
}

/* In the order in which they were put. */
static void
finish(struct import_sink *sink, struct import_job **jobs, uint32_t count, uint64_t first,
       const char *error)
{
	pthread_mutex_lock(&sink->mutex);
	while (sink->done != first && !sink->failed)
		pthread_cond_wait(&sink->changed, &sink->mutex);
	if (error != NULL)
		fail(sink, error);
	for (uint32_t i = 0; i < count; i++) {
		const struct import_sink_options *options = &sink->options;

		if (!sink->failed &&
		    !options->done(options->context, &jobs[i]->chunk, &jobs[i]->counts,
				   jobs[i]->refusals, jobs[i]->refusals_count))
			fail(sink, "");
		free_job(jobs[i]);
		sink->ring[(first + i) % IMPORT_SINK_CHUNKS_MAX] = NULL;
		sink->done++;
	}
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->mutex);
}

/* Up to `max` jobs; 0: it is time to end, or there are none yet and the caller
 * does not wait. */
static uint32_t
take(struct import_sink *sink, struct import_job **jobs, uint32_t max, bool waits, uint64_t *first)
{
	uint32_t count = 0;

	pthread_mutex_lock(&sink->mutex);
	while (waits && sink->taken == sink->put && !sink->ending && !sink->failed)
		pthread_cond_wait(&sink->changed, &sink->mutex);
	*first = sink->taken;
	while (sink->taken < sink->put && count < max && !sink->failed)
		jobs[count++] = sink->ring[sink->taken++ % IMPORT_SINK_CHUNKS_MAX];
	pthread_mutex_unlock(&sink->mutex);
	return count;
}

static void *
send_on(void *argument)
{
	struct worker *worker = argument;
	struct import_sink *sink = worker->sink;
	struct client *client = sink->options.clients[worker->index];
	struct import_job *job;
	uint64_t first;

	free(worker);
	while (take(sink, &job, 1, true, &first) > 0) {
		char error[512] = "";
		int result = import_send(&sink->options, client, job, error);

		finish(sink, &job, 1, first, result == 0 ? NULL : error);
	}
	return NULL;
}

/* One group is synced while the next is appended; when none waits, the oldest is
 * ended. */
static void *
append_on(void *argument)
{
	struct worker *worker = argument;
	struct import_sink *sink = worker->sink;
	struct import_group groups[UNDER_WAY_MAX];
	uint64_t firsts[UNDER_WAY_MAX], begun = 0, ended = 0;
	bool well = true; /* the last was begun */

	free(worker);
	for (;;) {
		uint32_t at = (uint32_t)(begun % UNDER_WAY_MAX);
		struct import_group *group = &groups[at];
		char error[512] = "";
		int result;

		well = well || begun == ended;
		if (well && begun - ended < UNDER_WAY_MAX) {
			group->jobs_count = take(sink, group->jobs, IMPORT_SINK_CHUNKS_MAX,
						 begun == ended, &firsts[at]);
			if (group->jobs_count > 0) {
				well = import_store_begin(&sink->options, group);
				begun++;
				continue;
			}
		}
		if (begun == ended)
			return NULL;
		at = (uint32_t)(ended++ % UNDER_WAY_MAX);
		group = &groups[at];
		result = import_store_end(&sink->options, group, error);
		finish(sink, group->jobs, group->jobs_count, firsts[at],
		       result == 0 ? NULL : error);
	}
}

struct import_sink *
import_sink_create(const struct import_sink_options *options)
{
	struct import_sink *sink = calloc(1, sizeof *sink);
	uint32_t wanted = options->store != NULL || options->clients[1] == NULL ? 1 : 2;

	if (sink == NULL)
		return NULL;
	sink->options = *options;
	pthread_mutex_init(&sink->mutex, NULL);
	pthread_cond_init(&sink->changed, NULL);
	while (sink->threads_count < wanted) {
		struct worker *worker = malloc(sizeof *worker);

		if (worker == NULL)
			break;
		*worker = (struct worker){sink, sink->threads_count};
		if (pthread_create(&sink->threads[sink->threads_count], NULL,
				   options->store != NULL ? append_on : send_on, worker) != 0) {
			free(worker);
			break;
		}
		sink->threads_count++;
	}
	if (sink->threads_count == wanted)
		return sink;
	import_sink_free(sink);
	return NULL;
}

static void
hash_chunk(const struct import_sink *sink, struct import_job *job, uint64_t seed)
{
	XXH128_hash_t hash =
	    XXH3_128bits_withSeed(job->chunk.text, job->chunk.size, sink->options.seed);
	uint64_t place[4] = {hash.low64, hash.high64, seed, job->chunk.begin.offset};

	memcpy(job->body, &hash, sizeof job->body);
	if (sink->options.keyed_by_place)
		hash = XXH3_128bits(place, sizeof place);
	memcpy(job->key, &hash, sizeof job->key);
}

/* Before a chunk is decoded: then it takes several times its text. */
static void
await_room(struct import_sink *sink)
{
	pthread_mutex_lock(&sink->mutex);
	while (sink->put - sink->done == IMPORT_SINK_CHUNKS_MAX && !sink->failed)
		pthread_cond_wait(&sink->changed, &sink->mutex);
	pthread_mutex_unlock(&sink->mutex);
}

bool
import_sink_put(struct import_sink *sink, const struct import_chunk *chunk, uint64_t seed)
{
	struct import_job *job = calloc(1, sizeof *job);
	bool well = job != NULL;

	await_room(sink); /* only the caller puts */
	if (!well) {
		free(chunk->text);
	} else {
		job->chunk = *chunk;
		hash_chunk(sink, job, seed);
		well = (job->arena = store_arena_create(0)) != NULL &&
		       (sink->options.store == NULL || import_store_prepare(&sink->options, job));
	}
	pthread_mutex_lock(&sink->mutex);
	if (!well)
		fail(sink, "out of memory");
	if ((well = !sink->failed)) {
		sink->ring[sink->put++ % IMPORT_SINK_CHUNKS_MAX] = job;
		pthread_cond_broadcast(&sink->changed);
	}
	pthread_mutex_unlock(&sink->mutex);
	if (!well)
		free_job(job);
	return well;
}

bool
import_sink_drain(struct import_sink *sink)
{
	bool well;

	pthread_mutex_lock(&sink->mutex);
	while (sink->done != sink->put && !sink->failed)
		pthread_cond_wait(&sink->changed, &sink->mutex);
	well = !sink->failed;
	pthread_mutex_unlock(&sink->mutex);
	return well;
}

const char *
import_sink_error(const struct import_sink *sink)
{
	return sink->error;
}

void
import_sink_free(struct import_sink *sink)
{
	if (sink == NULL)
		return;
	pthread_mutex_lock(&sink->mutex);
	sink->ending = true;
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->mutex);
	for (uint32_t i = 0; i < sink->threads_count; i++)
		pthread_join(sink->threads[i], NULL);
	for (uint32_t i = 0; i < IMPORT_SINK_CHUNKS_MAX; i++)
		free_job(sink->ring[i]);
	pthread_mutex_destroy(&sink->mutex);
	pthread_cond_destroy(&sink->changed);
	free(sink);
}
