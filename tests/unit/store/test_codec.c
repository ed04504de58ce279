/*
 * Goal: what the codecs write they read back, whatever the values; and reading
 * other bytes ends with an error or with some values, never outside of the
 * buffers. Method: round trips on seeded random, skewed, sorted, sparse and
 * extreme arrays of many lengths, in buffers of exactly the encoded size (so
 * that the address sanitizer sees an over-read); truncation at every length;
 * random damage, of which all loops must make the same. What plans of
 * CODEC_PACKED cost is compared with trying every width.
 */
#include "check.h"
#include "codec_model.h"

#include "store/codec.h"
#include "store/codec_vector.h"

#define COUNT_MAX 65536u

static struct random random_state;
static struct codec_encoder *encoder;
static int64_t *values, *decoded, *scratch, *modelled;
static uint32_t *narrow;
static unsigned char *encoded;

static uint64_t
next(void)
{
	return random_next(&random_state);
}

static int
setup(void **state)
{
	(void)state;
	random_state = random_seeded("codec");
	encoder = codec_encoder_create();
	values = malloc(COUNT_MAX * sizeof *values);
	decoded = malloc(COUNT_MAX * sizeof *decoded);
	scratch = malloc(COUNT_MAX * sizeof *scratch);
	modelled = malloc(COUNT_MAX * sizeof *modelled);
	narrow = malloc(COUNT_MAX * sizeof *narrow);
	encoded = malloc(codec_bound(COUNT_MAX));
	return encoder == NULL || values == NULL || decoded == NULL || scratch == NULL ||
	       modelled == NULL || narrow == NULL || encoded == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	codec_encoder_free(encoder);
	free(values);
	free(decoded);
	free(scratch);
	free(modelled);
	free(narrow);
	free(encoded);
	return 0;
}

enum shape { RANDOM, NARROW, SKEWED, SORTED, STEPS_BACK, SPARSE, FEW, EXTREME, SHAPES };

static int64_t
shape_value(enum shape shape, uint32_t width, int64_t previous)
{
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1};

	switch (shape) {
	case NARROW:
		return (int64_t)((next() & mask) - mask / 2);
	case SKEWED:
		return (int64_t)(next() & mask >> (next() % (width | 1) % 64));
	case SORTED:
		return (int64_t)((uint64_t)previous + (next() & mask));
	case STEPS_BACK:
		return next() % 500 == 0 ? (int64_t)(next() >> 20)
					 : (int64_t)((uint64_t)previous + next() % 1000);
	case SPARSE:
		return next() % 100 == 0 ? (int64_t)(next() & mask) : 0;
	case FEW:
		return (int64_t)(next() % 300 * 0x123456789abcdu);
	case EXTREME:
		return extremes[next() % 6];
	default:
		return (int64_t)next();
	}
}

static void
fill(enum shape shape, uint32_t count, uint32_t width)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] = shape_value(shape, width, i == 0 ? 0 : values[i - 1]);
}

/* Decodes from a copy of exactly `size` bytes. */
static int
decode_exact(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count)
{
	unsigned char *copy = malloc(size + 1);
	int result;

	assert_non_null(copy);
	memcpy(copy + 1, bytes, size); /* unaligned, as in a file */
	result = codec_decode(codec, copy + 1, size, count, scratch, decoded);
	free(copy);
	return result;
}

/* Reads and skips parts of random sizes: what was read is in its place of
 * decoded[], the rest is what it was. 0 or -1. */
static int
decode_parts(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	int result;

	assert_non_null(stream);
	result = codec_stream_open(stream, codec, CODEC_AS_WIDE, bytes, size, count, scratch);
	for (uint32_t at = 0; result == 0 && at < count; at = codec_stream_position(stream)) {
		uint32_t left = count - at, part = 1 + (uint32_t)(next() % 2500);

		part = next() % 2 == 0 ? 2048 : part;
		part = part < left ? part : left;
		if (next() % 3 == 0)
			result = codec_stream_skip(stream, part);
		else
			result = codec_stream_read(
			    stream, part, memset(decoded + at, 0xa5, part * sizeof *decoded));
	}
	free(stream);
	return result;
}

