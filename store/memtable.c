/*
 * memtable.h: making memtables and reading them; memtable_append.c writes them.
 * Between the WAL and segments. Must not know about files, views or visibility
 * rules; the store decides which commit a reader may see.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memtable_inside.h"
#include "role.h"

/* ---- life ------------------------------------------------------------ */

struct memtable *
memtable_create(const struct store_schema *schema, uint64_t secret)
{
	struct memtable *memtable = calloc(1, sizeof *memtable);

	if (memtable == NULL)
		return NULL;
	memtable->schema = schema;
	memtable->memory.secret = secret;
	atomic_init(&memtable->references, 1);
	memtable->memory.arena = store_arena_create(0);
	memtable->tables = calloc(schema->tables_count, sizeof *memtable->tables);
	if (memtable->memory.arena == NULL || memtable->tables == NULL)
		goto failed;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		struct table *table = &memtable->tables[i];

		table->schema = &schema->tables[i];
		table->time_column = role_column(table->schema, STORE_ROLE_TIME);
		table->columns = calloc(table->schema->columns_count, sizeof *table->columns);
		if (table->columns == NULL)
			goto failed;
	}
	return memtable;

failed:
	memtable_release(memtable);
	return NULL;
}

void
memtable_retain(struct memtable *memtable)
{
	atomic_fetch_add(&memtable->references, 1);
}

static void
clear_column(struct column *column)
{
	if (column != NULL && column->strings != NULL)
		memtable_strings_clear(column->strings);
}

void
memtable_release(struct memtable *memtable)
{
	if (memtable == NULL || atomic_fetch_sub(&memtable->references, 1) != 1)
		return;
	for (uint32_t i = 0; memtable->tables != NULL && i < memtable->schema->tables_count; i++) {
		struct table *table = &memtable->tables[i];

		for (uint32_t j = 0; table->columns != NULL && j < table->schema->columns_count;
		     j++)
			clear_column(table->columns[j]);
		for (uint32_t j = 0; j < table->map_columns_count; j++)
			clear_column(table->map_columns[j]);
		free(table->columns);
	}
	free(memtable->tables);
	memtable_memory_clear(&memtable->memory);
	free(memtable);
}

/* ---- columns --------------------------------------------------------- */

static struct column *
find_map_column(const struct table *table, uint16_t index, struct store_str key)
{
	uint32_t count = atomic_load_explicit(&table->map_columns_count, memory_order_acquire);

	for (uint32_t i = 0; i < count; i++) {
		struct column *column = table->map_columns[i];

		if (column->index == index && column->key.size == key.size &&
		    memcmp(column->key.bytes, key.bytes, key.size) == 0)
			return column;
	}
	return NULL;
}

struct column *
memtable_column(const struct table *table, uint16_t index, struct store_str key)
{
	if (table->schema->columns[index].type == STORE_MAP)
		return key.size == 0 ? NULL : find_map_column(table, index, key);
	return atomic_load_explicit(&table->columns[index], memory_order_acquire);
}

