/*
 * memtable.h. Between the WAL and segments. Must not know about files, views or
 * visibility rules; the store decides which commit a reader may see.
 *
 * Publication: the writer fills a row's cells, then raises rows_count with
 * release; a reader that loads rows_count with acquire sees those cells. Chunk
 * pointers and the presence bits of a word are shared with rows that are still
 * being written, so these are atomics.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memtable.h"
#include "memtable_strings.h"

#define CHUNK_ROWS 1024u
#define CHUNKS_MAX 512u /* 512 Ki rows a table and generation */
#define ROWS_MAX (CHUNKS_MAX * CHUNK_ROWS)
#define MAP_KEYS_MAX 1024u

struct number_chunk {
	int64_t values[CHUNK_ROWS];
	_Atomic uint64_t present[CHUNK_ROWS / 64];
};

/* 0: absent, or '' where that is the same; CODE_EMPTY: '' where it is not. The
 * rest keeps the chunks of a table's columns, one after the other in memory,
 * out of each other's lines of the cache: a row writes to all of them. */
struct code_chunk {
	uint32_t codes[CHUNK_ROWS];
	uint64_t unused[8];
};

#define CODE_EMPTY UINT32_MAX

enum kind { COLUMN_INTEGER, COLUMN_DOUBLE, COLUMN_SCALED, COLUMN_STRING };

struct column {
	uint16_t index;
	enum kind kind;
	uint32_t empty_code; /* of '': CODE_EMPTY when NULL is something else */
	double scale;
	struct store_str key;               /* MAP: in the arena */
	struct memtable_strings *strings;   /* of COLUMN_STRING; owned: its slots */
	_Atomic(void *) chunks[CHUNKS_MAX]; /* the memory's; NULL: all absent */
};

struct lifetimes {
	uint64_t born[CHUNK_ROWS];
	_Atomic uint64_t died[CHUNK_ROWS];
};

struct table {
	const struct store_table *schema;
	int time_column; /* or -1 */
	_Atomic uint32_t rows_count;
	_Atomic int64_t time_min, time_max;                 /* of rows below rows_count */
	_Atomic(struct lifetimes *) lifetimes[CHUNKS_MAX];  /* the memory's */
	_Atomic(struct column *) *columns;                  /* owned: [columns_count], lazily */
	_Atomic(struct column *) map_columns[MAP_KEYS_MAX]; /* the memory's */
	_Atomic uint32_t map_columns_count;
};

struct memtable {
	const struct store_schema *schema;
	_Atomic uint32_t references;
	struct memtable_memory memory;
	uint32_t strings_max; /* writer only: of the largest dictionary */
	struct table *tables; /* owned: [tables_count] */
};

/* ---- life ------------------------------------------------------------ */

static int
find_time(const struct store_table *table)
{
	for (uint32_t i = 0; i < table->columns_count; i++) {
		if (table->columns[i].flags & STORE_ROLE_TIME)
			return (int)i;
	}
	return -1;
}

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
		table->time_column = find_time(table->schema);
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

/* The string's code in the column, after memtable_strings_look. */
static inline int
intern(struct memtable *memtable, struct column *column, struct store_str string,
       const struct memtable_look *look, uint32_t *code)
{
	int result = memtable_strings_code(&memtable->memory, column->strings, string, look, code);

	if (result == 0 && *code >= memtable->strings_max)
		memtable->strings_max = *code + 1;
	return result;
}

static enum kind
kind_of(const struct store_column *schema)
{
	switch (schema->type) {
	case STORE_TIME:
	case STORE_UINT:
		return COLUMN_INTEGER;
	case STORE_FLOAT:
		return schema->scale == 0 ? COLUMN_DOUBLE : COLUMN_SCALED;
	default:
		return COLUMN_STRING;
	}
}

static struct column *
create_column(struct memtable *memtable, const struct table *table, uint16_t index,
	      struct store_str key)
{
	const struct store_column *schema = &table->schema->columns[index];
	struct column *column = memtable_memory_take(&memtable->memory, sizeof *column);
	struct store_str empty = {NULL, 0};
	struct memtable_look look;
	uint32_t code;
	char *bytes;

