/*
 * A string column of a new segment: its dictionary of the entries that occur,
 * sorted, then the blocks' codes translated to it, which depend on all entries:
 * a column of many rows is read twice, unless its source tells the entries. Must hold no more of it
 * than KEPT_ROWS_MAX codes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "segment_writer.h"

struct entry {
	struct store_str string;
	uint32_t source_code;
};

/* A string column's way from the source's codes to the segment's. */
struct strings {
	/* What is to be written, if the source knows; then the next three are NULL. */
	const struct dictionary *settled;
	struct dictionary source; /* as of the first block that has values */
	uint32_t *codes;          /* owned: [source.count]; first 0 or 1 (used) */
	struct entry *entries;    /* owned: used ones, ascending, distinct */
	uint32_t entries_count;
	bool nulls; /* some rows are NULL: they get the code of '' */
	bool gaps;  /* NULL rows and blocks without a value */
	/* owned: [rows_count] the source's codes, SOURCE_NONE of NULL rows; NULL
	 * when there are more than KEPT_ROWS_MAX. */
	uint32_t *kept;
};

#define SOURCE_NONE UINT32_MAX
#define KEPT_ROWS_MAX (1u << 20)
/* What LZ4 must save of a dictionary, which is inflated once. */
#define DICTIONARY_GAIN_PERCENT 10u

static int
compare_entries(const void *a, const void *b)
{
	return string_compare(((const struct entry *)a)->string, ((const struct entry *)b)->string);
}

/* The codes of a block's rows as `kept` has them. */
static void
keep_codes(const struct vector *vector, uint32_t *kept)
{
	if (vector->all_null || vector->constant) {
		for (uint32_t i = 0; i < vector->rows_count; i++)
			kept[i] = vector->all_null ? SOURCE_NONE : vector->codes[0];
		return;
	}
	memcpy(kept, vector->codes, vector->rows_count * sizeof *kept);
	for (uint32_t i = 0; vector->nulls != NULL && i < vector->rows_count; i++)
		kept[i] = bitmap_get(vector->nulls, i) ? SOURCE_NONE : kept[i];
}

/* All rows have a value. */
static void
mark_codes(const uint32_t *codes, uint32_t count, const struct dictionary *source, uint32_t *used)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < count; i++)
		highest = codes[i] > highest ? codes[i] : highest;
	assert(highest < source->count);
	for (uint32_t i = 0; i < count; i++)
		used[codes[i]] = 1;
}

static int
mark_block(struct segment_writer *writer, const struct vector *vector, struct strings *strings)
{
	strings->gaps = strings->gaps || vector->all_null || vector->nulls != NULL;
	if (vector->all_null)
		return 0;
	if (strings->codes == NULL) {
		strings->source = *vector->dictionary;
		strings->codes = calloc((size_t)strings->source.count + 1, sizeof *strings->codes);
		if (strings->codes == NULL)
			return segment_writer_out_of_memory(writer);
	}
	assert(vector->dictionary->chunks == strings->source.chunks);
	if (vector->nulls == NULL && !vector->constant) {
		mark_codes(vector->codes, vector->rows_count, &strings->source, strings->codes);
		return 0;
	}
	for (uint32_t i = 0; i < (vector->constant ? 1 : vector->rows_count); i++) {
		assert(vector->codes[i] < strings->source.count);
		if (vector->nulls == NULL || !bitmap_get(vector->nulls, i))
			strings->codes[vector->codes[i]] = 1;
	}
	strings->nulls = strings->nulls || vector->nulls != NULL;
	return 0;
}

/* First pass over the column: which of the source's codes occur? */
static int
mark_used(struct segment_writer *writer, uint32_t column_index, struct strings *strings)
{
	uint64_t rows_count = writer->source->rows_count;

	if (rows_count <= KEPT_ROWS_MAX &&
	    (strings->kept = malloc((rows_count + 1) * sizeof *strings->kept)) == NULL)
		return segment_writer_out_of_memory(writer);
	for (uint64_t first = 0; first < rows_count; first += BLOCK_ROWS_MAX) {
		struct vector vector;
		int result = segment_writer_read(writer, column_index, first, &vector);

		if (result == 0)
			result = mark_block(writer, &vector, strings);
		if (result != 0)
			return result;
		if (strings->kept != NULL)
			keep_codes(&vector, strings->kept + first);
	}
	return 0;
}

/* A merge's are. */
static bool
is_sorted(const struct entry *entries, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		if (compare_entries(&entries[i - 1], &entries[i]) > 0)
			return false;
	}
	return true;
}

