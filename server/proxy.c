/*
 * proxy.h. On the loop threads, before anything counts by address.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "proxy.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* ---- addresses ------------------------------------------------------- */

static bool
to_bytes(const struct sockaddr *address, uint8_t out[16])
{
	if (address->sa_family == AF_INET) {
		memcpy(out, mapped, 12);
		memcpy(out + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
		return true;
	}
	return false;
}

static void
from_bytes(const uint8_t bytes[16], struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (memcmp(bytes, mapped, 12) == 0) {
		struct sockaddr_in *address = (struct sockaddr_in *)out;

		address->sin_family = AF_INET;
		memcpy(&address->sin_addr, bytes + 12, 4);
	} else {
		struct sockaddr_in6 *address = (struct sockaddr_in6 *)out;

		address->sin6_family = AF_INET6;
		memcpy(&address->sin6_addr, bytes, 16);
	}
}

/* An address without anything around it. */
static bool
parse_plain(const char *text, size_t size, uint8_t out[16])
{
	char copy[INET6_ADDRSTRLEN];

	if (size == 0 || size >= sizeof copy)
		return false;
	if (address_parse_v4(text, size, out + 12)) {
		memcpy(out, mapped, 12);
		return true;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';
	return inet_pton(AF_INET6, copy, out) == 1;
}

/* Also 192.0.2.1:8080, [2001:db8::1] and [2001:db8::1]:8080, as some write. */
static bool
parse_any(const char *text, size_t size, uint8_t out[16])
{
	const char *colon = memchr(text, ':', size), *bracket;

	if (size > 0 && text[0] == '[') {
		bracket = memchr(text, ']', size);
		return bracket != NULL && parse_plain(text + 1, (size_t)(bracket - text) - 1, out);
	}
	if (colon != NULL && memchr(colon + 1, ':', (size_t)(text + size - colon) - 1) == NULL)
		size = (size_t)(colon - text);
	return parse_plain(text, size, out);
}

/* ---- ranges ---------------------------------------------------------- */

bool
proxy_parse_range(const char *text, struct proxy_range *range)
{
	const char *slash = strchr(text, '/');
	size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
	uint32_t most, bits;

	if (!parse_plain(text, size, range->address))
		return false;
	most = bits = memcmp(range->address, mapped, 12) == 0 ? 32 : 128;
	if (slash != NULL) {
		size_t digits = strspn(slash + 1, "0123456789");

		if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
			return false;
		bits = (uint32_t)strtoul(slash + 1, NULL, 10);
	}
	range->bits = bits + 128 - most;
	return bits <= most;
}

static bool
is_in(const struct proxy_range *range, const uint8_t address[16])
{
	uint32_t whole = range->bits / 8, rest = range->bits % 8;

	return memcmp(range->address, address, whole) == 0 &&
	       (rest == 0 || (range->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool
proxy_is_trusted(const struct proxy_range *ranges, uint32_t count, const struct sockaddr *peer)
{
	uint8_t address[16];

	if (count == 0 || !to_bytes(peer, address))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (is_in(&ranges[i], address))
			return true;
	}
	return false;
}

/* ---- X-Forwarded-For ------------------------------------------------- */

bool
proxy_forwarded(const struct proxy_range *ranges, uint32_t count, struct store_str value,
		struct sockaddr_storage *client)
{
	const char *end = value.bytes + value.size;

	while (proxy_is_trusted(ranges, count, (struct sockaddr *)client)) {
		const char *begin = end, *from, *to = end;
		uint8_t address[16];

		while (begin > value.bytes && begin[-1] != ',')
			begin--;
		for (from = begin; from < to && (*from == ' ' || *from == '\t');)
			from++;
		while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
			to--;
		if (!parse_any(from, (size_t)(to - from), address))
			return false; /* whoever stands left of it cannot be known */
		from_bytes(address, client);
		if (begin == value.bytes)
			return true;
		end = begin - 1;
	}
	return false;
}

/* ---- the PROXY protocol ---------------------------------------------- */

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
				      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static uint32_t
u16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static ssize_t
parse_binary(const uint8_t *bytes, size_t size, struct sockaddr_storage *client,
	     socklen_t *client_size)
{
	uint8_t address[16];
	uint32_t body;

	if (size < 16)
		return memcmp(bytes, signature, size < 12 ? size : 12) == 0 ? 0 : -1;
	body = u16(bytes + 14);
	if (memcmp(bytes, signature, 12) != 0 || bytes[12] >> 4 != 2 || (bytes[12] & 0xf) > 1 ||
	    16 + body > PROXY_HEADER_BYTES_MAX)
		return -1;
	if (size < 16 + body)
		return 0;
	if ((bytes[12] & 0xf) == 0) /* LOCAL: a health check of the proxy's */
		return (ssize_t)(16 + body);
	if (bytes[13] >> 4 == 1 && body >= 12) {
		memcpy(address, mapped, 12);
		memcpy(address + 12, bytes + 16, 4);
	} else if (bytes[13] >> 4 == 2 && body >= 36) {
		memcpy(address, bytes + 16, 16);
	} else {
		return bytes[13] >> 4 == 0 ? (ssize_t)(16 + body) : -1;
	}
	from_bytes(address, client);
	*client_size = sizeof *client;
	return (ssize_t)(16 + body);
}

/* "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", at most 107 bytes. */
static ssize_t
parse_text(const char *bytes, size_t size, struct sockaddr_storage *client, socklen_t *client_size)
{
	const char *newline = memchr(bytes, '\n', size), *from, *to;
	size_t line = newline == NULL ? 0 : (size_t)(newline - bytes) + 1;
	uint8_t address[16];

	if (memcmp(bytes, "PROXY ", size < 6 ? size : 6) != 0)
		return -1;
	if (newline == NULL)
		return size < 107 ? 0 : -1;
	if (line < 8 || line > 107 || newline[-1] != '\r')
		return -1;
	if (line >= 15 && memcmp(bytes + 6, "UNKNOWN", 7) == 0)
		return (ssize_t)line;
	if (line < 12 || (memcmp(bytes + 6, "TCP4 ", 5) != 0 && memcmp(bytes + 6, "TCP6 ", 5) != 0))
		return -1;
	from = bytes + 11;
	to = memchr(from, ' ', (size_t)(newline - from));
	if (to == NULL || !parse_plain(from, (size_t)(to - from), address))
		return -1;
	from_bytes(address, client);
	*client_size = sizeof *client;
	return (ssize_t)line;
}

ssize_t
proxy_parse_header(const uint8_t *bytes, size_t size, struct sockaddr_storage *client,
		   socklen_t *client_size)
{
	*client_size = 0;
	if (size == 0)
		return 0;
	return bytes[0] == signature[0]
		   ? parse_binary(bytes, size, client, client_size)
		   : parse_text((const char *)bytes, size, client, client_size);
}
