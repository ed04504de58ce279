/*
 * codec.h: decoding, part by part. Between the bytes of a chunk and the rows
 * that a query wants next. Must survive any bytes.
 */
#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "codec_packed.h"
#include "codec_vector.h"

struct codec_stream {
	enum codec codec;
	enum codec_as as;
	uint32_t count, position;
	const unsigned char *raw;    /* RAW: the values */
	struct packed_reader packed; /* values, differences or codes of the table */
	uint64_t sum;                /* DELTA: the last value of the groups read */
	/* DISTINCT: [entries_count], in `scratch`; one of the two */
	const int64_t *wide_table;
	const uint32_t *narrow_table;
	uint32_t entries_count;
	/* Of the group read last, what nobody wanted yet: */
	uint32_t spare_at, spare_end;
	union {
		int64_t wide[CODEC_GROUP_ROWS];
		uint32_t narrow[CODEC_GROUP_ROWS];
	} spare;
};

/* Where values go: one of the two. */
struct target {
	int64_t *wide;
	uint32_t *narrow;
};

size_t
codec_stream_bytes(void)
{
	return sizeof(struct codec_stream);
}

uint32_t
codec_stream_position(const struct codec_stream *stream)
{
	return stream->position;
}

/* ---- opening --------------------------------------------------------------- */

size_t
codec_scratch_bytes(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count)
{
	uint32_t entries;

	if (codec != CODEC_DISTINCT || size < CODEC_DISTINCT_HEAD_BYTES)
		return 0;
	entries = bytes_get32(bytes);
	return (size_t)(entries < count ? entries : count) * sizeof(int64_t);
}

static int
decode(enum codec codec, enum codec_as as, const unsigned char *bytes, size_t size, uint32_t count,
       void *scratch, struct target target)
{
	CODEC_UNSET struct codec_stream stream;

	if (codec_stream_open(&stream, codec, as, bytes, size, count, scratch) != 0)
		return -1;
	return as == CODEC_AS_WIDE ? codec_stream_read(&stream, count, target.wide)
				   : codec_stream_read_narrow(&stream, count, target.narrow);
}

static int
open_distinct(struct codec_stream *stream, const unsigned char *bytes, size_t size, void *scratch)
{
	bool wide = stream->as == CODEC_AS_WIDE;
	uint32_t entries_size;
	enum codec codec;

	if (size < CODEC_DISTINCT_HEAD_BYTES)
		return -1;
	stream->wide_table = wide ? scratch : NULL;
	stream->narrow_table = wide ? NULL : scratch;
	stream->entries_count = bytes_get32(bytes);
	codec = (enum codec)bytes[4];
	entries_size = bytes_get32(bytes + 5);
	bytes += CODEC_DISTINCT_HEAD_BYTES;
	size -= CODEC_DISTINCT_HEAD_BYTES;
	if (stream->entries_count == 0 || stream->entries_count > stream->count ||
	    entries_size > size || codec < CODEC_RAW || codec > CODEC_DELTA ||
	    decode(codec, stream->as, bytes, entries_size, stream->entries_count, NULL,
		   (struct target){wide ? scratch : NULL, wide ? NULL : scratch}) != 0)
		return -1;
	return codec_packed_open(&stream->packed, bytes + entries_size, size - entries_size,
				 stream->count);
}

static int
open_delta(struct codec_stream *stream, const unsigned char *bytes, size_t size)
{
	if (size < 8 || stream->count < 2)
		return -1;
	stream->sum = bytes_get64(bytes);
	if (stream->as == CODEC_AS_WIDE)
		stream->spare.wide[0] = (int64_t)stream->sum;
	else
		stream->spare.narrow[0] = (uint32_t)stream->sum;
	stream->spare_end = 1;
	return codec_packed_open(&stream->packed, bytes + 8, size - 8, stream->count - 1);
}

int
codec_stream_open(struct codec_stream *stream, enum codec codec, enum codec_as as,
		  const unsigned char *bytes, size_t size, uint32_t count, void *scratch)
{
	stream->codec = codec;
	stream->as = as;
	stream->count = count;
	stream->position = 0;
	stream->spare_at = stream->spare_end = 0;
	if (as == CODEC_AS_CODES && codec != CODEC_PACKED)
		return -1;
	switch (codec) {
	case CODEC_RAW:
		stream->raw = bytes;
		return size == (size_t)count * 8 ? 0 : -1;
	case CODEC_PACKED:
		return codec_packed_open(&stream->packed, bytes, size, count);
	case CODEC_DELTA:
		return open_delta(stream, bytes, size);
	case CODEC_DISTINCT:
		return open_distinct(stream, bytes, size, scratch);
	case CODEC_ABSENT:
	case CODEC_CONSTANT:
		break;
	}
	return -1;
}

/* ---- groups ---------------------------------------------------------------- */

static int
read_mapped(struct codec_stream *stream, struct target target)
{
	CODEC_UNSET uint32_t codes[CODEC_GROUP_ROWS];
	uint32_t count = packed_rows_left(&stream->packed);

	if (codec_packed_read_codes(&stream->packed, codes) != 0)
		return -1;
	return (stream->as == CODEC_AS_WIDE
		    ? codec_map_wide(stream->wide_table, stream->entries_count, count, codes,
				     target.wide)
		    : codec_map(stream->narrow_table, stream->entries_count, count, codes,
				target.narrow))
		   ? 0
		   : -1;
}

