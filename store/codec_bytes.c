/*
 * codec_vector.h: codes of small dictionaries, a byte each. A quarter of the
 * memory that codec_unpack.c writes, which is what unpacking few bits takes its
 * time for. Between a group's low bits and codec_packed_read.c; must not look at
 * anything else.
 */
#include <string.h>

#include "codec_packed.h"
#include "codec_vector.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

#define BYTES_WIDTH_MAX 8u

static inline uint8_t
saturate(uint64_t code)
{
	return code < UINT8_MAX ? (uint8_t)code : UINT8_MAX;
}

/* ---- any machine ----------------------------------------------------------- */

static void
unpack_plain(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out)
{
	CODEC_UNSET uint32_t codes[CODEC_GROUP_ROWS];

	codec_unpack(packed, width, base, codes);
	codec_bytes_narrow(codes, CODEC_GROUP_ROWS, out);
}

static CODEC_INLINE void
bytes_narrow_any(const uint32_t *codes, uint32_t count, uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = saturate(codes[i]);
}

CODEC_BOTH_FORMS(void, bytes_narrow, (const uint32_t *codes, uint32_t count, uint8_t *out),
		 (codes, count, out))

static CODEC_INLINE void
bytes_widen_any(const uint8_t *bytes, uint32_t count, uint32_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = bytes[i];
}

CODEC_BOTH_FORMS(void, bytes_widen, (const uint8_t *bytes, uint32_t count, uint32_t *out),
		 (bytes, count, out))

static CODEC_INLINE uint32_t
bytes_highest_any(const uint8_t *bytes, uint32_t count)
{
	uint8_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = bytes[i] > highest ? bytes[i] : highest;
	return highest;
}

CODEC_BOTH_FORMS(uint32_t, bytes_highest, (const uint8_t *bytes, uint32_t count), (bytes, count))

/* ---- 32 bytes at once ------------------------------------------------------ */

