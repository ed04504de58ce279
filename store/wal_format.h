/*
 * What wal_write.c and wal_read.c share: fixed sizes and offsets of a
 * write-ahead log file. Described byte by byte in FORMAT.md.
 */
#ifndef WAL_FORMAT_H
#define WAL_FORMAT_H

#include <stdint.h>

#define WAL_MAGIC "DRUMWAL\n"
#define WAL_VERSION 2u /* 2: entries may drop a view's row */
#define WAL_VERSION_OLDEST 1u

/* Head: magic, version u32, schema bytes u32, file id u64, previous file's id
 * u64 (0: none), its valid bytes u64, random salt u64, CRC-32C u32 of all
 * before it and of the schema that follows, zero u32; then the schema. */
#define WAL_HEAD_BYTES 56u
#define WAL_HEAD_CRC_AT 48u

/* Record head: payload bytes u32 (never 0), type u8, zero u8[3], commit u64,
 * the file's salt u64, CRC-32C u32 of the head before it and of the payload.
 * The salt keeps bytes of other files, and records that somebody hides in a
 * beacon's text, from passing for records of this file. */
#define WAL_RECORD_HEAD_BYTES 28u
#define WAL_RECORD_CRC_AT 24u
#define WAL_PAYLOAD_BYTES_MAX (256u << 20)

enum wal_type {
	WAL_COMMIT = 1,  /* one struct store_commit: entries and request */
	WAL_REQUEST = 2, /* a request carried over from an older file */
	WAL_ERASE = 3,   /* rows of earlier commits that must go */
};

_Static_assert(WAL_HEAD_BYTES == 8 + 4 + 4 + 8 + 8 + 8 + 8 + 4 + 4, "head");
_Static_assert(WAL_RECORD_HEAD_BYTES == 4 + 1 + 3 + 8 + 8 + 4, "record head");

#endif
