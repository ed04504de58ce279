/*
 * A strict pull parser for JSON (RFC 8259) in memory: the caller walks objects
 * and arrays; nothing is built. Checks UTF-8, escapes, numbers within double,
 * and depth. After the first error every call fails.
 */
#ifndef JSON_H
#define JSON_H

#include "json_digits.h"
#include "store/store.h"

#define JSON_DEPTH_MAX 16u

enum json_type {
	JSON_ERROR,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json {
	const char *bytes;
	uint32_t size, at, depth;
	struct store_arena *arena; /* for strings with escapes */
	const char *error;         /* what is wrong, or NULL; static */
	bool no_memory;
};

void json_init(struct json *json, struct store_str text, struct store_arena *arena);
/* By a value's first byte. */
extern const uint8_t json_types[256];
/* What json_peek leaves: white space, or no value at all. */
enum json_type json_peek_on(struct json *json);
/* Type of the value that comes next; nothing is consumed. */
static inline enum json_type
json_peek(struct json *json)
{
	if (json->error == NULL && json->at < json->size) {
		uint8_t type = json_types[(unsigned char)json->bytes[json->at]];

		if (type != JSON_ERROR)
			return (enum json_type)type;
	}
	return json_peek_on(json);
}
const char *json_type_name(enum json_type type);

/* Consumes `{` or `[`. */
bool json_enter(struct json *json);
/* In an object: the next member's name (then its value must be consumed), or
 * false at `}` or an error. `first` is true for the first call. */
bool json_member(struct json *json, bool first, struct store_str *name);
/* In an array: whether another element follows. */
bool json_element(struct json *json, bool first);

bool json_string(struct json *json, struct store_str *out);
bool json_number(struct json *json, double *out, bool *is_integer);
/* So many digits are below 2^53, and so are these powers of ten: the quotient of
 * the two is what strtod gives (Clinger 1990). */
extern const double json_powers[JSON_DIGITS_EXACT + 1];
/* A number as most are: no sign, at most 15 digits, no exponent, and a comma or the
 * object's end behind it. False: json_number has to look; nothing is consumed. */
static inline bool
json_short_number(struct json *json, double *out, bool *is_integer)
{
	const char *begin = json->bytes + json->at;
	size_t left = json->size - json->at;
	struct json_digits found = {.size = 0};

	if (json->error != NULL)
		return false;
	if (left > JSON_DIGITS_BYTES)
		found = json_digits_at_once(begin);
	if (found.size == 0)
		found = json_digits_by_one(begin, begin + left);
	if (found.size == 0 || found.size >= left ||
	    (begin[found.size] != ',' && begin[found.size] != '}') ||
	    (*begin == '0' && found.size > 1 && begin[1] != '.'))
		return false;
	*is_integer = found.fraction == 0;
	*out = found.fraction == 0 ? (double)found.value
				   : (double)found.value / json_powers[found.fraction];
	json->at += (uint32_t)found.size;
	return true;
}
bool json_bool(struct json *json, bool *out);
/* Consumes any value. */
bool json_skip(struct json *json);
/* Nothing but white space is left. */
bool json_end(struct json *json);

/* Size of the UTF-8 character at text.bytes[at]; 0: there is none. */
uint32_t json_utf8_bytes(struct store_str text, uint32_t at);
/* Writes a character that is no surrogate: its size, at most 4. */
uint32_t json_put_utf8(char *out, uint32_t code);
/* Value of 1 to 7 hexadecimal digits; -1: they are none. */
int json_hex(const char *digits, uint32_t count);
/* Whether the bytes are UTF-8 without surrogates or overlong forms. */
bool json_is_utf8(struct store_str text);

#endif
