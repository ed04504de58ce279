/*
 * Chunks into the store of a stopped server: decoded by whoever reads them,
 * appended by the sink's thread, all that wait with one sync, which goes on while
 * the next ones are.
 */
#include <stdio.h>
#include <stdlib.h>
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
					  .rejects_max = IMPORT_ERRORS_MAX,
					  .copies_texts = true};
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
	/* The strings of beacons are less than half of their text: copied, they take less
	 * memory until they are durable. */
	if (job->refusals_count == 0) {
		free(job->chunk.text);
		job->chunk.text = NULL;
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

static void
prepare_commits(struct import_group *group)
{
	for (uint32_t i = 0; i < group->jobs_count; i++) {
		const struct import_job *job = group->jobs[i];
		struct store_request *request = &group->requests[i];

		*request = (struct store_request){.received_ms = now_ms(),
						  .note = job->batch.rejected_count};
		memcpy(request->key, job->key, sizeof request->key);
		memcpy(request->body, job->body, sizeof request->body);
		group->commits[i] = (struct store_commit){.entries = job->batch.entries,
							  .entries_count = job->batch.entries_count,
							  .request = request};
	}
}

bool
import_store_begin(const struct import_sink_options *options, struct import_group *group)
{
	prepare_commits(group);
	group->begun =
	    store_append_begin(options->store, group->commits, group->jobs_count, NULL) == 0;
	return group->begun;
}

static int
append_once(const struct import_sink_options *options, struct import_group *group,
	    struct store_error *error)
{
	int result;

	if (group->begun) {
		result = store_append_end(options->store, error);
		group->begun = false;
	} else {
		prepare_commits(group);
		result = store_append(options->store, group->commits, group->jobs_count, error);
	}
	for (uint32_t i = 0; result == 0 && i < group->jobs_count; i++) {
		result = group->commits[i].result;
		if (result == 0)
			count(group->jobs[i], &group->requests[i]);
	}
	return result;
}

/* What was appended before a fault is known by its key when it comes again. */
int
import_store_end(const struct import_sink_options *options, struct import_group *group,
		 char text[512])
{
	struct store_error error = {0};
	int result = append_once(options, group, &error);

	for (int tries = 1; (result == STORE_EBUSY || result == STORE_ENOMEM) &&
			    tries < TRIES_MAX && !*options->stop;
	     tries++) {
		struct timespec wait = {.tv_sec = 1};

		nanosleep(&wait, NULL);
		result = append_once(options, group, &error);
	}
	if (result != 0)
		snprintf(text, 512, "cannot store: %.400s",
			 error.text[0] != '\0' ? error.text : "out of memory");
	return result == 0 ? 0 : -1;
}
