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
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* most strings are short: the call costs more than the hash */
#include <xxhash.h>

#include "memtable.h"

#define CHUNK_ROWS 1024u
#define CHUNKS_MAX 512u /* 512 Ki rows a table and generation */
#define ROWS_MAX (CHUNKS_MAX * CHUNK_ROWS)
#define STRING_CHUNKS_MAX 512u /* 512 Ki distinct strings a column */
#define STRINGS_MAX (STRING_CHUNKS_MAX * DICTIONARY_CHUNK_SIZE)
#define MAP_KEYS_MAX 1024u

struct number_chunk {
	int64_t values[CHUNK_ROWS];
	_Atomic uint64_t present[CHUNK_ROWS / 64];
};

/* 0: absent, or '' where that is the same; CODE_EMPTY: '' where it is not. */
struct code_chunk {
	uint32_t codes[CHUNK_ROWS];
};

#define CODE_EMPTY UINT32_MAX

/* Distinct strings of a column; code 0 is ''. Writer adds, readers look up. */
struct strings {
	struct store_str *chunks[STRING_CHUNKS_MAX]; /* owned */
	_Atomic uint32_t count;
	uint64_t *slots; /* owned, writer only: hash << 32 | code + 1; 0 free */
	uint32_t slots_count;
};

struct column {
	uint16_t index;
	struct store_str key; /* MAP: in the arena */
	bool numeric;
	struct strings *strings;            /* owned, when not numeric */
	_Atomic(void *) chunks[CHUNKS_MAX]; /* owned; NULL: all absent */
};

struct lifetimes {
	uint64_t born[CHUNK_ROWS];
	_Atomic uint64_t died[CHUNK_ROWS];
};

struct table {
	const struct store_table *schema;
	_Atomic uint32_t rows_count;
	_Atomic int64_t time_min, time_max;                 /* of rows below rows_count */
	_Atomic(struct lifetimes *) lifetimes[CHUNKS_MAX];  /* owned */
	_Atomic(struct column *) *columns;                  /* owned: [columns_count], lazily */
	_Atomic(struct column *) map_columns[MAP_KEYS_MAX]; /* owned */
	_Atomic uint32_t map_columns_count;
};

struct memtable {
	const struct store_schema *schema;
	_Atomic uint32_t references;
	uint64_t secret;
	_Atomic size_t bytes;
	uint32_t strings_max;      /* writer only: of the largest dictionary */
	struct store_arena *arena; /* owned, writer only: string bytes */
	struct table *tables;      /* owned: [tables_count] */
};

static void *
allocate(struct memtable *memtable, size_t size)
{
	void *bytes = calloc(1, size);

	if (bytes != NULL)
		atomic_fetch_add_explicit(&memtable->bytes, size, memory_order_relaxed);
	return bytes;
}

/* ---- life ------------------------------------------------------------ */

struct memtable *
memtable_create(const struct store_schema *schema, uint64_t secret)
{
	struct memtable *memtable = calloc(1, sizeof *memtable);

	if (memtable == NULL)
		return NULL;
	memtable->schema = schema;
	memtable->secret = secret;
	atomic_init(&memtable->references, 1);
	memtable->arena = store_arena_create(0);
	memtable->tables = calloc(schema->tables_count, sizeof *memtable->tables);
	if (memtable->arena == NULL || memtable->tables == NULL)
		goto failed;
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		struct table *table = &memtable->tables[i];

		table->schema = &schema->tables[i];
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
free_column(struct column *column)
{
	if (column == NULL)
		return;
	for (uint32_t i = 0; i < CHUNKS_MAX; i++)
		free(column->chunks[i]);
	if (column->strings != NULL) {
		for (uint32_t i = 0; i < STRING_CHUNKS_MAX; i++)
			free(column->strings->chunks[i]);
		free(column->strings->slots);
		free(column->strings);
	}
	free(column);
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
			free_column(table->columns[j]);
		for (uint32_t j = 0; j < table->map_columns_count; j++)
			free_column(table->map_columns[j]);
		for (uint32_t j = 0; j < CHUNKS_MAX; j++)
			free(table->lifetimes[j]);
		free(table->columns);
	}
	free(memtable->tables);
	store_arena_free(memtable->arena);
	free(memtable);
}

