/*
 * One immutable segment file, mapped: footer checked at opening, dictionaries
 * and chunks when they are first read. Below snapshot and merge. Any byte may
 * be wrong: lengths are checked before use, and corruption is STORE_ECORRUPT
 * with file and offset, never a crash.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <xxhash.h>

#include "bytes.h"
#include "codec.h"
#include "segment.h"
#include "segment_format.h"

struct chunk {
	uint8_t codec, flags;
	uint32_t null_count, stored_bytes, raw_bytes;
	uint64_t offset, checksum;
	int64_t min, max;
};

/* Strings of a column; loaded once, on first use, under segment.mutex. */
struct strings {
	uint32_t count, stored_bytes, raw_bytes; /* from the footer */
	uint64_t offset, checksum;
	bool loaded;
	unsigned char *bytes;            /* owned; NULL when the file's are used */
	struct store_str *entries;       /* owned: [count] */
	const struct store_str **chunks; /* owned: into entries */
	struct dictionary dictionary;    /* valid when loaded */
};

struct column {
	const struct store_column *schema; /* NULL: the table has no such column */
	struct segment_column public;      /* key borrowed from the mapping */
	struct strings strings;
	struct chunk *chunks; /* owned: [blocks_count] */
};

struct segment {
	struct io *io; /* borrowed */
	char path[PATH_MAX];
	const unsigned char *bytes; /* owned mapping of file_bytes */
	size_t file_bytes;
	struct segment_summary summary;
	uint32_t blocks_count, columns_count, known_count;
	uint32_t *block_rows;         /* owned */
	struct column *columns;       /* owned: [columns_count] */
	struct segment_column *known; /* owned: those with a schema column */
	pthread_mutex_t mutex;        /* guards columns[].strings while loading */
};

static int
corrupt(const struct segment *segment, uint64_t offset, struct store_error *error, const char *what)
{
	if (error != NULL) {
		error->offset = offset;
		snprintf(error->file, sizeof error->file, "%.255s", segment->path);
	}
	return store_error_set(error, STORE_ECORRUPT,
			       "%s: %s at byte %llu; restore the file from a backup", segment->path,
			       what, (unsigned long long)offset);
}

/* ---- the footer ------------------------------------------------------ */

struct cursor {
	const unsigned char *at;
	size_t left;
};

static const unsigned char *
take(struct cursor *cursor, size_t size)
{
	const unsigned char *at = cursor->at;

	if (size > cursor->left)
		return NULL;
	cursor->at += size;
	cursor->left -= size;
	return at;
}

/* Stored bytes lie between the leading magic and the footer. */
static bool
is_inside(const struct segment *segment, uint64_t offset, uint32_t size, size_t footer_at)
{
	return size <= segment->file_bytes && offset >= SEGMENT_MAGIC_BYTES &&
	       offset <= footer_at && size <= footer_at - offset;
}

static int
parse_chunk(struct segment *segment, struct cursor *cursor, uint32_t rows, size_t footer_at,
	    struct chunk *chunk)
{
	const unsigned char *at = take(cursor, SEGMENT_CHUNK_ABSENT_BYTES);
	size_t bitmap_bytes, raw_max;

	if (at == NULL)
		return -1;
	chunk->codec = at[0];
	chunk->flags = at[1];
	if (chunk->codec == CODEC_ABSENT)
		return chunk->flags == 0 ? 0 : -1;
	if (chunk->codec > CODEC_DELTA ||
	    (at = take(cursor, SEGMENT_CHUNK_BYTES - SEGMENT_CHUNK_ABSENT_BYTES)) == NULL)
		return -1;
	chunk->null_count = bytes_get32(at);
	chunk->stored_bytes = bytes_get32(at + 4);
	chunk->raw_bytes = bytes_get32(at + 8);
	chunk->offset = bytes_get64(at + 12);
	chunk->checksum = bytes_get64(at + 20);
	chunk->min = (int64_t)bytes_get64(at + 28);
	chunk->max = (int64_t)bytes_get64(at + 36);
	bitmap_bytes = chunk->flags & SEGMENT_CHUNK_NULLS ? (size_t)bitmap_words(rows) * 8 : 0;
	raw_max = bitmap_bytes + codec_bound(rows);
	if (chunk->null_count >= rows || (chunk->null_count != 0) != (bitmap_bytes != 0) ||
	    chunk->raw_bytes <= bitmap_bytes || chunk->raw_bytes > raw_max ||
	    (!(chunk->flags & SEGMENT_CHUNK_LZ4) && chunk->stored_bytes != chunk->raw_bytes) ||
	    !is_inside(segment, chunk->offset, chunk->stored_bytes, footer_at))
		return -1;
	return 0;
}

