/*
 * POST /admin/erase and /admin/backup: authorised and taken apart on the loop,
 * run on the work pool. Between http.h and the store's own calls. Must let only
 * one of them run at a time, for each keeps a thread of the pool.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "log.h"
#include "loop.h"
#include "loop_reply.h"
#include "metrics.h"

struct admin_job {
	struct workpool_job job;
	struct server *server;
	struct reply *reply;
	bool (*work)(struct admin_job *job, struct store_error *error);
	char text[PATH_MAX];      /* site, session or directory: NUL-terminated */
	uint32_t size;            /* of it */
	uint64_t session;         /* erase: 0 when it is a site */
	char what[PATH_MAX + 32]; /* for the log */
};

/* ---- texts ----------------------------------------------------------- */

bool
admin_session(const char *text, uint64_t *session)
{
	*session = 0;
	if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
		return false;
	*session = strtoull(text, NULL, 16);
	return *session != 0; /* 0 is what rows without a session have */
}

bool
admin_site(size_t size)
{
	return size >= 1 && size <= ADMIN_SITE_BYTES_MAX;
}

/* ---- on the pool ----------------------------------------------------- */

static int
status_of(int code)
{
	switch (code) {
	case STORE_EINVAL:
		return 400;
	case STORE_EVERSION:
		return 409;
	case STORE_EFULL:
		return 507;
	case STORE_EBUSY:
	case STORE_ENOMEM:
		return 503;
	default:
		return 500;
	}
}

static const char *
reason_of(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 409:
		return "Conflict";
	case 503:
		return "Service Unavailable";
	case 507:
		return "Insufficient Storage";
	default:
		return "Internal Server Error";
	}
}

static void __attribute__((format(printf, 2, 3)))
set_answer(struct admin_job *job, const char *format, ...)
{
	struct reply *reply = job->reply;
	va_list arguments;
	int size;

	reply->status = 200;
	reply->reason = "OK";
	reply->content_type = "application/json";
	va_start(arguments, format);
	size = vasprintf(&reply->body, format, arguments);
	va_end(arguments);
	if (size < 0)
		reply->body = NULL;
	reply->body_size = size < 0 ? 0 : (size_t)size;
}

static bool
erase(struct admin_job *job, struct store_error *error)
{
	struct store_erasure erasure = {.number = job->session};
	uint64_t rows_count = 0;

	if (job->session == 0)
		erasure.sort = (struct store_str){job->text, job->size};
	if (store_erase(job->server->store, &erasure, &rows_count, error) != 0)
		return false;
	log_line("admin: %s: %" PRIu64 " rows are erased", job->what, rows_count);
	set_answer(job, "{\"rows\":%" PRIu64 "}\n", rows_count);
	return true;
}

static bool
backup(struct admin_job *job, struct store_error *error)
{
	struct store_backup_counts counts;

	if (store_backup(job->server->store, job->text, &counts, error) != 0)
		return false;
	log_line("admin: %s: done, %" PRIu64 " segments and %" PRIu64 " bytes of WAL", job->what,
		 counts.segments, counts.wal_bytes);
	set_answer(job,
		   "{\"segments\":%" PRIu64 ",\"segment_bytes\":%" PRIu64
		   ",\"segment_rows\":%" PRIu64 ",\"wal_bytes\":%" PRIu64 "}\n",
		   counts.segments, counts.segment_bytes, counts.segment_rows, counts.wal_bytes);
	return true;
}

static void
run(struct workpool_job *pool_job)
{
	struct admin_job *job = (struct admin_job *)pool_job;
	struct reply *reply = job->reply;
	struct store_error error = {0};

	if (!job->work(job, &error)) {
		log_line("admin: %s: failed: %s", job->what, error.text);
		set_answer(job, "%s\n", error.text);
		reply->status = status_of(error.code);
		reply->reason = reason_of(reply->status);
		reply->content_type = "text/plain; charset=utf-8";
		reply->retry_after_s = reply->status == 503 ? 10 : 0;
	}
	atomic_store(&job->server->admin_runs, 0);
	free(job);
	loop_reply_send(reply);
}

/* ---- on the loop ----------------------------------------------------- */

struct parameters {
	const char *const names[2]; /* that are known; "" for none */
	struct store_str values[2];
	bool given[2];
	char wrong[160]; /* "" or what is wrong */
};

