/*
 * collect_inside.h: beacons that are made into entries, from the queue to their
 * answer. On the loop threads, but for on_written; must not block, nor look into
 * a body.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect_inside.h"
#include "guard.h"
#include "guard_http2.h"
#include "loop_reply.h"
#include "metrics.h"

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
	bool is_stored = false;

	guard_leave(&pending->place);
	settings_release(pending->settings);
	if (pending->result != 0) {
		metrics_add(METRICS_beacons_failed, 1);
		return;
	}
	for (uint32_t i = 0; i < pending->entries_count; i++) {
		const struct store_entry *entry = &pending->entries[i];

		/* Of which sampling left nothing, nothing is on disk. */
		if (entry->outcome == STORE_STORED && entry->rows_count == entry->dropped)
			continue;
		metrics_add(outcomes[entry->outcome], 1);
		is_stored |= entry->outcome == STORE_STORED;
	}
	metrics_observe(METRICS_beacon_duration_seconds, metrics_now_ns() - pending->began_ns);
	if (is_stored)
		metrics_set(METRICS_last_stored_timestamp_seconds, time(NULL));
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

int
collect_refuse_overload(h2o_req_t *req)
{
	metrics_add(METRICS_beacons_overload, 1);
	return http_answer_retry(req, 503, "Service Unavailable", "too many beacons in flight");
}

static int
refuse(h2o_req_t *req, enum guard_verdict verdict)
{
	if (verdict == GUARD_OVERLOAD)
		return collect_refuse_overload(req);
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
		pending->began_ns = guard_now_ns();
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
		reply->touched = pending->place.address;
		return true;
	}
	loop_reply_discard(reply);
	return false;
}

int
collect_queue(h2o_req_t *req, const struct event_batch *batch, int status,
	      struct settings *settings)
{
	struct pending *pending = make_pending(req, batch, settings);
	enum guard_verdict verdict = GUARD_OVERLOAD;

	if (pending != NULL) {
		size_t bytes = req->entity.len + store_arena_bytes(pending->arena);

		pending->status = status;
		verdict =
		    guard_enter(loop_server(req), settings->config, loop_in_flight(req),
				event_site(batch->events[0]), (uint32_t)bytes, &pending->place);
		if (verdict == GUARD_OK) {
			if (submit(req, pending)) {
				guard_http2_free_body(req);
				return 0;
			}
			guard_leave(&pending->place);
			verdict = GUARD_OVERLOAD;
		}
		loop_arena_free(req, pending->arena);
	}
	settings_release(settings);
	return refuse(req, verdict);
}
