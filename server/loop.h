/*
 * One libh2o event loop per core with its connections, and answers that come
 * later from other threads.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdatomic.h>

#include <h2o.h>

#include "config.h"
#include "http.h"

struct loop;

/* A listening socket, opened once per loop (SO_REUSEPORT). The first loop's
 * is opened without sharing, so that a port another program has is an error. */
struct loop_listener {
	struct sockaddr_storage address;
	socklen_t address_size;
	SSL_CTX *tls; /* borrowed; NULL: plain */
	uint32_t roles;
	bool proxy_protocol;
	bool is_open; /* a loop has it */
	int socket;   /* that somebody else opened, shared by all loops; 0: none */
};

/* Opens the sockets and starts the thread. NULL: *error says why. Everything
 * is borrowed for ever. With port 0 the first loop picks the port
 * and writes it to the listener. */
struct loop *loop_create(struct server *server, struct loop_listener *listeners,
			 uint32_t listeners_count, char error[256]);
/* Roles of the listener that the request came by. */
uint32_t loop_roles(h2o_req_t *req);
struct server *loop_server(h2o_req_t *req);
/* Replies made for the request's connection that have not come back. */
uint32_t loop_in_flight(h2o_req_t *req);
/* Stops accepting and shuts connections down gracefully; any thread. */
void loop_stop(struct loop *loop);
/* Whether it has been around within so many milliseconds; any thread. */
bool loop_is_alive(struct loop *loop, int64_t within_ms);
/* Waits for the thread, which ends when the last connection has, or at the
 * deadline (monotonic). */
void loop_join(struct loop *loop, int64_t deadline_ms);

/* ---- beacons ---------------------------------------------------------- */

/* An arena for what the request carries, empty; NULL: out of memory. It goes
 * back with loop_arena_free, on the same thread, or as `arena` of a reply. */
struct store_arena *loop_arena(h2o_req_t *req);
void loop_arena_free(h2o_req_t *req, struct store_arena *arena);
/* To the writer, with what else this loop reads at the moment; false: its queue
 * is full. */
bool loop_submit(h2o_req_t *req, struct ingest_item *item);

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
	size_t body_size, held_bytes;
	uint32_t retry_after_s; /* 0: no header */
	char *headers;          /* names and values, each with a NUL */
	size_t headers_size;
	/* the loop's: */
	struct loop *loop;
	h2o_req_t *req;            /* NULL: the client is gone */
	struct store_arena *arena; /* NULL, or owned: from loop_arena */
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
