/*
 * Goal: conditions that are judged by a block's bounds, NULLs and dictionary
 * keep exactly the rows for which they are true, and blocks that cannot match
 * are not read. Method: days (a block each) whose columns are absent, constant,
 * narrow, wide or NULL by turns, some in memory with replaced rows; random
 * conditions on every type (seeded), counted row by row by an evaluator of
 * three-valued logic that knows no blocks; then fixed queries whose blocks,
 * rows and bytes read are known.
 */
#include "query_text.h"

enum { TS, SITE, VIEW, FLAG, SIZE, ID, SPEED, RATIO, NAME, LABEL, TAGS, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "flag", .type = STORE_UINT, .bits = 8, .flags = STORE_NULLABLE},
    {.name = "size", .type = STORE_UINT, .bits = 32},
    {.name = "id", .type = STORE_UINT, .bits = 64},
    {.name = "speed", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "ratio", .type = STORE_FLOAT},
    {.name = "name", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "label", .type = STORE_STRING, .flags = STORE_NULLABLE},
    {.name = "tags", .type = STORE_MAP},
};
static const struct store_table tables[] = {{"t", columns, COLUMNS, true}};
static const struct store_schema schema = {tables, 1};

#define BASE_MS 1779926400000 /* 2026-05-28 */
#define DAY_MS 86400000
#define DAYS 16
#define DAYS_IN_MEMORY 3
#define DAY_ROWS 40
#define ROWS (DAYS * DAY_ROWS)
#define CONDITIONS 3000
#define LISTS 600

struct cell {
	bool null;
	uint64_t u; /* UINT; TIME in ms */
	double f;
	char s[12];
};

struct row {
	struct cell cells[COLUMNS];
};

/* ---- rows -------------------------------------------------------------- */

static const char *const words[] = {"", "alpha", "beta", "gamma", "delta", "Beta"};

/* How a column's values lie in one day. */
enum layout { ABSENT, CONSTANT, NARROW, WIDE, SPARSE, LAYOUTS };

static struct cell
random_cell(struct random *random, int column, enum layout layout, uint64_t base)
{
	static const uint64_t bounds[COLUMNS] = {
	    [FLAG] = 256, [SIZE] = UINT32_MAX, [ID] = UINT64_MAX, [SPEED] = 90000};
	bool nullable = columns[column].flags & STORE_NULLABLE;
	uint64_t spread = layout == CONSTANT ? 1 : layout == NARROW ? 4 : 1000;
	uint64_t value = base + random_below(random, spread);
	struct cell cell = {0};

	if (layout == ABSENT || (layout == SPARSE && random_below(random, 3) == 0)) {
		cell.null = nullable;
		return cell;
	}
	if (layout == WIDE && random_below(random, 2) == 0)
		value = random_next(random);
	cell.u = bounds[column] == 0 ? value : value % bounds[column];
	if (column == SPEED)
		cell.f = (double)((int64_t)cell.u - 45000) / 10;
	if (column == RATIO)
		cell.f = ((double)(value % 1000) - 500) / 7;
	if (columns[column].type == STORE_STRING || columns[column].type == STORE_MAP)
		strcpy(cell.s, words[value % (sizeof words / sizeof *words)]);
	return cell;
}

static void
random_day(struct random *random, int day, struct row *rows)
{
	static const char *const sites[] = {"shop", "blog", "docs"};

	for (int i = 0; i < DAY_ROWS; i++) {
		rows[i] = (struct row){0};
		rows[i].cells[TS].u =
		    (uint64_t)(BASE_MS + day * DAY_MS) + random_below(random, DAY_MS);
		rows[i].cells[VIEW].u = (uint64_t)(day * DAY_ROWS + i + 1);
		strcpy(rows[i].cells[SITE].s, sites[day % 4 == 3 ? i % 3 : day % 3]);
	}
	for (int c = FLAG; c < COLUMNS; c++) {
		enum layout layout = (enum layout)random_below(random, LAYOUTS);
		uint64_t base = random_next(random) >> random_below(random, 64);

		for (int i = 0; i < DAY_ROWS; i++)
			rows[i].cells[c] = random_cell(random, c, layout, base);
	}
}

