/*
 * Goal: values read together with a bitmap of NULL rows are those read without,
 * but for the NULL ones; bytes that are malformed are so either way. Method:
 * seeded random values of every width with exceptions, or few and mostly evenly
 * spaced, as numbers and as codes, read in parts that begin anywhere and in slices, in both forms
 * of the loops; then the same of bytes of which one is wrong. And codes read into a byte
 * each are those read into words.
 */
#include "check.h"

#include "store/codec_vector.h"

#define COUNT_MAX 5000u
#define NULL_VALUE 0xfffffffeu

static struct random random_state;
static struct codec_encoder *encoder;
static int64_t values[COUNT_MAX];
static int64_t scratch[COUNT_MAX];
static unsigned char encoded[COUNT_MAX * 8 + 64];

static uint64_t
next(void)
{
	return random_next(&random_state);
}

static int
setup(void **state)
{
	(void)state;
	random_state = random_seeded("codec_shown");
	encoder = codec_encoder_create();
	return encoder == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	codec_encoder_free(encoder);
	codec_set_plain(false);
	return 0;
}

static void
fill(uint32_t count, uint32_t width)
{
	uint64_t mask = ((uint64_t)1 << width) - 1;
	uint32_t share = next() % 2 == 0 ? 20 : 200;
	bool steps = next() % 2 == 0;

	for (uint32_t i = 0; i < count; i++) {
		if (steps) { /* a table, evenly spaced but for few of its entries */
			values[i] = (int64_t)(next() % 32 << width);
			values[i] += next() % share == 0 ? (int64_t)(next() % 4 << width) / 3 : 0;
			values[i] &= UINT32_MAX;
			continue;
		}
		values[i] = (int64_t)(next() & mask);
		if (next() % share == 0)
			values[i] = (int64_t)(next() & mask << 3 & UINT32_MAX);
	}
}

/* nulls[(count + 63) / 64], ending where it should. */
static uint64_t *
some_nulls(uint32_t count, uint32_t percent)
{
	uint64_t *nulls = calloc((count + 63) / 64, sizeof *nulls);

	assert_non_null(nulls);
	for (uint32_t i = 0; i < count; i++)
		nulls[i / 64] |= (uint64_t)(next() % 100 < percent) << i % 64;
	return nulls;
}

/* Where row `first` is bit 0. */
static uint64_t *
nulls_from(const uint64_t *nulls, uint32_t first, uint32_t count)
{
	uint64_t *part = calloc((count + 63) / 64, sizeof *part);

	assert_non_null(part);
	for (uint32_t i = 0; i < count; i++)
		part[i / 64] |= (nulls[(first + i) / 64] >> (first + i) % 64 & 1) << i % 64;
	return part;
}

/* In slices of 2,048, or in any parts. 0 or -1. */
static int
read_shown(enum codec codec, enum codec_as as, size_t size, uint32_t count, const uint64_t *nulls,
	   uint32_t *out)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	unsigned char *copy = malloc(size + (size == 0));
	bool slices = next() % 2 == 0;
	int result;

	assert_true(stream != NULL && copy != NULL);
	memcpy(copy, encoded, size);
	result = codec_stream_open(stream, codec, as, copy, size, count, scratch);
	for (uint32_t at = 0; result == 0 && at < count; at = codec_stream_position(stream)) {
		uint32_t left = count - at, part = 1 + (uint32_t)(next() % 2500);
		uint64_t *bits;

		part = slices ? 2048 : part;
		part = part < left ? part : left;
		bits = nulls_from(nulls, at, part);
		result = codec_stream_read_shown(stream, part, bits, NULL_VALUE, out + at);
		free(bits);
	}
	free(copy);
	free(stream);
	return result;
}

static int
read_plainly(enum codec codec, enum codec_as as, size_t size, uint32_t count, uint32_t *out)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	int result;

	assert_non_null(stream);
	result = codec_stream_open(stream, codec, as, encoded, size, count, scratch);
	if (result == 0)
		result = codec_stream_read_narrow(stream, count, out);
	free(stream);
	return result;
}

