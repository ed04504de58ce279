/*
 * What each client address has in hand: a bounded table by IPv4 address or IPv6
 * /64, shared by all loops. Any thread.
 */
#ifndef GUARD_ADDRESS_H
#define GUARD_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#include "config.h"

struct guard_address;

/*
 * A token bucket in one word: the monotonic time in ns at which it will be full
 * again (GCRA). It holds `burst` tokens and gets `per_s` a second.
 */
bool guard_bucket_take(_Atomic int64_t *full_ns, int64_t now_ns, uint32_t per_s, uint32_t burst);
/* Takes tokens that it may not have: none is given until they have come. */
void guard_bucket_owe(_Atomic int64_t *full_ns, int64_t now_ns, uint32_t per_s, uint32_t tokens);
int64_t guard_bucket_now_ns(void);

/* Whether limits by address are for it: not for loopback, unless
 * limits.loopback; not for what has no IP address. */
bool guard_address_is_limited(const struct sockaddr *peer, const struct config_limits *limits);

/* The address's entry with a reference that guard_address_release gives back.
 * NULL: the table has no room for it (all its entries are in use). */
struct guard_address *guard_address_acquire(const struct sockaddr *peer);
void guard_address_release(struct guard_address *address); /* NULL: does nothing */

/* Counts a connection against the address and takes a token for it; false:
 * it has too many, or opens them too fast. Either way guard_address_disconnect
 * ends it, together with a reference. */
bool guard_address_connect(struct guard_address *address, const struct config_limits *limits);
void guard_address_disconnect(struct guard_address *address);
/* A token for a request. */
bool guard_address_request(struct guard_address *address, const struct config_limits *limits,
			   int64_t now_ns);
void guard_address_owe(struct guard_address *address, const struct config_limits *limits,
		       int64_t now_ns, uint32_t tokens);
/* Adds to the bytes buffered for it; the new sum. */
uint64_t guard_address_buffer(struct guard_address *address, int64_t bytes);
/* A place among its beacons in flight, with a reference of its own; false:
 * there is none. guard_address_leave may be called by another thread. */
bool guard_address_enter(struct guard_address *address, const struct config_limits *limits);
void guard_address_leave(struct guard_address *address);

#endif