static void
append(struct store *store, const struct row *row, uint8_t version, bool dropped)
{
	struct store_cell cells[COLUMNS];
	struct store_pair plan = {{"plan", 4}, {"", 0}};
	struct store_row stored = {.cells = cells};
	struct store_entry entry = {.keyed = true,
				    .version = version,
				    .dropped = dropped,
				    .key = row->cells[VIEW].u,
				    .began_ms = (int64_t)row->cells[TS].u,
				    .received_ms = BASE_MS + DAYS * DAY_MS,
				    .rows = &stored,
				    .rows_count = 1};
	struct store_commit commit = {.entries = &entry, .entries_count = 1};

	for (uint16_t c = 0; c < COLUMNS; c++) {
		const struct cell *from = &row->cells[c];
		struct store_cell *cell = &cells[stored.cells_count];
		enum store_type type = columns[c].type;

		if (from->null || (type == STORE_MAP && from->s[0] == '\0'))
			continue;
		*cell = (struct store_cell){.column = c};
		if (type == STORE_MAP) {
			plan.value = (struct store_str){from->s, (uint32_t)strlen(from->s)};
			cell->value.pair = &plan;
		} else if (type == STORE_STRING)
			cell->value.s = (struct store_str){from->s, (uint32_t)strlen(from->s)};
		else if (type == STORE_FLOAT)
			cell->value.f = from->f;
		else
			cell->value.u = from->u;
		stored.cells_count++;
		entry.sort = c == SITE ? cell->value.s : entry.sort;
	}
	assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	assert_int_equal(commit.result, 0);
}

/* rows[ROWS] and the same in a store; some were replaced, some dropped (their
 * view is 0 then). */
static struct store *
fill(struct random *random, char *directory, struct row *rows)
{
	struct store *store = query_open(&schema, directory);

	for (int day = 0; day < DAYS; day++) {
		struct row later[DAY_ROWS], *today = rows + day * DAY_ROWS;

		random_day(random, day, today);
		random_day(random, day, later);
		for (int i = 0; i < DAY_ROWS; i++)
			append(store, &today[i], 0, false);
		for (int i = 0; i < DAY_ROWS; i++) {
			bool dropped = random_below(random, 9) == 0;

			if (!dropped && random_below(random, 4) != 0)
				continue;
			later[i].cells[TS] = today[i].cells[TS];
			append(store, &later[i], 1, dropped);
			today[i] = later[i];
			today[i].cells[VIEW].u *= !dropped;
		}
		if (day < DAYS - DAYS_IN_MEMORY)
			assert_int_equal(store_flush(store, NULL), 0);
	}
	return store;
}

/* ---- conditions ---------------------------------------------------------- */

enum truth { FALSE, TRUE, UNKNOWN };

/* The parts of a TUPLE are two of IN, whose values are those of three tuples. */
enum form { COMPARE, IN, BETWEEN, IS_NULL, LIKE, LENGTH, DAY, TUPLE, AND, OR, NOT };

struct condition {
	enum form form;
	int column, operation; /* of COMPARE and DAY: an index of operations[] */
	bool negated, turned;
	int values_count;
	struct {
		char text[40], s[12];
		long double number; /* of a time: ms */
	} values[3];
	struct condition *parts[2];
};

static const char *const operations[] = {"=", "!=", "<", "<=", ">", ">="};

static struct condition pool[160];
static int pool_count;

/* A constant that is, or is next to, the row's value. */
static void
random_value(struct random *random, const struct row *row, struct condition *condition)
{
	const struct cell *cell = &row->cells[condition->column];
	int v = condition->values_count++;
	char *text = condition->values[v].text;
	size_t size = sizeof condition->values[v].text;
	long long shift = (long long)random_below(random, 3) - 1;

	switch (columns[condition->column].type) {
	case STORE_STRING:
	case STORE_MAP:
		snprintf(condition->values[v].s, sizeof condition->values[v].s, "%s", cell->s);
		snprintf(text, size, "'%s'", cell->s);
		return;
	case STORE_TIME: {
		int64_t ms = (int64_t)cell->u + shift * (int64_t)random_below(random, 1000);
		time_t seconds = (time_t)(ms / 1000);
		char date[24];
		struct tm tm;

		assert_non_null(gmtime_r(&seconds, &tm));
		strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
		snprintf(text, size, "'%s.%03d'", date, (int)(ms % 1000));
		condition->values[v].number = (long double)ms;
		return;
	}
	case STORE_FLOAT:
		snprintf(text, size, "%.*f", (int)random_below(random, 4),
			 cell->f + (double)shift / 10);
		if (random_below(random, 20) == 0)
			snprintf(text, size, "%s", shift > 0 ? "1e30" : "-1e30");
		break;
	case STORE_UINT:
		snprintf(text, size, "%llu", (unsigned long long)cell->u);
		if (random_below(random, 4) == 0)
			snprintf(text, size, "%llu.5", (unsigned long long)(cell->u >> 12));
		else if (random_below(random, 9) == 0)
			snprintf(text, size, shift > 0 ? "18446744073709551615" : "-1");
	}
	condition->values[v].number = strchr(text, '.') == NULL && strchr(text, 'e') == NULL
					  ? strtold(text, NULL)
					  : (long double)strtod(text, NULL);
}

