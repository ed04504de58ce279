/*
 * insert_row.h: texts to cells, with the types and ranges of the table's
 * columns, and whole rows to entries. After the formats' readers.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event_row.h"
#include "insert_row.h"
#include "json.h"
#include "redact.h"
#include "url.h"

#define FUTURE_MS (5 * 60 * 1000LL)
#define PATH_BYTES_MAX 500u /* as of beacons */
#define DAY_MS (24 * 3600 * 1000LL)
#define TIME_MAX_MS 253402300799999LL /* the year 9999 */

static const struct redact_address nobody = {.text = {"", 0}, .is_usual = true};

int
insert_row_refuse(struct insert_row *row, int column, const char *why)
{
	insert_fail(row->error, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", "Row %u: %s%s%s",
		    row->number, column < 0 ? "" : row->table->columns[column].name,
		    column < 0 ? "" : ": ", why);
	return STORE_EINVAL;
}

void
insert_row_begin(struct insert_row *row)
{
	row->number++;
	row->tags_count = 0;
	memset(row->present, 0, sizeof row->present);
}

/* ---- texts to values ------------------------------------------------- */

static bool
parse_uint(struct store_str text, uint8_t bits, uint64_t *out)
{
	uint64_t value = 0, max = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;

	for (uint32_t i = 0; i < text.size; i++) {
		uint64_t digit = (uint64_t)(unsigned char)text.bytes[i] - '0';

		if (digit > 9 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return text.size > 0;
}

static bool
parse_float(struct store_str text, double *out)
{
	char digits[64], *end;

	if (text.size == 0 || text.size >= sizeof digits)
		return false;
	memcpy(digits, text.bytes, text.size);
	digits[text.size] = '\0';
	if (strspn(digits, "+-.0123456789eE") < text.size)
		return false;
	*out = strtod(digits, &end);
	return *end == '\0' && isfinite(*out);
}

/* Days since 1970 of a civil date. Source: Howard Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms". */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* `count` digits; -1: there are none. */
static int64_t
digits_at(struct store_str text, uint32_t at, uint32_t count)
{
	uint64_t value;

	if (at + count > text.size ||
	    !parse_uint((struct store_str){text.bytes + at, count}, 64, &value))
		return -1;
	return (int64_t)value;
}

static bool
parse_clock(struct store_str text, uint32_t *at, int64_t *ms)
{
	int64_t hour = digits_at(text, *at, 2), minute = digits_at(text, *at + 3, 2);
	int64_t second = digits_at(text, *at + 6, 2), scale = 100, digit;

	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
	    text.bytes[*at + 2] != ':' || text.bytes[*at + 5] != ':')
		return false;
	*ms += ((hour * 60 + minute) * 60 + second) * 1000;
	*at += 8;
	if (*at < text.size && text.bytes[*at] == '.') {
		for (++*at; (digit = digits_at(text, *at, 1)) >= 0; ++*at, scale /= 10)
			*ms += digit * scale; /* digits beyond the third count nothing */
	}
	return true;
}

/* 2026-01-02, with 03:04:05 and .678 and Z, after a space or a T; or seconds
 * since 1970 with a fraction, or, from 3,000,000,000 on, milliseconds, as
 * ClickHouse takes a DateTime64(3). */
static bool
parse_time(struct store_str text, int64_t *ms)
{
	int64_t year = digits_at(text, 0, 4), month = digits_at(text, 5, 2);
	int64_t day = digits_at(text, 8, 2);
	uint32_t at = 10;
	double number;

	if (text.size < 10 || text.bytes[4] != '-' || text.bytes[7] != '-') {
		if (!parse_float(text, &number) || number < 0 || number > (double)TIME_MAX_MS)
			return false;
		*ms = number >= 3e9 && memchr(text.bytes, '.', text.size) == NULL
			  ? (int64_t)number
			  : llround(number * 1000);
		return *ms <= TIME_MAX_MS;
	}
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*ms = days_of(year, month, day) * DAY_MS;
	if (day > 28 && *ms >= days_of(year + month / 12, month % 12 + 1, 1) * DAY_MS)
		return false; /* the month is shorter */
	if (at == text.size)
		return true;
	if ((text.bytes[at] != ' ' && text.bytes[at] != 'T') || (at++, !parse_clock(text, &at, ms)))
		return false;
	return at == text.size || (at + 1 == text.size && text.bytes[at] == 'Z');
}

/* ---- tags ------------------------------------------------------------ */

int
insert_row_add_tag(struct insert_row *row, struct store_str name, struct store_str value)
{
	for (uint32_t i = 0; i < row->tags_count; i++) {
		if (row->tags[i].key.size == name.size &&
		    memcmp(row->tags[i].key.bytes, name.bytes, name.size) == 0)
			return insert_row_refuse(row, PAGEVIEWS_tags, "a name twice");
	}
	if (row->tags_count == INSERT_TAGS_MAX)
		return insert_row_refuse(row, PAGEVIEWS_tags, "at most 32 tags");
	if (name.size == 0 || name.size > 64 || value.size > 1000 || !json_is_utf8(name) ||
	    !json_is_utf8(value))
		return insert_row_refuse(row, PAGEVIEWS_tags,
					 "names of 1 to 64 bytes, values of up to 1000, in UTF-8");
	if (!redact(value, &nobody, row->context->arena, &value))
		return STORE_ENOMEM;
	if (value.size > 0) /* '' is as if absent */
		row->tags[row->tags_count++] = (struct store_pair){name, value};
	return 0;
}

char
insert_row_escaped(char c)
{
	static const char from[] = "ntrbf0", to[] = "\n\t\r\b\f\0";
	const char *at = c == '\0' ? NULL : strchr(from, c);

	return at == NULL ? c : to[at - from];
}

/* A string in single quotes at *at, unescaped in the arena. */
static int
quoted_at(struct insert_row *row, struct store_str text, uint32_t *at, struct store_str *out)
{
	uint32_t size = 0, i = *at + 1, end = i;
	char *bytes;

	while (end < text.size && text.bytes[end] != '\'')
		end += text.bytes[end] == '\\' ? 2 : 1;
	if (end >= text.size || text.bytes[*at] != '\'')
		return insert_row_refuse(row, PAGEVIEWS_tags, "expected {'name':'value'}");
	if ((bytes = store_arena_alloc(row->context->arena, end - i)) == NULL)
		return STORE_ENOMEM;
	while (i < end) {
		char c = text.bytes[i++];

		if (c == '\\')
			c = insert_row_escaped(text.bytes[i++]);
		bytes[size++] = c;
	}
	*at = end + 1;
	*out = (struct store_str){bytes, size};
	return 0;
}

static bool
take(struct store_str text, uint32_t *at, char c)
{
	while (*at < text.size && text.bytes[*at] == ' ')
		++*at;
	if (*at == text.size || text.bytes[*at] != c)
		return false;
	++*at;
	while (*at < text.size && text.bytes[*at] == ' ')
		++*at;
	return true;
}

/* {'k':'v', ...} as ClickHouse writes it in text formats. */
static int
set_tags(struct insert_row *row, struct store_str text)
{
	struct store_str name, value;
	uint32_t at = 0;
	int result = 0;
	bool first = true;

	if (text.size == 0)
		return 0;
	if (!take(text, &at, '{'))
		return insert_row_refuse(row, PAGEVIEWS_tags, "expected {'name':'value'}");
	for (; !take(text, &at, '}'); first = false) {
		if (!first && !take(text, &at, ','))
			return insert_row_refuse(row, PAGEVIEWS_tags, "expected {'name':'value'}");
		if ((result = quoted_at(row, text, &at, &name)) != 0)
			return result;
		if (!take(text, &at, ':'))
			return insert_row_refuse(row, PAGEVIEWS_tags, "expected {'name':'value'}");
		if ((result = quoted_at(row, text, &at, &value)) != 0 ||
		    (result = insert_row_add_tag(row, name, value)) != 0)
			return result;
	}
	return at == text.size ? 0 : insert_row_refuse(row, PAGEVIEWS_tags, "more after }");
}

/* ---- cells ----------------------------------------------------------- */

/* What parts of URLs may hold secrets, as with beacons. */
static int
strip(struct insert_row *row, uint32_t column, struct store_str *text)
{
	struct store_arena *arena = row->context->arena;
	enum event_table table = (enum event_table)row->head.table;
	uint32_t prefix = text->bytes[0] == '/' ? 9 : 10;
	struct store_str host, full;
	char *bytes;

	if ((table == EVENT_PAGEVIEWS && column == PAGEVIEWS_lcp_url) ||
	    (table == EVENT_PAGEVIEWS && column == PAGEVIEWS_inp_script) ||
	    (table == EVENT_ERRORS && column == ERRORS_source) ||
	    (table == EVENT_REPORTS && column == REPORTS_url))
		return url_strip(*text, arena, text) ? 0 : STORE_ENOMEM;
	if (column != PAGEVIEWS_path)
		return 0;
	if ((bytes = store_arena_alloc(arena, text->size + prefix)) == NULL)
		return STORE_ENOMEM;
	memcpy(bytes, "https://x/", prefix);
	memcpy(bytes + prefix, text->bytes, text->size);
	full = (struct store_str){bytes, text->size + prefix};
	return url_split(full, arena, &host, text, NULL) ? 0 : STORE_ENOMEM;
}

static int
set_string(struct insert_row *row, uint32_t column, struct store_str text)
{
	int result;

	if (text.size > INSERT_STRING_BYTES_MAX)
		return insert_row_refuse(row, (int)column, "a string has at most 65536 bytes");
	if (!json_is_utf8(text))
		return insert_row_refuse(row, (int)column, "not UTF-8");
	if (text.size == 0)
		return 0; /* as when it is absent */
	if ((result = strip(row, column, &text)) != 0)
		return result;
	if (redact_applies(row->head.table, column) &&
	    !redact(text, &nobody, row->context->arena, &text))
		return STORE_ENOMEM;
	if (column == PAGEVIEWS_path)
		text = redact_cut(text, PATH_BYTES_MAX);
	row->cells[column].value.s = text;
	row->present[column] = text.size > 0;
	return 0;
}

int
insert_row_set(struct insert_row *row, uint32_t column, struct store_str text)
{
	const struct store_column *schema = &row->table->columns[column];
	struct store_cell *cell = &row->cells[column];
	bool parsed = false;

	memset(cell, 0, sizeof *cell);
	cell->column = (uint16_t)column;
	switch (schema->type) {
	case STORE_TIME:
		if (!(parsed = parse_time(text, &cell->value.i)))
			return insert_row_refuse(row, (int)column,
						 "expected YYYY-MM-DD hh:mm:ss.mmm, or a number of "
						 "seconds since 1970");
		break;
	case STORE_UINT:
		if (!(parsed = parse_uint(text, schema->bits, &cell->value.u)))
			return insert_row_refuse(row, (int)column,
						 "expected an integer in the range of its type");
		break;
	case STORE_FLOAT:
		if (!(parsed = parse_float(text, &cell->value.f)))
			return insert_row_refuse(row, (int)column, "expected a finite number");
		break;
	case STORE_STRING:
		return set_string(row, column, text);
	case STORE_MAP:
		return set_tags(row, text);
	}
	row->present[column] = parsed;
	return 0;
}

/* ---- rows ------------------------------------------------------------ */

static int
check_row(struct insert_row *row)
{
	const struct insert_context *context = row->context;
	uint32_t days =
	    context->retention_days == NULL ? 0 : context->retention_days[row->head.table];
	char why[80];
	int64_t time;

	if (!row->present[PAGEVIEWS_ts]) {
		row->cells[PAGEVIEWS_ts] =
		    (struct store_cell){.column = PAGEVIEWS_ts, .value.i = context->now_ms};
		row->present[PAGEVIEWS_ts] = true;
	}
	if (!row->present[PAGEVIEWS__sample_interval]) {
		row->cells[PAGEVIEWS__sample_interval] =
		    (struct store_cell){.column = PAGEVIEWS__sample_interval, .value.u = 1};
		row->present[PAGEVIEWS__sample_interval] = true;
	}
	time = row->cells[PAGEVIEWS_ts].value.i;
	if (row->cells[PAGEVIEWS__sample_interval].value.u == 0)
		return insert_row_refuse(row, PAGEVIEWS__sample_interval, "at least 1");
	if (!row->present[PAGEVIEWS_site])
		return insert_row_refuse(row, PAGEVIEWS_site, "missing");
	if (row->cells[PAGEVIEWS_site].value.s.size > 64)
		return insert_row_refuse(row, PAGEVIEWS_site, "at most 64 bytes");
	if (time > context->now_ms + FUTURE_MS)
		return insert_row_refuse(row, PAGEVIEWS_ts,
					 "more than 5 minutes ahead of the clock");
	if (days != 0 && time < context->now_ms - days * DAY_MS) {
		snprintf(why, sizeof why, "older than the retention of %u days", days);
		return insert_row_refuse(row, PAGEVIEWS_ts, why);
	}
	return 0;
}

static int
grow(struct insert_row *row)
{
	struct insert_rows *out = row->out;
	uint32_t max = row->out_max == 0 ? 1024 : row->out_max * 2;
	struct store_entry *entries;

	if (out->count < row->out_max)
		return 0;
	if ((entries = store_arena_alloc(row->context->arena, max * sizeof *entries)) == NULL)
		return STORE_ENOMEM;
	if (out->count > 0)
		memcpy(entries, out->entries, out->count * sizeof *entries);
	out->entries = entries;
	row->out_max = max;
	return 0;
}

int
insert_row_end(struct insert_row *row)
{
	struct store_arena *arena = row->context->arena;
	uint32_t columns = row->table->columns_count, count = 0, cells_count = row->tags_count;
	struct store_cell *cells;
	struct store_pair *tags = NULL;
	struct store_row *stored;
	int result = check_row(row);

	if (result != 0 || (result = grow(row)) != 0)
		return result;
	for (uint32_t i = 0; i < columns; i++) /* most have few of all columns */
		cells_count += row->present[i];
	cells = store_arena_alloc(arena, cells_count * sizeof *cells);
	stored = store_arena_alloc(arena, sizeof *stored);
	if (row->tags_count > 0)
		tags = store_arena_alloc(arena, row->tags_count * sizeof *tags);
	if (cells == NULL || stored == NULL || (row->tags_count > 0 && tags == NULL))
		return STORE_ENOMEM;
	if (row->tags_count > 0)
		memcpy(tags, row->tags, row->tags_count * sizeof *tags);
	for (uint32_t i = 0; i < columns; i++) {
		for (uint32_t t = 0; i == PAGEVIEWS_tags && t < row->tags_count; t++)
			cells[count++] =
			    (struct store_cell){.column = (uint16_t)i, .value.pair = &tags[t]};
		if (row->present[i])
			cells[count++] = row->cells[i];
	}
	*stored = (struct store_row){row->head.table, (uint16_t)count, cells};
	row->out->entries[row->out->count++] = (struct store_entry){
	    .received_ms = row->context->now_ms, .rows = stored, .rows_count = 1};
	return 0;
}
