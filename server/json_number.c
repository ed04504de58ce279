/*
 * json.h: numbers. Below json.c. Must not give another double than strtod
 * would.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_inside.h"

#define NUMBER_BYTES_MAX 64u

const double json_powers[JSON_DIGITS_EXACT + 1] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
						   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* Digits from `at` on, and where they end; `value` goes on with them. */
static inline const char *
take_digits(const char *at, const char *end, uint64_t *value)
{
	uint64_t sum = *value;

	for (; at < end; at++) {
		unsigned digit = (unsigned char)*at - (unsigned)'0';

		if (digit > 9)
			break;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return at;
}

/* The text from `begin` on, by the C library. */
static bool
convert(struct json *json, const char *begin, double *out)
{
	char digits[NUMBER_BYTES_MAX + 1];
	size_t size = (size_t)(json->bytes + json->at - begin);

	if (size > NUMBER_BYTES_MAX)
		return json_fail(json, "a number is too long");
	memcpy(digits, begin, size);
	digits[size] = '\0';
	*out = strtod(digits, NULL);
	return isfinite(*out) ? true : json_fail(json, "a number is too large");
}

/* At the e. */
static bool
skip_exponent(struct json *json)
{
	const char *end = json->bytes + json->size, *digits, *at = json->bytes + json->at + 1;
	uint64_t power = 0;

	at += at < end && (*at == '+' || *at == '-');
	digits = at;
	at = take_digits(digits, end, &power);
	json->at = (uint32_t)(at - json->bytes);
	return at > digits ? true : json_fail(json, "malformed number");
}

bool
json_number(struct json *json, double *out, bool *is_integer)
{
	const char *begin, *at, *digits, *end;
	uint32_t whole, fraction = 0;
	uint64_t value = 0;
	bool minus;

	if (json_peek(json) != JSON_NUMBER)
		return json_fail(json, "expected a number");
	begin = json->bytes + json->at;
	end = json->bytes + json->size;
	minus = *begin == '-';
	digits = begin + minus;
	at = take_digits(digits, end, &value);
	whole = (uint32_t)(at - digits);
	*is_integer = true;
	if (at < end && *at == '.' && whole > 0) {
		digits = ++at;
		at = take_digits(digits, end, &value);
		fraction = (uint32_t)(at - digits);
		*is_integer = false;
	}
	json->at = (uint32_t)(at - json->bytes);
	if (whole == 0 || (whole > 1 && begin[minus] == '0') || (!*is_integer && fraction == 0))
		return json_fail(json, "malformed number");
	if (at < end && (*at == 'e' || *at == 'E')) {
		*is_integer = false;
		return skip_exponent(json) && convert(json, begin, out);
	}
	if (whole + fraction > JSON_DIGITS_EXACT)
		return convert(json, begin, out);
	*out = (double)value;
	if (fraction > 0)
		*out /= json_powers[fraction];
	*out = minus ? -*out : *out;
	return true;
}