/* A byte each, in parts of any size of which some are skipped: the same but for codes
 * above 254, unless those were malformed. */
static void
check_bytes(size_t size, enum codec codec, uint32_t count, const uint32_t *wanted, int result)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	uint8_t *out = malloc(count);
	int got;

	assert_true(stream != NULL && out != NULL);
	got = codec_stream_open(stream, codec, CODEC_AS_BYTES, encoded, size, count, NULL);
	for (uint32_t at = 0; got == 0 && at < count; at = codec_stream_position(stream)) {
		uint32_t left = count - at, part = 1 + (uint32_t)(next() % 2500);

		part = part < left ? part : left;
		if (next() % 4 == 0) {
			got = codec_stream_skip(stream, part);
			continue;
		}
		got = codec_stream_read_bytes(stream, part, out + at);
		for (uint32_t i = at; result == 0 && i < at + part; i++)
			assert_int_equal(out[i], wanted[i] < 255 ? wanted[i] : 255);
	}
	assert_true(result != 0 || got == 0);
	free(stream);
	free(out);
}

/* Returns what both said. */
static int
check_read(enum codec codec, enum codec_as as, size_t size, uint32_t count, uint32_t percent)
{
	uint32_t *wanted = malloc(count * sizeof *wanted), *out = malloc(count * sizeof *out);
	uint64_t *nulls = some_nulls(count, percent);
	int result;

	assert_true(wanted != NULL && out != NULL);
	result = read_plainly(codec, as, size, count, wanted);
	for (int plain = 0; plain < 2; plain++) {
		codec_set_plain(plain);
		assert_int_equal(read_shown(codec, as, size, count, nulls, out), result);
		for (uint32_t i = 0; result == 0 && i < count; i++)
			assert_true(out[i] ==
				    (nulls[i / 64] >> i % 64 & 1 ? NULL_VALUE : wanted[i]));
	}
	for (int plain = 0; as == CODEC_AS_CODES && plain < 2; plain++) {
		codec_set_plain(plain);
		check_bytes(size, codec, count, wanted, result);
	}
	codec_set_plain(false);
	free(nulls);
	free(out);
	free(wanted);
	return result;
}

static size_t
encode(enum codec_as as, uint32_t count, enum codec *codec)
{
	if (as == CODEC_AS_CODES)
		return codec_encode_codes(values, count, encoded, codec);
	return codec_encode(encoder, values, count, encoded, codec);
}

static void
test_shown(void **state)
{
	static const uint32_t counts[] = {2, 64, 1000, 1024, 1025, 2048, COUNT_MAX};
	static const uint32_t percents[] = {0, 3, 50, 100};
	static const enum codec_as kinds[] = {CODEC_AS_NARROW, CODEC_AS_CODES};

	(void)state;
	for (uint32_t round = 0; round < 33 * 7 * 4 * 2; round++) {
		enum codec_as as = kinds[round % 2];
		uint32_t percent = percents[round / 2 % 4], count = counts[round / 8 % 7];
		enum codec codec;
		size_t size;

		fill(count, round / 56);
		size = encode(as, count, &codec);
		if (codec != CODEC_CONSTANT)
			assert_int_equal(check_read(codec, as, size, count, percent), 0);
	}
}

static void
test_damaged(void **state)
{
	uint32_t refused = 0, rounds = 2000;

	(void)state;
	for (uint32_t round = 0; round < rounds; round++) {
		enum codec_as as = next() % 2 == 0 ? CODEC_AS_NARROW : CODEC_AS_CODES;
		enum codec codec;
		size_t size, at;

		fill(2500, 1 + (uint32_t)(next() % 20));
		size = encode(as, 2500, &codec);
		if (codec == CODEC_CONSTANT)
			continue;
		at = next() % 2 == 0 ? next() % 16 : next() % size;
		encoded[at] = (unsigned char)next();
		refused += check_read(codec, as, size, 2500, 3) != 0;
	}
	assert_true(refused > rounds / 10 && refused < rounds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shown),
	    cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
