/*
 * Parts of dates, starts of intervals, and times as text; all in UTC. The
 * common starts (toStartOfHour ...) are function_time.c's.
 */
#include <stdio.h>
#include <string.h>

#include "function.h"

#define DAY_MS 86400000LL
#define MONDAY 4 /* days from 1970-01-01, a Thursday, to the first Monday */

struct civil {
	int64_t year, month, day, of_year; /* from 1 */
	int64_t days, of_day_ms;
	int weekday; /* Monday is 1 */
};

static int64_t
floor_to(int64_t value, int64_t step)
{
	int64_t rest = value % step;

	return value - (rest < 0 ? rest + step : rest);
}

static struct civil
civil(int64_t ms)
{
	struct civil out = {.days = floor_to(ms, DAY_MS) / DAY_MS};

	out.of_day_ms = ms - out.days * DAY_MS;
	function_civil_of(out.days, &out.year, &out.month, &out.day);
	out.of_year = out.days - function_days_of(out.year, 1, 1) + 1;
	out.weekday = (int)(out.days - MONDAY - floor_to(out.days - MONDAY, 7)) + 1;
	return out;
}

/* The week's number and year by ISO 8601: the week of its Thursday. */
static int64_t
iso_week(const struct civil *date, int64_t *year)
{
	struct civil thursday = civil((date->days - date->weekday + 4) * DAY_MS);

	*year = thursday.year;
	return (thursday.of_year - 1) / 7 + 1;
}

/* ---- parts ----------------------------------------------------------- */

static const struct {
	const char *name;
	enum store_result_type type;
} parts[] = {{"toYear", STORE_R_UINT16},      {"toMonth", STORE_R_UINT8},
	     {"toQuarter", STORE_R_UINT8},    {"toDayOfMonth", STORE_R_UINT8},
	     {"toDayOfYear", STORE_R_UINT16}, {"toSecond", STORE_R_UINT8},
	     {"toISOWeek", STORE_R_UINT8},    {"toYYYYMM", STORE_R_UINT32},
	     {"toYYYYMMDD", STORE_R_UINT32},  {"toUnixTimestamp64Milli", STORE_R_INT64}};

static size_t
part_of(const char *name)
{
	size_t part = 0;

	while (strcmp(parts[part].name, name) != 0)
		part++;
	return part;
}

static bool
infer_part(const struct expression *call, struct type *out)
{
	enum store_result_type type = call->args[0]->type.type;

	out->type = parts[part_of(call->function->name)].type;
	return out->type == STORE_R_INT64 ? type == STORE_R_DATETIME64 : data_type_is_time(type);
}

static int
evaluate_part(struct evaluation *evaluation, const struct expression *call, const struct data *args,
	      struct data *out)
{
	size_t part = part_of(call->function->name);

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		int64_t ms = data_time_ms(&args[0], i), year;
		struct civil date = civil(ms);
		const int64_t values[] = {date.year,
					  date.month,
					  (date.month + 2) / 3,
					  date.day,
					  date.of_year,
					  date.of_day_ms / 1000 % 60,
					  iso_week(&date, &year),
					  date.year * 100 + date.month,
					  (date.year * 100 + date.month) * 100 + date.day,
					  ms};

		out->n.i[i] = values[part];
	}
	return 0;
}

/* ---- starts ---------------------------------------------------------- */

static const struct {
	const char *name;
	int64_t ms, months;
} units[] = {{"millisecond", 1, 0}, {"second", 1000, 0}, {"minute", 60000, 0},
	     {"hour", 3600000, 0},  {"day", DAY_MS, 0},  {"week", 7 * DAY_MS, 0},
	     {"month", 0, 1},       {"quarter", 0, 3},   {"year", 0, 12}};

static size_t
unit_of(struct store_str name)
{
	size_t unit = 0;

	while (strlen(units[unit].name) != name.size ||
	       memcmp(units[unit].name, name.bytes, name.size) != 0)
		unit++;
	return unit;
}

/* Multiples of the unit: months count from January 1900, years from year 0,
 * weeks from a Monday, hours from midnight, the others from 1970. */