	if (column == NULL)
		return NULL;
	column->index = index;
	column->kind = kind_of(schema);
	column->scale = schema->scale;
	column->empty_code = schema->flags & STORE_NULLABLE ? CODE_EMPTY : 0;
	if (column->kind != COLUMN_STRING)
		return column;
	column->strings = memtable_memory_take(&memtable->memory, sizeof *column->strings);
	bytes = store_arena_alloc(memtable->memory.arena, key.size);
	if (column->strings == NULL || bytes == NULL)
		return NULL;
	memtable_strings_look(&memtable->memory, column->strings, empty, &look);
	if (intern(memtable, column, empty, &look, &code) != 0) {
		clear_column(column);
		return NULL;
	}
	assert(code == 0);
	if (key.size > 0)
		memcpy(bytes, key.bytes, key.size);
	column->key = (struct store_str){bytes, key.size};
	return column;
}

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

static struct column *
find_column(const struct table *table, uint16_t index, struct store_str key)
{
	if (table->schema->columns[index].type == STORE_MAP)
		return key.size == 0 ? NULL : find_map_column(table, index, key);
	return atomic_load_explicit(&table->columns[index], memory_order_acquire);
}

/* As find_column, made when it is not there. *full: no more map keys, or none. */
static struct column *
want_column(struct memtable *memtable, struct table *table, const struct store_cell *cell,
	    bool *full)
{
	struct column *column = find_column(table, cell->column, cell->key);
	uint32_t count;

	*full = false;
	if (column != NULL)
		return column;
	if (table->schema->columns[cell->column].type != STORE_MAP) {
		column = create_column(memtable, table, cell->column, (struct store_str){NULL, 0});
		atomic_store_explicit(&table->columns[cell->column], column, memory_order_release);
		return column;
	}
	count = table->map_columns_count;
	if (count == MAP_KEYS_MAX || cell->key.size == 0) {
		*full = true;
		return NULL;
	}
	if ((column = create_column(memtable, table, cell->column, cell->key)) == NULL)
		return NULL;
	table->map_columns[count] = column;
	atomic_store_explicit(&table->map_columns_count, count + 1, memory_order_release);
	return column;
}

/* ---- appending ------------------------------------------------------- */

/* llround of a product that int64_t has room for: halves away from zero. The
 * fraction is exact. */
static inline int64_t
scaled_value(double value, double scale)
{
	double scaled = value * scale, fraction;
	int64_t whole;

	if (scaled > 9e15)
		return 9000000000000000;
	if (scaled < -9e15)
		return -9000000000000000;
	whole = (int64_t)scaled;
	fraction = scaled - (double)whole;
	return whole + (fraction >= 0.5) - (fraction <= -0.5);
}

/* The cell's physical value, as vector.h has it. */
static inline int64_t
physical(const struct column *column, const struct store_cell *cell)
{
	int64_t bits;

	_Static_assert(sizeof cell->value.i == sizeof cell->value.u, "one representation");
	if (column->kind == COLUMN_SCALED)
		return scaled_value(cell->value.f, column->scale);
	if (column->kind == COLUMN_INTEGER)
		return cell->value.i;
	memcpy(&bits, &cell->value.f, sizeof bits);
	return bits;
}

static void *
make_chunk(struct memtable *memtable, struct column *column, uint32_t row)
{
	void *chunk = memtable_memory_take(&memtable->memory, column->kind == COLUMN_STRING
								  ? sizeof(struct code_chunk)
								  : sizeof(struct number_chunk));

	atomic_store_explicit(&column->chunks[row / CHUNK_ROWS], chunk, memory_order_release);
	return chunk;
}

