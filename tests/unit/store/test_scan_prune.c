/*
 * Goal: conditions that are judged by a block's bounds, NULLs and dictionary
 * keep exactly the rows for which they are true. Method: days (a block each)
 * whose columns are absent, constant, narrow, wide or NULL by turns, some in
 * memory with replaced rows; random conditions on every type (seeded), counted
 * row by row by an evaluator of three-valued logic that knows no blocks.
 */
#include "prune.h"

static const struct store_table tables[] = {{"t", columns, COLUMNS, true}};
static const struct store_schema schema = {tables, 1};

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_conditions),
	    cmocka_unit_test(test_random_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
