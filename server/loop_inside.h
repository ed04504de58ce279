/*
 * The inside of a loop, for loop.c, loop_connection.c and loop_reply.c: its
 * connections, and the replies that are on their way back to it. A loop's fields belong to its
 * thread but for those under its mutex.
 */
#ifndef LOOP_INSIDE_H
#define LOOP_INSIDE_H

#include <pthread.h>
#include <semaphore.h>

#include "guard_connection.h"
#include "loop.h"
#include "loop_reply.h"

#define LOOP_ARENAS_MAX 1024u
#define LOOP_PAUSE_MS 50      /* without accepting */
#define LOOP_NEWCOMER_MS 1000 /* later it is one that was opened in advance */
#define LOOP_LINE_BYTES 64u   /* of the processor's caches */

struct connection {
	struct guard_connection guard;
	h2o_linklist_t link; /* of loop.connections */
	struct loop *loop;
	struct listening *listening;
	/* Requests whose answer is still to come back here, also after their
	 * stream was reset: until then this is not freed. */
	uint32_t in_flight;
	bool is_closed;
	bool is_newcomer;        /* its first request is likely to come */
	bool was_newcomer;       /* until this request */
	struct reply_slot *last; /* that waits; NULL when there is none */
};

struct listening {
	struct loop *loop;
	h2o_socket_t *socket;
	h2o_accept_ctx_t accept;
	bool proxy_protocol, takes_queries;
};

/* One libh2o configuration per body cap; the handler finds its loop by it. */
struct site {
	h2o_globalconf_t config;
	h2o_context_t context;
};

struct loop_handler {
	h2o_handler_t handler;
	struct loop *loop;
	uint32_t roles;
};

struct loop {
	struct server *server; /* borrowed */
	pthread_t thread;
	h2o_evloop_t *evloop;
	struct site sites[3]; /* by roles - 1 */
	struct listening listening[16];
	uint32_t listening_count;
	h2o_linklist_t connections;
	uint32_t connections_count;
	bool accepting;
	int64_t paused_ms; /* since when not */
	h2o_multithread_queue_t *queue;
	h2o_multithread_receiver_t receiver;
	_Atomic int stop, deadline_passed;
	_Atomic int64_t beat_ms; /* when it was last around */
	struct ingest_batch batch;
	struct store_arena *arenas[LOOP_ARENAS_MAX]; /* owned: used before, empty */
	uint32_t arenas_count;
	struct store_arena *scratch; /* owned; NULL at first */
	struct reply *spare;         /* owned: used before */
	uint32_t spare_count;
	/* the writer's: replies of the present group */
	struct reply *later_first, *later_last;
	struct loop *later_next; /* of those that have some */
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	struct reply *replies_first, *replies_last;
	h2o_multithread_message_t message;
	bool is_posted;
	/* while it is set up: */
	struct loop_listener *listeners; /* borrowed */
	uint32_t listeners_count;
	char error[256];
	bool is_up;
	sem_t up; /* posted when that is known */
};

struct reply_slot { /* in the request's pool: unbinds when the request goes */
	struct reply *reply;
	struct connection *connection; /* NULL, or outlives the request */
};

static inline struct loop_handler *
loop_handler_of(h2o_req_t *req)
{
	return (struct loop_handler *)req->pathconf->handlers.entries[0];
}

static inline struct connection *
loop_connection_of(h2o_req_t *req)
{
	h2o_socket_t *socket = req->conn->callbacks->get_socket(req->conn);

	return (struct connection *)guard_connection_of(socket);
}

/* Its first request has come, or is not likely to any more. */
static inline void
loop_connection_is_known(struct connection *connection)
{
	if (connection->is_newcomer)
		atomic_fetch_sub(&connection->loop->server->newcomers, 1);
	connection->is_newcomer = false;
}

/* Begins or ends to accept, on all listeners. */
void loop_connection_accept(struct loop *loop, bool accepting);
/* Begins again after LOOP_PAUSE_MS, when there is room. */
void loop_connection_accept_again(struct loop *loop, int64_t now);
/* Each second: those that are too slow are shut, and who waits for an answer
 * and has gone is found. */
void loop_connection_tick(struct loop *loop, int64_t now);
/* Before the end: no more requests on connections of HTTP/1. */
void loop_connection_shut_input(struct loop *loop);

/* What other threads have answered; the receiver's function of the loop's queue. */
void loop_reply_on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages);

/* When its thread has ended: frees what it kept for further requests. */
void loop_reply_clear(struct loop *loop);

#endif
