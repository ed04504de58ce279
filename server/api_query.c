/*
 * GET|POST /query and /: a subset of ClickHouse's HTTP interface. On the loop:
 * who asks, the URL's parameters, a copy of the body; then the work pool has
 * it. Must not inflate or parse the query here: that takes time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api.h"
#include "loop.h"
#include "metrics.h"

static void
discard(struct api_job *job)
{
	store_arena_free(job->arena);
	free(job);
}

/* As ClickHouse's: 16 random bytes in hex, in groups. */
static void
make_query_id(char out[API_QUERY_ID_BYTES + 1])
{
	uint64_t random[2] = {0};

	if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random[0] = (uint64_t)http_now_ms();
	snprintf(out, API_QUERY_ID_BYTES,
		 "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
		 random[0] >> 32, random[0] >> 16 & 0xffff, random[0] & 0xfff,
		 (random[1] >> 48 & 0x3fff) | 0x8000, random[1] & 0xffffffffffff);
}

/* Copies what outlives the request. */
static bool
take_request(h2o_req_t *req, struct api_job *job)
{
	struct store_str format = http_header(req, "x-clickhouse-format");
	struct store_str agent = http_header(req, "user-agent");
	char *bytes = store_arena_alloc(job->arena, req->entity.len + format.size + agent.size);

	if (bytes == NULL)
		return false;
	if (req->entity.len > 0)
		memcpy(bytes, req->entity.base, req->entity.len);
	if (format.size > 0)
		memcpy(bytes + req->entity.len, format.bytes, format.size);
	job->body = (struct store_str){bytes, (uint32_t)req->entity.len};
	job->format = (struct store_str){bytes + req->entity.len, format.size};
	if (agent.size > 0)
		memcpy(bytes + req->entity.len + format.size, agent.bytes, agent.size);
	job->log.user_agent = (struct store_str){bytes + req->entity.len + format.size, agent.size};
	job->answer_coding = coding_accepted(http_header(req, "accept-encoding"));
	job->read_only = !h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST"));
	return true;
}

static struct api_job *
create_job(h2o_req_t *req, const struct http_identity *who)
{
	struct server *server = loop_server(req);
	struct api_job *job = calloc(1, sizeof *job);

	if (job == NULL || (job->arena = store_arena_create((size_t)2 << 30)) == NULL ||
	    !take_request(req, job)) {
		if (job != NULL)
			store_arena_free(job->arena);
		free(job);
		return NULL;
	}
	job->job.run = api_answer_run;
	job->server = server;
	job->who = *who;
	job->began_ns = api_answer_clock_ns();
	job->query.now_ms = http_now_ms();
	job->query.parameters = job->parameters;
	job->query.timeout_ns = (uint64_t)server->config->limits.query_s * 1000000000;
	job->query.memory_bytes_max = (size_t)server->config->limits.query_memory_mb << 20;
	job->query.threads = server->config->limits.query_threads;
	job->query_log = (struct query_log_view){
	    server->query_log, auth_allows(who->roles, AUTH_ADMIN) ? NULL : job->who.name};
	job->query_log_table =
	    (struct store_system_table){"query_log", query_log_fill, &job->query_log};
	job->query.tables = &job->query_log_table;
	job->query.tables_count = 1;
	job->query.groups_max = server->config->limits.query_groups;
	job->query.result_rows_max = server->config->limits.answer_rows;
	job->options.bytes_max = (size_t)server->config->limits.answer_mb << 20;
	make_query_id(job->query_id);
	return job;
}

/* Nothing has run: the loop answers itself. */
static int
refuse(h2o_req_t *req, struct api_job *job, const struct api_error *error)
{
	struct reply *reply = loop_reply_create(req);

	if (reply != NULL) {
		api_answer_headers(reply, job);
		api_error_answer(reply, error);
		reply->retry_after_s = reply->status == 503 ? 1 : 0;
	}
	discard(job);
	if (reply == NULL)
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	loop_reply_send_now(reply);
	return 0;
}

static int
submit(h2o_req_t *req, struct api_job *job)
{
	struct server *server = job->server;
	struct api_error error;

	if ((job->reply = loop_reply_create(req)) == NULL) {
		discard(job);
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	}
	job->query.cancel = (const volatile int *)&job->reply->cancelled;
	atomic_fetch_add(&server->private_bytes, job->body.size);
	if (workpool_submit(server->pool, &job->job))
		return 0;
	atomic_fetch_sub(&server->private_bytes, job->body.size);
	metrics_add(METRICS_queries_overload, 1);
	loop_reply_discard(job->reply);
	api_error_set(&error, STORE_EBUSY, 202, "TOO_MANY_SIMULTANEOUS_QUERIES",
		      "Too many queries at once (limits.queries)");
	return refuse(req, job, &error);
}

int
api_query(h2o_req_t *req)
{
	struct http_identity who;
	struct api_error error;
	struct api_job *job;

	if (!http_authorize_as(req, (enum auth_role)(AUTH_QUERY | AUTH_IMPORT), true, &who))
		return 0;
	if (req->entity.len > HTTP_PRIVATE_BYTES_MAX)
		return http_answer(req, 413, "Payload Too Large", "a body has at most 16 MiB");
	if (atomic_load(&loop_server(req)->private_bytes) + req->entity.len >
		HTTP_BUFFERED_BYTES_MAX ||
	    (job = create_job(req, &who)) == NULL)
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	if (!coding_find(http_header(req, "content-encoding"), &job->coding)) {
		api_error_set(&error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
			      "Content-Encoding: use gzip or zstd");
		return refuse(req, job, &error);
	}
	if (api_settings(req, job, &error) != 0)
		return refuse(req, job, &error);
	if (job->text.size == 0 && job->body.size == 0) {
		api_error_set(&error, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
			      "Empty query: send it in the body or in ?query=");
		return refuse(req, job, &error);
	}
	return submit(req, job);
}

int
api_root(h2o_req_t *req)
{
	struct store_str text;

	if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST")) ||
	    http_parameter(req, "query", &text))
		return api_query(req);
	return static_file(req);
}
