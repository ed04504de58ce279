/*
 * Floating-point numbers as text, for column names, toString and the output
 * formats.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

/* The fewest significant digits of |value| that read back as the same double;
 * returns their number, *exponent is the first one's. */
static int
shortest_digits(double value, char digits[24], int *exponent)
{
	char text[40], *exponent_at;
	int precision = 0, count = 0;

	do
		snprintf(text, sizeof text, "%.*e", precision, fabs(value));
	while (strtod(text, NULL) != fabs(value) && ++precision < 17);
	exponent_at = strchr(text, 'e');
	*exponent = atoi(exponent_at + 1);
	for (const char *c = text; c < exponent_at; c++) {
		if (*c != '.')
			digits[count++] = *c;
	}
	return count;
}

size_t
store_print_double(double value, char *out)
{
	char digits[24];
	int exponent, count, at = 0;

	if (!isfinite(value))
		return (size_t)sprintf(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
	if (signbit(value))
		out[at++] = '-';
	if (value == 0)
		return (size_t)(at + sprintf(out + at, "0"));
	count = shortest_digits(value, digits, &exponent);
	if (exponent < -6 || exponent >= 21) {
		out[at++] = digits[0];
		if (count > 1)
			at += sprintf(out + at, ".%.*s", count - 1, digits + 1);
		return (size_t)(at + sprintf(out + at, "e%d", exponent));
	}
	if (exponent < 0)
		return (size_t)(at + sprintf(out + at, "0.%.*s%.*s", -exponent - 1, "00000", count,
					     digits));
	if (count <= exponent + 1)
		return (size_t)(at + sprintf(out + at, "%.*s%.*s", count, digits,
					     exponent + 1 - count, "00000000000000000000"));
	return (size_t)(at + sprintf(out + at, "%.*s.%.*s", exponent + 1, digits,
				     count - exponent - 1, digits + exponent + 1));
}
