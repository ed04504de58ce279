/*
 * What a client is told when a query fails: ClickHouse's number and name, the
 * setting that a limit comes from, the status. Must not decide what an error is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "metrics.h"

int
api_error_set(struct api_error *error, int code, int number, const char *name, const char *format,
	      ...)
{
	va_list arguments;

	error->code = code;
	error->number = number;
	error->name = name;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	return code;
}

/* HTTP status of a STORE_E... with its ClickHouse number. */
static int
status_of(int code, int number)
{
	if (number == 497)
		return 403;
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
	case STORE_EFULL:
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
	case 403:
		return "Forbidden";
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

void
api_error_answer(struct reply *reply, const struct api_error *error)
{
	size_t size = sizeof error->text + 128;
	char *body = malloc(size), number[16];

	metrics_add(METRICS_queries_failed, 1);
	if (error->number == 159)
		metrics_add(METRICS_queries_timeout, 1);
	else if (error->number == 394)
		metrics_add(METRICS_queries_cancelled, 1);
	else if (error->number == 158 || error->number == 241 || error->number == 396)
		metrics_add(METRICS_queries_limited, 1);
	free(reply->body);
	reply->body_size = 0;
	reply->status = status_of(error->code, error->number);
	reply->reason = reason_of(reply->status);
	reply->retry_after_s = reply->status == 503 ? 1 : 0;
	reply->content_type = "text/plain; charset=UTF-8";
	snprintf(number, sizeof number, "%d", error->number);
	loop_reply_header(reply, "x-clickhouse-exception-code", number);
	if (body != NULL)
		reply->body_size =
		    (size_t)snprintf(body, size, "Code: %d. DB::Exception: %s (%s)\n",
				     error->number, error->text, error->name);
	reply->body = body;
}

/* Which setting an error is about, and what it says. */
static void
put_limit(char *out, size_t size, int number, const struct api_job *job)
{
	const struct config_limits *limits = &job->server->config->limits;
	uint64_t seconds = job->query.timeout_ns / 1000000000;

	out[0] = '\0';
	if (number == 159 && seconds < limits->query_s)
		snprintf(out, size, " (max_execution_time is %u)", (unsigned)seconds);
	else if (number == 159)
		snprintf(out, size, " (limits.query_s is %u)", limits->query_s);
	else if (number == 241)
		snprintf(out, size, " (limits.query_memory_mb is %u)", limits->query_memory_mb);
	else if (number == 158)
		snprintf(out, size, " (limits.query_groups is %u)", limits->query_groups);
	else if (number == 396)
		snprintf(out, size, " (limits.answer_rows is %u)", limits->answer_rows);
}

int
api_error_of_store(struct api_error *error, const struct store_error *from,
		   const struct api_job *job)
{
	int number = from->clickhouse;
	const char *name = from->name;
	char limit[64];

	if (number == 0) {
		number = from->code == STORE_ENOMEM || from->code == STORE_ELIMIT ? 241
			 : from->code == STORE_ECORRUPT                           ? 246
			 : from->code == STORE_ESYNTAX                            ? 62
										  : 1000;
		name = number == 241   ? "MEMORY_LIMIT_EXCEEDED"
		       : number == 246 ? "CORRUPTED_DATA"
		       : number == 62  ? "SYNTAX_ERROR"
				       : "STORE_ERROR";
	}
	put_limit(limit, sizeof limit, number, job);
	return api_error_set(error, from->code, number, name, "%s%s", from->text, limit);
}
