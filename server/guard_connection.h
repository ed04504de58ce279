/*
 * One connection's account: what it has buffered, which HTTP/2 streams it has
 * open, what its frames cost, and when it is overdue. Belongs to its loop's
 * thread, like the socket.
 *
 * Order: guard_connection_open before h2o_accept; guard_connection_tick once a
 * second; `closed` is called when libh2o has closed the socket, after which
 * nothing here may be called.
 */
#ifndef GUARD_CONNECTION_H
#define GUARD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <h2o.h>

#include "config.h"
#include "metrics.h"

struct guard_address;

/* What libh2o's buffers begin with: a socket's, and a body's (loop.c sees to it). */
#define GUARD_BUFFER_BYTES (32u << 10)

/* SETTINGS, their acknowledgement, a window and the head of an answer. */
#define GUARD_FIRST_BYTES 256u

/* An HTTP/2 stream from HEADERS or PRIORITY until libh2o frees it. */
struct guard_stream {
	const void *stream; /* libh2o's, only to be compared */
	uint32_t id;
	uint32_t bytes;   /* of its body, so far */
	int64_t since_ms; /* of its beginning, or of its answer */
	bool is_idle;     /* only named by a PRIORITY frame */
	bool is_whole;    /* the request has arrived */
	bool is_begun;    /* its body has, and not ended: it holds a buffer */
	bool is_waiting;  /* for an answer of ours */
};

struct guard_connection {
	/* Set by the owner before guard_connection_open: */
	h2o_socket_t *socket;
	const struct config_limits *limits; /* borrowed for ever */
	void (*closed)(struct guard_connection *connection);
	bool takes_queries; /* its listener does */
	/* guard_connection.c's: */
	struct guard_address *address; /* a reference; NULL: no limits by address */
	uint32_t waiting;              /* requests whose answer comes later */
	h2o_socket_cb read;            /* libh2o's */
	int64_t request_ms;            /* of the last whole request, or of the beginning */
	int64_t drained_ms;            /* when the client last was seen to read */
	uint64_t drained;              /* bytes that it had read then */
	bool is_http2, is_condemned;
	bool has_heads, is_refused; /* guard_head.c's: HTTP/1; answered 431 */
	uint64_t buffered, input;   /* accounted in all; of it, in the socket's buffer */
	/* HTTP/2: */
	int64_t credited_ms;
	int32_t frame_credit, reset_credit;
	uint32_t settings, block_bytes; /* frames; of the header block being read */
	uint64_t window_updates;
	uint8_t frame_type;      /* of the last frame */
	const uint8_t *frame_at; /* where it was, within one read */
	size_t frame_size;
	/* guard_write.c's: */
	struct ssl_st *ssl; /* the socket's, from the handshake on; NULL: none */
	bool owes_ticket, has_written, has_told_window;
	bool is_answered_soon;         /* what waits; only until something was written */
	int32_t window_ahead;          /* bytes that the client knows of before libh2o says so */
	char first[GUARD_FIRST_BYTES]; /* that are being written, or held */
	size_t held;                   /* of them, that wait for the answer; 0: none do */
	int64_t held_ms;               /* since when */
	void *http2;                   /* libh2o's connection, while a stream is open */
	h2o_buffer_t **out;            /* what it writes next; NULL: not known */
	struct guard_stream *streams;  /* owned */
	uint32_t streams_count, streams_capacity;
};

/* Where the thread is reading; NULL: nowhere, or the connection was closed
 * meanwhile. Set by guard_http2.c. */
extern __thread struct guard_connection *guard_connection_current;

int64_t guard_connection_now_ms(void);

void guard_connection_open(struct guard_connection *connection);
/* Takes over the reference that guard_address_connect gave; at most once. */
void
guard_connection_set_address(struct guard_connection *connection, struct guard_address *address);
/* The guarded connection of a socket; NULL: it has none. */
struct guard_connection *guard_connection_of(const h2o_socket_t *socket);
/* After libh2o has taken what was read. */
void guard_connection_has_read(struct guard_connection *connection);
/* A whole request has arrived. */
void guard_connection_request(struct guard_connection *connection, const h2o_req_t *req);
/* Its answer comes later; or has come, or the request has gone. */
void guard_connection_wait(struct guard_connection *connection, const h2o_req_t *req);
void guard_connection_wait_no_more(struct guard_connection *connection, const h2o_req_t *req);
/* Shuts what is overdue. */
void guard_connection_tick(struct guard_connection *connection, int64_t now_ms);
/* Ends it, now: both sides of the socket are shut, and libh2o sees its end. */
void guard_connection_condemn(struct guard_connection *connection, enum metric reason);

/* ---- HTTP/2, for guard_http2.c --------------------------------------- */

struct guard_frame { /* as libh2o decodes it */
	uint32_t length;
	uint8_t type, flags;
	uint32_t stream_id;
	const uint8_t *payload;
};

/* 0, or libh2o's error code by which the connection must end. A frame of an
 * unknown type is turned into one that means nothing. `at` and `size`: what was
 * in the buffer, to notice frames that come again and again. */
int guard_connection_frame(struct guard_connection *connection, struct guard_frame *frame,
			   const uint8_t *at, size_t size);
/* libh2o is told to end it; the tick does if it cannot. */
void guard_connection_abuses(struct guard_connection *connection);
/* We reset a stream, or the client did. */
void guard_connection_reset(struct guard_connection *connection);
void
guard_connection_stream_open(struct guard_connection *connection, const void *stream, uint32_t id);
void guard_connection_stream_close(struct guard_connection *connection, const void *stream);

#endif
