/*
 * codec.h: CODEC_PACKED, reading. What a query's scan spends its time in. Must
 * survive any bytes: every part is checked to lie inside before it is read.
 */
#include <string.h>

#include "bytes.h"
#include "codec_bits.h"
#include "codec_vector.h"

/* Differences below this sum up, 1,024 of them, to what 32 bits hold. */
#define SMALL_BITS 21u

/* Blocks come from memory at the pace of decoding, and processors do not look
 * ahead beyond a page: what the next groups need is asked for while this one is
 * unpacked. Half of it before and half after: a processor waits when it is asked
 * for more lines at once than it can wait for, which took a sixth of the time of
 * columns of two bytes a value. From 512 to 4,096 all are alike. */
#define AHEAD_BYTES 1024u
#define LINE_BYTES 64u

/* ---- groups ------------------------------------------------------------ */

/* One group's parts, each checked to lie inside. */
struct parts {
	uint32_t count; /* of values */
	uint64_t base;
	uint32_t width, exception_bits, exceptions_count;
	const unsigned char *low, *exceptions;
	size_t low_left, exceptions_left; /* bytes that may be read from there */
};

int
codec_packed_open(struct packed_reader *reader, const unsigned char *bytes, size_t size,
		  uint32_t count)
{
	if (size < PACKED_HEAD_BYTES || bytes[0] > 8)
		return -1;
	*reader = (struct packed_reader){.at = bytes + PACKED_HEAD_BYTES,
					 .left = size - PACKED_HEAD_BYTES,
					 .count = count,
					 .base_bytes = bytes[0],
					 .frame = bytes_get64(bytes + 1)};
	return 0;
}

static void
advance(struct packed_reader *reader, size_t size)
{
	reader->at += size;
	reader->left -= size;
}

/* As many bytes beyond what is read next as the group had: the halves in turn. */
static CODEC_INLINE void
prefetch(const struct packed_reader *reader, const struct parts *parts, uint32_t half)
{
	size_t size = (size_t)(reader->at - parts->low) / 2, at = half * size, end = at + size;

	if (reader->left < AHEAD_BYTES)
		return;
	end = end < reader->left - AHEAD_BYTES ? end : reader->left - AHEAD_BYTES;
	for (; at < end; at += LINE_BYTES)
		__builtin_prefetch(reader->at + AHEAD_BYTES + at);
}

/* The next group's, and the reader behind it. prefetch() of the second half is to
 * follow. */
static CODEC_INLINE int
read_parts(struct packed_reader *reader, struct parts *out)
{
	uint32_t count = packed_rows_left(reader);
	size_t size;

	if (count == 0 || reader->left < 2 + reader->base_bytes)
		return -1;
	out->count = count;
	out->width = reader->at[0];
	out->exception_bits = reader->at[1];
	out->exceptions_count = 0;
	out->exceptions = NULL;
	out->exceptions_left = 0;
	out->base = reader->frame;
	if (reader->left >= 2 + 8) {
		out->base += bytes_get64(reader->at + 2) & packed_mask(8 * reader->base_bytes);
	} else {
		for (uint32_t i = 0; i < reader->base_bytes; i++)
			out->base += (uint64_t)reader->at[2 + i] << (8 * i);
	}
	advance(reader, 2 + reader->base_bytes);
	if (out->width + out->exception_bits > 64 ||
	    (size = packed_low_bytes(count, out->width)) > reader->left)
		return -1;
	out->low = reader->at;
	out->low_left = reader->left;
	advance(reader, size);
	if (out->exception_bits != 0) {
		if (reader->left < 2)
			return -1;
		out->exceptions_count = bytes_get16(reader->at);
		size = packed_exceptions_bytes(out->exceptions_count, out->exception_bits);
		if (out->exceptions_count == 0 || out->exceptions_count > count ||
		    size > reader->left)
			return -1;
		out->exceptions = reader->at + 2;
		out->exceptions_left = reader->left - 2;
		advance(reader, size);
	}
	reader->next += count;
	prefetch(reader, out, 0);
	return reader->next == reader->count && reader->left != 0 ? -1 : 0;
}

