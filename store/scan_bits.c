/*
 * The loops of a filter: which of a slice's values are wanted, as a bitmap, and
 * as row numbers. Without branches per row, so that their time does not depend
 * on the data, and plain enough for compilers to vectorise. Beside
 * scan_narrow.c; must not know columns or expressions.
 */
#include <string.h>

#include "codec_vector.h"
#include "scan_inside.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

/* More spans are searched by halves. */
#define SPANS_IN_TURN_MAX 4u

/* ---- one span ------------------------------------------------------------ */

/* Which of `count` <= 64 values are within first ... first + extent. */
static CODEC_INLINE uint64_t
find(const uint32_t *values, uint32_t count, uint32_t first, uint32_t extent)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < count; i++)
		word |= (uint64_t)(values[i] - first <= extent) << i;
	return word;
}

#if CODEC_HAS_AVX2
/* A bit per lane is what compilers do not find by themselves. */
CODEC_AVX2 static void
add_narrow_span_avx2(const uint32_t *values, uint32_t words, uint32_t first, uint32_t extent,
		     uint64_t *out)
{
	const __m256i *in = (const __m256i *)(const void *)values;
	__m256i firsts = _mm256_set1_epi32((int)first), extents = _mm256_set1_epi32((int)extent);

	for (uint32_t w = 0; w < words; w++) {
		uint64_t word = 0;

#pragma GCC unroll 8
		for (uint32_t i = 0; i < 8; i++) {
			__m256i from = _mm256_sub_epi32(_mm256_loadu_si256(in++), firsts);
			__m256i within = _mm256_cmpeq_epi32(_mm256_min_epu32(from, extents), from);

			word |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(within))
				<< i * 8;
		}
		out[w] |= word;
	}
}
#endif

static void
add_narrow_span(const uint32_t *values, uint32_t count, uint32_t first, uint32_t extent,
		uint64_t *out)
{
	uint32_t done = 0;

#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		done = count / 64 * 64;
		add_narrow_span_avx2(values, count / 64, first, extent, out);
	}
#endif
	for (; done < count; done += 64)
		out[done / 64] |=
		    find(values + done, count - done < 64 ? count - done : 64, first, extent);
}

/* first <= key <= last is one comparison of unsigned numbers, and the bias of
 * both falls out. */
static CODEC_INLINE uint64_t
find_wide(const int64_t *values, uint32_t count, uint64_t first, uint64_t extent)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < count; i++)
		word |= (uint64_t)((uint64_t)values[i] - first <= extent) << i;
	return word;
}

#if CODEC_HAS_AVX2
/* Whole words: compilers make numbers of 64 bits of the comparisons, and add these up. */
CODEC_AVX512 static void
add_span_avx512(const int64_t *values, uint32_t words, uint64_t first, uint64_t extent,
		uint64_t *out)
{
	__m512i firsts = _mm512_set1_epi64((int64_t)first);
	__m512i extents = _mm512_set1_epi64((int64_t)extent);

	for (uint32_t w = 0; w < words; w++, values += 64) {
		uint64_t word = 0;

#pragma GCC unroll 8
		for (uint32_t i = 0; i < 8; i++) {
			__m512i from = _mm512_sub_epi64(_mm512_loadu_si512(values + i * 8), firsts);

			word |= (uint64_t)_mm512_cmple_epu64_mask(from, extents) << i * 8;
		}
		out[w] |= word;
	}
}
#endif

CODEC_CLONES static void
add_span(const int64_t *values, uint32_t count, uint64_t first, uint64_t extent, uint64_t *out)
{
	uint32_t done = 0;

#if CODEC_HAS_AVX2
	if (codec_has_avx512()) {
		done = count / 64 * 64;
		add_span_avx512(values, count / 64, first, extent, out);
	}
#endif
	for (; done < count; done += 64)
		out[done / 64] |=
		    find_wide(values + done, count - done < 64 ? count - done : 64, first, extent);
}

/* ---- conditions ---------------------------------------------------------- */

static bool
is_within(const struct scan_condition *condition, uint64_t key)
{
	uint32_t low = 0, high = condition->spans_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (condition->spans[middle].last < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < condition->spans_count && condition->spans[low].first <= key;
}

static void
add_bit(uint64_t *out, uint32_t row, bool bit)
{
	out[row / 64] |= (uint64_t)bit << row % 64;
}

void
scan_bits_of_spans(const struct scan_condition *condition, const int64_t *values, uint32_t count,
		   uint64_t *out)
{
	bool in_turn = condition->spans_count <= SPANS_IN_TURN_MAX;

	memset(out, 0, bitmap_words(count) * sizeof *out);
	for (uint32_t i = 0; !in_turn && i < count; i++)
		add_bit(out, i, is_within(condition, (uint64_t)values[i] ^ condition->bias));
	for (uint32_t s = 0; in_turn && s < condition->spans_count; s++) {
		const struct scan_span *span = &condition->spans[s];

		add_span(values, count, span->first ^ condition->bias, span->last - span->first,
			 out);
	}
}

/* The spans are cut to what 32 bits hold, of whose keys 0's is the least. */
void
scan_bits_of_narrow_spans(const struct scan_condition *condition, const uint32_t *values,
			  uint32_t count, uint64_t *out)
{
	uint64_t least = condition->bias, greatest = least + UINT32_MAX;
	bool in_turn = condition->spans_count <= SPANS_IN_TURN_MAX;

	memset(out, 0, bitmap_words(count) * sizeof *out);
	for (uint32_t i = 0; !in_turn && i < count; i++)
		add_bit(out, i, is_within(condition, values[i] ^ condition->bias));
	for (uint32_t s = 0; in_turn && s < condition->spans_count; s++) {
		const struct scan_span *span = &condition->spans[s];
		uint64_t first = span->first > least ? span->first : least;
		uint64_t last = span->last < greatest ? span->last : greatest;

		if (first <= last)
			add_narrow_span(values, count, (uint32_t)(first - least),
					(uint32_t)(last - first), out);
	}
}

/* Which of 64 codes are wanted: two words, as each bit waits for those before it. */
static uint64_t
find_entries(const uint8_t *wanted, const uint32_t *codes)
{
	uint32_t low = 0, high = 0;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < 32; i++) {
		low |= (uint32_t)wanted[codes[i]] << i;
		high |= (uint32_t)wanted[codes[i + 32]] << i;
	}
	return low | (uint64_t)high << 32;
}

