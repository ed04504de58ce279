/*
 * Functions of time, all in UTC.
 */
#include <string.h>
#include <time.h>

#include "function.h"

#define DAY_MS 86400000LL

static int64_t
floor_to(int64_t value, int64_t step)
{
	int64_t rest = value % step;

	return value - (rest < 0 ? rest + step : rest);
}

/* Digits text[at .. at+count), or -1. */
static int
digits(struct store_str text, uint32_t at, uint32_t count)
{
	int value = 0;

	for (uint32_t i = at; i < at + count; i++) {
		if (i >= text.size || text.bytes[i] < '0' || text.bytes[i] > '9')
			return -1;
		value = value * 10 + (text.bytes[i] - '0');
	}
	return value;
}

static bool
is_at(struct store_str text, uint32_t at, char c)
{
	return at < text.size && text.bytes[at] == c;
}

#define SECONDS_DIGITS_MIN 9u /* 8 could be a day without its dashes */
#define SECONDS_DIGITS_MAX 10u

/* Seconds since 1970, as in '1767225600.123'. */
static bool
parse_seconds(struct store_str text, int64_t *ms)
{
	uint32_t at = 0;
	int scale = 100;

	for (*ms = 0; at < text.size && at <= SECONDS_DIGITS_MAX && digits(text, at, 1) >= 0; at++)
		*ms = *ms * 10 + digits(text, at, 1);
	*ms *= 1000;
	if (at < SECONDS_DIGITS_MIN || at > SECONDS_DIGITS_MAX ||
	    (at < text.size && (!is_at(text, at, '.') || at + 1 == text.size)))
		return false;
	for (at++; at < text.size && digits(text, at, 1) >= 0; at++, scale /= 10)
		*ms += digits(text, at, 1) * scale;
	return at >= text.size;
}

bool
function_parse_time(struct store_str text, bool is_date, int64_t *ms)
{
	int year = digits(text, 0, 4);
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = digits(text, 5, 2) - 1,
			.tm_mday = digits(text, 8, 2)};
	int fraction = 0, scale = 100, day = tm.tm_mday;
	uint32_t at = 19;

	if (!is_date && parse_seconds(text, ms))
		return true;
	if (year < 0 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    !is_at(text, 4, '-') || !is_at(text, 7, '-'))
		return false;
	if (text.size > 10) {
		tm.tm_hour = digits(text, 11, 2);
		tm.tm_min = digits(text, 14, 2);
		tm.tm_sec = digits(text, 17, 2);
		if ((!is_at(text, 10, ' ') && !is_at(text, 10, 'T')) || tm.tm_hour < 0 ||
		    tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
		    tm.tm_sec > 59 || !is_at(text, 13, ':') || !is_at(text, 16, ':'))
			return false;
		if (is_at(text, at, '.')) {
			for (at++; at < text.size && digits(text, at, 1) >= 0; at++, scale /= 10)
				fraction += digits(text, at, 1) * scale;
		}
		at += is_at(text, at, 'Z');
		if (at != text.size)
			return false;
	}
	*ms = (int64_t)timegm(&tm) * 1000 + fraction;
	return is_date || tm.tm_mday == day; /* timegm counts on into the next month */
}

static bool
infer_start(const struct expression *call, struct type *out)
{
	const char *name = call->function->name;
	bool date = strcmp(name, "toMonday") == 0 || strcmp(name, "toStartOfWeek") == 0 ||
		    strcmp(name, "toStartOfMonth") == 0;

	out->type = date ? STORE_R_DATE : STORE_R_DATETIME;
	return data_type_is_time(call->args[0]->type.type) &&
	       (call->args_count < 2 || (call->args[1]->kind == EXPRESSION_CONSTANT &&
					 data_type_is_integer(call->args[1]->type.type)));
}