static int64_t
start_of(int64_t ms, size_t unit, int64_t count)
{
	int64_t months = units[unit].months, start;
	struct civil date;

	if (months == 0 && units[unit].ms >= 7 * DAY_MS)
		return floor_to(ms - MONDAY * DAY_MS, count * 7 * DAY_MS) + MONDAY * DAY_MS;
	if (months == 0 && units[unit].ms == DAY_MS)
		return floor_to(ms, count * DAY_MS);
	if (months == 0 && units[unit].ms == 3600000)
		return floor_to(ms, DAY_MS) +
		       floor_to(ms - floor_to(ms, DAY_MS), units[unit].ms * count);
	if (months == 0)
		return floor_to(ms, units[unit].ms * count);
	date = civil(ms);
	start = months == 12 ? floor_to(date.year, count) * 12
			     : floor_to((date.year - 1900) * 12 + date.month - 1, months * count) +
				   1900 * 12;
	return function_days_of(start / 12, start % 12 + 1, 1) * DAY_MS;
}

#define COUNT_MAX 100000

static bool
infer_interval(const struct expression *call, struct type *out)
{
	const struct expression *interval = call->args[1];
	enum store_result_type type = call->args[0]->type.type;
	size_t unit;

	if (interval->unit.size == 0 || interval->kind != EXPRESSION_CONSTANT ||
	    !data_type_is_time(type) || interval->constant.n.i[0] < 1 ||
	    interval->constant.n.i[0] > COUNT_MAX)
		return false;
	unit = unit_of(interval->unit);
	out->type = units[unit].months > 0 || units[unit].ms == 7 * DAY_MS ? STORE_R_DATE
									   : STORE_R_DATETIME;
	return type != STORE_R_DATE || out->type == STORE_R_DATE || units[unit].ms == DAY_MS;
}

static int
evaluate_interval(struct evaluation *evaluation, const struct expression *call,
		  const struct data *args, struct data *out)
{
	size_t unit = unit_of(call->args[1]->unit);

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++)
		data_set_time(out, i,
			      start_of(data_time_ms(&args[0], i), unit,
				       args[1].n.i[data_index(&args[1], i)]));
	return 0;
}

static bool
infer_date(const struct expression *call, struct type *out)
{
	out->type = STORE_R_DATE;
	return data_type_is_time(call->args[0]->type.type);
}

static int
evaluate_start(struct evaluation *evaluation, const struct expression *call,
	       const struct data *args, struct data *out)
{
	const char *name = call->function->name[9] == 'Q' ? "quarter" : "year";
	size_t unit = unit_of((struct store_str){name, (uint32_t)strlen(name)});

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++)
		data_set_time(out, i, start_of(data_time_ms(&args[0], i), unit, 1));
	return 0;
}

/* ---- differences ----------------------------------------------------- */

static bool
infer_difference(const struct expression *call, struct type *out)
{
	const struct expression *unit = call->args[0];

	out->type = STORE_R_INT64;
	if (unit->kind != EXPRESSION_CONSTANT || unit->type.type != STORE_R_STRING ||
	    !data_type_is_time(call->args[1]->type.type) ||
	    !data_type_is_time(call->args[2]->type.type))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strlen(units[i].name) == unit->constant.s[0].size &&
		    memcmp(units[i].name, unit->constant.s[0].bytes, strlen(units[i].name)) == 0)
			return true;
	}
	return false;
}

/* How many bounds of the unit lie between the two. */
static int
evaluate_difference(struct evaluation *evaluation, const struct expression *call,
		    const struct data *args, struct data *out)
{
	size_t unit = unit_of(call->args[0]->constant.s[0]);

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		int64_t from = start_of(data_time_ms(&args[1], i), unit, 1);
		int64_t to = start_of(data_time_ms(&args[2], i), unit, 1);
		struct civil a, b;

		if (units[unit].ms != 0) {
			out->n.i[i] = (to - from) / units[unit].ms;
			continue;
		}
		a = civil(from);
		b = civil(to);
		out->n.i[i] = ((b.year - a.year) * 12 + b.month - a.month) / units[unit].months;
	}
	return 0;
}

/* ---- text ------------------------------------------------------------ */

static const char *const months[] = {"January",   "February", "March",    "April",
				     "May",       "June",     "July",     "August",
				     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
				       "Friday", "Saturday", "Sunday"};

#define PIECE_BYTES_MAX 32u

