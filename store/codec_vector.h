/*
 * What decoding does to whole groups of values at once: loops over the
 * processor's vectors. Between codec_packed_read.c, codec_stream.c,
 * segment_slice.c and the machine; the loops know nothing of files, and all
 * forms of one give the same answer.
 */
#ifndef CODEC_VECTOR_H
#define CODEC_VECTOR_H

#include <stdatomic.h>

#include "codec.h"

/* Compiled once for AVX2 and once for any machine. Not by the loader, as
 * CODEC_CLONES: sanitizers and clang take part. */
#if defined(__x86_64__)
#define CODEC_HAS_AVX2 1
#define CODEC_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
/* Of loads and comparisons that leave bytes out, no other forms are worth it. */
#define CODEC_AVX512 __attribute__((target("avx512bw,avx512vl,bmi,bmi2,popcnt")))
/* Of bytes that are taken out of words, or brought together. */
#define CODEC_VBMI \
	__attribute__((target("avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))
#else
#define CODEC_HAS_AVX2 0
#endif
#define CODEC_INLINE inline __attribute__((always_inline))
/* Arrays that are written before they are read: zeroing them, as the compiler is
 * told to, would cost as much as filling them. */
#define CODEC_UNSET __attribute__((uninitialized))

/* Values that may be read, whatever they are, behind those that codec_spread is
 * given. */
#define CODEC_SPREAD_PADDING 8u

/* Which forms of the loops serve: 0 until somebody asks. */
enum { CODEC_FORMS_PLAIN = 1, CODEC_FORMS_AVX2, CODEC_FORMS_AVX512, CODEC_FORMS_VBMI };
extern _Atomic int codec_forms;
bool codec_choose_forms(void);

static inline bool
codec_is_plain(void)
{
	int forms = atomic_load_explicit(&codec_forms, memory_order_relaxed);

	return forms == 0 ? codec_choose_forms() : forms == CODEC_FORMS_PLAIN;
}

/* Besides those for AVX2. */
static inline bool
codec_has_avx512(void)
{
	return !codec_is_plain() &&
	       atomic_load_explicit(&codec_forms, memory_order_relaxed) >= CODEC_FORMS_AVX512;
}

static inline bool
codec_has_vbmi(void)
{
	return !codec_is_plain() &&
	       atomic_load_explicit(&codec_forms, memory_order_relaxed) >= CODEC_FORMS_VBMI;
}

/* For tests: the loops for any machine; none beyond those forms. */
void codec_set_plain(bool plain);
void codec_limit_forms(int forms);

/* Defines NAME_plain and NAME_avx2 from the inline function NAME_any. */
#define CODEC_PLAIN_FORM(type, name, parameters, arguments) \
	static type name##_plain parameters                 \
	{                                                   \
		return name##_any arguments;                \
	}
#if CODEC_HAS_AVX2
#define CODEC_BOTH_FORMS(type, name, parameters, arguments)                               \
	CODEC_PLAIN_FORM(type, name, parameters, arguments)                               \
	CODEC_AVX2 static type name##_avx2 parameters                                     \
	{                                                                                 \
		return name##_any arguments;                                              \
	}                                                                                 \
	type codec_##name parameters                                                      \
	{                                                                                 \
		return codec_is_plain() ? name##_plain arguments : name##_avx2 arguments; \
	}
#else
#define CODEC_BOTH_FORMS(type, name, parameters, arguments) \
	CODEC_PLAIN_FORM(type, name, parameters, arguments) \
	type codec_##name parameters                        \
	{                                                   \
		return name##_plain arguments;              \
	}
#endif

/* Unpacks a whole group of CODEC_PACKED: out[CODEC_GROUP_ROWS] = base + the low
 * bits, modulo 2^32 and 2^64. packed[width * 128], 0 <= width <= 64. */
void codec_unpack(const unsigned char *packed, uint32_t width, uint32_t base, uint32_t *out);
void codec_unpack_wide(const unsigned char *packed, uint32_t width, uint64_t base, int64_t *out);
/* As codec_unpack, with `null` for those values whose bit in `nulls` is set: in
 * one pass, as memory takes one vector a cycle. False when there is no such
 * loop, and nothing was done. */
bool codec_unpack_shown(const unsigned char *packed, uint32_t width, uint32_t base,
			const uint64_t *nulls, uint32_t null, uint32_t *out);

/* Each value becomes the sum of those up to it and of `sum`; returns the last. */
uint32_t codec_sum(uint32_t sum, uint32_t count, uint32_t *values);
uint64_t codec_sum_wide(uint64_t sum, uint32_t count, int64_t *values);
/* The same of differences whose sum is below 2^32. */
uint64_t
codec_sum_widening(uint64_t sum, uint32_t count, const uint32_t *differences, int64_t *values);
/* The sum of all, modulo 2^64. */
uint64_t codec_total(uint32_t count, const uint32_t *values);
uint64_t codec_total_wide(uint32_t count, const int64_t *values);

/* out[i] = table[codes[i]]; false when a code is not below entries_count. `out`
 * may be `codes`. */
bool codec_map(const uint32_t *table, uint32_t entries_count, uint32_t count, const uint32_t *codes,
	       uint32_t *out);
bool codec_map_wide(const int64_t *table, uint32_t entries_count, uint32_t count,
		    const uint32_t *codes, int64_t *out);
/* Tables of so few entries are the fastest: they fit a register. */
#define CODEC_MAP_FEW 8u
/* How many of the first entries are as far from one another: times that are
 * measured in steps are. */
uint32_t codec_evenly(const uint32_t *table, uint32_t entries_count);
/* As codec_map, with arithmetic instead of the table for codes below even_count,
 * which codec_evenly() gave; adds how many codes are not, if that matters, to
 * *odd_count. `out` is elsewhere. */
bool codec_map_even(const uint32_t *table, uint32_t entries_count, uint32_t even_count,
		    uint32_t count, const uint32_t *codes, uint32_t *out, uint32_t *odd_count);
/* 0 when there are none. */
uint32_t codec_highest(const uint32_t *values, uint32_t count);

/* ---- codes of a byte each, where a dictionary has few entries --------------- */

/* The code of what a byte cannot hold; a dictionary that has it is too large. */
#define CODEC_BYTES_FULL UINT8_MAX

/* As codec_unpack; 255 for codes above. 0 <= width <= 64. */
void codec_bytes_unpack(const unsigned char *packed, uint32_t width, uint32_t base, uint8_t *out);
void codec_bytes_narrow(const uint32_t *codes, uint32_t count, uint8_t *out);
void codec_bytes_widen(const uint8_t *bytes, uint32_t count, uint32_t *out);
/* 0 when there are none. */
uint32_t codec_bytes_highest(const uint8_t *bytes, uint32_t count);
/* As codec_map of at most CODEC_MAP_FEW entries; false when there are more, too. */
bool codec_bytes_map(const uint32_t *table, uint32_t entries_count, uint32_t count,
		     const uint8_t *bytes, uint32_t *out);

/* Bits set of bitmap[words]. */
uint32_t codec_count_bits(const uint64_t *bitmap, uint32_t words);
/* bitmap[] becomes bytes[size], with zeros behind them in the last word; returns
 * the bits set. */
uint32_t codec_copy_bits(const unsigned char *bytes, size_t size, uint64_t *bitmap);
/* Values of rows that are not NULL to their rows: out[rows], NULL rows get
 * `null`. `dense` is elsewhere, and CODEC_SPREAD_PADDING longer than the rows
 * need. */
void codec_spread(const uint64_t *nulls, uint32_t rows, const uint32_t *dense, uint32_t null,
		  uint32_t *out);
void codec_spread_wide(const uint64_t *nulls, uint32_t rows, const int64_t *dense, int64_t null,
		       int64_t *out);
/* Only the NULL rows'. */
void codec_set_nulls(const uint64_t *nulls, uint32_t rows, uint32_t null, uint32_t *out);

#endif
