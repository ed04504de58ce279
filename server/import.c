/*
 * POST /import: authorised on the loop, inflated and decoded on the work pool,
 * written as one commit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "coding.h"
#include "import.h"
#include "json.h"
#include "loop.h"
#include "metrics.h"

struct import_job {
	struct ingest_item item; /* first: `done` gets this */
	struct workpool_job job;
	struct server *server;
	struct reply *reply;
	struct store_arena *arena; /* owned */
	struct store_str body;     /* in the arena */
	enum coding coding;
	struct import_batch batch;
	struct store_request request;
	struct settings *settings; /* owned: one reference */
};

static void
finish(struct import_job *job)
{
	atomic_fetch_sub(&job->server->private_bytes, job->body.size);
	loop_reply_send(job->reply);
	settings_release(job->settings);
	store_arena_free(job->arena);
	free(job);
}

static void
answer(struct import_job *job, int status, const char *reason, const char *text)
{
	struct reply *reply = job->reply;

	reply->status = status;
	reply->reason = reason;
	reply->content_type = "text/plain; charset=utf-8";
	reply->body = strdup(text);
	reply->body_size = reply->body == NULL ? 0 : strlen(text);
	reply->retry_after_s = status == 503 ? 10 : 0;
	finish(job);
}

static const char no_memory[] = "out of memory: send it in smaller parts";
static const char too_large[] = "more than 128 MiB when inflated";

/* ---- on the pool ----------------------------------------------------- */

static void
put_answer(struct import_job *job)
{
	struct reply *reply = job->reply;
	const struct store_request *request = &job->request;
	char *text = NULL;
	FILE *out = open_memstream(&text, &reply->body_size);

	reply->status = 200;
	reply->reason = "OK";
	reply->content_type = "application/json";
	if (out == NULL)
		return;
	fprintf(
	    out,
	    "{\"stored\":%u,\"repeated\":%u,\"late\":%u,\"rejected\":%u,\"first\":%s,\"errors\":[",
	    request->stored_count, request->repeated_count, request->late_count, request->note,
	    request->repeated ? "false" : "true");
	for (uint32_t i = 0; i < job->batch.errors_count; i++) {
		fprintf(out, "%s\"", i == 0 ? "" : ",");
		for (const char *c = job->batch.errors[i]; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				fputc('\\', out);
			fputc((unsigned char)*c < 0x20 ? ' ' : *c, out);
		}
		fputc('"', out);
	}
	fprintf(out, "]}\n");
	fclose(out);
	reply->body = text;
}

static void
count_rejected(const struct import_job *job)
{
	metrics_add(METRICS_import_lines_rejected, job->batch.rejected_count);
	metrics_add(METRICS_import_expired, job->batch.expired_count);
}

/* On the writer's thread. */
static void
on_written(struct ingest_item *item, int result)
{
	struct import_job *job = (struct import_job *)item;

	if (result == STORE_EBUSY || result == STORE_EFULL || result == STORE_ENOMEM ||
	    result == STORE_EIO) {
		answer(job, 503, "Service Unavailable",
		       result == STORE_EFULL ? "the disk is full\n"
					     : "cannot be stored now: try again\n");
		return;
	}
	if (result != 0) {
		answer(job, 413, "Payload Too Large",
		       "too much for one commit: send it in parts\n");
		return;
	}
	if (job->request.conflict) {
		answer(job, 422, "Unprocessable Entity",
		       "this Idempotency-Key came with another body before\n");
		return;
	}
	metrics_add(METRICS_imports, 1);
	if (!job->request.repeated) {
		metrics_add(METRICS_beacons_stored, job->request.stored_count);
		metrics_add(METRICS_beacons_repeated, job->request.repeated_count);
		metrics_add(METRICS_beacons_late, job->request.late_count);
		count_rejected(job);
	}
	put_answer(job);
	finish(job);
}

static void
refuse(struct import_job *job, const char *wrong)
{
	char line[320];

	snprintf(line, sizeof line, "%s\n", wrong);
	if (wrong == too_large)
		answer(job, 413, "Payload Too Large", line);
	else if (wrong == no_memory)
		answer(job, 503, "Service Unavailable", line);
	else
		answer(job, 400, "Bad Request", line);
}

/* False: out of memory. */
static bool
sample(struct import_job *job)
{
	struct sampling *sampling = job->settings->sampling;
	bool well = true;

	for (uint32_t i = 0; well && sampling_has_rules(sampling) && i < job->batch.entries_count;
	     i++) {
		struct store_entry *entry = &job->batch.entries[i];

		well = sampling_apply(sampling, store_draw(job->server->store, entry->key), false,
				      entry, job->arena) == 0;
	}
	return well;
}