/* The same of 32 bits. */
static int
decode_narrow_parts(enum codec codec, enum codec_as as, const unsigned char *bytes, size_t size,
		    uint32_t count, uint32_t *codes)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	int result;

	assert_non_null(stream);
	result = codec_stream_open(stream, codec, as, bytes, size, count, scratch);
	for (uint32_t at = 0; result == 0 && at < count; at = codec_stream_position(stream)) {
		uint32_t left = count - at, part = 1 + (uint32_t)(next() % 2500);

		part = next() % 2 == 0 ? 2048 : part;
		part = part < left ? part : left;
		if (next() % 3 == 0)
			result = codec_stream_skip(stream, part);
		else
			result = codec_stream_read_narrow(stream, part, codes + at);
	}
	free(stream);
	return result;
}

/* All of it, as 32 bits; 0 or -1. */
static int
decode_narrow(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
	      uint32_t *out)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	unsigned char *copy = malloc(size + 1);
	int result;

	assert_true(stream != NULL && copy != NULL);
	memcpy(copy + 1, bytes, size);
	result = codec_stream_open(stream, codec, CODEC_AS_NARROW, copy + 1, size, count, scratch);
	if (result == 0)
		result = codec_stream_read_narrow(stream, count, out);
	free(copy);
	free(stream);
	return result;
}

static void
check_narrow(enum codec codec, size_t size, uint32_t count)
{
	assert_int_equal(decode_narrow(codec, encoded, size, count, narrow), 0);
	for (uint32_t i = 0; i < count; i++)
		assert_true(narrow[i] == (uint32_t)values[i]);
	assert_int_equal(decode_narrow_parts(codec, CODEC_AS_NARROW, encoded, size, count, narrow),
			 0);
	for (uint32_t i = 0; i < count; i++)
		assert_true(narrow[i] == (uint32_t)values[i]);
}

static void
check_round_trip(uint32_t count, unsigned seen[CODEC_LAST + 1])
{
	enum codec codec;
	size_t size = codec_encode(encoder, values, count, encoded, &codec);

	assert_true(size <= codec_bound(count));
	assert_true(codec > CODEC_ABSENT && codec <= CODEC_LAST);
	seen[codec]++;
	if (codec == CODEC_CONSTANT) {
		for (uint32_t i = 1; i < count; i++)
			assert_true(values[i] == values[0]);
		return;
	}
	assert_true(size <= (size_t)count * 8);
	assert_int_equal(codec_model_decode(codec, encoded, size, count, modelled), 0);
	assert_memory_equal(values, modelled, count * sizeof *values);
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		memset(decoded, 0xa5, count * sizeof *decoded);
		assert_int_equal(decode_exact(codec, encoded, size, count), 0);
		assert_memory_equal(values, decoded, count * sizeof *values);
		assert_int_equal(decode_parts(codec, encoded, size, count), 0);
		assert_memory_equal(values, decoded, count * sizeof *values);
		check_narrow(codec, size, count);
	}
	codec_set_plain(false);
}

static void
test_round_trip(void **state)
{
	static const uint32_t counts[] = {1, 2, 3, 31, 33, 1023, 1024, 1025, 2048, 5000, 20000};
	unsigned seen[CODEC_LAST + 1] = {0};

	(void)state;
	for (int shape = 0; shape < SHAPES; shape++) {
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
			for (uint32_t width = 0; width <= 64; width += counts[i] > 2048 ? 9 : 1) {
				fill((enum shape)shape, counts[i], width);
				check_round_trip(counts[i], seen);
			}
		}
		fill((enum shape)shape, COUNT_MAX, 20);
		check_round_trip(COUNT_MAX, seen);
	}
	for (int codec = CODEC_CONSTANT; codec <= CODEC_LAST; codec++)
		assert_true(seen[codec] > 0); /* the shapes reach every codec */
}

