/*
 * The inside of writing a segment: shared by segment_write.c (the file),
 * segment_write_column.c and segment_write_strings.c (its columns), and by
 * nothing else.
 */
#ifndef SEGMENT_WRITER_H
#define SEGMENT_WRITER_H

#include "codec.h"
#include "segment.h"
#include "segment_format.h"

struct segment_writer {
	struct io *io;                       /* borrowed */
	const struct segment_source *source; /* borrowed */
	struct store_error *error;           /* borrowed; may be NULL */
	const char *path;                    /* borrowed: the temporary name, for messages */
	int fd;
	uint64_t offset; /* bytes written so far */
	uint64_t begun;  /* of them on their way to the disk */
	struct codec_encoder *encoder;
	int64_t *values;        /* [BLOCK_ROWS_MAX] of the block at hand */
	unsigned char *encoded; /* [codec_bound(BLOCK_ROWS_MAX)] */
	unsigned char *section; /* null bitmap and values as they are stored */
	unsigned char *footer;  /* grows */
	size_t footer_bytes, footer_bytes_max;
	int64_t time_min, time_max; /* min > max until there is a time */
};

/* Rows of the block that begins at row `first`. */
static inline uint32_t
segment_writer_rows(const struct segment_writer *writer, uint64_t first)
{
	uint64_t left = writer->source->rows_count - first;

	return left < BLOCK_ROWS_MAX ? (uint32_t)left : BLOCK_ROWS_MAX;
}

int segment_writer_out_of_memory(struct segment_writer *writer);

/* Room for `size` more footer bytes, zeroed, valid until the next call; NULL
 * after setting the error. */
unsigned char *segment_writer_footer(struct segment_writer *writer, size_t size);

/* Appends a section at the next aligned offset. */
int segment_writer_section(struct segment_writer *writer, const void *bytes, size_t size);

/* A value that a column without NULL has where nothing was given: chunks of
 * nothing else are absent. */
struct segment_absence {
	bool possible;
	int64_t value;
};

/* A block of a column from the source. */
int segment_writer_read(struct segment_writer *writer, uint32_t column_index, uint64_t first,
			struct vector *vector);

/* One chunk: `vector` gives rows and NULLs, writer->values every row's value
 * or code. */
int segment_writer_block(struct segment_writer *writer, const struct store_column *column,
			 const struct vector *vector, struct segment_absence absence);

/* One column: its footer entry, dictionary and chunks. */
int segment_write_column(struct segment_writer *writer, uint32_t column_index);
int segment_write_strings(struct segment_writer *writer, uint32_t column_index,
			  const struct store_column *column);

#endif