/* Two places; their values are of the same row, so that some tuples are found. */
static struct condition *
random_tuple(struct random *random, const struct row *rows)
{
	struct condition *condition = &pool[pool_count++];

	*condition = (struct condition){.form = TUPLE, .negated = random_below(random, 3) == 0};
	for (int p = 0; p < 2; p++) {
		condition->parts[p] = &pool[pool_count++];
		*condition->parts[p] =
		    (struct condition){.form = IN,
				       .column = (int)random_below(random, COLUMNS),
				       .turned = random_below(random, 6) == 0};
	}
	for (int v = 0; v < 3; v++) {
		const struct row *row = &rows[random_below(random, ROWS)];

		random_value(random, row, condition->parts[0]);
		random_value(random, row, condition->parts[1]);
	}
	return condition;
}

static struct condition *
random_condition(struct random *random, const struct row *rows, int depth)
{
	static const int numbers[] = {TS, VIEW, FLAG, SIZE, ID, SPEED, RATIO};
	static const int strings[] = {SITE, NAME, LABEL, TAGS};
	struct condition *condition;
	uint64_t form = random_below(random, depth > 0 ? 17 : 11);
	bool is_string;

	if (form == 0)
		return random_tuple(random, rows);
	form--;
	condition = &pool[pool_count++];
	assert_true(pool_count < (int)(sizeof pool / sizeof *pool));
	*condition = (struct condition){.column = (int)random_below(random, COLUMNS),
					.operation = (int)random_below(random, 6),
					.negated = random_below(random, 3) == 0,
					.turned = random_below(random, 6) == 0};
	if (form >= 10) {
		condition->form = form < 13 ? AND : form < 15 ? OR : NOT;
		condition->parts[0] = random_condition(random, rows, depth - 1);
		if (condition->form != NOT)
			condition->parts[1] = random_condition(random, rows, depth - 1);
		return condition;
	}
	is_string = columns[condition->column].type == STORE_STRING || condition->column == TAGS;
	condition->form = form < 5    ? COMPARE
			  : form == 5 ? IN
			  : form == 6 ? BETWEEN
			  : form == 7 ? IS_NULL
			  : form == 8 ? (is_string ? LIKE : COMPARE)
				      : (is_string ? LENGTH : DAY);
	if (condition->form == BETWEEN && is_string)
		condition->column = numbers[random_below(random, 7)];
	if (condition->form == LENGTH)
		condition->column = strings[random_below(random, 4)];
	if (condition->form == DAY)
		condition->column = TS;
	for (int i = 0; i < (condition->form == IN ? 3 : condition->form == BETWEEN ? 2 : 1); i++)
		random_value(random, &rows[random_below(random, ROWS)], condition);
	return condition;
}

static void
add_column(struct text *text, int column)
{
	text_add(text, column == TAGS ? "tags['plan']" : "%s", columns[column].name);
}

static const char *
member_of(const struct condition *place, int v)
{
	return place->turned && v == 2 ? "NULL" : place->values[v].text;
}

static void
add_tuple(struct text *text, const struct condition *condition)
{
	const struct condition *a = condition->parts[0], *b = condition->parts[1];

	text_add(text, "(");
	add_column(text, a->column);
	text_add(text, ", ");
	add_column(text, b->column);
	text_add(text, ") %sIN (", condition->negated ? "NOT " : "");
	for (int v = 0; v < 3; v++)
		text_add(text, "%s(%s, %s)", v > 0 ? ", " : "", member_of(a, v), member_of(b, v));
	text_add(text, ")");
}

static void
add_condition(struct text *text, const struct condition *condition)
{
	const char *not = condition->negated ? "NOT " : "";

	text_add(text, "(");
	switch (condition->form) {
	case AND:
	case OR:
		add_condition(text, condition->parts[0]);
		text_add(text, condition->form == AND ? " AND " : " OR ");
		add_condition(text, condition->parts[1]);
		break;
	case NOT:
		text_add(text, "NOT ");
		add_condition(text, condition->parts[0]);
		break;
	case COMPARE:
		if (condition->turned)
			text_add(text, "%s %s ", condition->values[0].text,
				 operations[condition->operation]);
		add_column(text, condition->column);
		if (!condition->turned)
			text_add(text, " %s %s", operations[condition->operation],
				 condition->values[0].text);
		break;
	case IN:
		add_column(text, condition->column);
		text_add(text, " %sIN (%s, %s, %s%s)", not, condition->values[0].text,
			 condition->values[1].text, condition->values[2].text,
			 condition->turned ? ", NULL" : "");
		break;
	case TUPLE:
		add_tuple(text, condition);
		break;
	case BETWEEN:
		add_column(text, condition->column);
		text_add(text, " %sBETWEEN %s AND %s", not, condition->values[0].text,
			 condition->values[1].text);
		break;
	case IS_NULL:
		add_column(text, condition->column);
		text_add(text, " IS %sNULL", not );
		break;
	case LIKE:
		add_column(text, condition->column);
		text_add(text, " %sLIKE '%%%s%%'", not, condition->values[0].s);
		break;
	case LENGTH:
		text_add(text, "length(");
		add_column(text, condition->column);
		text_add(text, ") %s 5", operations[condition->operation]);
		break;
	case DAY:
		text_add(text, "toDate(ts) %s toDate(%s)", operations[condition->operation],
			 condition->values[0].text);
	}
	text_add(text, ")");
}

