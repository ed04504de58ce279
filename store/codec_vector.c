/*
 * codec_vector.h: sums and tables. Each loop is written once and compiled
 * twice, but for those that need an instruction that C has no word for. Must
 * not know of files.
 */
#include <stdatomic.h>
#include <string.h>

#include "codec_vector.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

_Atomic int codec_forms;

/* Asked once: it would take as long as a small group. */
static int
find_forms(void)
{
#if CODEC_HAS_AVX2
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
	    !__builtin_cpu_supports("popcnt"))
		return CODEC_FORMS_PLAIN;
	if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl"))
		return CODEC_FORMS_AVX2;
	return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")
		   ? CODEC_FORMS_VBMI
		   : CODEC_FORMS_AVX512;
#else
	return CODEC_FORMS_PLAIN;
#endif
}

void
codec_limit_forms(int forms)
{
	int found = find_forms();

	atomic_store_explicit(&codec_forms, found < forms ? found : forms, memory_order_relaxed);
}

void
codec_set_plain(bool plain)
{
	codec_limit_forms(plain ? CODEC_FORMS_PLAIN : CODEC_FORMS_VBMI);
}

bool
codec_choose_forms(void)
{
	codec_set_plain(false);
	return codec_is_plain();
}

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

CODEC_BOTH_FORMS(uint32_t, sum, (uint32_t sum, uint32_t count, uint32_t *values),
		 (sum, count, values))

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

#if CODEC_HAS_AVX2
/* The bytes of number n of four values, with zeros up to 64 bits. */
#define WIDE_BYTES(n) (n) * 4, (n)*4 + 1, (n)*4 + 2, (n)*4 + 3, -1, -1, -1, -1

/* Both halves of a vector hold the same four sums, and each widens two of them:
 * what goes from one half to the other takes longer. */
CODEC_AVX2 static uint64_t
sum_widening_avx2(uint64_t sum, uint32_t count, const uint32_t *restrict differences,
		  int64_t *restrict values)
{
	const __m256i all =
	    _mm256_setr_epi8(WIDE_BYTES(0), WIDE_BYTES(1), WIDE_BYTES(2), WIDE_BYTES(3));
	const __m256i last =
	    _mm256_setr_epi8(WIDE_BYTES(3), WIDE_BYTES(3), WIDE_BYTES(3), WIDE_BYTES(3));
	__m256i before = _mm256_set1_epi64x((long long)sum);
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4) {
		__m256i v = _mm256_broadcastsi128_si256(
		    _mm_loadu_si128((const __m128i *)(const void *)(differences + i)));

		v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
		v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
		_mm256_storeu_si256((__m256i *)(void *)(values + i),
				    _mm256_add_epi64(before, _mm256_shuffle_epi8(v, all)));
		before = _mm256_add_epi64(before, _mm256_shuffle_epi8(v, last));
	}
	return sum_widening_any((uint64_t)_mm256_extract_epi64(before, 0), count - i,
				differences + i, values + i);
}
#endif

uint64_t
codec_sum_widening(uint64_t sum, uint32_t count, const uint32_t *differences, int64_t *values)
{
#if CODEC_HAS_AVX2
	if (!codec_is_plain())
		return sum_widening_avx2(sum, count, differences, values);
#endif
	return sum_widening_any(sum, count, differences, values);
}

static CODEC_INLINE uint64_t
sum_wide_any(uint64_t sum, uint32_t count, int64_t *values)
{
	for (uint32_t i = 0; i < count; i++)
		values[i] = (int64_t)(sum += (uint64_t)values[i]);
	return sum;
}

#if CODEC_HAS_AVX2
CODEC_AVX2 static uint64_t
sum_wide_avx2(uint64_t sum, uint32_t count, int64_t *values)
{
	__m256i before = _mm256_set1_epi64x((long long)sum);
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4) {
		__m256i *at = (__m256i *)(void *)(values + i), v = _mm256_loadu_si256(at), second;

		v = _mm256_add_epi64(v, _mm256_slli_si256(v, 8));
		second = _mm256_permute4x64_epi64(v, 0x55);
		v = _mm256_add_epi64(v, _mm256_blend_epi32(_mm256_setzero_si256(), second, 0xf0));
		_mm256_storeu_si256(at, _mm256_add_epi64(v, before));
		before = _mm256_add_epi64(before, _mm256_permute4x64_epi64(v, 0xff));
	}
	return sum_wide_any((uint64_t)_mm256_extract_epi64(before, 0), count - i, values + i);
}
#endif

uint64_t
codec_sum_wide(uint64_t sum, uint32_t count, int64_t *values)
{
#if CODEC_HAS_AVX2
	if (!codec_is_plain())
		return sum_wide_avx2(sum, count, values);
#endif
	return sum_wide_any(sum, count, values);
}

static CODEC_INLINE uint64_t
total_any(uint32_t count, const uint32_t *values)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += values[i];
	return sum;
}

CODEC_BOTH_FORMS(uint64_t, total, (uint32_t count, const uint32_t *values), (count, values))

static CODEC_INLINE uint64_t
total_wide_any(uint32_t count, const int64_t *values)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += (uint64_t)values[i];
	return sum;
}

CODEC_BOTH_FORMS(uint64_t, total_wide, (uint32_t count, const int64_t *values), (count, values))

