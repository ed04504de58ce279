/*
 * Columns of an open segment, decoded block by block for queries, lookups and
 * merges. Between segment_open.c and the codecs. Any byte may be wrong:
 * corruption is STORE_ECORRUPT with file and offset, never a crash, even where
 * the checksum is right.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_file.h"

static int
no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ELIMIT, "memory limit reached");
}

/* ---- dictionaries --------------------------------------------------------- */

static uint32_t
length_at(const unsigned char *lengths, uint32_t length_bytes, uint32_t i)
{
	const unsigned char *at = lengths + (size_t)i * length_bytes;

	return length_bytes == 1 ? at[0] : length_bytes == 2 ? bytes_get16(at) : bytes_get32(at);
}

static bool
ascends(struct store_str a, struct store_str b)
{
	uint32_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.bytes, b.bytes, size);

	return order < 0 || (order == 0 && a.size < b.size);
}

/* Cuts raw[raw_bytes] into strings->entries[count]; false when malformed. */
static bool
cut_entries(struct segment_strings *strings, const unsigned char *raw)
{
	uint32_t length_bytes = raw[0];
	uint64_t at = 1 + (uint64_t)strings->count * length_bytes;

	if ((length_bytes != 1 && length_bytes != 2 && length_bytes != 4) ||
	    at > strings->raw_bytes)
		return false;
	for (uint32_t i = 0; i < strings->count; i++) {
		uint32_t size = length_at(raw + 1, length_bytes, i);

		if (size > strings->raw_bytes - at)
			return false;
		strings->entries[i] = (struct store_str){(const char *)raw + at, size};
		if (i > 0 && !ascends(strings->entries[i - 1], strings->entries[i]))
			return false;
		at += size;
	}
	return at == strings->raw_bytes;
}

/* segment->mutex is held. */
static int
build_strings(struct segment *segment, struct segment_strings *strings, struct store_error *error)
{
	const unsigned char *stored = segment->bytes + strings->offset, *raw = stored;
	uint32_t chunks = (strings->count + DICTIONARY_CHUNK_SIZE - 1) / DICTIONARY_CHUNK_SIZE;

	if (XXH3_64bits(stored, strings->stored_bytes) != strings->checksum)
		return segment_corrupt(segment, strings->offset, error,
				       "dictionary's checksum does not match");
	strings->entries = calloc(strings->count, sizeof *strings->entries);
	strings->chunks = calloc(chunks, sizeof *strings->chunks);
	if (strings->flags & SEGMENT_DICTIONARY_LZ4)
		raw = strings->raw = malloc(strings->raw_bytes);
	if (strings->entries == NULL || strings->chunks == NULL || raw == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory reading %s",
				       segment->path);
	if (strings->raw != NULL &&
	    codec_decompress(stored, strings->stored_bytes, strings->raw, strings->raw_bytes) != 0)
		return segment_corrupt(segment, strings->offset, error,
				       "malformed LZ4 data of a dictionary");
	if (!cut_entries(strings, raw))
		return segment_corrupt(segment, strings->offset, error, "malformed dictionary");
	for (uint32_t i = 0; i < chunks; i++)
		strings->chunks[i] = strings->entries + (size_t)i * DICTIONARY_CHUNK_SIZE;
	strings->dictionary = (struct dictionary){strings->count, strings->chunks};
	return 0;
}

int
segment_load_strings(struct segment *segment, struct segment_file_column *column,
		     struct store_error *error)
{
	struct segment_strings *strings = &column->strings;
	int result = 0;

