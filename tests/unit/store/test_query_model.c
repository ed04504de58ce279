/*
 * Goal: the answer to a query is what evaluating it row by row gives, whatever
 * lies in segments or in memory, was replaced, is NULL or stands for several
 * events. Method: random rows (seeded), random queries over them (WHERE, GROUP
 * BY, HAVING, ORDER BY, LIMIT), each cell against an evaluator that knows
 * nothing of the engine. Sums of floats may differ by rounding, quantiles of
 * many stored values by 0.4 %.
 */
#include "query_aggregate.h"

#define ROWS_COUNT 2600u
#define QUERIES 250
#define KEYS_MAX 3
#define ITEMS_MAX 8

struct order {
	int item; /* of the select list */
	bool descending, nulls_first;
};

struct query {
	struct node *where;
	struct item items[ITEMS_MAX], having; /* the keys come first */
	int keys_count, items_count, orders_count;
	bool grouped, has_having;
	int64_t having_above;
	struct order orders[ITEMS_MAX];
	uint64_t limit, offset; /* UINT64_MAX: none */
	struct text text;
};

struct line {
	struct cell cells[ITEMS_MAX];
};

/* ---- random queries -------------------------------------------------- */

static void
plain_item(struct item *item, struct node *node)
{
	*item = (struct item){.kind = node->kind, .argument = node, .nullable = node->nullable};
	snprintf(item->text, sizeof item->text, "%s", node->text);
}

static struct node *
random_key(struct nodes *nodes)
{
	static const int columns[] = {LCP, SAVE, ERRORS, BYTES};

	switch (random_below(&nodes->random, 6)) {
	case 0:
		return random_time(nodes);
	case 1:
		return column_node(nodes, PICK(&nodes->random, columns));
	case 2:
		return random_condition(nodes, 1);
	default:
		return random_string(nodes);
	}
}

static void
random_orders(struct random *random, struct query *query)
{
	bool by_count = query->grouped && random_below(random, 2) == 0;
	int from = 0;

	for (int i = query->keys_count; by_count && i < query->items_count; i++) {
		if (query->items[i].aggregate == COUNT && query->orders_count == 0)
			query->orders[query->orders_count++] = (struct order){.item = i};
	}
	/* All keys, so that the order is one; of plain rows the last is view_id. */
	if (!query->grouped)
		from = query->items_count - 1 - (int)random_below(random, 2);
	for (int i = from < 0 ? 0 : from;
	     i < (query->grouped ? query->keys_count : query->items_count); i++)
		query->orders[query->orders_count++] = (struct order){.item = i};
	for (int i = 0; i < query->orders_count; i++) {
		query->orders[i].descending = random_below(random, 2);
		query->orders[i].nulls_first = random_below(random, 3) == 0;
	}
}

static void
random_items(struct nodes *nodes, struct query *query)
{
	int more = 1 + (int)random_below(&nodes->random, 4);

	query->grouped = random_below(&nodes->random, 5) != 0;
	if (query->grouped)
		query->keys_count = (int)random_below(&nodes->random, KEYS_MAX + 1);
	for (int i = 0; i < query->keys_count; i++)
		plain_item(&query->items[query->items_count++], random_key(nodes));
	for (int i = 0; i < more; i++) {
		struct item *item = &query->items[query->items_count++];

		if (query->grouped)
			random_aggregate(nodes, item);
		else
			plain_item(item, random_below(&nodes->random, 2)   ? random_number(nodes, 3)
					 : random_below(&nodes->random, 4) ? random_string(nodes)
									   : random_time(nodes));
	}
	if (!query->grouped)
		plain_item(&query->items[query->items_count++], column_node(nodes, VIEW));
}

/* The key in the select list by its alias, its place or its text again. */
static void
add_key_name(struct random *random, struct query *query, int key)
{
	uint64_t choice = random_below(random, 3);

	if (choice == 0)
		text_add(&query->text, "%s", query->items[key].text);
	else if (choice == 1)
		text_add(&query->text, "%d", key + 1);
	else
		text_add(&query->text, "i%d", key);
}

static void
add_clauses(struct random *random, struct query *query)
{
	struct text *text = &query->text;

	for (int i = 0; i < query->keys_count; i++) {
		text_add(text, i == 0 ? " GROUP BY " : ", ");
		add_key_name(random, query, i);
	}
	if (query->has_having)
		text_add(text, " HAVING %s > %lld", query->having.text,
			 (long long)query->having_above);
	for (int i = 0; i < query->orders_count; i++) {
		const struct order *order = &query->orders[i];

		text_add(text, i == 0 ? " ORDER BY " : ", ");
		add_key_name(random, query, order->item);
		text_add(text, "%s%s", order->descending ? " DESC" : "",
			 order->nulls_first ? " NULLS FIRST" : "");
	}
	if (query->limit != UINT64_MAX)
		text_add(text, " LIMIT %llu", (unsigned long long)query->limit);
	if (query->offset != 0)
		text_add(text, " OFFSET %llu", (unsigned long long)query->offset);
}