void
scan_bits_of_entries(const struct scan_entries *entries, const uint32_t *codes, uint32_t count,
		     uint64_t *out)
{
	memset(out, 0, bitmap_words(count) * sizeof *out);
	if (entries->is_run) {
		add_narrow_span(codes, count, entries->first, entries->last - entries->first, out);
		return;
	}
	for (uint32_t from = 0; from + 64 <= count; from += 64)
		out[from / 64] = find_entries(entries->wanted, codes + from);
	for (uint32_t i = count / 64 * 64; i < count; i++)
		add_bit(out, i, entries->wanted[codes[i]]);
}

#if CODEC_HAS_AVX2
CODEC_AVX2 static void
add_bytes_span_avx2(const uint8_t *codes, uint32_t words, uint8_t first, uint8_t extent,
		    uint64_t *out)
{
	const __m256i *in = (const __m256i *)(const void *)codes;
	__m256i firsts = _mm256_set1_epi8((char)first), extents = _mm256_set1_epi8((char)extent);

	for (uint32_t w = 0; w < words; w++) {
		for (uint32_t i = 0; i < 2; i++) {
			__m256i from = _mm256_sub_epi8(_mm256_loadu_si256(in++), firsts);
			__m256i within = _mm256_cmpeq_epi8(_mm256_min_epu8(from, extents), from);

			out[w] |= (uint64_t)(uint32_t)_mm256_movemask_epi8(within) << i * 32;
		}
	}
}
#endif

/* Which of `count` <= 64 codes are wanted. */
static CODEC_INLINE uint64_t
find_wanted(const struct scan_entries *entries, const uint8_t *codes, uint32_t count)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < count; i++)
		word |= (uint64_t)entries->wanted[codes[i]] << i;
	return word;
}

void
scan_bits_of_bytes(const struct scan_entries *entries, const uint8_t *codes, uint32_t count,
		   uint64_t *out)
{
	uint32_t done = 0;

	memset(out, 0, bitmap_words(count) * sizeof *out);
#if CODEC_HAS_AVX2
	if (entries->is_run && !codec_is_plain()) {
		done = count / 64 * 64;
		add_bytes_span_avx2(codes, count / 64, (uint8_t)entries->first,
				    (uint8_t)(entries->last - entries->first), out);
	}
#endif
	for (; done < count; done += 64)
		out[done / 64] =
		    find_wanted(entries, codes + done, count - done < 64 ? count - done : 64);
}

/* ---- bitmaps ------------------------------------------------------------- */

CODEC_CLONES uint32_t
scan_bits_count(const uint64_t *bits, uint32_t count)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < bitmap_words(count); i++)
		found += (uint32_t)__builtin_popcountll(bits[i]);
	return found;
}

#if CODEC_HAS_AVX2
/* Of whole words, without a branch for each row: sixteen numbers are written, of which
 * the next word's may overwrite some. */
CODEC_VBMI static uint32_t
list_rows_vbmi(const uint64_t *bits, uint32_t words, uint32_t *rows)
{
	const __m512i numbers = _mm512_set_epi64(
	    0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928, 0x2726252423222120,
	    0x1f1e1d1c1b1a1918, 0x1716151413121110, 0x0f0e0d0c0b0a0908, 0x0706050403020100);
	uint32_t found = 0;

	for (uint32_t w = 0; w < words; w++) {
		uint32_t count = (uint32_t)__builtin_popcountll(bits[w]), *out = rows + found;
		const __m512i first = _mm512_set1_epi32((int)(w * 64));
		__m512i set = _mm512_maskz_compress_epi8(bits[w], numbers);

		_mm512_storeu_si512(
		    out,
		    _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(set)), first));
		for (uint32_t done = 16; done < count; done += 16) {
			set = _mm512_alignr_epi64(set, set, 2);
			_mm512_storeu_si512(
			    out + done,
			    _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(set)),
					     first));
		}
		found += count;
	}
	return found;
}
#endif

CODEC_CLONES static uint32_t
list_rows(const uint64_t *bits, uint32_t words, uint32_t first, uint32_t *rows)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < words; i++) {
		for (uint64_t word = bits[i]; word != 0; word &= word - 1)
			rows[found++] = first + i * 64 + (uint32_t)__builtin_ctzll(word);
	}
	return found;
}

uint32_t
scan_bits_rows(const uint64_t *bits, uint32_t count, uint32_t *rows)
{
	uint32_t done = 0, found = 0;

#if CODEC_HAS_AVX2
	if (codec_has_vbmi()) {
		done = count / 64;
		found = list_rows_vbmi(bits, done, rows);
	}
#endif
	return found + list_rows(bits + done, bitmap_words(count) - done, done * 64, rows + found);
}
