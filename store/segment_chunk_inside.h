/* What segment_chunk.c opens and segment_slice.c reads. Nothing else includes
 * this. */
#ifndef SEGMENT_CHUNK_INSIDE_H
#define SEGMENT_CHUNK_INSIDE_H

#include "codec_vector.h"
#include "segment_file.h"

/* How many rows are spread over NULL ones at a time. */
#define SPREAD_ROWS 2048u

/* One chunk, read in slices. In an arena. */
struct segment_reader {
	struct segment *segment;
	struct segment_chunk *chunk; /* NULL: the file has no such column */
	uint32_t rows;
	bool nullable, is_string, narrow;
	bool bytes;                          /* codes take one each */
	const uint64_t *nulls;               /* of all rows; NULL: none */
	const struct dictionary *dictionary; /* of strings */
	const int64_t *in_place;             /* all values, as they lie in the file */
	struct codec_stream *stream;         /* NULL: absent, constant or in place */
	const unsigned char *encoded;        /* what the stream reads */
	const struct codec_marks *marks;     /* borrowed; NULL: there are none */
	bool asked_marks;
	void *dense;            /* values before they are spread; or NULL */
	uint32_t row;           /* that the stream is at */
	uint32_t codes_checked; /* rows */
};

static inline int
segment_chunk_malformed(const struct segment_reader *reader, struct store_error *error,
			const char *what)
{
	return segment_corrupt(reader->segment, reader->chunk->offset, error, what);
}

static inline int
segment_chunk_no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ELIMIT, "memory limit reached");
}

#endif
