/*
 * What codec_packed_write.c and codec_packed_read.c share: the layout of
 * CODEC_PACKED. Described byte by byte in FORMAT.md.
 *
 * Whole groups are packed in stripes: the low bits of value i go to lane
 * i mod 32 (width <= 32) or i mod 16, so that a plain loop over lanes unpacks a
 * row of them with one shift and compilers vectorise it; packing one value
 * after the other was several times slower to read. The last, shorter group is
 * packed one after the other, as are exceptions.
 */
#ifndef CODEC_PACKED_H
#define CODEC_PACKED_H

#include "codec.h"

/* Lanes are loaded and stored as they lie in the file. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian machines only");

#define PACKED_LANES32 32u
#define PACKED_LANES64 16u
#define PACKED_STRIPE_BYTES 128u /* one word of every lane */
#define PACKED_POSITION_BITS 10u /* of an exception in its group */
#define PACKED_HEAD_BYTES 9u     /* base bytes u8, frame i64 */

_Static_assert(CODEC_GROUP_ROWS == 1u << PACKED_POSITION_BITS, "positions");
_Static_assert(PACKED_STRIPE_BYTES == PACKED_LANES32 * 4, "stripes of 32 lanes");
_Static_assert(PACKED_STRIPE_BYTES == PACKED_LANES64 * 8, "stripes of 16 lanes");
_Static_assert(CODEC_GROUP_ROWS / 8 == PACKED_STRIPE_BYTES, "a stripe per bit of width");

static inline uint64_t
packed_mask(uint32_t width)
{
	return width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

static inline uint32_t
packed_groups_count(uint32_t count)
{
	return (count + CODEC_GROUP_ROWS - 1) / CODEC_GROUP_ROWS;
}

static inline uint32_t
packed_group_rows(uint32_t count, uint32_t group)
{
	uint32_t left = count - group * CODEC_GROUP_ROWS;

	return left < CODEC_GROUP_ROWS ? left : CODEC_GROUP_ROWS;
}

static inline size_t
packed_low_bytes(uint32_t count, uint32_t width)
{
	return ((size_t)count * width + 7) / 8;
}

/* Count u16, then position and high bits of each. */
static inline size_t
packed_exceptions_bytes(uint32_t exceptions_count, uint32_t exception_bits)
{
	if (exceptions_count == 0)
		return 0;
	return 2 + ((size_t)exceptions_count * (PACKED_POSITION_BITS + exception_bits) + 7) / 8;
}

/* Groups in order; refers to the bytes. */
struct packed_reader {
	const unsigned char *at;
	size_t left;
	uint32_t count, next; /* values in all, and in the groups read */
	uint32_t base_bytes;
	uint64_t frame;
};

/* Rows of the next group; 0 after the last. */
static inline uint32_t
packed_rows_left(const struct packed_reader *reader)
{
	uint32_t left = reader->count - reader->next;

	return left < CODEC_GROUP_ROWS ? left : CODEC_GROUP_ROWS;
}

/* All return 0, or -1 when the bytes are malformed, which bytes left over after
 * the last group are too. */
int codec_packed_open(struct packed_reader *reader, const unsigned char *bytes, size_t size,
		      uint32_t count);
/* The next `count` values: whole groups, or all that are left. */
int codec_packed_read(struct packed_reader *reader, uint32_t count, int64_t *values);
/* The same modulo 2^32; `codes`: only of groups that are within 32 bits. */
int codec_packed_read_narrow(struct packed_reader *reader, uint32_t count, bool codes,
			     uint32_t *values);
/* And with `null` for those values whose bit in `nulls` is set. */
int codec_packed_read_shown(struct packed_reader *reader, uint32_t count, bool codes,
			    const uint64_t *nulls, uint32_t null, uint32_t *values);
/* Codes, 255 for those above; of a whole group without exceptions straight from
 * its bits. */
int codec_packed_read_bytes(struct packed_reader *reader, uint32_t count, uint8_t *values);
int codec_packed_skip(struct packed_reader *reader);
/* On to a group from which so many bytes are left; it is known to begin there. */
void codec_packed_seek(struct packed_reader *reader, uint32_t group, size_t left);
/* The next group holds differences: each value is *sum and those up to it, and *sum
 * becomes the last. The first `kept` go to `values`, the others to
 * rest[CODEC_GROUP_ROWS]. Narrow: modulo 2^32, *sum too. */
int codec_packed_read_sums(struct packed_reader *reader, uint64_t *sum, uint32_t kept,
			   int64_t *values, int64_t *rest);
int codec_packed_read_sums_narrow(struct packed_reader *reader, uint64_t *sum, uint32_t *values);
/* *ascends (or NULL): whether no value, signed, is below the one before; false where that
 * takes more than a look at the group's widths. */
int codec_packed_skip_sums(struct packed_reader *reader, uint64_t *sum, bool *ascends);

#endif
