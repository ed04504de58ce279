/*
 * Who may send beacons, and how many at once: sites, hosts, origins and the cap
 * on beacons in flight. Connection limits are in loop.c, body caps in the
 * handlers.
 */
#ifndef GUARD_H
#define GUARD_H

#include "http.h"

/* Takes a place among the beacons in flight; false: none is free. */
bool guard_enter(const struct server *server);
void guard_leave(void);

/* NULL, or why the site, the page's host or the Origin is not allowed. Loop
 * threads. */
const char *guard_site(const struct server *server, struct store_str site, struct store_str host,
		       struct store_str origin);

#endif
