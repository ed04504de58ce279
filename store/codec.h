/*
 * Integer codecs of column chunks: int64_t arrays of at most BLOCK_ROWS_MAX
 * values to bytes and back. The encoder tries each codec and keeps the
 * smallest. LZ4 on top is the segment writer's business. Format: FORMAT.md.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>
#include <stdint.h>

enum codec {
	CODEC_ABSENT = 0,   /* no data: every row NULL or the default */
	CODEC_CONSTANT = 1, /* one value for all rows */
	CODEC_RAW = 2,      /* 8 bytes a value: random ids */
	CODEC_PACKED = 3,   /* patched frame of reference, groups of 1,024 */
	CODEC_DELTA = 4,    /* first value, then differences as CODEC_PACKED */
};

#define CODEC_GROUP_ROWS 1024u

/* Bytes that codec_encode may write for `count` values. */
size_t codec_bound(uint32_t count);

/* Encodes values[count], count >= 1, into out[codec_bound(count)]; returns the
 * size and sets *codec (never CODEC_ABSENT). `scratch` holds `count` values. */
size_t codec_encode(const int64_t *values, uint32_t count, int64_t *scratch, unsigned char *out,
		    enum codec *codec);

/* Decodes into values[count]. 0, or -1 when the bytes are not what
 * codec_encode writes for `count` values; never reads past bytes[size]. */
int codec_decode(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
		 int64_t *values);

#endif
