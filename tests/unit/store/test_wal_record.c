/*
 * Goal: a payload gives back the entries and requests that were put into it,
 * also to a program whose schema has changed meanwhile, and bytes that are no
 * payload are refused without harm. Method: random entries (seeded) compared
 * field by field; every length and single bits of their bytes; two schemas.
 */
#include "check.h"

#include <math.h>

#include "store/wal_record.h"

static const struct store_column view_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "id", .type = STORE_UINT, .bits = 64},
    {.name = "small", .type = STORE_UINT, .bits = 8},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_column error_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "message", .type = STORE_STRING},
};
static const struct store_table tables[] = {
    {"views", view_columns, 6, true},
    {"errors", error_columns, 2, false},
};
static const struct store_schema schema = {tables, 2};

#define ROWS_MAX 5u
#define CELLS_MAX 9u
#define TEXT_MAX 300u

struct built {
	struct wal_entry entry;
	struct store_row rows[ROWS_MAX];
	struct store_cell cells[ROWS_MAX][CELLS_MAX];
	struct store_pair pairs[ROWS_MAX][CELLS_MAX];
	char text[ROWS_MAX * CELLS_MAX * 2][TEXT_MAX];
	uint32_t texts;
};

static struct store_str
random_text(struct random *random, struct built *built)
{
	char *text = built->text[built->texts++];
	uint32_t size = (uint32_t)random_below(random, random_below(random, 2) ? 8 : TEXT_MAX);

	for (uint32_t i = 0; i < size; i++)
		text[i] = (char)random_next(random);
	return (struct store_str){text, size};
}

/* Small and large alike, so that varints have every length. */
static uint64_t
random_wide(struct random *random)
{
	return random_next(random) >> random_below(random, 64);
}

static void
random_value(struct random *random, struct built *built, enum store_type type,
	     struct store_cell *cell, struct store_pair *pair)
{
	switch (type) {
	case STORE_TIME:
		cell->value.i = (int64_t)random_wide(random);
		if (random_below(random, 2))
			cell->value.i = -cell->value.i;
		break;
	case STORE_UINT:
		cell->value.u = random_wide(random);
		break;
	case STORE_FLOAT:
		cell->value.f = ldexp((double)random_next(random), -40);
		break;
	case STORE_MAP:
		pair->key = random_text(random, built);
		pair->value = random_text(random, built);
		cell->value.pair = pair;
		break;
	case STORE_STRING:
		cell->value.s = random_text(random, built);
		break;
	}
}

static void
random_row(struct random *random, struct built *built, uint32_t index, uint16_t table)
{
	struct store_cell *cells = built->cells[index];
	struct store_pair *pairs = built->pairs[index];
	uint16_t count = 0;

	for (uint16_t column = 0; column < tables[table].columns_count; column++) {
		enum store_type type = tables[table].columns[column].type;

		for (uint64_t i = random_below(random, type == STORE_MAP ? 4 : 2); i > 0; i--) {
			cells[count].column = column;
			random_value(random, built, type, &cells[count], &pairs[count]);
			count++;
		}
	}
	built->rows[index] = (struct store_row){table, count, cells};
}

static void
random_entry(struct random *random, struct built *built)
{
	struct wal_entry *entry = &built->entry;

	memset(built, 0, sizeof *built);
	entry->rows = built->rows;
	entry->rows_count = (uint32_t)random_below(random, ROWS_MAX + 1);
	entry->keyed = random_below(random, 3) > 0;
	for (uint32_t i = 0; i < entry->rows_count; i++)
		random_row(random, built, i, i == 0 && entry->keyed ? 0 : 1);
	if (!entry->keyed)
		return;
	entry->view.has_row = entry->rows_count > 0;
	entry->view.had_row = random_below(random, 2);
	entry->view.version = (uint8_t)random_next(random);
	entry->view.last_ms = (int64_t)random_next(random);
	for (int i = 0; i < 2; i++)
		entry->view.key[i] = random_next(random);
	for (int i = 0; i < 4; i++)
		entry->view.seen[i] = random_wide(random);
}

