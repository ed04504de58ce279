/*
 * codec_vector.h: unpacking. What a scan spends its time in: for each width up
 * to 32 there is a function of its own, in which all shifts are constants. Must
 * not look at anything but the group's low bits.
 */
#include "codec_packed.h"
#include "codec_vector.h"

#if CODEC_HAS_AVX2
#include <immintrin.h>
#endif

/* Eight lanes of 32 bits, four of 64, wherever they lie. */
typedef uint32_t lanes32 __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint32_t word32 __attribute__((may_alias));
typedef uint64_t lanes64 __attribute__((vector_size(32), aligned(1), may_alias));

#define STRIPE_VECTORS (PACKED_STRIPE_BYTES / sizeof(lanes32))

_Static_assert(STRIPE_VECTORS == 4, "a stripe is four vectors");

/* ---- 32 bits ------------------------------------------------------------- */

/* in[0], in[4] ... are the words of eight lanes: their values of one row. Rows are
 * asked for in order, and `held` is the last word that was needed. */
static CODEC_INLINE void
unpack_row(const lanes32 *in, uint32_t width, uint32_t row, lanes32 *held, const lanes32 *base,
	   lanes32 *out)
{
	uint32_t bit = row * width, shift = bit % 32, word = bit / 32 * STRIPE_VECTORS;
	lanes32 value;

	if (shift == 0)
		*held = in[word];
	value = *held >> shift;
	if (shift + width > 32) {
		*held = in[word + STRIPE_VECTORS];
		value |= *held << (32 - shift);
	}
	if (shift + width != 32)
		value &= (uint32_t)packed_mask(width);
	*out = value + *base;
}

/* to[0], to[4] ... are the values' places. */
#define ROW(n) unpack_row(in, width, n, &held, &bases, to + (n)*STRIPE_VECTORS);
#define ROWS4(ROW, n) ROW(n) ROW(n + 1) ROW(n + 2) ROW(n + 3)
#define ROWS16(ROW, n) ROWS4(ROW, n) ROWS4(ROW, n + 4) ROWS4(ROW, n + 8) ROWS4(ROW, n + 12)

static CODEC_INLINE void
unpack_width(const unsigned char *packed, uint32_t width, uint32_t base, uint32_t *out)
{
	const lanes32 bases = (lanes32){0} + base;

	for (uint32_t i = 0; i < STRIPE_VECTORS; i++) {
		const lanes32 *in = (const lanes32 *)(const void *)packed + i;
		lanes32 *to = (lanes32 *)(void *)out + i, held;

		ROWS16(ROW, 0)
		ROWS16(ROW, 16)
	}
}

static CODEC_INLINE void
fill(uint32_t base, uint32_t *out)
{
	for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++)
		out[i] = base;
}

/* clang-format off */
#define WIDTHS(X)                                            \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)              \
	X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)       \
	X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24)      \
	X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32)
/* clang-format on */

#define DEFINE_PLAIN(w)                                                                         \
	static void unpack_plain_##w(const unsigned char *packed, uint32_t base, uint32_t *out) \
	{                                                                                       \
		unpack_width(packed, w, base, out);                                             \
	}
#define NAME_PLAIN(w) [w] = unpack_plain_##w,

typedef void unpack_function(const unsigned char *packed, uint32_t base, uint32_t *out);

WIDTHS(DEFINE_PLAIN)
static unpack_function *const unpack_plain[33] = {WIDTHS(NAME_PLAIN)};

#if CODEC_HAS_AVX2
#define DEFINE_AVX2(w)                                                                     \
	CODEC_AVX2 static void unpack_avx2_##w(const unsigned char *packed, uint32_t base, \
					       uint32_t *out)                              \
	{                                                                                  \
		unpack_width(packed, w, base, out);                                        \
	}
#define NAME_AVX2(w) [w] = unpack_avx2_##w,

WIDTHS(DEFINE_AVX2)
static unpack_function *const unpack_avx2[33] = {WIDTHS(NAME_AVX2)};

/* The bit of each lane's row goes to the sign, which is what the instruction
 * looks at. */
#define SHOWN_ROW(n)                                                                             \
	{                                                                                        \
		lanes32 value;                                                                   \
		__m256i bits = _mm256_sllv_epi32(_mm256_set1_epi32((int)words[n]), to_sign);     \
		unpack_row(in, width, n, &held, &bases, &value);                                 \
		_mm256_storeu_ps((float *)(void *)(to + (n)*STRIPE_VECTORS),                     \
				 _mm256_blendv_ps((__m256)value, (__m256)hidden, (__m256)bits)); \
	}

