/*
 * The rows that a scan is at: a slice of a block, so small that what is
 * decoded of it stays in the processor's caches. A column is opened once per
 * block and decoded once per slice, however many expressions want it.
 */
#ifndef SLICE_H
#define SLICE_H

#include "expression.h"

/* Where all rows are wanted, several columns fit the first cache; a filter's narrow
 * columns are of codes mostly, and what each slice costs counts for more than
 * where they are. Of 2,048 ... 16,384 rows these were the fastest. */
#define SLICE_ROWS 2048u
#define SLICE_FILTERED_ROWS 8192u
/* Also where rows are only counted in buckets, of which each slice has to bring the groups'
 * anew into the cache that the one before decoded to. */
#define SLICE_PLACES_ROWS SLICE_FILTERED_ROWS

struct slice_column {
	uint16_t column;
	struct store_str key;
	struct block_reader *reader; /* of the block; NULL: not opened yet */
	uint32_t reader_row;         /* the first that it can read */
	bool is_read;                /* `vector` is of the slice */
	struct vector vector;
	/* What was decoded last, from whose rows others of the same slice are taken. */
	struct vector whole;
	uint32_t whole_first, whole_count; /* rows of the block; none: 0 */
	/* What expression_column.c made of it for the selected rows; data.type is that of
	 * the first expression that wanted it. */
	bool has_values, has_stored, has_narrow;
	struct data values, stored, narrow;
};

/* Results of an expression per entry of a dictionary. */
struct slice_entries {
	const struct expression *expression;
	struct dictionary dictionary;
	bool failed; /* for an entry that perhaps no row has */
	struct data data;
};

struct slice {
	const struct block *block;
	uint32_t first, count;            /* rows of the block */
	uint32_t end;                     /* of the rows that it was moved to */
	const struct expression *mixed;   /* known to differ between the block's times, or NULL */
	uint64_t bytes_read;              /* encoded, of the columns opened so far */
	struct store_arena *arena;        /* borrowed: of the slice */
	struct store_arena *block_arena;  /* owned */
	struct store_arena *source_arena; /* owned: as long as the dictionaries are the same */
	const void *source;
	uint64_t epoch;               /* changes with the source_arena */
	struct slice_column *columns; /* owned: [columns_count] */
	uint32_t columns_count, columns_max;
	uint32_t columns_next;         /* they are mostly asked for in their order */
	struct slice_entries *entries; /* owned: [entries_count] */
	uint32_t entries_count, entries_max;
	uint32_t *entries_slots; /* owned: [entries_max * 2], place + 1, 0 free */
};

/* `bytes_max` bounds what a block may need. 0 or STORE_ELIMIT. */
int slice_open(struct slice *slice, struct store_arena *arena, size_t bytes_max);
void slice_close(struct slice *slice);
/* Another block is going to follow, whose columns will be those read so far. */
void slice_want(const struct slice *slice, const struct block *block);
/* A slice must be left with slice_move before the first row. */
void slice_set_block(struct slice *slice, const struct block *block);
/* On to rows[first, first + count) of the block, in order; `first` is a multiple of
 * SLICE_ROWS. */
void slice_move(struct slice *slice, uint32_t first, uint32_t count);
/* On to some of the slice's rows, in order, while the arena still has what was decoded. Of
 * columns that were not, the SLICE_ROWS around them are. */
void slice_part(struct slice *slice, uint32_t first, uint32_t count);
/* Bounds of a numeric column's values in the slice, where they are known without
 * decoding them: *known; then the values ascend. */
int slice_bounds(struct slice *slice, uint16_t column, int64_t bounds[2], bool *known,
		 struct store_error *error);
/* The same of `count` rows from the slice's row `first` on. */
int slice_part_bounds(struct slice *slice, uint16_t column, uint32_t first, uint32_t count,
		      int64_t bounds[2], bool *known, struct store_error *error);
/* Other rows of the slice are selected: what was gathered is void. */
void slice_select(struct slice *slice);
/* A column of the slice, decoded, numbers in 32 bits where they fit; borrowed
 * until the next call. */
int slice_read(struct slice *slice, uint16_t column, struct store_str key,
	       struct slice_column **out, struct store_error *error);
/* A numeric column's rows[first, first + count) of the slice, of which no others need be
 * decoded when they are the first of the slice that are read; `first` is a multiple of 64.
 * *out lives as long as the slice. */
int slice_read_some(struct slice *slice, uint16_t column, uint32_t first, uint32_t count,
		    struct vector *out, struct store_error *error);
/* The place of an expression's results per entry of the dictionary; with
 * data.count 0 when it is a new one, to be filled from the source_arena. NULL:
 * no memory. Borrowed until the next call. */
struct slice_entries *slice_find_entries(struct slice *slice, const struct expression *expression,
					 const struct dictionary *dictionary);

#endif
