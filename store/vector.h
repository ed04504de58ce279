/*
 * A column of one block, decoded: what the storage side hands to the query
 * side. Physical values are of two kinds only: int64_t (times, integers,
 * scaled floats; UInt64 by bit pattern; unscaled floats as the double's bits)
 * and dictionary codes.
 */
#ifndef VECTOR_H
#define VECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "store.h"

#define BLOCK_ROWS_MAX 65536u

#define DICTIONARY_CHUNK_BITS 10
#define DICTIONARY_CHUNK_SIZE (1u << DICTIONARY_CHUNK_BITS)

/* Distinct strings by code, 0 <= code < count. Borrowed from segment or
 * memtable, valid while the snapshot is open. Entries never move. */
struct dictionary {
	uint32_t count;
	const struct store_str *const *chunks; /* chunks[code >> 10][code & 1023] */
};

static inline struct store_str
dictionary_entry(const struct dictionary *dictionary, uint32_t code)
{
	return dictionary
	    ->chunks[code >> DICTIONARY_CHUNK_BITS][code & (DICTIONARY_CHUNK_SIZE - 1)];
}

/* <0, 0, >0: as bytes, a prefix before what it begins. In this order dictionaries on
 * disk are. */
static inline int
string_compare(struct store_str a, struct store_str b)
{
	uint32_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.bytes, b.bytes, size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* A NULL row among narrow values. */
#define VECTOR_NARROW_NULL UINT32_MAX

struct vector {
	uint32_t rows_count;
	bool constant;         /* every row has the value of row 0 (arrays hold 1) */
	bool all_null;         /* every row is NULL (or the default): arrays are NULL */
	const int64_t *values; /* [rows_count], or NULL for strings */
	/* [rows_count] in place of `values`, for who asks for it and where all are
	 * below VECTOR_NARROW_NULL, which NULL rows have (`nulls` is set too). */
	const uint32_t *narrow;
	const uint32_t *codes; /* [rows_count], or NULL for numbers */
	/* [rows_count] in place of `codes`, for who asks for narrow values, of
	 * dictionaries of less than 256 entries. */
	const uint8_t *bytes;
	const uint64_t *nulls;               /* bitmap, bit set: row is NULL; NULL: none is */
	const struct dictionary *dictionary; /* with codes */
};

static inline bool
bitmap_get(const uint64_t *bitmap, uint32_t row)
{
	return (bitmap[row >> 6] >> (row & 63)) & 1;
}

static inline void
bitmap_set(uint64_t *bitmap, uint32_t row)
{
	bitmap[row >> 6] |= (uint64_t)1 << (row & 63);
}

static inline uint32_t
bitmap_words(uint32_t rows_count)
{
	return (rows_count + 63) / 64;
}

/* Bits set among bits[first, first + count); first is a multiple of 64. */
static inline uint32_t
bitmap_count(const uint64_t *bitmap, uint32_t first, uint32_t count)
{
	uint32_t found = 0;

	for (bitmap += first / 64; count >= 64; count -= 64)
		found += (uint32_t)__builtin_popcountll(*bitmap++);
	if (count > 0)
		found += (uint32_t)__builtin_popcountll(*bitmap & (((uint64_t)1 << count) - 1));
	return found;
}

#endif