static bool
same_name(const char *name, const unsigned char *bytes, size_t size)
{
	return strlen(name) == size && memcmp(name, bytes, size) == 0;
}

/* 0, -1 when malformed, 1 when the table's column has another type. */
static int
parse_column(struct segment *segment, struct cursor *cursor, const struct store_table *table,
	     size_t footer_at, struct column *column)
{
	const unsigned char *at = take(cursor, SEGMENT_COLUMN_BYTES), *name;
	struct strings *strings = &column->strings;
	size_t name_size, key_size;

	if (at == NULL)
		return -1;
	name_size = bytes_get16(at + 10);
	key_size = bytes_get16(at + 12);
	if ((name = take(cursor, name_size + key_size)) == NULL)
		return -1;
	column->public.key = (struct store_str){(const char *)name + name_size, (uint32_t)key_size};
	for (uint32_t i = 0; i < table->columns_count; i++) {
		if (!same_name(table->columns[i].name, name, name_size))
			continue;
		column->schema = &table->columns[i];
		column->public.column = (uint16_t)i;
		if (at[0] != (unsigned char)column->schema->type || at[1] != column->schema->bits ||
		    bytes_get32(at + 2) != column->schema->scale)
			return 1;
	}
	if ((at = take(cursor, SEGMENT_DICTIONARY_BYTES)) == NULL)
		return -1;
	strings->count = bytes_get32(at);
	strings->stored_bytes = bytes_get32(at + 4);
	strings->raw_bytes = bytes_get32(at + 8);
	strings->offset = bytes_get64(at + 12);
	strings->checksum = bytes_get64(at + 20);
	if (strings->count != 0 &&
	    (strings->raw_bytes > SEGMENT_DICTIONARY_RAW_BYTES_MAX ||
	     (uint64_t)strings->count * 4 > strings->raw_bytes ||
	     !is_inside(segment, strings->offset, strings->stored_bytes, footer_at)))
		return -1;
	column->chunks = calloc(segment->blocks_count, sizeof *column->chunks);
	if (column->chunks == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < segment->blocks_count; i++) {
		if (parse_chunk(segment, cursor, segment->block_rows[i], footer_at,
				&column->chunks[i]) != 0)
			return -1;
	}
	return 0;
}

static int
parse_head(struct segment *segment, struct cursor *cursor)
{
	const unsigned char *at = take(cursor, SEGMENT_HEAD_BYTES);
	uint64_t rows = 0;

	if (at == NULL)
		return -1;
	segment->columns_count = bytes_get32(at);
	segment->blocks_count = bytes_get32(at + 4);
	segment->summary.rows_count = bytes_get64(at + 8);
	segment->summary.time_min = (int64_t)bytes_get64(at + 16);
	segment->summary.time_max = (int64_t)bytes_get64(at + 24);
	if (segment->columns_count > SEGMENT_COLUMNS_MAX ||
	    segment->blocks_count > SEGMENT_BLOCKS_MAX || segment->blocks_count == 0 ||
	    (at = take(cursor, (size_t)segment->blocks_count * 4)) == NULL)
		return -1;
	segment->block_rows = calloc(segment->blocks_count, sizeof *segment->block_rows);
	if (segment->block_rows == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < segment->blocks_count; i++) {
		segment->block_rows[i] = bytes_get32(at + (size_t)i * 4);
		if (segment->block_rows[i] == 0 || segment->block_rows[i] > BLOCK_ROWS_MAX)
			return -1;
		rows += segment->block_rows[i];
	}
	return rows == segment->summary.rows_count ? 0 : -1;
}

