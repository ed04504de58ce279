/*
 * Goal: CRC32C of any bytes is that of its definition, whichever instructions and
 * however many lanes compute it, at once or in parts. Method: the sum that RFC 3720
 * gives, and random bytes of many sizes and places against a bit at a time.
 */
#include "check.h"

#include "store/crc32c.h"

#define BYTES_MAX 20000u

static uint32_t
by_bits(uint32_t crc, const unsigned char *bytes, size_t size)
{
	crc = ~crc;
	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

static void
test_known(void **state)
{
	static const unsigned char zeros[32];

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c(0, zeros, sizeof zeros), 0x8a9136aau);
	assert_int_equal(crc32c(7, zeros, 0), 7);
}

static void
test_random(void **state)
{
	static unsigned char bytes[BYTES_MAX];
	struct random random = random_seeded("crc32c");

	(void)state;
	for (uint32_t i = 0; i < BYTES_MAX; i++)
		bytes[i] = (unsigned char)random_below(&random, 256);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t most = random_below(&random, 2) == 0 ? 64 : BYTES_MAX;
		size_t from = (size_t)random_below(&random, most);
		size_t size = (size_t)random_below(&random, most - from + 1);
		size_t part = (size_t)random_below(&random, size + 1);
		uint32_t before = (uint32_t)random_next(&random);
		uint32_t wanted = by_bits(before, bytes + from, size);

		assert_int_equal(crc32c(before, bytes + from, size), wanted);
		assert_int_equal(
		    crc32c(crc32c(before, bytes + from, part), bytes + from + part, size - part),
		    wanted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_known),
					   cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
