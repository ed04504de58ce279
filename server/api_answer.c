/*
 * From a query's job to its answer, on the pool: inflate, run, print, deflate.
 * Answers are whole before they are sent, so that the status is always true.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "import.h"
#include "insert.h"
#include "metrics.h"

#define DEFLATED_BYTES_MIN 1024u /* shorter ones fit a packet as they are */
#define ANSWERS_HELD 4u          /* times limits.answer_mb, of all clients together */
#define TEXT_BYTES_MAX ((size_t)256 << 10)

/* ---- sending --------------------------------------------------------- */

void
api_answer_headers(struct reply *reply, const struct api_job *job)
{
	loop_reply_header(reply, "x-clickhouse-query-id", job->query_id);
	loop_reply_header(reply, "x-clickhouse-server-display-name", "drum");
	loop_reply_header(reply, "x-clickhouse-timezone", "UTC");
}

int64_t
api_answer_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
log_query(struct api_job *job)
{
	struct query_log_entry *entry = &job->log;
	int64_t elapsed_ns = api_answer_clock_ns() - job->began_ns;

	entry->began_ms = job->query.now_ms;
	entry->elapsed_us = (uint64_t)elapsed_ns / 1000;
	entry->query_id = (struct store_str){job->query_id, (uint32_t)strlen(job->query_id)};
	entry->user = (struct store_str){job->who.name, (uint32_t)strlen(job->who.name)};
	query_log_add(job->server->query_log, entry);
	metrics_add_query_ns(elapsed_ns);
	metrics_add(METRICS_query_rows_read, (int64_t)entry->read_rows);
	metrics_add(METRICS_query_bytes_read, (int64_t)entry->read_bytes);
}

void
api_answer_finish(struct api_job *job)
{
	log_query(job);
	metrics_add(METRICS_queries_running, -1);
	atomic_fetch_sub(&job->server->private_bytes, job->body.size);
	loop_reply_send(job->reply);
	store_arena_free(job->arena);
	free(job);
}

void
api_answer_fail(struct api_job *job, const struct api_error *error)
{
	api_error_answer(job->reply, error);
	job->log.exception_code = error->number;
	job->log.exception = (struct store_str){error->text, (uint32_t)strlen(error->text)};
	api_answer_finish(job);
}

static void
deflate_body(struct api_job *job)
{
	struct reply *reply = job->reply;

	loop_reply_header(reply, "vary", "accept-encoding");
	if (reply->body_size >= DEFLATED_BYTES_MIN &&
	    coding_deflate(job->answer_coding, &reply->body, &reply->body_size))
		loop_reply_header(reply, "content-encoding", coding_name(job->answer_coding));
}

/* ---- the answer ------------------------------------------------------ */

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static enum format
choose_format(const struct api_job *job, const struct store_result *result)
{
	if (result->format.size > 0)
		return format_find(result->format);
	return job->format.size > 0 ? format_find(job->format) : FORMAT_TSV;
}

static void
add_result_headers(struct reply *reply, const struct store_result *result, enum format format)
{
	char summary[320];

	snprintf(
	    summary, sizeof summary,
	    "{\"read_rows\":\"%" PRIu64 "\",\"read_bytes\":\"%" PRIu64
	    "\",\"written_rows\":\"0\",\"written_bytes\":\"0\",\"total_rows_to_read\":\"%" PRIu64
	    "\",\"result_rows\":\"%" PRIu64 "\",\"result_bytes\":\"%zu\",\"elapsed_ns\":\"%" PRIu64
	    "\",\"memory_usage\":\"%" PRIu64 "\"}",
	    result->rows_read, result->bytes_read, result->rows_read, result->rows_count,
	    reply->body_size, result->elapsed_ns, result->memory_peak_bytes);
	loop_reply_header(reply, "x-clickhouse-summary", summary);
	loop_reply_header(reply, "x-clickhouse-format", format_name(format));
	if (result->weighted)
		loop_reply_header(reply, "x-drum-weighted", "1");
}

static int
print_result(struct api_job *job, const struct store_result *result, struct api_error *error)
{
	struct reply *reply = job->reply;
	enum format format = choose_format(job, result);
	size_t headers_size;
	int code;

	if (format == FORMAT_UNKNOWN) {
		return api_error_set(
		    error, STORE_EUNKNOWN, 73, "UNKNOWN_FORMAT",
		    "Unknown format: use JSON, JSONCompact, JSONEachRow, CSV, TabSeparated, "
		    "Pretty, Native or one of their kin");
	}
	api_settings_of_query(job, result);
	code = format_result(format, result, &job->options, &reply->body, &reply->body_size);
	if (code == STORE_ENOMEM)
		api_error_set(error, code, 241, "MEMORY_LIMIT_EXCEEDED",
			      "Out of memory while the answer was written");
	else if (code != 0)
		api_error_set(error, code, 396, "TOO_MANY_ROWS_OR_BYTES",
			      "The answer is longer than %zu MiB (limits.answer_mb): add a LIMIT",
			      job->options.bytes_max >> 20);
	if (code != 0)
		return code;
	reply->status = 200;
	reply->reason = "OK";
	reply->content_type = format_content_type(format);
	headers_size = reply->headers_size;
	add_result_headers(reply, result, format);
	job->log.format = str(format_name(format));
	job->log.result_rows = result->rows_count;
	job->log.read_rows = result->rows_read;
	job->log.read_bytes = result->bytes_read;
	job->log.memory_bytes = result->memory_peak_bytes;
	job->log.result_bytes = reply->body_size;
	deflate_body(job);
	api_cache_put(job, headers_size);
	return 0;
}

