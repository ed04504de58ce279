/*
 * Beacons, native and other agents': decode, enrich, queue; the answer comes
 * after the disk. Runs on the loop threads; must not block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coding.h"
#include "guard.h"
#include "join.h"
#include "json.h"
#include "loop.h"
#include "loop_reply.h"
#include "metrics.h"
#include "url.h"

#define INFLATED_BYTES_MAX (512u << 10)

struct pending { /* a beacon on its way to the disk */
	struct ingest_item item;
	struct store_entry *entries; /* in the arena */
	uint32_t entries_count;
	int status;                /* when all is well */
	int result;                /* the writer's */
	struct store_arena *arena; /* owned: this and everything the entries point to */
	struct settings *settings; /* owned: one reference */
	int64_t began_ns;
	struct reply *reply;
	struct guard_place place;
};

/* Beacons are text/plain, which needs no preflight; other types get what CORS
 * asks for. */
static void
add_cors(h2o_req_t *req)
{
	struct store_str origin = http_header(req, "origin");

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

static void
set_text(struct reply *reply, int status, const char *reason, const char *text)
{
	reply->status = status;
	reply->reason = reason;
	reply->content_type = "text/plain; charset=utf-8";
	reply->body = strdup(text);
	reply->body_size = reply->body == NULL ? 0 : strlen(text);
}

static const enum metric outcomes[] = {[STORE_STORED] = METRICS_beacons_stored,
				       [STORE_REPEATED] = METRICS_beacons_repeated,
				       [STORE_LATE] = METRICS_beacons_late};

/* On the loop's thread, before the answer goes out. */
static void
on_landed(void *context)
{
	struct pending *pending = context;

	guard_leave(&pending->place);
	settings_release(pending->settings);
	if (pending->result != 0) {
		metrics_add(METRICS_beacons_failed, 1);
		return;
	}
	for (uint32_t i = 0; i < pending->entries_count; i++)
		metrics_add(outcomes[pending->entries[i].outcome], 1);
	metrics_observe(METRICS_beacon_duration_seconds, metrics_now_ns() - pending->began_ns);
	metrics_set(METRICS_last_stored_timestamp_seconds, http_now_ms() / 1000);
}

/* On the writer's thread, which has no more to do with it than it must. */
static void
on_written(struct ingest_item *item, int result)
{
	struct pending *pending = (struct pending *)item;
	struct reply *reply = pending->reply;

	pending->result = result;
	reply->status = pending->status;
	reply->reason = pending->status == 202 ? "Accepted" : "No Content";
	if (result != 0) {
		set_text(reply, 503, "Service Unavailable",
			 result == STORE_EFULL ? "the disk is full\n" : "cannot be stored now\n");
		reply->retry_after_s = 10;
	}
	loop_reply_send_later(reply);
}

static int
refuse_overload(h2o_req_t *req)
{
	metrics_add(METRICS_beacons_overload, 1);
	return http_answer_retry(req, 503, "Service Unavailable", "too many beacons in flight");
}

static int
refuse(h2o_req_t *req, enum guard_verdict verdict)
{
	if (verdict == GUARD_OVERLOAD)
		return refuse_overload(req);
	metrics_add(verdict == GUARD_LIMITED_ADDRESS ? METRICS_beacons_limited_address
						     : METRICS_beacons_limited_site,
		    1);
	return http_answer_retry(req, 429, "Too Many Requests",
				 verdict == GUARD_LIMITED_ADDRESS
				     ? "too many beacons from this address"
				     : "too many beacons for this site");
}

static int
make_entry(struct server *server, const struct event *event, struct pending *pending,
	   struct store_entry *out)
{
	struct sampling *sampling = pending->settings->sampling;
	int result = event_keep(event, (struct store_str){"", 0}, pending->arena, out);

	if (result == 0 && sampling_has_rules(sampling))
		result = sampling_apply(sampling, store_draw(server->store, out->key), true, out,
					pending->arena);
	return result;
}

static int
make_entries(struct server *server, const struct event_batch *batch, struct pending *pending)
{
	int result = 0;

	pending->entries =
	    store_arena_alloc(pending->arena, batch->count * sizeof *pending->entries);
	if (pending->entries == NULL)
		return STORE_ENOMEM;
	pending->entries_count = batch->count;
	for (uint32_t i = 0; result == 0 && i < batch->count; i++)
		result = make_entry(server, batch->events[i], pending, &pending->entries[i]);
	return result;
}

/* From now on it needs neither the request nor the scratch memory. NULL: out of
 * memory. The reference to the settings is taken with it. */
static struct pending *
make_pending(h2o_req_t *req, const struct event_batch *batch, struct settings *settings)
{
	struct store_arena *arena = loop_arena(req);
	struct pending *pending = arena == NULL ? NULL : store_arena_zalloc(arena, sizeof *pending);

	if (pending != NULL) {
		pending->arena = arena;
		pending->settings = settings;
		pending->began_ns = metrics_now_ns();
		if (make_entries(loop_server(req), batch, pending) == 0)
			return pending;
	}
	if (arena != NULL)
		loop_arena_free(req, arena);
	return NULL;
}

static bool
submit(h2o_req_t *req, struct pending *pending)
{
	struct reply *reply = loop_reply_create(req);

	if (reply == NULL)
		return false;
	pending->item.commit = (struct store_commit){.entries = pending->entries,
						     .entries_count = pending->entries_count};
	pending->item.done = on_written;
	pending->reply = reply;
	if (loop_submit(req, &pending->item)) {
		reply->arena = pending->arena; /* with the beacon in it */
		reply->landed = on_landed;
		reply->context = pending;
		return true;
	}
	loop_reply_discard(reply);
	return false;
}

/* The reference to the settings is taken. */
static int
queue(h2o_req_t *req, const struct event_batch *batch, int status, struct settings *settings)
{
	struct pending *pending = make_pending(req, batch, settings);
	enum guard_verdict verdict = GUARD_OVERLOAD;

	if (pending != NULL) {
		size_t bytes = req->entity.len + store_arena_bytes(pending->arena);

		pending->status = status;
		verdict =
		    guard_enter(loop_server(req), loop_in_flight(req), event_site(batch->events[0]),
				(uint32_t)bytes, &pending->place);
		if (verdict == GUARD_OK) {
			if (submit(req, pending))
				return 0;
			guard_leave(&pending->place);
			verdict = GUARD_OVERLOAD;
		}
		loop_arena_free(req, pending->arena);
	}
	settings_release(settings);
	return refuse(req, verdict);
}

/* Who asks not to be measured, by Global Privacy Control or Do Not Track. */
static bool
has_opted_out(h2o_req_t *req, const struct settings *settings)
{
	struct store_str gpc = http_header(req, "sec-gpc"), dnt = http_header(req, "dnt");

	return !settings->config->privacy.no_opt_out &&
	       (h2o_memis(gpc.bytes, gpc.size, H2O_STRLIT("1")) ||
		h2o_memis(dnt.bytes, dnt.size, H2O_STRLIT("1")));
}

static struct event_client
client_of(h2o_req_t *req, char address[64])
{
	http_address(address);
	return (struct event_client){.address = {address, (uint32_t)strlen(address)},
				     .user_agent = http_header(req, "user-agent"),
				     .hint_ua = http_header(req, "sec-ch-ua"),
				     .hint_mobile = http_header(req, "sec-ch-ua-mobile"),
				     .hint_platform = http_header(req, "sec-ch-ua-platform"),
				     .language = http_header(req, "accept-language"),
				     .received_ms = http_now_ms()};
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
find_site(h2o_req_t *req, struct event *event, struct store_arena *arena, struct event_error *error)
{
	struct store_str site, host;

	if (event_site(event).size > 0)
		return 0;
	if (!http_parameter(req, "site", &site) || site.size == 0) {
		if (!url_host(event_url(event), arena, &host))
			return STORE_ENOMEM;
		site = guard_site_of(loop_server(req), host);
	}
	site = copy_text(site, arena);
	if (!event_is_site_key(site) || !json_is_utf8(site)) {
		strcpy(error->text,
		       "site: neither ?site= nor the page's address gives 1 to 64 bytes");
		return STORE_EINVAL;
	}
	event_set_site(event, site);
	return 0;
}

/* ---- taking ---------------------------------------------------------- */

/* 0; STORE_EINVAL with *error; STORE_ENOMEM; 1: forbidden, with `why`. */
static int
complete(h2o_req_t *req, struct event *event, const struct event_client *client,
	 const struct settings *settings, struct store_arena *arena, struct event_error *error,
	 char why[GUARD_WHY_BYTES])
{
	struct server *server = loop_server(req);
	int result = find_site(req, event, arena, error);

	if (result != 0)
		return result;
	join_view(server->join, event, client);
	if ((result = enrich(server->enricher, event, client, arena, error)) != 0)
		return result;
	return !guard_site(settings->config, event_site(event), event_page_host(event),
			   http_header(req, "origin"), why);
}

/* Enriches what was decoded, in the scratch arena, and queues it; the reference
 * to the settings is taken. */
static int
take(h2o_req_t *req, struct event_batch *batch, int result, struct event_error *error, int status,
     struct settings *settings, struct store_arena *arena)
{
	char address[64], why[GUARD_WHY_BYTES];
	struct event_client client;

	client = client_of(req, address);
	client.pages = settings->pages;
	for (uint32_t i = 0; result == 0 && i < batch->count; i++)
		result = complete(req, batch->events[i], &client, settings, arena, error, why);
	if (result == 0)
		return queue(req, batch, status, settings);
	settings_release(settings);
	if (result == STORE_EINVAL)
		return refuse_malformed(req, error);
	if (result < 0)
		return refuse_overload(req);
	metrics_add(METRICS_beacons_forbidden, 1);
	return http_answer(req, 403, "Forbidden", why);
}

/* 1: the request is answered. 0: *settings, *scratch and *body are there. */
static int
begin(h2o_req_t *req, struct settings **settings, struct store_arena **scratch,
      struct store_str *body)
{
	add_cors(req);
	if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("OPTIONS"))) {
		answer_preflight(req);
		return 1;
	}
	if (req->entity.len > HTTP_BEACON_BYTES_MAX) {
		metrics_add(METRICS_beacons_too_large, 1);
		http_answer(req, 413, "Payload Too Large", "a beacon has at most 65536 bytes");
		return 1;
	}
	*settings = settings_hold(loop_server(req)->settings);
	if (has_opted_out(req, *settings)) {
		settings_release(*settings);
		metrics_add(METRICS_beacons_opted_out, 1);
		http_answer(req, 204, "No Content", NULL);
		return 1;
	}
	*body = (struct store_str){req->entity.len == 0 ? "" : req->entity.base,
				   (uint32_t)req->entity.len};
	if ((*scratch = loop_scratch(req)) != NULL)
		return 0;
	settings_release(*settings);
	refuse_overload(req);
	return 1;
}

