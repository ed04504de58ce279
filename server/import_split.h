/*
 * From a reader's bytes to chunks of whole records, a line each, that are
 * committed one by one. Elements of JSON arrays become lines.
 */
#ifndef IMPORT_SPLIT_H
#define IMPORT_SPLIT_H

#include "import_reader.h"
#include "store/store.h"

#define IMPORT_CHUNK_BYTES ((size_t)4 << 20)
#define IMPORT_CHUNK_RECORDS 65536u

/* Between two records. */
struct import_position {
	uint64_t offset;           /* in the inflated text */
	uint64_t records;          /* lines, or elements */
	bool is_values, is_inside; /* JSON values; within an array */
	bool is_known;             /* which of both it is */
	bool is_skipping;          /* within a line that is too long */
};

struct import_chunk {
	char *text; /* owned: [IMPORT_CHUNK_BYTES]; NULL: is of no use any more */
	size_t size;
	struct import_position begin, end;
	uint64_t file_position; /* bytes of the file itself, as far as it was read */
};

struct import_split;

/* Begins at a position to which the reader has been taken. `lines`: never
 * arrays. The reader is borrowed. NULL: out of memory. */
struct import_split *import_split_create(struct import_reader *reader,
					 const struct import_position *position, bool lines);
void import_split_free(struct import_split *split);

/*
 * 1: *out has records, and its text is the caller's; 0: there is no whole one
 * now; -1: *error says why. `until`: the chunk ends there and not before, and
 * an error it is if the text does not reach so far (0: where it fits). `last`:
 * the text ends here, and a line needs no end.
 */
int import_split_next(struct import_split *split, uint64_t until, bool last,
		      struct import_chunk *out, char error[512]);
/* Bytes of a record that has no end yet. */
size_t import_split_left(const struct import_split *split);

#endif