/* ---- running --------------------------------------------------------- */

/* ?query=, a newline, and the body. */
static int
join_text(struct api_job *job, struct store_str body, struct api_error *error)
{
	size_t size = (size_t)job->text.size + body.size + 1;
	char *text;

	if (size > TEXT_BYTES_MAX + 1) {
		return api_error_set(error, STORE_ELIMIT, 62, "SYNTAX_ERROR",
				     "A query has at most %zu KiB", TEXT_BYTES_MAX >> 10);
	}
	if ((text = store_arena_alloc(job->arena, size)) == NULL) {
		return api_error_set(error, STORE_ENOMEM, 241, "MEMORY_LIMIT_EXCEEDED",
				     "Out of memory");
	}
	size = 0;
	if (job->text.size > 0) {
		memcpy(text, job->text.bytes, job->text.size);
		size = job->text.size;
		text[size++] = '\n';
	}
	if (body.size > 0)
		memcpy(text + size, body.bytes, body.size);
	job->query.text = (struct store_str){text, (uint32_t)(size + body.size)};
	job->log.query = job->query.text;
	return 0;
}

static int
inflate_body(struct api_job *job, struct store_str *body, struct api_error *error)
{
	const char *wrong = "";
	int code = coding_inflate(job->coding, job->body, IMPORT_INFLATED_BYTES_MAX, job->arena,
				  body, &wrong);

	if (code == STORE_ENOMEM)
		api_error_set(error, code, 241, "MEMORY_LIMIT_EXCEEDED", "Out of memory");
	else if (code == STORE_ELIMIT)
		api_error_set(error, code, 241, "MEMORY_LIMIT_EXCEEDED",
			      "The body has more than 128 MiB when inflated");
	else if (code != 0)
		api_error_set(error, code, 354, "ZLIB_INFLATE_FAILED", "The body: %s", wrong);
	return code;
}

static int
run_query(struct api_job *job, struct store_str body, struct api_error *error)
{
	struct store_result *result = NULL;
	struct store_error failed = {0};
	uint32_t headers_size = job->reply->headers_size;
	int code = join_text(job, body, error);

	if (code != 0)
		return code;
	if (!auth_allows(job->who.roles, AUTH_QUERY)) {
		return api_error_set(error, STORE_EINVAL, 497, "ACCESS_DENIED",
				     "The token has not the role query");
	}
	if (!api_cache_prepare(job))
		return api_error_set(error, STORE_ENOMEM, 241, "MEMORY_LIMIT_EXCEEDED",
				     "Out of memory");
	if (store_query(job->server->store, &job->query, &result, &failed) != 0)
		return api_error_of_store(error, &failed, job);
	code = result == NULL ? api_cache_answer(job, error) : print_result(job, result, error);
	store_result_free(result);
	if (code == 0 && !loop_reply_hold(job->reply, ANSWERS_HELD * job->options.bytes_max)) {
		job->reply->headers_size = headers_size; /* they are of that body */
		code = api_error_set(error, STORE_EBUSY, 202, "TOO_MANY_SIMULTANEOUS_QUERIES",
				     "Clients have yet to read %u answers' worth of "
				     "limits.answer_mb: try again",
				     ANSWERS_HELD);
	}
	if (code == 0)
		metrics_add(METRICS_queries, 1);
	return code;
}

void
api_answer_run(struct workpool_job *pool_job)
{
	struct api_job *job = (struct api_job *)((char *)pool_job - offsetof(struct api_job, job));
	struct api_error error = {0};
	struct store_str body;
	int code = inflate_body(job, &body, &error);

	metrics_add(METRICS_queries_running, 1);
	job->log.kind = "Select";
	api_answer_headers(job->reply, job);
	if (code == 0 && insert_is(job->text.size > 0 ? job->text : body)) {
		bool split = job->text.size > 0;

		code = api_insert(job, split ? job->text : body,
				  split ? body : (struct store_str){"", 0}, &error);
		if (code == 0)
			return; /* the writer has it */
	} else if (code == 0) {
		code = run_query(job, body, &error);
	}
	if (code != 0)
		api_answer_fail(job, &error);
	else
		api_answer_finish(job);
}
