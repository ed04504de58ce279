/*
 * Beacons, native and other agents': decode, enrich, and to collect_queue.c. Runs
 * on the loop threads; must not block.
 */
#include <string.h>

#include "coding.h"
#include "collect_inside.h"
#include "guard.h"
#include "join.h"
#include "json.h"
#include "loop.h"
#include "loop_reply.h"
#include "metrics.h"
#include "url.h"

#define INFLATED_BYTES_MAX (512u << 10)
#define WEIGHED_BYTES (16u << 10) /* inflated, as much as a request */

/* What is asked for of a beacon's headers, each of which most browsers send. */
enum header {
	ORIGIN,
	USER_AGENT,
	HINT_UA,
	HINT_MOBILE,
	HINT_PLATFORM,
	LANGUAGE,
	REFERER,
	CONTENT_ENCODING,
	GPC,
	DNT,
	HEADERS_COUNT
};

#define NAME(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}
static const struct store_str header_names[HEADERS_COUNT] = {
    [ORIGIN] = NAME("origin"),
    [USER_AGENT] = NAME("user-agent"),
    [HINT_UA] = NAME("sec-ch-ua"),
    [HINT_MOBILE] = NAME("sec-ch-ua-mobile"),
    [HINT_PLATFORM] = NAME("sec-ch-ua-platform"),
    [LANGUAGE] = NAME("accept-language"),
    [REFERER] = NAME("referer"),
    [CONTENT_ENCODING] = NAME("content-encoding"),
    [GPC] = NAME("sec-gpc"),
    [DNT] = NAME("dnt"),
};

struct taking { /* a request with a beacon, until it is queued or answered */
	h2o_req_t *req;
	struct store_str headers[HEADERS_COUNT];
	struct settings *settings; /* owned: one reference */
	struct store_arena *arena; /* the loop's, for what is not kept */
	struct store_str site;     /* of ?site= */
	struct store_str body;
	struct event_source source;
};

/* Beacons are text/plain, which needs no preflight; other types get what CORS
 * asks for. */
static void
add_cors(h2o_req_t *req, struct store_str origin)
{
	if (origin.size == 0)
		return;
	http_add_header(req, "access-control-allow-origin", origin.bytes, origin.size);
	http_add_header(req, "access-control-allow-credentials", H2O_STRLIT("true"));
	http_add_header(req, "vary", H2O_STRLIT("origin"));
}

static int
answer_preflight(h2o_req_t *req)
{
	struct store_str headers = http_header(req, "access-control-request-headers");

	if (headers.size > 0 && headers.size < 1000)
		http_add_header(req, "access-control-allow-headers", headers.bytes, headers.size);
	http_add_header(req, "access-control-allow-methods", H2O_STRLIT("POST"));
	http_add_header(req, "access-control-max-age", H2O_STRLIT("86400"));
	return http_answer(req, 204, "No Content", NULL);
}

/* Who asks not to be measured, by Global Privacy Control or Do Not Track. */
static bool
has_opted_out(const struct taking *taking)
{
	struct store_str gpc = taking->headers[GPC], dnt = taking->headers[DNT];

	return !taking->settings->config->privacy.no_opt_out &&
	       (h2o_memis(gpc.bytes, gpc.size, H2O_STRLIT("1")) ||
		h2o_memis(dnt.bytes, dnt.size, H2O_STRLIT("1")));
}

static struct event_client
client_of(const struct taking *taking, char address[64])
{
	const struct store_str *headers = taking->headers;

	http_address(address);
	return (struct event_client){.address = {address, (uint32_t)strlen(address)},
				     .user_agent = headers[USER_AGENT],
				     .hint_ua = headers[HINT_UA],
				     .hint_mobile = headers[HINT_MOBILE],
				     .hint_platform = headers[HINT_PLATFORM],
				     .language = headers[LANGUAGE],
				     .pages = taking->settings->pages,
				     .received_ms = taking->source.received_ms};
}

static int
refuse_malformed(h2o_req_t *req, const struct event_error *error)
{
	metrics_add(METRICS_beacons_malformed, 1);
	return http_answer(req, 400, "Bad Request", error->text);
}

