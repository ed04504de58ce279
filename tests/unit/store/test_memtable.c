/*
 * Goal: a generation holds its rows with the commits at which they were born and
 * died, so that a reader at commit S sees exactly the versions of that moment,
 * also while rows are added; bounds refuse a row and leave nothing of it alive.
 * Method: random rows, updates and undone commits (seeded) against an array of
 * versions, read back at every S and in every way; each bound reached.
 */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/codec_vector.h"
#include "store/memtable.h"

enum { TS, SITE, LCP, PLAIN, SMALL, TAGS };

static const struct store_column columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "plain", .type = STORE_FLOAT, .flags = STORE_NULLABLE},
    {.name = "small", .type = STORE_UINT, .bits = 16},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_column other_columns[] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "text", .type = STORE_STRING},
};
static const struct store_table tables[] = {
    {"views", columns, 6, false},
    {"other", other_columns, 2, false},
};
static const struct store_schema schema = {tables, 2};

#define KEYS 3
static const char *const keys[KEYS] = {"plan", "ab", "theme"};

/* One row as it was appended; absent values are false, "" and 0. */
struct version {
	uint64_t born, died;
	int64_t ts;
	uint16_t small;
	bool has_ts, has_lcp, has_plain, has_small;
	double lcp, plain;
	char site[8], tags[KEYS][8];
};

#define VERSIONS_MAX 4000
#define UNSETTLED_MAX 40u

struct model {
	struct version versions[VERSIONS_MAX];
	uint32_t count;
	uint32_t unsettled; /* of them, at most */
};

static struct model model;

/* ---- writing --------------------------------------------------------- */

