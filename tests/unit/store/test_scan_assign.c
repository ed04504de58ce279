/*
 * Goal: rows grouped by strings are counted in the groups that they are in,
 * whether by codes or by groups, in blocks that know few strings or many, one only
 * or none, with weights or some without. Method: rows (seeded) flushed now and then;
 * queries by up to three strings, against a count row by row; and whatever else is
 * asked for, groups come in the same order. And while rows of memory are read whose
 * strings become more, each counts once.
 */
#include "query_text.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TS, SITE, COUNTRY, DEVICE, WEIGHT, LCP, BYTES, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "country", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "device", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "bytes", .type = STORE_UINT, .bits = 32},
};
static const struct store_table tables[] = {{"pageviews", columns, COLUMNS, false}};
static const struct store_schema schema = {tables, 1};

#define PICK(random, list) (list)[random_below(random, sizeof(list) / sizeof *(list))]

#define PARTS 14u
#define LARGE_PARTS 28u /* three blocks */
#define PART_ROWS 5000u
#define GROUPS_MAX 3200u
#define BASE_MS 1780000000000

struct row {
	uint32_t ids[3];     /* site, country, device */
	char strings[3][12]; /* of the ids */
	uint64_t weight, bytes;
	bool has_lcp;
	uint64_t lcp; /* tenths */
};

static struct row rows[(PARTS + LARGE_PARTS) * PART_ROWS];
static uint32_t rows_count;

/* ---- rows -------------------------------------------------------------- */

static void
add_string(struct store_row *row, struct store_cell *cells, uint16_t column, const char *text)
{
	if (text[0] == '\0')
		return;
	cells[row->cells_count].column = column;
	cells[row->cells_count++].value.s = (struct store_str){text, (uint32_t)strlen(text)};
}

static void
build(const struct row *row, int64_t ts, struct store_cell *cells, struct store_row *out)
{
	*out = (struct store_row){0, 0, cells};
	cells[out->cells_count].column = TS;
	cells[out->cells_count++].value.i = ts;
	for (uint16_t i = 0; i < 3; i++)
		add_string(out, cells, (uint16_t)(SITE + i), row->strings[i]);
	cells[out->cells_count].column = WEIGHT;
	cells[out->cells_count++].value.u = row->weight;
	cells[out->cells_count].column = BYTES;
	cells[out->cells_count++].value.u = row->bytes;
	if (!row->has_lcp)
		return;
	cells[out->cells_count].column = LCP;
	cells[out->cells_count++].value.f = (double)row->lcp / 10;
}

/* How many sites, countries and devices rows of a day have. */
struct part {
	int64_t day;
	uint64_t sites, countries, devices;
	bool one_late; /* device in the day's latter half, an hour long */
};

