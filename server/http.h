/*
 * The routes, and what all handlers share.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdatomic.h>

#include <h2o.h>

#include "audit.h"
#include "auth.h"
#include "config.h"
#include "event.h"
#include "ingest.h"
#include "settings.h"
#include "workpool.h"

#define HTTP_BEACON_BYTES_MAX (64u << 10)
#define HTTP_PUBLIC_BYTES_MAX (96u << 10)  /* libh2o's own cap, above ours */
#define HTTP_PRIVATE_BYTES_MAX (16u << 20) /* our cap on private bodies */
#define HTTP_PRIVATE_HARD_BYTES_MAX (17u << 20)
#define HTTP_BUFFERED_BYTES_MAX ((uint64_t)128 << 20) /* of bodies that workers hold */

/* Everything handlers need; lives as long as the process serves. */
struct server {
	const struct config *config; /* as the server was started */
	struct settings_place *settings;
	struct store *store;
	struct enricher *enricher;
	struct join *join;
	struct auth *auth;
	struct audit *audit; /* NULL: none */
	struct ingest *ingest;
	struct workpool *pool;
	struct query_log *query_log;
	struct answer_cache *cache;
	_Atomic int ready, stopping;
	_Atomic uint32_t connections;
	_Atomic uint32_t newcomers; /* of them, while a first request is likely to come */
	_Atomic int64_t connections_ns, requests_ns; /* buckets of guard.c */
	_Atomic uint32_t queries;
	_Atomic int admin_runs;         /* an erasure or a backup */
	_Atomic uint64_t private_bytes; /* of bodies that workers hold */
};

/* The one libh2o handler of a listener: dispatches by path. */
int http_on_request(h2o_req_t *req);

/* Answers at once: text/plain with a newline, or empty when text is NULL. */
int http_answer(h2o_req_t *req, int status, const char *reason, const char *text);
int http_answer_retry(h2o_req_t *req, int status, const char *reason, const char *text);
/* 405, with the methods that the path does take. */
int http_refuse_method(h2o_req_t *req, const char *allowed);
/* Value of a request header, "" when it is absent. */
struct store_str http_header(const h2o_req_t *req, const char *lower_name);
/* Of each of up to 32 names the value, in one go: values[count]. */
void http_headers(const h2o_req_t *req, const struct store_str *lower_names, uint32_t count,
		  struct store_str *values);
/* Path without the query. */
struct store_str http_path(const h2o_req_t *req);
/* A parameter of the query string, percent-decoded in the request's pool;
 * false when it is absent. */
bool http_parameter(h2o_req_t *req, const char *name, struct store_str *out);
/* Calls `each` for every parameter. */
void http_parameters(h2o_req_t *req,
		     void (*each)(void *context, struct store_str name, struct store_str value),
		     void *context);
void http_add_header(h2o_req_t *req, const char *lower_name, const char *value, size_t size);
bool http_is_head(const h2o_req_t *req);
/* Textual address of the client, behind trusted proxies. Loop threads, while
 * they handle a request. */
void http_address(char out[64]);
int64_t http_now_ms(void);

/* What a request asks for, in roles: 0 when the client may not have it, after
 * answering 401 or 403. `clickhouse`: with ClickHouse's error body. */
bool http_authorize(h2o_req_t *req, enum auth_role needed, bool clickhouse);

/* Name of the token that an authorised request came with. */
void http_token_name(h2o_req_t *req, char name[AUTH_NAME_BYTES]);

/* The same; and who it is, unless `who` is NULL. */
struct http_identity {
	unsigned roles;
	char name[AUTH_NAME_BYTES]; /* the token's */
};
bool http_authorize_as(h2o_req_t *req, enum auth_role needed, bool clickhouse,
		       struct http_identity *who);

/* The handlers: collect.c, import.c, api_query.c, admin.c, static.c. */
int collect_beacon(h2o_req_t *req);
int collect_agent(h2o_req_t *req);
int import_request(h2o_req_t *req);
int api_query(h2o_req_t *req);
int api_root(h2o_req_t *req); /* a query, or else the set-up page */
int admin_erase(h2o_req_t *req);
int admin_backup(h2o_req_t *req);
int static_file(h2o_req_t *req);

#endif
