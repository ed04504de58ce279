/*
 * memtable.h: adding rows. A row's cells lie side by side and a column's values
 * do too, so rows are taken a few at a time: their cells are dealt out to
 * columns, and each column takes its own at once, with what it needs of memory,
 * TLB and branches at hand. Must not let readers see a row before its cells.
 */
#include <assert.h>
#include <string.h>

#include "memtable_inside.h"

#define LINE_BYTES 64u /* of the cache */

/* ---- columns --------------------------------------------------------- */

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
	if (memtable_strings_codes(&memtable->memory, column->strings, &empty, 1, &code) != 0) {
		memtable_strings_clear(column->strings);
		return NULL;
	}
	assert(code == 0);
	if (key.size > 0)
		memcpy(bytes, key.bytes, key.size);
	column->key = (struct store_str){bytes, key.size};
	return column;
}

/* As memtable_column, made when it is not there. *full: no more map keys, or none. */
static struct column *
want_column(struct memtable *memtable, struct table *table, uint16_t index, struct store_str key,
	    bool *full)
{
	struct column *column = memtable_column(table, index, key);
	uint32_t count;

	*full = false;
	if (column != NULL)
		return column;
	if (table->schema->columns[index].type != STORE_MAP) {
		column = create_column(memtable, table, index, key);
		atomic_store_explicit(&table->columns[index], column, memory_order_release);
		return column;
	}
	count = table->map_columns_count;
	if (count == MAP_KEYS_MAX || key.size == 0) {
		*full = true;
		return NULL;
	}
	if ((column = create_column(memtable, table, index, key)) == NULL)
		return NULL;
	table->map_columns[count] = column;
	atomic_store_explicit(&table->map_columns_count, count + 1, memory_order_release);
	return column;
}

/* ---- cells ----------------------------------------------------------- */

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

/* A column's cells of pending rows. */
struct bucket {
	uint32_t count;
	uint32_t at[MEMTABLE_PENDING_MAX]; /* of the row in its chunk, ascending */
	const struct store_cell *cells[MEMTABLE_PENDING_MAX]; /* borrowed from the rows */
};

/* The physical value, as vector.h has it. */
static inline int64_t
physical(enum kind kind, double scale, const struct store_cell *cell)
{
	int64_t bits;

	_Static_assert(sizeof cell->value.i == sizeof cell->value.u, "one representation");
	if (kind == COLUMN_SCALED)
		return scaled_value(cell->value.f, scale);
	if (kind == COLUMN_INTEGER)
		return cell->value.i;
	memcpy(&bits, &cell->value.f, sizeof bits);
	return bits;
}

static inline void
set_present(struct number_chunk *chunk, uint32_t word, uint64_t bits)
{
	_Atomic uint64_t *present = &chunk->present[word];

	/* One writer: no other bit can be set meanwhile. */
	atomic_store_explicit(present, atomic_load_explicit(present, memory_order_relaxed) | bits,
			      memory_order_relaxed);
}

static inline void
put_numbers(enum kind kind, double scale, struct number_chunk *chunk, const struct bucket *bucket)
{
	uint32_t word = bucket->at[0] / 64;
	uint64_t bits = 0;

	for (uint32_t i = 0; i < bucket->count; i++) {
		uint32_t at = bucket->at[i];

		if (at / 64 != word) {
			set_present(chunk, word, bits);
			word = at / 64;
			bits = 0;
		}
		bits |= (uint64_t)1 << (at % 64);
		chunk->values[at] = physical(kind, scale, bucket->cells[i]);
	}
	set_present(chunk, word, bits);
}

static int
put_strings(struct memtable *memtable, const struct column *column, struct code_chunk *chunk,
	    const struct bucket *bucket)
{
	struct store_str strings[MEMTABLE_PENDING_MAX] __attribute__((uninitialized));
	uint32_t codes[MEMTABLE_PENDING_MAX] __attribute__((uninitialized)), count;
	int result;

	for (uint32_t i = 0; i < bucket->count; i++)
		strings[i] = bucket->cells[i]->value.s;
	result = memtable_strings_codes(&memtable->memory, column->strings, strings, bucket->count,
					codes);
	if (result != 0)
		return result;
	for (uint32_t i = 0; i < bucket->count; i++)
		chunk->codes[bucket->at[i]] = codes[i] == 0 ? column->empty_code : codes[i];
	count = atomic_load_explicit(&column->strings->count, memory_order_relaxed);
	if (count > memtable->strings_max)
		memtable->strings_max = count;
	return 0;
}