static struct store_request
random_request(struct random *random)
{
	struct store_request request = {.received_ms = (int64_t)random_next(random),
					.note = (uint32_t)random_next(random),
					.stored_count = (uint32_t)random_next(random),
					.repeated_count = (uint32_t)random_wide(random),
					.late_count = 3};

	for (int i = 0; i < 16; i++) {
		request.key[i] = (uint8_t)random_next(random);
		request.body[i] = (uint8_t)random_next(random);
	}
	return request;
}

/* ---- comparing ------------------------------------------------------- */

static void
check_text(struct store_str found, struct store_str wanted)
{
	assert_int_equal(found.size, wanted.size);
	assert_memory_equal(found.size == 0 ? "" : found.bytes,
			    wanted.size == 0 ? "" : wanted.bytes, wanted.size);
}

static void
check_cell(enum store_type type, const struct store_cell *found, const struct store_cell *wanted)
{
	assert_int_equal(found->column, wanted->column);
	if (type == STORE_MAP) {
		check_text(found->value.pair->key, wanted->value.pair->key);
		check_text(found->value.pair->value, wanted->value.pair->value);
	} else if (type == STORE_STRING)
		check_text(found->value.s, wanted->value.s);
	else
		assert_true(found->value.u == wanted->value.u);
}

static void
check_request(const struct store_request *found, const struct store_request *wanted)
{
	assert_memory_equal(found->key, wanted->key, sizeof wanted->key);
	assert_memory_equal(found->body, wanted->body, sizeof wanted->body);
	assert_true(found->received_ms == wanted->received_ms);
	assert_int_equal(found->note, wanted->note);
	assert_int_equal(found->stored_count, wanted->stored_count);
	assert_int_equal(found->repeated_count, wanted->repeated_count);
	assert_int_equal(found->late_count, wanted->late_count);
}

static void
check_entry(const struct wal_entry *found, const struct wal_entry *wanted)
{
	assert_int_equal(found->keyed, wanted->keyed);
	assert_memory_equal(found->view.key, wanted->view.key, sizeof wanted->view.key);
	assert_memory_equal(found->view.seen, wanted->view.seen, sizeof wanted->view.seen);
	assert_int_equal(found->view.version, wanted->view.version);
	assert_int_equal(found->view.has_row, wanted->view.has_row);
	assert_int_equal(found->view.had_row, wanted->view.had_row);
	assert_true(found->view.last_ms == wanted->view.last_ms);
	assert_int_equal(found->rows_count, wanted->rows_count);
	for (uint32_t i = 0; i < wanted->rows_count; i++) {
		const struct store_row *row = &wanted->rows[i];

		assert_int_equal(found->rows[i].table, row->table);
		assert_int_equal(found->rows[i].cells_count, row->cells_count);
		for (uint32_t j = 0; j < row->cells_count; j++)
			check_cell(tables[row->table].columns[row->cells[j].column].type,
				   &found->rows[i].cells[j], &row->cells[j]);
	}
}

/* The columns of `schema` as a program with the schema `now` sees them. */
static struct wal_columns *
columns_for(const struct store_schema *now)
{
	size_t size = wal_record_schema_bytes(&schema);
	unsigned char *bytes = malloc(size);
	struct wal_columns *columns;

	assert_non_null(bytes);
	wal_record_put_schema(&schema, bytes);
	columns = wal_record_columns(bytes, size, now);
	assert_non_null(columns);
	free(bytes);
	return columns;
}

/* ---- tests ----------------------------------------------------------- */