static void
random_query(struct nodes *nodes, struct query *query)
{
	struct random *random = &nodes->random;

	memset(query, 0, sizeof *query);
	nodes->count = 0;
	random_items(nodes, query);
	if (random_below(random, 3) != 0)
		query->where = random_condition(nodes, 3);
	random_orders(random, query);
	query->limit = random_below(random, 3) == 0 ? random_below(random, 30) : UINT64_MAX;
	if (query->limit != UINT64_MAX && random_below(random, 3) == 0)
		query->offset = random_below(random, 20);
	while (query->grouped && query->keys_count > 0 && random_below(random, 4) == 0) {
		random_aggregate(nodes, &query->having);
		query->has_having =
		    query->having.aggregate == COUNT || query->having.aggregate == UNIQ;
		query->having_above = (int64_t)random_below(random, 40);
		if (query->has_having)
			break;
	}
	text_add(&query->text, "SELECT ");
	for (int i = 0; i < query->items_count; i++)
		text_add(&query->text, "%s%s AS i%d", i == 0 ? "" : ", ", query->items[i].text, i);
	text_add(&query->text, " FROM pageviews");
	if (query->where != NULL)
		text_add(&query->text, " WHERE %s", query->where->text);
	add_clauses(random, query);
}

/* Whether the query names the weight: then rows count once. */
static bool
is_weighted(const struct query *query)
{
	return strstr(query->text.bytes, "_sample_interval") == NULL;
}

/* ---- the naive answer ------------------------------------------------ */

struct keyed {
	const struct model_row *row;
	struct value keys[KEYS_MAX];
	char text[KEYS_MAX * 72 + 8];
};

static int
compare_keyed(const void *a, const void *b)
{
	return strcmp(((const struct keyed *)a)->text, ((const struct keyed *)b)->text);
}

static struct line
group_line(const struct query *query, const struct keyed *keyed, uint32_t count, bool *keep)
{
	const struct model_row **rows = malloc((count + 1u) * sizeof *rows);
	struct group group = {.rows = rows, .rows_count = count, .weighted = is_weighted(query)};
	struct line line = {0};

	assert_non_null(rows);
	for (uint32_t i = 0; i < count; i++)
		rows[i] = keyed[i].row;
	for (int i = 0; i < query->items_count; i++) {
		if (i < query->keys_count)
			line.cells[i].value = keyed[0].keys[i];
		else
			line.cells[i] = aggregate_value(&query->items[i], &group);
	}
	*keep = !query->has_having ||
		aggregate_value(&query->having, &group).value.i > query->having_above;
	free(rows);
	return line;
}

static uint32_t
group_lines(const struct query *query, struct keyed *keyed, uint32_t count, struct line *lines)
{
	uint32_t lines_count = 0;

	qsort(keyed, count, sizeof *keyed, compare_keyed);
	for (uint32_t from = 0, to; from < count || (from == 0 && query->keys_count == 0);
	     from = to) {
		bool keep;

		for (to = from + 1; to < count && compare_keyed(&keyed[from], &keyed[to]) == 0;)
			to++;
		lines[lines_count] =
		    group_line(query, keyed + from, to > count ? 0 : to - from, &keep);
		lines_count += keep;
	}
	return lines_count;
}

static struct keyed
key_row(const struct query *query, const struct model_row *row)
{
	struct keyed keyed = {.row = row};
	size_t size = 0;

	for (int k = 0; k < query->keys_count; k++) {
		char text[72];

		keyed.keys[k] = evaluate(query->items[k].argument, row);
		value_text(query->items[k].kind, &keyed.keys[k], text);
		size += (size_t)snprintf(keyed.text + size, sizeof keyed.text - size, "%s\1", text);
	}
	return keyed;
}

static const struct query *sorting; /* qsort has no context */

static int
compare_lines(const void *a, const void *b)
{
	for (int i = 0; i < sorting->orders_count; i++) {
		const struct order *order = &sorting->orders[i];
		enum kind kind = sorting->items[order->item].kind;
		const struct value *x = &((const struct line *)a)->cells[order->item].value;
		const struct value *y = &((const struct line *)b)->cells[order->item].value;
		int last_x = x->null ? 2 : kind == FLOAT && isnan(x->f);
		int last_y = y->null ? 2 : kind == FLOAT && isnan(y->f);
		int result = last_x != last_y
				 ? (last_x > last_y ? 1 : -1) * (order->nulls_first ? -1 : 1)
			     : last_x != 0       ? 0
			     : order->descending ? -value_compare(kind, x, kind, y)
						 : value_compare(kind, x, kind, y);

		if (result != 0)
			return result;
	}
	return 0;
}