/* Of the column's value and a constant. */
static int
order_of(const struct condition *condition, const struct cell *cell, int v)
{
	long double x, y = condition->values[v].number;
	int order;

	switch (columns[condition->column].type) {
	case STORE_STRING:
	case STORE_MAP:
		order = strcmp(cell->s, condition->values[v].s);
		return (order > 0) - (order < 0);
	case STORE_FLOAT:
		x = cell->f;
		break;
	default:
		x = (long double)cell->u;
	}
	return (x > y) - (x < y);
}

static bool
is_met(int operation, int order)
{
	return operation == 0   ? order == 0
	       : operation == 1 ? order != 0
	       : operation == 2 ? order < 0
	       : operation == 3 ? order <= 0
	       : operation == 4 ? order > 0
				: order >= 0;
}

static bool
holds(const struct condition *condition, const struct cell *cell)
{
	int64_t days = (int64_t)cell->u / DAY_MS;
	int64_t wanted = (int64_t)condition->values[0].number / DAY_MS;
	int size = (int)strlen(cell->s);
	bool found = false;

	switch (condition->form) {
	case COMPARE:
		return is_met(condition->operation,
			      (condition->turned ? -1 : 1) * order_of(condition, cell, 0));
	case IN:
		for (int i = 0; i < 3; i++)
			found |= order_of(condition, cell, i) == 0;
		return found != condition->negated;
	case BETWEEN:
		return (order_of(condition, cell, 0) >= 0 && order_of(condition, cell, 1) <= 0) !=
		       condition->negated;
	case LIKE:
		return (strstr(cell->s, condition->values[0].s) != NULL) != condition->negated;
	case LENGTH:
		return is_met(condition->operation, (size > 5) - (size < 5));
	default:
		return is_met(condition->operation, (days > wanted) - (days < wanted));
	}
}

/* A tuple that holds NULL is in no list, whichever side it is on. */
static bool
holds_tuple(const struct condition *condition, const struct row *row)
{
	bool found = false;

	for (int v = 0; v < 3; v++) {
		bool is_same = true;

		for (int p = 0; p < 2; p++) {
			const struct condition *place = condition->parts[p];
			const struct cell *cell = &row->cells[place->column];

			is_same = is_same && !cell->null && !(place->turned && v == 2) &&
				  order_of(place, cell, v) == 0;
		}
		found |= is_same;
	}
	return found != condition->negated;
}

static enum truth
truth_of(const struct condition *condition, const struct row *row)
{
	const struct cell *cell = &row->cells[condition->column];
	enum truth a, b, deciding = condition->form == AND ? FALSE : TRUE;

	if (condition->form == IS_NULL)
		return cell->null != condition->negated ? TRUE : FALSE;
	if (condition->form == TUPLE)
		return holds_tuple(condition, row) ? TRUE : FALSE;
	if (condition->form < AND)
		return cell->null ? UNKNOWN : holds(condition, cell) ? TRUE : FALSE;
	a = truth_of(condition->parts[0], row);
	if (condition->form == NOT)
		return a == UNKNOWN ? UNKNOWN : a == TRUE ? FALSE : TRUE;
	b = truth_of(condition->parts[1], row);
	if (a == deciding || b == deciding)
		return deciding;
	return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : deciding == TRUE ? FALSE : TRUE;
}

/* ---- tests --------------------------------------------------------------- */

/* "Read t: 3 of 16 blocks" */
static uint32_t
blocks_read(struct store *store, const char *query, uint32_t *all)
{
	struct text text = {0};
	struct store_result *result = NULL;
	struct store_error error = {0};
	char line[160] = "";
	uint32_t read = 0;

	text_add(&text, "EXPLAIN %s", query);
	if (query_run(store, text.bytes, &result, &error) != 0)
		fail_msg("%s: %s", text.bytes, error.text);
	for (uint64_t i = 0; i < result->rows_count; i++) {
		const struct store_str cell = result->values[0][i].v.s;

		snprintf(line, sizeof line, "%.*s", (int)cell.size, cell.bytes);
		if (strstr(line, "Read t: ") != NULL)
			break;
	}
	assert_int_equal(sscanf(strstr(line, "Read"), "Read t: %u of %u", &read, all), 2);
	store_result_free(result);
	return read;
}