/* ---- strings --------------------------------------------------------- */

static struct store_str
string_at(const struct strings *strings, uint32_t code)
{
	return strings->chunks[code >> DICTIONARY_CHUNK_BITS][code & (DICTIONARY_CHUNK_SIZE - 1)];
}

/* memcmp() == 0, by words: strings are short and mostly equal here. */
static inline bool
is_same(const char *a, const char *b, uint32_t size)
{
	uint64_t x, y;
	uint32_t at = 0;

	for (; at + 8 <= size; at += 8) {
		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		if (x != y)
			return false;
	}
	for (; at < size; at++) {
		if (a[at] != b[at])
			return false;
	}
	return true;
}

static inline uint32_t
hash_of(const struct memtable *memtable, struct store_str string)
{
	return (uint32_t)XXH3_64bits_withSeed(string.size == 0 ? "" : string.bytes, string.size,
					      memtable->secret);
}

static uint32_t
slot_of(const struct strings *strings, uint32_t hash, struct store_str string)
{
	uint32_t mask = strings->slots_count - 1, slot = hash & mask;

	for (; strings->slots[slot] != 0; slot = (slot + 1) & mask) {
		struct store_str other;

		if (strings->slots[slot] >> 32 != hash)
			continue;
		other = string_at(strings, (uint32_t)strings->slots[slot] - 1);
		if (other.size == string.size && is_same(other.bytes, string.bytes, string.size))
			break;
	}
	return slot;
}

static int
grow_slots(struct memtable *memtable, struct strings *strings)
{
	uint32_t old_count = strings->slots_count, count = old_count == 0 ? 64 : old_count * 2;
	uint64_t *slots = allocate(memtable, count * sizeof *slots);

	if (slots == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < old_count; i++) {
		uint32_t slot = (uint32_t)(strings->slots[i] >> 32) & (count - 1);

		if (strings->slots[i] == 0)
			continue;
		while (slots[slot] != 0)
			slot = (slot + 1) & (count - 1);
		slots[slot] = strings->slots[i];
	}
	atomic_fetch_sub_explicit(&memtable->bytes, old_count * sizeof *slots,
				  memory_order_relaxed);
	free(strings->slots);
	strings->slots = slots;
	strings->slots_count = count;
	return 0;
}

/* The string's code, new or known. */
static int
intern(struct memtable *memtable, struct strings *strings, struct store_str string, uint32_t *code)
{
	uint32_t hash = hash_of(memtable, string), slot;
	uint32_t count = strings->count, chunk = count >> DICTIONARY_CHUNK_BITS;
	char *bytes;

	if (count * 2 >= strings->slots_count && grow_slots(memtable, strings) != 0)
		return STORE_ENOMEM;
	slot = slot_of(strings, hash, string);
	if (strings->slots[slot] != 0) {
		*code = (uint32_t)strings->slots[slot] - 1;
		return 0;
	}
	if (chunk >= STRING_CHUNKS_MAX)
		return STORE_ELIMIT;
	if (strings->chunks[chunk] == NULL) {
		strings->chunks[chunk] =
		    allocate(memtable, DICTIONARY_CHUNK_SIZE * sizeof(struct store_str));
		if (strings->chunks[chunk] == NULL)
			return STORE_ENOMEM;
	}
	if ((bytes = store_arena_alloc(memtable->arena, string.size)) == NULL)
		return STORE_ENOMEM;
	atomic_fetch_add_explicit(&memtable->bytes, string.size + 16u, memory_order_relaxed);
	if (string.size > 0)
		memcpy(bytes, string.bytes, string.size);
	strings->chunks[chunk][count & (DICTIONARY_CHUNK_SIZE - 1)] =
	    (struct store_str){bytes, string.size};
	strings->slots[slot] = (uint64_t)hash << 32 | (count + 1);
	atomic_store_explicit(&strings->count, count + 1, memory_order_release);
	if (memtable->strings_max < count + 1)
		memtable->strings_max = count + 1;
	*code = count;
	return 0;
}