static void
run(struct workpool_job *pool_job)
{
	struct import_job *job =
	    (struct import_job *)((char *)pool_job - offsetof(struct import_job, job));
	struct store_str text;
	const char *wrong = NULL;
	int result = coding_inflate(job->coding, job->body, IMPORT_INFLATED_BYTES_MAX, job->arena,
				    &text, &wrong);

	if (result == STORE_ELIMIT || result == STORE_ENOMEM)
		wrong = result == STORE_ELIMIT ? too_large : no_memory;
	if (wrong == NULL &&
	    import_decode(text, job->server->enricher, http_now_ms(), job->settings->pages,
			  job->server->config->retention_days, job->arena, &job->batch) != 0)
		wrong = no_memory;
	if (wrong == NULL && !sample(job))
		wrong = no_memory;
	if (wrong == NULL && job->batch.entries_count == 0 && job->batch.rejected_count > 0) {
		wrong = job->batch.errors[0];
		count_rejected(job);
	}
	if (wrong != NULL) {
		refuse(job, wrong);
		return;
	}
	job->request.note = job->batch.rejected_count;
	job->item.commit = (struct store_commit){.entries = job->batch.entries,
						 .entries_count = job->batch.entries_count,
						 .request = &job->request};
	job->item.done = on_written;
	if (!ingest_submit(job->server->ingest, &job->item))
		answer(job, 503, "Service Unavailable", "too much is waiting for the disk\n");
}

/* ---- on the loop ----------------------------------------------------- */

static void
hash_to(struct store_str text, uint8_t out[16])
{
	XXH128_hash_t hash = XXH3_128bits(text.size == 0 ? "" : text.bytes, text.size);

	memcpy(out, &hash.low64, 8);
	memcpy(out + 8, &hash.high64, 8);
}

static struct import_job *
create_job(h2o_req_t *req)
{
	struct import_job *job = calloc(1, sizeof *job);
	struct store_str key = http_header(req, "idempotency-key");
	char *bytes;

	if (job == NULL)
		return NULL;
	job->server = loop_server(req);
	job->job.run = run;
	job->arena = store_arena_create((size_t)2 << 30);
	bytes = job->arena == NULL ? NULL : store_arena_alloc(job->arena, req->entity.len);
	if (bytes == NULL || (job->reply = loop_reply_create(req)) == NULL) {
		store_arena_free(job->arena);
		free(job);
		return NULL;
	}
	if (req->entity.len > 0)
		memcpy(bytes, req->entity.base, req->entity.len);
	job->body = (struct store_str){bytes, (uint32_t)req->entity.len};
	job->settings = settings_hold(job->server->settings);
	job->request.received_ms = http_now_ms();
	hash_to(job->body, job->request.body);
	hash_to(key.size > 0 ? key : job->body, job->request.key);
	return job;
}

int
import_request(h2o_req_t *req)
{
	struct server *server = loop_server(req);
	struct store_str format;
	struct import_job *job;
	enum coding coding;

	if (!http_authorize(req, AUTH_IMPORT, false))
		return 0;
	if (req->entity.len > HTTP_PRIVATE_BYTES_MAX)
		return http_answer(req, 413, "Payload Too Large",
				   "an import has at most 16 MiB: send it in parts");
	if (http_parameter(req, "format", &format) &&
	    !h2o_memis(format.bytes, format.size, H2O_STRLIT("ndjson")) &&
	    !h2o_memis(format.bytes, format.size, H2O_STRLIT("json")))
		return http_answer(req, 400, "Bad Request", "format: use ndjson or json");
	if (!coding_find(http_header(req, "content-encoding"), &coding))
		return http_answer(req, 415, "Unsupported Media Type",
				   "Content-Encoding: use gzip or zstd");
	if (atomic_load(&server->private_bytes) + req->entity.len > HTTP_BUFFERED_BYTES_MAX ||
	    (job = create_job(req)) == NULL)
		return http_answer_retry(req, 503, "Service Unavailable",
					 "too many imports at once");
	job->coding = coding;
	atomic_fetch_add(&server->private_bytes, job->body.size);
	if (workpool_submit(server->pool, &job->job))
		return 0;
	atomic_fetch_sub(&server->private_bytes, job->body.size);
	loop_reply_discard(job->reply);
	settings_release(job->settings);
	store_arena_free(job->arena);
	free(job);
	return http_answer_retry(req, 503, "Service Unavailable", "too many imports at once");
}
