/*
 * codec_vector.h: NULL rows. Between decoded values and the rows that they
 * belong to. Must not know of files.
 */
#include <string.h>

#include "codec_vector.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

static CODEC_INLINE uint32_t
count_bits_any(const uint64_t *bitmap, uint32_t words)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < words; i++)
		found += (uint32_t)__builtin_popcountll(bitmap[i]);
	return found;
}

CODEC_BOTH_FORMS(uint32_t, count_bits, (const uint64_t *bitmap, uint32_t words), (bitmap, words))

static CODEC_INLINE uint32_t
copy_bits_any(const unsigned char *bytes, size_t size, uint64_t *bitmap)
{
	uint32_t found = 0;
	size_t at = 0;

	for (; at + 8 <= size; at += 8) {
		uint64_t word;

		memcpy(&word, bytes + at, sizeof word);
		found += (uint32_t)__builtin_popcountll(word);
		*bitmap++ = word;
	}
	if (at < size) {
		*bitmap = 0;
		memcpy(bitmap, bytes + at, size - at);
		found += (uint32_t)__builtin_popcountll(*bitmap);
	}
	return found;
}

CODEC_BOTH_FORMS(uint32_t, copy_bits, (const unsigned char *bytes, size_t size, uint64_t *bitmap),
		 (bytes, size, bitmap))

static inline uint32_t
is_null(const uint64_t *nulls, uint32_t row)
{
	return (uint32_t)(nulls[row / 64] >> (row % 64)) & 1;
}

/* From row `row` on, whose value is dense[at]. */
static void
spread_rest(const uint64_t *nulls, uint32_t row, uint32_t rows, const uint32_t *restrict dense,
	    uint32_t null, uint32_t *restrict out)
{
	for (; row < rows; row++) {
		uint32_t shown = is_null(nulls, row) ^ 1;

		out[row] = (*dense & -shown) | (null & (shown - 1)); /* branches cost more */
		dense += shown;
	}
}

#if CODEC_HAS_AVX2
/* places[b]: eight bytes, the i-th how many of the rows before i are not NULL
 * when the bits of b are those that are. */
#define PLACE(b, i) (((uint64_t)(i)-ONES((b) & ((1u << (i)) - 1))) << (8 * (i)))
#define ONES(b)                                                                        \
	(((b)&1) + ((b) >> 1 & 1) + ((b) >> 2 & 1) + ((b) >> 3 & 1) + ((b) >> 4 & 1) + \
	 ((b) >> 5 & 1) + ((b) >> 6 & 1) + ((b) >> 7 & 1))
#define PLACES(b)                                                                            \
	(PLACE(b, 0) | PLACE(b, 1) | PLACE(b, 2) | PLACE(b, 3) | PLACE(b, 4) | PLACE(b, 5) | \
	 PLACE(b, 6) | PLACE(b, 7))
#define PLACES4(b) PLACES((b) + 0u), PLACES((b) + 1u), PLACES((b) + 2u), PLACES((b) + 3u)
#define PLACES16(b) PLACES4(b), PLACES4((b) + 4u), PLACES4((b) + 8u), PLACES4((b) + 12u)
#define PLACES64(b) PLACES16(b), PLACES16((b) + 16u), PLACES16((b) + 32u), PLACES16((b) + 48u)

static const uint64_t places[256] = {PLACES64(0u), PLACES64(64u), PLACES64(128u), PLACES64(192u)};

/* How far the bits of eight of 32 rows are from the sign. */
#define FROM_SIGN(n)                                                                            \
	_mm256_setr_epi32(31 - (n), 30 - (n), 29 - (n), 28 - (n), 27 - (n), 26 - (n), 25 - (n), \
			  24 - (n))

/* `bits` are those of 32 rows, in each lane: lanes of `value` whose rows' bits are
 * set become `null`. The instruction looks at signs. */
CODEC_AVX2 static CODEC_INLINE __m256i
hide(__m256i bits, uint32_t eight, __m256i value, __m256i null)
{
	const __m256i shifts = eight == 0   ? FROM_SIGN(0)
			       : eight == 1 ? FROM_SIGN(8)
			       : eight == 2 ? FROM_SIGN(16)
					    : FROM_SIGN(24);

	return _mm256_castps_si256(
	    _mm256_blendv_ps(_mm256_castsi256_ps(value), _mm256_castsi256_ps(null),
			     _mm256_castsi256_ps(_mm256_sllv_epi32(bits, shifts))));
}

static CODEC_INLINE uint32_t
bits_of(const uint64_t *nulls, uint32_t row)
{
	uint32_t word;

	memcpy(&word, (const unsigned char *)nulls + row / 8, sizeof word);
	return word;
}

/* Eight rows at a time take their values by one permutation. */
CODEC_AVX2 static void
spread_avx2(const uint64_t *nulls, uint32_t rows, const uint32_t *dense, uint32_t null,
	    uint32_t *out)
{
	const unsigned char *bytes = (const unsigned char *)nulls;
	const __m256i hidden = _mm256_set1_epi32((int)null);
	uint32_t row = 0;

	for (; row + 32 <= rows; row += 32, bytes += 4) {
		const __m256i bits = _mm256_set1_epi32((int)bits_of(nulls, row));

#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++) {
			uint64_t eight = bytes[i];
			__m256i from = _mm256_loadu_si256((const __m256i *)(const void *)dense),
				at = _mm256_cvtepu8_epi32(
				    _mm_loadl_epi64((const __m128i *)(const void *)&places[eight]));

			from = _mm256_permutevar8x32_epi32(from, at);
			_mm256_storeu_si256((__m256i *)(void *)(out + row + i * 8),
					    hide(bits, i, from, hidden));
			dense += 8 - _mm_popcnt_u64(eight);
		}
	}
	spread_rest(nulls, row, rows, dense, null, out);
}

CODEC_AVX2 static void
set_nulls_avx2(const uint64_t *nulls, uint32_t rows, uint32_t null, uint32_t *out)
{
	const __m256i hidden = _mm256_set1_epi32((int)null);
	uint32_t row = 0;

	for (; row + 32 <= rows; row += 32) {
		const __m256i bits = _mm256_set1_epi32((int)bits_of(nulls, row));

#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++) {
			__m256i *at = (__m256i *)(void *)(out + row + i * 8);

			_mm256_storeu_si256(at, hide(bits, i, _mm256_loadu_si256(at), hidden));
		}
	}
	for (; row < rows; row++)
		out[row] = is_null(nulls, row) ? null : out[row];
}
#endif

void
codec_spread(const uint64_t *nulls, uint32_t rows, const uint32_t *dense, uint32_t null,
	     uint32_t *out)
{
#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		spread_avx2(nulls, rows, dense, null, out);
		return;
	}
#endif
	spread_rest(nulls, 0, rows, dense, null, out);
}

void
codec_spread_wide(const uint64_t *nulls, uint32_t rows, const int64_t *restrict dense, int64_t null,
		  int64_t *restrict out)
{
	for (uint32_t row = 0; row < rows; row++) {
		uint64_t shown = is_null(nulls, row) ^ 1;

		out[row] = (int64_t)(((uint64_t)*dense & -shown) | ((uint64_t)null & (shown - 1)));
		dense += shown;
	}
}

void
codec_set_nulls(const uint64_t *nulls, uint32_t rows, uint32_t null, uint32_t *out)
{
#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		set_nulls_avx2(nulls, rows, null, out);
		return;
	}
#endif
	for (uint32_t row = 0; row < rows; row++)
		out[row] = is_null(nulls, row) ? null : out[row];
}