#if CODEC_HAS_AVX2
/* A word of all 32 lanes: bytes[b] has the b-th byte of each, lane by lane. */
CODEC_AVX2 static CODEC_INLINE void
split_words(const unsigned char *words, __m256i bytes[4])
{
	const __m256i by_byte = _mm256_broadcastsi128_si256(
	    _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
	const __m256i by_lane = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	__m256i in[4], low[2], high[2];

#pragma GCC unroll 4
	for (uint32_t i = 0; i < 4; i++)
		in[i] = _mm256_shuffle_epi8(
		    _mm256_loadu_si256((const __m256i *)(const void *)(words + 32 * i)), by_byte);
#pragma GCC unroll 2
	for (uint32_t i = 0; i < 2; i++) {
		low[i] = _mm256_unpacklo_epi32(in[2 * i], in[2 * i + 1]);
		high[i] = _mm256_unpackhi_epi32(in[2 * i], in[2 * i + 1]);
	}
	bytes[0] = _mm256_unpacklo_epi64(low[0], low[1]);
	bytes[1] = _mm256_unpackhi_epi64(low[0], low[1]);
	bytes[2] = _mm256_unpacklo_epi64(high[0], high[1]);
	bytes[3] = _mm256_unpackhi_epi64(high[0], high[1]);
#pragma GCC unroll 4
	for (uint32_t i = 0; i < 4; i++)
		bytes[i] = _mm256_permutevar8x32_epi32(bytes[i], by_lane);
}

/* Widths of which no value lies in two bytes. */
CODEC_AVX2 static CODEC_INLINE void
unpack_within(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out)
{
	const __m256i mask = _mm256_set1_epi8((char)packed_mask(width));
	const __m256i bases = _mm256_set1_epi8((char)base);

	for (uint32_t word = 0; word < width; word++, packed += PACKED_STRIPE_BYTES) {
		__m256i bytes[4];

		split_words(packed, bytes);
#pragma GCC unroll 4
		for (uint32_t b = 0; b < 4; b++) {
#pragma GCC unroll 8
			for (uint32_t bit = 0; bit < 8; bit += width, out += 32) {
				__m256i codes = _mm256_srli_epi16(bytes[b], (int)bit);

				codes = _mm256_and_si256(codes, mask);
				_mm256_storeu_si256((__m256i *)(void *)out,
						    _mm256_adds_epu8(codes, bases));
			}
		}
	}
}

/* Row `row` of all lanes, of any width below 32. */
CODEC_AVX2 static CODEC_INLINE __m256i
unpack_row(const unsigned char *packed, uint32_t width, uint32_t row)
{
	const __m256i mask = _mm256_set1_epi32((int)packed_mask(width));
	uint32_t bit = row * width, shift = bit % 32;
	__m256i codes[4];

	packed += (size_t)(bit / 32) * PACKED_STRIPE_BYTES;
#pragma GCC unroll 4
	for (uint32_t i = 0; i < 4; i++) {
		const __m256i *in = (const __m256i *)(const void *)(packed + 32 * i);

		codes[i] = _mm256_srli_epi32(_mm256_loadu_si256(in), (int)shift);
		if (shift + width > 32)
			codes[i] =
			    _mm256_or_si256(codes[i], _mm256_slli_epi32(_mm256_loadu_si256(in + 4),
									(int)(32 - shift)));
		codes[i] = _mm256_and_si256(codes[i], mask);
	}
	codes[0] = _mm256_packus_epi16(_mm256_packus_epi32(codes[0], codes[1]),
				       _mm256_packus_epi32(codes[2], codes[3]));
	return _mm256_permutevar8x32_epi32(codes[0], _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

CODEC_AVX2 static CODEC_INLINE void
unpack_across(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out)
{
	const __m256i bases = _mm256_set1_epi8((char)base);

#pragma GCC unroll 32
	for (uint32_t row = 0; row < 32; row++)
		_mm256_storeu_si256((__m256i *)(void *)(out + (size_t)row * 32),
				    _mm256_adds_epu8(unpack_row(packed, width, row), bases));
}

CODEC_AVX2 static void
unpack_avx2(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out)
{
	switch (width) {
	case 1:
		return unpack_within(packed, 1, base, out);
	case 2:
		return unpack_within(packed, 2, base, out);
	case 3:
		return unpack_across(packed, 3, base, out);
	case 4:
		return unpack_within(packed, 4, base, out);
	case 5:
		return unpack_across(packed, 5, base, out);
	case 6:
		return unpack_across(packed, 6, base, out);
	case 7:
		return unpack_across(packed, 7, base, out);
	default:
		return unpack_within(packed, 8, base, out);
	}
}

/* Rows four by four: a lane's are within 32 bits, of one word or of two, and one
 * instruction takes them out of two lanes. */
CODEC_VBMI static void
unpack_vbmi(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out)
{
	const __m512i mask = _mm512_set1_epi8((char)packed_mask(width));
	const __m512i bases = _mm512_set1_epi8((char)base);
	/* Of each pair of lanes, the first bits of four rows each. */
	const __m512i firsts =
	    _mm512_set1_epi64((int64_t)((uint64_t)width * 0x0302010003020100 + 0x2020202000000000));
	/* Byte 4 i + b of both vectors becomes byte i of row b, two rows at once. */
	const __m512i by_row = _mm512_set_epi64(
	    0x7d7975716d696561, 0x5d5955514d494541, 0x3d3935312d292521, 0x1d1915110d090501,
	    0x7c7874706c686460, 0x5c5854504c484440, 0x3c3834302c282420, 0x1c1814100c080400);
	const __m512i by_next = _mm512_add_epi8(by_row, _mm512_set1_epi8(2));

	for (uint32_t row = 0; row < 32; row += 4, out += 128) {
		uint32_t bit = row * width, shift = bit % 32;
		const unsigned char *word = packed + (size_t)(bit / 32) * PACKED_STRIPE_BYTES;
		const unsigned char *next =
		    shift + 4 * width > 32 ? word + PACKED_STRIPE_BYTES : word;
		const __m512i shifts = _mm512_set1_epi32((int)shift);
		__m512i low, high;

		low =
		    _mm512_shrdv_epi32(_mm512_loadu_si512(word), _mm512_loadu_si512(next), shifts);
		high = _mm512_shrdv_epi32(_mm512_loadu_si512(word + 64),
					  _mm512_loadu_si512(next + 64), shifts);
		low = _mm512_and_si512(_mm512_multishift_epi64_epi8(firsts, low), mask);
		high = _mm512_and_si512(_mm512_multishift_epi64_epi8(firsts, high), mask);
		_mm512_storeu_si512(
		    out, _mm512_adds_epu8(_mm512_permutex2var_epi8(low, by_row, high), bases));
		_mm512_storeu_si512(
		    out + 64,
		    _mm512_adds_epu8(_mm512_permutex2var_epi8(low, by_next, high), bases));
	}
}
#endif

void
codec_bytes_unpack(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out)
{
	if (width == 0) { /* what rows are sorted by */
		memset(out, saturate(base), CODEC_GROUP_ROWS);
		return;
	}
#if CODEC_HAS_AVX2
	if (width <= BYTES_WIDTH_MAX && base <= UINT8_MAX && !codec_is_plain()) {
		(codec_has_vbmi() ? unpack_vbmi : unpack_avx2)(packed, width, base, out);
		return;
	}
#endif
	unpack_plain(packed, width, base, out);
}

#if CODEC_HAS_AVX2
CODEC_AVX2 static uint32_t
map_avx2(const uint32_t *table, uint32_t count, const uint8_t *bytes, uint32_t *out)
{
	const __m256i entries = _mm256_loadu_si256((const __m256i *)(const void *)table);
	uint32_t i = 0;

	for (; i + 8 <= count; i += 8) {
		__m256i at = _mm256_cvtepu8_epi32(
		    _mm_loadl_epi64((const __m128i *)(const void *)(bytes + i)));

		_mm256_storeu_si256((__m256i *)(void *)(out + i),
				    _mm256_permutevar8x32_epi32(entries, at));
	}
	return i;
}
#endif

bool
codec_bytes_map(const uint32_t *table, uint32_t entries_count, uint32_t count, const uint8_t *bytes,
		uint32_t *out)
{
	uint32_t few[CODEC_MAP_FEW] = {0}, i = 0;

	if (entries_count > CODEC_MAP_FEW ||
	    (count > 0 && codec_bytes_highest(bytes, count) >= entries_count))
		return false;
	memcpy(few, table, entries_count * sizeof *few);
#if CODEC_HAS_AVX2
	if (!codec_is_plain())
		i = map_avx2(few, count, bytes, out);
#endif
	for (; i < count; i++)
		out[i] = few[bytes[i]];
	return true;
}
