/*
 * Calls about time in other words: addDays(t, 2), date_trunc('hour', t) and their kind
 * become what plan_call.c knows; time zones, of which there is one; INTERVAL. Beside plan_call.c;
 * must not know how times are computed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan_inside.h"

/* ---- INTERVAL -------------------------------------------------------- */

/* '2' of INTERVAL '2' DAY, as the number that it is; NULL stays NULL. */
static struct expression *
amount_of_text(struct planner *planner, const struct sql_node *node, const struct expression *text)
{
	struct type type = {.type = STORE_R_INT64,
			    .nullable =
				text->constant.nulls != NULL && text->constant.nulls[0] != 0};
	struct store_str from = text->constant.s[0];
	struct expression *amount = plan_constant(planner, node, type);
	char digits[32] = "", *end = digits;

	if (amount == NULL)
		return NULL;
	if (type.nullable) {
		amount->constant.n.i[0] = 0;
		amount->constant.nulls = text->constant.nulls;
		amount->function = text->function; /* so it is no literal */
		return amount;
	}
	if (from.size > 0 && from.size < sizeof digits)
		memcpy(digits, from.bytes, from.size);
	errno = 0;
	amount->constant.n.i[0] = strtoll(digits, &end, 10);
	if (from.size > 0 && end == digits + from.size && errno == 0)
		return amount;
	plan_error(planner->error, STORE_ETYPE, 6, "CANNOT_PARSE_TEXT",
		   "INTERVAL needs a whole number, not '%.*s'", EXPRESSION_SHOWN(from));
	return NULL;
}

/* INTERVAL n unit: a whole number that knows its unit. */
struct expression *
plan_interval(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	struct expression *amount = plan_build(planner, node->args[0], phase), *copy;

	if (amount == NULL)
		return NULL;
	if (amount->type.type == STORE_R_STRING && amount->kind == EXPRESSION_CONSTANT)
		amount = amount_of_text(planner, node, amount);
	if (amount == NULL || (copy = plan_make(planner, amount->kind, node)) == NULL)
		return NULL;
	*copy = *amount;
	copy->unit = node->text;
	if (!data_type_is_integer(copy->type.type)) {
		plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
			   "INTERVAL needs a whole number");
		return NULL;
	}
	return copy;
}

/* ---- other words ------------------------------------------------------- */

/* The unit that follows `prefix`, as in toIntervalDay and addDays, in small letters;
 * empty when there is none. */
static struct store_str
unit_after(struct store_str name, const char *prefix, const char *suffix)
{
	static const char *const units[][2] = {
	    {"Second", "second"}, {"Minute", "minute"}, {"Hour", "hour"},       {"Day", "day"},
	    {"Week", "week"},     {"Month", "month"},   {"Quarter", "quarter"}, {"Year", "year"}};
	uint32_t before = (uint32_t)strlen(prefix), around = before + (uint32_t)strlen(suffix);

	if (name.size <= around || memcmp(name.bytes, prefix, before) != 0)
		return (struct store_str){NULL, 0};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		uint32_t size = (uint32_t)strlen(units[i][0]);

		if (name.size == around + size &&
		    memcmp(name.bytes + before, units[i][0], size) == 0 &&
		    memcmp(name.bytes + before + size, suffix, around - before) == 0)
			return (struct store_str){units[i][1], size};
	}
	return (struct store_str){NULL, 0};
}

/* toIntervalDay(n) is INTERVAL n DAY, and addDays(t, n) is t + INTERVAL n DAY. NULL
 * when the call is neither. */
static struct sql_node *
interval_of(struct planner *planner, const struct sql_node *node)
{
	struct store_str unit = unit_after(node->text, "toInterval", "");
	bool is_shift = unit.size == 0, is_minus = false;
	struct sql_node *nodes;

	if (is_shift && (unit = unit_after(node->text, "add", "s")).size == 0) {
		unit = unit_after(node->text, "subtract", "s");
		is_minus = true;
	}
	if (unit.size == 0 || node->args_count != (is_shift ? 2u : 1u) ||
	    (nodes = store_arena_zalloc(planner->arena, 2 * sizeof *nodes)) == NULL)
		return NULL;
	nodes[0] = *node;
	nodes[0].kind = SQL_INTERVAL;
	nodes[0].text = unit;
	nodes[0].args = node->args + is_shift;
	nodes[0].args_count = 1;
	if (!is_shift)
		return nodes;
	nodes[1] = *node;
	nodes[1].text = is_minus ? (struct store_str){"minus", 5} : (struct store_str){"plus", 4};
	nodes[1].args = store_arena_alloc(planner->arena, 2 * sizeof *nodes[1].args);
	if (nodes[1].args == NULL)
		return NULL;
	nodes[1].args[0] = node->args[0];
	nodes[1].args[1] = &nodes[0];
	return &nodes[1];
}