static double
as_float(const struct store_column *schema, int64_t value)
{
	double bits;

	if (schema->scale != 0)
		return (double)value / schema->scale;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

/* False when the row has no value there. A map's goes to *pair, which the cell
 * then points to. */
static bool
get_cell(const struct table *table, const struct column *column, uint32_t row,
	 struct store_cell *cell, struct store_pair *pair)
{
	const struct store_column *schema = &table->schema->columns[column->index];
	void *chunk = column->chunks[row / CHUNK_ROWS];
	uint32_t at = row % CHUNK_ROWS, code;
	struct store_str text;

	if (chunk == NULL)
		return false;
	cell->column = column->index;
	if (column->kind != COLUMN_STRING) {
		struct number_chunk *numbers = chunk;

		if (!(numbers->present[at / 64] >> (at % 64) & 1))
			return false;
		if (schema->type == STORE_FLOAT)
			cell->value.f = as_float(schema, numbers->values[at]);
		else
			cell->value.i = numbers->values[at];
		return true;
	}
	code = ((struct code_chunk *)chunk)->codes[at];
	text = memtable_strings_at(column->strings, code == CODE_EMPTY ? 0 : code);
	if (schema->type == STORE_MAP) {
		*pair = (struct store_pair){column->key, text};
		cell->value.pair = pair;
	} else {
		cell->value.s = text;
	}
	return code != 0;
}

int
memtable_row(const struct memtable *memtable, uint32_t table_index, uint32_t row,
	     struct store_arena *arena, struct store_row *out)
{
	const struct table *table = &memtable->tables[table_index];
	uint32_t columns = table->schema->columns_count, count = 0;
	uint32_t map_columns = table->map_columns_count;
	struct store_cell *cells =
	    store_arena_alloc(arena, (columns + map_columns) * sizeof *cells);
	struct store_pair *pair = store_arena_alloc(arena, map_columns * sizeof *pair);

	if (cells == NULL || pair == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < columns; i++) {
		const struct column *column = table->columns[i];

		if (column != NULL && get_cell(table, column, row, &cells[count], pair))
			count++;
		for (uint32_t j = 0; table->schema->columns[i].type == STORE_MAP && j < map_columns;
		     j++) {
			column = table->map_columns[j];
			if (column->index == i &&
			    get_cell(table, column, row, &cells[count], pair)) {
				count++;
				pair++;
			}
		}
	}
	*out = (struct store_row){(uint16_t)table_index, (uint16_t)count, cells};
	return 0;
}

/* ---- reading --------------------------------------------------------- */

uint32_t
memtable_rows_count(const struct memtable *memtable, uint32_t table)
{
	return atomic_load_explicit(&memtable->tables[table].rows_count, memory_order_acquire);
}

bool
memtable_times(const struct memtable *memtable, uint32_t table, int64_t *min, int64_t *max)
{
	const struct table *of = &memtable->tables[table];

	if (memtable_rows_count(memtable, table) == 0)
		return false;
	*min = atomic_load_explicit(&of->time_min, memory_order_relaxed);
	*max = atomic_load_explicit(&of->time_max, memory_order_relaxed);
	return true;
}

size_t
memtable_bytes(const struct memtable *memtable)
{
	return atomic_load_explicit(&memtable->memory.bytes, memory_order_relaxed);
}

uint64_t
memtable_born(const struct memtable *memtable, uint32_t table, uint32_t row)
{
	struct lifetimes *lifetimes = memtable->tables[table].lifetimes[row / CHUNK_ROWS];

	return lifetimes->born[row % CHUNK_ROWS];
}

uint64_t
memtable_died(const struct memtable *memtable, uint32_t table, uint32_t row)
{
	struct lifetimes *lifetimes = memtable->tables[table].lifetimes[row / CHUNK_ROWS];

	return atomic_load_explicit(&lifetimes->died[row % CHUNK_ROWS], memory_order_acquire);
}

int
memtable_columns(const struct memtable *memtable, uint32_t table_index, struct store_arena *arena,
		 const struct segment_column **columns, uint32_t *count)
{
	const struct table *table = &memtable->tables[table_index];
	uint32_t maps = atomic_load_explicit(&table->map_columns_count, memory_order_acquire);
	struct segment_column *found =
	    store_arena_alloc(arena, (table->schema->columns_count + maps) * sizeof *found);

	*count = 0;
	if (found == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < table->schema->columns_count; i++) {
		if (atomic_load_explicit(&table->columns[i], memory_order_acquire) != NULL)
			found[(*count)++] = (struct segment_column){(uint16_t)i, {NULL, 0}};
	}
	for (uint32_t i = 0; i < maps; i++) {
		const struct column *column = table->map_columns[i];

		found[(*count)++] = (struct segment_column){column->index, column->key};
	}
	*columns = found;
	return 0;
}

/* A word's worth of rows: the values, 0 where there is none, and the bits of
 * those that are NULL. */
static inline uint64_t
gather_numbers(const struct column *column, const uint32_t *rows, uint32_t first, uint32_t count,
	       int64_t *values)
{
	uint64_t nulls = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows == NULL ? first + i : rows[i], at = row % CHUNK_ROWS;
		struct number_chunk *chunk =
		    atomic_load_explicit(&column->chunks[row / CHUNK_ROWS], memory_order_acquire);
		uint64_t present = 0, word;

		if (chunk != NULL) {
			word = atomic_load_explicit(&chunk->present[at / 64], memory_order_relaxed);
			present = word >> (at % 64) & 1;
		}
		values[i] = present ? chunk->values[at] : 0;
		nulls |= (present ^ 1) << i;
	}
	return nulls;
}

