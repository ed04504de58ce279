/*
 * Rows, already sorted, to one immutable segment file. The last step of flush
 * and merge. Must not decide which rows: it writes what its source yields, and
 * leaves nothing behind when it fails.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <xxhash.h>

#include "bytes.h"
#include "codec.h"
#include "segment.h"
#include "segment_format.h"

/* LZ4 must save this share, or reading it is not worth the time. */
#define LZ4_GAIN_PERCENT 10u

struct writer {
	struct io *io; /* borrowed */
	const struct segment_source *source;
	struct store_error *error;
	int fd;
	uint64_t offset;       /* bytes written so far */
	unsigned char *raw;    /* owned: one chunk before LZ4 */
	unsigned char *packed; /* owned: the same after LZ4 */
	size_t raw_bytes_max, packed_bytes_max;
	int64_t *values, *scratch; /* owned: [BLOCK_ROWS_MAX] */
	unsigned char *footer;     /* owned, growing */
	size_t footer_bytes, footer_bytes_max;
	int64_t time_min, time_max;
	char path[PATH_MAX]; /* the temporary name, for messages */
};

static int
out_of_memory(struct writer *writer)
{
	return store_error_set(writer->error, STORE_ENOMEM,
			       "out of memory while writing a segment");
}

static int
io_failed(struct writer *writer, const char *what, int result)
{
	return store_error_set(writer->error, result == -ENOSPC ? STORE_EFULL : STORE_EIO,
			       "%s %s: %s", what, writer->path, strerror(-result));
}

static int
grow(struct writer *writer, unsigned char **bytes, size_t *bytes_max, size_t needed)
{
	size_t size = *bytes_max == 0 ? 4096 : *bytes_max;
	unsigned char *grown;

	if (needed <= *bytes_max)
		return 0;
	while (size < needed)
		size *= 2;
	if ((grown = realloc(*bytes, size)) == NULL)
		return out_of_memory(writer);
	*bytes = grown;
	*bytes_max = size;
	return 0;
}

/* Room for `size` more footer bytes, or NULL. */
static unsigned char *
footer_add(struct writer *writer, size_t size)
{
	unsigned char *at;

	if (grow(writer, &writer->footer, &writer->footer_bytes_max, writer->footer_bytes + size) !=
	    0)
		return NULL;
	at = writer->footer + writer->footer_bytes;
	writer->footer_bytes += size;
	return at;
}

static int
put(struct writer *writer, const void *bytes, size_t size)
{
	int result = io_write_full(writer->io, writer->fd, bytes, size, writer->offset);

	if (result != 0)
		return io_failed(writer, "write to", result);
	writer->offset += size;
	return 0;
}

struct stored {
	uint64_t offset, checksum;
	uint32_t stored_bytes, raw_bytes;
	bool lz4;
};

/* Writes raw[size], compressed where that pays. */
static int
put_compressed(struct writer *writer, const unsigned char *raw, size_t size, struct stored *out)
{
	const unsigned char *bytes = raw;
	size_t stored = size;
	int result;

	assert(size > 0 && size <= LZ4_MAX_INPUT_SIZE);
	out->lz4 = false;
	if (size >= 64) {
		int bound = LZ4_compressBound((int)size), compressed;

		if ((result = grow(writer, &writer->packed, &writer->packed_bytes_max,
				   (size_t)bound)) != 0)
			return result;
		compressed = LZ4_compress_default((const char *)raw, (char *)writer->packed,
						  (int)size, bound);
		if (compressed > 0 &&
		    (uint64_t)compressed * 100 <= (uint64_t)size * (100 - LZ4_GAIN_PERCENT)) {
			out->lz4 = true;
			bytes = writer->packed;
			stored = (size_t)compressed;
		}
	}
	out->offset = writer->offset;
	out->raw_bytes = (uint32_t)size;
	out->stored_bytes = (uint32_t)stored;
	out->checksum = XXH3_64bits(bytes, stored);
	return put(writer, bytes, stored);
}

static int
footer_absent_chunk(struct writer *writer)
{
	unsigned char *at = footer_add(writer, SEGMENT_CHUNK_ABSENT_BYTES);

	if (at == NULL)
		return STORE_ENOMEM;
	at[0] = CODEC_ABSENT;
	at[1] = 0;
	return 0;
}

static bool
is_unsigned64(const struct store_column *column)
{
	return column->type == STORE_UINT && column->bits == 64;
}