/* Absent again: a row that failed half-way leaves nothing for the next one. */
static void
clear_cell(const struct table *table, const struct store_cell *cell, uint32_t row)
{
	struct column *column = find_column(table, cell->column, cell->key);
	void *chunk = column == NULL ? NULL : column->chunks[row / CHUNK_ROWS];
	uint32_t at = row % CHUNK_ROWS;

	if (chunk == NULL)
		return;
	if (column->kind != COLUMN_STRING)
		atomic_fetch_and_explicit(&((struct number_chunk *)chunk)->present[at / 64],
					  ~((uint64_t)1 << (at % 64)), memory_order_relaxed);
	else
		((struct code_chunk *)chunk)->codes[at] = 0;
}

/* A string cell whose place in the dictionary is on its way from memory. */
struct pending {
	struct column *column;
	struct code_chunk *chunk;
	struct store_str string;
	struct memtable_look look;
};

/* A row's strings are looked for together, so that their waits overlap. */
#define PENDING_MAX 16u

static int
put_strings(struct memtable *memtable, const struct pending *pending, uint32_t count, uint32_t row)
{
	for (uint32_t i = 0; i < count; i++) {
		struct column *column = pending[i].column;
		uint32_t code;
		int result = intern(memtable, column, pending[i].string, &pending[i].look, &code);

		if (result != 0)
			return result;
		pending[i].chunk->codes[row % CHUNK_ROWS] = code == 0 ? column->empty_code : code;
	}
	return 0;
}

static inline void
put_number(const struct column *column, struct number_chunk *chunk, const struct store_cell *cell,
	   uint32_t at)
{
	_Atomic uint64_t *present = &chunk->present[at / 64];

	chunk->values[at] = physical(column, cell);
	/* One writer: no other bit can be set meanwhile. */
	atomic_store_explicit(
	    present, atomic_load_explicit(present, memory_order_relaxed) | (uint64_t)1 << (at % 64),
	    memory_order_relaxed);
}

static int
put_cells(struct memtable *memtable, struct table *table, const struct store_row *row,
	  uint32_t index)
{
	struct pending pending[PENDING_MAX] __attribute__((uninitialized));
	uint32_t count = 0;
	int result = 0;

	for (uint32_t i = 0; i < row->cells_count && result == 0; i++) {
		const struct store_cell *cell = &row->cells[i];
		struct column *column;
		bool full = false;
		void *chunk;

		assert(cell->column < table->schema->columns_count);
		/* Only this thread writes; those of maps are not among these. */
		column = atomic_load_explicit(&table->columns[cell->column], memory_order_relaxed);
		if (column == NULL &&
		    (column = want_column(memtable, table, cell, &full)) == NULL) {
			result = full ? 0 : STORE_ENOMEM; /* over the bound it is dropped */
			continue;
		}
		chunk =
		    atomic_load_explicit(&column->chunks[index / CHUNK_ROWS], memory_order_relaxed);
		if (chunk == NULL && (chunk = make_chunk(memtable, column, index)) == NULL)
			return STORE_ENOMEM;
		if (column->kind != COLUMN_STRING) {
			put_number(column, chunk, cell, index % CHUNK_ROWS);
			continue;
		}
		if (count == PENDING_MAX) {
			result = put_strings(memtable, pending, count, index);
			count = 0;
		}
		pending[count].column = column;
		pending[count].chunk = chunk;
		pending[count].string = cell->value.s;
		memtable_strings_look(&memtable->memory, column->strings, cell->value.s,
				      &pending[count++].look);
	}
	return result != 0 ? result : put_strings(memtable, pending, count, index);
}

/* Before the row can be seen. */
static inline void
widen_times(struct table *table, const struct store_row *row, bool first)
{
	int64_t time = 0; /* as an absent one reads */

	/* In a row from the WAL of another schema columns are in any order. */
	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (row->cells[i].column == table->time_column) {
			time = row->cells[i].value.i;
			break;
		}
	}
	if (first || time < atomic_load_explicit(&table->time_min, memory_order_relaxed))
		atomic_store_explicit(&table->time_min, time, memory_order_relaxed);
	if (first || time > atomic_load_explicit(&table->time_max, memory_order_relaxed))
		atomic_store_explicit(&table->time_max, time, memory_order_relaxed);
}