static void
check_condition(struct store *store, const struct row *rows, const struct condition *condition)
{
	bool days[DAYS] = {false};
	struct text text = {0};
	struct store_result *result = NULL;
	struct store_error error = {0};
	uint64_t count = 0, sum = 0;
	uint32_t needed = 0, read, all;

	for (int i = 0; i < ROWS; i++) {
		bool is_there = rows[i].cells[VIEW].u != 0;

		if (!is_there || truth_of(condition, &rows[i]) != TRUE)
			continue;
		count++;
		sum += rows[i].cells[VIEW].u;
		days[i / DAY_ROWS] = true;
	}
	text_add(&text, "SELECT count(), sum(view) FROM t WHERE ");
	add_condition(&text, condition);
	if (query_run(store, text.bytes, &result, &error) != 0)
		fail_msg("%s\n%s", text.bytes, error.text);
	if (result->values[0][0].v.u != count || result->values[1][0].v.u != sum)
		fail_msg("%s\n%llu rows, sum %llu instead of %llu, %llu", text.bytes,
			 (unsigned long long)result->values[0][0].v.u,
			 (unsigned long long)result->values[1][0].v.u, (unsigned long long)count,
			 (unsigned long long)sum);
	for (int day = 0; day < DAYS - DAYS_IN_MEMORY; day++)
		needed += days[day];
	read = blocks_read(store, text.bytes, &all);
	if (read < needed || result->rows_read > (uint64_t)read * DAY_ROWS * 2 * DAYS_IN_MEMORY)
		fail_msg("%s\n%u blocks, %u needed, %llu rows read", text.bytes, read, needed,
			 (unsigned long long)result->rows_read);
	store_result_free(result);
}

static void
test_random_conditions(void **state)
{
	static struct row rows[ROWS];
	struct random random = random_seeded("conditions");
	char directory[256];
	struct store *store = fill(&random, directory, rows);

	(void)state;
	for (int i = 0; i < CONDITIONS; i++) {
		pool_count = 0;
		check_condition(store, rows, random_condition(&random, rows, 3));
	}
	query_close(store, directory);
}

/* Long lists, whose order is by what is known of their conditions. */
static void
test_random_lists(void **state)
{
	static struct row rows[ROWS];
	struct random random = random_seeded("lists");
	char directory[256];
	struct store *store = fill(&random, directory, rows);

	(void)state;
	for (int i = 0; i < LISTS; i++) {
		bool is_all = random_below(&random, 2) == 0;
		uint64_t count = 2 + random_below(&random, 40);
		struct condition *list;

		pool_count = 0;
		list = random_condition(&random, rows, 0);
		for (uint64_t at = 1; at < count; at++) {
			struct condition *both = &pool[pool_count++];

			*both = (struct condition){.form = is_all ? AND : OR};
			both->parts[0] = list;
			both->parts[1] = random_condition(&random, rows, 0);
			/* Most rows stay open to the next one. */
			both->parts[1]->negated ^= both->parts[1]->form == COMPARE &&
						   (both->parts[1]->operation == 0) == is_all;
			list = both;
		}
		check_condition(store, rows, list);
	}
	query_close(store, directory);
}

/* ---- what is read ----------------------------------------------------- */

#define BLOCK_ROWS 65536u
#define MANY_ROWS (BLOCK_ROWS * 3u)
#define GROUP_ROWS 4096u

/* One day of three blocks, sorted by site: 'a' has one and a half of them, 'b'
 * the rest. Row i of the day is at BASE_MS + 100 i, its size i / 10 * 10, its
 * ratio i, its flag i mod 3, NULL in the second block. */
