/*
 * loop_reply.h. The way back of what a request set off: from whichever thread
 * did it to the loop whose request it is. Must not know what is answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard_write.h"
#include "loop_inside.h"
#include "metrics.h"

#define ARENA_BYTES_MAX (8u << 10) /* a larger one is not kept */
#define SCRATCH_BYTES_MAX (1u << 20)
#define SPARE_MAX 1024u
#define CONTEXT_BYTES 256u /* of what has landed, that are fetched before it */

_Static_assert(sizeof(struct reply) % LOOP_LINE_BYTES == 0, "whole lines");

static void
wait_no_more(struct reply_slot *slot)
{
	if (slot->connection == NULL)
		return;
	if (slot->connection->last == slot)
		slot->connection->last = NULL;
	guard_connection_wait_no_more(&slot->connection->guard, slot->reply->req);
}

/* Its reply has come back, or will not. */
static void
land(struct connection *connection)
{
	if (connection != NULL && --connection->in_flight == 0 && connection->is_closed)
		free(connection);
}

static void
on_dispose(void *pointer)
{
	struct reply_slot *slot = pointer;

	if (slot->reply == NULL)
		return;
	wait_no_more(slot);
	slot->reply->req = NULL;
	slot->reply->slot = NULL;
	atomic_store(&slot->reply->cancelled, 1);
	slot->reply = NULL;
}

uint32_t
loop_in_flight(h2o_req_t *req)
{
	struct connection *connection = loop_connection_of(req);

	return connection == NULL ? 0 : connection->in_flight;
}

static struct reply *
take_spare(struct loop *loop)
{
	struct reply *reply = loop->spare;

	if (reply != NULL) {
		loop->spare = reply->next;
		loop->spare_count--;
	} else if ((reply = aligned_alloc(LOOP_LINE_BYTES, sizeof *reply)) == NULL) {
		return NULL;
	}
	memset(reply, 0, sizeof *reply);
	return reply;
}

struct reply *
loop_reply_create(h2o_req_t *req)
{
	struct loop *loop = loop_handler_of(req)->loop;
	struct reply *reply = take_spare(loop);
	struct reply_slot *slot;

	if (reply == NULL)
		return NULL;
	slot = h2o_mem_alloc_shared(&req->pool, sizeof *slot, on_dispose);
	slot->reply = reply;
	slot->connection = reply->connection = loop_connection_of(req);
	if (slot->connection != NULL) {
		slot->connection->in_flight++;
		slot->connection->last = slot;
		guard_connection_wait(&slot->connection->guard, req);
	}
	reply->slot = slot;
	reply->req = req;
	reply->loop = loop;
	return reply;
}

bool
loop_reply_header(struct reply *reply, const char *lower_name, const char *value)
{
	return loop_reply_headers(reply, lower_name, strlen(lower_name) + 1) &&
	       loop_reply_headers(reply, value, strlen(value) + 1);
}

bool
loop_reply_headers(struct reply *reply, const char *bytes, size_t size)
{
	char *grown = size > UINT32_MAX - reply->headers_size
			  ? NULL
			  : realloc(reply->headers, reply->headers_size + size);

	if (grown == NULL)
		return false;
	memcpy(grown + reply->headers_size, bytes, size);
	reply->headers = grown;
	reply->headers_size += (uint32_t)size;
	return true;
}

/* On the loop's thread. */
bool
loop_reply_hold(struct reply *reply, size_t bytes_max)
{
	int64_t size = (int64_t)reply->body_size;
	int64_t before = atomic_fetch_add(&metrics_values[METRICS_answers_bytes], size);

	if (before + size > (int64_t)bytes_max) {
		metrics_add(METRICS_answers_bytes, -size);
		return false;
	}
	reply->is_held = true;
	return true;
}

static void
keep_arena(struct loop *loop, struct store_arena *arena)
{
	if (arena == NULL || loop->arenas_count == LOOP_ARENAS_MAX ||
	    store_arena_bytes(arena) > ARENA_BYTES_MAX) {
		store_arena_free(arena);
		return;
	}
	store_arena_reset(arena);
	loop->arenas[loop->arenas_count++] = arena;
}

