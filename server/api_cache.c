/*
 * A query's way around the store: the same text and settings on rows that are
 * the same have the same answer. The store tells which rows (store.h, `known`)
 * before it reads them. Must not keep what depends on the clock: the store does
 * not ask about that.
 */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "metrics.h"

#define DIGEST_BYTES 16u

/* Fields of the key, each with its size, so that no two keys are the same. */
static char *
put_field(char *at, const void *bytes, uint32_t size)
{
	memcpy(at, &size, sizeof size);
	if (size > 0)
		memcpy(at + sizeof size, bytes, size);
	return at + sizeof size + size;
}

static bool
is_known(void *context, const uint64_t digest[2])
{
	struct api_job *job = context;

	memcpy(job->cache_key, digest, DIGEST_BYTES);
	job->has_digest = true;
	job->cached = answer_cache_find(job->server->cache,
					(struct store_str){job->cache_key, job->cache_key_size});
	return job->cached != NULL;
}

bool
api_cache_prepare(struct api_job *job)
{
	const struct format_options *options = &job->options;
	char flags[4] = {options->quote_64bit_integers, options->quote_denormals,
			 (char)job->answer_coding, 0};
	/* An answer that took more groups or has more rows would be an error. */
	uint64_t limits[2] = {job->query.groups_max, job->query.result_rows_max};
	size_t size = DIGEST_BYTES + sizeof flags + sizeof limits +
		      sizeof options->client_revision + job->query.text.size + job->format.size +
		      5 * sizeof(uint32_t);
	char *at;

	for (uint32_t i = 0; i < job->query.parameters_count; i++)
		size += job->parameters[i].name.size + job->parameters[i].value.size +
			2 * sizeof(uint32_t);
	if ((job->cache_key = store_arena_zalloc(job->arena, size)) == NULL)
		return false;
	at = put_field(job->cache_key + DIGEST_BYTES, flags, sizeof flags);
	at = put_field(at, limits, sizeof limits);
	at = put_field(at, &options->client_revision, sizeof options->client_revision);
	at = put_field(at, job->format.bytes, job->format.size);
	at = put_field(at, job->query.text.bytes, job->query.text.size);
	for (uint32_t i = 0; i < job->query.parameters_count; i++) {
		const struct store_parameter *parameter = &job->parameters[i];

		at = put_field(at, parameter->name.bytes, parameter->name.size);
		at = put_field(at, parameter->value.bytes, parameter->value.size);
	}
	job->cache_key_size = (uint32_t)(at - job->cache_key);
	if (!job->is_uncached)
		job->query.known = is_known;
	job->query.known_context = job;
	return true;
}

int
api_cache_answer(struct api_job *job, struct api_error *error)
{
	const struct answer *answer = job->cached;
	struct reply *reply = job->reply;

	if ((reply->body = malloc(answer->body_size + 1)) != NULL) {
		memcpy(reply->body, answer->body, answer->body_size);
		reply->body_size = answer->body_size;
		reply->status = 200;
		reply->reason = "OK";
		reply->content_type = answer->content_type;
		loop_reply_headers(reply, answer->headers, answer->headers_size);
		loop_reply_header(reply, "x-drum-cached", "1");
		job->log.cached = true;
		job->log.result_rows = answer->rows_count;
		job->log.result_bytes = answer->body_size;
		metrics_add(METRICS_queries_cached, 1);
	}
	answer_cache_release(job->server->cache, answer);
	job->cached = NULL;
	return reply->body != NULL ? 0
				   : api_error_set(error, STORE_ENOMEM, 241,
						   "MEMORY_LIMIT_EXCEEDED", "Out of memory");
}

void
api_cache_put(struct api_job *job, size_t headers_size)
{
	const struct reply *reply = job->reply;
	struct answer answer = {.body = reply->body,
				.body_size = reply->body_size,
				.headers = reply->headers + headers_size,
				.headers_size = reply->headers_size - headers_size,
				.content_type = reply->content_type,
				.rows_count = job->log.result_rows};

	if (job->has_digest)
		answer_cache_put(job->server->cache,
				 (struct store_str){job->cache_key, job->cache_key_size}, &answer);
}