/* values[i] = low bits; of the last group, whose values lie one after the
 * other. Of width 0 they are none. */
static CODEC_INLINE void
read_serial(const struct parts *parts, uint64_t base, uint32_t *narrow, int64_t *wide)
{
	uint32_t width = parts->width, count = parts->count, i = 0;
	uint32_t fast = whole_words(parts->low_left, count, width);
	uint64_t mask = packed_mask(width);

	for (size_t at = 0; i < count; i++, at += width) {
		uint64_t value = base;

		if (i < fast)
			value += (bytes_get64(parts->low + at / 8) >> (at % 8)) & mask;
		else if (width > 0)
			value += bits_get(parts->low, parts->low_left, at, width);
		if (narrow != NULL)
			narrow[i] = (uint32_t)value;
		else
			wide[i] = (int64_t)value;
	}
}

/* Where exceptions are added, or only summed up. Not to rows of which the bit in
 * `nulls` is set. */
struct patched {
	enum { INTO_TOTAL, INTO_NARROW, INTO_WIDE } into;
	uint32_t *narrow;
	int64_t *wide;
	const uint64_t *nulls; /* or NULL */
	uint64_t total;
};

static CODEC_INLINE void
patch(struct patched *patched, uint32_t position, uint64_t high)
{
	if (patched->nulls != NULL)
		high &= (patched->nulls[position / 64] >> (position % 64) & 1) - 1;
	if (patched->into == INTO_NARROW)
		patched->narrow[position] += (uint32_t)high;
	else if (patched->into == INTO_WIDE)
		patched->wide[position] = (int64_t)((uint64_t)patched->wide[position] + high);
	else
		patched->total += high;
}

/* Those from number `i` on, whatever lies behind them. */
static CODEC_INLINE int
add_last(const struct parts *parts, uint32_t i, uint32_t next, struct patched *patched)
{
	uint32_t width = PACKED_POSITION_BITS + parts->exception_bits;

	for (size_t at = (size_t)i * width; i < parts->exceptions_count; i++, at += width) {
		uint32_t position = (uint32_t)bits_get(parts->exceptions, parts->exceptions_left,
						       at, PACKED_POSITION_BITS);
		uint64_t high = bits_get(parts->exceptions, parts->exceptions_left,
					 at + PACKED_POSITION_BITS, parts->exception_bits);

		if (position < next || position >= parts->count)
			return -1;
		next = position + 1;
		patch(patched, position, high << parts->width);
	}
	return 0;
}

/* Adds the exceptions' high bits; 0, or -1 when positions do not ascend. */
static CODEC_INLINE int
add_high(const struct parts *parts, struct patched *patched)
{
	const struct parts of = *parts; /* that no store can change */
	uint32_t width = PACKED_POSITION_BITS + of.exception_bits, i = 0, next = 0, wrong = 0;
	uint64_t mask = packed_mask(of.exception_bits);
	uint32_t fast = of.count < CODEC_GROUP_ROWS
			    ? 0
			    : whole_words(of.exceptions_left, of.exceptions_count, width);

	/* Whole groups have every position that ten bits can say: nothing waits for
	 * the comparisons. */
	for (size_t at = 0; i < fast; i++, at += width) {
		uint64_t word = bytes_get64(of.exceptions + at / 8) >> (at % 8);
		uint32_t position = (uint32_t)word & (CODEC_GROUP_ROWS - 1);

		wrong |= position - next;
		next = position + 1;
		patch(patched, position, (word >> PACKED_POSITION_BITS & mask) << of.width);
	}
	if (wrong >> 31 != 0)
		return -1;
	return i == of.exceptions_count ? 0 : add_last(&of, i, next, patched);
}