/* The column's chunk number `number`, made when it is not there. */
static void *
want_chunk(struct memtable *memtable, struct column *column, uint32_t number)
{
	void *chunk = atomic_load_explicit(&column->chunks[number], memory_order_relaxed);

	if (chunk != NULL)
		return chunk;
	chunk = memtable_memory_take(&memtable->memory, column->kind == COLUMN_STRING
							    ? sizeof(struct code_chunk)
							    : sizeof(struct number_chunk));
	atomic_store_explicit(&column->chunks[number], chunk, memory_order_release);
	return chunk;
}

static int
put_bucket(struct memtable *memtable, struct column *column, uint32_t chunk_number,
	   const struct bucket *bucket)
{
	void *chunk = want_chunk(memtable, column, chunk_number);

	if (chunk == NULL)
		return STORE_ENOMEM;
	switch (column->kind) {
	case COLUMN_INTEGER:
		put_numbers(COLUMN_INTEGER, 0, chunk, bucket);
		return 0;
	case COLUMN_DOUBLE:
		put_numbers(COLUMN_DOUBLE, 0, chunk, bucket);
		return 0;
	case COLUMN_SCALED:
		put_numbers(COLUMN_SCALED, column->scale, chunk, bucket);
		return 0;
	case COLUMN_STRING:
		return put_strings(memtable, column, chunk, bucket);
	}
	return 0;
}

static int
put_one(struct memtable *memtable, struct column *column, uint32_t chunk_number, uint32_t at,
	struct store_str text)
{
	const struct store_cell cell = {.value.s = text};
	struct bucket one __attribute__((uninitialized)); /* but the first of each */

	one.count = 1;
	one.at[0] = at;
	one.cells[0] = &cell;
	return put_bucket(memtable, column, chunk_number, &one);
}

/* Each key is a column of its own. */
static int
put_map(struct memtable *memtable, struct table *table, uint32_t chunk_number,
	const struct bucket *bucket)
{
	for (uint32_t i = 0; i < bucket->count; i++) {
		const struct store_cell *cell = bucket->cells[i];
		const struct store_pair *pair = cell->value.pair;
		bool full;
		struct column *column =
		    want_column(memtable, table, cell->column, pair->key, &full);
		int result = full ? 0 : STORE_ENOMEM; /* over the bound it is dropped */

		if (column != NULL)
			result =
			    put_one(memtable, column, chunk_number, bucket->at[i], pair->value);
		if (result != 0)
			return result;
	}
	return 0;
}

/* The bucket's cells to their column; it is empty then. */
static int
empty_bucket(struct memtable *memtable, struct table *table, uint32_t index, uint32_t chunk_number)
{
	struct bucket *bucket = &table->buckets[index];
	struct column *column = atomic_load_explicit(&table->columns[index], memory_order_relaxed);
	bool full;
	int result;

	if (bucket->count == 0)
		return 0;
	if (table->schema->columns[index].type == STORE_MAP)
		result = put_map(memtable, table, chunk_number, bucket);
	else if (column == NULL &&
		 (column = want_column(memtable, table, (uint16_t)index,
				       (struct store_str){NULL, 0}, &full)) == NULL)
		result = STORE_ENOMEM;
	else
		result = put_bucket(memtable, column, chunk_number, bucket);
	bucket->count = 0;
	return result;
}

/* ---- rows ------------------------------------------------------------ */

/* A row's cells to the buckets of their columns. */
static int
deal_row(struct memtable *memtable, struct table *table, const struct pending_row *row,
	 uint32_t row_index)
{
	const struct store_cell *cell = row->cells, *end = cell + row->cells_count;
	uint32_t at = row_index % CHUNK_ROWS, columns_count = table->schema->columns_count;
	struct bucket *buckets = table->buckets;

	for (; cell < end; cell++) {
		struct bucket *bucket = &buckets[cell->column];
		uint32_t count;
		int result;

		assert(cell->column < columns_count);
		count = bucket->count;
		/* Only maps have several cells a row, in what the store writes. */
		if (__builtin_expect(count == MEMTABLE_PENDING_MAX, 0)) {
			result =
			    empty_bucket(memtable, table, cell->column, row_index / CHUNK_ROWS);
			if (result != 0)
				return result;
			count = 0;
		}
		bucket->at[count] = at;
		bucket->cells[count] = cell;
		bucket->count = count + 1;
	}
	return 0;
}

static int
deal_out(struct memtable *memtable, struct table *table, uint32_t first)
{
	uint32_t columns_count = table->schema->columns_count;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < table->pending_count; i++)
		result = deal_row(memtable, table, &table->pending[i], first + i);
	for (uint32_t i = 0; i < columns_count; i++) {
		if (result == 0)
			result = empty_bucket(memtable, table, i, first / CHUNK_ROWS);
		table->buckets[i].count = 0;
	}
	return result;
}

