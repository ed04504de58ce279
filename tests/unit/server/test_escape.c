/*
 * Goal: two hex digits are a byte and nothing else is; forms come back as they were,
 * whatever bytes they hold. Method: all pairs of bytes against strtol; random bytes,
 * encoded by hand; a table of what is no escape; buffers of exactly the sizes told.
 */
#include "beacon.h"

#include <stdlib.h>

#include "server/escape.h"

static void
all_pairs(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	(void)state;
	for (int high = 1; high < 256; high++) {
		for (int low = 1; low < 256; low++) {
			char text[3] = {(char)high, (char)low, '\0'};
			bool is_hex = strchr(digits, high) != NULL && strchr(digits, low) != NULL;

			assert_int_equal(escape_hex(text, 2),
					 is_hex ? (int)strtol(text, NULL, 16) : -1);
			assert_int_equal(escape_hex(text, 1), -1);
		}
	}
	assert_int_equal(escape_hex("", 0), -1);
}

static void
check_form(const char *text, const char *expected)
{
	size_t size = strlen(text);
	char *exact = malloc(size + 1), *out = malloc(size + 1); /* + 1: none of 0 bytes */

	memcpy(exact, text, size);
	for (size_t out_max = 0; out_max <= size; out_max++) {
		size_t least = strlen(expected) < out_max ? strlen(expected) : out_max;

		assert_int_equal(escape_decode_form(exact, size, out, out_max), least);
		assert_memory_equal(out, expected, least);
	}
	free(exact);
	free(out);
}

static void
forms(void **state)
{
	(void)state;
	check_form("", "");
	check_form("a+b", "a b");
	check_form("a%2Bb%2bc", "a+b+c");
	check_form("%41%zz%4", "A%zz%4");
	check_form("%", "%");
	check_form("%%41", "%A");
	check_form("%2541", "%41");
	check_form("100%+sure", "100% sure");
}

static void
round_trip(void **state)
{
	struct random random = random_seeded("round_trip");

	(void)state;
	for (int round = 0; round < 1000; round++) {
		unsigned char bytes[40], out[120];
		char text[121];
		int size = 0;

		for (size_t i = 0; i < sizeof bytes; i++) {
			bytes[i] = (unsigned char)random_below(&random, 256);
			size +=
			    snprintf(text + size, sizeof text - (size_t)size,
				     random_below(&random, 2) == 0 ? "%%%02x" : "%%%02X", bytes[i]);
		}
		assert_int_equal(escape_decode_form(text, (size_t)size, (char *)out, sizeof out),
				 sizeof bytes);
		assert_memory_equal(out, bytes, sizeof bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_pairs),
	    cmocka_unit_test(forms),
	    cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
