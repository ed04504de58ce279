/*
 * One libh2o event loop per core with its connections.
 */
#ifndef LOOP_H
#define LOOP_H

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
/* Stops accepting and shuts connections down gracefully; any thread. */
void loop_stop(struct loop *loop);
/* Whether it has been around within so many milliseconds; any thread. */
bool loop_is_alive(struct loop *loop, int64_t within_ms);
/* Waits for the thread, which ends when the last connection has, or at the
 * deadline (monotonic). */
void loop_join(struct loop *loop, int64_t deadline_ms);

#endif