/* A word too many may be a misspelt one: nothing is erased then. */
static void
take_parameter(void *context, struct store_str name, struct store_str value)
{
	struct parameters *parameters = context;

	for (int i = 0; i < 2; i++) {
		if (strlen(parameters->names[i]) != name.size || name.size == 0 ||
		    memcmp(parameters->names[i], name.bytes, name.size) != 0)
			continue;
		if (parameters->given[i])
			snprintf(parameters->wrong, sizeof parameters->wrong, "%s: given twice",
				 parameters->names[i]);
		parameters->given[i] = true;
		parameters->values[i] = value;
		return;
	}
	if (name.size != 8 || memcmp(name.bytes, "password", 8) != 0)
		snprintf(parameters->wrong, sizeof parameters->wrong, "%.*s: unknown parameter",
			 (int)(name.size < 64 ? name.size : 64), name.bytes);
}

/* False: too long. */
static bool
set_text(struct admin_job *job, struct store_str value)
{
	if (value.size >= sizeof job->text)
		return false;
	if (value.size > 0)
		memcpy(job->text, value.bytes, value.size);
	job->text[value.size] = '\0';
	job->size = value.size;
	return true;
}

/* NULL, or what is wrong. */
static const char *
parse_erase(h2o_req_t *req, struct admin_job *job, struct parameters *parameters)
{
	http_parameters(req, take_parameter, parameters);
	if (parameters->wrong[0] != '\0')
		return parameters->wrong;
	if (parameters->given[0] == parameters->given[1])
		return "give ?session=ID or ?site=KEY";
	if (parameters->given[0] && (!set_text(job, parameters->values[0]) || job->size != 16 ||
				     !admin_session(job->text, &job->session)))
		return "session: expected 16 hex digits, not all 0";
	if (parameters->given[1] &&
	    (!set_text(job, parameters->values[1]) || !admin_site(job->size)))
		return "site: expected 1 to 64 bytes";
	job->work = erase;
	snprintf(job->what, sizeof job->what, "erase %s %s",
		 parameters->given[0] ? "session" : "site", job->text);
	return NULL;
}

static const char *
parse_backup(h2o_req_t *req, struct admin_job *job, struct parameters *parameters)
{
	http_parameters(req, take_parameter, parameters);
	if (parameters->wrong[0] != '\0')
		return parameters->wrong;
	if (!parameters->given[0])
		return "give ?to=DIR";
	if (!set_text(job, parameters->values[0]) || job->text[0] != '/' ||
	    strlen(job->text) != job->size)
		return "to: expected an absolute path";
	job->work = backup;
	snprintf(job->what, sizeof job->what, "backup to %s", job->text);
	return NULL;
}

/* Takes the job. */
static int
submit(h2o_req_t *req, struct admin_job *job)
{
	struct server *server = loop_server(req);
	char name[AUTH_NAME_BYTES], address[64];
	int idle = 0;

	http_token_name(req, name);
	http_address(address);
	log_line("admin: %s: asked for by %s from %s", job->what, name, address);
	if (!atomic_compare_exchange_strong(&server->admin_runs, &idle, 1)) {
		free(job);
		return http_answer_retry(req, 503, "Service Unavailable",
					 "another erasure or backup is running");
	}
	job->server = server;
	job->job.run = run;
	if ((job->reply = loop_reply_create(req)) != NULL &&
	    workpool_submit(server->pool, &job->job))
		return 0;
	atomic_store(&server->admin_runs, 0);
	if (job->reply != NULL)
		loop_reply_discard(job->reply);
	free(job);
	return http_answer_retry(req, 503, "Service Unavailable", "too much is waiting: try again");
}

static int
request(h2o_req_t *req, struct parameters *parameters,
	const char *(*parse)(h2o_req_t *req, struct admin_job *job, struct parameters *parameters))
{
	struct admin_job *job;
	const char *wrong;

	if (!http_authorize(req, AUTH_ADMIN, false))
		return 0;
	if ((job = calloc(1, sizeof *job)) == NULL)
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	if ((wrong = parse(req, job, parameters)) == NULL)
		return submit(req, job);
	http_answer(req, 400, "Bad Request", wrong);
	free(job);
	return 0;
}

int
admin_erase(h2o_req_t *req)
{
	struct parameters parameters = {.names = {"session", "site"}};

	return request(req, &parameters, parse_erase);
}

int
admin_backup(h2o_req_t *req)
{
	struct parameters parameters = {.names = {"to", ""}};

	return request(req, &parameters, parse_backup);
}
