/*
 * Reads a segment's footer, front to back: rows, columns, where their chunks and
 * dictionaries lie; finds the table's columns by name. Any byte may be wrong: every
 * length is compared with what is there before it is used. Must not touch chunks and
 * dictionaries; they are checked when first read.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "segment_file.h"

static int
out_of_memory(const struct segment *segment, struct store_error *error)
{
	return store_error_set(error, STORE_ENOMEM, "out of memory opening %s", segment->path);
}

struct parser {
	struct segment *segment;
	struct store_error *error;
	uint64_t at, end;    /* offsets in the file: of the footer's rest */
	uint64_t section_at; /* where the next section begins, if not empty */
};

static int
malformed(const struct parser *parser, const char *what)
{
	return segment_corrupt(parser->segment, parser->at, parser->error, what);
}

static const unsigned char *
take(struct parser *parser, size_t size)
{
	const unsigned char *at = parser->segment->bytes + parser->at;

	if (size > parser->end - parser->at)
		return NULL;
	parser->at += size;
	return at;
}

/* The next section's offset; 0 when `size` bytes do not fit before the
 * footer. */
static uint64_t
take_section(struct parser *parser, uint64_t size)
{
	uint64_t offset = segment_aligned(parser->section_at);

	if (offset > parser->segment->footer_at || size > parser->segment->footer_at - offset)
		return 0;
	parser->section_at = offset + size;
	return offset;
}

static bool
is_chunk_sound(const struct segment_chunk *chunk, uint32_t rows)
{
	uint32_t bitmap_bytes = segment_nulls_bytes(rows);
	bool constant = chunk->codec == CODEC_CONSTANT;

	if (chunk->codec > CODEC_LAST || (chunk->flags & ~SEGMENT_CHUNK_FLAGS) != 0 ||
	    chunk->null_count >= rows || (chunk->null_count == 0) != (chunk->nulls_bytes == 0))
		return false;
	if (chunk->flags & SEGMENT_CHUNK_NULLS_LZ4
		? !codec_is_plausible(chunk->nulls_bytes, bitmap_bytes)
		: chunk->null_count != 0 && chunk->nulls_bytes != bitmap_bytes)
		return false;
	if ((chunk->flags & SEGMENT_CHUNK_DENSE) && (chunk->null_count == 0 || constant))
		return false;
	if (constant)
		return chunk->values_bytes == 0 && chunk->values_raw_bytes == 0 &&
		       !(chunk->flags & SEGMENT_CHUNK_VALUES_LZ4) && chunk->min == chunk->max;
	if (chunk->values_raw_bytes == 0 || chunk->values_raw_bytes > codec_bound(rows))
		return false;
	return chunk->flags & SEGMENT_CHUNK_VALUES_LZ4
		   ? codec_is_plausible(chunk->values_bytes, chunk->values_raw_bytes)
		   : chunk->values_bytes == chunk->values_raw_bytes;
}

static int
parse_chunk(struct parser *parser, const struct segment_file_column *column, uint32_t rows,
	    struct segment_chunk *chunk)
{
	const unsigned char *at = take(parser, SEGMENT_CHUNK_ABSENT_BYTES);

	if (at == NULL)
		return malformed(parser, "footer ends within a chunk");
	chunk->codec = at[0];
	if (chunk->codec == CODEC_ABSENT)
		return 0;
	at = take(parser, SEGMENT_CHUNK_BYTES - SEGMENT_CHUNK_ABSENT_BYTES);
	if (at == NULL)
		return malformed(parser, "footer ends within a chunk");
	chunk->flags = at[0];
	chunk->null_count = bytes_get32(at + 1);
	chunk->nulls_bytes = bytes_get32(at + 5);
	chunk->values_bytes = bytes_get32(at + 9);
	chunk->values_raw_bytes = bytes_get32(at + 13);
	chunk->checksum = bytes_get64(at + 17);
	chunk->min = (int64_t)bytes_get64(at + 25);
	chunk->max = (int64_t)bytes_get64(at + 33);
	if (!is_chunk_sound(chunk, rows) || segment_less(column->type, chunk->max, chunk->min))
		return malformed(parser, "malformed chunk entry");
	if (segment_is_string(column->type) &&
	    (chunk->min < 0 || chunk->max >= (int64_t)column->strings.count))
		return malformed(parser, "codes beyond the dictionary");
	chunk->offset = take_section(parser, (uint64_t)chunk->nulls_bytes + chunk->values_bytes);
	return chunk->offset == 0 ? malformed(parser, "chunk beyond the file") : 0;
}

