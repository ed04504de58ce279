/*
 * Who may ask, how often, and how much at once: limits in all, by address, by
 * site and by connection, and which sites, hosts and origins may send beacons.
 * On the loop threads. What a connection sends before there
 * is a request is guard_connection.h's.
 */
#ifndef GUARD_H
#define GUARD_H

#include "http.h"

struct guard_address;
struct guard_connection;

enum guard_verdict {
	GUARD_OK,
	GUARD_LIMITED_ADDRESS, /* 429 */
	GUARD_LIMITED_SITE,    /* 429 */
	GUARD_OVERLOAD         /* 503 */
};

/* A connection has been accepted, or its PROXY header read: the peer is known.
 * False: it must be closed. */
bool guard_connect(const struct server *server, struct guard_connection *connection);
/* A token for accepting another connection. */
bool guard_may_accept(struct server *server);

/* Around the handling of a request: finds out who the client is. */
void guard_begin(h2o_req_t *req, struct server *server);
void guard_end(void);
/* The client's address as text; "" when it has none. Between the two. */
const char *guard_client(void);
/* When guard_begin was called, by metrics_now_ns's clock. */
int64_t guard_now_ns(void);
/* Takes a token for the request; between the two. */
enum guard_verdict guard_request(struct server *server);
/* Takes so many more for one that costs as much as several; between the two. It goes on
 * itself: those after it wait for what the bucket has not. */
void guard_weigh(const struct server *server, uint32_t tokens);

/* A beacon's place among those in flight. */
struct guard_place {
	struct guard_address *address; /* NULL: not limited */
	struct guard_site *site;
	uint32_t bytes;
};

/* Takes a place; between guard_begin and guard_end. `waiting`: requests of the
 * same connection that wait already. `bytes`: the beacon's. `config`: of whoever let
 * the site in, guard_site. */
enum guard_verdict
guard_enter(const struct server *server, const struct config *config, uint32_t waiting,
	    struct store_str site, uint32_t bytes, struct guard_place *place);
/* Any thread. */
void guard_leave(const struct guard_place *place);

#define GUARD_WHY_BYTES 240

/* The key of the configured site that lists the host (until the next call on this
 * thread); the host itself when
 * none does. */
struct store_str guard_site_of(const struct server *server, struct store_str host);

/* Whether the site, the page's host and the Origin are allowed; false: why
 * tells what is not, in one line. Loop threads. */
bool guard_site(const struct config *config, struct store_str site, struct store_str host,
		struct store_str origin, char why[GUARD_WHY_BYTES]);

#endif