/* ---- sites ----------------------------------------------------------- */

static struct store_str
copy_text(struct store_str text, struct store_arena *arena)
{
	char *bytes = store_arena_alloc(arena, text.size + 1u);

	if (bytes == NULL)
		return (struct store_str){"", 0};
	memcpy(bytes, text.bytes, text.size);
	return (struct store_str){bytes, text.size};
}

/* A foreign beacon's site: `?site=`, else the configured one that has the
 * page's host, else the host. */
static int
find_site(const struct taking *taking, struct event *event, struct event_error *error)
{
	struct store_str site = taking->site, host;

	if (event_site(event).size > 0)
		return 0;
	if (site.size == 0) {
		if (!url_host(event_url(event), taking->arena, &host))
			return STORE_ENOMEM;
		site = guard_site_of(loop_server(taking->req), host);
	}
	if (!event_is_site_key(site) || !json_is_utf8(site)) {
		strcpy(error->text,
		       "site: neither ?site= nor the page's address gives 1 to 64 bytes");
		return STORE_EINVAL;
	}
	if ((site = copy_text(site, taking->arena)).size == 0)
		return STORE_ENOMEM;
	event_set_site(event, site);
	return 0;
}

/* ---- taking ---------------------------------------------------------- */

/* Finds the event's site, and whether it may come. 0; STORE_EINVAL with *error;
 * STORE_ENOMEM; 1: forbidden, with `why`. */
static int
admit(const struct taking *taking, struct event *event, struct event_error *error,
      char why[GUARD_WHY_BYTES])
{
	const struct config *config = taking->settings->config;
	struct store_str host = {"", 0};
	int result = find_site(taking, event, error);

	if (result != 0)
		return result;
	if (config->sites_count > 0 && !url_host(event_url(event), taking->arena, &host))
		return STORE_ENOMEM;
	return !guard_site(config, event_site(event), host, taking->headers[ORIGIN], why);
}

/* 0, STORE_EINVAL with *error, or STORE_ENOMEM. What it remembers of a page is for
 * all: of one that was not admitted it must not be asked. */
static int
complete(const struct taking *taking, struct event *event, const struct event_client *client,
	 struct event_error *error)
{
	struct server *server = loop_server(taking->req);

	join_view(server->join, event, client);
	return enrich(server->enricher, event, client, taking->arena, error);
}

/* Enriches what was decoded, in the scratch arena, and queues it; the reference
 * to the settings is taken. */
static int
take(const struct taking *taking, struct event_batch *batch, int result, struct event_error *error,
     int status)
{
	char address[64], why[GUARD_WHY_BYTES];
	struct event_client client = client_of(taking, address);

	for (uint32_t i = 0; result == 0 && i < batch->count; i++)
		result = admit(taking, batch->events[i], error, why);
	for (uint32_t i = 0; result == 0 && i < batch->count; i++)
		result = complete(taking, batch->events[i], &client, error);
	if (result == 0)
		return collect_queue(taking->req, batch, status, taking->settings);
	settings_release(taking->settings);
	if (result == STORE_EINVAL)
		return refuse_malformed(taking->req, error);
	if (result < 0)
		return collect_refuse_overload(taking->req);
	metrics_add(METRICS_beacons_forbidden, 1);
	return http_answer(taking->req, 403, "Forbidden", why);
}

static struct event_source
source_of(const struct taking *taking)
{
	const h2o_req_t *req = taking->req;
	struct store_str path = http_path(req);
	uint32_t at = path.size < req->path.len ? path.size + 1 : path.size;

	return (struct event_source){.query = {req->path.base + at, (uint32_t)req->path.len - at},
				     .url = taking->headers[REFERER],
				     .received_ms = http_now_ms()};
}

