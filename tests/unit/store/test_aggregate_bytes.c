/*
 * Goal: bytes that count down have counted what was taken from them, and whoever takes
 * learns which of them went through 0. Method: all bytes, and all counts, compared with
 * integers.
 */
#include "check.h"

#include "store/aggregate_inside.h"

#define VALUES 256u

static void
test_one(void **state)
{
	(void)state;
	for (uint32_t value = 0; value < VALUES; value++) {
		uint8_t byte = (uint8_t)value;

		assert_int_equal(aggregate_byte_count(&byte), value == 0);
		assert_int_equal(byte, (value + VALUES - 1) % VALUES);
	}
}

static void
test_many(void **state)
{
	(void)state;
	for (uint32_t value = 0; value < VALUES; value++) {
		for (uint32_t count = 0; count < VALUES; count++) {
			uint8_t bytes[40], counts[40] = {0};

			memset(bytes, (int)value, sizeof bytes);
			counts[count % 40] = (uint8_t)count;
			assert_int_equal(aggregate_bytes_take(bytes, counts, 40), value < count);
			for (uint32_t i = 0; i < 40; i++) {
				bool full = value < counts[i];

				assert_int_equal(bytes[i], value + full * VALUES - counts[i]);
				assert_int_equal(aggregate_byte_was_full(bytes[i], counts[i]),
						 full);
			}
		}
	}
}

static void
test_invert(void **state)
{
	uint8_t bytes[VALUES + 1];

	(void)state;
	for (uint32_t i = 0; i <= VALUES; i++)
		bytes[i] = (uint8_t)i;
	aggregate_bytes_invert(bytes, VALUES);
	for (uint32_t i = 0; i < VALUES; i++)
		assert_int_equal(bytes[i], UINT8_MAX - i);
	assert_int_equal(bytes[VALUES], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_invert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