static bool
is_text(const struct expression *expression)
{
	return expression->kind == EXPRESSION_CONSTANT && expression->type.type == STORE_R_STRING &&
	       (expression->constant.nulls == NULL || !expression->constant.nulls[0]);
}

/* The text that a unit is given as: 'hour' of date_trunc('hour', t). */
static bool
unit_text(struct planner *planner, const struct sql_node *call, enum phase phase,
	  struct store_str *out)
{
	const struct expression *text = plan_build(planner, call->args[0], phase);

	if (text == NULL)
		return false;
	if (is_text(text)) {
		*out = text->constant.s[0];
		return true;
	}
	plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
		   "%.*s needs a unit of time first, as in 'hour'", EXPRESSION_SHOWN(call->text));
	return plan_fail_at(planner, call->args[0]->offset) != NULL;
}

static const struct sql_node *
unknown_unit(struct planner *planner, const struct sql_node *call, struct store_str unit)
{
	plan_error(planner->error, STORE_EINVAL, 36, "BAD_ARGUMENTS",
		   "%.*s knows no unit '%.*s': second, minute, hour, day, week, month, quarter "
		   "and year",
		   EXPRESSION_SHOWN(call->text), EXPRESSION_SHOWN(unit));
	return plan_fail_at(planner, call->args[0]->offset);
}

static bool
is_truncation(struct store_str name)
{
	return sql_is_word(name, "date_trunc") || sql_is_word(name, "dateTrunc");
}