/* 1: the request is answered. 0: *taking is whole. */
static int
begin(h2o_req_t *req, struct taking *taking)
{
	taking->req = req;
	http_headers(req, header_names, HEADERS_COUNT, taking->headers);
	add_cors(req, taking->headers[ORIGIN]);
	if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("OPTIONS"))) {
		answer_preflight(req);
		return 1;
	}
	if (req->entity.len > HTTP_BEACON_BYTES_MAX) {
		metrics_add(METRICS_beacons_too_large, 1);
		http_answer(req, 413, "Payload Too Large", "a beacon has at most 65536 bytes");
		return 1;
	}
	taking->settings = settings_hold(loop_server(req)->settings);
	if (has_opted_out(taking)) {
		settings_release(taking->settings);
		metrics_add(METRICS_beacons_opted_out, 1);
		http_answer(req, 204, "No Content", NULL);
		return 1;
	}
	taking->source = source_of(taking);
	taking->body = (struct store_str){req->entity.len == 0 ? "" : req->entity.base,
					  (uint32_t)req->entity.len};
	http_parameter(req, "site", &taking->site);
	if ((taking->arena = loop_scratch(req)) != NULL)
		return 0;
	settings_release(taking->settings);
	collect_refuse_overload(req);
	return 1;
}

int
collect_beacon(h2o_req_t *req)
{
	struct event_batch batch = {.count = 1};
	struct event_error error;
	struct taking taking;
	enum coding coding;
	int result;

	if (begin(req, &taking) != 0)
		return 0;
	if (!coding_find(taking.headers[CONTENT_ENCODING], &coding) || coding != CODING_NONE) {
		settings_release(taking.settings);
		metrics_add(METRICS_beacons_malformed, 1);
		return http_answer(req, 415, "Unsupported Media Type",
				   "Content-Encoding: a beacon is not compressed");
	}
	result = decode_is_vitals(taking.body)
		     ? decode_vitals(taking.body, &taking.source, taking.arena, &batch, &error)
		     : decode_native(taking.body, taking.arena, &batch.events[0], &error);
	return take(&taking, &batch, result, &error, 204);
}

/* ---- other agents ---------------------------------------------------- */

static const struct {
	const char *path;
	event_decoder *decode;
	int status; /* that the agent expects */
} agents[] = {
    {"/boomerang", decode_boomerang, 204},
    {"/faro", decode_faro, 202},
    {"/reports", decode_reports, 204},
    {"/rum/metrics", decode_plain_metrics, 204},
    {"/rum/errors", decode_plain_errors, 204},
    {"/rum/interactions", decode_plain_interactions, 204},
    {"/rum/heartbeat", decode_plain_heartbeat, 204},
    {"/rum/business-metrics", decode_plain_business, 204},
};

#define AGENTS_COUNT (sizeof agents / sizeof *agents)

/* The body inflated into the arena, if it is compressed; false: it cannot be. A few
 * hundred bytes may be half a MiB: what that costs counts against their address. */
static bool
inflate_body(struct taking *taking)
{
	enum coding coding;
	const char *wrong;
	bool well;

	if (!coding_find(taking->headers[CONTENT_ENCODING], &coding))
		return false;
	if (coding == CODING_NONE)
		return true;
	well = coding_inflate(coding, taking->body, INFLATED_BYTES_MAX, taking->arena,
			      &taking->body, &wrong) == 0;
	guard_weigh(loop_server(taking->req),
		    (well ? taking->body.size : INFLATED_BYTES_MAX) / WEIGHED_BYTES);
	return well;
}

int
collect_agent(h2o_req_t *req)
{
	struct store_str path = http_path(req);
	struct event_batch batch = {.count = 0};
	struct event_error error;
	struct taking taking;
	size_t agent = 0;
	int result;

	if (begin(req, &taking) != 0)
		return 0;
	while (agent < AGENTS_COUNT - 1 &&
	       !h2o_memis(path.bytes, path.size, agents[agent].path, strlen(agents[agent].path)))
		agent++;
	if (!inflate_body(&taking)) {
		settings_release(taking.settings);
		strcpy(error.text, "expected a body of at most 512 KiB, plain, gzip or zstd");
		return refuse_malformed(req, &error);
	}
	result = agents[agent].decode(taking.body, &taking.source, taking.arena, &batch, &error);
	return take(&taking, &batch, result, &error, agents[agent].status);
}