/* ---- tables ---------------------------------------------------------------- */

static CODEC_INLINE uint32_t
highest_any(const uint32_t *values, uint32_t count)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = values[i] > highest ? values[i] : highest;
	return highest;
}

CODEC_BOTH_FORMS(uint32_t, highest, (const uint32_t *values, uint32_t count), (values, count))

#if CODEC_HAS_AVX2
CODEC_AVX2 static void
map_few(const uint32_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	uint32_t *out)
{
	uint32_t few[CODEC_MAP_FEW] = {0}, i = 0;
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

/* Processors store one vector in the time of one value. */
static CODEC_INLINE void
map_narrow_any(const uint32_t *table, uint32_t count, const uint32_t *codes, uint32_t *out)
{
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4) {
		struct four_codes c = load_codes(codes + i);

		*(four32 *)(void *)(out + i) = (four32){
		    table[(uint32_t)c.low],
		    table[c.low >> 32],
		    table[(uint32_t)c.high],
		    table[c.high >> 32],
		};
	}
	for (; i < count; i++)
		out[i] = table[codes[i]];
}

static CODEC_INLINE void
map_wide_any(const int64_t *table, uint32_t count, const uint32_t *codes, int64_t *out)
{
	uint32_t i = 0;

	for (; i + 4 <= count; i += 4) {
		struct four_codes c = load_codes(codes + i);

		*(four64 *)(void *)(out + i) = (four64){
		    (uint64_t)table[(uint32_t)c.low],
		    (uint64_t)table[c.low >> 32],
		    (uint64_t)table[(uint32_t)c.high],
		    (uint64_t)table[c.high >> 32],
		};
	}
	for (; i < count; i++)
		out[i] = table[codes[i]];
}

#if CODEC_HAS_AVX2
CODEC_AVX2 static void
map_narrow_avx2(const uint32_t *table, uint32_t count, const uint32_t *codes, uint32_t *out)
{
	map_narrow_any(table, count, codes, out);
}

CODEC_AVX2 static void
map_wide_avx2(const int64_t *table, uint32_t count, const uint32_t *codes, int64_t *out)
{
	map_wide_any(table, count, codes, out);
}
#endif

bool
codec_map(const uint32_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	  uint32_t *out)
{
	if (count > 0 && codec_highest(codes, count) >= entries_count)
		return false;
#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		if (entries_count <= CODEC_MAP_FEW)
			map_few(table, entries_count, count, codes, out);
		else
			map_narrow_avx2(table, count, codes, out);
		return true;
	}
#endif
	map_narrow_any(table, count, codes, out);
	return true;
}

uint32_t
codec_evenly(const uint32_t *table, uint32_t entries_count)
{
	uint32_t count = 1;

	while (count < entries_count && table[count] - table[count - 1] == table[1] - table[0])
		count++;
	return count;
}

#if CODEC_HAS_AVX2
/* Those of the eight codes that `odd` has a bit of. */
static bool
map_odd(const uint32_t *table, uint32_t entries_count, uint32_t odd, const uint32_t *codes,
	uint32_t *out)
{
	for (; odd != 0; odd &= odd - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(odd);

		if (codes[i] >= entries_count)
			return false;
		out[i] = table[codes[i]];
	}
	return true;
}

CODEC_AVX2 static bool
map_even_avx2(const uint32_t *table, uint32_t entries_count, uint32_t even_count, uint32_t count,
	      const uint32_t *codes, uint32_t *out, uint32_t *odd_count)
{
	const __m256i first = _mm256_set1_epi32((int)table[0]);
	const __m256i step = _mm256_set1_epi32((int)(table[1] - table[0]));
	const __m256i last = _mm256_set1_epi32((int)(even_count - 1));
	uint32_t i = 0;

	for (; i + 8 <= count; i += 8) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(codes + i));
		__m256i even = _mm256_cmpeq_epi32(_mm256_max_epu32(c, last), last);
		uint32_t odd = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(even)) ^ 0xff;

		_mm256_storeu_si256((__m256i *)(void *)(out + i),
				    _mm256_add_epi32(_mm256_mullo_epi32(c, step), first));
		if (odd != 0) {
			*odd_count += (uint32_t)_mm_popcnt_u32(odd);
			if (!map_odd(table, entries_count, odd, codes + i, out + i))
				return false;
		}
	}
	return map_odd(table, entries_count, (1u << (count - i)) - 1, codes + i, out + i);
}
#endif

bool
codec_map_even(const uint32_t *table, uint32_t entries_count, uint32_t even_count, uint32_t count,
	       const uint32_t *codes, uint32_t *out, uint32_t *odd_count)
{
#if CODEC_HAS_AVX2
	if (even_count >= 2 && !codec_is_plain())
		return map_even_avx2(table, entries_count, even_count, count, codes, out,
				     odd_count);
#endif
	(void)even_count, (void)odd_count;
	return codec_map(table, entries_count, count, codes, out);
}

bool
codec_map_wide(const int64_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	       int64_t *out)
{
	if (count > 0 && codec_highest(codes, count) >= entries_count)
		return false;
#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		map_wide_avx2(table, count, codes, out);
		return true;
	}
#endif
	map_wide_any(table, count, codes, out);
	return true;
}