static struct store *
fill_blocks(char *directory)
{
	static struct store_cell cells[GROUP_ROWS][7];
	static struct store_row rows[GROUP_ROWS];
	static const struct store_table plain[] = {{"t", columns, COLUMNS, false}};
	static const struct store_schema unkeyed = {plain, 1};
	struct store *store = query_open(&unkeyed, directory);

	for (uint32_t first = 0; first < MANY_ROWS; first += GROUP_ROWS) {
		struct store_entry entry = {.rows = rows, .rows_count = GROUP_ROWS};
		struct store_commit commit = {.entries = &entry, .entries_count = 1};

		for (uint32_t i = 0; i < GROUP_ROWS; i++) {
			uint32_t row = first + i;
			struct store_cell *cell = cells[i];

			*cell++ = (struct store_cell){.column = TS,
						      .value.i = BASE_MS + (int64_t)row * 100};
			*cell++ = (struct store_cell){
			    .column = SITE, .value.s = {row < BLOCK_ROWS * 3 / 2 ? "a" : "b", 1}};
			*cell++ = (struct store_cell){.column = VIEW, .value.u = row};
			*cell++ = (struct store_cell){.column = SIZE, .value.u = row / 10 * 10};
			*cell++ = (struct store_cell){.column = RATIO, .value.f = row};
			*cell++ = (struct store_cell){
			    .column = NAME, .value.s = {row % 2 ? "odd" : "even", row % 2 ? 3 : 4}};
			if (row / BLOCK_ROWS != 1)
				*cell++ = (struct store_cell){.column = FLAG, .value.u = row % 3};
			rows[i] = (struct store_row){.cells = cells[i],
						     .cells_count = (uint16_t)(cell - cells[i])};
		}
		assert_int_equal(store_append(store, &commit, 1, NULL), 0);
		assert_int_equal(commit.result, 0);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	return store;
}

/* The result's counters. */
static void
run(struct store *store, const char *query, uint64_t *first_cell, uint64_t *rows, uint64_t *bytes)
{
	struct store_result *result = NULL;
	struct store_error error = {0};

	if (query_run(store, query, &result, &error) != 0)
		fail_msg("%s: %s", query, error.text);
	*first_cell = result->values[0][0].v.u;
	*rows = result->rows_read;
	*bytes = result->bytes_read;
	store_result_free(result);
}

static void
test_blocks_left_out(void **state)
{
	static const struct {
		const char *where;
		uint32_t blocks;
		uint64_t count;
	} table[] = {
	    {"1", 3, MANY_ROWS},
	    {"0", 0, 0},
	    {"NULL", 0, 0},
	    {"site = 'a'", 2, BLOCK_ROWS * 3 / 2},
	    {"site = 'b'", 2, BLOCK_ROWS * 3 / 2},
	    {"site != 'a'", 2, BLOCK_ROWS * 3 / 2},
	    {"NOT (site = 'a' OR site = 'c')", 2, BLOCK_ROWS * 3 / 2},
	    {"site IN ('b', 'c')", 2, BLOCK_ROWS * 3 / 2},
	    {"site IN (SELECT 'c')", 3, 0}, /* subqueries are not run to explain */
	    {"site = 'c'", 0, 0},
	    {"site LIKE 'b%' AND size < 65000", 0, 0},
	    {"site = 'b' OR size < 65000", 3, BLOCK_ROWS * 3 / 2 + 65000},
	    {"name = 'none'", 0, 0},
	    {"name = 'odd'", 3, MANY_ROWS / 2},
	    {"tags['plan'] = 'x'", 0, 0},
	    {"tags['plan'] = ''", 3, MANY_ROWS},
	    {"label = 'x'", 3, 0}, /* NULL everywhere, but that is for strings not told */
	    {"size >= 131080", 1, MANY_ROWS - 131080},
	    {"size > 196607.5", 0, 0},
	    {"size IN (5, 15, 70000)", 2, 10},
	    {"size BETWEEN 10 AND 19.5", 1, 10},
	    {"(size, site) IN ((10, 'a'), (20, 'b'), (190000, 'b'))", 2, 20},
	    {"(site, name, flag) IN (('a', 'odd', 1), ('a', 'even', NULL))", 1, BLOCK_ROWS / 6 + 1},
	    {"(site, toDate(ts)) IN (('a', '2026-05-29'), ('c', '2026-05-28'))", 2, 0},
	    {"(site, size * 2) IN (('b', 200000), ('b', 300000), ('c', 0))", 2, 20},
	    {"(size, site) IN ((10, 'b')) OR (size, site) IN ((20, 'a'))", 1, 10},
	    {"(size, site) NOT IN ((10, 'a'), (20, 'b'), (190000, 'b'))", 3, MANY_ROWS - 20},
	    {"-1 < size", 3, MANY_ROWS},
	    {"size != size", 3, 0},
	    {"flag IS NULL", 1, BLOCK_ROWS},
	    {"flag IS NOT NULL", 2, BLOCK_ROWS * 2},
	    {"flag < 3", 2, BLOCK_ROWS * 2},
	    {"flag > 2", 0, 0},
	    {"NOT flag > 2", 2, BLOCK_ROWS * 2},
	    {"speed > 0", 0, 0},
	    {"id = 0", 3, MANY_ROWS},
	    {"id > 0", 0, 0},
	    {"ratio < 10", 3, 10},
	    {"ts < '2026-05-28 00:00:01'", 1, 10},
	    {"ts >= '2026-05-28' AND ts < '2026-05-29'", 3, MANY_ROWS},
	    {"ts >= '2026-05-29'", 0, 0},
	    {"ts < '2026-05-28 00:00:01' AND site = 'b'", 0, 0},
	    {"toDate(ts) = '2026-05-28'", 3, MANY_ROWS},
	    {"toDate(ts) != '2026-05-28'", 0, 0},
	    {"toDate(ts) IN ('2026-05-27', '2026-05-29')", 0, 0},
	    {"toStartOfHour(ts) < '2026-05-28 01:00:00'", 1, 36000},
	    {"toStartOfHour(ts) NOT IN ('2026-05-28 00:00:00')", 3, MANY_ROWS - 36000},
	    {"NOT toDate(ts) >= '2026-05-28'", 0, 0},
	    {"toUnixTimestamp(ts) < 1779926401", 1, 10},
	    {"'2026-05-28 01:00:00' <= toStartOfHour(ts) AND size < 36010", 1, 10},
	    /* Constants that might have failed to be made, and calls that cannot fail. */
	    {"toStartOfHour(ts) < toDateTime('2026-05-28 01:00:00')", 1, 36000},
	    {"toDate(ts) IN (toDate('2026-05-27'), CAST('2026-05-29' AS Date))", 0, 0},
	    {"size < intDiv(20, 2) AND ts < toDateTime(1779926400 + modulo(11, 10))", 1, 10},
	    {"ts < toDateTime('2026-05-28 00:00:01') OR size >= toInt32('131080')", 2,
	     MANY_ROWS - 131080 + 10},
	    {"toString(name) = 'none'", 0, 0},
	    {"toStartOfHour(toDateTime(ts)) < '2026-05-28 01:00:00'", 1, 36000},
	    {"toUnixTimestamp(toStartOfInterval(toDateTime(ts), INTERVAL 1 HOUR)) < 1779930000", 1,
	     36000},
	    {"toUnixTimestamp64Milli(ts) < 1779926400005", 1, 1},
	    {"toDateTime(ts) = '2026-05-28 00:00:00' AND toYear(ts) >= 2026", 1, 10},
	    {"toYYYYMM(ts) != 202605 OR toYYYYMMDD(toDate(ts)) < 20260528", 0, 0},
	    {"toHour(ts) < 30 AND size < 10", 1, 10},
	};
	char directory[256];
	struct store *store = fill_blocks(directory);

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint64_t count, rows, bytes;
		struct text text = {0};
		uint32_t read, all;
		bool has_subquery = strstr(table[i].where, "SELECT") != NULL;

		text_add(&text, "SELECT count() FROM t WHERE %s", table[i].where);
		run(store, text.bytes, &count, &rows, &bytes);
		read = blocks_read(store, text.bytes, &all);
		if (count != table[i].count || read != table[i].blocks || all != 3 ||
		    (!has_subquery && rows != (uint64_t)read * BLOCK_ROWS))
			fail_msg("%s: %llu rows of %u blocks, %llu read", table[i].where,
				 (unsigned long long)count, read, (unsigned long long)rows);
	}
	query_close(store, directory);
}