/* ---- columns --------------------------------------------------------- */

static struct column *
create_column(struct memtable *memtable, const struct table *table, uint16_t index,
	      struct store_str key)
{
	const struct store_column *schema = &table->schema->columns[index];
	struct column *column = allocate(memtable, sizeof *column);
	uint32_t code;
	char *bytes;

	if (column == NULL)
		return NULL;
	column->index = index;
	column->numeric = schema->type != STORE_STRING && schema->type != STORE_MAP;
	if (column->numeric)
		return column;
	column->strings = allocate(memtable, sizeof *column->strings);
	bytes = store_arena_alloc(memtable->arena, key.size);
	if (column->strings == NULL || bytes == NULL ||
	    intern(memtable, column->strings, (struct store_str){NULL, 0}, &code) != 0) {
		free_column(column);
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

/* The cell's physical value, as vector.h has it. */
static int64_t
physical(const struct store_column *schema, const struct store_cell *cell)
{
	double scaled;
	int64_t bits;

	if (schema->type == STORE_TIME)
		return cell->value.i;
	if (schema->type == STORE_UINT)
		return (int64_t)cell->value.u;
	if (schema->scale == 0) {
		memcpy(&bits, &cell->value.f, sizeof bits);
		return bits;
	}
	scaled = cell->value.f * schema->scale;
	if (scaled > 9e15)
		return 9000000000000000;
	if (scaled < -9e15)
		return -9000000000000000;
	return llround(scaled);
}

static void *
want_chunk(struct memtable *memtable, struct column *column, uint32_t row)
{
	void *chunk = column->chunks[row / CHUNK_ROWS];

	if (chunk == NULL) {
		chunk = allocate(memtable, column->numeric ? sizeof(struct number_chunk)
							   : sizeof(struct code_chunk));
		atomic_store_explicit(&column->chunks[row / CHUNK_ROWS], chunk,
				      memory_order_release);
	}
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
	if (column->numeric)
		atomic_fetch_and_explicit(&((struct number_chunk *)chunk)->present[at / 64],
					  ~((uint64_t)1 << (at % 64)), memory_order_relaxed);
	else
		((struct code_chunk *)chunk)->codes[at] = 0;
}

static int
put_cell(struct memtable *memtable, struct table *table, const struct store_cell *cell,
	 uint32_t row)
{
	bool full;
	struct column *column = want_column(memtable, table, cell, &full);
	uint32_t at = row % CHUNK_ROWS, code;
	void *chunk;
	int result;

	if (full)
		return 0; /* over the bound on map keys: the value is dropped */
	if (column == NULL || (chunk = want_chunk(memtable, column, row)) == NULL)
		return STORE_ENOMEM;
	if (column->numeric) {
		struct number_chunk *numbers = chunk;

		numbers->values[at] = physical(&table->schema->columns[cell->column], cell);
		/* One writer: no other bit can be set meanwhile. */
		atomic_store_explicit(
		    &numbers->present[at / 64],
		    atomic_load_explicit(&numbers->present[at / 64], memory_order_relaxed) |
			(uint64_t)1 << (at % 64),
		    memory_order_relaxed);
		return 0;
	}
	if ((result = intern(memtable, column->strings, cell->value.s, &code)) != 0)
		return result;
	if (code == 0 && table->schema->columns[cell->column].flags & STORE_NULLABLE)
		code = CODE_EMPTY;
	((struct code_chunk *)chunk)->codes[at] = code;
	return 0;
}

/* Before the row can be seen. */
static void
widen_times(struct table *table, const struct store_row *row)
{
	int64_t time = 0; /* as an absent one reads */

	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (table->schema->columns[row->cells[i].column].flags & STORE_ROLE_TIME) {
			time = row->cells[i].value.i;
			break;
		}
	}
	if (table->rows_count == 0 || time < table->time_min)
		atomic_store_explicit(&table->time_min, time, memory_order_relaxed);
	if (table->rows_count == 0 || time > table->time_max)
		atomic_store_explicit(&table->time_max, time, memory_order_relaxed);
}

int
memtable_append(struct memtable *memtable, const struct store_row *row, uint64_t commit,
		uint32_t *row_index)
{
	struct table *table = &memtable->tables[row->table];
	uint32_t index = table->rows_count, at = index % CHUNK_ROWS, done = 0;
	struct lifetimes *lifetimes;
	int result = 0;

	assert(row->table < memtable->schema->tables_count);
	if (index >= ROWS_MAX)
		return STORE_ELIMIT;
	lifetimes = table->lifetimes[index / CHUNK_ROWS];
	if (lifetimes == NULL) {
		if ((lifetimes = allocate(memtable, sizeof *lifetimes)) == NULL)
			return STORE_ENOMEM;
		atomic_store_explicit(&table->lifetimes[index / CHUNK_ROWS], lifetimes,
				      memory_order_release);
	}
	for (; done < row->cells_count && result == 0; done++) {
		assert(row->cells[done].column < table->schema->columns_count);
		result = put_cell(memtable, table, &row->cells[done], index);
	}
	if (result != 0) {
		while (done-- > 0)
			clear_cell(table, &row->cells[done], index);
		return result;
	}
	widen_times(table, row);
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
	if (rows_count > STRINGS_MAX - 1 || memtable->strings_max + rows_count > STRINGS_MAX)
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
	if (column->numeric) {
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
	cell->value.s = string_at(column->strings, code == CODE_EMPTY ? 0 : code);
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
	return atomic_load_explicit(&memtable->bytes, memory_order_relaxed);
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

static int
read_numbers(const struct column *column, bool nullable, const uint32_t *rows, uint32_t first,
	     uint32_t count, struct store_arena *arena, struct vector *out)
{
	int64_t *values = store_arena_alloc(arena, count * sizeof *values);
	uint64_t *nulls = NULL;

	if (values == NULL)
		return STORE_ELIMIT;
	if (nullable &&
	    (nulls = store_arena_zalloc(arena, bitmap_words(count) * sizeof *nulls)) == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows == NULL ? first + i : rows[i], at = row % CHUNK_ROWS;
		struct number_chunk *chunk =
		    atomic_load_explicit(&column->chunks[row / CHUNK_ROWS], memory_order_acquire);
		bool present = chunk != NULL && (atomic_load_explicit(&chunk->present[at / 64],
								      memory_order_relaxed) >>
						     (at % 64) &
						 1);

		values[i] = present ? chunk->values[at] : 0;
		if (nullable && !present)
			bitmap_set(nulls, i);
	}
	out->values = values;
	out->nulls = nulls;
	return 0;
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
	    (nulls = store_arena_zalloc(arena, bitmap_words(count) * sizeof *nulls)) == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows == NULL ? first + i : rows[i];
		struct code_chunk *chunk =
		    atomic_load_explicit(&column->chunks[row / CHUNK_ROWS], memory_order_acquire);

		codes[i] = chunk == NULL ? 0 : chunk->codes[row % CHUNK_ROWS];
		if (nullable && codes[i] == 0)
			bitmap_set(nulls, i);
		if (codes[i] == CODE_EMPTY)
			codes[i] = 0;
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
	if (column->numeric)
		return read_numbers(column, nullable, rows, first, count, arena, out);
	return read_strings(column, nullable, rows, first, count, arena, out);
}
