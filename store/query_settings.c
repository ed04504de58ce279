/*
 * SETTINGS of a query: limits that it lowers, what its printer must know, and
 * names that are taken because clients send them. Beside query.c; the request's
 * own parameters are the caller's.
 */
#include <string.h>

#include "query_inside.h"

/* What is not honoured changes no answer here. */
static const char *const ignored[] = {"max_threads",
				      "max_block_size",
				      "max_rows_to_read",
				      "max_bytes_to_read",
				      "use_query_cache",
				      "log_comment",
				      "log_queries",
				      "readonly",
				      "priority",
				      "prefer_column_name_to_alias",
				      "date_time_input_format",
				      "date_time_output_format",
				      "cast_string_to_dynamic_use_inference",
				      "wait_end_of_query",
				      "send_progress_in_http_headers",
				      "http_headers_progress_interval_ms",
				      "cancel_http_readonly_queries_on_client_close",
				      "result_overflow_mode",
				      "output_format_json_quote_64bit_integers",
				      "output_format_json_quote_denormals"};

static bool
lower(uint64_t *limit, uint64_t value)
{
	if (value > 0 && value < *limit)
		*limit = value;
	return true;
}

/* False when it is no limit. */
static bool
set_limit(struct scan_limits *limits, int64_t began_ns, struct store_str name, uint64_t value)
{
	uint64_t memory = limits->memory_bytes_max;
	int64_t deadline_ns;

	if (sql_is_word(name, "max_result_rows"))
		return lower(&limits->result_rows_max, value);
	if (sql_is_word(name, "max_rows_to_group_by"))
		return lower(&limits->groups_max, value);
	if (sql_is_word(name, "max_memory_usage")) {
		lower(&memory, value);
		limits->memory_bytes_max = (size_t)memory;
		return true;
	}
	if (!sql_is_word(name, "max_execution_time"))
		return false;
	if (value > 0 && value < 1000000) {
		deadline_ns = began_ns + (int64_t)value * 1000000000;
		if (deadline_ns < limits->watch.deadline_ns)
			limits->watch.deadline_ns = deadline_ns;
	}
	return true;
}

static bool
is_ignored(struct store_str name)
{
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
		if (sql_is_word(name, ignored[i]))
			return true;
	}
	return false;
}

int
query_settings(struct query_run *run, const struct sql_query *query, struct scan_limits *limits,
	       int64_t began_ns)
{
	struct store_parameter *list =
	    store_arena_zalloc(run->arena, (query->settings_count + 1u) * sizeof *list);

	if (list == NULL)
		return expression_no_memory(run->error);
	for (uint32_t i = 0; i < query->settings_count; i++) {
		const struct sql_node *node = query->settings[i], *name, *value;

		if (node->kind != SQL_CALL || !sql_is_word(node->text, "equals") ||
		    node->args_count != 2 || node->args[0]->kind != SQL_NAME ||
		    node->args[1]->kind > SQL_TEXT) {
			run->error->offset = node->offset;
			return plan_error(run->error, STORE_ESYNTAX, 62, "SYNTAX_ERROR",
					  "SETTINGS needs name = value, ...");
		}
		name = node->args[0];
		value = node->args[1];
		if (!set_limit(limits, began_ns, name->text,
			       value->kind == SQL_NUMBER_FLOAT ? (uint64_t)(value->f + 1)
							       : value->u) &&
		    !is_ignored(name->text)) {
			run->error->offset = name->offset;
			return plan_error(run->error, STORE_EUNKNOWN, 115, "UNKNOWN_SETTING",
					  "Unknown setting %.*s in SETTINGS (see SQL.md)",
					  EXPRESSION_SHOWN(name->text));
		}
		list[i].name = name->text;
		list[i].value = value->text; /* of numbers too */
	}
	run->result->settings = list;
	run->result->settings_count = query->settings_count;
	return 0;
}