/* date_trunc('hour', t) is toStartOfInterval(t, INTERVAL 1 HOUR). */
static const struct sql_node *
truncation_of(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	struct sql_node *nodes = store_arena_zalloc(planner->arena, 3 * sizeof *nodes);
	struct sql_node **args = store_arena_alloc(planner->arena, 3 * sizeof *args);
	struct store_str text, unit;

	if (node->args_count != 2) {
		plan_error(planner->error, STORE_ETYPE, 42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
			   "%.*s takes a unit and a time, as in %.*s('hour', ts)",
			   EXPRESSION_SHOWN(node->text), EXPRESSION_SHOWN(node->text));
		return NULL;
	}
	if (nodes == NULL || args == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	if (!unit_text(planner, node, phase, &text))
		return NULL;
	unit = sql_time_unit(text);
	if (unit.size == 0 || !sql_is_word(text, unit.bytes) || sql_is_word(unit, "millisecond"))
		return unknown_unit(planner, node, text);
	nodes[0] = (struct sql_node){.kind = SQL_NUMBER_UINT, .offset = node->offset, .u = 1};
	nodes[1] = (struct sql_node){.kind = SQL_INTERVAL, .offset = node->offset, .text = unit};
	nodes[1].args = &args[2];
	nodes[1].args_count = 1;
	nodes[2] = *node;
	nodes[2].text = (struct store_str){"toStartOfInterval", 17};
	nodes[2].args = args;
	args[0] = node->args[1];
	args[1] = &nodes[1];
	args[2] = &nodes[0];
	return &nodes[2];
}

/* dateDiff('HH', a, b) is dateDiff('hour', a, b). */
static const struct sql_node *
difference_of(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	struct sql_node *nodes = store_arena_zalloc(planner->arena, 2 * sizeof *nodes);
	struct sql_node **args = store_arena_alloc(planner->arena, 3 * sizeof *args);
	struct store_str text;

	if (nodes == NULL || args == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	if (!unit_text(planner, node, phase, &text))
		return NULL;
	nodes[0] = (struct sql_node){.kind = SQL_TEXT, .offset = node->args[0]->offset};
	if ((nodes[0].text = sql_time_unit(text)).size == 0)
		return unknown_unit(planner, node, text);
	if (nodes[0].text.size == text.size &&
	    memcmp(nodes[0].text.bytes, text.bytes, text.size) == 0)
		return node;
	nodes[1] = *node;
	nodes[1].args = args;
	args[0] = &nodes[0];
	args[1] = node->args[1];
	args[2] = node->args[2];
	return &nodes[1];
}

/* ---- time zones ------------------------------------------------------ */

/* How many arguments such a call has before its time zone; 0 when it takes none. */
static uint32_t
zone_place(struct store_str name)
{
	static const char *const names[] = {
	    "toDate",      "toDateTime",     "toDateTime64",
	    "toString",    "toMonday",       "toYear",
	    "toQuarter",   "toMonth",        "toISOWeek",
	    "toDayOfYear", "toDayOfMonth",   "toDayOfWeek",
	    "toHour",      "toMinute",       "toSecond",
	    "toYYYYMM",    "toYYYYMMDD",     "toUnixTimestamp",
	    "dateDiff",    "formatDateTime", "fromUnixTimestamp64Milli"};
	const struct function *function = function_find(name);

	if (is_truncation(name))
		return 2;
	if (function != NULL && strncmp(function->name, "toStartOf", 9) == 0)
		return function->args_max;
	for (size_t i = 0; function != NULL && i < sizeof names / sizeof *names; i++) {
		if (strcmp(function->name, names[i]) == 0)
			return function->args_max;
	}
	return sql_is_word(name, "toTimeZone");
}

static bool
is_utc(struct planner *planner, const struct sql_node *call, const struct sql_node *zone,
       enum phase phase)
{
	static const char *const names[] = {"UTC", "Etc/UTC", "GMT", "Etc/GMT"};
	const struct expression *text = plan_build(planner, zone, phase);
	struct store_str name;

	if (text == NULL)
		return false;
	if (!is_text(text)) {
		plan_error(planner->error, STORE_ETYPE, 43, "ILLEGAL_TYPE_OF_ARGUMENT",
			   "The last argument of %.*s can only be a time zone, as in 'UTC'",
			   EXPRESSION_SHOWN(call->text));
		return plan_fail_at(planner, zone->offset) != NULL;
	}
	name = text->constant.s[0];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (name.size == strlen(names[i]) && memcmp(name.bytes, names[i], name.size) == 0)
			return true;
	}
	plan_error(
	    planner->error, STORE_ENOTIMPL, 48, "NOT_IMPLEMENTED",
	    "%.*s in time zone '%.*s' is not implemented: all times are UTC, so say 'UTC' or "
	    "no time zone, and add hours where you need others",
	    EXPRESSION_SHOWN(call->text), EXPRESSION_SHOWN(name));
	return plan_fail_at(planner, zone->offset) != NULL;
}

/* toHour(t, 'UTC') is toHour(t), and toTimeZone(t, 'UTC') is t. */
static const struct sql_node *
without_zone(struct planner *planner, const struct sql_node *node, enum phase phase)
{
	const struct function *function = function_find(node->text);
	bool is_now = function != NULL && strcmp(function->name, "now") == 0;
	uint32_t place = zone_place(node->text);
	struct sql_node *shorter;

	if ((place == 0 && !is_now) || node->args_count != place + 1)
		return node;
	if (!is_utc(planner, node, node->args[place], phase))
		return NULL;
	if (sql_is_word(node->text, "toTimeZone"))
		return node->args[0];
	if ((shorter = store_arena_alloc(planner->arena, sizeof *shorter)) == NULL) {
		expression_no_memory(planner->error);
		return NULL;
	}
	*shorter = *node;
	shorter->args_count = place;
	return shorter;
}

const struct sql_node *
plan_simpler_time(struct planner *planner, const struct sql_node *whole, enum phase phase)
{
	const struct sql_node *node = without_zone(planner, whole, phase), *simpler;

	if (node == NULL || (simpler = interval_of(planner, node)) != NULL)
		return node == NULL ? NULL : simpler;
	if (is_truncation(node->text))
		return truncation_of(planner, node, phase);
	if (node->args_count == 3 && sql_is_word(node->text, "dateDiff"))
		return difference_of(planner, node, phase);
	return node;
}