/* The next group's values. */
static int
read_group(struct codec_stream *stream, struct target target)
{
	struct packed_reader *packed = &stream->packed;
	bool wide = stream->as == CODEC_AS_WIDE;

	if (stream->codec == CODEC_DISTINCT)
		return read_mapped(stream, target);
	if (stream->codec == CODEC_DELTA)
		return wide ? codec_packed_read_sums(packed, &stream->sum, target.wide)
			    : codec_packed_read_sums_narrow(packed, &stream->sum, target.narrow);
	if (wide)
		return codec_packed_read(packed, target.wide);
	return stream->as == CODEC_AS_CODES ? codec_packed_read_codes(packed, target.narrow)
					    : codec_packed_read_narrow(packed, target.narrow);
}

/* Only when nothing is left of the group before. */
static int
fill_spare(struct codec_stream *stream)
{
	bool wide = stream->as == CODEC_AS_WIDE;

	stream->spare_at = 0;
	stream->spare_end = packed_rows_left(&stream->packed);
	return read_group(stream, (struct target){wide ? stream->spare.wide : NULL,
						  wide ? NULL : stream->spare.narrow});
}

static struct target
behind(struct target target, uint32_t count)
{
	return (struct target){target.wide == NULL ? NULL : target.wide + count,
			       target.narrow == NULL ? NULL : target.narrow + count};
}

static void
take_spare(struct codec_stream *stream, uint32_t count, struct target target)
{
	if (target.wide != NULL)
		memcpy(target.wide, stream->spare.wide + stream->spare_at,
		       count * sizeof *target.wide);
	else
		memcpy(target.narrow, stream->spare.narrow + stream->spare_at,
		       count * sizeof *target.narrow);
}

/* Whole groups at once, others by way of `spare`; without a target they are
 * skipped. */
static int
pass(struct codec_stream *stream, uint32_t count, const struct target *target)
{
	uint32_t done = 0;
	int result = 0;

	while (result == 0 && done < count) {
		uint32_t rows = packed_rows_left(&stream->packed), left = count - done;
		uint32_t taken = stream->spare_end - stream->spare_at;

		if (taken > 0) {
			taken = taken < left ? taken : left;
			if (target != NULL)
				take_spare(stream, taken, behind(*target, done));
			stream->spare_at += taken;
			done += taken;
		} else if (rows == 0 || rows > left) {
			result = fill_spare(stream);
		} else {
			if (target != NULL)
				result = read_group(stream, behind(*target, done));
			else if (stream->codec == CODEC_DELTA)
				result = codec_packed_skip_sums(&stream->packed, &stream->sum);
			else
				result = codec_packed_skip(&stream->packed);
			done += rows;
		}
	}
	return result;
}

/* ---- values ---------------------------------------------------------------- */

int
codec_stream_read(struct codec_stream *stream, uint32_t count, int64_t *values)
{
	uint32_t position = stream->position;

	assert(stream->as == CODEC_AS_WIDE && count <= stream->count - stream->position);
	stream->position += count;
	if (stream->codec != CODEC_RAW)
		return pass(stream, count, &(struct target){.wide = values});
	/* Little-endian, as codec_packed.h requires. */
	memcpy(values, stream->raw + (size_t)position * 8, (size_t)count * 8);
	return 0;
}

int
codec_stream_read_narrow(struct codec_stream *stream, uint32_t count, uint32_t *values)
{
	uint32_t position = stream->position;

	assert(stream->as != CODEC_AS_WIDE && count <= stream->count - stream->position);
	stream->position += count;
	if (stream->codec != CODEC_RAW)
		return pass(stream, count, &(struct target){.narrow = values});
	for (uint32_t i = 0; i < count; i++)
		values[i] = bytes_get32(stream->raw + (size_t)(position + i) * 8);
	return 0;
}

int
codec_stream_skip(struct codec_stream *stream, uint32_t count)
{
	assert(count <= stream->count - stream->position);
	stream->position += count;
	return stream->codec == CODEC_RAW ? 0 : pass(stream, count, NULL);
}

/* ---- whole chunks ---------------------------------------------------------- */

int
codec_decode(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
	     void *scratch, int64_t *values)
{
	return decode(codec, CODEC_AS_WIDE, bytes, size, count, scratch,
		      (struct target){.wide = values});
}

uint32_t
codec_decode_distinct(const unsigned char *bytes, size_t size, uint32_t count, int64_t *values)
{
	CODEC_UNSET struct codec_stream stream;

	if (codec_stream_open(&stream, CODEC_DISTINCT, CODEC_AS_WIDE, bytes, size, count, values) !=
	    0)
		return 0;
	return stream.entries_count;
}

int
codec_decode_codes(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
		   uint32_t *codes)
{
	return decode(codec, CODEC_AS_CODES, bytes, size, count, NULL,
		      (struct target){.narrow = codes});
}