static int64_t
month_start(int64_t ms)
{
	time_t seconds = (time_t)(floor_to(ms, DAY_MS) / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return floor_to(ms, DAY_MS) - (int64_t)(tm.tm_mday - 1) * DAY_MS;
}

/* 1970-01-01 was a Thursday; `first` 4 begins weeks on Monday, 3 on Sunday. */
static int64_t
week_start(int64_t ms, int first)
{
	return floor_to(ms + (7 - first) * DAY_MS, 7 * DAY_MS) - (7 - first) * DAY_MS;
}

/* Whether weeks begin on Monday, by toStartOfWeek's mode. */
static bool
is_monday(const struct expression *call, const struct data *args)
{
	return call->args_count > 1 && (args[1].n.u[data_index(&args[1], 0)] & 1) != 0;
}

/* Inlined, for to divide by what is constant takes a fraction of it. */
static inline __attribute__((always_inline)) int
start_by(const struct data *times, int64_t step_ms, struct data *out)
{
	bool plain = times->type.type == STORE_R_DATETIME64 && !times->constant;

	for (uint32_t i = 0; !plain && i < out->count; i++)
		data_set_time(out, i, floor_to(data_time_ms(times, i), step_ms));
	for (uint32_t i = 0; plain && i < out->count; i++) {
		int64_t seconds = floor_to(times->n.i[i], step_ms) / 1000;

		seconds = seconds > 0 ? seconds : 0;
		out->n.i[i] = seconds < UINT32_MAX ? seconds : UINT32_MAX;
	}
	return 0;
}

#define EVALUATE(name)                                                                \
	static int name(struct evaluation *evaluation, const struct expression *call, \
			const struct data *args, struct data *out)
#define EVALUATE_STEP(name, step_ms)                     \
	EVALUATE(name)                                   \
	{                                                \
		(void)evaluation;                        \
		(void)call;                              \
		return start_by(&args[0], step_ms, out); \
	}
#define EVALUATE_DATE(name, start)                              \
	EVALUATE(name)                                          \
	{                                                       \
		(void)evaluation;                               \
		(void)call;                                     \
		for (uint32_t i = 0; i < out->count; i++) {     \
			int64_t ms = data_time_ms(&args[0], i); \
                                                                \
			data_set_time(out, i, start);           \
		}                                               \
		return 0;                                       \
	}

EVALUATE_STEP(evaluate_minute, 60000)
EVALUATE_STEP(evaluate_five_minutes, 300000)
EVALUATE_STEP(evaluate_ten_minutes, 600000)
EVALUATE_STEP(evaluate_fifteen_minutes, 900000)
EVALUATE_STEP(evaluate_hour, 3600000)
EVALUATE_STEP(evaluate_day, DAY_MS)
EVALUATE_DATE(evaluate_monday, week_start(ms, 4))
EVALUATE_DATE(evaluate_week, week_start(ms, is_monday(call, args) ? 4 : 3))
EVALUATE_DATE(evaluate_month, month_start(ms))

static bool
infer_part(const struct expression *call, struct type *out)
{
	out->type =
	    strcmp(call->function->name, "toUnixTimestamp") == 0 ? STORE_R_UINT32 : STORE_R_UINT8;
	return data_type_is_time(call->args[0]->type.type) &&
	       (call->args_count < 2 || (call->args[1]->kind == EXPRESSION_CONSTANT &&
					 call->args[1]->type.type == STORE_R_UINT8));
}

/* By toDayOfWeek's mode: from Monday or, 2 and 3, from Sunday; from 1 or, 1 and 2, from 0. */
static int64_t
day_of_week(int64_t ms, uint64_t mode)
{
	int64_t day = (ms - week_start(ms, (mode & 2) != 0 ? 3 : 4)) / DAY_MS;

	return day + ((mode & 3) == 0 || (mode & 3) == 3);
}

static int
evaluate_part(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	const char *name = call->function->name;

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		int64_t ms = data_time_ms(&args[0], i), of_day = ms - floor_to(ms, DAY_MS);

		if (strcmp(name, "toHour") == 0)
			out->n.i[i] = of_day / 3600000;
		else if (strcmp(name, "toMinute") == 0)
			out->n.i[i] = of_day / 60000 % 60;
		else if (strcmp(name, "toDayOfWeek") == 0)
			out->n.i[i] = day_of_week(
			    ms, call->args_count > 1 ? args[1].n.u[data_index(&args[1], 0)] : 0);
		else
			out->n.i[i] = ms < 0 ? 0 : ms / 1000 > UINT32_MAX ? UINT32_MAX : ms / 1000;
	}
	return 0;
}

static bool
infer_now(const struct expression *call, struct type *out)
{
	out->type = strcmp(call->function->name, "now") == 0 ? STORE_R_DATETIME : STORE_R_DATE;
	return true;
}

static int
evaluate_now(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	     struct data *out)
{
	int64_t unit = out->type.type == STORE_R_DATETIME ? 1000 : DAY_MS;
	int64_t is_before = call->function->name[0] == 'y'; /* yesterday */

	(void)args;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.i[i] = evaluation->now_ms / unit - is_before;
	return 0;
}

#define START(name, evaluate)                                   \
	{                                                       \
		name, false, 1, 1, false, infer_start, evaluate \
	}
#define PART(name)                                                  \
	{                                                           \
		name, false, 1, 1, false, infer_part, evaluate_part \
	}

const struct function function_time_table[] = {
    START("toStartOfMinute", evaluate_minute),
    START("toStartOfFiveMinutes", evaluate_five_minutes),
    START("toStartOfTenMinutes", evaluate_ten_minutes),
    START("toStartOfFifteenMinutes", evaluate_fifteen_minutes),
    START("toStartOfHour", evaluate_hour),
    START("toStartOfDay", evaluate_day),
    {"toStartOfWeek", false, 1, 2, false, infer_start, evaluate_week},
    START("toStartOfMonth", evaluate_month),
    START("toMonday", evaluate_monday),
    PART("toHour"),
    PART("toMinute"),
    {"toDayOfWeek", false, 1, 2, false, infer_part, evaluate_part},
    PART("toUnixTimestamp"),
    {"now", true, 0, 0, false, infer_now, evaluate_now},
    {"today", true, 0, 0, false, infer_now, evaluate_now},
    {"yesterday", false, 0, 0, false, infer_now, evaluate_now},
    {NULL, false, 0, 0, false, NULL, NULL},
};
