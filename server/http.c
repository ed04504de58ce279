/*
 * Dispatch by path and role, authorisation, and small helpers. Runs on the
 * loop threads; must not block.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "escape.h"
#include "guard.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"

int64_t
http_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- requests -------------------------------------------------------- */

struct store_str
http_path(const h2o_req_t *req)
{
	size_t size = req->query_at == SIZE_MAX ? req->path.len : req->query_at;

	return (struct store_str){req->path.base, (uint32_t)size};
}

struct store_str
http_header(const h2o_req_t *req, const char *lower_name)
{
	ssize_t at = h2o_find_header_by_str(&req->headers, lower_name, strlen(lower_name), -1);

	if (at < 0)
		return (struct store_str){"", 0};
	return (struct store_str){req->headers.entries[at].value.base,
				  (uint32_t)req->headers.entries[at].value.len};
}

void
http_headers(const h2o_req_t *req, const struct store_str *lower_names, uint32_t count,
	     struct store_str *values)
{
	uint32_t found = 0;

	assert(count <= 32);
	for (uint32_t i = 0; i < count; i++)
		values[i] = (struct store_str){"", 0};
	for (size_t h = 0; h < req->headers.size; h++) {
		const h2o_header_t *header = &req->headers.entries[h];

		for (uint32_t i = 0; i < count; i++) {
			if (lower_names[i].size != header->name->len ||
			    memcmp(lower_names[i].bytes, header->name->base, header->name->len) !=
				0 ||
			    (found >> i & 1))
				continue;
			values[i] =
			    (struct store_str){header->value.base, (uint32_t)header->value.len};
			found |= 1u << i;
			break;
		}
	}
}

void
http_add_header(h2o_req_t *req, const char *lower_name, const char *value, size_t size)
{
	h2o_iovec_t copy = h2o_strdup(&req->pool, value, size);

	h2o_add_header_by_str(&req->pool, &req->res.headers, lower_name, strlen(lower_name), 1,
			      NULL, copy.base, copy.len);
}

void
http_address(char out[64])
{
	const char *client = guard_client();
	size_t size = strlen(client);

	assert(size < 64);
	memcpy(out, client, size + 1);
}

bool
http_is_head(const h2o_req_t *req)
{
	return h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
}

/* application/x-www-form-urlencoded, in the request's pool. */
static struct store_str
decode(h2o_req_t *req, const char *bytes, size_t size)
{
	char *out = h2o_mem_alloc_pool(&req->pool, size + 1);

	return (struct store_str){out, (uint32_t)escape_decode_form(bytes, size, out, size)};
}

void
http_parameters(h2o_req_t *req,
		void (*each)(void *context, struct store_str name, struct store_str value),
		void *context)
{
	size_t at = req->query_at == SIZE_MAX ? req->path.len : req->query_at + 1;

	while (at < req->path.len) {
		const char *begin = req->path.base + at;
		const char *end = memchr(begin, '&', req->path.len - at);
		size_t size = end == NULL ? req->path.len - at : (size_t)(end - begin);
		const char *equals = memchr(begin, '=', size);
		size_t name = equals == NULL ? size : (size_t)(equals - begin);

		if (size > 0)
			each(context, decode(req, begin, name),
			     equals == NULL ? (struct store_str){"", 0}
					    : decode(req, equals + 1, size - name - 1));
		at += size + 1;
	}
}

struct wanted {
	const char *name;
	struct store_str value;
	bool found;
};

static void
match_parameter(void *context, struct store_str name, struct store_str value)
{
	struct wanted *wanted = context;

	if (strlen(wanted->name) == name.size && memcmp(wanted->name, name.bytes, name.size) == 0) {
		wanted->value = value;
		wanted->found = true;
	}
}

bool
http_parameter(h2o_req_t *req, const char *name, struct store_str *out)
{
	struct wanted wanted = {.name = name, .value = {"", 0}};

	http_parameters(req, match_parameter, &wanted);
	*out = wanted.value;
	return wanted.found;
}

/* ---- answers --------------------------------------------------------- */

int
http_answer(h2o_req_t *req, int status, const char *reason, const char *text)
{
	size_t size = text == NULL ? 0 : strlen(text);
	h2o_iovec_t body = {"", 0};

	req->res.status = status;
	req->res.reason = reason;
	if (text != NULL) {
		char *line = h2o_mem_alloc_pool(&req->pool, size + 1);

		memcpy(line, text, size);
		line[size] = '\n';
		body = h2o_iovec_init(line, size + 1);
		http_add_header(req, "content-type", H2O_STRLIT("text/plain; charset=utf-8"));
	}
	if (status != 204)
		req->res.content_length = body.len;
	h2o_send_inline(req, body.base, body.len);
	return 0;
}