int
memtable_append(struct memtable *memtable, const struct store_row *row, uint64_t commit,
		uint32_t *row_index)
{
	struct table *table = &memtable->tables[row->table];
	uint32_t index = atomic_load_explicit(&table->rows_count, memory_order_relaxed);
	uint32_t at = index % CHUNK_ROWS;
	struct lifetimes *lifetimes;
	int result;

	assert(row->table < memtable->schema->tables_count);
	if (index >= ROWS_MAX)
		return STORE_ELIMIT;
	lifetimes =
	    atomic_load_explicit(&table->lifetimes[index / CHUNK_ROWS], memory_order_relaxed);
	if (lifetimes == NULL) {
		if ((lifetimes = memtable_memory_take(&memtable->memory, sizeof *lifetimes)) ==
		    NULL)
			return STORE_ENOMEM;
		atomic_store_explicit(&table->lifetimes[index / CHUNK_ROWS], lifetimes,
				      memory_order_release);
	}
	if ((result = put_cells(memtable, table, row, index)) != 0) {
		for (uint32_t i = 0; i < row->cells_count; i++)
			clear_cell(table, &row->cells[i], index);
		return result;
	}
	widen_times(table, row, index == 0);
	lifetimes->born[at] = commit;
	atomic_store_explicit(&lifetimes->died[at], MEMTABLE_ALIVE, memory_order_relaxed);
	atomic_store_explicit(&table->rows_count, index + 1, memory_order_release);
	*row_index = index;
	return 0;
}

bool
memtable_has_room(const struct memtable *memtable, uint64_t rows_count)
{
	/* A new column's dictionary begins with ''. */
	if (rows_count > MEMTABLE_STRINGS_MAX - 1 ||
	    memtable->strings_max + rows_count > MEMTABLE_STRINGS_MAX)
		return false;
	for (uint32_t i = 0; i < memtable->schema->tables_count; i++) {
		if (memtable->tables[i].rows_count + rows_count > ROWS_MAX)
			return false;
	}
	return true;
}

void
memtable_set_died(struct memtable *memtable, uint32_t table, uint32_t row, uint64_t commit)
{
	struct lifetimes *lifetimes = memtable->tables[table].lifetimes[row / CHUNK_ROWS];

	assert(row < memtable->tables[table].rows_count);
	atomic_store_explicit(&lifetimes->died[row % CHUNK_ROWS], commit, memory_order_release);
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

/* False when the row has no value there. */
static bool
get_cell(const struct table *table, const struct column *column, uint32_t row,
	 struct store_cell *cell)
{
	const struct store_column *schema = &table->schema->columns[column->index];
	void *chunk = column->chunks[row / CHUNK_ROWS];
	uint32_t at = row % CHUNK_ROWS, code;

	if (chunk == NULL)
		return false;
	cell->column = column->index;
	cell->key = column->key;
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
	cell->value.s = memtable_strings_at(column->strings, code == CODE_EMPTY ? 0 : code);
	return code != 0;
}

int
memtable_row(const struct memtable *memtable, uint32_t table_index, uint32_t row,
	     struct store_arena *arena, struct store_row *out)
{
	const struct table *table = &memtable->tables[table_index];
	uint32_t columns = table->schema->columns_count, count = 0;
	struct store_cell *cells =
	    store_arena_alloc(arena, (columns + table->map_columns_count) * sizeof *cells);

	if (cells == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < columns; i++) {
		const struct column *column = table->columns[i];

		if (column != NULL && get_cell(table, column, row, &cells[count]))
			count++;
		for (uint32_t j = 0;
		     table->schema->columns[i].type == STORE_MAP && j < table->map_columns_count;
		     j++) {
			column = table->map_columns[j];
			if (column->index == i && get_cell(table, column, row, &cells[count]))
				count++;
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
	const struct column *column = find_column(table, column_index, key);
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