	if (strings->count == 0 || atomic_load_explicit(&strings->loaded, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&segment->mutex);
	if (!atomic_load_explicit(&strings->loaded, memory_order_relaxed)) {
		if ((result = build_strings(segment, strings, error)) == 0) {
			atomic_store_explicit(&strings->loaded, true, memory_order_release);
		} else {
			free(strings->raw);
			free(strings->entries);
			free(strings->chunks);
			strings->raw = NULL;
			strings->entries = NULL;
			strings->chunks = NULL;
		}
	}
	pthread_mutex_unlock(&segment->mutex);
	return result;
}

/* ---- chunks ---------------------------------------------------------------- */

/* What reading one chunk needs at every step. */
struct read {
	struct segment *segment;
	struct segment_file_column *column;
	struct segment_chunk *chunk;
	uint32_t rows, count; /* count: values stored, fewer than rows when dense */
	bool nullable;
	struct store_arena *arena;
	struct vector *out;
	struct store_error *error;
};

static int
malformed(const struct read *read, const char *what)
{
	return segment_corrupt(read->segment, read->chunk->offset, read->error, what);
}

/* Stored bytes are hashed when first read; decoding checks all else. */
static int
check_bytes(const struct read *read)
{
	struct segment_chunk *chunk = read->chunk;
	size_t size = (size_t)chunk->nulls_bytes + chunk->values_bytes;

	if (atomic_load_explicit(&chunk->checked, memory_order_relaxed))
		return 0;
	if (XXH3_64bits(read->segment->bytes + chunk->offset, size) != chunk->checksum)
		return malformed(read, "chunk's checksum does not match");
	atomic_store_explicit(&chunk->checked, true, memory_order_relaxed);
	return 0;
}

static int
read_nulls(const struct read *read)
{
	const struct segment_chunk *chunk = read->chunk;
	const unsigned char *stored = read->segment->bytes + chunk->offset;
	uint32_t words = bitmap_words(read->rows), beyond = read->rows % 64, found = 0;
	uint64_t *nulls = store_arena_zalloc(read->arena, (size_t)words * sizeof *nulls);

	if (nulls == NULL)
		return no_memory(read->error);
	/* Bit i of the bitmap's bytes is bit i of little-endian words. */
	if (!(chunk->flags & SEGMENT_CHUNK_NULLS_LZ4))
		memcpy(nulls, stored, chunk->nulls_bytes);
	else if (codec_decompress(stored, chunk->nulls_bytes, (unsigned char *)nulls,
				  segment_nulls_bytes(read->rows)) != 0)
		return malformed(read, "malformed LZ4 data of a null bitmap");
	for (uint32_t i = 0; i < words; i++)
		found += (uint32_t)__builtin_popcountll(nulls[i]);
	if (found != chunk->null_count || (beyond != 0 && nulls[words - 1] >> beyond != 0))
		return malformed(read, "malformed null bitmap");
	read->out->nulls = nulls;
	return 0;
}

/* The encoded values, inflated; NULL after setting the error. */
static const unsigned char *
encoded_values(const struct read *read, int *result)
{
	const struct segment_chunk *chunk = read->chunk;
	const unsigned char *stored = read->segment->bytes + chunk->offset + chunk->nulls_bytes;
	unsigned char *raw;

	*result = 0;
	if (!(chunk->flags & SEGMENT_CHUNK_VALUES_LZ4))
		return stored;
	if ((raw = store_arena_alloc(read->arena, chunk->values_raw_bytes)) == NULL) {
		*result = no_memory(read->error);
		return NULL;
	}
	if (codec_decompress(stored, chunk->values_bytes, raw, chunk->values_raw_bytes) != 0) {
		*result = malformed(read, "malformed LZ4 data of a chunk");
		return NULL;
	}
	return raw;
}

/* Random ids without NULLs are used as they lie in the mapping. */
static bool
is_in_place(const struct read *read, const unsigned char *encoded)
{
	return read->chunk->codec == CODEC_RAW && read->out->nulls == NULL &&
	       read->chunk->values_raw_bytes == (size_t)read->rows * sizeof(int64_t) &&
	       (uintptr_t)encoded % _Alignof(int64_t) == 0;
}

static int
read_numbers(const struct read *read)
{
	const uint64_t *nulls = read->out->nulls;
	const struct segment_chunk *chunk = read->chunk;
	size_t size = (size_t)read->rows * sizeof(int64_t);
	int64_t *values, *scratch = NULL;
	int result;
	const unsigned char *encoded = encoded_values(read, &result);

	if (encoded == NULL)
		return result;
	if (is_in_place(read, encoded)) {
		read->out->values = (const int64_t *)(const void *)encoded;
		return 0;
	}
	values = store_arena_alloc(read->arena, size);
	if (chunk->codec == CODEC_DISTINCT)
		scratch = store_arena_alloc(read->arena, size);
	if (values == NULL || (chunk->codec == CODEC_DISTINCT && scratch == NULL))
		return no_memory(read->error);
	if (chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < read->rows; i++)
			values[i] = chunk->min;
	} else if (codec_decode((enum codec)chunk->codec, encoded, chunk->values_raw_bytes,
				read->count, scratch, values) != 0) {
		return malformed(read, "malformed chunk");
	}
	/* Dense values move to their rows, from the back, NULL rows taking a
	 * neighbour's, for lack of branches; read_nulls() has made sure that their
	 * number fits the bitmap. */
	for (uint32_t row = read->rows, left = read->count; row-- > 0 && left <= row;) {
		left -= !bitmap_get(nulls, row);
		values[row] = values[left];
	}
	for (uint32_t row = 0; nulls != NULL && !read->nullable && row < read->rows; row++)
		values[row] = bitmap_get(nulls, row) ? 0 : values[row];
	read->out->values = values;
	return 0;
}