static void
append_part(struct store *store, struct random *random, const struct part *part, bool weighted)
{
	static struct store_cell cells[PART_ROWS][COLUMNS];
	static struct store_row built[PART_ROWS];
	int64_t day = BASE_MS + part->day * 86400000;
	uint64_t first = random_below(random, 100),
		 lcp_max = random_below(random, 4) == 0 ? 1 : 60000;
	bool has_nulls = random_below(random, 2);
	struct store_entry entry = {.rows = built, .rows_count = PART_ROWS, .received_ms = day};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	for (uint32_t i = 0; i < PART_ROWS; i++) {
		struct row *row = &rows[rows_count++];
		int64_t ts = (int64_t)random_below(random, 3600000);

		*row = (struct row){.weight = weighted ? 1 + random_below(random, 3) * 7 : 1,
				    .bytes = random_below(random, 1000),
				    .has_lcp = !has_nulls || random_below(random, 3) != 0,
				    .lcp = random_below(random, lcp_max)};
		row->ids[0] = (uint32_t)random_below(random, part->sites);
		row->ids[1] = (uint32_t)(first + random_below(random, part->countries));
		row->ids[2] = part->one_late && ts > 1800000
				  ? 1
				  : (uint32_t)random_below(random, part->devices);
		snprintf(row->strings[0], 12, "s%u", row->ids[0]);
		snprintf(row->strings[1], 12, "c%u", row->ids[1]);
		if (row->ids[2] > 0)
			snprintf(row->strings[2], 12, "d%u", row->ids[2]);
		build(row, day + ts, cells[i], &built[i]);
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* Three days whose blocks have one, a few or hundreds of strings, partly in
 * memory, and one of several blocks, of which some have one site and one device. */
static void
fill(struct store *store, struct random *random, bool weighted)
{
	static const uint64_t most[] = {1, 3, 40, 300};
	struct part large = {.day = 3, .sites = 2, .countries = 30, .devices = 2, .one_late = true};

	rows_count = 0;
	for (uint32_t i = 0; i < LARGE_PARTS; i++)
		append_part(store, random, &large, weighted);
	for (uint32_t i = 0; i < PARTS; i++) {
		struct part part = {.day = (int64_t)random_below(random, 3),
				    .sites = 1 + random_below(random, 2),
				    .countries = PICK(random, most),
				    .devices = 1 + random_below(random, 4)};

		append_part(store, random, &part, weighted && i % 3 != 1);
		if (i % 3 == 0)
			assert_int_equal(store_flush(store, NULL), 0);
	}
}

/* ---- row by row -------------------------------------------------------- */

#define CLASSES 6u

/* The last two take the groups of rows. */
static const char *const classes[CLASSES] = {"count(lcp)",
					     "countIf(lcp <= 2500)",
					     "countIf(lcp > 2500 AND lcp <= 4000)",
					     "countIf(bytes < 400)",
					     "count()",
					     "max(bytes)"};

static void
add_to_class(const struct row *row, uint32_t class, uint64_t *sum)
{
	const bool is_in[CLASSES] = {row->has_lcp,
				     row->has_lcp && row->lcp <= 25000,
				     row->has_lcp && row->lcp > 25000 && row->lcp <= 40000,
				     row->bytes < 400,
				     true,
				     false};

	if (class == CLASSES - 1)
		*sum = row->bytes > *sum ? row->bytes : *sum;
	else if (is_in[class])
		*sum += row->weight;
}

struct where {
	const char *text;
	uint64_t bytes_below;
	const char *site;
};

static const struct where wheres[] = {{"1", UINT64_MAX, NULL},
				      {"site = 's0'", UINT64_MAX, "s0"},
				      {"bytes < 3", 3, NULL},
				      {"bytes < 500 AND site = 's1'", 500, "s1"}};

static bool
is_wanted(const struct where *where, const struct row *row)
{
	return row->bytes < where->bytes_below &&
	       (where->site == NULL || strcmp(row->strings[0], where->site) == 0);
}

/* ---- queries ----------------------------------------------------------- */

struct query {
	int keys[3];                     /* of strings[] */
	uint32_t keys_count, first, end; /* of classes */
	const struct where *where;
};

static struct store_result *
run(struct store *store, const struct query *query)
{
	static const char *const names[] = {"site", "country", "device"};
	struct store_query asked = {.now_ms = BASE_MS};
	struct text text = {0};

	text_add(&text, "SELECT ");
	for (uint32_t k = 0; k < query->keys_count; k++)
		text_add(&text, "%s, ", names[query->keys[k]]);
	for (uint32_t c = query->first; c < query->end; c++)
		text_add(&text, "%s%s", classes[c], c + 1 < query->end ? ", " : "");
	text_add(&text, " FROM pageviews WHERE %s%s", query->where->text,
		 query->keys_count > 0 ? " GROUP BY " : "");
	for (uint32_t k = 0; k < query->keys_count; k++)
		text_add(&text, "%s%s", k > 0 ? ", " : "", names[query->keys[k]]);
	asked.text = (struct store_str){text.bytes, (uint32_t)strlen(text.bytes)};
	return query_answer(store, &asked);
}

static bool
is_same(struct store_str a, struct store_str b)
{
	return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static bool
has_keys(const struct query *query, const struct store_result *result, uint64_t at,
	 const struct row *row)
{
	for (uint32_t k = 0; k < query->keys_count; k++) {
		const char *wanted = row->strings[query->keys[k]];

		if (!is_same(result->values[k][at].v.s,
			     (struct store_str){wanted, (uint32_t)strlen(wanted)}))
			return false;
	}
	return true;
}

/* The row's group, by trying all; *known is what was found for rows of its strings. */
static uint64_t
find_group(const struct query *query, const struct store_result *result, const struct row *row,
	   uint32_t *known)
{
	for (uint32_t tried = 0; !has_keys(query, result, *known, row); tried++) {
		assert_true(tried < result->rows_count);
		*known = (*known + 1) % (uint32_t)result->rows_count;
	}
	return *known;
}

static void
check(const struct query *query, const struct store_result *result)
{
	static uint64_t sums[GROUPS_MAX][CLASSES], members[GROUPS_MAX];
	static uint32_t known[2][400][4];

	assert_true(result->rows_count > 0 && result->rows_count <= GROUPS_MAX);
	memset(sums, 0, sizeof sums);
	memset(members, 0, sizeof members);
	memset(known, 0, sizeof known);
	for (uint32_t i = 0; i < rows_count; i++) {
		const uint32_t *ids = rows[i].ids;
		uint64_t group;

		if (!is_wanted(query->where, &rows[i]))
			continue;
		group = find_group(query, result, &rows[i], &known[ids[0]][ids[1]][ids[2]]);
		members[group]++;
		for (uint32_t c = query->first; c < query->end; c++)
			add_to_class(&rows[i], c, &sums[group][c]);
	}
	for (uint64_t g = 0; g < result->rows_count; g++) {
		const uint32_t keys = query->keys_count;

		assert_true(members[g] > 0);
		for (uint32_t c = query->first; c < query->end; c++)
			assert_int_equal(result->values[keys + c - query->first][g].v.u,
					 sums[g][c]);
	}
}

static void
check_same_keys(const struct query *query, const struct store_result *a,
		const struct store_result *b)
{
	assert_int_equal(a->rows_count, b->rows_count);
	for (uint64_t i = 0; i < a->rows_count; i++) {
		for (uint32_t k = 0; k < query->keys_count; k++)
			assert_true(is_same(a->values[k][i].v.s, b->values[k][i].v.s));
	}
}

static void
check_store(const char *name, bool weighted)
{
	static const int orders[][3] = {{1},       {1, 2}, {2, 1}, {0, 1, 2},
					{2, 0, 1}, {2},    {1, 0}, {0}};
	static const uint32_t counts[] = {1, 2, 2, 3, 3, 1, 2, 0};
	struct random random = random_seeded(name);
	char directory[256];
	struct store *store = query_open(&schema, directory);

	fill(store, &random, weighted);
	for (int i = 0; i < 24; i++) {
		uint32_t order = (uint32_t)random_below(&random, 8);
		struct query query = {.keys_count = counts[order],
				      .first = (uint32_t)random_below(&random, 4),
				      .end = 4,
				      .where = &PICK(&random, wheres)};
		struct store_result *by_codes, *by_groups, *rows_only;

		memcpy(query.keys, orders[order], sizeof query.keys);
		by_codes = run(store, &query);
		check(&query, by_codes);
		query.end = CLASSES;
		by_groups = run(store, &query);
		check(&query, by_groups);
		check_same_keys(&query, by_codes, by_groups);
		query.first = CLASSES - 2;
		query.end = CLASSES - 1;
		rows_only = run(store, &query);
		check(&query, rows_only);
		check_same_keys(&query, by_groups, rows_only);
		store_result_free(rows_only);
		store_result_free(by_codes);
		store_result_free(by_groups);
	}
	query_close(store, directory);
}

static void
test_plain(void **state)
{
	(void)state;
	check_store("plain", false);
}

static void
test_weighted(void **state)
{
	(void)state;
	check_store("weighted", true);
}

/* ---- strings that become more ------------------------------------------- */

#define NEW_COUNTRIES 600u

struct growing {
	struct store *store;
	_Atomic uint64_t rows; /* acknowledged */
	_Atomic bool done;
};

static void *
append_countries(void *argument)
{
	struct growing *growing = argument;

	for (uint32_t i = 0; i < NEW_COUNTRIES; i++) {
		struct row row = {.strings = {"s0"}, .weight = 1, .has_lcp = true};
		struct store_cell cells[COLUMNS] = {0};
		struct store_row built;
		struct store_entry entry = {
		    .rows = &built, .rows_count = 1, .received_ms = BASE_MS};
		struct store_commit commit = {.entries = &entry, .entries_count = 1};

		snprintf(row.strings[1], 12, "n%u", i);
		build(&row, BASE_MS, cells, &built);
		if (store_append(growing->store, &commit, 1, NULL) == 0 && commit.result == 0)
			growing->rows++;
	}
	growing->done = true;
	return NULL;
}

static void
test_growing(void **state)
{
	static const char text[] =
	    "SELECT country, count(lcp), countIf(lcp <= 2500) FROM pageviews GROUP BY country";
	struct random random = random_seeded("growing");
	struct part part = {.sites = 1, .countries = 30, .devices = 1};
	struct growing growing = {.rows = 0};
	char directory[256];
	pthread_t writer;

	(void)state;
	growing.store = query_open(&schema, directory);
	rows_count = 0;
	for (uint32_t i = 0; i < 8; i++)
		append_part(growing.store, &random, &part, false);
	for (uint32_t i = 0; i < rows_count; i++)
		growing.rows += rows[i].has_lcp;
	assert_int_equal(pthread_create(&writer, NULL, append_countries, &growing), 0);
	while (!growing.done) {
		struct store_query query = {.text = {text, sizeof text - 1}, .threads = 1};
		uint64_t before = growing.rows, counted = 0;
		struct store_result *result = query_answer(growing.store, &query);

		for (uint64_t g = 0; g < result->rows_count; g++)
			counted += result->values[1][g].v.u;
		assert_in_range(counted, before, growing.rows + 1);
		store_result_free(result);
	}
	pthread_join(writer, NULL);
	query_close(growing.store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_weighted),
	    cmocka_unit_test(test_growing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
