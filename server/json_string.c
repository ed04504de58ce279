/*
 * json.h: strings, and the UTF-8 of which they are made. Below json.c. Must not
 * allocate but for strings that have escapes.
 */
#include <endian.h>
#include <string.h>

#include "json_inside.h"

/* Bytes of the UTF-8 sequence at bytes[at], or 0. */
static uint32_t
utf8_bytes(const char *bytes, uint32_t size, uint32_t at)
{
	const unsigned char *b = (const unsigned char *)bytes + at;
	uint32_t left = size - at, code;

	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] < 0xe0)
		return left >= 2 && (b[1] & 0xc0) == 0x80 ? 2 : 0;
	if (b[0] >= 0xe0 && b[0] < 0xf0) {
		if (left < 3 || (b[1] & 0xc0) != 0x80 || (b[2] & 0xc0) != 0x80)
			return 0;
		code = (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
		return code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 3 : 0;
	}
	if (b[0] < 0xf0 || b[0] > 0xf4 || left < 4 || (b[1] & 0xc0) != 0x80 ||
	    (b[2] & 0xc0) != 0x80 || (b[3] & 0xc0) != 0x80)
		return 0;
	code = (b[0] & 0x07u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 | (b[3] & 0x3fu);
	return code >= 0x10000 && code <= 0x10ffff ? 4 : 0;
}

uint32_t
json_utf8_bytes(struct store_str text, uint32_t at)
{
	return at < text.size ? utf8_bytes(text.bytes, text.size, at) : 0;
}

bool
json_is_utf8(struct store_str text)
{
	for (uint32_t at = 0, size; at < text.size; at += size) {
		uint64_t eight;

		/* Most texts are ASCII. */
		for (; text.size - at >= sizeof eight; at += (uint32_t)sizeof eight) {
			memcpy(&eight, text.bytes + at, sizeof eight);
			if ((eight & 0x8080808080808080u) != 0)
				break;
		}
		if (at == text.size)
			break;
		if ((size = utf8_bytes(text.bytes, text.size, at)) == 0)
			return false;
	}
	return true;
}

int
json_hex(const char *digits, uint32_t count)
{
	int value = 0;

	for (uint32_t i = 0; i < count; i++) {
		char c = digits[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return -1;
		value = value * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return value;
}

static int
hex4(const struct json *json, uint32_t at)
{
	return json->size - at < 4 || at > json->size ? -1 : json_hex(json->bytes + at, 4);
}

uint32_t
json_put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* \u with its four digits, after the u; lone surrogates become U+FFFD (browsers send them for
 * text that was cut in the middle of a pair). */
static bool
unescape_unicode(struct json *json, char *out, uint32_t *written)
{
	int code = hex4(json, json->at), low;

	if (code < 0)
		return json_fail(json, "bad \\u escape");
	json->at += 4;
	if (code >= 0xd800 && code < 0xdc00) {
		low = json->size - json->at >= 6 && json->bytes[json->at] == '\\' &&
			      json->bytes[json->at + 1] == 'u'
			  ? hex4(json, json->at + 2)
			  : -1;
		if (low >= 0xdc00 && low < 0xe000) {
			json->at += 6;
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		} else {
			code = 0xfffd;
		}
	} else if (code >= 0xdc00 && code < 0xe000) {
		code = 0xfffd;
	}
	*written += json_put_utf8(out + *written, (uint32_t)code);
	return true;
}

static bool
unescape(struct json *json, char *out, uint32_t *written)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int c = json_next(json);

	json->at++;
	if (c == 'u')
		return unescape_unicode(json, out, written);
	found = c <= 0 ? NULL : strchr(from, c);
	if (found == NULL)
		return json_fail(json, "bad escape in a string");
	out[(*written)++] = to[found - from];
	return true;
}

/* The rest of a string that has an escape at json->at; `begin` is its start. */
static bool
escaped_string(struct json *json, uint32_t begin, uint32_t end, struct store_str *out)
{
	char *bytes = store_arena_alloc(json->arena, end - begin);
	uint32_t written = json->at - begin;

	if (bytes == NULL) {
		json->no_memory = true;
		return json_fail(json, "out of memory");
	}
	memcpy(bytes, json->bytes + begin, written);
	while (json->at < end) {
		if (json->bytes[json->at] != '\\') {
			bytes[written++] = json->bytes[json->at++];
			continue;
		}
		json->at++;
		if (!unescape(json, bytes, &written))
			return false;
	}
	json->at = end + 1;
	*out = (struct store_str){bytes, written};
	return true;
}

#define EACH_BYTE(value) (0x0101010101010101u * (uint64_t)(value))

/* The first byte from `at` on that ends a string, begins an escape, is a
 * control character or not ASCII; eight at a time. */
static uint32_t
end_of_plain(const char *bytes, uint32_t size, uint32_t at)
{
	for (; size - at >= 8; at += 8) {
		uint64_t word, quote, escape, special;

		memcpy(&word, bytes + at, sizeof word);
		word = le64toh(word);
		quote = word ^ EACH_BYTE('"');
		escape = word ^ EACH_BYTE('\\');
		/* A borrow makes a byte special that is not, but only behind one
		 * that is. */
		special = (word | (word - EACH_BYTE(' ')) | (quote - EACH_BYTE(1)) |
			   (escape - EACH_BYTE(1))) &
			  EACH_BYTE(0x80);
		if (special != 0)
			return at + (uint32_t)__builtin_ctzll(special) / 8;
	}
	while (at < size && bytes[at] != '"' && bytes[at] != '\\' &&
	       (unsigned char)bytes[at] >= ' ' && (unsigned char)bytes[at] < 0x80)
		at++;
	return at;
}

/* The string from `begin` on, which is plain up to `at`. */
static bool
special_string(struct json *json, uint32_t begin, uint32_t at, struct store_str *out)
{
	uint32_t escape = UINT32_MAX;

	while ((at = at < json->size ? end_of_plain(json->bytes, json->size, at) : at) <
		   json->size &&
	       json->bytes[at] != '"') {
		unsigned char c = (unsigned char)json->bytes[at];
		uint32_t size;

		if (c < 0x20) {
			json->at = at;
			return json_fail(json, "control character in a string");
		}
		if (c == '\\') {
			escape = escape == UINT32_MAX ? at : escape;
			at += 2;
			continue;
		}
		if (c >= 0x80 && (size = utf8_bytes(json->bytes, json->size, at)) != 0) {
			at += size;
			continue;
		}
		json->at = at;
		return json_fail(json, "not UTF-8");
	}
	if (at >= json->size)
		return json_fail(json, "a string has no end");
	if (escape != UINT32_MAX) {
		json->at = escape;
		return escaped_string(json, begin, at, out);
	}
	*out = (struct store_str){json->bytes + begin, at - begin};
	json->at = at + 1;
	return true;
}

bool
json_string(struct json *json, struct store_str *out)
{
	const char *bytes = json->bytes;
	uint32_t size = json->size, begin, at;

	if (json_peek(json) != JSON_STRING)
		return json_fail(json, "expected a string");
	begin = json->at + 1;
	at = end_of_plain(bytes, size, begin);
	if (at >= size || bytes[at] != '"')
		return special_string(json, begin, at, out);
	*out = (struct store_str){bytes + begin, at - begin};
	json->at = at + 1;
	return true;
}
