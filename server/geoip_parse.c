/*
 * geoip.h: an address's text, and whether such an address can have a place. Must not
 * keep it.
 */
#include <arpa/inet.h>
#include <string.h>

#include "address.h"
#include "geoip.h"

static bool
is_private4(uint32_t address)
{
	return address >> 24 == 10 || address >> 24 == 127 || address >> 24 == 0 ||
	       address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 16 == 0xa9fe ||
	       address >> 22 == 0x191; /* 100.64.0.0/10: carrier-grade NAT */
}

static bool
is_public6(const struct in6_addr *address)
{
	return !IN6_IS_ADDR_LOOPBACK(address) && !IN6_IS_ADDR_LINKLOCAL(address) &&
	       (address->s6_addr[0] & 0xfe) != 0xfc && !IN6_IS_ADDR_UNSPECIFIED(address);
}

static void
set_v4(const void *bytes, struct geoip_address *out)
{
	memcpy(&out->v4.sin_addr, bytes, sizeof out->v4.sin_addr);
	if (!is_private4(ntohl(out->v4.sin_addr.s_addr)))
		out->v4.sin_family = AF_INET;
}

void
geoip_parse(struct store_str text, struct geoip_address *out)
{
	char buffer[INET6_ADDRSTRLEN];
	struct in6_addr address;
	uint8_t v4[4];

	memset(out, 0, sizeof *out);
	out->any.sa_family = AF_UNSPEC;
	if (text.size == 0 || text.size >= sizeof buffer)
		return;
	if (address_parse_v4(text.bytes, text.size, v4)) {
		set_v4(v4, out);
		return;
	}
	memcpy(buffer, text.bytes, text.size);
	buffer[text.size] = '\0';
	if (inet_pton(AF_INET6, buffer, &address) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		set_v4(address.s6_addr + 12, out);
	} else if (is_public6(&address)) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_addr = address;
	}
}