static bool
less(bool as_unsigned, int64_t a, int64_t b)
{
	return as_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

/* values[dense] are the block's present values; bitmap marks the NULL rows. */
static int
put_chunk(struct writer *writer, const struct store_column *column, uint32_t dense,
	  const uint64_t *bitmap, uint32_t rows)
{
	size_t bitmap_bytes = dense == rows ? 0 : (size_t)bitmap_words(rows) * 8, size;
	unsigned char *at;
	enum codec codec;
	struct stored stored;
	int64_t min, max;
	int result;
	bool ranged = column->type != STORE_FLOAT || column->scale != 0;

	if (dense == 0)
		return footer_absent_chunk(writer);
	if ((result = grow(writer, &writer->raw, &writer->raw_bytes_max,
			   bitmap_bytes + codec_bound(dense))) != 0)
		return result;
	for (size_t i = 0; i < bitmap_bytes / 8; i++)
		bytes_put64(writer->raw + i * 8, bitmap[i]);
	size = bitmap_bytes + codec_encode(writer->values, dense, writer->scratch,
					   writer->raw + bitmap_bytes, &codec);
	min = max = writer->values[0];
	for (uint32_t i = 1; i < dense; i++) {
		int64_t value = writer->values[i];

		min = less(is_unsigned64(column), value, min) ? value : min;
		max = less(is_unsigned64(column), max, value) ? value : max;
	}
	if ((result = put_compressed(writer, writer->raw, size, &stored)) != 0)
		return result;
	if ((at = footer_add(writer, SEGMENT_CHUNK_BYTES)) == NULL)
		return STORE_ENOMEM;
	at[0] = (unsigned char)codec;
	at[1] = (unsigned char)((stored.lz4 ? SEGMENT_CHUNK_LZ4 : 0) |
				(bitmap_bytes != 0 ? SEGMENT_CHUNK_NULLS : 0) |
				(ranged ? SEGMENT_CHUNK_RANGE : 0));
	bytes_put32(at + 2, rows - dense);
	bytes_put32(at + 6, stored.stored_bytes);
	bytes_put32(at + 10, stored.raw_bytes);
	bytes_put64(at + 14, stored.offset);
	bytes_put64(at + 22, stored.checksum);
	bytes_put64(at + 30, (uint64_t)min);
	bytes_put64(at + 38, (uint64_t)max);
	if (column->flags & STORE_ROLE_TIME) {
		writer->time_min = min < writer->time_min ? min : writer->time_min;
		writer->time_max = max > writer->time_max ? max : writer->time_max;
	}
	return 0;
}

static int
read_block(struct writer *writer, uint32_t column_index, uint64_t first, struct vector *vector)
{
	const struct segment_source *source = writer->source;
	uint64_t left = source->rows_count - first;
	uint32_t rows = left < BLOCK_ROWS_MAX ? (uint32_t)left : BLOCK_ROWS_MAX;

	memset(vector, 0, sizeof *vector);
	return source->read(source->context, column_index, first, rows, vector, writer->error);
}

static int
put_numbers(struct writer *writer, uint32_t column_index, const struct store_column *column)
{
	for (uint64_t first = 0; first < writer->source->rows_count; first += BLOCK_ROWS_MAX) {
		struct vector vector;
		uint32_t dense = 0;
		int result = read_block(writer, column_index, first, &vector);

		if (result != 0)
			return result;
		for (uint32_t i = 0; !vector.all_null && i < vector.rows_count; i++) {
			if (vector.nulls == NULL || !bitmap_get(vector.nulls, i))
				writer->values[dense++] = vector.values[vector.constant ? 0 : i];
		}
		if ((result = put_chunk(writer, column, dense, vector.nulls, vector.rows_count)) !=
		    0)
			return result;
	}
	return 0;
}

struct entry {
	struct store_str string;
	uint32_t source_code;
};

static int
compare_entries(const void *a, const void *b)
{
	const struct store_str *x = &((const struct entry *)a)->string;
	const struct store_str *y = &((const struct entry *)b)->string;
	uint32_t size = x->size < y->size ? x->size : y->size;
	int order = size == 0 ? 0 : memcmp(x->bytes, y->bytes, size);

	return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

/* Lengths (u32 each), then the bytes; and the dictionary's footer entry. */
static int
put_dictionary(struct writer *writer, const struct entry *entries, uint32_t count,
	       unsigned char *footer)
{
	size_t size = (size_t)count * 4;
	struct stored stored;
	unsigned char *at;
	int result;

	for (uint32_t i = 0; i < count; i++)
		size += entries[i].string.size;
	if (size > SEGMENT_DICTIONARY_RAW_BYTES_MAX)
		return store_error_set(writer->error, STORE_EINVAL,
				       "a dictionary of %zu bytes is over the limit", size);
	if ((result = grow(writer, &writer->raw, &writer->raw_bytes_max, size)) != 0)
		return result;
	at = writer->raw + (size_t)count * 4;
	for (uint32_t i = 0; i < count; i++) {
		bytes_put32(writer->raw + (size_t)i * 4, entries[i].string.size);
		if (entries[i].string.size > 0)
			memcpy(at, entries[i].string.bytes, entries[i].string.size);
		at += entries[i].string.size;
	}
	if ((result = put_compressed(writer, writer->raw, size, &stored)) != 0)
		return result;
	bytes_put32(footer, count);
	bytes_put32(footer + 4, stored.stored_bytes);
	bytes_put32(footer + 8, stored.raw_bytes);
	bytes_put64(footer + 12, stored.offset);
	bytes_put64(footer + 20, stored.checksum);
	return 0;
}

/* Marks the source codes that occur: remap[code] becomes 1. */
static int
mark_used(struct writer *writer, uint32_t column_index, uint32_t **remap, uint32_t *remap_count,
	  struct dictionary *dictionary)
{
	for (uint64_t first = 0; first < writer->source->rows_count; first += BLOCK_ROWS_MAX) {
		struct vector vector;
		int result = read_block(writer, column_index, first, &vector);

		if (result != 0)
			return result;
		if (vector.all_null)
			continue;
		if (*remap == NULL) {
			*dictionary = *vector.dictionary;
			*remap_count = vector.dictionary->count;
			if ((*remap = calloc(*remap_count, sizeof **remap)) == NULL)
				return out_of_memory(writer);
		}
		assert(vector.dictionary->chunks == dictionary->chunks);
		for (uint32_t i = 0; i < (vector.constant ? 1 : vector.rows_count); i++) {
			assert(vector.codes[i] < *remap_count);
			(*remap)[vector.codes[i]] = 1;
		}
	}
	return 0;
}

/* The used entries, sorted, and remap[source code] = new code. */
static struct entry *
sort_entries(uint32_t *remap, uint32_t remap_count, const struct dictionary *dictionary,
	     uint32_t *count)
{
	struct entry *entries;

	*count = 0;
	for (uint32_t code = 0; code < remap_count; code++)
		*count += remap[code];
	entries = malloc((*count + 1) * sizeof *entries);
	if (entries == NULL)
		return NULL;
	*count = 0;
	for (uint32_t code = 0; code < remap_count; code++) {
		if (remap[code] != 0)
			entries[(*count)++] =
			    (struct entry){dictionary_entry(dictionary, code), code};
	}
	qsort(entries, *count, sizeof *entries, compare_entries);
	for (uint32_t i = 0; i < *count; i++)
		remap[entries[i].source_code] = i;
	return entries;
}

static int
put_strings(struct writer *writer, uint32_t column_index, const struct store_column *column,
	    size_t dictionary_at)
{
	uint32_t *remap = NULL, remap_count = 0, count = 0;
	struct dictionary dictionary = {0, NULL};
	struct entry *entries = NULL;
	int result = mark_used(writer, column_index, &remap, &remap_count, &dictionary);

	if (result == 0 && remap != NULL) {
		entries = sort_entries(remap, remap_count, &dictionary, &count);
		result = entries == NULL ? out_of_memory(writer)
					 : put_dictionary(writer, entries, count,
							  writer->footer + dictionary_at);
	}
	for (uint64_t first = 0; result == 0 && first < writer->source->rows_count;
	     first += BLOCK_ROWS_MAX) {
		struct vector vector;
		uint32_t dense = 0;

		if ((result = read_block(writer, column_index, first, &vector)) != 0)
			break;
		if (!vector.all_null) {
			dense = vector.rows_count;
			for (uint32_t i = 0; i < dense; i++)
				writer->values[i] = remap[vector.codes[vector.constant ? 0 : i]];
		}
		result = put_chunk(writer, column, dense, NULL, vector.rows_count);
	}
	free(entries);
	free(remap);
	return result;
}

static int
put_column(struct writer *writer, uint32_t column_index)
{
	const struct segment_column *which = &writer->source->columns[column_index];
	const struct store_column *column = &writer->source->table->columns[which->column];
	size_t name_size = strlen(column->name), size, dictionary_at;
	unsigned char *at;

	size = SEGMENT_COLUMN_BYTES + name_size + which->key.size + SEGMENT_DICTIONARY_BYTES;
	if ((at = footer_add(writer, size)) == NULL)
		return STORE_ENOMEM;
	memset(at, 0, size);
	at[0] = (unsigned char)column->type;
	at[1] = column->bits;
	bytes_put32(at + 2, column->scale);
	bytes_put32(at + 6, column->flags);
	bytes_put16(at + 10, (uint16_t)name_size);
	bytes_put16(at + 12, (uint16_t)which->key.size);
	memcpy(at + SEGMENT_COLUMN_BYTES, column->name, name_size);
	if (which->key.size > 0)
		memcpy(at + SEGMENT_COLUMN_BYTES + name_size, which->key.bytes, which->key.size);
	dictionary_at = writer->footer_bytes - SEGMENT_DICTIONARY_BYTES;
	if (column->type == STORE_STRING || column->type == STORE_MAP)
		return put_strings(writer, column_index, column, dictionary_at);
	return put_numbers(writer, column_index, column);
}

static int
put_body(struct writer *writer)
{
	const struct segment_source *source = writer->source;
	uint32_t blocks = (uint32_t)((source->rows_count + BLOCK_ROWS_MAX - 1) / BLOCK_ROWS_MAX);
	unsigned char *at;
	int result;

	assert(blocks >= 1 && blocks <= SEGMENT_BLOCKS_MAX);
	assert(source->columns_count >= 1 && source->columns_count <= SEGMENT_COLUMNS_MAX);
	if ((result = put(writer, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES)) != 0)
		return result;
	if ((at = footer_add(writer, SEGMENT_HEAD_BYTES + (size_t)blocks * 4)) == NULL)
		return STORE_ENOMEM;
	memset(at, 0, SEGMENT_HEAD_BYTES);
	for (uint32_t i = 0; i < blocks; i++) {
		uint64_t left = source->rows_count - (uint64_t)i * BLOCK_ROWS_MAX;

		bytes_put32(at + SEGMENT_HEAD_BYTES + (size_t)i * 4,
			    left < BLOCK_ROWS_MAX ? (uint32_t)left : BLOCK_ROWS_MAX);
	}
	for (uint32_t i = 0; result == 0 && i < source->columns_count; i++)
		result = put_column(writer, i);
	at = writer->footer; /* it may have moved */
	bytes_put32(at, source->columns_count);
	bytes_put32(at + 4, blocks);
	bytes_put64(at + 8, source->rows_count);
	bytes_put64(at + 16, (uint64_t)writer->time_min);
	bytes_put64(at + 24, (uint64_t)writer->time_max);
	return result;
}

static int
put_footer(struct writer *writer, struct segment_summary *summary)
{
	unsigned char tail[SEGMENT_TAIL_BYTES];
	int result;

	summary->footer_checksum = XXH3_64bits(writer->footer, writer->footer_bytes);
	bytes_put32(tail, (uint32_t)writer->footer_bytes);
	bytes_put32(tail + 4, SEGMENT_VERSION);
	bytes_put64(tail + 8, summary->footer_checksum);
	memcpy(tail + 16, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES);
	if ((result = put(writer, writer->footer, writer->footer_bytes)) != 0 ||
	    (result = put(writer, tail, sizeof tail)) != 0)
		return result;
	summary->rows_count = writer->source->rows_count;
	summary->file_bytes = writer->offset;
	summary->time_min = writer->time_min;
	summary->time_max = writer->time_max;
	return 0;
}

int
segment_write(struct io *io, const char *directory, const char *name,
	      const struct segment_source *source, struct segment_summary *summary,
	      struct store_error *error)
{
	struct writer writer = {.io = io,
				.source = source,
				.error = error,
				.time_min = INT64_MAX,
				.time_max = INT64_MIN};
	char path[PATH_MAX];
	int result;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path - 4)
		return store_error_set(error, STORE_EINVAL, "path too long: %s", directory);
	snprintf(writer.path, sizeof writer.path, "%.*s.tmp", PATH_MAX - 5, path);
	writer.fd = io->open(io, writer.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (writer.fd < 0)
		return io_failed(&writer, "create", writer.fd);
	writer.values = malloc(BLOCK_ROWS_MAX * sizeof *writer.values);
	writer.scratch = malloc(BLOCK_ROWS_MAX * sizeof *writer.scratch);
	result = writer.values == NULL || writer.scratch == NULL ? out_of_memory(&writer)
								 : put_body(&writer);
	if (result == 0)
		result = put_footer(&writer, summary);
	if (result == 0) {
		int failed = io->sync(io, writer.fd);

		result = failed == 0 ? 0 : io_failed(&writer, "sync", failed);
	}
	io->close(io, writer.fd);
	if (result == 0) {
		int failed = io->rename(io, writer.path, path);

		if (failed == 0 && (failed = io->sync_directory(io, directory)) != 0)
			io->unlink(io, path);
		result = failed == 0 ? 0 : io_failed(&writer, "publish", failed);
	}
	if (result != 0)
		io->unlink(io, writer.path);
	free(writer.values);
	free(writer.scratch);
	free(writer.raw);
	free(writer.packed);
	free(writer.footer);
	return result;
}