/* Of rows that another condition of the same block leaves out, too, if it stands behind. */
static void
test_errors_stay(void **state)
{
	static const char *const wheres[] = {
	    "CAST(flag AS UInt8) < 3 AND size = 70001", "toInt32(name) = 5 AND size = 5",
	    "toInt32(ratio / 0) = 5 AND size = 5",      "intDiv(5, size) = 5 AND size = 5",
	    "size % (size - 10) = 5 AND size = 5",
	};
	char directory[256];
	struct store *store = fill_blocks(directory);

	(void)state;
	for (size_t i = 0; i < sizeof wheres / sizeof *wheres; i++) {
		struct store_result *result = NULL;
		struct store_error error = {0};
		struct text text = {0};

		text_add(&text, "SELECT count() FROM t WHERE %s", wheres[i]);
		if (query_run(store, text.bytes, &result, &error) == 0)
			fail_msg("%s is no error", wheres[i]);
		assert_int_equal(error.code, STORE_ETYPE);
	}
	query_close(store, directory);
}

/* Conditions that a whole block meets cost no bytes, nor do columns of blocks
 * that no row is left of. */
static void
test_bytes_left_out(void **state)
{
	char directory[256];
	struct store *store = fill_blocks(directory);
	uint64_t cell, rows, none, site, size, both;

	(void)state;
	run(store, "SELECT count() FROM t", &cell, &rows, &none);
	assert_int_equal(none, 0);
	run(store, "SELECT count() FROM t WHERE ts >= '2026-05-28' AND size >= 0 AND id = 0", &cell,
	    &rows, &none);
	assert_int_equal(none, 0);
	run(store, "SELECT toDate(ts) AS day, count() FROM t GROUP BY day", &cell, &rows, &none);
	assert_int_equal(none, 0); /* a day has segments of its own */
	assert_int_equal(cell, BASE_MS / DAY_MS);
	/* The first block is all 'a'; of the second some. */
	run(store, "SELECT count() FROM t WHERE size < 65000 AND site = 'a'", &cell, &rows, &size);
	run(store, "SELECT count() FROM t WHERE size < 65000", &cell, &rows, &both);
	assert_int_equal(size, both);
	run(store, "SELECT count() FROM t WHERE site = 'a'", &cell, &rows, &site);
	assert_true(site > 0 && site < 100); /* a bit set twice in groups of 1,024 */
	/* Within the bounds, but no such row: the sum's column is not opened. */
	run(store, "SELECT count() FROM t WHERE size = 131085", &cell, &rows, &size);
	run(store, "SELECT sum(ratio) FROM t WHERE size = 131085", &cell, &rows, &both);
	assert_int_equal(rows, BLOCK_ROWS);
	assert_true(size > 0);
	assert_int_equal(size, both);
	run(store, "SELECT sum(ratio) FROM t WHERE size = 131080", &cell, &rows, &both);
	assert_true(both > size);
	query_close(store, directory);
}

