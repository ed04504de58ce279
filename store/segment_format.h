/*
 * What writing and reading share about segment files: fixed sizes, flags and
 * bounds. Described byte by byte in FORMAT.md.
 */
#ifndef SEGMENT_FORMAT_H
#define SEGMENT_FORMAT_H

#include "store.h"

#define SEGMENT_MAGIC "DRUMSEG\n" /* begins and ends the file */
#define SEGMENT_MAGIC_BYTES 8u
#define SEGMENT_VERSION 1u

/* Sections (dictionaries and chunks) lie one after the other in the footer's
 * order, each at a multiple of this, zeros between them; so the footer needs
 * no offsets, and raw chunks can be used in place. */
#define SEGMENT_ALIGNMENT 8u

/* Tail, at the end of the file: footer bytes u32, version u32, XXH3-64 of the
 * footer u64, magic. */
#define SEGMENT_TAIL_BYTES 24u

/* Footer head: columns u32, blocks u32, rows u64, time min i64, time max i64;
 * then the rows of each block (u32). */
#define SEGMENT_HEAD_BYTES 32u

/* Per column: type u8, bits u8, scale u32, flags u32, name size u16, key size
 * u16; name, key; for strings the dictionary; one chunk per block. */
#define SEGMENT_COLUMN_BYTES 14u

/* Dictionary: flags u8, entries u32, stored bytes u32, raw bytes u32, XXH3-64
 * of the stored bytes u64. Its raw bytes: size of a length u8 (1, 2 or 4),
 * length of each entry, the entries' bytes; entries ascend as bytes. */
#define SEGMENT_DICTIONARY_BYTES 21u
#define SEGMENT_DICTIONARY_LZ4 0x01u

/* Chunk: codec u8; unless absent: flags u8, NULL rows u32, stored bytes of the
 * null bitmap u32, stored bytes of the values u32, raw bytes of the values
 * u32, XXH3-64 of the stored bytes u64, min i64, max i64. */
#define SEGMENT_CHUNK_ABSENT_BYTES 1u
#define SEGMENT_CHUNK_BYTES 42u
#define SEGMENT_CHUNK_NULLS_LZ4 0x01u
#define SEGMENT_CHUNK_VALUES_LZ4 0x02u
#define SEGMENT_CHUNK_DENSE 0x04u /* values of NULL rows are left out */
#define SEGMENT_CHUNK_FLAGS 0x07u /* those there are */

#define SEGMENT_BLOCKS_MAX 65536u
#define SEGMENT_COLUMNS_MAX 65536u
#define SEGMENT_FOOTER_BYTES_MAX (1u << 30)
#define SEGMENT_DICTIONARY_RAW_BYTES_MAX (1u << 30)

_Static_assert(sizeof SEGMENT_MAGIC - 1 == SEGMENT_MAGIC_BYTES, "magic");
_Static_assert(SEGMENT_MAGIC_BYTES % SEGMENT_ALIGNMENT == 0, "first section");
_Static_assert(SEGMENT_TAIL_BYTES == 4 + 4 + 8 + SEGMENT_MAGIC_BYTES, "tail");
_Static_assert(SEGMENT_HEAD_BYTES == 4 + 4 + 8 + 8 + 8, "head");
_Static_assert(SEGMENT_COLUMN_BYTES == 1 + 1 + 4 + 4 + 2 + 2, "column");
_Static_assert(SEGMENT_DICTIONARY_BYTES == 1 + 4 + 4 + 4 + 8, "dictionary");
_Static_assert(SEGMENT_CHUNK_BYTES == 1 + 1 + 4 + 4 + 4 + 4 + 8 + 8 + 8, "chunk");

/* Types are stored by number. */
_Static_assert(STORE_TIME == 0 && STORE_UINT == 1 && STORE_FLOAT == 2, "types on disk");
_Static_assert(STORE_STRING == 3 && STORE_MAP == 4, "types on disk");

static inline uint64_t
segment_aligned(uint64_t offset)
{
	return (offset + SEGMENT_ALIGNMENT - 1) / SEGMENT_ALIGNMENT * SEGMENT_ALIGNMENT;
}

/* Raw bytes of a block's null bitmap. */
static inline uint32_t
segment_nulls_bytes(uint32_t rows_count)
{
	return (rows_count + 7) / 8;
}

static inline bool
segment_is_string(enum store_type type)
{
	return type == STORE_STRING || type == STORE_MAP;
}

/* The order of min and max: unsigned for UINT, else signed. Unscaled floats
 * have none: their min and max are set only when constant. */
static inline bool
segment_less(enum store_type type, int64_t a, int64_t b)
{
	return type == STORE_UINT ? (uint64_t)a < (uint64_t)b : a < b;
}

static inline bool
segment_is_ordered(enum store_type type, uint32_t scale)
{
	return type != STORE_FLOAT || scale != 0;
}

#endif
