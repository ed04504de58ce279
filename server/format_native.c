/*
 * Native: blocks of columns, the format that ClickHouse's own drivers read.
 * Little-endian. As ClickHouse's NativeWriter lays it out: block info for
 * clients that tell their revision, then columns with name, type and data.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "format_writer.h"

/* Rows of one block, ClickHouse's default. */
#define BLOCK_ROWS 65536u

/* Revisions of ClickHouse's protocol from which clients expect things. */
#define REVISION_BLOCK_INFO 51903u
#define REVISION_LOW_CARDINALITY 54405u
#define REVISION_CUSTOM_SERIALIZATION 54454u
#define REVISION_OUT_OF_ORDER_BUCKETS 54480u

/* LowCardinality: the version of its keys, and what is in a block of it. */
#define KEYS_VERSION 1u
#define HAS_ADDITIONAL_KEYS (1u << 9)
#define NEED_UPDATE_DICTIONARY (1u << 10)

/* The values of a column in one block. */
struct slice {
	const struct store_value *values; /* [rows] */
	uint64_t rows;
};

/* ---- numbers --------------------------------------------------------- */

static void
put_little(struct format_writer *out, uint64_t value, unsigned bytes)
{
	char little[8];

	for (unsigned i = 0; i < bytes; i++)
		little[i] = (char)(value >> (8 * i));
	format_put(out, little, bytes);
}

/* Seven bits a byte, the least first. */
static void
put_varuint(struct format_writer *out, uint64_t value)
{
	char bytes[10];
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[size++] = (char)(value | 0x80);
	bytes[size++] = (char)value;
	format_put(out, bytes, size);
}

static void
put_string(struct format_writer *out, struct store_str text)
{
	put_varuint(out, text.size);
	format_put(out, text.bytes, text.size);
}

/* ---- plain columns --------------------------------------------------- */

static unsigned
bytes_of(enum store_result_type type)
{
	switch (type) {
	case STORE_R_UINT8:
	case STORE_R_INT8:
	case STORE_R_BOOL:
		return 1;
	case STORE_R_UINT16:
	case STORE_R_INT16:
	case STORE_R_DATE:
		return 2;
	case STORE_R_UINT32:
	case STORE_R_INT32:
	case STORE_R_DATETIME:
		return 4;
	default:
		return 8;
	}
}

/* A NULL is written as the type's default. */
static void
put_scalar(struct format_writer *out, enum store_result_type type, const struct store_value *value)
{
	uint64_t bits = 0;

	if (type == STORE_R_STRING) {
		put_string(out, value->null ? (struct store_str){"", 0} : value->v.s);
		return;
	}
	if (value->null)
		bits = 0;
	else if (type == STORE_R_FLOAT64)
		memcpy(&bits, &value->v.f, sizeof bits);
	else if (type == STORE_R_BOOL)
		bits = value->v.u != 0;
	else
		bits = value->v.u; /* the same bits as v.i */
	put_little(out, bits, bytes_of(type));
}

static void
put_null_map(struct format_writer *out, struct slice slice)
{
	for (uint64_t r = 0; r < slice.rows; r++)
		format_put(out, slice.values[r].null ? "\1" : "\0", 1);
}

/* ---- lists ----------------------------------------------------------- */

/* Where each row's items end, then all items; a map's keys, then its values. */
static void
put_lists(struct format_writer *out, const struct store_result_column *column, struct slice slice)
{
	bool map = column->type == STORE_R_MAP;
	uint64_t end = 0;

	for (uint64_t r = 0; r < slice.rows; r++) {
		end += slice.values[r].null ? 0 : slice.values[r].v.list.count;
		put_little(out, end, 8);
	}
	for (unsigned part = 0; part < (map ? 2u : 1u); part++) {
		for (uint64_t r = 0; r < slice.rows && out->failure == 0; r++) {
			const struct store_value *row = &slice.values[r];
			uint32_t count = row->null ? 0 : row->v.list.count;

			for (uint32_t i = 0; i < count; i++)
				put_scalar(out, map ? STORE_R_STRING : column->element,
					   &row->v.list.items[map ? 2 * i + part : i]);
		}
	}
}

/* ---- LowCardinality -------------------------------------------------- */

/* The different strings of a block, in order of appearance, by open
 * addressing, seeded so that nobody can aim at a place. Key 0 stands for NULL where the column is
 * nullable, and the empty string comes next, as ClickHouse has it. */
struct dictionary {
	struct store_str *keys; /* [keys_count] */
	uint32_t *slots;        /* [SLOTS]: key + 1, or 0 */
	uint32_t *indexes;      /* [rows] */
	uint32_t keys_count;
	uint64_t seed;
};

#define SLOTS (4u * BLOCK_ROWS)

