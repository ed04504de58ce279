/*
 * Dictionaries of an open segment: from the file's bytes to strings. Between
 * segment_open.c and segment_read.c. Any byte may be wrong. Must not take away
 * what a query may have seen.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_file.h"

static uint32_t
length_at(const unsigned char *lengths, uint32_t length_bytes, uint32_t i)
{
	const unsigned char *at = lengths + (size_t)i * length_bytes;

	return length_bytes == 1 ? at[0] : length_bytes == 2 ? bytes_get16(at) : bytes_get32(at);
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
		if (i > 0 && string_compare(strings->entries[i - 1], strings->entries[i]) >= 0)
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

	segment_want_bytes(segment, strings->offset, strings->stored_bytes);
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

static void
free_strings(struct segment_strings *strings)
{
	free(strings->raw);
	free(strings->entries);
	free(strings->chunks);
	strings->raw = NULL;
	strings->entries = NULL;
	strings->chunks = NULL;
}

/* segment->mutex is held. */
static int
need_strings(struct segment *segment, struct segment_strings *strings, struct store_error *error)
{
	int result = strings->entries != NULL ? 0 : build_strings(segment, strings, error);

	if (result != 0)
		free_strings(strings);
	return result;
}

int
segment_load_strings(struct segment *segment, struct segment_file_column *column,
		     struct store_error *error)
{
	struct segment_strings *strings = &column->strings;
	int result;

	if (strings->count == 0 || atomic_load_explicit(&strings->kept, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&segment->mutex);
	if ((result = need_strings(segment, strings, error)) == 0)
		atomic_store_explicit(&strings->kept, true, memory_order_release);
	pthread_mutex_unlock(&segment->mutex);
	return result;
}

int
segment_hold_strings(struct segment *segment, struct segment_file_column *column,
		     struct store_error *error)
{
	struct segment_strings *strings = &column->strings;
	int result;

	if (strings->count == 0)
		return 0;
	pthread_mutex_lock(&segment->mutex);
	if ((result = need_strings(segment, strings, error)) == 0)
		strings->holders++;
	pthread_mutex_unlock(&segment->mutex);
	return result;
}

void
segment_release_strings(struct segment *segment, struct segment_file_column *column)
{
	struct segment_strings *strings = &column->strings;

	if (strings->count == 0)
		return;
	pthread_mutex_lock(&segment->mutex);
	assert(strings->holders > 0);
	if (--strings->holders == 0 && !atomic_load_explicit(&strings->kept, memory_order_relaxed))
		free_strings(strings);
	pthread_mutex_unlock(&segment->mutex);
}