static void
test_codes(void **state)
{
	static const uint32_t counts[] = {1, 2, 3, 1000, 1024, 1025, 70 * 1024 - 5000};
	uint32_t *codes = malloc(COUNT_MAX * sizeof *codes);

	(void)state;
	assert_non_null(codes);
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		uint32_t count = counts[c] < COUNT_MAX ? counts[c] : COUNT_MAX;

		for (uint32_t width = 0; width <= 32; width++) {
			enum codec codec;
			unsigned char *copy;
			size_t size;

			for (uint32_t i = 0; i < count; i++)
				values[i] = (int64_t)((uint32_t)shape_value(SKEWED, width, 0));
			size = codec_encode_codes(values, count, encoded, &codec);
			assert_true(size <= codec_bound(count));
			if (codec == CODEC_CONSTANT)
				continue;
			copy = malloc(size);
			assert_non_null(copy);
			memcpy(copy, encoded, size);
			assert_int_equal(codec_decode_codes(codec, copy, size, count, codes), 0);
			for (uint32_t i = 0; i < count; i++)
				assert_true(codes[i] == values[i]);
			assert_int_equal(
			    decode_narrow_parts(codec, CODEC_AS_CODES, copy, size, count, codes),
			    0);
			for (uint32_t i = 0; i < count; i++)
				assert_true(codes[i] == values[i]);
			assert_int_not_equal(
			    codec_decode_codes(codec, copy, size - 1, count, codes), 0);
			free(copy);
		}
	}
	free(codes);
}

/* The sizes that the format was chosen for; bits a value. */
static double
bits_each(uint32_t count)
{
	enum codec codec;

	return 8.0 * (double)codec_encode(encoder, values, count, encoded, &codec) / count;
}

static void
test_sizes(void **state)
{
	(void)state;
	fill(NARROW, COUNT_MAX, 12);
	assert_true(bits_each(COUNT_MAX) < 12.1);
	fill(SPARSE, COUNT_MAX, 20);
	assert_true(bits_each(COUNT_MAX) < 0.5);
	fill(STEPS_BACK, COUNT_MAX, 0);
	assert_true(bits_each(COUNT_MAX) < 11);
	fill(FEW, COUNT_MAX, 0);
	assert_true(bits_each(COUNT_MAX) < 9.5);
	fill(RANDOM, COUNT_MAX, 0);
	assert_true(bits_each(COUNT_MAX) == 64);
}

static uint32_t
bits_of(uint64_t value)
{
	return value == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(value);
}

struct cost {
	size_t bytes, cost;
};

/* The cheapest way to write a group from this base, over all widths that leave
 * at most one value in 16 as an exception, of which each counts as two bytes
 * more. */
static struct cost
least_cost(const int64_t *group, uint32_t count, uint64_t base)
{
	uint32_t longest = 0;
	struct cost least;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t bits = bits_of((uint64_t)group[i] - base);

		longest = bits > longest ? bits : longest;
	}
	least.bytes = least.cost = ((size_t)count * longest + 7) / 8;
	for (uint32_t width = 0; width < longest; width++) {
		uint32_t over = 0;
		size_t bytes;

		for (uint32_t i = 0; i < count; i++)
			over += bits_of((uint64_t)group[i] - base) > width;
		bytes = ((size_t)count * width + 7) / 8 + 2 +
			((size_t)over * (10 + longest - width) + 7) / 8;
		if (over <= count / 16 && bytes + (size_t)4 * over <= least.cost)
			least = (struct cost){bytes, bytes + (size_t)4 * over};
	}
	return least;
}

static void
test_plan(void **state)
{
	struct codec_plan plan;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint32_t count = 1 + (uint32_t)(next() % 2500);

		fill((enum shape)(next() % SHAPES), count, (uint32_t)(next() % 65));
		codec_packed_plan(values, count, &plan);
		for (uint32_t at = 0; at < count; at += CODEC_GROUP_ROWS) {
			const struct codec_group *group = &plan.groups[at / CODEC_GROUP_ROWS];
			uint32_t rows =
			    count - at < CODEC_GROUP_ROWS ? count - at : CODEC_GROUP_ROWS;
			int64_t min = values[at];
			struct cost least, from_zero;

			for (uint32_t i = 0; i < rows; i++)
				min = values[at + i] < min ? values[at + i] : min;
			least = least_cost(values + at, rows, (uint64_t)min);
			from_zero = min < 0 ? least_cost(values + at, rows, 0) : least;
			least = from_zero.cost < least.cost ? from_zero : least;
			assert_int_equal(group->data_bytes + 4 * group->exceptions_count,
					 least.cost);
		}
	}
}

/* Differences and distinct values are found where only some groups, or rows,
 * are looked at first. */