static uint32_t
key_of(struct dictionary *dictionary, struct store_str text)
{
	uint64_t hash =
	    XXH3_64bits_withSeed(text.size == 0 ? "" : text.bytes, text.size, dictionary->seed);
	uint32_t at = (uint32_t)hash % SLOTS;

	for (; dictionary->slots[at] != 0; at = (at + 1) % SLOTS) {
		struct store_str known = dictionary->keys[dictionary->slots[at] - 1];

		if (known.size == text.size && (text.size == 0 || known.bytes == text.bytes ||
						memcmp(known.bytes, text.bytes, text.size) == 0))
			return dictionary->slots[at] - 1;
	}
	dictionary->keys[dictionary->keys_count] = text;
	dictionary->slots[at] = ++dictionary->keys_count;
	return dictionary->keys_count - 1;
}

static void
put_dictionary(struct format_writer *out, const struct dictionary *dictionary, uint64_t rows)
{
	unsigned width_log = dictionary->keys_count <= 0x100     ? 0
			     : dictionary->keys_count <= 0x10000 ? 1
								 : 2;

	put_little(out, KEYS_VERSION, 8);
	put_little(out, width_log | HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY, 8);
	put_little(out, dictionary->keys_count, 8);
	for (uint32_t i = 0; i < dictionary->keys_count; i++)
		put_string(out, dictionary->keys[i]);
	put_little(out, rows, 8);
	for (uint64_t r = 0; r < rows; r++)
		put_little(out, dictionary->indexes[r], 1u << width_log);
}

static void
put_low_cardinality(struct format_writer *out, const struct store_result_column *column,
		    struct slice slice)
{
	struct dictionary dictionary = {.keys = calloc(slice.rows + 2, sizeof *dictionary.keys),
					.slots = calloc(SLOTS, sizeof *dictionary.slots),
					.indexes = calloc(slice.rows, sizeof *dictionary.indexes)};
	const struct store_str empty = {"", 0};

	if (dictionary.keys == NULL || dictionary.slots == NULL || dictionary.indexes == NULL ||
	    getrandom(&dictionary.seed, sizeof dictionary.seed, 0) != sizeof dictionary.seed) {
		out->failure = STORE_ENOMEM;
	} else {
		if (column->nullable)
			dictionary.keys[dictionary.keys_count++] = empty;
		key_of(&dictionary, empty);
		for (uint64_t r = 0; r < slice.rows; r++)
			dictionary.indexes[r] =
			    slice.values[r].null ? 0 : key_of(&dictionary, slice.values[r].v.s);
		put_dictionary(out, &dictionary, slice.rows);
	}
	free(dictionary.keys);
	free(dictionary.slots);
	free(dictionary.indexes);
}

/* ---- blocks ---------------------------------------------------------- */

/* Fields by number, ended by 0: is_overflows, bucket_num, and an empty list
 * of buckets out of order. */
static void
put_block_info(struct format_writer *out)
{
	uint64_t revision = out->options->client_revision;

	if (revision < REVISION_BLOCK_INFO)
		return;
	format_put(out, "\1\0\2\xff\xff\xff\xff", 7);
	if (revision >= REVISION_OUT_OF_ORDER_BUCKETS)
		format_put(out, "\3\0", 2);
	format_put(out, "\0", 1);
}

static void
put_column(struct format_writer *out, const struct store_result_column *column, struct slice slice)
{
	uint64_t revision = out->options->client_revision;
	struct store_result_column shown = *column;
	char type[FORMAT_TYPE_BYTES_MAX];

	if (shown.type != STORE_R_STRING || (revision != 0 && revision < REVISION_LOW_CARDINALITY))
		shown.dictionary = false;
	put_string(out, shown.name);
	put_string(out, format_type_name(&shown, type));
	if (revision >= REVISION_CUSTOM_SERIALIZATION)
		put_little(out, 0, 1); /* none */
	if (shown.dictionary) {
		put_low_cardinality(out, &shown, slice);
	} else if (shown.type == STORE_R_MAP || shown.type == STORE_R_ARRAY) {
		put_lists(out, &shown, slice);
	} else {
		if (shown.nullable)
			put_null_map(out, slice);
		for (uint64_t r = 0; r < slice.rows && out->failure == 0; r++)
			put_scalar(out, shown.type, &slice.values[r]);
	}
}

/* No rows: no bytes, as ClickHouse answers. */
void
format_native(struct format_writer *out, const struct store_result *result)
{
	for (uint64_t at = 0; at < result->rows_count && out->failure == 0; at += BLOCK_ROWS) {
		uint64_t left = result->rows_count - at;
		uint64_t rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;

		put_block_info(out);
		put_varuint(out, result->columns_count);
		put_varuint(out, rows);
		for (uint32_t c = 0; c < result->columns_count; c++)
			put_column(out, &result->columns[c],
				   (struct slice){result->values[c] + at, rows});
	}
}
