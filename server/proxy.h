/*
 * Who the client is when proxies stand in between: X-Forwarded-For, and the
 * PROXY protocol, both only from proxies that the configuration trusts. Pure.
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "store/store.h"

struct proxy_range { /* of IPv6 addresses; IPv4 as ::ffff:a.b.c.d */
	uint8_t address[16];
	uint32_t bits;
};

#define PROXY_HEADER_BYTES_MAX 536u /* of version 1: 107; of version 2: what we take */

/* "10.0.0.0/8", "2001:db8::/32", or one address. */
bool proxy_parse_range(const char *text, struct proxy_range *range);
bool
proxy_is_trusted(const struct proxy_range *ranges, uint32_t count, const struct sockaddr *peer);

/*
 * One value of X-Forwarded-For, of which the last is to be given first: goes from
 * right to left as long as *client is trusted, and leaves in *client the first
 * address that is not (or the leftmost). False: it ended there, an earlier value
 * must not be looked at.
 */
bool proxy_forwarded(const struct proxy_range *ranges, uint32_t count, struct store_str value,
		     struct sockaddr_storage *client);

/*
 * The PROXY protocol's header, version 1 or 2, at the beginning of a connection:
 * its size, 0 when more bytes are needed, -1 when it is none.
 * *client_size is 0 when the proxy speaks for itself.
 * Source: haproxy.org/download/2.8/doc/proxy-protocol.txt
 */
ssize_t proxy_parse_header(const uint8_t *bytes, size_t size, struct sockaddr_storage *client,
			   socklen_t *client_size);

#endif
