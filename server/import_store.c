/*
 * Chunks into the store of a stopped server: decoded by whoever reads them,
 * appended by the sink's thread, all that wait with one sync.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "import_sink.h"

#define TRIES_MAX 60 /* a second and more each: flushing has to keep up */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
import_store_prepare(const struct import_sink_options *options, struct import_job *job)
{
	struct import_options decoding = {.enricher = options->enricher,
					  .join = options->join,
					  .now_ms = now_ms(),
					  .format = options->format,
					  .site = options->site,
					  .rejects_max = IMPORT_ERRORS_MAX};
	struct store_str text = {job->chunk.text, (uint32_t)job->chunk.size};

	/* Elements have become lines. */
	if (import_decode_lines(text, &decoding, job->arena, &job->batch) != 0)
		return false;
	job->refusals_count = job->batch.rejects_count;
	job->refusals = store_arena_alloc(job->arena, job->refusals_count * sizeof *job->refusals);
	if (job->refusals == NULL)
		return false;
	for (uint32_t i = 0; i < job->refusals_count; i++) {
		const struct import_reject *reject = &job->batch.rejects[i];

		job->refusals[i] =
		    (struct import_refusal){reject->number, reject->reason, reject->record};
	}
	return true;
}

static void
count(struct import_job *job, const struct store_request *request)
{
	job->counts = (struct import_counts){.stored = request->stored_count,
					     .repeated = request->repeated_count,
					     .late = request->late_count,
					     .rejected = job->batch.rejected_count,
					     .skipped = job->batch.skipped_count};
	if (request->repeated) {
		job->counts.repeated += job->counts.stored;
		job->counts.stored = 0;
	}
}

static int
append_once(const struct import_sink_options *options, struct import_job **jobs,
	    uint32_t jobs_count, struct store_error *error)
{
	struct store_commit commits[IMPORT_SINK_CHUNKS_MAX];
	struct store_request requests[IMPORT_SINK_CHUNKS_MAX] = {0};
	int result;

	for (uint32_t i = 0; i < jobs_count; i++) {
		memcpy(requests[i].key, jobs[i]->key, sizeof requests[i].key);
		memcpy(requests[i].body, jobs[i]->body, sizeof requests[i].body);
		requests[i].received_ms = now_ms();
		requests[i].note = jobs[i]->batch.rejected_count;
		commits[i] = (struct store_commit){.entries = jobs[i]->batch.entries,
						   .entries_count = jobs[i]->batch.entries_count,
						   .request = &requests[i]};
	}
	result = store_append(options->store, commits, jobs_count, error);
	for (uint32_t i = 0; result == 0 && i < jobs_count; i++) {
		result = commits[i].result;
		if (result == 0)
			count(jobs[i], &requests[i]);
	}
	return result;
}

/* What was appended before a fault is known by its key when it comes again. */
int
import_store_append(const struct import_sink_options *options, struct import_job **jobs,
		    uint32_t jobs_count, char text[512])
{
	struct store_error error = {0};
	int result = append_once(options, jobs, jobs_count, &error);

	for (int tries = 1; (result == STORE_EBUSY || result == STORE_ENOMEM) &&
			    tries < TRIES_MAX && !*options->stop;
	     tries++) {
		struct timespec wait = {.tv_sec = 1};

		nanosleep(&wait, NULL);
		result = append_once(options, jobs, jobs_count, &error);
	}
	if (result != 0)
		snprintf(text, 512, "cannot store: %.400s",
			 error.text[0] != '\0' ? error.text : "out of memory");
	return result == 0 ? 0 : -1;
}
