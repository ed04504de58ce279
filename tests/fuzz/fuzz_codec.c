/*
 * Goal: each codec gives back what it was given, and refuses what it never
 * gave, within its arrays. Method: the first bytes of the input say what the
 * rest is: values to encode, as 64-bit integers, narrower ones or small steps,
 * or bytes for each of the decoders, which accept the encoder's and any others,
 * and make of them what a plain decoder does.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/bytes.h"
#include "store/codec.h"
#include "store/codec_vector.h"
#include "tests/unit/store/codec_model.h"

#define VALUES_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t values[VALUES_MAX], decoded[VALUES_MAX], scratch[VALUES_MAX];
static uint32_t codes[VALUES_MAX];
static struct codec_encoder *encoder; /* made once, never freed */

/* An allocation of exactly that size, so that the sanitizer sees its end. */
static unsigned char *
exactly(const void *bytes, size_t size)
{
	unsigned char *copy = malloc(size == 0 ? 1 : size);

	assert(copy != NULL);
	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

/* data[size] as values of `width` bytes, or as steps from one to the next. */
static uint32_t
take_values(const uint8_t *data, size_t size, uint32_t width, bool steps)
{
	uint32_t count = 0;
	uint64_t last = 0;

	for (; size >= width && count < VALUES_MAX; data += width, size -= width) {
		uint64_t value = 0;

		for (uint32_t i = 0; i < width; i++)
			value |= (uint64_t)data[i] << 8 * i;
		if (width < 8) /* signed */
			value -= value >> (8 * width - 1) << 8 * width;
		last = steps ? last + value : value;
		values[count++] = (int64_t)last;
	}
	return count;
}

static void
check_integers(uint32_t count)
{
	unsigned char *out = malloc(codec_bound(count)), *copy;
	enum codec codec;
	size_t size;

	assert(out != NULL);
	size = codec_encode(encoder, values, count, out, &codec);
	assert(size <= codec_bound(count) && codec > CODEC_ABSENT && codec <= CODEC_LAST);
	copy = exactly(out, size);
	if (codec == CODEC_CONSTANT) {
		assert(size == 0);
		for (uint32_t i = 0; i < count; i++)
			assert(values[i] == values[0]);
	} else {
		assert(size <= (size_t)count * 8);
		assert(codec_decode(codec, copy, size, count, scratch, decoded) == 0);
		assert(memcmp(values, decoded, count * sizeof *values) == 0);
	}
	free(copy);
	free(out);
}

static void
check_codes(uint32_t count)
{
	unsigned char *out = malloc(codec_bound(count)), *copy;
	enum codec codec;
	size_t size;

	assert(out != NULL);
	for (uint32_t i = 0; i < count; i++)
		values[i] &= 0x7fffffff;
	size = codec_encode_codes(values, count, out, &codec);
	copy = exactly(out, size);
	if (codec != CODEC_CONSTANT) {
		assert(codec == CODEC_PACKED);
		assert(codec_decode_codes(codec, copy, size, count, codes) == 0);
		for (uint32_t i = 0; i < count; i++)
			assert(values[i] == (int64_t)codes[i]);
	}
	free(copy);
	free(out);
}

static void
check_lz4(const uint8_t *data, size_t size, bool thorough)
{
	unsigned char *out = malloc(codec_compress_bound(size)), *copy, *raw = malloc(size + 1);
	size_t packed;

	assert(out != NULL && raw != NULL);
	packed = codec_compress(data, size, 10, thorough, out);
	assert(packed < size || packed == 0);
	if (packed > 0) {
		copy = exactly(out, packed);
		assert(codec_is_plausible(packed, size));
		assert(codec_decompress(copy, packed, raw, size) == 0);
		assert(memcmp(raw, data, size) == 0);
		assert(codec_decompress(copy, packed, raw, size + 1) != 0);
		free(copy);
	}
	free(raw);
	free(out);
}

static int
decode_narrow(enum codec codec, uint32_t count, const unsigned char *bytes, size_t size,
	      uint32_t *out)
{
	struct codec_stream *stream = malloc(codec_stream_bytes());
	int result;

	assert(stream != NULL);
	result = codec_stream_open(stream, codec, CODEC_AS_NARROW, bytes, size, count, scratch);
	if (result == 0)
		result = codec_stream_read_narrow(stream, count, out);
	free(stream);
	return result;
}

/* Whatever the bytes are: as many values as asked for, or malformed; by all loops
 * what the model says. */
static void
check_decoders(enum codec codec, uint32_t count, const uint8_t *data, size_t size)
{
	int64_t *out = malloc(count * sizeof *out), *spare = malloc(count * sizeof *spare);
	uint32_t *out_codes = malloc(count * sizeof *out_codes);
	unsigned char *copy = exactly(data, size), *raw = malloc(count);
	int result;

	assert(out != NULL && spare != NULL && out_codes != NULL && raw != NULL);
	result = codec_model_decode(codec, copy, size, count, out);
	assert(result == codec_decode(codec, copy, size, count, spare, decoded));
	assert(result != 0 || memcmp(out, decoded, count * sizeof *out) == 0);
	codec_set_plain(true);
	assert(result == codec_decode(codec, copy, size, count, scratch, decoded));
	codec_set_plain(false);
	assert(result != 0 || memcmp(out, decoded, count * sizeof *out) == 0);
	assert(result == decode_narrow(codec, count, copy, size, out_codes));
	for (uint32_t i = 0; result == 0 && i < count; i++)
		assert((uint32_t)out[i] == out_codes[i]);
	if (codec == CODEC_PACKED && codec_decode_codes(codec, copy, size, count, out_codes) == 0 &&
	    result == 0) {
		for (uint32_t i = 0; i < count; i++)
			assert((uint32_t)out[i] == out_codes[i]);
	}
	(void)codec_decompress(copy, size, raw, count);
	free(raw);
	free(copy);
	free(out_codes);
	free(spare);
	free(out);
}

/* Byte 0: what to do. Bytes 1 and 2: a number of values for the decoders. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t count;

	if (size < 4)
		return 0;
	if (encoder == NULL)
		encoder = codec_encoder_create();
	assert(encoder != NULL);
	count = bytes_get16(data + 1) + 1u;
	if (data[0] & 1) {
		enum codec codec = (enum codec)(CODEC_RAW + (data[0] >> 1) % 4);

		check_decoders(codec, count, data + 3, size - 3);
		return 0;
	}
	check_lz4(data + 3, size - 3, data[0] & 0x80);
	count = take_values(data + 3, size - 3, 1u << (data[0] >> 1) % 4, data[0] & 8);
	if (count > 0) {
		check_integers(count);
		check_codes(count);
	}
	return 0;
}