static int
read_numbers(const struct column *column, bool nullable, const uint32_t *rows, uint32_t first,
	     uint32_t count, struct store_arena *arena, struct vector *out)
{
	int64_t *values = store_arena_alloc(arena, count * sizeof *values);
	uint64_t *nulls = NULL;

	if (values == NULL)
		return STORE_ELIMIT;
	if (nullable &&
	    (nulls = store_arena_alloc(arena, bitmap_words(count) * sizeof *nulls)) == NULL)
		return STORE_ELIMIT;
	for (uint32_t at = 0; at < count; at += 64) {
		uint32_t part = count - at < 64 ? count - at : 64;
		uint64_t word = gather_numbers(column, rows == NULL ? NULL : rows + at, first + at,
					       part, values + at);

		if (nullable)
			nulls[at / 64] = word;
	}
	out->values = values;
	out->nulls = nulls;
	return 0;
}

/* As gather_numbers; codes of NULL are 0. */
static inline uint64_t
gather_codes(const struct column *column, const uint32_t *rows, uint32_t first, uint32_t count,
	     uint32_t *codes)
{
	uint64_t nulls = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows == NULL ? first + i : rows[i];
		struct code_chunk *chunk =
		    atomic_load_explicit(&column->chunks[row / CHUNK_ROWS], memory_order_acquire);
		uint32_t code = chunk == NULL ? 0 : chunk->codes[row % CHUNK_ROWS];

		nulls |= (uint64_t)(code == 0) << i;
		codes[i] = code == CODE_EMPTY ? 0 : code;
	}
	return nulls;
}

static int
read_strings(const struct column *column, bool nullable, const uint32_t *rows, uint32_t first,
	     uint32_t count, struct store_arena *arena, struct vector *out)
{
	struct dictionary *dictionary = store_arena_alloc(arena, sizeof *dictionary);
	uint32_t *codes = store_arena_alloc(arena, count * sizeof *codes);
	uint64_t *nulls = NULL;

	if (codes == NULL || dictionary == NULL)
		return STORE_ELIMIT;
	if (nullable &&
	    (nulls = store_arena_alloc(arena, bitmap_words(count) * sizeof *nulls)) == NULL)
		return STORE_ELIMIT;
	for (uint32_t at = 0; at < count; at += 64) {
		uint32_t part = count - at < 64 ? count - at : 64;
		uint64_t word = gather_codes(column, rows == NULL ? NULL : rows + at, first + at,
					     part, codes + at);

		if (nullable)
			nulls[at / 64] = word;
	}
	dictionary->count = atomic_load_explicit(&column->strings->count, memory_order_acquire);
	dictionary->chunks = (const struct store_str *const *)column->strings->chunks;
	out->codes = codes;
	out->nulls = nulls;
	out->dictionary = dictionary;
	return 0;
}

int
memtable_read(const struct memtable *memtable, uint32_t table_index, uint16_t column_index,
	      struct store_str key, const uint32_t *rows, uint32_t first, uint32_t count,
	      struct store_arena *arena, struct vector *out)
{
	const struct table *table = &memtable->tables[table_index];
	const struct column *column = memtable_column(table, column_index, key);
	bool nullable = table->schema->columns[column_index].flags & STORE_NULLABLE;

	memset(out, 0, sizeof *out);
	out->rows_count = count;
	if (column == NULL) {
		out->all_null = true;
		return 0;
	}
	if (column->kind != COLUMN_STRING)
		return read_numbers(column, nullable, rows, first, count, arena, out);
	return read_strings(column, nullable, rows, first, count, arena, out);
}