/* Between the passes: the used entries in order, codes[] from old to new. */
static int
sort_entries(struct segment_writer *writer, struct strings *strings)
{
	uint32_t used = 1, found = 0; /* one more for '' */

	for (uint32_t code = 0; code < strings->source.count; code++)
		used += strings->codes[code];
	if ((strings->entries = malloc(used * sizeof *strings->entries)) == NULL)
		return segment_writer_out_of_memory(writer);
	if (strings->nulls)
		strings->entries[found++] = (struct entry){{"", 0}, SOURCE_NONE};
	for (uint32_t code = 0; code < strings->source.count; code++) {
		if (strings->codes[code] != 0)
			strings->entries[found++] =
			    (struct entry){dictionary_entry(&strings->source, code), code};
	}
	if (!is_sorted(strings->entries, found))
		qsort(strings->entries, found, sizeof *strings->entries, compare_entries);
	for (uint32_t i = 0; i < found; i++) {
		uint32_t *count = &strings->entries_count;

		if (*count == 0 ||
		    compare_entries(&strings->entries[*count - 1], &strings->entries[i]) != 0)
			strings->entries[(*count)++] = strings->entries[i];
		if (strings->entries[i].source_code != SOURCE_NONE)
			strings->codes[strings->entries[i].source_code] = *count - 1;
	}
	return 0;
}

static struct store_str
entry_of(const struct strings *strings, uint32_t code)
{
	return strings->settled != NULL ? dictionary_entry(strings->settled, code)
					: strings->entries[code].string;
}

/* Lengths, then bytes; NULL after setting the error. Owned by the caller. */
static unsigned char *
pack_entries(struct segment_writer *writer, const struct strings *strings, size_t *size)
{
	uint32_t count = strings->entries_count, longest = 0, length_bytes;
	unsigned char *raw, *at;
	size_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = entry_of(strings, i).size;

		bytes += length;
		longest = length > longest ? length : longest;
	}
	length_bytes = longest <= UINT8_MAX ? 1 : longest <= UINT16_MAX ? 2 : 4;
	*size = 1 + (size_t)count * length_bytes + bytes;
	if (*size > SEGMENT_DICTIONARY_RAW_BYTES_MAX) {
		store_error_set(writer->error, STORE_ENOMEM,
				"%s: a dictionary of %zu bytes is over the limit of %u",
				writer->path, *size, SEGMENT_DICTIONARY_RAW_BYTES_MAX);
		return NULL;
	}
	if ((raw = malloc(*size)) == NULL) {
		segment_writer_out_of_memory(writer);
		return NULL;
	}
	raw[0] = (unsigned char)length_bytes;
	at = raw + 1 + (size_t)count * length_bytes;
	for (uint32_t i = 0; i < count; i++) {
		struct store_str string = entry_of(strings, i);

		for (uint32_t byte = 0; byte < length_bytes; byte++)
			raw[1 + (size_t)i * length_bytes + byte] =
			    (unsigned char)(string.size >> (8 * byte));
		if (string.size > 0)
			memcpy(at, string.bytes, string.size);
		at += string.size;
	}
	return raw;
}

/* The section, and its entry at footer offset `at`. */
static int
put_dictionary(struct segment_writer *writer, const struct strings *strings, size_t at)
{
	unsigned char *raw = NULL, *packed = NULL, *entry;
	size_t raw_size = 0, size;
	int result = STORE_ENOMEM;

	if ((raw = pack_entries(writer, strings, &raw_size)) == NULL)
		goto done;
	if ((packed = malloc(codec_compress_bound(raw_size))) == NULL) {
		segment_writer_out_of_memory(writer);
		goto done;
	}
	size = codec_compress(raw, raw_size, DICTIONARY_GAIN_PERCENT, writer->source->thorough,
			      packed);
	entry = writer->footer + at;
	entry[0] = size != 0 ? SEGMENT_DICTIONARY_LZ4 : 0;
	if (size == 0)
		size = raw_size;
	bytes_put32(entry + 1, strings->entries_count);
	bytes_put32(entry + 5, (uint32_t)size);
	bytes_put32(entry + 9, (uint32_t)raw_size);
	bytes_put64(entry + 13, XXH3_64bits(size < raw_size ? packed : raw, size));
	result = segment_writer_section(writer, size < raw_size ? packed : raw, size);
done:
	free(raw);
	free(packed);
	return result;
}

/* A block that was kept, as if it were read: rows, NULLs and, in
 * writer->values, the translated codes. */
