/*
 * What libh2o 2.2.5's HTTP/2 lacks, put between its own functions: this
 * program defines some that the library exports, and the library, which calls
 * them by name, comes by here. Whether it does is found out at start.
 */
#ifndef GUARD_HTTP2_H
#define GUARD_HTTP2_H

#include <stdbool.h>
#include <stdint.h>

struct st_h2o_req_t;

/* Talks HTTP/2 with the library over a socket pair of its own, before there are
 * listeners. False: the library is not the one that this was made for, *why
 * says in what, and HTTP/2 must stay off. */
bool guard_http2_check(char why[256]);

/* For a request that has been read and waits for its answer: its body goes at once,
 * for the next one's. Of HTTP/1 it stays, as libh2o has it with the connection. */
void guard_http2_free_body(struct st_h2o_req_t *req);

/* ---- between guard_check.c and guard_http2.c ------------------------- */

/* The functions that the library must come by. */
enum guard_hook {
	GUARD_READ_START,
	GUARD_ACCEPT,
	GUARD_ACCEPT_HTTP1,
	GUARD_DECODE_FRAME,
	GUARD_STREAM_OPEN,
	GUARD_STREAM_CLOSE,
	GUARD_SEND_PENDING,
	GUARD_RESET,
	GUARD_HEADERS,
	GUARD_CACHE_DIGEST,
	GUARD_UPGRADE,
	GUARD_HOOKS_COUNT
};

struct guard_probe {
	unsigned calls[GUARD_HOOKS_COUNT];
	uint32_t stream_window; /* what the check's client has set */
	bool layout_is_known;   /* of libh2o's streams */
};

/* While it is set (at start, one thread), calls are counted. */
void guard_http2_probe(struct guard_probe *probe);

#endif