static int
parse_footer(struct segment *segment, const struct store_table *table, size_t footer_at,
	     size_t footer_bytes, struct store_error *error)
{
	struct cursor cursor = {segment->bytes + footer_at, footer_bytes};
	int result = parse_head(segment, &cursor);

	if (result == 0) {
		segment->columns = calloc(segment->columns_count + 1, sizeof *segment->columns);
		segment->known = calloc(segment->columns_count + 1, sizeof *segment->known);
		if (segment->columns == NULL || segment->known == NULL)
			result = STORE_ENOMEM;
	}
	for (uint32_t i = 0; result == 0 && i < segment->columns_count; i++) {
		struct column *column = &segment->columns[i];

		result = parse_column(segment, &cursor, table, footer_at, column);
		if (result == 0 && column->schema != NULL)
			segment->known[segment->known_count++] = column->public;
		if (result == 1)
			return store_error_set(error, STORE_ECORRUPT,
					       "%s: column %s has another type than the schema's",
					       segment->path, column->schema->name);
	}
	if (result == STORE_ENOMEM)
		return store_error_set(error, STORE_ENOMEM, "out of memory opening %s",
				       segment->path);
	if (result != 0 || cursor.left != 0)
		return corrupt(segment, footer_at + (footer_bytes - cursor.left), error,
			       "malformed footer");
	return 0;
}

static int
check_file(struct segment *segment, const struct store_table *table, uint64_t footer_checksum,
	   struct store_error *error)
{
	const unsigned char *tail;
	size_t footer_bytes, footer_at;
	uint32_t version;

	if (segment->file_bytes < SEGMENT_MAGIC_BYTES + SEGMENT_HEAD_BYTES + SEGMENT_TAIL_BYTES)
		return corrupt(segment, segment->file_bytes, error, "file is cut short");
	if (memcmp(segment->bytes, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES) != 0)
		return corrupt(segment, 0, error, "not a segment file");
	tail = segment->bytes + segment->file_bytes - SEGMENT_TAIL_BYTES;
	if (memcmp(tail + 16, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES) != 0)
		return corrupt(segment, segment->file_bytes, error, "file is cut short");
	version = bytes_get32(tail + 4);
	if (version > SEGMENT_VERSION)
		return store_error_set(
		    error, STORE_EVERSION,
		    "%s: version %u is newer than this program's %u: use a newer drum",
		    segment->path, version, SEGMENT_VERSION);
	footer_bytes = bytes_get32(tail);
	if (version != SEGMENT_VERSION || footer_bytes < SEGMENT_HEAD_BYTES ||
	    footer_bytes > segment->file_bytes - SEGMENT_TAIL_BYTES - SEGMENT_MAGIC_BYTES)
		return corrupt(segment, segment->file_bytes - SEGMENT_TAIL_BYTES, error,
			       "malformed tail");
	footer_at = segment->file_bytes - SEGMENT_TAIL_BYTES - footer_bytes;
	segment->summary.footer_checksum = XXH3_64bits(segment->bytes + footer_at, footer_bytes);
	if (segment->summary.footer_checksum != bytes_get64(tail + 8) ||
	    segment->summary.footer_checksum != footer_checksum)
		return corrupt(segment, footer_at, error, "footer checksum does not match");
	return parse_footer(segment, table, footer_at, footer_bytes, error);
}