static struct event_source
source_of(const h2o_req_t *req)
{
	struct store_str path = http_path(req);
	uint32_t at = path.size < req->path.len ? path.size + 1 : path.size;

	return (struct event_source){.query = {req->path.base + at, (uint32_t)req->path.len - at},
				     .url = http_header(req, "referer"),
				     .received_ms = http_now_ms()};
}

int
collect_beacon(h2o_req_t *req)
{
	struct event_source source = source_of(req);
	struct event_batch batch = {.count = 1};
	struct event_error error;
	struct settings *settings;
	struct store_arena *arena;
	struct store_str body;
	enum coding coding;
	int result;

	if (begin(req, &settings, &arena, &body) != 0)
		return 0;
	if (!coding_find(http_header(req, "content-encoding"), &coding) || coding != CODING_NONE) {
		settings_release(settings);
		metrics_add(METRICS_beacons_malformed, 1);
		return http_answer(req, 415, "Unsupported Media Type",
				   "Content-Encoding: a beacon is not compressed");
	}
	result = decode_is_vitals(body) ? decode_vitals(body, &source, arena, &batch, &error)
					: decode_native(body, arena, &batch.events[0], &error);
	return take(req, &batch, result, &error, 204, settings, arena);
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

/* *body inflated into the arena, if it is compressed; false: it cannot be. */
static bool
inflate_body(const h2o_req_t *req, struct store_arena *arena, struct store_str *body)
{
	enum coding coding;
	const char *wrong;

	return coding_find(http_header(req, "content-encoding"), &coding) &&
	       coding_inflate(coding, *body, INFLATED_BYTES_MAX, arena, body, &wrong) == 0;
}

int
collect_agent(h2o_req_t *req)
{
	struct store_str path = http_path(req), body;
	struct event_source source = source_of(req);
	struct event_batch batch = {.count = 0};
	struct event_error error;
	struct settings *settings;
	struct store_arena *arena;
	size_t agent = 0;
	int result;

	if (begin(req, &settings, &arena, &body) != 0)
		return 0;
	while (agent < AGENTS_COUNT - 1 &&
	       !h2o_memis(path.bytes, path.size, agents[agent].path, strlen(agents[agent].path)))
		agent++;
	if (!inflate_body(req, arena, &body)) {
		settings_release(settings);
		strcpy(error.text, "expected a body of at most 512 KiB, plain, gzip or zstd");
		return refuse_malformed(req, &error);
	}
	result = agents[agent].decode(body, &source, arena, &batch, &error);
	return take(req, &batch, result, &error, agents[agent].status, settings, arena);
}
