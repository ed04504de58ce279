/*
 * url.h. Part of enrichment; pure.
 */
#include <ctype.h>
#include <string.h>

#include "redact.h"
#include "url.h"

#define HOST_BYTES_MAX 253u
#define PATH_BYTES_MAX (500u + REDACT_SECRET_BYTES) /* cut when it is redacted */
#define ID_HEX_MIN 8u

/* What a byte ends. */
enum {
	SCHEME = 1,
	AUTHORITY = 2, /* or the userinfo in it */
	HOST = 4,
	PATH = 8,
	SEGMENT = 16,
	NAME = 32, /* of a segment */
	BRACKET = 64,
	QUERY = 128,
};

static const uint8_t ends[256] = {
    [':'] = SCHEME | HOST,
    ['/'] = SCHEME | AUTHORITY | HOST | SEGMENT,
    ['?'] = SCHEME | AUTHORITY | HOST | PATH,
    ['#'] = SCHEME | AUTHORITY | HOST | PATH | QUERY,
    ['\\'] = AUTHORITY | HOST,
    ['@'] = AUTHORITY,
    [';'] = NAME,
    [']'] = BRACKET,
};

/* Where a byte ends it, else the text's size. */
static inline uint32_t
find(struct store_str text, uint32_t from, unsigned what)
{
	while (from < text.size && !(ends[(unsigned char)text.bytes[from]] & what))
		from++;
	return from;
}

/* Bytes from .. to - 1; an empty text may have no bytes at all. */
static struct store_str
part(struct store_str text, uint32_t from, uint32_t to)
{
	return (struct store_str){to > from ? text.bytes + from : "", to - from};
}

/* Bounds of host (userinfo skipped, port left out) and path. */
static void
bounds(struct store_str url, uint32_t *host, uint32_t *host_end, uint32_t *path, uint32_t *path_end)
{
	uint32_t scheme = find(url, 0, SCHEME), at;

	*host = *host_end = *path = 0;
	if (url.size - scheme >= 3 && memcmp(url.bytes + scheme, "://", 3) == 0) {
		*host = at = scheme + 3;
		for (; (at = find(url, at, AUTHORITY)) < url.size && url.bytes[at] == '@';)
			*host = ++at;
		*host_end = *host < at && url.bytes[*host] == '[' ? find(url, *host, BRACKET) + 1
								  : find(url, *host, HOST);
		*host_end = *host_end > at ? at : *host_end;
		*path = at;
	}
	*path_end = find(url, *path, PATH);
}

static bool
lower(struct store_str text, struct store_arena *arena, struct store_str *out)
{
	char *bytes;

	if (text.size > HOST_BYTES_MAX)
		text.size = 0;
	if ((bytes = store_arena_alloc(arena, text.size)) == NULL)
		return false;
	for (uint32_t i = 0; i < text.size; i++)
		bytes[i] = (char)tolower((unsigned char)text.bytes[i]);
	*out = (struct store_str){bytes, text.size};
	return true;
}

/* ---- path segments --------------------------------------------------- */

static bool
is_number(struct store_str s)
{
	for (uint32_t i = 0; i < s.size; i++) {
		if (!isdigit((unsigned char)s.bytes[i]))
			return false;
	}
	return s.size > 0;
}

static bool
is_email(struct store_str s)
{
	const char *at = s.size == 0 ? NULL : memchr(s.bytes, '@', s.size);

	if (at == NULL && s.size > 3 && memchr(s.bytes, '%', s.size) != NULL)
		at = memmem(s.bytes, s.size, "%40", 3);
	return at != NULL && at > s.bytes &&
	       memchr(at, '.', s.size - (size_t)(at - s.bytes)) != NULL;
}

static struct store_str
placeholder(struct store_str segment)
{
	if (is_email(segment))
		return (struct store_str){":email", 6};
	if (is_number(segment) || redact_is_hex(segment, ID_HEX_MIN))
		return (struct store_str){":id", 3};
	if (redact_is_token(segment))
		return (struct store_str){":token", 6};
	return segment;
}

bool
url_normalise(struct store_str path, struct store_arena *arena, struct store_str *out)
{
	char *bytes = store_arena_alloc(arena, PATH_BYTES_MAX);
	uint32_t size = 0, at = 0;

	if (bytes == NULL)
		return false;
	while (at < path.size && size < PATH_BYTES_MAX) {
		uint32_t end = find(path, at, SEGMENT);
		/* What follows a semicolon is no part of the name: ;jsessionid=... */
		struct store_str segment =
		    placeholder(part(path, at, find(part(path, 0, end), at, NAME)));
		uint32_t room = PATH_BYTES_MAX - size;
		bool cut = segment.size > room;

		if (cut && size > PATH_BYTES_MAX - REDACT_SECRET_BYTES)
			break; /* half a secret looks like none */
		if (cut) {
			while (room > 0 && ((unsigned char)segment.bytes[room] & 0xc0) == 0x80)
				room--;
			segment.size = room;
		}
		if (segment.size > 0)
			memcpy(bytes + size, segment.bytes, segment.size);
		size += segment.size;
		if (cut)
			break;
		if (end < path.size && size < PATH_BYTES_MAX)
			bytes[size++] = '/';
		at = end + 1;
	}
	*out = (struct store_str){bytes, size};
	return true;
}

bool
url_host(struct store_str url, struct store_arena *arena, struct store_str *host)
{
	uint32_t from, to, path, path_end;

	bounds(url, &from, &to, &path, &path_end);
	return lower(part(url, from, to), arena, host);
}

bool
url_split(struct store_str url, struct store_arena *arena, struct store_str *host,
	  struct store_str *path, struct url_raw *raw)
{
	uint32_t from, to, path_from, path_to, query_end;

	bounds(url, &from, &to, &path_from, &path_to);
	if (raw != NULL) {
		query_end = path_to < url.size && url.bytes[path_to] == '?'
				? find(url, path_to, QUERY)
				: path_to;
		raw->path = part(url, path_from, path_to);
		raw->query = part(url, path_to < query_end ? path_to + 1 : path_to, query_end);
	}
	if (!lower(part(url, from, to), arena, host))
		return false;
	if (path_from == path_to) {
		*path = (struct store_str){"/", to > from ? 1 : 0};
		return true;
	}
	return url_normalise(part(url, path_from, path_to), arena, path);
}

bool
url_strip(struct store_str url, struct store_arena *arena, struct store_str *out)
{
	uint32_t host, host_end, path, path_end, authority;
	char *bytes;

	bounds(url, &host, &host_end, &path, &path_end);
	for (authority = host; authority > 0 && url.bytes[authority - 1] != '/';)
		authority--; /* the userinfo begins here */
	if ((bytes = store_arena_alloc(arena, url.size)) == NULL)
		return false;
	if (authority > 0)
		memcpy(bytes, url.bytes, authority);
	if (path_end > host)
		memcpy(bytes + authority, url.bytes + host, path_end - host);
	*out = (struct store_str){bytes, authority + (path_end - host)};
	return true;
}