static int
parse_dictionary(struct parser *parser, struct segment_strings *strings)
{
	const unsigned char *at = take(parser, SEGMENT_DICTIONARY_BYTES);

	if (at == NULL)
		return malformed(parser, "footer ends within a dictionary");
	strings->flags = at[0];
	strings->count = bytes_get32(at + 1);
	strings->stored_bytes = bytes_get32(at + 5);
	strings->raw_bytes = bytes_get32(at + 9);
	strings->checksum = bytes_get64(at + 13);
	if (strings->count == 0)
		return strings->flags == 0 && strings->stored_bytes == 0 &&
			       strings->raw_bytes == 0 && strings->checksum == 0
			   ? 0
			   : malformed(parser, "malformed dictionary entry");
	if ((strings->flags & ~SEGMENT_DICTIONARY_LZ4) != 0 ||
	    strings->raw_bytes > SEGMENT_DICTIONARY_RAW_BYTES_MAX ||
	    strings->count >= strings->raw_bytes || /* a length takes a byte or more */
	    (strings->flags & SEGMENT_DICTIONARY_LZ4
		 ? !codec_is_plausible(strings->stored_bytes, strings->raw_bytes)
		 : strings->stored_bytes != strings->raw_bytes))
		return malformed(parser, "malformed dictionary entry");
	strings->offset = take_section(parser, strings->stored_bytes);
	return strings->offset == 0 ? malformed(parser, "dictionary beyond the file") : 0;
}

/* Sets column->index. A column that has grown more bits is still the same. */
static int
find_in_table(struct parser *parser, struct segment_file_column *column)
{
	const struct store_table *table = parser->segment->table;

	column->index = -1;
	for (uint32_t i = 0; i < table->columns_count; i++) {
		const struct store_column *known = &table->columns[i];

		if (strlen(known->name) != column->name.size ||
		    memcmp(known->name, column->name.bytes, column->name.size) != 0)
			continue;
		if (known->type != column->type || known->bits < column->bits ||
		    known->scale != column->scale)
			return store_error_set(parser->error, STORE_ECORRUPT,
					       "%s: column %s has another type than in the schema "
					       "(type %d, %u bits, scale %u in the file)",
					       parser->segment->path, known->name, column->type,
					       column->bits, column->scale);
		column->index = (int32_t)i;
	}
	return 0;
}

static int
parse_column(struct parser *parser, struct segment_file_column *column)
{
	struct segment *segment = parser->segment;
	const unsigned char *at = take(parser, SEGMENT_COLUMN_BYTES), *name;
	uint32_t name_size, key_size;
	int result;

	if (at == NULL)
		return malformed(parser, "footer ends within a column");
	name_size = bytes_get16(at + 10);
	key_size = bytes_get16(at + 12);
	if (at[0] > STORE_MAP || (at[0] != STORE_MAP && key_size != 0))
		return malformed(parser, "malformed column entry");
	column->type = (enum store_type)at[0];
	column->bits = at[1];
	column->scale = bytes_get32(at + 2);
	column->flags = bytes_get32(at + 6);
	if ((name = take(parser, (size_t)name_size + key_size)) == NULL)
		return malformed(parser, "footer ends within a column's name");
	column->name = (struct store_str){(const char *)name, name_size};
	column->key = (struct store_str){(const char *)name + name_size, key_size};
	if ((result = find_in_table(parser, column)) != 0)
		return result;
	if (segment_is_string(column->type) &&
	    (result = parse_dictionary(parser, &column->strings)) != 0)
		return result;
	if (segment->blocks_count > parser->end - parser->at)
		return malformed(parser, "footer ends within a column");
	column->chunks = calloc((size_t)segment->blocks_count + 1, sizeof *column->chunks);
	if (column->chunks == NULL)
		return out_of_memory(segment, parser->error);
	for (uint32_t i = 0; result == 0 && i < segment->blocks_count; i++)
		result = parse_chunk(parser, column, segment->block_rows[i], &column->chunks[i]);
	return result;
}

