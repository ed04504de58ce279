/*
 * The inside of an open segment: shared by segment_open.c, segment_footer.c,
 * segment_read.c, segment_chunk.c and segment_slice.c (columns), segment_strings.c,
 * segment_range.c (bounds), segment_verify.c and dump.c, and by nothing else.
 */
#ifndef SEGMENT_FILE_H
#define SEGMENT_FILE_H

#include <pthread.h>
#include <stdatomic.h>

#include "codec.h"
#include "io.h"
#include "segment.h"
#include "segment_format.h"

/* One column of one block, as the footer has it. */
struct segment_chunk {
	uint8_t codec, flags;
	uint32_t null_count;
	uint32_t nulls_bytes, values_bytes, values_raw_bytes;
	_Atomic bool checked;       /* the checksum matched once */
	_Atomic bool codes_checked; /* all codes were below the dictionary's count */
	uint64_t offset, checksum;  /* of nulls_bytes + values_bytes bytes */
	int64_t min, max;
	struct codec_marks *_Atomic marks; /* owned; NULL: not known yet */
};

/* A column's dictionary; the file's bytes are turned into entries on first use,
 * for good, or while somebody holds them. */
struct segment_strings {
	uint8_t flags;
	uint32_t count, stored_bytes, raw_bytes;
	uint64_t offset, checksum;
	_Atomic bool kept;               /* set last; what follows is then constant */
	uint32_t holders;                /* they are loaded while there are any */
	unsigned char *raw;              /* owned; NULL when the mapping's bytes serve */
	struct store_str *entries;       /* owned: [count], ascending */
	const struct store_str **chunks; /* owned: into entries */
	struct dictionary dictionary;
};

struct segment_file_column {
	struct store_str name, key; /* in the mapping */
	enum store_type type;       /* this and the next as in the file */
	uint8_t bits;
	uint32_t scale, flags;
	int32_t index; /* in the table; -1: the table has no such column */
	struct segment_strings strings;
	struct segment_chunk *chunks; /* owned: [blocks_count] */
};

struct segment {
	struct io *io;                   /* borrowed */
	const struct store_table *table; /* borrowed */
	char *path;                      /* owned */
	const unsigned char *bytes;      /* owned mapping of summary.file_bytes */
	const _Atomic bool *lost;        /* of the mapping; or NULL */
	struct segment_summary summary;
	uint64_t footer_at; /* sections end before it */
	uint32_t blocks_count, columns_count, known_count;
	uint32_t *block_rows;                /* owned: [blocks_count] */
	struct segment_file_column *columns; /* owned: [columns_count] */
	/* Those that the table has, ascending by (column, key): */
	struct segment_file_column **sorted; /* owned: [known_count], into columns */
	struct segment_column *known;        /* owned: [known_count], the same */
	pthread_mutex_t mutex;               /* guards columns[].strings unless kept */
	/* Bounds of what the time column reads as; the summary's are without rows that read as 0
	 * because their block, or their value, is missing. */
	int64_t times[2];
};

/* These bytes of the file will be read soon. */
static inline void
segment_want_bytes(const struct segment *segment, uint64_t offset, uint64_t size)
{
	if (segment->io->want != NULL && size > 0)
		segment->io->want(segment->io, segment->bytes + offset, size);
}

/* segment_footer.c: fills in all but the file's own; the footer's checksum matched. */
int segment_parse_footer(struct segment *segment, uint64_t footer_bytes, struct store_error *error);

/* STORE_ECORRUPT with the segment's path and the offset. */
int segment_corrupt(const struct segment *segment, uint64_t offset, struct store_error *error,
		    const char *what);

/* segment_range.c: NULL where the file lacks it. */
struct segment_file_column *
segment_find_column(const struct segment *segment, uint16_t column, struct store_str key);

/* Sets `times`, of a segment whose footer is parsed. */
void segment_find_times(struct segment *segment);

/* One column's dictionary, loaded until the segment is closed; any thread. */
int segment_load_strings(struct segment *segment, struct segment_file_column *column,
			 struct store_error *error);
/* The same until it is let go by as many, unless somebody wants it for longer. */
int segment_hold_strings(struct segment *segment, struct segment_file_column *column,
			 struct store_error *error);
void segment_release_strings(struct segment *segment, struct segment_file_column *column);

/* How a chunk is to be read. */
struct segment_how {
	bool nullable; /* as below */
	bool narrow;   /* as segment_reader_open has it */
	bool held;     /* the caller holds the column's dictionary */
};
/* As segment_reader_open. */
int segment_chunk_open(struct segment *segment, struct segment_file_column *column, uint32_t block,
		       struct segment_how how, struct store_arena *arena,
		       struct segment_reader **out, struct store_error *error);

/* As segment_distinct. */
int segment_chunk_distinct(struct segment *segment, struct segment_file_column *column,
			   uint32_t block, struct store_arena *arena, const int64_t **values,
			   uint32_t *count, struct store_error *error);

/* Decodes as segment_read does, of any column of the file; `nullable` is
 * whether NULLs may be shown, else they become 0 or ''. */
int segment_read_column(struct segment *segment, struct segment_file_column *column, uint32_t block,
			bool nullable, struct store_arena *arena, struct vector *out,
			struct store_error *error);

#endif