static void
test_round_trip(void **state)
{
	struct random random = random_seeded("round_trip");
	struct wal_columns *columns = columns_for(&schema);
	struct store_arena *arena = store_arena_create(0);
	static const unsigned char pad[4096];
	static struct built built[8];
	struct wal_buffer buffer = {0};

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct store_request request = random_request(&random), found_request;
		bool with = random_below(&random, 2), has;
		uint32_t count = (uint32_t)random_below(&random, 9), found_count;
		size_t before = random_below(&random, sizeof pad);
		struct wal_cursor cursor;

		/* Its end comes at other places each time. */
		free(buffer.bytes);
		buffer = (struct wal_buffer){0};
		wal_record_put_bytes(&buffer, pad, before);
		wal_record_put_request(&buffer, with ? &request : NULL);
		wal_record_put_count(&buffer, count);
		for (uint32_t i = 0; i < count; i++) {
			random_entry(&random, &built[i]);
			wal_record_put_entry(&buffer, &schema, &built[i].entry);
		}
		assert_false(buffer.failed);

		cursor =
		    (struct wal_cursor){buffer.bytes + before, buffer.bytes + buffer.size, columns};
		assert_int_equal(wal_record_get_request(&cursor, &found_request, &has), 0);
		assert_int_equal(has, with);
		if (with)
			check_request(&found_request, &request);
		assert_int_equal(wal_record_get_count(&cursor, &found_count), 0);
		assert_int_equal(found_count, count);
		for (uint32_t i = 0; i < count; i++) {
			struct wal_entry entry;

			assert_int_equal(wal_record_get_entry(&cursor, arena, &entry), 0);
			check_entry(&entry, &built[i].entry);
		}
		assert_int_equal(wal_record_get_end(&cursor), 0);
		store_arena_reset(arena);
	}
	free(buffer.bytes);
	store_arena_free(arena);
	wal_record_columns_free(columns);
}

/* Numbers of columns that need one byte and two. */
static void
test_many_columns(void **state)
{
	static char names[300][8];
	static struct store_column columns[300];
	struct store_table table = {"wide", columns, 300, false};
	struct store_schema wide = {&table, 1};
	struct store_cell cells[300] = {0};
	struct store_row row = {0, 300, cells};
	struct wal_entry entry = {.rows = &row, .rows_count = 1}, found;
	struct store_arena *arena = store_arena_create(0);
	struct wal_buffer buffer = {0};
	struct wal_columns *read;
	unsigned char bytes[8192];
	struct wal_cursor cursor;

	(void)state;
	for (uint16_t i = 0; i < 300; i++) {
		snprintf(names[i], sizeof names[i], "c%u", i);
		columns[i] = (struct store_column){
		    .name = names[i], .type = i % 3 == 0 ? STORE_FLOAT : STORE_UINT, .bits = 64};
		cells[i] = (struct store_cell){.column = i, .value.u = (uint64_t)i << i % 50};
	}
	wal_record_put_entry(&buffer, &wide, &entry);
	assert_true(wal_record_schema_bytes(&wide) <= sizeof bytes);
	wal_record_put_schema(&wide, bytes);
	read = wal_record_columns(bytes, wal_record_schema_bytes(&wide), &wide);
	assert_non_null(read);
	cursor = (struct wal_cursor){buffer.bytes, buffer.bytes + buffer.size, read};
	assert_int_equal(wal_record_get_entry(&cursor, arena, &found), 0);
	assert_int_equal(wal_record_get_end(&cursor), 0);
	assert_int_equal(found.rows[0].cells_count, 300);
	for (uint32_t i = 0; i < 300; i++)
		check_cell(columns[i].type, &found.rows[0].cells[i], &cells[i]);
	wal_record_columns_free(read);
	store_arena_free(arena);
	free(buffer.bytes);
}