CODEC_CLONES static uint32_t
highest_code(const uint32_t *codes, uint32_t count)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = codes[i] > highest ? codes[i] : highest;
	return highest;
}

static int
read_codes(const struct read *read)
{
	const struct dictionary *dictionary = &read->column->strings.dictionary;
	const uint64_t *nulls = read->out->nulls;
	const struct segment_chunk *chunk = read->chunk;
	uint32_t *codes = store_arena_alloc(read->arena, (size_t)read->rows * sizeof *codes);
	int result;
	const unsigned char *encoded = encoded_values(read, &result);

	if (encoded == NULL)
		return result;
	if (codes == NULL)
		return no_memory(read->error);
	if (chunk->codec == CODEC_CONSTANT) {
		for (uint32_t i = 0; i < read->count; i++)
			codes[i] = (uint32_t)chunk->min;
	} else if (codec_decode_codes((enum codec)chunk->codec, encoded, chunk->values_raw_bytes,
				      read->count, codes) != 0) {
		return malformed(read, "malformed chunk");
	}
	if (highest_code(codes, read->count) >= dictionary->count)
		return malformed(read, "code beyond the dictionary");
	read->out->codes = codes;
	read->out->dictionary = dictionary;
	if (nulls == NULL)
		return 0;
	/* NULL rows have the code of '', which sorts first. */
	if (dictionary_entry(dictionary, 0).size != 0)
		return malformed(read, "dictionary lacks the empty string");
	for (uint32_t row = read->rows, left = read->count; row-- > 0 && left <= row;)
		codes[row] = bitmap_get(nulls, row) ? 0 : codes[--left];
	for (uint32_t row = 0; row < read->rows; row++)
		codes[row] = bitmap_get(nulls, row) ? 0 : codes[row];
	return 0;
}

int
segment_read_column(struct segment *segment, struct segment_file_column *column, uint32_t block,
		    bool nullable, struct store_arena *arena, struct vector *out,
		    struct store_error *error)
{
	struct segment_chunk *chunk = &column->chunks[block];
	struct read read = {.segment = segment,
			    .column = column,
			    .chunk = chunk,
			    .rows = segment->block_rows[block],
			    .nullable = nullable,
			    .arena = arena,
			    .out = out,
			    .error = error};
	int result;

