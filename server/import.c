/*
 * POST /import: authorised on the loop, inflated and decoded on the work pool,
 * written as one commit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "coding.h"
#include "guard.h"
#include "import.h"
#include "json.h"
#include "loop.h"
#include "loop_reply.h"
#include "metrics.h"
#include "tree.h"

struct import_job {
	struct ingest_item item; /* first: `done` gets this */
	struct workpool_job job;
	struct server *server;
	struct reply *reply;
	struct store_arena *arena; /* owned */
	struct store_str body;     /* in the arena */
	enum coding coding;
	struct import_options options;
	struct import_batch batch;
	uint32_t sampled_out_count; /* entries of which nothing is kept */
	bool lines;                 /* ?lines=: a record each, whatever the first begins with */
	bool errors_told;           /* ?errors=: a body without any beacon is no error */
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
put_text(FILE *out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			fputc('\\', out);
		fputc((unsigned char)*c < 0x20 ? ' ' : *c, out);
	}
}

/* What became of the entries: the rows of those that sampling left out are
 * nowhere, though the store knows their views. */
static void
count_sampled_out(struct import_job *job)
{
	for (uint32_t i = 0; i < job->batch.entries_count; i++) {
		const struct store_entry *entry = &job->batch.entries[i];

		job->sampled_out_count +=
		    entry->outcome == STORE_STORED &&
		    (entry->dropped ? entry->rows_count == 1 : entry->rows_count == 0);
	}
	if (job->sampled_out_count > job->request.stored_count)
		job->sampled_out_count = job->request.stored_count;
}

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
	fprintf(out,
		"{\"stored\":%u,\"repeated\":%u,\"late\":%u,\"rejected\":%u,\"first\":%s,"
		"\"accepted\":%u,\"sampled_out\":%u,\"skipped\":%u,\"errors\":[",
		request->stored_count - job->sampled_out_count, request->repeated_count,
		request->late_count, request->note, request->repeated ? "false" : "true",
		request->stored_count + request->repeated_count + request->late_count,
		job->sampled_out_count, job->batch.skipped_count);
	for (uint32_t i = 0; i < job->batch.rejects_count; i++) {
		fprintf(out, "%s\"%s %u: ", i == 0 ? "" : ",", job->batch.record_name,
			job->batch.rejects[i].number);
		put_text(out, job->batch.rejects[i].reason);
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
	count_sampled_out(job);
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
	char first_error[300];
	const char *wrong = NULL;
	int result = coding_inflate(job->coding, job->body, IMPORT_INFLATED_BYTES_MAX, job->arena,
				    &text, &wrong);

	if (result == STORE_ELIMIT || result == STORE_ENOMEM)
		wrong = result == STORE_ELIMIT ? too_large : no_memory;
	if (wrong == NULL && (job->lines ? import_decode_lines : import_decode)(
				 text, &job->options, job->arena, &job->batch) != 0)
		wrong = no_memory;
	if (wrong == NULL && !sample(job))
		wrong = no_memory;
	if (wrong == NULL && !job->errors_told && job->batch.rejects_count > 0 &&
	    job->batch.entries_count == 0 && job->batch.skipped_count == 0) {
		snprintf(first_error, sizeof first_error, "%s %u: %s", job->batch.record_name,
			 job->batch.rejects[0].number, job->batch.rejects[0].reason);
		wrong = first_error;
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
hash_to(struct store_str text, uint64_t seed, uint8_t out[16])
{
	XXH128_hash_t hash =
	    XXH3_128bits_withSeed(text.size == 0 ? "" : text.bytes, text.size, seed);

	memcpy(out, &hash.low64, 8);
	memcpy(out + 8, &hash.high64, 8);
}

static struct import_job *
create_job(h2o_req_t *req)
{
	struct import_job *job = calloc(1, sizeof *job);
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
	return job;
}

static struct store_str
site_of(void *context, struct store_str host)
{
	return guard_site_of(context, host);
}

/* NULL, or what is wrong with the parameters. */
static const char *
read_parameters(h2o_req_t *req, struct import_job *job)
{
	static const char wrong_errors[] = "errors: expected a number from 0 to 65536";
	static _Thread_local char wrong_format[200];
	struct import_options *options = &job->options;
	struct store_str value;
	double number;

	*options = (struct import_options){.enricher = job->server->enricher,
					   .join = job->server->join,
					   .now_ms = job->request.received_ms,
					   .pages = job->settings->pages,
					   .retention_days = job->server->config->retention_days,
					   .site_of = site_of,
					   .site_context = job->server,
					   .rejects_max = IMPORT_ERRORS_SHOWN};
	if (http_parameter(req, "format", &value) && !import_format_find(value, &options->format)) {
		snprintf(wrong_format, sizeof wrong_format, "format: use one of %s",
			 import_format_names());
		return wrong_format;
	}
	if (http_parameter(req, "site", &value)) {
		char *site = store_arena_alloc(job->arena, value.size);

		if (site == NULL || !event_is_site_key(value) || !json_is_utf8(value))
			return "site: expected 1 to 64 bytes, no control characters";
		memcpy(site, value.bytes, value.size);
		options->site = (struct store_str){site, value.size};
	}
	job->lines = http_parameter(req, "lines", &value); /* drum import has split arrays itself */
	if (http_parameter(req, "errors", &value)) {
		if (!tree_to_number(value, &number) || !(number >= 0) || number > IMPORT_ERRORS_MAX)
			return wrong_errors;
		options->rejects_max = (uint32_t)number;
		job->errors_told = true;
	}
	return NULL;
}

/* The same bytes for another site are another request. */
static void
identify(struct import_job *job, struct store_str key)
{
	const struct import_options *options = &job->options;
	uint64_t seed = options->site.size == 0 && options->format == IMPORT_AUTO
			    ? 0
			    : XXH3_64bits_withSeed(options->site.bytes, options->site.size,
						   (uint64_t)options->format);

	hash_to(job->body, seed, job->request.body);
	hash_to(key.size > 0 ? key : job->body, key.size > 0 ? 0 : seed, job->request.key);
}

static void
discard(struct import_job *job)
{
	loop_reply_discard(job->reply);
	settings_release(job->settings);
	store_arena_free(job->arena);
	free(job);
}

int
import_request(h2o_req_t *req)
{
	struct server *server = loop_server(req);
	struct import_job *job;
	enum coding coding;
	const char *wrong;

	if (!http_authorize(req, AUTH_IMPORT, false))
		return 0;
	if (req->entity.len > HTTP_PRIVATE_BYTES_MAX)
		return http_answer(req, 413, "Payload Too Large",
				   "an import has at most 16 MiB: send it in parts");
	if (!coding_find(http_header(req, "content-encoding"), &coding))
		return http_answer(req, 415, "Unsupported Media Type",
				   "Content-Encoding: use gzip or zstd");
	if (atomic_load(&server->private_bytes) + req->entity.len > HTTP_BUFFERED_BYTES_MAX ||
	    (job = create_job(req)) == NULL)
		return http_answer_retry(req, 503, "Service Unavailable",
					 "too many imports at once");
	if ((wrong = read_parameters(req, job)) != NULL) {
		discard(job);
		return http_answer(req, 400, "Bad Request", wrong);
	}
	identify(job, http_header(req, "idempotency-key"));
	job->coding = coding != CODING_NONE ? coding : coding_detect(job->body);
	atomic_fetch_add(&server->private_bytes, job->body.size);
	if (workpool_submit(server->pool, &job->job))
		return 0;
	atomic_fetch_sub(&server->private_bytes, job->body.size);
	discard(job);
	return http_answer_retry(req, 503, "Service Unavailable", "too many imports at once");
}