int
http_answer_retry(h2o_req_t *req, int status, const char *reason, const char *text)
{
	http_add_header(req, "retry-after", H2O_STRLIT("1"));
	return http_answer(req, status, reason, text);
}

int
http_refuse_method(h2o_req_t *req, const char *allowed)
{
	http_add_header(req, "allow", allowed, strlen(allowed));
	return http_answer(req, 405, "Method Not Allowed", "this path does not take this method");
}

/* ---- authorisation --------------------------------------------------- */

enum token_state {
	TOKEN_MISSING,
	TOKEN_UNREADABLE,
	TOKEN_REFUSED,
};

/* From this machine, and not through a proxy on it, of whose client only it knows. */
static bool
is_loopback(h2o_req_t *req)
{
	char address[64];

	http_address(address);
	return http_header(req, "x-forwarded-for").size == 0 &&
	       (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

static const struct refusal {
	int status;
	const char *reason, *code, *name, *text;
} refusals[] = {
    [TOKEN_MISSING] = {401, "Unauthorized", "194", "REQUIRED_PASSWORD",
		       "no token: send Authorization: Bearer TOKEN"},
    [TOKEN_UNREADABLE] = {403, "Forbidden", "516", "AUTHENTICATION_FAILED",
			  "the token is sent in two ways at once, or in none that is known: "
			  "send Authorization: Bearer TOKEN alone"},
    [TOKEN_REFUSED] = {403, "Forbidden", "516", "AUTHENTICATION_FAILED",
		       "the token is wrong, or has not the role that this needs"},
};

static void
refuse(h2o_req_t *req, enum token_state state, bool clickhouse)
{
	const struct refusal *refusal = &refusals[state];
	char text[256];

	metrics_add(METRICS_unauthorized, 1);
	if (state == TOKEN_MISSING)
		http_add_header(req, "www-authenticate", H2O_STRLIT("Bearer realm=\"drum\""));
	if (clickhouse) {
		http_add_header(req, "x-clickhouse-exception-code", refusal->code,
				strlen(refusal->code));
		snprintf(text, sizeof text, "Code: %s. DB::Exception: %c%s (%s)", refusal->code,
			 refusal->text[0] - 'a' + 'A', refusal->text + 1, refusal->name);
	} else {
		snprintf(text, sizeof text, "%s", refusal->text);
	}
	http_answer(req, refusal->status, refusal->reason, text);
}

static bool
find_token(h2o_req_t *req, char buffer[512], struct store_str *token)
{
	struct auth_headers headers = {.authorization = http_header(req, "authorization"),
				       .clickhouse_key = http_header(req, "x-clickhouse-key")};

	http_parameter(req, "password", &headers.password);
	return auth_token(&headers, buffer, token);
}

void
http_token_name(h2o_req_t *req, char name[AUTH_NAME_BYTES])
{
	struct store_str token = {"", 0};
	char buffer[512];

	find_token(req, buffer, &token);
	auth_name(loop_server(req)->auth, token, name);
}

bool
http_authorize(h2o_req_t *req, enum auth_role needed, bool clickhouse)
{
	return http_authorize_as(req, needed, clickhouse, NULL);
}

bool
http_authorize_as(h2o_req_t *req, enum auth_role needed, bool clickhouse, struct http_identity *who)
{
	struct server *server = loop_server(req);
	struct http_identity identity = {.name = "nobody"};
	struct store_str token = {"", 0};
	char buffer[512];
	enum token_state state = TOKEN_REFUSED;
	bool allowed = false;

	if (!find_token(req, buffer, &token)) {
		state = TOKEN_UNREADABLE;
	} else if (token.size == 0) {
		state = TOKEN_MISSING;
	} else {
		identity.roles = auth_check(server->auth, token);
		allowed = auth_allows(identity.roles, needed);
		auth_name(server->auth, token, identity.name);
	}
	audit_add(server->audit, identity.name, allowed,
		  (struct store_str){req->method.base, (uint32_t)req->method.len},
		  http_path(req)); /* no parameters: an erased session's name would stay */
	if (!allowed)
		refuse(req, state, clickhouse);
	else if (who != NULL)
		*who = identity;
	return allowed;
}

/* ---- small endpoints ------------------------------------------------- */

static int
answer_ping(h2o_req_t *req)
{
	return http_answer(req, 200, "OK", "Ok.");
}

static int
answer_health(h2o_req_t *req)
{
	return http_answer(req, 200, "OK", "ok");
}

static int
answer_ready(h2o_req_t *req)
{
	struct server *server = loop_server(req);

	if (atomic_load(&server->ready) && !atomic_load(&server->stopping))
		return http_answer(req, 200, "OK", "ready");
	return http_answer_retry(req, 503, "Service Unavailable", "not ready");
}

static int
answer_metrics(h2o_req_t *req)
{
	struct store_stats stats;
	size_t size;
	char *text;

	if (!is_loopback(req) && !http_authorize(req, AUTH_QUERY, false))
		return 0;
	store_stats(loop_server(req)->store, &stats);
	if ((text = metrics_text(&stats, &size)) == NULL)
		return http_answer_retry(req, 503, "Service Unavailable", "out of memory");
	req->res.status = 200;
	req->res.reason = "OK";
	req->res.content_length = size;
	http_add_header(req, "content-type",
			H2O_STRLIT("text/plain; version=0.0.4; charset=utf-8"));
	h2o_send_inline(req, text, size);
	free(text);
	return 0;
}

/* ---- dispatch -------------------------------------------------------- */

#define GET 1u
#define POST 2u
#define OPTIONS 4u

static const struct {
	const char *path;
	unsigned methods;
	uint32_t roles;
	int (*handle)(h2o_req_t *req);
} routes[] = {
    {"/beacon", POST | OPTIONS, CONFIG_PUBLIC, collect_beacon},
    {"/boomerang", GET | POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/faro", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/reports", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/rum/metrics", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/rum/errors", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/rum/interactions", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/rum/heartbeat", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/rum/business-metrics", POST | OPTIONS, CONFIG_PUBLIC, collect_agent},
    {"/query", GET | POST, CONFIG_PRIVATE, api_query},
    {"/", GET | POST, CONFIG_PRIVATE, api_root},
    {"/import", POST, CONFIG_PRIVATE, import_request},
    {"/admin/erase", POST, CONFIG_PRIVATE, admin_erase},
    {"/admin/backup", POST, CONFIG_PRIVATE, admin_backup},
    {"/ping", GET, CONFIG_PRIVATE, answer_ping},
    {"/metrics", GET, CONFIG_PRIVATE, answer_metrics},
    {"/healthz", GET, CONFIG_PUBLIC | CONFIG_PRIVATE, answer_health},
    {"/readyz", GET, CONFIG_PUBLIC | CONFIG_PRIVATE, answer_ready},
};

static int
refuse_method(h2o_req_t *req, unsigned methods)
{
	char allowed[40];

	snprintf(allowed, sizeof allowed, "%s%s%s", methods & GET ? ", GET, HEAD" : "",
		 methods & POST ? ", POST" : "", methods & OPTIONS ? ", OPTIONS" : "");
	return http_refuse_method(req, allowed + 2);
}

static unsigned
method_of(const h2o_req_t *req)
{
	if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET")) ||
	    h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD")))
		return GET;
	if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST")))
		return POST;
	return h2o_memis(req->method.base, req->method.len, H2O_STRLIT("OPTIONS")) ? OPTIONS : 0;
}

/* Whether the guard lets the request through; it is answered if not. Whoever
 * asks for the server's health does so by need. */
static bool
is_let_through(h2o_req_t *req, int (*handle)(h2o_req_t *req))
{
	enum guard_verdict verdict;

	if (handle == answer_health || handle == answer_ready)
		return true;
	if ((verdict = guard_request(loop_server(req))) == GUARD_OK)
		return true;
	if (verdict == GUARD_OVERLOAD)
		http_answer_retry(req, 503, "Service Unavailable", "too many requests in all");
	else
		http_answer_retry(req, 429, "Too Many Requests", "too many requests");
	return false;
}

int
http_on_request(h2o_req_t *req)
{
	struct store_str path = http_path(req);

	if (path.size == 0 || path.bytes[0] != '/') {
		req->http1_is_persistent = 0; /* a proxy may see another end */
		return http_answer(req, 400, "Bad Request", "the path must begin with /");
	}
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (strlen(routes[i].path) != path.size ||
		    memcmp(routes[i].path, path.bytes, path.size) != 0 ||
		    !(routes[i].roles & loop_roles(req)))
			continue;
		if (!is_let_through(req, routes[i].handle))
			return 0;
		if (!(routes[i].methods & method_of(req)))
			return refuse_method(req, routes[i].methods);
		return routes[i].handle(req);
	}
	return is_let_through(req, static_file) ? static_file(req) : 0;
}