/* What %c stands for. 0 when it stands for nothing. */
static int
print_piece(char c, const struct civil *d, char *out)
{
	int64_t week_year, week = iso_week(d, &week_year);
	int hour = (int)(d->of_day_ms / 3600000), minute = (int)(d->of_day_ms / 60000 % 60);
	int second = (int)(d->of_day_ms / 1000 % 60), year = (int)d->year;
	int month = (int)d->month, day = (int)d->day, half = (hour + 11) % 12 + 1;
	const char *name = months[month - 1], *weekday = weekdays[d->weekday - 1];
	const struct {
		const char *letters, *format;
		int value;
	} numbers[] = {{"Y", "%04d", year},
		       {"y", "%02d", year % 100},
		       {"C", "%02d", year / 100},
		       {"mc", "%02d", month},
		       {"d", "%02d", day},
		       {"e", "%d", day},
		       {"j", "%03d", (int)d->of_year},
		       {"Hk", "%02d", hour},
		       {"Ihl", "%02d", half},
		       {"i", "%02d", minute},
		       {"Ss", "%02d", second},
		       {"f", "%06d", (int)(d->of_day_ms % 1000) * 1000},
		       {"G", "%04d", (int)week_year},
		       {"g", "%02d", (int)(week_year % 100)},
		       {"V", "%02d", (int)week},
		       {"u", "%d", d->weekday},
		       {"w", "%d", d->weekday % 7},
		       {"Q", "%d", (month + 2) / 3}};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (strchr(numbers[i].letters, c) != NULL)
			return snprintf(out, PIECE_BYTES_MAX, numbers[i].format, numbers[i].value);
	}
	switch (c) {
	case 'M':
		return snprintf(out, PIECE_BYTES_MAX, "%s", name);
	case 'b':
		return snprintf(out, PIECE_BYTES_MAX, "%.3s", name);
	case 'W':
		return snprintf(out, PIECE_BYTES_MAX, "%s", weekday);
	case 'a':
		return snprintf(out, PIECE_BYTES_MAX, "%.3s", weekday);
	case 'D':
		return snprintf(out, PIECE_BYTES_MAX, "%02d/%02d/%02d", month, day, year % 100);
	case 'F':
		return snprintf(out, PIECE_BYTES_MAX, "%04d-%02d-%02d", year, month, day);
	case 'T':
		return snprintf(out, PIECE_BYTES_MAX, "%02d:%02d:%02d", hour, minute, second);
	case 'R':
		return snprintf(out, PIECE_BYTES_MAX, "%02d:%02d", hour, minute);
	case 'r':
		return snprintf(out, PIECE_BYTES_MAX, "%02d:%02d %s", half, minute,
				hour < 12 ? "AM" : "PM");
	case 'p':
		return snprintf(out, PIECE_BYTES_MAX, "%s", hour < 12 ? "AM" : "PM");
	case 'z':
		return snprintf(out, PIECE_BYTES_MAX, "+0000");
	default:
		out[0] = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		return c == 'n' || c == 't' || c == '%';
	}
}

static bool
infer_format(const struct expression *call, struct type *out)
{
	out->type = STORE_R_STRING;
	return data_type_is_time(call->args[0]->type.type) &&
	       call->args[1]->type.type == STORE_R_STRING &&
	       call->args[1]->kind == EXPRESSION_CONSTANT;
}

static int
bad_format(struct evaluation *evaluation, char c)
{
	if (evaluation->error != NULL) {
		evaluation->error->clickhouse = 36;
		evaluation->error->name = "BAD_ARGUMENTS";
	}
	return store_error_set(evaluation->error, STORE_ETYPE,
			       "formatDateTime has no %%%c in its format", c < ' ' ? ' ' : c);
}

#define PIECE_WORK 64u /* what a piece takes, in bytes copied */

static int
print_date(struct evaluation *evaluation, const struct civil *date, struct store_str format,
	   struct store_str *out)
{
	size_t max = ((size_t)format.size + 1) * PIECE_BYTES_MAX / 2;
	char *bytes = store_arena_alloc(evaluation->arena, max);
	uint32_t size = 0;
	int result;

