/*
 * INSERT through the query endpoint: on the pool, rows to one commit; answered
 * by the writer once it is on disk. All of a statement's rows are stored, or
 * none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "api.h"
#include "insert.h"
#include "metrics.h"

/* On the writer's thread. */
static void
on_written(struct ingest_item *item, int result)
{
	struct api_job *job = (struct api_job *)item;
	uint32_t count = job->item.commit.entries_count;
	struct reply *reply = job->reply;
	struct api_error error;
	char summary[160];

	if (result == STORE_EFULL)
		api_error_set(&error, STORE_EFULL, 243, "NOT_ENOUGH_SPACE", "The disk is full");
	else if (result == STORE_EBUSY || result == STORE_ENOMEM || result == STORE_EIO)
		api_error_set(&error, STORE_EBUSY, 252, "TOO_MANY_PARTS",
			      "The rows cannot be stored now: try again");
	else if (result != 0)
		api_error_set(&error, STORE_EINVAL, 191, "SET_SIZE_LIMIT_EXCEEDED",
			      "Too much for one commit: send the rows in parts");
	else if (job->request.conflict)
		api_error_set(&error, STORE_EINVAL, 36, "BAD_ARGUMENTS",
			      "This insert_deduplication_token came with other rows before");
	if (result != 0 || job->request.conflict) {
		api_answer_fail(job, &error);
		return;
	}
	job->log.written_rows = count;
	job->log.written_bytes = job->insert_bytes;
	metrics_add(METRICS_inserts, 1);
	if (!job->request.repeated)
		metrics_add(METRICS_insert_rows, count);
	reply->status = 200;
	reply->reason = "OK";
	reply->content_type = "text/plain; charset=UTF-8";
	snprintf(summary, sizeof summary,
		 "{\"read_rows\":\"%u\",\"read_bytes\":\"%zu\",\"written_rows\":\"%u\","
		 "\"written_bytes\":\"%zu\",\"result_rows\":\"0\",\"result_bytes\":\"0\"}",
		 count, job->insert_bytes, count, job->insert_bytes);
	loop_reply_header(reply, "x-clickhouse-summary", summary);
	api_answer_finish(job);
}

static int
fail(struct api_error *error, int code, const struct insert_error *from)
{
	if (code == STORE_ENOMEM) {
		api_error_set(error, code, 241, "MEMORY_LIMIT_EXCEEDED",
			      "Out of memory: send the rows in parts");
		return code;
	}
	api_error_set(error,
		      from->number == 48   ? STORE_ENOTIMPL
		      : from->number == 62 ? STORE_ESYNTAX
		      : from->number == 60 || from->number == 81 || from->number == 73 ||
			      from->number == 16
			  ? STORE_EUNKNOWN
			  : STORE_EINVAL,
		      from->number, from->name, "%s", from->text);
	return error->code;
}

static int
check_allowed(const struct api_job *job, struct api_error *error)
{
	if (job->read_only)
		api_error_set(error, STORE_EIO, 164, "READONLY",
			      "INSERT needs POST: GET is read-only");
	else if (!auth_allows(job->who.roles, AUTH_IMPORT))
		api_error_set(error, STORE_EINVAL, 497, "ACCESS_DENIED",
			      "INSERT needs a token with the role import");
	return error->code;
}

/* The same token again for the table within a day stores nothing. `head` says which
 * columns the data are. */
static void
set_request(struct api_job *job, uint16_t table, struct store_str head, struct store_str data)
{
	XXH128_hash_t key, hash;

	if (job->deduplication_token.size == 0)
		return;
	key = XXH3_128bits_withSeed(job->deduplication_token.bytes, job->deduplication_token.size,
				    1u + table); /* apart from Idempotency-Keys */
	hash = XXH3_128bits_withSeed(data.size == 0 ? "" : data.bytes, data.size,
				     XXH3_64bits(head.bytes, head.size));
	memcpy(job->request.key, &key, sizeof key);
	memcpy(job->request.body, &hash, sizeof hash);
	job->request.received_ms = job->query.now_ms;
	job->item.commit.request = &job->request;
}

/* Nothing that could be a row. */
static bool
is_blank(struct store_str text)
{
	for (uint32_t i = 0; i < text.size; i++) {
		if (text.bytes[i] == '\0' || strchr(" \t\r\n;", text.bytes[i]) == NULL)
			return false;
	}
	return true;
}

int
api_insert(struct api_job *job, struct store_str text, struct store_str body,
	   struct api_error *error)
{
	struct insert_context context = {.now_ms = job->query.now_ms,
					 .retention_days = job->server->config->retention_days,
					 .arena = job->arena};
	struct insert_error wrong;
	struct insert_head head;
	struct insert_rows rows;
	struct store_str rest;
	int code;

	job->log.kind = "Insert";
	if ((code = check_allowed(job, error)) != 0)
		return code;
	if ((code = insert_parse(text, &head, &wrong)) != 0)
		return fail(error, code, &wrong);
	job->log.query = (struct store_str){text.bytes, head.bytes}; /* without its rows */
	/* With ?query= the rows are the body, else what follows the head. */
	rest = (struct store_str){text.bytes + head.bytes, text.size - head.bytes};
	context.is_apart = body.size > 0;
	if (body.size == 0)
		body = rest;
	else if (!is_blank(rest))
		return api_error_set(
		    error, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
		    "Rows in ?query= and in the body, too: send them in one of both");
	if (head.format.size == 0)
		head.format = job->format;
	job->log.format = head.format;
	if ((code = insert_decode(&head, head.format, body, &context, &rows, &wrong)) != 0)
		return fail(error, code, &wrong);
	job->insert_bytes = body.size;
	job->item.commit =
	    (struct store_commit){.entries = rows.entries, .entries_count = rows.count};
	set_request(job, head.table, job->log.query, body);
	job->item.done = on_written;
	if (rows.count == 0) {
		on_written(&job->item, 0);
		return 0;
	}
	if (ingest_submit(job->server->ingest, &job->item))
		return 0;
	api_error_set(error, STORE_EBUSY, 252, "TOO_MANY_PARTS",
		      "Too much is waiting for the disk: try again");
	return error->code;
}
