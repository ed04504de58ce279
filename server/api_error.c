/*
 * What a client is told when a query fails: ClickHouse's number and name, the
 * setting that a limit comes from, the status. Must not decide what an error is.
 */
#include <inttypes.h>
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

/* Which setting an error is about, and what it says: the server's, or the
 * client's where that is lower. */
static void
put_limit(char *out, size_t size, int number, const struct api_job *job)
{
	const struct config_limits *limits = &job->server->config->limits;
	const struct store_query *query = &job->query;
	const struct {
		int number;
		const char *client, *server;
		uint64_t asked, allowed, shown; /* the first two in the client's unit */
	} all[] = {
	    {159, "max_execution_time", "query_s", query->timeout_ns / 1000000000, limits->query_s,
	     limits->query_s},
	    {241, "max_memory_usage", "query_memory_mb", query->memory_bytes_max,
	     (uint64_t)limits->query_memory_mb << 20, limits->query_memory_mb},
	    {158, "max_rows_to_group_by", "query_groups", query->groups_max, limits->query_groups,
	     limits->query_groups},
	    {396, "max_result_rows", "answer_rows", query->result_rows_max, limits->answer_rows,
	     limits->answer_rows},
	};

	out[0] = '\0';
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		bool lower = all[i].asked < all[i].allowed;

		if (all[i].number == number)
			snprintf(out, size, " (%s%s is %" PRIu64 ")", lower ? "" : "limits.",
				 lower ? all[i].client : all[i].server,
				 lower ? all[i].asked : all[i].shown);
	}
}

int
api_error_of_store(struct api_error *error, const struct store_error *from,
		   const struct api_job *job)
{
	int number = from->clickhouse;
	const char *name = from->name;
	char limit[64] = "";

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
	if (!from->by_settings)
		put_limit(limit, sizeof limit, number, job);
	return api_error_set(error, from->code, number, name, "%s%s", from->text, limit);
}
