/*
 * codec_vector.h: sums, tables and NULL rows. Each loop is written once and
 * compiled twice, but for those that need an instruction that C has no word
 * for.
 */
#include <stdatomic.h>
#include <string.h>

#include "codec_vector.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

static _Atomic bool is_plain;

void
codec_set_plain(bool plain)
{
	atomic_store_explicit(&is_plain, plain, memory_order_relaxed);
}

bool
codec_is_plain(void)
{
#if CODEC_HAS_AVX2
	return atomic_load_explicit(&is_plain, memory_order_relaxed) ||
	       !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
	       !__builtin_cpu_supports("popcnt");
#else
	return true;
#endif
}

/* Defines NAME_plain and NAME_avx2 from the inline function NAME_any. */
#define DEFINE_PLAIN(type, name, parameters, arguments) \
	static type name##_plain parameters             \
	{                                               \
		return name##_any arguments;            \
	}
#if CODEC_HAS_AVX2
#define DEFINE_BOTH(type, name, parameters, arguments)                                    \
	DEFINE_PLAIN(type, name, parameters, arguments)                                   \
	CODEC_AVX2 static type name##_avx2 parameters                                     \
	{                                                                                 \
		return name##_any arguments;                                              \
	}                                                                                 \
	type codec_##name parameters                                                      \
	{                                                                                 \
		return codec_is_plain() ? name##_plain arguments : name##_avx2 arguments; \
	}
#else
#define DEFINE_BOTH(type, name, parameters, arguments)  \
	DEFINE_PLAIN(type, name, parameters, arguments) \
	type codec_##name parameters                    \
	{                                               \
		return name##_plain arguments;          \
	}
#endif

/* ---- sums ------------------------------------------------------------------ */

/* Four values: two steps sum within them, and only one addition waits for those
 * before. */
typedef uint32_t four32 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t four64 __attribute__((vector_size(32), aligned(1), may_alias));

#define SUM_WITHIN(v)                                              \
	do {                                                       \
		const four32 none = {0};                           \
		v += __builtin_shufflevector(v, none, 4, 0, 1, 2); \
		v += __builtin_shufflevector(v, none, 4, 4, 0, 1); \
	} while (0)

static CODEC_INLINE uint32_t
sum_any(uint32_t sum, uint32_t count, uint32_t *values)
{
	four32 sums = (four32){0} + sum;
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4) {
		four32 v = *(const four32 *)(const void *)(values + i);

		SUM_WITHIN(v);
		*(four32 *)(void *)(values + i) = v + sums;
		sums += __builtin_shufflevector(v, v, 3, 3, 3, 3);
	}
	for (sum = sums[0]; i < count; i++)
		values[i] = sum += values[i];
	return sum;
}

DEFINE_BOTH(uint32_t, sum, (uint32_t sum, uint32_t count, uint32_t *values), (sum, count, values))

static CODEC_INLINE uint64_t
sum_widening_any(uint64_t sum, uint32_t count, const uint32_t *restrict differences,
		 int64_t *restrict values)
{
	const four64 from = (four64){0} + sum;
	four32 sums = {0};
	uint32_t i = 0, last;

	for (; i + 4 <= count; i += 4) {
		four32 v = *(const four32 *)(const void *)(differences + i);

		SUM_WITHIN(v);
		*(four64 *)(void *)(values + i) = __builtin_convertvector(v + sums, four64) + from;
		sums += __builtin_shufflevector(v, v, 3, 3, 3, 3);
	}
	for (last = sums[0]; i < count; i++)
		values[i] = (int64_t)(sum + (last += differences[i]));
	return sum + last;
}

DEFINE_BOTH(uint64_t, sum_widening,
	    (uint64_t sum, uint32_t count, const uint32_t *differences, int64_t *values),
	    (sum, count, differences, values))

uint64_t
codec_sum_wide(uint64_t sum, uint32_t count, int64_t *values)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] = (int64_t)(sum += (uint64_t)values[i]);
	return sum;
}

static CODEC_INLINE uint64_t
total_any(uint32_t count, const uint32_t *values)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += values[i];
	return sum;
}

DEFINE_BOTH(uint64_t, total, (uint32_t count, const uint32_t *values), (count, values))

static CODEC_INLINE uint64_t
total_wide_any(uint32_t count, const int64_t *values)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += (uint64_t)values[i];
	return sum;
}

DEFINE_BOTH(uint64_t, total_wide, (uint32_t count, const int64_t *values), (count, values))

/* ---- tables ---------------------------------------------------------------- */

static CODEC_INLINE uint32_t
highest_any(const uint32_t *values, uint32_t count)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = values[i] > highest ? values[i] : highest;
	return highest;
}

DEFINE_BOTH(uint32_t, highest, (const uint32_t *values, uint32_t count), (values, count))

