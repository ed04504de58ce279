/*
 * EXPLAIN: the plan in words, a line a step, the last step first; and EXPLAIN
 * SYNTAX. Beside query.c; reads no rows.
 */
#include <stdio.h>
#include <string.h>

#include "query_inside.h"
#include "query_weigh.h"

#define LINES_MAX 64u

struct lines {
	struct query_run *run;
	struct store_str list[LINES_MAX];
	uint32_t count;
	bool failed;
};

static void __attribute__((format(printf, 3, 4)))
add(struct lines *lines, uint32_t depth, const char *format, ...)
{
	char text[1024], *copy;
	va_list arguments;
	int size, indent = (int)depth * 2;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (size >= (int)sizeof text)
		size = (int)sizeof text - 1;
	if (lines->count == LINES_MAX)
		return;
	if ((copy = store_arena_alloc(lines->run->arena, (size_t)(size + indent))) == NULL) {
		lines->failed = true;
		return;
	}
	memset(copy, ' ', (size_t)indent);
	memcpy(copy + indent, text, (size_t)size);
	lines->list[lines->count++] = (struct store_str){copy, (uint32_t)(size + indent)};
}

static void
add_node(struct lines *lines, uint32_t depth, const char *step, const struct sql_node *node)
{
	struct store_str text = sql_print(node, lines->run->arena);

	add(lines, depth, "%s %.*s", step, (int)text.size, text.bytes == NULL ? "" : text.bytes);
}

static int
add_source(struct lines *lines, uint32_t depth, const struct sql_query *query,
	   const struct plan *plan)
{
	const struct query_run *run = lines->run;
	uint32_t all, read;
	int code = 0;

	if (plan->table != NULL) {
		code = scan_count_blocks(plan, run->snapshot, run->limits, run->request->now_ms,
					 run->arena, &all, &read, run->error);
		add(lines, depth, "Read %s: %u of %u blocks", plan->table->name, read, all);
	} else if (query->table.size > 0) {
		add(lines, depth, "Read %.*s", (int)query->table.size, query->table.bytes);
	} else if (plan->relation == NULL) {
		add(lines, depth, "One row");
	}
	return code;
}

/* Returns the depth of what comes below. */
static uint32_t
add_steps(struct lines *lines, uint32_t depth, const struct sql_query *query,
	  const struct plan *plan)
{
	if (plan->limit != UINT64_MAX || plan->offset > 0)
		add(lines, depth++, "Limit %llu offset %llu", (unsigned long long)plan->limit,
		    (unsigned long long)plan->offset);
	if (query->limit_by_keys_count > 0)
		add_node(lines, depth++, "Limit by", query->limit_by[0]);
	if (query->order_all)
		add(lines, depth++, "Sort by ALL");
	else if (query->order_count > 0)
		add_node(lines, depth++, "Sort by", query->order[0].node);
	if (query->having != NULL)
		add_node(lines, depth++, "Having", query->having);
	if (plan->is_grouped)
		add(lines, depth++, "Group by %u keys, %u aggregates%s", plan->keys_count,
		    plan->aggregates_count, plan->weight_column >= 0 ? ", rows weighted" : "");
	if (query->where != NULL)
		add_node(lines, depth++, "Filter", query->where);
	return depth;
}

static int
explain(struct lines *lines, uint32_t depth, const struct sql_query *query)
{
	struct store_result ignored = {.arena = lines->run->arena};
	struct plan *plan;
	int code = query_select(lines->run, query, &ignored, &plan);

	if (code != 0)
		return code;
	depth = add_steps(lines, depth, query, plan);
	if ((code = add_source(lines, depth, query, plan)) != 0)
		return code;
	return query->from_query == NULL ? 0 : explain(lines, depth, query->from_query->query);
}

static int
explain_syntax(struct query_run *run, struct sql_query *query)
{
	const struct store_schema *schema = snapshot_schema(run->snapshot);
	const char *name = plan_weight_name(schema), *missing;
	struct store_str text;
	struct store_result ignored = {.arena = run->arena};
	struct plan *plan;
	int code = query_select(run, query, &ignored, &plan); /* its errors */

	if (code != 0)
		return code;
	if (query_weigh(query, schema, name == NULL ? "" : name,
			plan_weighs_by_itself(query, schema), run->arena, &missing) != 0)
		return expression_no_memory(run->error);
	if (missing != NULL)
		return plan_error(run->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
				  "%s is not implemented", missing);
	text = sql_statement_print(query, run->arena);
	if (text.bytes == NULL)
		return expression_no_memory(run->error);
	return query_answer_lines(run, "explain", &text, 1);
}

int
query_explain(struct query_run *run, struct sql_query *query)
{
	struct lines lines = {.run = run};
	int code;

	run->dry = true;
	if ((code = query_nest(run, query)) != 0)
		return code;
	if (query->statement == SQL_EXPLAIN_SYNTAX)
		return explain_syntax(run, query);
	if ((code = explain(&lines, 0, query)) != 0)
		return code;
	return lines.failed ? expression_no_memory(run->error)
			    : query_answer_lines(run, "explain", lines.list, lines.count);
}