static void
recall_block(struct segment_writer *writer, uint64_t first, const struct strings *strings,
	     uint64_t *nulls, struct vector *vector)
{
	const uint32_t *kept = strings->kept + first;
	uint32_t rows = segment_writer_rows(writer, first), present = 0;

	*vector = (struct vector){.rows_count = rows, .all_null = strings->codes == NULL};
	if (vector->all_null)
		return;
	if (!strings->gaps) {
		for (uint32_t i = 0; i < rows; i++)
			writer->values[i] = strings->codes[kept[i]];
		return;
	}
	for (uint32_t at = 0; at < rows; at += 64) {
		uint64_t word = 0;

		for (uint32_t i = at; i < at + 64 && i < rows; i++) {
			bool null = kept[i] == SOURCE_NONE;

			word |= (uint64_t)null << (i - at);
			present += !null;
			writer->values[i] = null ? 0 : strings->codes[kept[i]];
		}
		nulls[at / 64] = word;
	}
	vector->all_null = present == 0;
	vector->nulls = strings->nulls && present > 0 ? nulls : NULL;
}

static int
read_block(struct segment_writer *writer, uint32_t column_index, uint64_t first,
	   const struct strings *strings, struct vector *vector)
{
	int result = segment_writer_read(writer, column_index, first, vector);

	for (uint32_t i = 0; result == 0 && !vector->all_null && i < vector->rows_count; i++) {
		uint32_t code = vector->codes[vector->constant ? 0 : i];
		bool null = vector->nulls != NULL && bitmap_get(vector->nulls, i);

		assert(code < strings->source.count);
		writer->values[i] = null ? 0 : strings->codes[code];
	}
	return result;
}

static int
read_settled(struct segment_writer *writer, uint32_t column_index, uint64_t first,
	     const struct strings *strings, struct vector *vector)
{
	int result = segment_writer_read(writer, column_index, first, vector);
	uint32_t highest = 0;

	if (result != 0 || vector->all_null)
		return result;
	for (uint32_t i = 0; i < vector->rows_count; i++) {
		uint32_t code = vector->codes[vector->constant ? 0 : i];

		highest = code > highest ? code : highest;
		writer->values[i] = code;
	}
	assert(highest < strings->entries_count);
	return 0;
}

/* The blocks' codes, translated: for most sources a second pass. */
static int
put_codes(struct segment_writer *writer, uint32_t column_index, const struct store_column *column,
	  const struct strings *strings)
{
	struct segment_absence absence = {!(column->flags & STORE_NULLABLE), 0};
	uint64_t nulls[BLOCK_ROWS_MAX / 64] __attribute__((uninitialized));

	/* '' sorts first, so its code is 0 or it does not occur. */
	if (strings->entries_count == 0 || entry_of(strings, 0).size != 0)
		absence.possible = false;
	for (uint64_t first = 0; first < writer->source->rows_count; first += BLOCK_ROWS_MAX) {
		struct vector vector;
		int result = 0;

		if (strings->kept != NULL)
			recall_block(writer, first, strings, nulls, &vector);
		else if (strings->settled != NULL)
			result = read_settled(writer, column_index, first, strings, &vector);
		else
			result = read_block(writer, column_index, first, strings, &vector);
		if (result == 0)
			result = segment_writer_block(writer, column, &vector, absence);
		if (result != 0)
			return result;
	}
	return 0;
}

/* What the source's dictionary tells, else what its rows do. */
static int
find_entries(struct segment_writer *writer, uint32_t column_index, struct strings *strings)
{
	const struct segment_source *source = writer->source;
	int result = 0;

	if (source->dictionary != NULL)
		result = source->dictionary(source->context, column_index, &strings->settled,
					    writer->error);
	if (result != 0)
		return result;
	if (strings->settled != NULL) {
		strings->entries_count = strings->settled->count;
		return 0;
	}
	result = mark_used(writer, column_index, strings);
	return result == 0 && strings->codes != NULL ? sort_entries(writer, strings) : result;
}

int
segment_write_strings(struct segment_writer *writer, uint32_t column_index,
		      const struct store_column *column)
{
	size_t dictionary_at = writer->footer_bytes;
	struct strings strings = {0};
	int result;

	if (segment_writer_footer(writer, SEGMENT_DICTIONARY_BYTES) == NULL)
		return STORE_ENOMEM;
	result = find_entries(writer, column_index, &strings);
	if (result == 0 && strings.entries_count > 0)
		result = put_dictionary(writer, &strings, dictionary_at);
	if (result == 0)
		result = put_codes(writer, column_index, column, &strings);
	free(strings.codes);
	free(strings.kept);
	free(strings.entries);
	return result;
}
