/*
 * codec.h: LZ4 on top of encoded bytes, kept only where it pays. The last step
 * of writing a chunk and the first of reading one.
 */
#include <assert.h>

#include <lz4.h>
#include <lz4hc.h>

#include "codec.h"

/* LZ4HC is tried where LZ4 left this share of what may be left, at most: on
 * packed bits, which it cannot shrink either, it would be most of a merge's time. */
#define THOROUGH_PERCENT 109u
/* Below this the token overhead eats what could be gained. */
#define SIZE_MIN 48u
/* A run's length grows by at most 255 per byte. */
#define EXPANSION_MAX 256u

size_t
codec_compress_bound(size_t size)
{
	assert(size <= LZ4_MAX_INPUT_SIZE);
	return (size_t)LZ4_compressBound((int)size);
}

size_t
codec_compress(const unsigned char *bytes, size_t size, uint32_t gain_percent, bool thorough,
	       unsigned char *out)
{
	uint64_t allowed = (uint64_t)size * (100 - gain_percent); /* hundredths of bytes */
	int room, compressed;

	assert(gain_percent <= 100);
	if (size < SIZE_MIN || size > LZ4_MAX_INPUT_SIZE)
		return 0;
	room = LZ4_compressBound((int)size);
	compressed = LZ4_compress_default((const char *)bytes, (char *)out, (int)size, room);
	if (thorough && (uint64_t)compressed * 100 < allowed * THOROUGH_PERCENT / 100)
		compressed = LZ4_compress_HC((const char *)bytes, (char *)out, (int)size, room,
					     LZ4HC_CLEVEL_DEFAULT);
	if (compressed <= 0 || (uint64_t)compressed * 100 > allowed)
		return 0;
	return (size_t)compressed;
}

int
codec_decompress(const unsigned char *bytes, size_t size, unsigned char *out, size_t raw_size)
{
	if (size > LZ4_MAX_INPUT_SIZE || raw_size > LZ4_MAX_INPUT_SIZE)
		return -1;
	return LZ4_decompress_safe((const char *)bytes, (char *)out, (int)size, (int)raw_size) ==
		       (int)raw_size
		   ? 0
		   : -1;
}

bool
codec_is_plausible(size_t size, size_t raw_size)
{
	return size > 0 && raw_size <= LZ4_MAX_INPUT_SIZE && raw_size / EXPANSION_MAX <= size;
}