static void
test_erasure(void **state)
{
	struct store_erasure number = {.number = UINT64_MAX - 5}, sort = {.sort = {"shop", 4}};
	struct store_erasure empty = {.sort = {"", 0}}, found;
	const struct store_erasure *const all[] = {&number, &sort, &empty};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct wal_buffer buffer = {0};
		struct wal_cursor cursor;

		wal_record_put_erasure(&buffer, all[i]);
		for (size_t size = 0; size <= buffer.size; size++) {
			unsigned char *copy = malloc(size + (size == 0));

			assert_non_null(copy);
			memcpy(copy, buffer.bytes, size);
			cursor = (struct wal_cursor){copy, copy + size, NULL};
			assert_int_equal(wal_record_get_erasure(&cursor, &found),
					 size == buffer.size ? 0 : STORE_ECORRUPT);
			if (size == buffer.size) {
				assert_int_equal(wal_record_get_end(&cursor), 0);
				assert_true(found.number == all[i]->number);
				assert_int_equal(found.sort.bytes == NULL,
						 all[i]->sort.bytes == NULL);
				check_text(found.sort, all[i]->sort);
			}
			free(copy);
		}
		free(buffer.bytes);
	}
}

/* Everything of a payload; the first code that is not 0. */
static int
read_all(const unsigned char *bytes, size_t size, const struct wal_columns *columns,
	 struct store_arena *arena)
{
	struct wal_cursor cursor = {bytes, bytes + size, columns};
	struct store_request request;
	struct wal_entry entry;
	uint32_t count = 0;
	bool has;
	int result = wal_record_get_request(&cursor, &request, &has);

	if (result == 0)
		result = wal_record_get_count(&cursor, &count);
	for (uint32_t i = 0; result == 0 && i < count; i++)
		result = wal_record_get_entry(&cursor, arena, &entry);
	return result != 0 ? result : wal_record_get_end(&cursor);
}

/* Cut anywhere, or longer than it says: refused. Bits flipped: any result, but
 * no byte beyond the payload is touched (it ends where malloc's memory does). */
static void
test_malformed(void **state)
{
	struct random random = random_seeded("malformed");
	struct wal_columns *columns = columns_for(&schema);
	struct store_arena *arena = store_arena_create(64 << 20);
	static struct built built;
	struct wal_buffer buffer = {0};

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct store_request request = random_request(&random);

		buffer.size = 0;
		wal_record_put_request(&buffer, &request);
		wal_record_put_count(&buffer, 1);
		random_entry(&random, &built);
		wal_record_put_entry(&buffer, &schema, &built.entry);
		for (size_t size = 0; size <= buffer.size + 1; size++) {
			unsigned char *copy = calloc(1, size + 1);

			assert_non_null(copy);
			memcpy(copy, buffer.bytes, size < buffer.size ? size : buffer.size);
			copy = realloc(copy, size == 0 ? 1 : size);
			assert_int_equal(read_all(copy, size, columns, arena),
					 size == buffer.size ? 0 : STORE_ECORRUPT);
			free(copy);
			store_arena_reset(arena);
		}
		for (int i = 0; i < 2000; i++) {
			size_t at = random_below(&random, buffer.size);
			unsigned char *copy = malloc(buffer.size);

			assert_non_null(copy);
			memcpy(copy, buffer.bytes, buffer.size);
			copy[at] = (unsigned char)random_next(&random);
			(void)read_all(copy, buffer.size, columns, arena);
			free(copy);
			store_arena_reset(arena);
		}
	}
	free(buffer.bytes);
	store_arena_free(arena);
	wal_record_columns_free(columns);
}

/* The schema in the head: cut anywhere, or with bytes left over. */
static void
test_malformed_schema(void **state)
{
	size_t size = wal_record_schema_bytes(&schema);

	(void)state;
	for (size_t cut = 0; cut <= size + 1; cut++) {
		unsigned char *bytes = calloc(1, size + 1), *copy = malloc(cut + (cut == 0));
		struct wal_columns *columns;

		assert_true(bytes != NULL && copy != NULL);
		wal_record_put_schema(&schema, bytes);
		memcpy(copy, bytes, cut);
		columns = wal_record_columns(copy, cut, &schema);
		assert_int_equal(columns != NULL, cut == size);
		wal_record_columns_free(columns);
		free(bytes);
		free(copy);
	}
}

