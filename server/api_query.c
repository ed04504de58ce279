/*
 * GET|POST /query: a subset of ClickHouse's HTTP interface. The request is
 * taken apart on the loop thread; the query and its formatting run on the work
 * pool.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "loop.h"
#include "metrics.h"

#define PARAMETERS_MAX 64u

struct query_job {
	struct workpool_job job;
	struct server *server;
	struct reply *reply;
	struct store_arena *arena; /* owned: text and parameters */
	struct store_query query;
	struct store_parameter parameters[PARAMETERS_MAX];
	struct format_options options;
	struct store_str format; /* asked for outside the query; "" when not */
};

/* ---- errors ---------------------------------------------------------- */

/* HTTP status of a STORE_E... with its ClickHouse number. */
static int
status_of(int code, int number)
{
	switch (code) {
	case STORE_ESYNTAX:
	case STORE_ETYPE:
	case STORE_EINVAL:
		return 400;
	case STORE_EUNKNOWN:
		return 404;
	case STORE_ETIMEOUT:
		return 408;
	case STORE_ENOTIMPL:
		return 501;
	case STORE_EBUSY:
		return 503;
	default:
		return number == 62 ? 400 : 500; /* too long a query */
	}
}

static const char *
reason_of(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 408:
		return "Request Timeout";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

static void
set_error(struct reply *reply, int code, int number, const char *name, const char *text)
{
	char *body = malloc(1024);

	metrics_add(METRICS_queries_failed, 1);
	reply->status = status_of(code, number);
	reply->reason = reason_of(reply->status);
	reply->content_type = "text/plain; charset=UTF-8";
	snprintf(reply->exception_code, sizeof reply->exception_code, "%d", number);
	if (body != NULL)
		reply->body_size = (size_t)snprintf(
		    body, 1024, "Code: %d. DB::Exception: %s (%s)\n", number, text, name);
	reply->body = body;
}

/* Errors of the store that no query number was given. */
static void
set_store_error(struct reply *reply, const struct store_error *error)
{
	int number = error->clickhouse;
	const char *name = error->name;

	if (number == 0) {
		number = error->code == STORE_ENOMEM || error->code == STORE_ELIMIT ? 241
			 : error->code == STORE_ECORRUPT                            ? 246
			 : error->code == STORE_ESYNTAX                             ? 62
										    : 1000;
		name = number == 241   ? "MEMORY_LIMIT_EXCEEDED"
		       : number == 246 ? "CORRUPTED_DATA"
		       : number == 62  ? "SYNTAX_ERROR"
				       : "STORE_ERROR";
	}
	set_error(reply, error->code, number, name, error->text);
}

/* ---- on the pool ----------------------------------------------------- */

static enum format
choose_format(const struct query_job *job, const struct store_result *result)
{
	if (result->format.size > 0)
		return format_find(result->format);
	return job->format.size > 0 ? format_find(job->format) : FORMAT_TSV;
}

static void
set_result(struct query_job *job, const struct store_result *result)
{
	struct reply *reply = job->reply;
	enum format format = choose_format(job, result);

	if (format == FORMAT_UNKNOWN) {
		set_error(reply, STORE_EUNKNOWN, 73, "UNKNOWN_FORMAT",
			  "Unknown format: use JSON, JSONCompact, JSONEachRow, CSV, TabSeparated, "
			  "Pretty, Native or one of their kin");
		return;
	}
	if (format_result(format, result, &job->options, &reply->body, &reply->body_size) != 0) {
		set_error(reply, STORE_ELIMIT, 396, "TOO_MANY_ROWS_OR_BYTES",
			  "The answer is too large: add a LIMIT");
		return;
	}
	metrics_add(METRICS_queries, 1);
	reply->status = 200;
	reply->reason = "OK";
	reply->content_type = format_content_type(format);
	snprintf(reply->summary, sizeof reply->summary,
		 "{\"read_rows\":\"%" PRIu64 "\",\"read_bytes\":\"%" PRIu64
		 "\",\"result_rows\":\"%" PRIu64 "\",\"elapsed_ns\":\"%" PRIu64 "\"}",
		 result->rows_read, result->bytes_read, result->rows_count, result->elapsed_ns);
}

static void
run(struct workpool_job *pool_job)
{
	struct query_job *job = (struct query_job *)pool_job;
	struct store_result *result = NULL;
	struct store_error error = {0};
	struct reply *reply = job->reply;

	if (store_query(job->server->store, &job->query, &result, &error) == 0)
		set_result(job, result);
	else
		set_store_error(reply, &error);
	store_result_free(result);
	store_arena_free(job->arena);
	free(job);
	loop_reply_send(reply);
}

/* ---- taking the request apart ---------------------------------------- */

struct parsing {
	struct query_job *job;
	struct store_str text; /* ?query= */
	char unknown[64];      /* a setting that nobody knows */
	bool failed;
};

static bool
is(struct store_str name, const char *word)
{
	return strlen(word) == name.size && memcmp(word, name.bytes, name.size) == 0;
}

static bool
is_ignored(struct store_str name)
{
	static const char *const names[] = {"user",
					    "password",
					    "database",
					    "query_id",
					    "session_id",
					    "session_timeout",
					    "role",
					    "quota_key",
					    "wait_end_of_query",
					    "buffer_size",
					    "send_progress_in_http_headers",
					    "http_headers_progress_interval_ms",
					    "cancel_http_readonly_queries_on_client_close",
					    "date_time_input_format",
					    "cast_string_to_dynamic_use_inference",
					    "max_threads",
					    "add_http_cors_header",
					    "enable_http_compression",
					    "output_format_json_quote_denormals",
					    "readonly",
					    "compress"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (is(name, names[i]))
			return true;
	}
	return false;
}

/* Values of query parameters are TSV-escaped. */
static struct store_str
unescape(struct store_str value, struct store_arena *arena)
{
	char *out = store_arena_alloc(arena, value.size);
	uint32_t size = 0;

	for (uint32_t i = 0; out != NULL && i < value.size; i++) {
		char c = value.bytes[i];

		if (c == '\\' && i + 1 < value.size) {
			c = value.bytes[++i];
			c = c == 'n'   ? '\n'
			    : c == 't' ? '\t'
			    : c == 'r' ? '\r'
			    : c == '0' ? '\0'
				       : c;
		}
		out[size++] = c;
	}
	return (struct store_str){out, size};
}

static uint64_t
number_of(struct store_str value)
{
	char digits[24] = "";

	memcpy(digits, value.bytes, value.size < sizeof digits ? value.size : sizeof digits - 1);
	return strtoull(digits, NULL, 10);
}

static struct store_str
copy(struct store_str text, struct store_arena *arena)
{
	char *bytes = store_arena_alloc(arena, text.size);

	if (bytes != NULL && text.size > 0)
		memcpy(bytes, text.bytes, text.size);
	return (struct store_str){bytes, bytes == NULL ? 0 : text.size};
}

static void
take_parameter(void *context, struct store_str name, struct store_str value)
{
	struct parsing *parsing = context;
	struct query_job *job = parsing->job;
	uint64_t seconds;

	if (is(name, "query")) {
		parsing->text = value;
	} else if (is(name, "default_format")) {
		job->format = copy(value, job->arena);
	} else if (is(name, "max_execution_time")) {
		seconds = number_of(value);
		if (seconds > 0 && seconds * 1000000000 < job->query.timeout_ns)
			job->query.timeout_ns = seconds * 1000000000;
	} else if (is(name, "output_format_json_quote_64bit_integers")) {
		job->options.quote_64bit_integers = is(value, "1");
	} else if (name.size > 6 && memcmp(name.bytes, "param_", 6) == 0) {
		struct store_parameter *parameter = &job->parameters[job->query.parameters_count];

		parsing->failed |= job->query.parameters_count == PARAMETERS_MAX;
		if (parsing->failed)
			return;
		parameter->name =
		    copy((struct store_str){name.bytes + 6, name.size - 6}, job->arena);
		parameter->value = unescape(value, job->arena);
		job->query.parameters_count++;
	} else if (!is_ignored(name) && parsing->unknown[0] == '\0') {
		snprintf(parsing->unknown, sizeof parsing->unknown, "%.*s", (int)name.size,
			 name.bytes);
	}
}

/* ?query=, a newline, and the body. */
static bool
join_text(h2o_req_t *req, struct parsing *parsing)
{
	struct query_job *job = parsing->job;
	size_t size = parsing->text.size + req->entity.len + 1;
	char *text;

	if (size > HTTP_PRIVATE_BYTES_MAX || (text = store_arena_alloc(job->arena, size)) == NULL)
		return false;
	size = 0;
	if (parsing->text.size > 0) {
		memcpy(text, parsing->text.bytes, parsing->text.size);
		size = parsing->text.size;
		text[size++] = '\n';
	}
	if (req->entity.len > 0)
		memcpy(text + size, req->entity.base, req->entity.len);
	job->query.text = (struct store_str){text, (uint32_t)(size + req->entity.len)};
	return true;
}

static void
discard(struct query_job *job)
{
	store_arena_free(job->arena);
	free(job);
}

static int
answer_error(h2o_req_t *req, struct query_job *job, int code, int number, const char *name,
	     const char *text)
{
	struct reply *reply = loop_reply_create(req);

	if (job != NULL)
		discard(job);
	if (reply == NULL)
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	set_error(reply, code, number, name, text);
	reply->retry_after_s = reply->status == 503 ? 1 : 0;
	loop_reply_send_now(reply);
	return 0;
}

static struct query_job *
create_job(h2o_req_t *req)
{
	struct server *server = loop_server(req);
	struct query_job *job = calloc(1, sizeof *job);

	if (job == NULL || (job->arena = store_arena_create(0)) == NULL) {
		free(job);
		return NULL;
	}
	job->job.run = run;
	job->server = server;
	job->format = copy(http_header(req, "x-clickhouse-format"), job->arena);
	job->query.now_ms = http_now_ms();
	job->query.parameters = job->parameters;
	job->query.timeout_ns = (uint64_t)server->config->limits.query_s * 1000000000;
	job->query.memory_bytes_max = (size_t)server->config->limits.query_memory_mb << 20;
	return job;
}

int
api_query(h2o_req_t *req)
{
	struct parsing parsing = {0};
	struct query_job *job;

	if (!http_authorize(req, AUTH_QUERY, true))
		return 0;
	if (req->entity.len > HTTP_PRIVATE_BYTES_MAX)
		return http_answer(req, 413, "Payload Too Large", "a query has at most 256 KiB");
	if ((job = create_job(req)) == NULL)
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	parsing.job = job;
	http_parameters(req, take_parameter, &parsing);
	if (parsing.unknown[0] != '\0') {
		char text[128];

		snprintf(text, sizeof text, "Unknown setting '%s'", parsing.unknown);
		return answer_error(req, job, STORE_EUNKNOWN, 115, "UNKNOWN_SETTING", text);
	}
	if (parsing.failed || !join_text(req, &parsing))
		return answer_error(req, job, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
				    "Too many parameters, or too long a query");
	if (job->query.text.size == 0)
		return answer_error(req, job, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
				    "Empty query: send it in the body or in ?query=");
	if ((job->reply = loop_reply_create(req)) == NULL) {
		discard(job);
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	}
	job->query.cancel = (const volatile int *)&job->reply->cancelled;
	if (workpool_submit(job->server->pool, &job->job))
		return 0;
	metrics_add(METRICS_queries_overload, 1);
	loop_reply_discard(job->reply);
	return answer_error(req, job, STORE_EBUSY, 202, "TOO_MANY_SIMULTANEOUS_QUERIES",
			    "Too many queries at once");
}
