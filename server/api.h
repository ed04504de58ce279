/*
 * A request to the query endpoint, on its way: taken apart on the loop
 * (api_query.c, api_settings.c), then run and answered on the pool
 * (api_answer.c, api_insert.c). One thread at a time has it.
 */
#ifndef API_H
#define API_H

#include "answer_cache.h"
#include "coding.h"
#include "format.h"
#include "http.h"
#include "ingest.h"
#include "loop_reply.h"
#include "query_log.h"
#include "workpool.h"

#define API_PARAMETERS_MAX 64u
#define API_QUERY_ID_BYTES 128u

struct api_job {
	struct ingest_item item; /* first: an INSERT's, for the writer */
	struct workpool_job job;
	struct server *server;
	struct reply *reply;
	struct store_arena *arena; /* owned: texts and parameters */
	struct store_str text;     /* ?query=, "" when there is none */
	struct store_str body;     /* as it came, in `coding` */
	enum coding coding, answer_coding;
	struct store_query query; /* its text: joined on the pool */
	struct store_parameter parameters[API_PARAMETERS_MAX];
	struct format_options options;
	struct store_str format; /* asked for outside the query; "" when not */
	struct http_identity who;
	struct store_request request; /* an INSERT's with a token of its own */
	struct store_str deduplication_token;
	size_t insert_bytes; /* of its rows, as they came */
	bool read_only;      /* GET */
	char query_id[API_QUERY_ID_BYTES + 1];
	int64_t began_ns; /* monotonic, when it came */
	struct query_log_entry log;
	struct query_log_view query_log; /* what `who` may see of it */
	struct store_system_table query_log_table;
	char *cache_key; /* in the arena; the rows' digest comes first */
	uint32_t cache_key_size;
	bool is_uncached, has_digest;
	const struct answer *cached; /* held; or NULL */
};

/* ---- api_error.c ----------------------------------------------------- */

/* A refused or failed query: ClickHouse's number and name with the store's
 * code, which gives the status. */
struct api_error {
	int code, number;
	const char *name; /* static */
	char text[640];
};
/* Returns `code`. */
__attribute__((format(printf, 5, 6))) int
api_error_set(struct api_error *error, int code, int number, const char *name, const char *format,
	      ...);
/* The store's error with the setting behind it; returns its code. */
int api_error_of_store(struct api_error *error, const struct store_error *from,
		       const struct api_job *job);
/* Fills the reply, and counts it. */
void api_error_answer(struct reply *reply, const struct api_error *error);

/* ---- api_settings.c -------------------------------------------------- */

/* Takes the URL's parameters into the job. 0, or error->code. */
int api_settings(h2o_req_t *req, struct api_job *job, struct api_error *error);
/* What the query's own SETTINGS say about printing. */
void api_settings_of_query(struct api_job *job, const struct store_result *result);

/* ---- api_answer.c ---------------------------------------------------- */

/* On the pool: runs the query, or hands an INSERT on, and answers. */
void api_answer_run(struct workpool_job *job);
/* Headers of every answer: query id, server, timezone. */
void api_answer_headers(struct reply *reply, const struct api_job *job);
/* Monotonic. */
int64_t api_answer_clock_ns(void);
/* Sends the reply, which has its body and headers, and frees the job. */
void api_answer_finish(struct api_job *job);
/* The same after api_error_answer. */
void api_answer_fail(struct api_job *job, const struct api_error *error);

/* ---- api_cache.c ----------------------------------------------------- */

/* Before store_query: the key, and the question that the store will ask. False:
 * out of memory. */
bool api_cache_prepare(struct api_job *job);
/* When store_query gave no result: the reply from what was kept; 0 or
 * error->code. */
int api_cache_answer(struct api_job *job, struct api_error *error);
/* Keeps the reply, of whose headers those after `headers_size` bytes belong to
 * the answer; unless the rows that were read cannot be told. */
void api_cache_put(struct api_job *job, size_t headers_size);

/* ---- api_insert.c ---------------------------------------------------- */

/* An INSERT: `text` begins with its head, `body` follows. Takes the job when it
 * returns 0, and finishes it later; else error->code. */
int api_insert(struct api_job *job, struct store_str text, struct store_str body,
	       struct api_error *error);

#endif