/* Apart, as most groups have none: `nulls` or NULL. */
static int
add_narrow(const struct parts *parts, uint32_t *values, const uint64_t *nulls)
{
	if (nulls == NULL)
		return add_high(parts, &(struct patched){.into = INTO_NARROW, .narrow = values});
	return add_high(parts,
			&(struct patched){.into = INTO_NARROW, .narrow = values, .nulls = nulls});
}

static int
read_narrow(const struct parts *parts, uint32_t *values)
{
	if (parts->count < CODEC_GROUP_ROWS)
		read_serial(parts, parts->base, values, NULL);
	else
		codec_unpack(parts->low, parts->width, (uint32_t)parts->base, values);
	return parts->exceptions_count == 0 ? 0 : add_narrow(parts, values, NULL);
}

/* The same with `null` for rows whose bit in `nulls` is set. */
static int
read_shown(const struct parts *parts, const uint64_t *nulls, uint32_t null, uint32_t *values)
{
	int result;

	if (parts->count == CODEC_GROUP_ROWS &&
	    codec_unpack_shown(parts->low, parts->width, (uint32_t)parts->base, nulls, null,
			       values))
		return parts->exceptions_count == 0 ? 0 : add_narrow(parts, values, nulls);
	result = read_narrow(parts, values);
	codec_set_nulls(nulls, parts->count, null, values);
	return result;
}

static int
read_wide(const struct parts *parts, int64_t *values)
{
	if (parts->count < CODEC_GROUP_ROWS)
		read_serial(parts, parts->base, NULL, values);
	else
		codec_unpack_wide(parts->low, parts->width, parts->base, values);
	return parts->exceptions_count == 0
		   ? 0
		   : add_high(parts, &(struct patched){.into = INTO_WIDE, .wide = values});
}

static bool
are_codes(const struct parts *parts)
{
	return parts->base <= UINT32_MAX && parts->width + parts->exception_bits <= 32;
}

int
codec_packed_read(struct packed_reader *reader, uint32_t count, int64_t *values)
{
	CODEC_UNSET struct parts parts;
	uint32_t end = reader->next + count;

	for (; reader->next < end; values += parts.count) {
		if (read_parts(reader, &parts) != 0 || read_wide(&parts, values) != 0)
			return -1;
		prefetch(reader, &parts, 1);
	}
	return 0;
}

int
codec_packed_read_narrow(struct packed_reader *reader, uint32_t count, bool codes, uint32_t *values)
{
	CODEC_UNSET struct parts parts;
	uint32_t end = reader->next + count;

	for (; reader->next < end; values += parts.count) {
		if (read_parts(reader, &parts) != 0 || (codes && !are_codes(&parts)) ||
		    read_narrow(&parts, values) != 0)
			return -1;
		prefetch(reader, &parts, 1);
	}
	return 0;
}

int
codec_packed_read_shown(struct packed_reader *reader, uint32_t count, bool codes,
			const uint64_t *nulls, uint32_t null, uint32_t *values)
{
	CODEC_UNSET struct parts parts;
	uint32_t end = reader->next + count;

	for (; reader->next < end; values += parts.count, nulls += parts.count / 64) {
		if (read_parts(reader, &parts) != 0 || (codes && !are_codes(&parts)) ||
		    read_shown(&parts, nulls, null, values) != 0)
			return -1;
		prefetch(reader, &parts, 1);
	}
	return 0;
}

/* By way of 32 bits. */
static int
read_bytes(const struct parts *parts, uint8_t *values)
{
	CODEC_UNSET uint32_t codes[CODEC_GROUP_ROWS];
	int result = read_narrow(parts, codes);

	codec_bytes_narrow(codes, parts->count, values);
	return result;
}

int
codec_packed_read_bytes(struct packed_reader *reader, uint32_t count, uint8_t *values)
{
	CODEC_UNSET struct parts parts;
	uint32_t end = reader->next + count;

	for (; reader->next < end; values += parts.count) {
		if (read_parts(reader, &parts) != 0 || !are_codes(&parts))
			return -1;
		if (parts.count == CODEC_GROUP_ROWS && parts.exceptions_count == 0)
			codec_bytes_unpack(parts.low, parts.width, (uint32_t)parts.base, values);
		else if (read_bytes(&parts, values) != 0)
			return -1;
		prefetch(reader, &parts, 1);
	}
	return 0;
}