int
segment_open(struct io *io, const char *path, const struct store_table *table,
	     uint64_t footer_checksum, struct segment **out, struct store_error *error)
{
	struct segment *segment = calloc(1, sizeof *segment);
	const void *mapped = NULL;
	int64_t size;
	int fd, result;

	if (segment == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory opening %s", path);
	segment->io = io;
	snprintf(segment->path, sizeof segment->path, "%s", path);
	pthread_mutex_init(&segment->mutex, NULL);
	if ((fd = io->open(io, path, O_RDONLY, 0)) < 0) {
		result = store_error_set(error, STORE_EIO, "open %s: %s", path, strerror(-fd));
		goto failed;
	}
	size = io->size(io, fd);
	result = size < 0 ? (int)size : io->map(io, fd, (size_t)size, &mapped);
	io->close(io, fd);
	if (result != 0) {
		result = store_error_set(error, STORE_EIO, "map %s: %s", path, strerror(-result));
		goto failed;
	}
	segment->bytes = mapped;
	segment->file_bytes = (size_t)size;
	segment->summary.file_bytes = (uint64_t)size;
	if ((result = check_file(segment, table, footer_checksum, error)) != 0)
		goto failed;
	*out = segment;
	return 0;

failed:
	segment_close(segment);
	return result;
}

void
segment_close(struct segment *segment)
{
	if (segment == NULL)
		return;
	for (uint32_t i = 0; segment->columns != NULL && i < segment->columns_count; i++) {
		struct column *column = &segment->columns[i];

		free(column->strings.bytes);
		free(column->strings.entries);
		free(column->strings.chunks);
		free(column->chunks);
	}
	free(segment->columns);
	free(segment->known);
	free(segment->block_rows);
	if (segment->bytes != NULL)
		segment->io->unmap(segment->io, segment->bytes, segment->file_bytes);
	pthread_mutex_destroy(&segment->mutex);
	free(segment);
}

/* ---- reading --------------------------------------------------------- */

void
segment_summary(const struct segment *segment, struct segment_summary *out)
{
	*out = segment->summary;
}

uint32_t
segment_blocks_count(const struct segment *segment)
{
	return segment->blocks_count;
}

uint32_t
segment_block_rows_count(const struct segment *segment, uint32_t block)
{
	assert(block < segment->blocks_count);
	return segment->block_rows[block];
}

const struct segment_column *
segment_columns(const struct segment *segment, uint32_t *count)
{
	*count = segment->known_count;
	return segment->known;
}

static struct column *
find_column(const struct segment *segment, uint16_t column, struct store_str key)
{
	for (uint32_t i = 0; i < segment->columns_count; i++) {
		struct column *candidate = &segment->columns[i];

		if (candidate->schema != NULL && candidate->public.column == column &&
		    candidate->public.key.size == key.size &&
		    (key.size == 0 ||
		     memcmp(candidate->public.key.bytes, key.bytes, key.size) == 0))
			return candidate;
	}
	return NULL;
}

bool
segment_range(const struct segment *segment, uint32_t block, uint16_t column, int64_t *min,
	      int64_t *max)
{
	const struct column *found = find_column(segment, column, (struct store_str){NULL, 0});

	assert(block < segment->blocks_count);
	if (found == NULL || !(found->chunks[block].flags & SEGMENT_CHUNK_RANGE))
		return false;
	*min = found->chunks[block].min;
	*max = found->chunks[block].max;
	return true;
}

uint64_t
segment_column_bytes(const struct segment *segment, uint32_t block, uint16_t column,
		     struct store_str key)
{
	const struct column *found = find_column(segment, column, key);

	assert(block < segment->blocks_count);
	return found == NULL ? 0 : found->chunks[block].stored_bytes;
}

/* Checks and inflates stored bytes; `buffer` of raw_bytes is used when they
 * are compressed. NULL after setting *error. */
static const unsigned char *
load(const struct segment *segment, uint64_t offset, uint32_t stored_bytes, uint64_t checksum,
     bool lz4, uint32_t raw_bytes, unsigned char *buffer, struct store_error *error)
{
	const unsigned char *stored = segment->bytes + offset;

	if (XXH3_64bits(stored, stored_bytes) != checksum) {
		corrupt(segment, offset, error, "checksum does not match");
		return NULL;
	}
	if (!lz4)
		return stored;
	if (LZ4_decompress_safe((const char *)stored, (char *)buffer, (int)stored_bytes,
				(int)raw_bytes) != (int)raw_bytes) {
		corrupt(segment, offset, error, "malformed LZ4 data");
		return NULL;
	}
	return buffer;
}

static int
split_strings(const struct segment *segment, struct strings *strings, const unsigned char *raw,
	      struct store_error *error)
{
	size_t at = (size_t)strings->count * 4;
	uint32_t chunks = (strings->count + DICTIONARY_CHUNK_SIZE - 1) / DICTIONARY_CHUNK_SIZE;

	strings->entries = calloc(strings->count, sizeof *strings->entries);
	strings->chunks = calloc(chunks, sizeof *strings->chunks);
	if (strings->entries == NULL || strings->chunks == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory reading %s",
				       segment->path);
	for (uint32_t i = 0; i < strings->count; i++) {
		uint32_t size = bytes_get32(raw + (size_t)i * 4);

		if (size > strings->raw_bytes - at)
			return corrupt(segment, strings->offset, error, "malformed dictionary");
		strings->entries[i] = (struct store_str){(const char *)raw + at, size};
		at += size;
	}
	if (at != strings->raw_bytes)
		return corrupt(segment, strings->offset, error, "malformed dictionary");
	for (uint32_t i = 0; i < chunks; i++)
		strings->chunks[i] = strings->entries + (size_t)i * DICTIONARY_CHUNK_SIZE;
	strings->dictionary = (struct dictionary){strings->count, strings->chunks};
	return 0;
}

static int
load_strings(struct segment *segment, struct strings *strings, struct store_error *error)
{
	bool lz4 = strings->stored_bytes != strings->raw_bytes;
	const unsigned char *raw;
	int result = 0;

	pthread_mutex_lock(&segment->mutex);
	if (strings->loaded)
		goto done;
	if (lz4 && (strings->bytes = malloc(strings->raw_bytes)) == NULL) {
		result =
		    store_error_set(error, STORE_ENOMEM, "out of memory reading %s", segment->path);
		goto done;
	}
	raw = load(segment, strings->offset, strings->stored_bytes, strings->checksum, lz4,
		   strings->raw_bytes, strings->bytes, error);
	result = raw == NULL ? STORE_ECORRUPT : split_strings(segment, strings, raw, error);
	strings->loaded = result == 0;
	if (result != 0) {
		free(strings->bytes);
		free(strings->entries);
		free(strings->chunks);
		strings->bytes = NULL;
		strings->entries = NULL;
		strings->chunks = NULL;
	}
done:
	pthread_mutex_unlock(&segment->mutex);
	return result;
}

/* Decoded values of the rows that are not NULL, spread over all rows. */
static void
spread(int64_t *values, uint32_t rows, uint32_t dense, const uint64_t *nulls)
{
	for (uint32_t row = rows; row-- > 0;)
		values[row] = bitmap_get(nulls, row) ? 0 : values[--dense];
	assert(dense == 0);
}

static uint32_t
count_bits(const uint64_t *bitmap, uint32_t rows)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bitmap_words(rows); i++)
		count += (uint32_t)__builtin_popcountll(bitmap[i]);
	return count;
}