static int
parse_head(struct parser *parser)
{
	struct segment *segment = parser->segment;
	const unsigned char *at = take(parser, SEGMENT_HEAD_BYTES);
	uint64_t rows = 0;

	if (at == NULL)
		return malformed(parser, "footer is cut short");
	segment->columns_count = bytes_get32(at);
	segment->blocks_count = bytes_get32(at + 4);
	segment->summary.rows_count = bytes_get64(at + 8);
	segment->summary.time_min = (int64_t)bytes_get64(at + 16);
	segment->summary.time_max = (int64_t)bytes_get64(at + 24);
	if (segment->blocks_count > SEGMENT_BLOCKS_MAX ||
	    segment->summary.time_min > segment->summary.time_max ||
	    (at = take(parser, (size_t)segment->blocks_count * 4)) == NULL ||
	    segment->columns_count > (parser->end - parser->at) / SEGMENT_COLUMN_BYTES)
		return malformed(parser, "malformed footer head");
	segment->block_rows =
	    calloc((size_t)segment->blocks_count + 1, sizeof *segment->block_rows);
	segment->columns = calloc((size_t)segment->columns_count + 1, sizeof *segment->columns);
	if (segment->block_rows == NULL || segment->columns == NULL)
		return out_of_memory(segment, parser->error);
	for (uint32_t i = 0; i < segment->blocks_count; i++) {
		segment->block_rows[i] = bytes_get32(at + (size_t)i * 4);
		if (segment->block_rows[i] == 0 || segment->block_rows[i] > BLOCK_ROWS_MAX)
			return malformed(parser, "malformed block size");
		rows += segment->block_rows[i];
	}
	return rows == segment->summary.rows_count ? 0 : malformed(parser, "rows do not add up");
}

/* ---- columns by number ---------------------------------------------------- */

static int
compare_columns(const void *a, const void *b)
{
	const struct segment_file_column *x = *(struct segment_file_column *const *)a;
	const struct segment_file_column *y = *(struct segment_file_column *const *)b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return string_compare(x->key, y->key);
}

static int
sort_columns(struct parser *parser)
{
	struct segment *segment = parser->segment;
	uint32_t count = 0;

	segment->sorted = calloc((size_t)segment->columns_count + 1, sizeof(void *));
	segment->known = calloc((size_t)segment->columns_count + 1, sizeof *segment->known);
	if (segment->sorted == NULL || segment->known == NULL)
		return out_of_memory(segment, parser->error);
	for (uint32_t i = 0; i < segment->columns_count; i++) {
		if (segment->columns[i].index >= 0)
			segment->sorted[count++] = &segment->columns[i];
	}
	qsort(segment->sorted, count, sizeof(void *), compare_columns);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && compare_columns(&segment->sorted[i - 1], &segment->sorted[i]) == 0)
			return malformed(parser, "a column occurs twice");
		segment->known[i] = (struct segment_column){(uint16_t)segment->sorted[i]->index,
							    segment->sorted[i]->key};
	}
	segment->known_count = count;
	return 0;
}

int
segment_parse_footer(struct segment *segment, uint64_t footer_bytes, struct store_error *error)
{
	struct parser parser = {.segment = segment,
				.error = error,
				.at = segment->footer_at,
				.end = segment->footer_at + footer_bytes,
				.section_at = SEGMENT_MAGIC_BYTES};
	int result = parse_head(&parser);

	for (uint32_t i = 0; result == 0 && i < segment->columns_count; i++)
		result = parse_column(&parser, &segment->columns[i]);
	if (result != 0)
		return result;
	if (parser.at != parser.end)
		return malformed(&parser, "footer is longer than its contents");
	if (segment_aligned(parser.section_at) != segment->footer_at)
		return malformed(&parser, "sections do not fill the file");
	return sort_columns(&parser);
}