/* lines[] of the answer; returns how many. */
static uint32_t
answer(const struct query *query, const struct model_row *rows, struct line *lines)
{
	static struct keyed keyed[ROWS_COUNT];
	uint32_t count = 0, first;

	for (uint32_t i = 0; i < ROWS_COUNT; i++) {
		struct value where = {.i = 1};

		if (query->where != NULL)
			where = evaluate(query->where, &rows[i]);
		if (!where.null && where.i != 0)
			keyed[count++] = key_row(query, &rows[i]);
	}
	if (query->grouped) {
		count = group_lines(query, keyed, count, lines);
	} else {
		for (uint32_t i = 0; i < count; i++) {
			memset(&lines[i], 0, sizeof lines[i]);
			for (int c = 0; c < query->items_count; c++)
				lines[i].cells[c].value =
				    evaluate(query->items[c].argument, keyed[i].row);
		}
	}
	sorting = query;
	qsort(lines, count, sizeof *lines, compare_lines);
	first = query->offset < count ? (uint32_t)query->offset : count;
	memmove(lines, lines + first, (count - first) * sizeof *lines);
	return count - first < query->limit ? count - first : (uint32_t)query->limit;
}

/* ---- comparing ------------------------------------------------------- */

static bool
is_near(double found, double wanted, double error)
{
	if (isnan(wanted) || isinf(wanted))
		return isnan(wanted) ? isnan(found) : found == wanted;
	return fabs(found - wanted) <= error;
}

static bool
is_same(const struct store_result_column *column, const struct store_value *found,
	const struct item *item, const struct cell *wanted)
{
	int64_t unit = column->type == STORE_R_DATE       ? 86400000
		       : column->type == STORE_R_DATETIME ? 1000
							  : 1;

	if (column->type == STORE_R_ARRAY)
		return found->v.list.count == 2 &&
		       is_near(found->v.list.items[0].v.f, wanted->list[0], wanted->error) &&
		       is_near(found->v.list.items[1].v.f, wanted->list[1], wanted->error);
	if (found->null || wanted->value.null)
		return found->null == wanted->value.null;
	switch (item->kind) {
	case INTEGER:
		return column->type <= STORE_R_INT64 && found->v.i == wanted->value.i;
	case FLOAT:
		return column->type == STORE_R_FLOAT64 &&
		       is_near(found->v.f, wanted->value.f, wanted->error);
	case STRING:
		return column->type == STORE_R_STRING &&
		       found->v.s.size == strlen(wanted->value.s) &&
		       memcmp(found->v.s.size == 0 ? "" : found->v.s.bytes, wanted->value.s,
			      found->v.s.size) == 0;
	default:
		return column->type >= STORE_R_DATE && column->type <= STORE_R_DATETIME64 &&
		       found->v.i * unit == wanted->value.i;
	}
}

static void
check_query(struct store *store, const struct query *query, const struct model_row *rows)
{
	static struct line lines[ROWS_COUNT + 1];
	uint32_t count = answer(query, rows, lines);
	struct store_result *result = NULL;
	struct store_error error = {0};

	if (query_run(store, query->text.bytes, &result, &error) != 0)
		fail_msg("%s\n%s", query->text.bytes, error.text);
	if (result->rows_count != count)
		fail_msg("%s\n%llu rows instead of %u", query->text.bytes,
			 (unsigned long long)result->rows_count, count);
	for (int c = 0; c < query->items_count; c++) {
		const struct item *item = &query->items[c];

		if (result->columns[c].nullable != item->nullable)
			fail_msg("%s\ncolumn %d: nullable %d", query->text.bytes, c,
				 item->nullable);
		for (uint32_t r = 0; r < count; r++) {
			struct text found = {0};

			if (is_same(&result->columns[c], &result->values[c][r], item,
				    &lines[r].cells[c]))
				continue;
			text_add_value(&found, result->columns[c].type, result->columns[c].element,
				       &result->values[c][r], false);
			fail_msg("%s\nrow %u, column %d: %s instead of null %d, %lld, %.17g, '%s'",
				 query->text.bytes, r, c, found.bytes, lines[r].cells[c].value.null,
				 (long long)lines[r].cells[c].value.i, lines[r].cells[c].value.f,
				 lines[r].cells[c].value.s);
		}
	}
	store_result_free(result);
}

static void
check_store(const char *name, uint32_t weight_max)
{
	struct random random = random_seeded(name);
	static struct model_row rows[ROWS_COUNT];
	static struct nodes nodes;
	static struct query query;
	char directory[256];
	struct store *store = query_open(&model_schema, directory);

	model_fill(store, &random, rows, ROWS_COUNT, weight_max);
	nodes.random = random;
	for (int i = 0; i < QUERIES; i++) {
		random_query(&nodes, &query);
		check_query(store, &query, rows);
	}
	query_close(store, directory);
}

static void
test_unsampled(void **state)
{
	(void)state;
	check_store("unsampled", 1);
}

static void
test_sampled(void **state)
{
	(void)state;
	check_store("sampled", 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unsampled),
	    cmocka_unit_test(test_sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
