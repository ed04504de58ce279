/*
 * codec.h: decoding, part by part. Between the bytes of a chunk and the rows
 * that a query wants next. Must survive any bytes.
 */
#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "codec_packed.h"

struct codec_stream {
	enum codec codec;
	uint32_t count, position;
	const unsigned char *raw;    /* RAW: the values */
	struct packed_reader packed; /* values, differences or codes of `distinct` */
	uint64_t sum;                /* DELTA: the last value */
	const int64_t *distinct;     /* DISTINCT: [distinct_count] */
	uint32_t distinct_count;
	/* Of the group read last, what nobody wanted yet: */
	uint32_t spare_at, spare_end;
	bool is_codes;
	union {
		int64_t values[CODEC_GROUP_ROWS];
		uint32_t codes[CODEC_GROUP_ROWS];
	} spare;
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

static int
open_distinct(struct codec_stream *stream, const unsigned char *bytes, size_t size,
	      int64_t *scratch)
{
	uint32_t entries_size;
	enum codec codec;

	if (size < CODEC_DISTINCT_HEAD_BYTES)
		return -1;
	stream->distinct = scratch;
	stream->distinct_count = bytes_get32(bytes);
	codec = (enum codec)bytes[4];
	entries_size = bytes_get32(bytes + 5);
	bytes += CODEC_DISTINCT_HEAD_BYTES;
	size -= CODEC_DISTINCT_HEAD_BYTES;
	if (stream->distinct_count == 0 || stream->distinct_count > stream->count ||
	    entries_size > size || codec < CODEC_RAW || codec > CODEC_DELTA ||
	    codec_decode(codec, bytes, entries_size, stream->distinct_count, NULL, scratch) != 0)
		return -1;
	return codec_packed_open(&stream->packed, bytes + entries_size, size - entries_size,
				 stream->count);
}

int
codec_stream_open(struct codec_stream *stream, enum codec codec, bool is_codes,
		  const unsigned char *bytes, size_t size, uint32_t count, int64_t *scratch)
{
	stream->codec = codec;
	stream->count = count;
	stream->position = 0;
	stream->spare_at = stream->spare_end = 0;
	stream->is_codes = is_codes;
	if (is_codes && codec != CODEC_PACKED)
		return -1;
	switch (codec) {
	case CODEC_RAW:
		stream->raw = bytes;
		return size == (size_t)count * 8 ? 0 : -1;
	case CODEC_PACKED:
		return codec_packed_open(&stream->packed, bytes, size, count);
	case CODEC_DELTA:
		if (size < 8 || count < 2)
			return -1;
		stream->sum = bytes_get64(bytes);
		return codec_packed_open(&stream->packed, bytes + 8, size - 8, count - 1);
	case CODEC_DISTINCT:
		return open_distinct(stream, bytes, size, scratch);
	case CODEC_ABSENT:
	case CODEC_CONSTANT:
		break;
	}
	return -1;
}

/* ---- groups ---------------------------------------------------------------- */

static uint32_t
spare_left(const struct codec_stream *stream)
{
	return stream->spare_end - stream->spare_at;
}

/* Only when nothing is left of the group before. */
static int
fill_spare(struct codec_stream *stream)
{
	stream->spare_at = 0;
	stream->spare_end = packed_rows_left(&stream->packed);
	return stream->is_codes ? codec_packed_read_codes(&stream->packed, stream->spare.codes)
				: codec_packed_read(&stream->packed, stream->spare.values);
}

/* Whole groups at once, others by way of `spare`. */
static int
read_packed(struct codec_stream *stream, uint32_t count, int64_t *values)
{
	uint32_t done = 0;

	while (done < count) {
		uint32_t rows = packed_rows_left(&stream->packed), taken = spare_left(stream);

		if (taken == 0 && rows != 0 && rows <= count - done) {
			if (codec_packed_read(&stream->packed, values + done) != 0)
				return -1;
			done += rows;
			continue;
		}
		if (taken == 0) {
			if (fill_spare(stream) != 0)
				return -1;
			continue;
		}
		taken = taken < count - done ? taken : count - done;
		memcpy(values + done, stream->spare.values + stream->spare_at,
		       taken * sizeof *values);
		stream->spare_at += taken;
		done += taken;
	}
	return 0;
}

static int
skip_packed(struct codec_stream *stream, uint32_t count)
{
	while (count > 0) {
		uint32_t rows = packed_rows_left(&stream->packed), taken = spare_left(stream);

		if (taken == 0 && rows != 0 && rows <= count) {
			if (codec_packed_skip(&stream->packed) != 0)
				return -1;
			count -= rows;
			continue;
		}
		if (taken == 0) {
			if (fill_spare(stream) != 0)
				return -1;
			continue;
		}
		taken = taken < count ? taken : count;
		stream->spare_at += taken;
		count -= taken;
	}
	return 0;
}

/* ---- values ---------------------------------------------------------------- */

static int
read_delta(struct codec_stream *stream, uint32_t count, int64_t *values)
{
	uint32_t first = stream->position == 0 && count > 0;
	uint64_t sum = stream->sum;

	if (first)
		values[0] = (int64_t)sum;
	if (read_packed(stream, count - first, values + first) != 0)
		return -1;
	for (uint32_t i = first; i < count; i++) {
		sum += (uint64_t)values[i];
		values[i] = (int64_t)sum;
	}
	stream->sum = sum;
	return 0;
}

/* Codes to what they stand for. */
CODEC_CLONES static bool
map_codes(const int64_t *distinct, uint32_t distinct_count, uint32_t count, int64_t *values)
{
	uint64_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = (uint64_t)values[i] > highest ? (uint64_t)values[i] : highest;
	if (count > 0 && highest >= distinct_count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		values[i] = distinct[values[i]];
	return true;
}

int
codec_stream_read(struct codec_stream *stream, uint32_t count, int64_t *values)
{
	int result = -1;

	assert(!stream->is_codes && count <= stream->count - stream->position);
	switch (stream->codec) {
	case CODEC_RAW: /* little-endian, as codec_packed.h requires */
		memcpy(values, stream->raw + (size_t)stream->position * 8, (size_t)count * 8);
		result = 0;
		break;
	case CODEC_PACKED:
		result = read_packed(stream, count, values);
		break;
	case CODEC_DELTA:
		result = read_delta(stream, count, values);
		break;
	case CODEC_DISTINCT:
		result = read_packed(stream, count, values);
		if (result == 0 &&
		    !map_codes(stream->distinct, stream->distinct_count, count, values))
			result = -1;
		break;
	case CODEC_ABSENT:
	case CODEC_CONSTANT:
		break;
	}
	stream->position += count;
	return result;
}

int
codec_stream_read_codes(struct codec_stream *stream, uint32_t count, uint32_t *codes)
{
	uint32_t done = 0;

	assert(stream->is_codes && count <= stream->count - stream->position);
	stream->position += count;
	while (done < count) {
		uint32_t rows = packed_rows_left(&stream->packed), taken = spare_left(stream);

		if (taken == 0 && rows != 0 && rows <= count - done) {
			if (codec_packed_read_codes(&stream->packed, codes + done) != 0)
				return -1;
			done += rows;
			continue;
		}
		if (taken == 0) {
			if (fill_spare(stream) != 0)
				return -1;
			continue;
		}
		taken = taken < count - done ? taken : count - done;
		memcpy(codes + done, stream->spare.codes + stream->spare_at, taken * sizeof *codes);
		stream->spare_at += taken;
		done += taken;
	}
	return 0;
}

/* Differences must be summed, so DELTA is read. */
int
codec_stream_skip(struct codec_stream *stream, uint32_t count)
{
	int64_t values[CODEC_GROUP_ROWS];
	int result = 0;

	assert(count <= stream->count - stream->position);
	if (stream->codec != CODEC_DELTA) {
		if (stream->codec != CODEC_RAW)
			result = skip_packed(stream, count);
		stream->position += count;
		return result;
	}
	while (result == 0 && count > 0) {
		uint32_t taken = count < CODEC_GROUP_ROWS ? count : CODEC_GROUP_ROWS;

		result = codec_stream_read(stream, taken, values);
		count -= taken;
	}
	return result;
}

/* ---- whole chunks ---------------------------------------------------------- */

int
codec_decode(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
	     int64_t *scratch, int64_t *values)
{
	struct codec_stream stream;

	if (codec_stream_open(&stream, codec, false, bytes, size, count, scratch) != 0)
		return -1;
	return codec_stream_read(&stream, count, values);
}

int
codec_decode_codes(enum codec codec, const unsigned char *bytes, size_t size, uint32_t count,
		   uint32_t *codes)
{
	struct codec_stream stream;

	if (codec_stream_open(&stream, codec, true, bytes, size, count, NULL) != 0)
		return -1;
	return codec_stream_read_codes(&stream, count, codes);
}
