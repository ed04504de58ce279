/* escape.h. */
#include "escape.h"

static int
digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int
escape_hex(const char *at, size_t size)
{
	int high, low;

	if (size < 2 || (high = digit_of(at[0])) < 0 || (low = digit_of(at[1])) < 0)
		return -1;
	return high * 16 + low;
}

size_t
escape_decode_form(const char *bytes, size_t size, char *out, size_t out_max)
{
	size_t written = 0;

	for (size_t i = 0; i < size && written < out_max; i++) {
		int code = bytes[i] == '%' ? escape_hex(bytes + i + 1, size - i - 1) : -1;

		out[written++] = code >= 0 ? (char)code : bytes[i] == '+' ? ' ' : bytes[i];
		i += code >= 0 ? 2 : 0;
	}
	return written;
}