static struct store_str
text_of(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static void
random_text(struct random *random, char *out)
{
	snprintf(out, 8, "%.*s", (int)random_below(random, 3), "xyz");
	if (random_below(random, 2))
		snprintf(out, 8, "s%u", (unsigned)random_below(random, 2000));
}

static struct version
random_version(struct random *random, uint64_t commit)
{
	struct version version = {.born = commit,
				  .died = MEMTABLE_ALIVE,
				  .has_ts = random_below(random, 8) > 0,
				  .has_lcp = random_below(random, 2),
				  .has_plain = random_below(random, 2),
				  .has_small = random_below(random, 2)};

	if (version.has_ts)
		version.ts = (int64_t)random_next(random);
	if (version.has_lcp)
		version.lcp = (double)random_below(random, 100000) / 10;
	if (version.has_plain)
		version.plain = ldexp((double)random_next(random), -70);
	if (version.has_small)
		version.small = (uint16_t)random_next(random);
	random_text(random, version.site);
	for (int i = 0; i < KEYS; i++) {
		if (random_below(random, 3) == 0)
			random_text(random, version.tags[i]);
	}
	return version;
}

/* A row's cells, and the pairs of its map. */
struct built {
	struct store_cell cells[9];
	struct store_pair pairs[KEYS];
};

static struct store_row
row_of(const struct version *version, struct built *built)
{
	struct store_cell *cells = built->cells;
	uint16_t count = 0;

	if (version->has_ts)
		cells[count++] = (struct store_cell){.column = TS, .value.i = version->ts};
	if (version->site[0] != '\0')
		cells[count++] =
		    (struct store_cell){.column = SITE, .value.s = text_of(version->site)};
	if (version->has_lcp)
		cells[count++] = (struct store_cell){.column = LCP, .value.f = version->lcp};
	if (version->has_plain)
		cells[count++] = (struct store_cell){.column = PLAIN, .value.f = version->plain};
	if (version->has_small)
		cells[count++] = (struct store_cell){.column = SMALL, .value.u = version->small};
	for (int i = 0; i < KEYS; i++) {
		built->pairs[i] = (struct store_pair){text_of(keys[i]), text_of(version->tags[i])};
		if (version->tags[i][0] != '\0')
			cells[count++] =
			    (struct store_cell){.column = TAGS, .value.pair = &built->pairs[i]};
	}
	return (struct store_row){0, count, cells};
}

/* One that readers see at once. */
static int
append_row(struct memtable *memtable, const struct store_row *row, uint64_t commit, uint32_t *index)
{
	int result = memtable_add(memtable, row, commit, index);

	return result != 0 ? result : memtable_settle(memtable);
}

/* Its cells stay as they are for a while. */
static void
append(struct memtable *memtable, const struct version *version)
{
	static struct built built[UNSETTLED_MAX];
	struct store_row row;
	uint32_t index;

	model.versions[model.count] = *version;
	row = row_of(&model.versions[model.count], &built[model.count % UNSETTLED_MAX]);
	assert_int_equal(memtable_add(memtable, &row, version->born, &index), 0);
	assert_int_equal(index, model.count);
	model.count++;
	if (++model.unsettled == UNSETTLED_MAX) {
		assert_int_equal(memtable_settle(memtable), 0);
		model.unsettled = 0;
	}
}

static void
kill(struct memtable *memtable, uint32_t row, uint64_t commit)
{
	memtable_set_died(memtable, 0, row, commit);
	model.versions[row].died = commit;
}

/* One commit: rows added, rows replaced. An undone one leaves rows that die at
 * their birth, and gives those it killed their life back. */
static void
random_commit(struct memtable *memtable, struct random *random, uint64_t commit)
{
	bool undone = random_below(random, 8) == 0;

	for (uint64_t i = random_below(random, 12); i > 0 && model.count < VERSIONS_MAX; i--) {
		struct version version = random_version(random, commit);
		uint32_t old = model.count;

		if (model.count > 0 && random_below(random, 2))
			old = (uint32_t)random_below(random, model.count);
		if (old < model.count && model.versions[old].died != MEMTABLE_ALIVE)
			continue;
		if (old < model.count) {
			kill(memtable, old, commit);
			if (undone)
				kill(memtable, old, MEMTABLE_ALIVE);
		}
		append(memtable, &version);
		if (undone)
			kill(memtable, model.count - 1, commit);
	}
}

/* ---- reading --------------------------------------------------------- */

static void
check_string(const struct vector *vector, uint32_t at, const char *wanted)
{
	struct store_str found = {NULL, 0};

	if (!vector->all_null) {
		assert_true(vector->codes[at] < vector->dictionary->count);
		found = dictionary_entry(vector->dictionary, vector->codes[at]);
	}
	assert_int_equal(found.size, strlen(wanted));
	assert_memory_equal(found.size == 0 ? "" : found.bytes, wanted, found.size);
}

static void
check_number(const struct vector *vector, uint32_t at, bool nullable, bool present, int64_t wanted)
{
	if (vector->all_null) {
		assert_false(present);
		return;
	}
	assert_int_equal(vector->nulls != NULL, nullable);
	assert_true(vector->values[at] == (present ? wanted : 0));
	if (nullable)
		assert_int_equal(bitmap_get(vector->nulls, at), !present);
}

/* Rows rows[count], or first .. when that is NULL. */
static void
check_read(const struct memtable *memtable, const uint32_t *rows, uint32_t first, uint32_t count)
{
	struct store_arena *arena = store_arena_create(0);
	struct vector vectors[TAGS], tags[KEYS];
	struct store_str none = {NULL, 0};

	for (uint16_t i = 0; i < TAGS; i++)
		assert_int_equal(
		    memtable_read(memtable, 0, i, none, rows, first, count, arena, &vectors[i]), 0);
	for (int i = 0; i < KEYS; i++)
		assert_int_equal(memtable_read(memtable, 0, TAGS, text_of(keys[i]), rows, first,
					       count, arena, &tags[i]),
				 0);
	for (uint32_t i = 0; i < count; i++) {
		const struct version *version = &model.versions[rows == NULL ? first + i : rows[i]];
		int64_t bits;

		memcpy(&bits, &version->plain, sizeof bits);
		check_number(&vectors[TS], i, false, version->has_ts, version->ts);
		check_string(&vectors[SITE], i, version->site);
		check_number(&vectors[LCP], i, true, version->has_lcp, llround(version->lcp * 10));
		check_number(&vectors[PLAIN], i, true, version->has_plain, bits);
		check_number(&vectors[SMALL], i, false, version->has_small, version->small);
		for (int j = 0; j < KEYS; j++)
			check_string(&tags[j], i, version->tags[j]);
	}
	store_arena_free(arena);
}

static bool
is_same_text(struct store_str a, struct store_str b)
{
	return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static bool
is_same_value(const struct store_cell *a, const struct store_cell *b)
{
	if (a->column == TAGS)
		return is_same_text(a->value.pair->value, b->value.pair->value);
	return a->column == SITE ? is_same_text(a->value.s, b->value.s) : a->value.u == b->value.u;
}

/* The row as cells: what it was made of. */
static void
check_row(const struct memtable *memtable, uint32_t index)
{
	struct store_arena *arena = store_arena_create(0);
	struct built wanted;
	struct store_row row = row_of(&model.versions[index], &wanted), found;
	uint16_t matched = 0;

	assert_int_equal(memtable_row(memtable, 0, index, arena, &found), 0);
	assert_int_equal(found.cells_count, row.cells_count);
	for (uint16_t i = 0; i < row.cells_count; i++) {
		for (uint16_t j = 0; j < found.cells_count; j++) {
			const struct store_cell *cell = &found.cells[j], *own = &row.cells[i];

			if (cell->column != own->column ||
			    (cell->column == TAGS &&
			     !is_same_text(cell->value.pair->key, own->value.pair->key)))
				continue;
			matched++;
			assert_true(is_same_value(cell, own));
		}
	}
	assert_int_equal(matched, row.cells_count);
	for (uint16_t j = 1; j < found.cells_count; j++)
		assert_true(found.cells[j - 1].column <= found.cells[j].column);
	store_arena_free(arena);
}

/* Which versions a reader at each commit sees. */
static void
check_lifetimes(const struct memtable *memtable, uint64_t last)
{
	assert_int_equal(memtable_rows_count(memtable, 0), model.count);
	for (uint64_t at = 0; at <= last; at += 1 + last / 50) {
		for (uint32_t row = 0; row < model.count; row++) {
			const struct version *version = &model.versions[row];

			assert_int_equal(memtable_born(memtable, 0, row) <= at &&
					     at < memtable_died(memtable, 0, row),
					 version->born <= at && at < version->died);
		}
	}
}

static void
test_versions(void **state)
{
	struct random random = random_seeded("versions");
	struct memtable *memtable = memtable_create(&schema, 7);
	uint32_t rows[200];

	(void)state;
	assert_non_null(memtable);
	assert_int_equal(memtable_rows_count(memtable, 0), 0);
	model.count = model.unsettled = 0;
	for (uint64_t commit = 1; commit <= 700; commit++) {
		random_commit(memtable, &random, commit);
		assert_true(memtable_rows_count(memtable, 0) >= model.count - model.unsettled);
		if (commit % 100 != 0 && random_below(&random, 4) != 0)
			continue;
		assert_int_equal(memtable_settle(memtable), 0);
		model.unsettled = 0;
		assert_int_equal(memtable_rows_count(memtable, 0), model.count);
		if (commit % 100 != 0)
			continue;
		check_lifetimes(memtable, commit);
		check_read(memtable, NULL, 0, model.count);
		check_read(memtable, NULL, model.count / 2, model.count / 3);
		for (uint32_t i = 0; i < 200; i++) {
			rows[i] = (uint32_t)random_below(&random, model.count);
			check_row(memtable, rows[i]);
		}
		check_read(memtable, rows, 0, 200);
	}
	assert_true(model.count > 1024); /* more than a chunk */
	assert_true(memtable_bytes(memtable) > model.count * 16);
	memtable_release(memtable);
}

/* Columns are known once they have a value; a map has one per key. */
static void
test_columns(void **state)
{
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_arena *arena = store_arena_create(0);
	static const struct store_pair tags[] = {
	    {{"b", 1}, {"x", 1}}, {{"a", 1}, {"y", 1}}, {{"", 0}, {"z", 1}}, /* left out */
	};
	struct store_cell cells[] = {
	    {.column = SMALL, .value.u = 1},
	    {.column = TAGS, .value.pair = &tags[0]},
	    {.column = TAGS, .value.pair = &tags[1]},
	    {.column = TAGS, .value.pair = &tags[2]},
	};
	struct store_row row = {0, 4, cells};
	const struct segment_column *found;
	uint32_t index, count;

	(void)state;
	assert_int_equal(memtable_columns(memtable, 0, arena, &found, &count), 0);
	assert_int_equal(count, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	assert_int_equal(memtable_columns(memtable, 0, arena, &found, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(found[0].column, SMALL);
	assert_int_equal(found[1].column, TAGS);
	assert_memory_equal(found[1].key.bytes, "b", 1);
	assert_memory_equal(found[2].key.bytes, "a", 1);
	assert_int_equal(memtable_columns(memtable, 1, arena, &found, &count), 0);
	assert_int_equal(count, 0);
	store_arena_free(arena);
	memtable_release(memtable);
}

/* The bounds of time, also of rows whose columns are in no order. */
static void
test_times(void **state)
{
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_cell late[] = {{.column = SMALL, .value.u = 1}, {.column = TS, .value.i = 50}};
	struct store_cell early[] = {{.column = TS, .value.i = 20}};
	struct store_row row = {0, 2, late};
	int64_t min, max;
	uint32_t index;

	(void)state;
	assert_false(memtable_times(memtable, 0, &min, &max));
	assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	row = (struct store_row){0, 1, early};
	assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	assert_true(memtable_times(memtable, 0, &min, &max));
	assert_true(min == 20 && max == 50);
	row = (struct store_row){0, 1, late}; /* without a time */
	assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	assert_true(memtable_times(memtable, 0, &min, &max));
	assert_true(min == 0 && max == 50);
	memtable_release(memtable);
}

/* Strings of all sizes, alike but for a byte or their size: each is found again
 * as itself, with one code for equal ones, whichever form of the code adds it and
 * looks for it. Behind them is no memory. */
static void
test_strings(void **state)
{
	enum { ROWS = 20000, SIZE_MAX_TESTED = 40 };
	static char texts[ROWS][SIZE_MAX_TESTED];
	static uint32_t sizes[ROWS];
	struct random random = random_seeded("strings");
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_arena *arena = store_arena_create(0);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
	    mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vector vector;

	(void)state;
	assert_true(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		struct store_cell cell = {.column = SITE};
		struct store_row row = {0, 1, &cell};
		uint32_t index;

		sizes[i] = (uint32_t)random_below(&random, SIZE_MAX_TESTED + 1);
		memset(texts[i], 0, SIZE_MAX_TESTED);
		if (sizes[i] > 0 && random_below(&random, 2) == 0)
			texts[i][random_below(&random, sizes[i])] = (char)random_below(&random, 3);
		memcpy(pages + page - sizes[i], texts[i], sizes[i]);
		cell.value.s = (struct store_str){pages + page - sizes[i], sizes[i]};
		codec_set_plain(random_below(&random, 2) == 0);
		assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	}
	codec_set_plain(false);
	munmap(pages, 2 * page);
	assert_int_equal(memtable_read(memtable, 0, SITE, (struct store_str){NULL, 0}, NULL, 0,
				       ROWS, arena, &vector),
			 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		struct store_str found = dictionary_entry(vector.dictionary, vector.codes[i]);
		uint32_t other = (uint32_t)random_below(&random, ROWS);

		assert_int_equal(found.size, sizes[i]);
		assert_memory_equal(found.bytes, texts[i], sizes[i]);
		assert_int_equal(vector.codes[i] == vector.codes[other],
				 sizes[i] == sizes[other] &&
				     memcmp(texts[i], texts[other], sizes[i]) == 0);
	}
	/* At most two other values in each place, and none. */
	assert_true(vector.dictionary->count <= 1 + SIZE_MAX_TESTED * (2 * SIZE_MAX_TESTED + 1));
	store_arena_free(arena);
	memtable_release(memtable);
}

/* As llround has it, halves included. */
static void
test_rounding(void **state)
{
	enum { ROWS = 50000 };
	static double given[ROWS];
	struct random random = random_seeded("rounding");
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_arena *arena = store_arena_create(0);
	struct vector vector;

	(void)state;
	for (uint32_t i = 0; i < ROWS; i++) {
		struct store_cell cell = {.column = LCP};
		struct store_row row = {0, 1, &cell};
		double value = ((double)random_below(&random, 200001) - 100000) / 20;
		uint32_t index;

		if (random_below(&random, 2) == 0)
			value = nextafter(value, random_below(&random, 2) == 0 ? -1e9 : 1e9);
		given[i] = ldexp(value, (int)random_below(&random, 40) - 10);
		cell.value.f = given[i];
		assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	}
	assert_int_equal(memtable_read(memtable, 0, LCP, (struct store_str){NULL, 0}, NULL, 0, ROWS,
				       arena, &vector),
			 0);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_true(vector.values[i] == llround(given[i] * 10));
	store_arena_free(arena);
	memtable_release(memtable);
}

/* ---- bounds ---------------------------------------------------------- */

/* The number of map keys: values of further ones are left out. */
static void
test_many_keys(void **state)
{
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_arena *arena = store_arena_create(0);
	const struct segment_column *found;
	uint32_t index, count;

	(void)state;
	for (int i = 0; i < 1030; i++) {
		char key[16];
		struct store_pair tag = {.value = {"x", 1}};
		struct store_cell cell = {.column = TAGS, .value.pair = &tag};
		struct store_row row = {0, 1, &cell};

		snprintf(key, sizeof key, "key%d", i);
		tag.key = text_of(key);
		assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	}
	assert_int_equal(memtable_rows_count(memtable, 0), 1030);
	assert_int_equal(memtable_columns(memtable, 0, arena, &found, &count), 0);
	assert_int_equal(count, 1024);
	store_arena_free(arena);
	memtable_release(memtable);
}

/* A generation takes 512 Ki rows of a table; has_room is never wrong about
 * that, and right to the row. */
static void
test_full_of_rows(void **state)
{
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_cell cell = {.column = 0, .value.i = 1};
	struct store_row row = {1, 1, &cell};
	uint32_t index;

	(void)state;
	for (uint32_t i = 0; i < 512 * 1024; i++) {
		if (i % 100000 == 0 || i > 512 * 1024 - 3) {
			assert_int_equal(memtable_has_room(memtable, 512 * 1024 - 1 - i), true);
			assert_int_equal(memtable_has_room(memtable, 512 * 1024 + 1 - i), false);
		}
		assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	}
	assert_false(memtable_has_room(memtable, 1));
	assert_int_equal(append_row(memtable, &row, 2, &index), STORE_ELIMIT);
	assert_int_equal(memtable_rows_count(memtable, 1), 512 * 1024);
	row.table = 0;
	assert_int_equal(append_row(memtable, &row, 2, &index), 0);
	memtable_release(memtable);
}

/* And 512 Ki different strings a column. The row that has one too many is dead. */
static void
test_full_of_strings(void **state)
{
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_cell cells[] = {
	    {.column = TS, .value.i = 5},
	    {.column = SITE},
	    {.column = LCP, .value.f = 1},
	};
	struct store_row row = {0, 3, cells};
	uint32_t index, count = 0;
	char text[16];
	int result;

	(void)state;
	do {
		snprintf(text, sizeof text, "%u", count);
		cells[1].value.s = text_of(text);
		if (count % 1000 == 0 || count > 512 * 1024 - 3)
			assert_int_equal(memtable_has_room(memtable, 1), count < 512 * 1024 - 1);
		result = append_row(memtable, &row, 1, &index);
		count += result == 0;
	} while (result == 0);
	assert_int_equal(result, STORE_ELIMIT);
	assert_int_equal(count, 512 * 1024 - 1); /* '' is one */
	assert_int_equal(memtable_rows_count(memtable, 0), count + 1);
	assert_int_equal(memtable_died(memtable, 0, count), memtable_born(memtable, 0, count));

	assert_false(memtable_has_room(memtable, 1));
	memtable_release(memtable);
}

/* Beyond what a scaled float keeps exactly, values stop at the bound. */
static void
test_large_floats(void **state)
{
	static const double given[] = {1e15, 9e14, -1e300, 1e300, -0.04, 0.05};
	static const int64_t kept[] = {
	    9000000000000000, 9000000000000000, -9000000000000000, 9000000000000000, 0, 1};
	struct memtable *memtable = memtable_create(&schema, 7);
	struct store_arena *arena = store_arena_create(0);
	struct store_str none = {NULL, 0};
	struct vector vector;
	uint32_t index;

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct store_cell cell = {.column = LCP, .value.f = given[i]};
		struct store_row row = {0, 1, &cell};

		assert_int_equal(append_row(memtable, &row, 1, &index), 0);
	}
	assert_int_equal(memtable_read(memtable, 0, LCP, none, NULL, 0, 6, arena, &vector), 0);
	for (int i = 0; i < 6; i++)
		assert_true(vector.values[i] == kept[i]);
	store_arena_free(arena);
	memtable_release(memtable);
}

/* ---- threads --------------------------------------------------------- */

#define SHARED_ROWS 60000

/* Row n has ts n, site "n % 500" and, when even, lcp n. */
static void *
read_on(void *argument)
{
	struct memtable *memtable = argument;
	struct store_arena *arena = store_arena_create(0);
	struct store_str none = {NULL, 0};
	const char *wrong = NULL;
	uint32_t rows = 0;

	while (rows < SHARED_ROWS && wrong == NULL) {
		uint32_t first = rows;
		struct vector ts, lcp, site;

		store_arena_reset(arena);
		rows = memtable_rows_count(memtable, 0);
		first = rows - first > 3000 ? rows - 3000 : first;
		if (rows == first)
			continue;
		if (memtable_read(memtable, 0, TS, none, NULL, first, rows - first, arena, &ts) !=
			0 ||
		    memtable_read(memtable, 0, LCP, none, NULL, first, rows - first, arena, &lcp) !=
			0 ||
		    memtable_read(memtable, 0, SITE, none, NULL, first, rows - first, arena,
				  &site) != 0)
			wrong = "memory";
		for (uint32_t i = 0; wrong == NULL && i < rows - first; i++) {
			uint32_t row = first + i;
			char text[8];
			struct store_str found;

			if (memtable_born(memtable, 0, row) != row + 1 ||
			    memtable_died(memtable, 0, row) <= row)
				wrong = "lifetime";
			if (ts.values[i] != row)
				wrong = "time";
			if (lcp.all_null ? row % 2 == 0 : bitmap_get(lcp.nulls, i) != row % 2)
				wrong = "null";
			snprintf(text, sizeof text, "%u", row % 500);
			found = dictionary_entry(site.dictionary, site.codes[i]);
			if (found.size != strlen(text) ||
			    memcmp(found.bytes, text, found.size) != 0)
				wrong = "string";
		}
	}
	store_arena_free(arena);
	memtable_release(memtable);
	return (void *)(uintptr_t)wrong;
}

/* Rows below the count are whole, whatever the writer does meanwhile. */
static void
test_reader(void **state)
{
	static struct store_cell cells[64][3];
	static char texts[64][8];
	struct memtable *memtable = memtable_create(&schema, 7);
	pthread_t reader;
	void *wrong;

	(void)state;
	memtable_retain(memtable);
	assert_int_equal(pthread_create(&reader, NULL, read_on, memtable), 0);
	for (uint32_t row = 0; row < SHARED_ROWS; row++) {
		char *text = texts[row % 64];
		struct store_cell *of_row = cells[row % 64];
		struct store_row whole = {0, row % 2 ? 2 : 3, of_row};
		uint32_t index;

		snprintf(text, sizeof texts[0], "%u", row % 500);
		of_row[0] = (struct store_cell){.column = TS, .value.i = row};
		of_row[1] = (struct store_cell){.column = SITE, .value.s = text_of(text)};
		of_row[2] = (struct store_cell){.column = LCP, .value.f = row};
		assert_int_equal(memtable_add(memtable, &whole, row + 1, &index), 0);
		if (row % 3 == 0)
			memtable_set_died(memtable, 0, row / 3, row + 1);
		if (row % 37 == 0 || row == SHARED_ROWS - 1)
			assert_int_equal(memtable_settle(memtable), 0);
	}
	memtable_release(memtable); /* the reader keeps it */
	assert_int_equal(pthread_join(reader, &wrong), 0);
	if (wrong != NULL)
		fail_msg("the reader found a wrong %s", (const char *)wrong);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_versions),        cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_many_keys),       cmocka_unit_test(test_full_of_rows),
	    cmocka_unit_test(test_full_of_strings), cmocka_unit_test(test_large_floats),
	    cmocka_unit_test(test_reader),          cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_rounding),        cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
