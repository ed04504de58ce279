/*
 * What segment_write.c and segment_read.c share: the fixed sizes and offsets
 * of a segment file. Described byte by byte in FORMAT.md.
 */
#ifndef SEGMENT_FORMAT_H
#define SEGMENT_FORMAT_H

#include <stdint.h>

#define SEGMENT_MAGIC "DRUMSEG\n" /* 8 bytes: begins and ends the file */
#define SEGMENT_MAGIC_BYTES 8u
#define SEGMENT_VERSION 1u

/* Tail, at the end of the file: footer size u32, version u32, XXH3-64 of the
 * footer u64, magic. */
#define SEGMENT_TAIL_BYTES 24u

/* Footer head: columns u32, blocks u32, rows u64, time min i64, time max i64;
 * then the rows of each block (u32). */
#define SEGMENT_HEAD_BYTES 32u

/* Per column: type u8, bits u8, scale u32, flags u32, name size u16, key size
 * u16; name, key; then its dictionary and one chunk per block. */
#define SEGMENT_COLUMN_BYTES 14u

/* Dictionary: entries u32, stored bytes u32, raw bytes u32, offset u64,
 * XXH3-64 of the stored bytes u64. */
#define SEGMENT_DICTIONARY_BYTES 28u

/* Chunk: codec u8, flags u8; and unless absent: null count u32, stored bytes
 * u32, raw bytes u32, offset u64, XXH3-64 u64, min i64, max i64. */
#define SEGMENT_CHUNK_ABSENT_BYTES 2u
#define SEGMENT_CHUNK_BYTES 46u

#define SEGMENT_CHUNK_LZ4 0x01u   /* stored bytes are LZ4 of the raw bytes */
#define SEGMENT_CHUNK_NULLS 0x02u /* raw bytes begin with the null bitmap */
#define SEGMENT_CHUNK_RANGE 0x04u /* min and max are set */

#define SEGMENT_BLOCKS_MAX 65536u
#define SEGMENT_COLUMNS_MAX 4096u
#define SEGMENT_DICTIONARY_RAW_BYTES_MAX (1u << 30)

_Static_assert(SEGMENT_TAIL_BYTES == 4 + 4 + 8 + SEGMENT_MAGIC_BYTES, "tail");
_Static_assert(SEGMENT_HEAD_BYTES == 4 + 4 + 8 + 8 + 8, "head");
_Static_assert(SEGMENT_COLUMN_BYTES == 1 + 1 + 4 + 4 + 2 + 2, "column");
_Static_assert(SEGMENT_DICTIONARY_BYTES == 4 + 4 + 4 + 8 + 8, "dictionary");
_Static_assert(SEGMENT_CHUNK_BYTES == 2 + 4 + 4 + 4 + 8 + 8 + 8 + 8, "chunk");

#endif