struct store_arena *
loop_scratch(h2o_req_t *req)
{
	struct loop *loop = loop_handler_of(req)->loop;

	if (loop->scratch != NULL && store_arena_bytes(loop->scratch) > SCRATCH_BYTES_MAX) {
		store_arena_free(loop->scratch);
		loop->scratch = NULL;
	}
	if (loop->scratch == NULL)
		return loop->scratch = store_arena_create(0);
	store_arena_reset(loop->scratch);
	return loop->scratch;
}

struct store_arena *
loop_arena(h2o_req_t *req)
{
	struct loop *loop = loop_handler_of(req)->loop;

	return loop->arenas_count > 0 ? loop->arenas[--loop->arenas_count] : store_arena_create(0);
}

void
loop_arena_free(h2o_req_t *req, struct store_arena *arena)
{
	keep_arena(loop_handler_of(req)->loop, arena);
}

bool
loop_submit(h2o_req_t *req, struct ingest_item *item)
{
	struct loop *loop = loop_handler_of(req)->loop;
	struct connection *connection = loop_connection_of(req);

	item->was_coming = connection != NULL && connection->was_newcomer;
	if (!ingest_add(loop->server->ingest, &loop->batch, item))
		return false;
	if (connection != NULL)
		guard_write_soon(&connection->guard);
	return true;
}

static void
free_reply(struct reply *reply)
{
	if (reply->is_held)
		metrics_add(METRICS_answers_bytes, -(int64_t)reply->body_size);
	land(reply->connection);
	keep_arena(reply->loop, reply->arena);
	free(reply->headers);
	free(reply->body);
	if (reply->loop->spare_count == SPARE_MAX) {
		free(reply);
		return;
	}
	reply->next = reply->loop->spare;
	reply->loop->spare = reply;
	reply->loop->spare_count++;
}

void
loop_reply_discard(struct reply *reply)
{
	if (reply->slot != NULL) {
		wait_no_more(reply->slot);
		reply->slot->reply = NULL;
	}
	free_reply(reply);
}

/* A body on its way to the client. */
struct sent_body {
	char *bytes; /* owned */
	size_t held_bytes;
};

static void
free_body(void *pointer)
{
	struct sent_body *body = pointer;

	metrics_add(METRICS_answers_bytes, -(int64_t)body->held_bytes);
	free(body->bytes);
}

/* The body goes with the request's pool: it may be large, and is not copied. */
static h2o_iovec_t
take_body(h2o_req_t *req, struct reply *reply)
{
	struct sent_body *sent = h2o_mem_alloc_shared(&req->pool, sizeof *sent, free_body);

	*sent = (struct sent_body){reply->body, reply->is_held ? reply->body_size : 0};
	reply->body = NULL;
	reply->is_held = false;
	return h2o_iovec_init(sent->bytes, reply->body_size);
}

static void
add_headers(h2o_req_t *req, const struct reply *reply)
{
	for (size_t at = 0; at < reply->headers_size;) {
		const char *name = reply->headers + at, *value = name + strlen(name) + 1;

		http_add_header(req, name, value, strlen(value));
		at += strlen(name) + strlen(value) + 2;
	}
}

void
loop_reply_send_now(struct reply *reply)
{
	static h2o_generator_t generator = {NULL, NULL};
	h2o_req_t *req = reply->req;
	h2o_iovec_t body = {NULL, 0};
	char number[16];

	if (reply->landed != NULL)
		reply->landed(reply->context);
	if (req != NULL) {
		wait_no_more(reply->slot);
		reply->slot->reply = NULL;
		req->res.status = reply->status;
		req->res.reason = reply->reason;
		if (reply->content_type != NULL)
			http_add_header(req, "content-type", reply->content_type,
					strlen(reply->content_type));
		add_headers(req, reply);
		if (reply->retry_after_s > 0) {
			snprintf(number, sizeof number, "%u", reply->retry_after_s);
			http_add_header(req, "retry-after", number, strlen(number));
		}
		if (reply->status != 204)
			req->res.content_length = reply->body_size;
		if (reply->body_size > 0 && !http_is_head(req))
			body = take_body(req, reply);
		h2o_start_response(req, &generator);
		h2o_send(req, &body, body.len > 0, H2O_SEND_STATE_FINAL);
	}
	free_reply(reply);
}