/* The rows' weights are read only of blocks where some may be above 1. */
static void
test_weights_left_out(void **state)
{
	static const struct store_column weighed[] = {
	    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
	    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT},
	    {.name = "size", .type = STORE_UINT, .bits = 32},
	    {.name = "weight", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
	};
	static const struct store_table table[] = {{"t", weighed, 4, false}};
	static const struct store_schema with_weight = {table, 1};
	static const uint64_t sums[] = {4950, 4950, 2500 * 7};
	char directory[256];
	struct store *store = query_open(&with_weight, directory);
	uint64_t cell, rows, weighted, plain;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) { /* of three days: none, 1, and 1 or 7 */
		uint64_t day = i / 100, weight = day == 2 ? 1 + 6 * (i % 2) : day;
		struct store_cell cells[] = {
		    {.column = 0, .value.i = BASE_MS + (int64_t)day * DAY_MS},
		    {.column = 2, .value.u = day == 2 && i % 2 == 0 ? 0 : i % 100},
		    {.column = 3, .value.u = weight}};
		struct store_row row = {.cells = cells, .cells_count = weight == 0 ? 2 : 3};
		struct store_entry entry = {.rows = &row, .rows_count = 1};
		struct store_commit commit = {.entries = &entry, .entries_count = 1};

		assert_int_equal(store_append(store, &commit, 1, NULL), 0);
	}
	assert_int_equal(store_flush(store, NULL), 0);
	for (int day = 0; day < 3; day++) {
		struct text text = {0};

		text_add(&text, "SELECT     size  FROM t WHERE toDate(ts) = '2026-05-%d'",
			 28 + day);
		run(store, text.bytes, &cell, &rows, &plain);
		memcpy(text.bytes, "SELECT sum(size)", 16);
		run(store, text.bytes, &cell, &rows, &weighted);
		assert_int_equal(cell, sums[day]);
		assert_int_equal(weighted > plain, day == 2);
	}
	query_close(store, directory);
}

static int
code_of(struct store *store, const char *query)
{
	struct store_result *result = NULL;
	struct store_error error = {0};
	int code = query_run(store, query, &result, &error);

	store_result_free(result);
	return code == 0 ? 0 : error.clickhouse;
}

/* An error counts when its row reaches the condition that has it: those before
 * it keep their place, whatever they cost. */
static void
test_errors_in_order(void **state)
{
	char directory[256];
	struct store *store = fill_blocks(directory);

	(void)state;
	for (int i = 0; i < 3; i++) { /* the order is learnt from block to block */
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE intDiv(1, flag) = 1"),
				 153);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE flag > 0 AND "
						"intDiv(1, flag) = 1 AND name = 'odd'"),
				 0);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE name = 'odd' AND "
						"intDiv(1, flag) = 1 AND flag > 0"),
				 153);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE flag = 0 OR "
						"intDiv(1, flag) = 1 OR size >= 0"),
				 0);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE "
						"intDiv(1, flag) = 1 OR size >= 0"),
				 153);
		assert_int_equal(code_of(store, "SELECT count() FROM t WHERE site = 'c' AND "
						"intDiv(1, flag) = 1"),
				 0);
	}
	/* Every row's value may be the error, not only those of tuples that may be found. */
	assert_int_equal(
	    code_of(store, "SELECT count() FROM t WHERE (site, intDiv(1, flag)) IN (('c', 1))"),
	    153);
	query_close(store, directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_conditions), cmocka_unit_test(test_random_lists),
	    cmocka_unit_test(test_blocks_left_out),   cmocka_unit_test(test_errors_stay),
	    cmocka_unit_test(test_bytes_left_out),    cmocka_unit_test(test_weights_left_out),
	    cmocka_unit_test(test_errors_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
