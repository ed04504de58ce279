/*
 * Which rows of a slice are of places whose groups have no bytes there: one bit a place, of
 * 16 rows at once where the bits fit registers. Below aggregate_young.c; must not know
 * lists or values.
 */
#include "aggregate_inside.h"
#include "codec_vector.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

/* Bits of so many places fit two vectors. */
#define BITS_MAX 1024u
#define BITS_WORDS (BITS_MAX / 64)

_Static_assert(BITS_MAX % AGGREGATE_UNLIT_PADDING == 0, "vectors of bytes");

bool
aggregate_unlit_is_fast(const struct aggregate_states *states)
{
	return states->cells_count <= BITS_MAX && codec_has_avx512();
}

#if CODEC_HAS_AVX2
CODEC_AVX512 static void
gather_bits(const uint8_t *unlit, uint32_t count, uint64_t *bits)
{
	for (uint32_t p = 0; p < count; p += 64) {
		__m512i bytes = _mm512_loadu_si512(unlit + p);

		bits[p / 64] = _mm512_test_epi8_mask(bytes, bytes);
	}
}

/* Of whole vectors: sixteen numbers are written each time, of which the next may overwrite
 * some. */
CODEC_AVX512 static uint32_t
list_avx512(const uint64_t *bits, const uint32_t *places, uint32_t base, uint32_t count,
	    uint32_t *rows)
{
	const __m512i low = _mm512_loadu_si512(bits), high = _mm512_loadu_si512(bits + 8);
	const __m512i bases = _mm512_set1_epi32((int)base), one = _mm512_set1_epi32(1);
	const __m512i step = _mm512_set1_epi32(16);
	__m512i numbers = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	uint32_t listed = 0;

	for (uint32_t i = 0; i < count; i += 16) {
		__m512i place = _mm512_add_epi32(_mm512_loadu_si512(places + i), bases);
		__m512i word = _mm512_permutex2var_epi32(low, _mm512_srli_epi32(place, 5), high);
		__mmask16 unlit = _mm512_test_epi32_mask(_mm512_rorv_epi32(word, place), one);

		_mm512_storeu_si512(rows + listed, _mm512_maskz_compress_epi32(unlit, numbers));
		listed += (uint32_t)__builtin_popcount(unlit);
		numbers = _mm512_add_epi32(numbers, step);
	}
	return listed;
}
#endif

uint32_t
aggregate_unlit_list(const struct aggregate_states *states, const struct aggregate_places *places,
		     uint32_t count, uint32_t *rows)
{
	const uint8_t *unlit = states->unlit + places->base;
	uint32_t listed = 0, done = 0;

#if CODEC_HAS_AVX2
	if (aggregate_unlit_is_fast(states)) {
		uint64_t bits[BITS_WORDS] = {0};

		gather_bits(states->unlit, states->cells_count, bits);
		done = count / 16 * 16;
		listed = list_avx512(bits, places->list, places->base, done, rows);
	}
#endif
#pragma GCC unroll 8
	for (uint32_t i = done; i < count; i++) {
		rows[listed] = i;
		listed += unlit[places->list[i]];
	}
	return listed;
}
