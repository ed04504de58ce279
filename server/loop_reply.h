/*
 * Answers that come later, from other threads, and what a loop has for the
 * requests that wait for them. A reply is made with loop_reply_create on the
 * loop's thread, filled by whoever has it, and sent or discarded once.
 */
#ifndef LOOP_REPLY_H
#define LOOP_REPLY_H

#include <stdatomic.h>

#include <h2o.h>

#include "http.h"

/* ---- beacons ---------------------------------------------------------- */

/* The loop's own arena, empty, until this request's handler returns; NULL: out
 * of memory. What is read and written for each request stays in the caches. */
struct store_arena *loop_scratch(h2o_req_t *req);
/* An arena for what outlives the request, empty; NULL: out of memory. It goes
 * back with loop_arena_free, on the same thread, or as `arena` of a reply. */
struct store_arena *loop_arena(h2o_req_t *req);
void loop_arena_free(h2o_req_t *req, struct store_arena *arena);
/* To the writer, with what else this loop reads at the moment; false: its queue
 * is full. */
bool loop_submit(h2o_req_t *req, struct ingest_item *item);

/* Replies made for the request's connection that have not come back. */
uint32_t loop_in_flight(h2o_req_t *req);

/* ---- answering later ------------------------------------------------- */

/*
 * Made on the loop's thread for a request; filled and sent from any thread.
 * When the client is gone, `cancelled` is set and nothing is sent.
 */
struct reply {
	_Atomic int cancelled;
	int status;
	const char *reason;       /* static */
	const char *content_type; /* static; NULL: no body */
	char *body;               /* taken: freed with free() */
	size_t body_size;
	char *headers; /* names and values, each with a NUL */
	uint32_t headers_size;
	uint16_t retry_after_s; /* 0: no header */
	bool is_held;           /* by loop_reply_hold */
	/* NULL, or called with `context` on the loop's thread when it is back, also
	 * if the client is gone. */
	void (*landed)(void *context);
	void *context;
	const void *touched;       /* NULL, or what `landed` will touch besides its context */
	struct store_arena *arena; /* NULL, or owned: from loop_arena */
	/* the loop's: */
	struct loop *loop;
	h2o_req_t *req; /* NULL: the client is gone */
	struct reply_slot *slot;
	struct connection *connection; /* counts it until it is back; may be closed */
	struct reply *next;
};

/* NULL: out of memory. */
struct reply *loop_reply_create(h2o_req_t *req);
/* Adds a header, copied; false: out of memory. Whoever fills the reply. */
bool loop_reply_header(struct reply *reply, const char *lower_name, const char *value);
/* The same for what another reply's `headers` had. */
bool loop_reply_headers(struct reply *reply, const char *bytes, size_t size);
/* Counts the body among those that clients have yet to read; false: that would
 * be more than bytes_max together. Whoever fills the reply. */
bool loop_reply_hold(struct reply *reply, size_t bytes_max);
/* On the loop's thread, instead of sending: forgets and frees it. */
void loop_reply_discard(struct reply *reply);
/* Hands it back to its loop, which frees it. */
void loop_reply_send(struct reply *reply);
/* The same on the writer's thread, where replies wait for those of the same
 * group: a loop then wakes up once, and connections' answers go out together. */
void loop_reply_send_later(struct reply *reply);
void loop_replies_send(void);
/* The same on the loop's own thread, at once. */
void loop_reply_send_now(struct reply *reply);

#endif
