/*
 * The digits of a number in JSON, up to its first byte that is none, with one point
 * between them. Below json.h; pure, must not read behind what it is told to.
 */
#ifndef JSON_DIGITS_H
#define JSON_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* So many are below 2^53. */
#define JSON_DIGITS_EXACT 15u

/* What is found where a number begins. */
struct json_digits {
	uint64_t value; /* of all digits, without the point */
	size_t size;    /* in bytes; 0: not such a number */
	size_t fraction;
};

/* So many bytes are read at once, whatever the number has. */
#define JSON_DIGITS_BYTES 16u

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static inline uint64_t
json_load_digits(const char *at)
{
	uint64_t bytes;

	memcpy(&bytes, at, sizeof bytes);
	return bytes ^ 0x3030303030303030u;
}

/* How many of eight bytes, from the lowest on, are digits. A sum's carry comes from a
 * byte that is none. */
static inline size_t
json_count_digits(uint64_t digits)
{
	uint64_t others = ((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u;

	return others == 0 ? 8 : (size_t)__builtin_ctzll(others) / 8;
}

/* The lowest `count` of them, 1 to 8: neighbours are joined to two digits, four, eight. */
static inline uint64_t
json_join_digits(uint64_t digits, size_t count)
{
	digits <<= 64 - 8 * count;
	digits = digits * 10 + (digits >> 8);
	return ((digits & 0xff000000ffu) * 0xf424000000064u +
		(digits >> 16 & 0xff000000ffu) * 0x271000000001u) >>
	       32;
}

/* Up to seven digits, and as many behind a point, each without looking at one after
 * the other: how many there are, nobody foresees. 16 bytes must be readable. */
static inline struct json_digits
json_digits_at_once(const char *begin)
{
	static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
	uint64_t whole = json_load_digits(begin), part;
	size_t count = json_count_digits(whole), fraction;

	if (count - 1 >= 7)
		return (struct json_digits){.size = 0};
	whole = json_join_digits(whole, count);
	if (begin[count] != '.')
		return (struct json_digits){whole, count, 0};
	part = json_load_digits(begin + count + 1);
	fraction = json_count_digits(part);
	if (fraction - 1 >= 7)
		return (struct json_digits){.size = 0};
	return (struct json_digits){whole * powers[fraction] + json_join_digits(part, fraction),
				    count + 1 + fraction, fraction};
}
#else /* one by one, then */
static inline struct json_digits
json_digits_at_once(const char *begin)
{
	(void)begin;
	return (struct json_digits){.size = 0};
}
#endif

/* The same, of up to JSON_DIGITS_EXACT and near the end, too: one after the other. */
static inline struct json_digits
json_digits_by_one(const char *begin, const char *end)
{
	struct json_digits found = {.size = 0};
	const char *at = begin, *point;
	unsigned digit;

	for (; at < end && (digit = (unsigned char)*at - (unsigned)'0') <= 9; at++)
		found.value = found.value * 10 + digit;
	if (at == begin)
		return found;
	point = at;
	if (at < end && *at == '.') {
		for (at++; at < end && (digit = (unsigned char)*at - (unsigned)'0') <= 9; at++)
			found.value = found.value * 10 + digit;
		if ((found.fraction = (size_t)(at - point - 1)) == 0)
			return found;
	}
	if ((size_t)(at - begin) - (found.fraction > 0) <= JSON_DIGITS_EXACT)
		found.size = (size_t)(at - begin);
	return found;
}

#endif