	if (bytes == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t f = 0; f < format.size; f++) {
		int piece = 0;

		if (format.bytes[f] != '%') {
			bytes[size++] = format.bytes[f];
			continue;
		}
		if (++f < format.size)
			piece = print_piece(format.bytes[f], date, bytes + size);
		if (piece <= 0)
			return bad_format(evaluation, f < format.size ? format.bytes[f] : '%');
		size += (uint32_t)piece;
		if ((result = expression_work(evaluation, PIECE_WORK)) != 0)
			return result;
	}
	*out = (struct store_str){bytes, size};
	return expression_work(evaluation, size);
}

/* Within as many ms, counted from 1970, times print the same. */
static int64_t
step_of(struct store_str format)
{
	static const struct {
		const char *letters;
		int64_t ms;
	} steps[] = {{"f", 1}, {"SsT", 1000}, {"iRr", 60000}, {"HkIhlp", 3600000}};
	int64_t step = DAY_MS;

	for (uint32_t f = 0; f + 1 < format.size; f++) {
		if (format.bytes[f] != '%')
			continue;
		f++;
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
			if (memchr(steps[i].letters, format.bytes[f], strlen(steps[i].letters)) &&
			    steps[i].ms < step)
				step = steps[i].ms;
		}
	}
	return step;
}

static int
evaluate_format(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	struct store_str format = data_string(&args[1], 0);
	int64_t step = step_of(format), printed = 0;
	int result = 0;

	(void)call;
	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		int64_t ms = data_time_ms(&args[0], i), begin = floor_to(ms, step);
		struct civil date;

		if (i > 0 && begin == printed) {
			out->s[i] = out->s[i - 1];
			continue;
		}
		date = civil(ms);
		result = print_date(evaluation, &date, format, &out->s[i]);
		printed = begin;
	}
	return result;
}

/* ---- the rest -------------------------------------------------------- */

static bool
infer_from_milli(const struct expression *call, struct type *out)
{
	out->type = STORE_R_DATETIME64;
	return data_type_is_integer(call->args[0]->type.type);
}

static int
evaluate_from_milli(struct evaluation *evaluation, const struct expression *call,
		    const struct data *args, struct data *out)
{
	(void)evaluation;
	(void)call;
	for (uint32_t i = 0; i < out->count; i++)
		out->n.i[i] = data_time_within(args[0].n.i[data_index(&args[0], i)]);
	return 0;
}

static bool
infer_from_seconds(const struct expression *call, struct type *out)
{
	out->type = STORE_R_DATETIME;
	return data_type_is_integer(call->args[0]->type.type);
}

/* What a DateTime cannot hold is its first or last second. */
static int
evaluate_from_seconds(struct evaluation *evaluation, const struct expression *call,
		      const struct data *args, struct data *out)
{
	bool is_signed = data_type_is_signed(call->args[0]->type.type);

	(void)evaluation;
	for (uint32_t i = 0; i < out->count; i++) {
		uint32_t at = data_index(&args[0], i);
		uint64_t seconds = is_signed && args[0].n.i[at] < 0 ? 0 : (uint64_t)args[0].n.i[at];

		out->n.i[i] = (int64_t)(seconds > UINT32_MAX ? UINT32_MAX : seconds);
	}
	return 0;
}

#define PART(name)                                                  \
	{                                                           \
		name, false, 1, 1, false, infer_part, evaluate_part \
	}

const struct function function_calendar_table[] = {
    PART("toYear"),
    PART("toMonth"),
    PART("toQuarter"),
    PART("toDayOfMonth"),
    PART("toDayOfYear"),
    PART("toSecond"),
    PART("toISOWeek"),
    PART("toYYYYMM"),
    PART("toYYYYMMDD"),
    PART("toUnixTimestamp64Milli"),
    {"toStartOfQuarter", false, 1, 1, false, infer_date, evaluate_start},
    {"toStartOfYear", false, 1, 1, false, infer_date, evaluate_start},
    {"toStartOfInterval", false, 2, 2, false, infer_interval, evaluate_interval},
    {"dateDiff", true, 3, 3, false, infer_difference, evaluate_difference},
    {"formatDateTime", false, 2, 2, false, infer_format, evaluate_format},
    {"fromUnixTimestamp", false, 1, 1, false, infer_from_seconds, evaluate_from_seconds},
    {"fromUnixTimestamp64Milli", false, 1, 1, false, infer_from_milli, evaluate_from_milli},
    {NULL, false, 0, 0, false, NULL, NULL},
};