#if CODEC_HAS_AVX2
/* Eight entries fit a register. */
CODEC_AVX2 static void
map_few(const uint32_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	uint32_t *out)
{
	uint32_t few[8] = {0}, i = 0;
	__m256i entries;

	memcpy(few, table, entries_count * sizeof *table);
	entries = _mm256_loadu_si256((const __m256i *)(const void *)few);
	for (; i + 8 <= count; i += 8) {
		__m256i at = _mm256_loadu_si256((const __m256i *)(const void *)(codes + i));

		_mm256_storeu_si256((__m256i *)(void *)(out + i),
				    _mm256_permutevar8x32_epi32(entries, at));
	}
	for (; i < count; i++)
		out[i] = few[codes[i]];
}
#endif

/* Two codes by one load. */
struct four_codes {
	uint64_t low, high;
};

static CODEC_INLINE struct four_codes
load_codes(const uint32_t *codes)
{
	struct four_codes four;

	memcpy(&four, codes, sizeof four);
	return four;
}

/* Tables and outputs: of each pair one is NULL. */
static CODEC_INLINE void
map_one(const uint32_t *narrow, const int64_t *wide, uint64_t code, uint32_t i,
	uint32_t *narrow_out, int64_t *wide_out)
{
	if (narrow != NULL)
		narrow_out[i] = narrow[code];
	else
		wide_out[i] = wide[code];
}

static CODEC_INLINE void
map_any(const uint32_t *narrow, const int64_t *wide, uint32_t count, const uint32_t *codes,
	uint32_t *narrow_out, int64_t *wide_out)
{
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4) {
		struct four_codes four = load_codes(codes + i);

		map_one(narrow, wide, (uint32_t)four.low, i, narrow_out, wide_out);
		map_one(narrow, wide, four.low >> 32, i + 1, narrow_out, wide_out);
		map_one(narrow, wide, (uint32_t)four.high, i + 2, narrow_out, wide_out);
		map_one(narrow, wide, four.high >> 32, i + 3, narrow_out, wide_out);
	}
	for (; i < count; i++)
		map_one(narrow, wide, codes[i], i, narrow_out, wide_out);
}

bool
codec_map(const uint32_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	  uint32_t *out)
{
	if (count > 0 && codec_highest(codes, count) >= entries_count)
		return false;
#if CODEC_HAS_AVX2
	if (entries_count <= 8 && !codec_is_plain()) {
		map_few(table, entries_count, count, codes, out);
		return true;
	}
#endif
	map_any(table, NULL, count, codes, out, NULL);
	return true;
}

bool
codec_map_wide(const int64_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	       int64_t *out)
{
	if (count > 0 && codec_highest(codes, count) >= entries_count)
		return false;
	map_any(NULL, table, count, codes, NULL, out);
	return true;
}

/* ---- NULL rows ------------------------------------------------------------- */

static CODEC_INLINE uint32_t
count_bits_any(const uint64_t *bitmap, uint32_t words)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < words; i++)
		found += (uint32_t)__builtin_popcountll(bitmap[i]);
	return found;
}

DEFINE_BOTH(uint32_t, count_bits, (const uint64_t *bitmap, uint32_t words), (bitmap, words))

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

#define EACH(n)                                                                             \
	_mm256_setr_epi32(1 << (n), 1 << (n + 1), 1 << (n + 2), 1 << (n + 3), 1 << (n + 4), \
			  1 << (n + 5), 1 << (n + 6), (int)(1u << (n + 7)))

/* For 32 rows, the lanes of those of which the bits of eight are set. */
CODEC_AVX2 static CODEC_INLINE __m256i
lanes_of(__m256i bits, uint32_t eight)
{
	const __m256i each = eight == 0   ? EACH(0)
			     : eight == 1 ? EACH(8)
			     : eight == 2 ? EACH(16)
					  : EACH(24);

	return _mm256_cmpeq_epi32(_mm256_and_si256(bits, each), each);
}

/* Eight rows at a time take their values by one permutation. */
CODEC_AVX2 static void
spread_avx2(const uint64_t *nulls, uint32_t rows, const uint32_t *dense, uint32_t null,
	    uint32_t *out)
{
	const __m256i hidden = _mm256_set1_epi32((int)null);
	uint32_t row = 0;

	for (; row + 32 <= rows; row += 32) {
		uint32_t word = (uint32_t)(nulls[row / 64] >> (row % 64));
		const __m256i bits = _mm256_set1_epi32((int)word);

#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++, word >>= 8) {
			__m256i from = _mm256_loadu_si256((const __m256i *)(const void *)dense),
				at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(
				    (const __m128i *)(const void *)&places[word & 0xff]));

			from = _mm256_permutevar8x32_epi32(from, at);
			from = _mm256_blendv_epi8(from, hidden, lanes_of(bits, i));
			_mm256_storeu_si256((__m256i *)(void *)(out + row + i * 8), from);
			dense += 8 - _mm_popcnt_u32(word & 0xff);
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
		const __m256i bits =
		    _mm256_set1_epi32((int)(uint32_t)(nulls[row / 64] >> (row % 64)));

#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++) {
			__m256i *at = (__m256i *)(void *)(out + row + i * 8);

			_mm256_storeu_si256(at, _mm256_blendv_epi8(_mm256_loadu_si256(at), hidden,
								   lanes_of(bits, i)));
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