static void
test_chosen(void **state)
{
	enum codec codec;

	(void)state;
	for (uint32_t count = 600; count <= COUNT_MAX; count *= 2) {
		fill(SORTED, count, 10);
		codec_encode(encoder, values, count, encoded, &codec);
		assert_int_equal(codec, CODEC_DELTA);
		/* A third of the rows at most begin a new id of 64 bits. */
		for (uint32_t i = 0; i < count; i++)
			values[i] = i % 3 == 0 ? (int64_t)next()
					       : values[i - 1 - next() % (i < 30 ? i : 30)];
		codec_encode(encoder, values, count, encoded, &codec);
		assert_int_equal(codec, CODEC_DISTINCT);
		for (uint32_t i = 0; i < count; i++)
			values[i] = (int64_t)(next() % (count / 20)) * 0x12345678;
		codec_encode(encoder, values, count, encoded, &codec);
		assert_int_equal(codec, CODEC_DISTINCT);
	}
}

static void
test_truncated(void **state)
{
	(void)state;
	for (int shape = 0; shape < SHAPES; shape++) {
		enum codec codec;
		size_t size;

		fill((enum shape)shape, 1500, 11);
		size = codec_encode(encoder, values, 1500, encoded, &codec);
		for (size_t left = 0; left < size; left++)
			assert_int_not_equal(decode_exact(codec, encoded, left, 1500), 0);
		encoded[size] = 0; /* nor with a byte too many */
		assert_int_not_equal(decode_exact(codec, encoded, size + 1, 1500), 0);
	}
}

/* All loops say of bytes that may be any what the model says. */
static void
check_damaged(enum codec codec, size_t size, uint32_t count)
{
	int result = codec_model_decode(codec, encoded, size, count, modelled);

	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		assert_int_equal(decode_exact(codec, encoded, size, count), result);
		assert_int_equal(decode_narrow(codec, encoded, size, count, narrow), result);
		for (uint32_t i = 0; result == 0 && i < count; i++) {
			assert_true(decoded[i] == modelled[i]);
			assert_true(narrow[i] == (uint32_t)modelled[i]);
		}
	}
	codec_set_plain(false);
}

static void
test_damaged(void **state)
{
	uint32_t *codes = malloc(COUNT_MAX * sizeof *codes);

	(void)state;
	assert_non_null(codes);
	for (int round = 0; round < 20000; round++) {
		uint32_t count = 1 + (uint32_t)(next() % 3000);
		enum codec codec;
		size_t size;

		fill((enum shape)(next() % SHAPES), count, (uint32_t)(next() % 65));
		size = codec_encode(encoder, values, count, encoded, &codec);
		if (codec == CODEC_CONSTANT)
			continue;
		for (uint64_t n = 1 + next() % 4; n > 0; n--)
			encoded[next() % (next() % 2  ? size
					  : size < 32 ? size
						      : 32)] = (unsigned char)next();
		if (next() % 8 == 0)
			codec = (enum codec)(next() % 8);
		check_damaged(codec, size, count);
		decode_parts(codec, encoded, size, count);
		decode_narrow_parts(codec, CODEC_AS_CODES, encoded, size, count, codes);
		decode_narrow_parts(codec, CODEC_AS_NARROW, encoded, size, count, codes);
		codec_decode_codes(codec, encoded, size, count, codes);
	}
	free(codes);
}

static void
test_lz4(void **state)
{
	unsigned char raw[4096], packed[8192], back[4096];
	size_t size;

	(void)state;
	assert_true(codec_compress_bound(sizeof raw) <= sizeof packed);
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (unsigned char)next();
	assert_int_equal(codec_compress(raw, sizeof raw, 10, false, packed), 0); /* no gain */
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (unsigned char)(i / 100);
	size = codec_compress(raw, sizeof raw, 10, false, packed);
	assert_true(size > 0 && size < sizeof raw / 2);
	assert_true(codec_is_plausible(size, sizeof raw));
	assert_int_equal(codec_decompress(packed, size, back, sizeof raw), 0);
	assert_memory_equal(raw, back, sizeof raw);
	assert_int_not_equal(codec_decompress(packed, size, back, sizeof raw - 1), 0);
	assert_int_not_equal(codec_decompress(packed, size - 1, back, sizeof raw), 0);
	assert_false(codec_is_plausible(10, 1u << 20));
	assert_false(codec_is_plausible(0, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip), cmocka_unit_test(test_codes),
	    cmocka_unit_test(test_sizes),      cmocka_unit_test(test_plan),
	    cmocka_unit_test(test_chosen),     cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_damaged),    cmocka_unit_test(test_lz4),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