/* *nulls from the front of the raw bytes. */
static int
read_nulls(const struct segment *segment, const struct chunk *chunk, uint32_t rows,
	   const unsigned char *raw, struct store_arena *arena, struct vector *out,
	   struct store_error *error)
{
	uint64_t *nulls = store_arena_alloc(arena, (size_t)bitmap_words(rows) * 8);
	uint32_t beyond = rows & 63;

	if (nulls == NULL)
		return store_error_set(error, STORE_ELIMIT, "memory limit reached");
	for (uint32_t i = 0; i < bitmap_words(rows); i++)
		nulls[i] = bytes_get64(raw + (size_t)i * 8);
	if (count_bits(nulls, rows) != chunk->null_count ||
	    (beyond != 0 && nulls[rows >> 6] >> beyond != 0))
		return corrupt(segment, chunk->offset, error, "malformed null bitmap");
	out->nulls = nulls;
	return 0;
}

/* Narrows values to codes and checks them against the dictionary. */
static int
read_codes(struct segment *segment, struct column *column, const struct chunk *chunk,
	   const int64_t *values, uint32_t count, struct store_arena *arena, struct vector *out,
	   struct store_error *error)
{
	uint32_t *codes = store_arena_alloc(arena, (size_t)count * sizeof *codes);
	int result;