/* A list of replies to their loop. */
static void
hand_back(struct loop *loop, struct reply *first, struct reply *last)
{
	bool post;

	pthread_mutex_lock(&loop->mutex);
	last->next = NULL;
	if (loop->replies_first == NULL)
		loop->replies_first = first;
	else
		loop->replies_last->next = first;
	loop->replies_last = last;
	post = !loop->is_posted;
	loop->is_posted = true;
	pthread_mutex_unlock(&loop->mutex);
	/* After the mutex, which the loop wants as soon as it is awake. An older post has
	 * been unlinked: that was before is_posted was cleared. */
	if (post)
		h2o_multithread_send_message(&loop->receiver, &loop->message);
}

void
loop_reply_send(struct reply *reply)
{
	hand_back(reply->loop, reply, reply);
}

static struct loop *waiting; /* the writer's: loops that have replies of its group */

void
loop_reply_send_later(struct reply *reply)
{
	struct loop *loop = reply->loop;

	if (loop->later_first == NULL) {
		loop->later_first = reply;
		loop->later_next = waiting;
		waiting = loop;
	} else {
		loop->later_last->next = reply;
	}
	loop->later_last = reply;
}

void
loop_replies_send(void)
{
	while (waiting != NULL) {
		struct loop *loop = waiting;

		waiting = loop->later_next;
		hand_back(loop, loop->later_first, loop->later_last);
		loop->later_first = loop->later_last = NULL;
	}
}

static void
fetch(const void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += LOOP_LINE_BYTES)
		__builtin_prefetch((const char *)at + i, 1);
}

/* A group's requests have waited for the disk for some milliseconds, in which
 * others took their place in the caches. What the next ones' answers touch is
 * fetched while this one is sent, each step by what the one before has fetched. */
static void
fetch_ahead(const struct reply *next)
{
	const h2o_headers_t *headers;

	if (next == NULL)
		return;
	if (next->req != NULL) {
		headers = &next->req->headers;
		/* References are counted just before the bytes. */
		for (size_t i = 0; i < headers->size; i++) {
			if (headers->entries[i].value.len > 0)
				fetch(headers->entries[i].value.base - 16, 1);
		}
	}
	if ((next = next->next) == NULL)
		return;
	if (next->req != NULL) {
		headers = &next->req->headers;
		fetch(next->req->pool.chunks, 1);
		fetch(next->req->pool.shared_refs, 1);
		fetch(headers->entries, headers->size * sizeof *headers->entries);
	}
	if ((next = next->next) == NULL)
		return;
	if (next->req != NULL)
		fetch(next->req, sizeof *next->req);
	fetch(next->slot, 1);
	fetch(next->touched, 1);
	if (next->context != NULL)
		fetch(next->context, CONTEXT_BYTES);
	if (next->next != NULL)
		fetch(next->next, sizeof *next);
}

void
loop_reply_on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
	struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, receiver, receiver);
	struct reply *reply, *next;

	pthread_mutex_lock(&loop->mutex);
	while (!h2o_linklist_is_empty(messages))
		h2o_linklist_unlink(messages->next);
	loop->is_posted = false;
	reply = loop->replies_first;
	loop->replies_first = loop->replies_last = NULL;
	pthread_mutex_unlock(&loop->mutex);
	for (; reply != NULL; reply = next) {
		next = reply->next;
		fetch_ahead(next);
		loop_reply_send_now(reply);
	}
}

void
loop_reply_clear(struct loop *loop)
{
	while (loop->arenas_count > 0)
		store_arena_free(loop->arenas[--loop->arenas_count]);
	store_arena_free(loop->scratch);
	loop->scratch = NULL;
	while (loop->spare != NULL) {
		struct reply *next = loop->spare->next;

		free(loop->spare);
		loop->spare = next;
	}
}
