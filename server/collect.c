/*
 * POST /beacon: decode, enrich, queue; 204 comes after the disk. Runs on the
 * loop threads; must not block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coding.h"
#include "guard.h"
#include "loop.h"
#include "metrics.h"

struct pending { /* a beacon on its way to the disk */
	struct ingest_item item;
	struct store_entry entry;
	struct store_arena *arena; /* owned: everything the entry points to */
	struct settings *settings; /* owned: one reference */
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

/* On the writer's thread. */
static void
on_written(struct ingest_item *item, int result)
{
	struct pending *pending = (struct pending *)item;
	struct reply *reply = pending->reply;

	guard_leave(&pending->place);
	reply->status = 204;
	reply->reason = "No Content";
	if (result != 0) {
		metrics_add(METRICS_beacons_failed, 1);
		set_text(reply, 503, "Service Unavailable",
			 result == STORE_EFULL ? "the disk is full\n" : "cannot be stored now\n");
		reply->retry_after_s = 10;
	} else {
		metrics_add(pending->entry.outcome == STORE_STORED     ? METRICS_beacons_stored
			    : pending->entry.outcome == STORE_REPEATED ? METRICS_beacons_repeated
								       : METRICS_beacons_late,
			    1);
	}
	settings_release(pending->settings);
	store_arena_free(pending->arena);
	free(pending);
	loop_reply_send(reply);
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
make_entry(struct server *server, const struct event *event, struct settings *settings,
	   struct store_arena *arena, struct store_entry *out)
{
	int result = event_entry(event, arena, out);

	if (result == 0 && sampling_has_rules(settings->sampling))
		result = sampling_apply(settings->sampling, store_draw(server->store, out->key),
					true, out, arena);
	return result;
}

/* Takes the reference to the settings. */
static int
queue(h2o_req_t *req, const struct event *event, struct settings *settings,
      struct store_arena *arena)
{
	struct server *server = loop_server(req);
	struct pending *pending = calloc(1, sizeof *pending);
	enum guard_verdict verdict = GUARD_OVERLOAD;

	if (pending != NULL && make_entry(server, event, settings, arena, &pending->entry) == 0)
		verdict = guard_enter(server, loop_in_flight(req), event_site(event),
				      (uint32_t)req->entity.len, &pending->place);
	if (verdict != GUARD_OK) {
		settings_release(settings);
		free(pending);
		store_arena_free(arena);
		return refuse(req, verdict);
	}
	pending->arena = arena;
	pending->settings = settings;
	pending->item.commit =
	    (struct store_commit){.entries = &pending->entry, .entries_count = 1};
	pending->item.done = on_written;
	if ((pending->reply = loop_reply_create(req)) != NULL) {
		if (ingest_submit(server->ingest, &pending->item))
			return 0;
		loop_reply_discard(pending->reply);
	}
	guard_leave(&pending->place);
	settings_release(settings);
	free(pending);
	store_arena_free(arena);
	return refuse_overload(req);
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

/* The body lives as long as the request, which may end before the disk is
 * done: the event points into a copy. */
static struct store_str
copy_body(const h2o_req_t *req, struct store_arena *arena)
{
	char *bytes = store_arena_alloc(arena, req->entity.len);

	if (bytes != NULL && req->entity.len > 0)
		memcpy(bytes, req->entity.base, req->entity.len);
	return (struct store_str){bytes, (uint32_t)req->entity.len};
}

static int
refuse_malformed(h2o_req_t *req, struct store_arena *arena, const struct event_error *error)
{
	store_arena_free(arena);
	metrics_add(METRICS_beacons_malformed, 1);
	return http_answer(req, 400, "Bad Request", error->text);
}

static bool
is_compressed(const h2o_req_t *req)
{
	enum coding coding;

	return !coding_find(http_header(req, "content-encoding"), &coding) || coding != CODING_NONE;
}

int
collect_beacon(h2o_req_t *req)
{
	struct server *server = loop_server(req);
	struct store_arena *arena;
	struct event_error error;
	struct event_client client;
	struct event *event;
	struct store_str body;
	struct settings *settings;
	char address[64], why[GUARD_WHY_BYTES];
	int result;

	add_cors(req);
	if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("OPTIONS")))
		return answer_preflight(req);
	if (req->entity.len > HTTP_BEACON_BYTES_MAX) {
		metrics_add(METRICS_beacons_too_large, 1);
		return http_answer(req, 413, "Payload Too Large",
				   "a beacon has at most 65536 bytes");
	}
	if (is_compressed(req)) {
		metrics_add(METRICS_beacons_malformed, 1);
		return http_answer(req, 415, "Unsupported Media Type",
				   "Content-Encoding: a beacon is not compressed");
	}
	settings = settings_hold(server->settings);
	if (has_opted_out(req, settings)) {
		settings_release(settings);
		metrics_add(METRICS_beacons_opted_out, 1);
		return http_answer(req, 204, "No Content", NULL);
	}
	if ((arena = store_arena_create(0)) == NULL) {
		settings_release(settings);
		return refuse_overload(req);
	}
	body = copy_body(req, arena);
	client = client_of(req, address);
	client.pages = settings->pages;
	result = body.bytes == NULL ? STORE_ENOMEM : decode_native(body, arena, &event, &error);
	if (result == 0)
		result = enrich(server->enricher, event, &client, arena, &error);
	if (result != 0) {
		settings_release(settings);
		if (result == STORE_EINVAL)
			return refuse_malformed(req, arena, &error);
		store_arena_free(arena);
		return refuse_overload(req);
	}
	if (!guard_site(server, event_site(event), event_page_host(event),
			http_header(req, "origin"), why)) {
		settings_release(settings);
		store_arena_free(arena);
		metrics_add(METRICS_beacons_forbidden, 1);
		return http_answer(req, 403, "Forbidden", why);
	}
	return queue(req, event, settings, arena);
}