/* By way of 64 bits. */
static int
sum_wide(const struct parts *parts, uint64_t *sum, uint32_t kept, int64_t *values, int64_t *rest)
{
	int64_t *into = kept == parts->count ? values : rest;
	int result = read_wide(parts, into);

	*sum = codec_sum_wide(*sum, parts->count, into);
	if (into == rest) {
		memcpy(values, rest, kept * sizeof *values);
		memmove(rest, rest + kept, (parts->count - kept) * sizeof *rest);
	}
	return result;
}

int
codec_packed_read_sums(struct packed_reader *reader, uint64_t *sum, uint32_t kept, int64_t *values,
		       int64_t *rest)
{
	CODEC_UNSET _Alignas(64) uint32_t differences[CODEC_GROUP_ROWS];
	CODEC_UNSET struct parts parts;
	int result;

	if (read_parts(reader, &parts) != 0)
		return -1;
	if (parts.base >> SMALL_BITS != 0 || parts.width + parts.exception_bits > SMALL_BITS)
		return sum_wide(&parts, sum, kept, values, rest);
	result = read_narrow(&parts, differences);
	prefetch(reader, &parts, 1);
	*sum = codec_sum_widening(*sum, kept, differences, values);
	*sum = codec_sum_widening(*sum, parts.count - kept, differences + kept, rest);
	return result;
}

int
codec_packed_read_sums_narrow(struct packed_reader *reader, uint64_t *sum, uint32_t *values)
{
	CODEC_UNSET struct parts parts;
	int result;

	if (read_parts(reader, &parts) != 0)
		return -1;
	result = read_narrow(&parts, values);
	prefetch(reader, &parts, 1);
	*sum = codec_sum((uint32_t)*sum, parts.count, values);
	return result;
}

int
codec_packed_skip(struct packed_reader *reader)
{
	CODEC_UNSET struct parts parts;

	if (read_parts(reader, &parts) != 0)
		return -1;
	prefetch(reader, &parts, 1);
	return 0;
}

void
codec_packed_seek(struct packed_reader *reader, uint32_t group, size_t left)
{
	advance(reader, reader->left - left);
	reader->next = group * CODEC_GROUP_ROWS;
	reader->next = reader->next < reader->count ? reader->next : reader->count;
}

int
codec_packed_skip_sums(struct packed_reader *reader, uint64_t *sum, bool *ascends)
{
	int64_t before = (int64_t)*sum;
	CODEC_UNSET uint32_t narrow[CODEC_GROUP_ROWS];
	CODEC_UNSET int64_t wide[CODEC_GROUP_ROWS];
	CODEC_UNSET struct parts parts;
	struct patched patched = {.into = INTO_TOTAL};
	int result = 0;

	if (read_parts(reader, &parts) != 0)
		return -1;
	prefetch(reader, &parts, 1);
	*sum += parts.base * parts.count;
	if (parts.width > 32) {
		if (parts.count < CODEC_GROUP_ROWS)
			read_serial(&parts, 0, NULL, wide);
		else
			codec_unpack_wide(parts.low, parts.width, 0, wide);
		*sum += codec_total_wide(parts.count, wide);
	} else if (parts.width > 0) {
		if (parts.count < CODEC_GROUP_ROWS)
			read_serial(&parts, 0, narrow, NULL);
		else
			codec_unpack(parts.low, parts.width, 0, narrow);
		*sum += codec_total(parts.count, narrow);
	}
	if (parts.exceptions_count != 0)
		result = add_high(&parts, &patched);
	*sum += patched.total;
	/* A group's small differences go once round 64 bits at most, which shows. */
	if (ascends != NULL)
		*ascends = parts.base >> 32 == 0 && parts.width + parts.exception_bits <= 32 &&
			   (int64_t)*sum >= before;
	return result;
}