/* Before the row can be seen. */
static inline void
widen_times(struct table *table, const struct pending_row *row, bool first)
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

/* Rows that it fails for are there, with some of their cells, and dead. */
static int
settle_table(struct memtable *memtable, struct table *table)
{
	uint32_t first = atomic_load_explicit(&table->rows_count, memory_order_relaxed);
	struct lifetimes *lifetimes = table->lifetimes[first / CHUNK_ROWS];
	int result = deal_out(memtable, table, first);

	for (uint32_t i = 0; i < table->pending_count; i++) {
		uint32_t at = (first + i) % CHUNK_ROWS;

		widen_times(table, &table->pending[i], first + i == 0);
		if (result != 0)
			atomic_store_explicit(&lifetimes->died[at], lifetimes->born[at],
					      memory_order_relaxed);
	}
	atomic_store_explicit(&table->rows_count, first + table->pending_count,
			      memory_order_release);
	table->pending_count = 0;
	return result;
}

int
memtable_settle(struct memtable *memtable)
{
	int result = 0;

	for (uint32_t i = 0; i < memtable->schema->tables_count; i++) {
		int of_table = memtable->tables[i].pending_count == 0
				   ? 0
				   : settle_table(memtable, &memtable->tables[i]);

		result = result != 0 ? result : of_table;
	}
	return result;
}

/* Lifetimes and buckets for the row. */
static int
make_room(struct memtable *memtable, struct table *table, uint32_t index)
{
	_Atomic(struct lifetimes *) *place = &table->lifetimes[index / CHUNK_ROWS];
	struct lifetimes *lifetimes = atomic_load_explicit(place, memory_order_relaxed);

	if (lifetimes == NULL &&
	    (lifetimes = memtable_memory_take(&memtable->memory, sizeof *lifetimes)) == NULL)
		return STORE_ENOMEM;
	atomic_store_explicit(place, lifetimes, memory_order_release);
	if (table->buckets == NULL)
		table->buckets = memtable_memory_take(
		    &memtable->memory, table->schema->columns_count * sizeof *table->buckets);
	return table->buckets == NULL ? STORE_ENOMEM : 0;
}

/* A large commit's cells have left the caches by the time it is applied, and the
 * row waits for some others before its own are looked at. */
static inline void
prefetch_cells(const struct store_row *row)
{
	const char *at = (const char *)row->cells;
	const char *end = (const char *)(row->cells + row->cells_count);

	for (; at < end; at += LINE_BYTES)
		__builtin_prefetch(at, 0, 2);
}

int
memtable_add(struct memtable *memtable, const struct store_row *row, uint64_t commit,
	     uint32_t *row_index)
{
	struct table *table = &memtable->tables[row->table];
	uint32_t index = memtable_rows_added(table);
	struct lifetimes *lifetimes;
	int result;

	assert(row->table < memtable->schema->tables_count);
	if (index >= ROWS_MAX)
		return STORE_ELIMIT;
	if ((table->pending_count == MEMTABLE_PENDING_MAX ||
	     (table->pending_count > 0 && index % CHUNK_ROWS == 0)) &&
	    (result = settle_table(memtable, table)) != 0)
		return result;
	if ((result = make_room(memtable, table, index)) != 0)
		return result;
	lifetimes = table->lifetimes[index / CHUNK_ROWS];
	lifetimes->born[index % CHUNK_ROWS] = commit;
	atomic_store_explicit(&lifetimes->died[index % CHUNK_ROWS], MEMTABLE_ALIVE,
			      memory_order_relaxed);
	prefetch_cells(row);
	table->pending[table->pending_count++] = (struct pending_row){row->cells, row->cells_count};
	*row_index = index;
	return 0;
}

bool
memtable_has_room(const struct memtable *memtable, uint64_t rows_count)
{
	uint64_t pending_count = 0;

	for (uint32_t i = 0; i < memtable->schema->tables_count; i++) {
		const struct table *table = &memtable->tables[i];

		if (memtable_rows_added(table) + rows_count > ROWS_MAX)
			return false;
		if (table->pending_count > pending_count)
			pending_count = table->pending_count;
	}
	/* A new column's dictionary begins with ''. */
	return rows_count <= MEMTABLE_STRINGS_MAX - 1 &&
	       memtable->strings_max + pending_count + rows_count <= MEMTABLE_STRINGS_MAX;
}

void
memtable_set_died(struct memtable *memtable, uint32_t table, uint32_t row, uint64_t commit)
{
	struct lifetimes *lifetimes = memtable->tables[table].lifetimes[row / CHUNK_ROWS];

	assert(row < memtable_rows_added(&memtable->tables[table]));
	atomic_store_explicit(&lifetimes->died[row % CHUNK_ROWS], commit, memory_order_release);
}