/* Another order, a column and a type gone, more and fewer bits, a new table in
 * front: the values that still fit are found under their names. */
static void
test_changed_schema(void **state)
{
	static const struct store_column now_columns[] = {
	    {.name = "new", .type = STORE_STRING},
	    {.name = "small", .type = STORE_UINT, .bits = 64},
	    {.name = "id", .type = STORE_UINT, .bits = 32},
	    {.name = "site", .type = STORE_TIME},
	    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
	};
	static const struct store_table now_tables[] = {
	    {"other", error_columns, 2, false},
	    {"views", now_columns, 5, true},
	};
	static const struct store_schema now = {now_tables, 2};
	struct wal_columns *columns = columns_for(&now);
	struct store_arena *arena = store_arena_create(0);
	static const struct store_pair plan = {{"plan", 4}, {"pro", 3}};
	struct store_cell view[] = {
	    {.column = 0, .value.i = -5},       {.column = 1, .value.s = {"shop", 4}},
	    {.column = 3, .value.u = 77},       {.column = 4, .value.u = 200},
	    {.column = 5, .value.pair = &plan},
	};
	struct store_cell message = {.column = 1, .value.s = {"boom", 4}};
	struct store_row rows[] = {{1, 1, &message}, {0, 5, view}, {1, 1, &message}};
	struct wal_entry entry = {.rows = rows, .rows_count = 3}, found;
	struct wal_buffer buffer = {0};
	struct wal_cursor cursor;

	(void)state;
	wal_record_put_entry(&buffer, &schema, &entry);
	cursor = (struct wal_cursor){buffer.bytes, buffer.bytes + buffer.size, columns};
	assert_int_equal(wal_record_get_entry(&cursor, arena, &found), 0);
	assert_int_equal(found.rows_count, 1);
	assert_int_equal(found.rows[0].table, 1);
	assert_int_equal(found.rows[0].cells_count, 2);
	assert_int_equal(found.rows[0].cells[0].column, 4);
	assert_true(found.rows[0].cells[0].value.i == -5);
	assert_int_equal(found.rows[0].cells[1].column, 1);
	assert_true(found.rows[0].cells[1].value.u == 200);
	free(buffer.bytes);
	store_arena_free(arena);
	wal_record_columns_free(columns);
}

/* Where the keyed table is gone, the next row is not taken for the view's. */
static void
test_view_without_table(void **state)
{
	static const struct store_schema now = {&tables[1], 1};
	struct wal_columns *columns = columns_for(&now);
	struct store_arena *arena = store_arena_create(0);
	struct store_cell ts = {.column = 0, .value.i = 1};
	struct store_row rows[] = {{0, 1, &ts}, {1, 1, &ts}};
	struct wal_entry entry = {.keyed = true, .rows = rows, .rows_count = 2}, found;
	struct wal_buffer buffer = {0};
	struct wal_cursor cursor;

	(void)state;
	entry.view.has_row = true;
	wal_record_put_entry(&buffer, &schema, &entry);
	cursor = (struct wal_cursor){buffer.bytes, buffer.bytes + buffer.size, columns};
	assert_int_equal(wal_record_get_entry(&cursor, arena, &found), 0);
	assert_int_equal(found.rows_count, 1);
	assert_int_equal(found.rows[0].table, 0);
	assert_false(found.view.has_row);
	free(buffer.bytes);
	store_arena_free(arena);
	wal_record_columns_free(columns);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_many_columns),
	    cmocka_unit_test(test_malformed),      cmocka_unit_test(test_malformed_schema),
	    cmocka_unit_test(test_changed_schema), cmocka_unit_test(test_view_without_table),
	    cmocka_unit_test(test_erasure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