	if (codes == NULL)
		return store_error_set(error, STORE_ELIMIT, "memory limit reached");
	if ((result = load_strings(segment, &column->strings, error)) != 0)
		return result;
	for (uint32_t i = 0; i < count; i++) {
		if ((uint64_t)values[i] >= column->strings.count)
			return corrupt(segment, chunk->offset, error, "code beyond the dictionary");
		codes[i] = (uint32_t)values[i];
	}
	out->values = NULL;
	out->codes = codes;
	out->dictionary = &column->strings.dictionary;
	return 0;
}

int
segment_read(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	     struct store_arena *arena, struct vector *out, struct store_error *error)
{
	struct column *found = find_column(segment, column, key);
	const struct chunk *chunk = found == NULL ? NULL : &found->chunks[block];
	uint32_t rows = segment_block_rows_count(segment, block), dense;
	const unsigned char *raw;
	unsigned char *buffer = NULL;
	size_t bitmap_bytes;
	int64_t *values;
	int result;

	memset(out, 0, sizeof *out);
	out->rows_count = rows;
	if (chunk == NULL || chunk->codec == CODEC_ABSENT) {
		out->all_null = true;
		return 0;
	}
	values = store_arena_alloc(arena, (size_t)rows * sizeof *values);
	if (chunk->flags & SEGMENT_CHUNK_LZ4)
		buffer = store_arena_alloc(arena, chunk->raw_bytes);
	if (values == NULL || (chunk->flags & SEGMENT_CHUNK_LZ4 && buffer == NULL))
		return store_error_set(error, STORE_ELIMIT, "memory limit reached");
	raw = load(segment, chunk->offset, chunk->stored_bytes, chunk->checksum,
		   chunk->flags & SEGMENT_CHUNK_LZ4, chunk->raw_bytes, buffer, error);
	if (raw == NULL)
		return STORE_ECORRUPT;
	bitmap_bytes = chunk->flags & SEGMENT_CHUNK_NULLS ? (size_t)bitmap_words(rows) * 8 : 0;
	if (bitmap_bytes != 0 &&
	    (result = read_nulls(segment, chunk, rows, raw, arena, out, error)) != 0)
		return result;
	out->constant = chunk->codec == CODEC_CONSTANT && bitmap_bytes == 0;
	dense = out->constant ? 1 : rows - chunk->null_count;
	if (codec_decode((enum codec)chunk->codec, raw + bitmap_bytes,
			 chunk->raw_bytes - bitmap_bytes, dense, values) != 0)
		return corrupt(segment, chunk->offset, error, "malformed chunk");
	if (bitmap_bytes != 0)
		spread(values, rows, dense, out->nulls);
	out->values = values;
	if (found->schema->type == STORE_STRING || found->schema->type == STORE_MAP)
		return read_codes((struct segment *)(uintptr_t)segment, found, chunk, values,
				  out->constant ? 1 : rows, arena, out, error);
	return 0;
}

int
segment_verify(const struct segment *segment, struct store_error *error)
{
	struct store_arena *arena = store_arena_create(0);
	int result = arena == NULL ? store_error_set(error, STORE_ENOMEM, "out of memory") : 0;

	for (uint32_t i = 0; result == 0 && i < segment->known_count; i++) {
		for (uint32_t block = 0; result == 0 && block < segment->blocks_count; block++) {
			struct vector vector;

			result = segment_read(segment, block, segment->known[i].column,
					      segment->known[i].key, arena, &vector, error);
			store_arena_reset(arena);
		}
	}
	store_arena_free(arena);
	return result;
}
