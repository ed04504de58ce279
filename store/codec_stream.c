/*
 * codec.h: decoding, part by part. Between the bytes of a chunk and the rows
 * that a query wants next. Must survive any bytes.
 */
#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "codec_packed.h"
#include "codec_vector.h"

/* Tables of fewer entries fit a register. */
#define EVEN_ENTRIES_MIN 9u
/* More codes than one in so many that are not evenly spaced cost more than they
 * save. */
#define ODD_SHARE 16u

struct codec_stream {
	/* Of the group read last, what nobody wanted yet. Comes first, where the
	 * arena has the line of a cache begin. */
	union {
		int64_t wide[CODEC_GROUP_ROWS];
		uint32_t narrow[CODEC_GROUP_ROWS];
		uint8_t bytes[CODEC_GROUP_ROWS];
	} spare;
	enum codec codec;
	enum codec_as as;
	uint32_t count, position;
	const unsigned char *raw;        /* RAW: the values */
	struct packed_reader packed;     /* values, differences or codes of the table */
	uint64_t sum;                    /* DELTA: the last value of the groups read */
	const struct codec_marks *marks; /* DELTA: borrowed, or NULL */
	/* DISTINCT: [entries_count], in `scratch`; one of the two */
	const int64_t *wide_table;
	const uint32_t *narrow_table;
	uint32_t entries_count;
	/* Of narrow ones, how many of the first are evenly spaced; 0 when arithmetic
	 * is not worth it. Of the codes mapped so, those that are not among them. */
	uint32_t even_count, mapped_count, odd_count;
	uint32_t spare_at, spare_end; /* of `spare` */
};

/* Where values go: one of the three. */
struct target {
	int64_t *wide;
	uint32_t *narrow;
	uint8_t *bytes;
	const uint64_t *nulls; /* `null` for narrow ones whose bit is set; or NULL */
	uint32_t null;
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
		   (struct target){.wide = wide ? scratch : NULL,
				   .narrow = wide ? NULL : scratch}) != 0)
		return -1;
	stream->mapped_count = stream->odd_count = 0;
	stream->even_count = wide || stream->entries_count < EVEN_ENTRIES_MIN
				 ? 0
				 : codec_evenly(scratch, stream->entries_count);
	return codec_packed_open(&stream->packed, bytes + entries_size, size - entries_size,
				 stream->count);
}

/* The next value, and what is added to for those behind it. */
static void
begin_sums(struct codec_stream *stream, uint64_t value)
{
	stream->sum = value;
	if (stream->as == CODEC_AS_WIDE)
		stream->spare.wide[0] = (int64_t)value;
	else
		stream->spare.narrow[0] = (uint32_t)value;
	stream->spare_at = 0;
	stream->spare_end = 1;
}

