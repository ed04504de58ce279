/*
 * Goal: the marks of differences bound every run of values, and readers that skip by them
 * read the same. Method: round trips of seeded random arrays that ascend but for a few
 * falls, of many lengths, compared with a look at all values; damaged and cut bytes in
 * buffers of exactly their size.
 */
#include "check.h"

#include "store/codec.h"

#define COUNT_MAX 65536u
#define ROUNDS 300

static int64_t values[COUNT_MAX], decoded[COUNT_MAX];

/* Of a random length; false when they are not stored as differences. */
static bool
encode(struct random *random, struct codec_encoder *encoder, unsigned char *out, uint32_t *count,
       size_t *size)
{
	static const uint64_t steps[] = {2, 1000, 1u << 20, UINT64_C(1) << 33};
	uint64_t step = steps[random_below(random, 4)], falls = 1 + random_below(random, 20000);
	uint64_t value = random_next(random) >> random_below(random, 64);
	enum codec codec;

	*count = 2 + (uint32_t)random_below(random, random_below(random, 2) ? 3000 : COUNT_MAX - 1);
	for (uint32_t i = 0; i < *count; i++) {
		value += random_below(random, step);
		if (random_below(random, falls) == 0)
			value -= random_next(random) >> 20;
		values[i] = (int64_t)value;
	}
	*size = codec_encode(encoder, values, *count, out, &codec);
	return codec == CODEC_DELTA;
}

static void
check_bounds(struct random *random, const struct codec_marks *marks, uint32_t count)
{
	uint32_t first = (uint32_t)random_below(random, count), known = 0;
	uint32_t rows = 1 + (uint32_t)random_below(random, count - first);
	int64_t min, max;

	if (random_below(random, 2) == 0) {
		first = first / 2048 * 2048;
		rows = count - first < 2048 ? count - first : 2048;
	}
	if (!codec_marks_bounds(marks, first, rows, &min, &max))
		return;
	for (uint32_t i = first; i < first + rows; i++)
		known += values[i] >= min && values[i] <= max;
	assert_int_equal(known, rows);
	if (first % CODEC_GROUP_ROWS == 0)
		assert_int_equal(min, values[first]);
	if (first + rows == count)
		assert_int_equal(max, values[count - 1]);
}

/* Each of the parts is read or skipped. */
static void
check_stream(struct random *random, const unsigned char *bytes, size_t size, uint32_t count,
	     const struct codec_marks *marks)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());

	assert_non_null(stream);
	assert_int_equal(
	    codec_stream_open(stream, CODEC_DELTA, CODEC_AS_WIDE, bytes, size, count, NULL), 0);
	codec_stream_use(stream, marks);
	for (uint32_t at = 0; at < count; at = codec_stream_position(stream)) {
		uint32_t part =
		    random_below(random, 2) ? 2048 : 1 + (uint32_t)random_below(random, 5000);

		part = part < count - at ? part : count - at;
		if (random_below(random, 2) == 0) {
			assert_int_equal(codec_stream_skip(stream, part), 0);
			continue;
		}
		assert_int_equal(codec_stream_read(stream, part, decoded), 0);
		assert_memory_equal(decoded, values + at, part * sizeof *decoded);
	}
	free(stream);
}

static void
test_marks(void **state)
{
	struct random random = random_seeded("marks");
	struct codec_encoder *encoder = codec_encoder_create();
	unsigned char *bytes = malloc(codec_bound(COUNT_MAX));
	struct codec_marks marks;
	uint32_t count, found = 0, bounded = 0;
	int64_t min, max;
	size_t size;

	(void)state;
	assert_non_null(encoder);
	assert_non_null(bytes);
	for (int round = 0; round < ROUNDS; round++) {
		if (!encode(&random, encoder, bytes, &count, &size))
			continue;
		found++;
		assert_int_equal(codec_marks_find(bytes, size, count, &marks), 0);
		for (int i = 0; i < 20; i++)
			check_bounds(&random, &marks, count);
		bounded += codec_marks_bounds(&marks, 0, 1 + count / 2, &min, &max);
		check_stream(&random, bytes, size, count, &marks);
	}
	assert_true(found > ROUNDS / 3);
	assert_true(bounded > ROUNDS / 20);
	free(bytes);
	codec_encoder_free(encoder);
}

static void
test_damage(void **state)
{
	struct random random = random_seeded("damage");
	struct codec_encoder *encoder = codec_encoder_create();
	unsigned char *bytes = malloc(codec_bound(COUNT_MAX));
	struct codec_marks marks;
	uint32_t count, refused = 0;
	size_t size;

	(void)state;
	assert_non_null(encoder);
	assert_non_null(bytes);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned char *copy;
		size_t kept;

		if (!encode(&random, encoder, bytes, &count, &size))
			continue;
		kept = random_below(&random, 2) ? size : random_below(&random, size + 1);
		copy = malloc(kept + 1);
		assert_non_null(copy);
		memcpy(copy + 1, bytes, kept);
		for (uint64_t i = random_below(&random, 9); kept > 0 && i > 0; i--)
			copy[1 + random_below(&random, kept)] = (unsigned char)random_next(&random);
		refused += codec_marks_find(copy + 1, kept, count, &marks) != 0;
		free(copy);
	}
	assert_true(refused > ROUNDS / 10);
	free(bytes);
	codec_encoder_free(encoder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_marks),
	    cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
