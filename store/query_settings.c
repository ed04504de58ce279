/*
 * SETTINGS of a query: limits that it lowers, what its printer must know, and
 * names that are taken because clients send them. Beside query.c; the request's
 * own parameters are the caller's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "query_inside.h"

#define SECONDS_MAX 1000000u /* more is no limit */

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

enum limit { EXECUTION_TIME, MEMORY_USAGE, RESULT_ROWS, ROWS_TO_GROUP_BY };

/* By limit: its name and the error of who meets it. */
static const struct {
	const char *name;
	int clickhouse;
} names[QUERY_LIMITS] = {
    {"max_execution_time", 159},
    {"max_memory_usage", 241},
    {"max_result_rows", 396},
    {"max_rows_to_group_by", 158},
};

static bool
lower(uint64_t *limit, uint64_t value)
{
	if (value >= *limit)
		return false;
	*limit = value;
	return true;
}

/* `value` s. */
static bool
lower_time(struct scan_limits *limits, int64_t began_ns, uint64_t value)
{
	int64_t deadline_ns = began_ns + (int64_t)value * 1000000000;

	if (deadline_ns >= limits->watch.deadline_ns)
		return false;
	limits->watch.deadline_ns = deadline_ns;
	return true;
}

static bool
lower_memory(struct scan_limits *limits, uint64_t value)
{
	if (value >= limits->memory_bytes_max)
		return false;
	limits->memory_bytes_max = (size_t)value;
	return true;
}

/* False when it is no limit. 0 lowers nothing. */
static bool
set_limit(struct query_run *run, struct scan_limits *limits, int64_t began_ns,
	  struct store_str name, uint64_t value)
{
	bool is_lower = false;
	uint32_t limit = 0;

	while (limit < QUERY_LIMITS && !sql_is_word(name, names[limit].name))
		limit++;
	if (limit == QUERY_LIMITS)
		return false;
	if (value == 0)
		return true;
	switch ((enum limit)limit) {
	case EXECUTION_TIME:
		is_lower = value < SECONDS_MAX && lower_time(limits, began_ns, value);
		break;
	case MEMORY_USAGE:
		is_lower = lower_memory(limits, value);
		break;
	case RESULT_ROWS:
		is_lower = lower(&limits->result_rows_max, value);
		break;
	case ROWS_TO_GROUP_BY:
		is_lower = lower(&limits->groups_max, value);
		break;
	}
	if (is_lower)
		run->lowered[limit] = value;
	return true;
}

void
query_settings_name(const struct query_run *run, struct store_error *error)
{
	bool is_memory =
	    error->clickhouse == 0 && (error->code == STORE_ENOMEM || error->code == STORE_ELIMIT);
	int number = is_memory ? names[MEMORY_USAGE].clickhouse : error->clickhouse;
	size_t size = strlen(error->text);

	for (uint32_t i = 0; i < QUERY_LIMITS; i++) {
		if (names[i].clickhouse != number || run->lowered[i] == 0)
			continue;
		error->by_settings = true;
		snprintf(error->text + size, sizeof error->text - size, " (%s is %" PRIu64 ")",
			 names[i].name, run->lowered[i]);
	}
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
		if (!set_limit(run, limits, began_ns, name->text,
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
	store_arena_lower(run->arena, limits->memory_bytes_max);
	run->result->settings = list;
	run->result->settings_count = query->settings_count;
	return 0;
}