static int
open_delta(struct codec_stream *stream, const unsigned char *bytes, size_t size)
{
	if (size < 8 || stream->count < 2)
		return -1;
	begin_sums(stream, bytes_get64(bytes));
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
	stream->marks = NULL;
	if ((as == CODEC_AS_CODES || as == CODEC_AS_BYTES) && codec != CODEC_PACKED)
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

/* The next `count` values, which are a group or of PACKED several, all to the
 * target; of DISTINCT their codes. */
static int
read_groups(struct codec_stream *stream, uint32_t count, struct target target)
{
	struct packed_reader *packed = &stream->packed;
	bool wide = stream->as == CODEC_AS_WIDE, codes = stream->as == CODEC_AS_CODES;

	if (target.bytes != NULL)
		return codec_packed_read_bytes(packed, count, target.bytes);
	if (stream->codec == CODEC_DISTINCT)
		return codec_packed_read_narrow(packed, count, true, target.narrow);
	if (stream->codec == CODEC_DELTA)
		return wide ? codec_packed_read_sums(packed, &stream->sum, count, target.wide,
						     stream->spare.wide)
			    : codec_packed_read_sums_narrow(packed, &stream->sum, target.narrow);
	if (wide)
		return codec_packed_read(packed, count, target.wide);
	if (target.nulls != NULL)
		return codec_packed_read_shown(packed, count, codes, target.nulls, target.null,
					       target.narrow);
	return codec_packed_read_narrow(packed, count, codes, target.narrow);
}

/* The first `kept` to the target, the others to `spare`. */
static int
split_group(struct codec_stream *stream, uint32_t count, uint32_t kept, struct target target)
{
	stream->spare_at = 0;
	stream->spare_end = count - kept;
	return codec_packed_read_sums(&stream->packed, &stream->sum, kept, target.wide,
				      stream->spare.wide);
}

/* The whole group to `spare`. */
static int
fill_spare(struct codec_stream *stream, uint32_t count)
{
	bool wide = stream->as == CODEC_AS_WIDE && stream->codec != CODEC_DISTINCT;
	bool bytes = stream->as == CODEC_AS_BYTES;

	stream->spare_at = 0;
	stream->spare_end = count;
	return read_groups(stream, count,
			   (struct target){.wide = wide ? stream->spare.wide : NULL,
					   .bytes = bytes ? stream->spare.bytes : NULL,
					   .narrow = wide || bytes ? NULL : stream->spare.narrow});
}

static bool
map_narrow(struct codec_stream *stream, uint32_t count, const uint32_t *codes, uint32_t *out)
{
	if (stream->even_count == 0)
		return codec_map(stream->narrow_table, stream->entries_count, count, codes, out);
	stream->mapped_count += count;
	if (!codec_map_even(stream->narrow_table, stream->entries_count, stream->even_count, count,
			    codes, out, &stream->odd_count))
		return false;
	if (stream->odd_count > stream->mapped_count / ODD_SHARE)
		stream->even_count = 0;
	return true;
}

/* Codes become values only now: they are in the cache, and never copied. */
static bool
take_mapped(struct codec_stream *stream, uint32_t count, struct target target)
{
	const uint32_t *codes = stream->spare.narrow + stream->spare_at;

	return stream->as == CODEC_AS_WIDE
		   ? codec_map_wide(stream->wide_table, stream->entries_count, count, codes,
				    target.wide)
		   : map_narrow(stream, count, codes, target.narrow);
}

static int
take_spare(struct codec_stream *stream, uint32_t count, struct target target)
{
	if (stream->codec == CODEC_DISTINCT && !take_mapped(stream, count, target))
		return -1;
	if (stream->codec != CODEC_DISTINCT && target.wide != NULL)
		memcpy(target.wide, stream->spare.wide + stream->spare_at,
		       count * sizeof *target.wide);
	else if (target.bytes != NULL)
		memcpy(target.bytes, stream->spare.bytes + stream->spare_at, count);
	else if (stream->codec != CODEC_DISTINCT)
		memcpy(target.narrow, stream->spare.narrow + stream->spare_at,
		       count * sizeof *target.narrow);
	if (target.nulls != NULL)
		codec_set_nulls(target.nulls, count, target.null, target.narrow);
	return 0;
}

static struct target
behind(struct target target, uint32_t count)
{
	if (target.wide != NULL)
		target.wide += count;
	if (target.narrow != NULL)
		target.narrow += count;
	if (target.bytes != NULL)
		target.bytes += count;
	if (target.nulls != NULL)
		target.nulls += count / 64;
	return target;
}

static int
skip_group(struct codec_stream *stream)
{
	if (stream->codec == CODEC_DELTA)
		return codec_packed_skip_sums(&stream->packed, &stream->sum, NULL);
	return codec_packed_skip(&stream->packed);
}

/* The next group, of which up to `count` values are wanted: how many there are
 * now, or none when they are in `spare`; -1 when malformed. */
static int
pass_group(struct codec_stream *stream, uint32_t count, const struct target *target)
{
	uint32_t rows = packed_rows_left(&stream->packed);
	bool whole = rows <= count && stream->codec != CODEC_DISTINCT;
	int result;

	if (rows == 0)
		return -1;
	if (target == NULL && rows <= count)
		result = skip_group(stream);
	else if (target != NULL && whole)
		result = read_groups(stream, rows, *target);
	else if (target != NULL && stream->codec == CODEC_DELTA && target->wide != NULL)
		result = split_group(stream, rows, count, *target), rows = count;
	else
		return fill_spare(stream, rows);
	return result != 0 ? -1 : (int)rows;
}

/* Whether the next `count` values are whole groups that need no `spare`. */
static bool
are_groups(const struct codec_stream *stream, uint32_t count)
{
	return stream->codec == CODEC_PACKED && stream->spare_at == stream->spare_end &&
	       (count % CODEC_GROUP_ROWS == 0 ||
		count == stream->packed.count - stream->packed.next);
}

/* Without a target values are skipped. */
static int
pass(struct codec_stream *stream, uint32_t count, const struct target *target)
{
	struct target at = {.wide = NULL};

	if (target != NULL)
		at = *target;
	if (target != NULL && are_groups(stream, count))
		return read_groups(stream, count, at);
	while (count > 0) {
		uint32_t passed = stream->spare_end - stream->spare_at;

		passed = passed < count ? passed : count;
		if (passed > 0) {
			if (target != NULL && take_spare(stream, passed, at) != 0)
				return -1;
			stream->spare_at += passed;
		} else {
			int result = pass_group(stream, count, target == NULL ? NULL : &at);

			if (result < 0)
				return -1;
			passed = (uint32_t)result;
		}
		count -= passed;
		at = behind(at, passed);
	}
	return 0;
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

	assert(stream->as != CODEC_AS_WIDE && stream->as != CODEC_AS_BYTES &&
	       count <= stream->count - stream->position);
	stream->position += count;
	if (stream->codec != CODEC_RAW)
		return pass(stream, count, &(struct target){.narrow = values});
	for (uint32_t i = 0; i < count; i++)
		values[i] = bytes_get32(stream->raw + (size_t)(position + i) * 8);
	return 0;
}

int
codec_stream_read_bytes(struct codec_stream *stream, uint32_t count, uint8_t *values)
{
	assert(stream->as == CODEC_AS_BYTES && count <= stream->count - stream->position);
	stream->position += count;
	return pass(stream, count, &(struct target){.bytes = values});
}

int
codec_stream_read_shown(struct codec_stream *stream, uint32_t count, const uint64_t *nulls,
			uint32_t null, uint32_t *values)
{
	int result;

	if (stream->codec != CODEC_PACKED || stream->position % 64 != 0) {
		result = codec_stream_read_narrow(stream, count, values);
		codec_set_nulls(nulls, count, null, values);
		return result;
	}
	assert(stream->as != CODEC_AS_WIDE && count <= stream->count - stream->position);
	stream->position += count;
	return pass(stream, count,
		    &(struct target){.narrow = values, .nulls = nulls, .null = null});
}

/* To the last value before a group, which its mark tells. */
static void
seek_group(struct codec_stream *stream, uint32_t group)
{
	const struct codec_marks *marks = stream->marks;

	codec_packed_seek(&stream->packed, group, marks->left[group]);
	stream->position = group * CODEC_GROUP_ROWS;
	begin_sums(stream, (uint64_t)marks->values[group]);
}

int
codec_stream_skip(struct codec_stream *stream, uint32_t count)
{
	uint32_t end = stream->position + count, group = end / CODEC_GROUP_ROWS;

	assert(count <= stream->count - stream->position);
	if (stream->marks != NULL && end < stream->count &&
	    group > stream->position / CODEC_GROUP_ROWS)
		seek_group(stream, group);
	count = end - stream->position;
	stream->position = end;
	return stream->codec == CODEC_RAW ? 0 : pass(stream, count, NULL);
}

void
codec_stream_use(struct codec_stream *stream, const struct codec_marks *marks)
{
	assert(stream->codec == CODEC_DELTA && stream->count == marks->count);
	stream->marks = marks;
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