CODEC_AVX2 static CODEC_INLINE void
unpack_shown(const unsigned char *packed, uint32_t width, uint32_t base, const uint64_t *nulls,
	     uint32_t null, uint32_t *out)
{
	const lanes32 bases = (lanes32){0} + base;
	const __m256i hidden = _mm256_set1_epi32((int)null);
	__m256i to_sign = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
	/* Read again each time: there are not registers for all. */
	const word32 *words = (const word32 *)(const void *)nulls;

	for (uint32_t i = 0; i < STRIPE_VECTORS; i++) {
		const lanes32 *in = (const lanes32 *)(const void *)packed + i;
		lanes32 *to = (lanes32 *)(void *)out + i, held;

		ROWS16(SHOWN_ROW, 0)
		ROWS16(SHOWN_ROW, 16)
		to_sign = _mm256_sub_epi32(to_sign, _mm256_set1_epi32(8));
	}
}

#define DEFINE_SHOWN(w)                                                                     \
	CODEC_AVX2 static void unpack_shown_##w(const unsigned char *packed, uint32_t base, \
						const uint64_t *nulls, uint32_t null,       \
						uint32_t *out)                              \
	{                                                                                   \
		unpack_shown(packed, w, base, nulls, null, out);                            \
	}
#define NAME_SHOWN(w) [w] = unpack_shown_##w,

typedef void shown_function(const unsigned char *packed, uint32_t base, const uint64_t *nulls,
			    uint32_t null, uint32_t *out);

WIDTHS(DEFINE_SHOWN)
static shown_function *const unpack_shown_avx2[33] = {WIDTHS(NAME_SHOWN)};
#endif

static void
unpack_any(const unsigned char *packed, uint32_t width, uint32_t base, uint32_t *out)
{
#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		unpack_avx2[width](packed, base, out);
		return;
	}
#endif
	unpack_plain[width](packed, base, out);
}

/* ---- 64 bits ------------------------------------------------------------- */

/* 33 <= width <= 64: ids and what is not worth a function of its own. */
static CODEC_INLINE void
unpack_long(const unsigned char *packed, uint32_t width, uint64_t base, int64_t *out)
{
	uint64_t mask = packed_mask(width);
	lanes64 *to = (lanes64 *)(void *)out;

	for (uint32_t row = 0; row < CODEC_GROUP_ROWS / PACKED_LANES64; row++) {
		uint32_t bit = row * width, shift = bit % 64;
		const lanes64 *in =
		    (const lanes64 *)(const void *)packed + bit / 64 * STRIPE_VECTORS;

		for (uint32_t i = 0; i < STRIPE_VECTORS; i++) {
			lanes64 value = in[i] >> shift;

			if (shift + width > 64)
				value |= in[i + STRIPE_VECTORS] << (64 - shift);
			*to++ = (value & mask) + base;
		}
	}
}

static CODEC_INLINE void
widen(const uint32_t *low, uint64_t base, int64_t *out)
{
	for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++)
		out[i] = (int64_t)(base + low[i]);
}

static void
unpack_long_plain(const unsigned char *packed, uint32_t width, uint64_t base, int64_t *out)
{
	unpack_long(packed, width, base, out);
}

static void
widen_plain(const uint32_t *low, uint64_t base, int64_t *out)
{
	widen(low, base, out);
}

#if CODEC_HAS_AVX2
CODEC_AVX2 static void
unpack_long_avx2(const unsigned char *packed, uint32_t width, uint64_t base, int64_t *out)
{
	unpack_long(packed, width, base, out);
}

CODEC_AVX2 static void
widen_avx2(const uint32_t *low, uint64_t base, int64_t *out)
{
	widen(low, base, out);
}
#else
#define unpack_long_avx2 unpack_long_plain
#define widen_avx2 widen_plain
#endif

void
codec_unpack(const unsigned char *packed, uint32_t width, uint32_t base, uint32_t *out)
{
	CODEC_UNSET int64_t wide[CODEC_GROUP_ROWS];

	if (width == 0) {
		fill(base, out);
	} else if (width <= 32) {
		unpack_any(packed, width, base, out);
	} else {
		codec_unpack_wide(packed, width, base, wide);
		for (uint32_t i = 0; i < CODEC_GROUP_ROWS; i++)
			out[i] = (uint32_t)wide[i];
	}
}

bool
codec_unpack_shown(const unsigned char *packed, uint32_t width, uint32_t base,
		   const uint64_t *nulls, uint32_t null, uint32_t *out)
{
#if CODEC_HAS_AVX2
	if (width > 0 && width <= 32 && !codec_is_plain()) {
		unpack_shown_avx2[width](packed, base, nulls, null, out);
		return true;
	}
#endif
	(void)packed, (void)width, (void)base, (void)nulls, (void)null, (void)out;
	return false;
}

void
codec_unpack_wide(const unsigned char *packed, uint32_t width, uint64_t base, int64_t *out)
{
	CODEC_UNSET uint32_t low[CODEC_GROUP_ROWS];

	if (width > 32) {
		(codec_is_plain() ? unpack_long_plain : unpack_long_avx2)(packed, width, base, out);
		return;
	}
	codec_unpack(packed, width, 0, low);
	(codec_is_plain() ? widen_plain : widen_avx2)(low, base, out);
}