	memset(out, 0, sizeof *out);
	out->rows_count = read.rows;
	if (chunk->codec == CODEC_ABSENT) {
		out->all_null = true;
		return 0;
	}
	if ((result = check_bytes(&read)) != 0 ||
	    (chunk->null_count != 0 && (result = read_nulls(&read)) != 0))
		return result;
	out->constant = chunk->codec == CODEC_CONSTANT && chunk->null_count == 0;
	if (out->constant)
		read.rows = 1;
	read.count = read.rows - (chunk->flags & SEGMENT_CHUNK_DENSE ? chunk->null_count : 0);
	if (!segment_is_string(column->type))
		result = read_numbers(&read);
	else if ((result = segment_load_strings(segment, column, error)) == 0)
		result = read_codes(&read);
	if (!nullable)
		out->nulls = NULL;
	return result;
}

/* ---- the public side --------------------------------------------------------- */

static struct segment_file_column *
find_column(const struct segment *segment, uint16_t column, struct store_str key)
{
	uint32_t low = 0, high = segment->known_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct segment_column *known = &segment->known[middle];
		uint32_t size = known->key.size < key.size ? known->key.size : key.size;
		int order = (known->column > column) - (known->column < column);

		if (order == 0 && size > 0)
			order = memcmp(known->key.bytes, key.bytes, size);
		if (order == 0)
			order = (known->key.size > key.size) - (known->key.size < key.size);
		if (order == 0)
			return segment->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
segment_range(const struct segment *segment, uint32_t block, uint16_t column, int64_t *min,
	      int64_t *max)
{
	const struct store_column *schema = &segment->table->columns[column];
	const struct segment_file_column *found =
	    find_column(segment, column, (struct store_str){NULL, 0});
	const struct segment_chunk *chunk = found == NULL ? NULL : &found->chunks[block];
	bool nullable = schema->flags & STORE_NULLABLE;

	assert(block < segment->blocks_count);
	if (segment_is_string(schema->type) || !segment_is_ordered(schema->type, schema->scale))
		return false;
	if (chunk == NULL || chunk->codec == CODEC_ABSENT) {
		*min = *max = 0;
		return !nullable;
	}
	*min = chunk->min;
	*max = chunk->max;
	if (chunk->null_count != 0 && !nullable) { /* they read as 0 */
		*min = segment_less(schema->type, 0, *min) ? 0 : *min;
		*max = segment_less(schema->type, *max, 0) ? 0 : *max;
	}
	return true;
}

uint64_t
segment_column_bytes(const struct segment *segment, uint32_t block, uint16_t column,
		     struct store_str key)
{
	const struct segment_file_column *found = find_column(segment, column, key);

	assert(block < segment->blocks_count);
	return found == NULL
		   ? 0
		   : (uint64_t)found->chunks[block].nulls_bytes + found->chunks[block].values_bytes;
}

int
segment_read(const struct segment *segment, uint32_t block, uint16_t column, struct store_str key,
	     struct store_arena *arena, struct vector *out, struct store_error *error)
{
	struct segment_file_column *found = find_column(segment, column, key);

	assert(block < segment->blocks_count);
	if (found == NULL) {
		*out = (struct vector){.rows_count = segment->block_rows[block], .all_null = true};
		return 0;
	}
	/* Only what is loaded once changes, under its mutex or atomically. */
	return segment_read_column((struct segment *)(uintptr_t)segment, found, block,
				   segment->table->columns[column].flags & STORE_NULLABLE, arena,
				   out, error);
}

int
segment_dictionary(const struct segment *segment, uint16_t column, struct store_str key,
		   const struct dictionary **out, struct store_error *error)
{
	struct segment_file_column *found = find_column(segment, column, key);
	int result;

	*out = NULL;
	if (found == NULL || found->strings.count == 0)
		return 0;
	result = segment_load_strings((struct segment *)(uintptr_t)segment, found, error);
	if (result == 0)
		*out = &found->strings.dictionary;
	return result;
}

bool
segment_has_unknown_columns(const struct segment *segment)
{
	return segment->known_count != segment->columns_count;
}
