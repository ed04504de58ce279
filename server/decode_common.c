/*
 * decode.h: pure.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "decode.h"
#include "redact.h"

#define MS_MAX 86400000.0          /* a day, as in native beacons */
#define TIME_MAX 253402300799999.0 /* the year 9999 */

struct store_str
decode_str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

/* ---- events ---------------------------------------------------------- */

struct event *
decode_event(struct event_batch *batch, struct store_arena *arena)
{
	struct event *event;

	if (batch->count == EVENT_BATCH_MAX)
		return NULL;
	if ((event = event_create(arena)) == NULL)
		return NULL;
	event->site = event->url = event->referrer = (struct store_str){"", 0};
	event->rate = 1;
	event->merge = true;
	batch->events[batch->count++] = event;
	return event;
}

static struct event_row *
new_row(struct event_row *rows, uint32_t *count, uint32_t max, enum event_table table,
	struct store_arena *arena)
{
	if (*count == max || !event_row_init(&rows[*count], table, arena))
		return NULL;
	return &rows[(*count)++];
}

struct event_row *
decode_error_row(struct event *event, struct store_arena *arena)
{
	return new_row(event->errors, &event->errors_count, EVENT_ERRORS_MAX, EVENT_ERRORS, arena);
}

struct event_row *
decode_event_row(struct event *event, struct store_arena *arena)
{
	return new_row(event->events, &event->events_count, EVENT_EVENTS_MAX, EVENT_EVENTS, arena);
}

/* ---- values ---------------------------------------------------------- */

void
decode_text(struct event_row *row, uint32_t column, struct store_str text, uint32_t max)
{
	text = redact_cut_column(text, row->table, column, max);
	if (json_is_utf8(text))
		event_row_string(row, column, text);
}

void
decode_number(struct event_row *row, uint32_t column, double value, double max)
{
	if (value >= 0 && value <= max)
		event_row_float(row, column, value);
}

void
decode_ms(struct event_row *row, uint32_t column, double value)
{
	decode_number(row, column, value, MS_MAX);
}

void
decode_ms_member(struct event_row *row, uint32_t column, const struct tree *object,
		 const char *name)
{
	double value;

	if (tree_number(object, name, &value))
		decode_ms(row, column, value);
}

void
decode_uint(struct event_row *row, uint32_t column, double value, double max)
{
	if (value >= 0 && value <= max)
		event_row_uint(row, column, (uint64_t)value);
}

void
decode_row_time(struct event_row *row, double ms)
{
	if (ms >= 1 && ms <= TIME_MAX)
		event_row_time(row, PAGEVIEWS_ts, (int64_t)ms);
}

void
decode_time(struct event *event, double ms)
{
	if (!(ms >= 1 && ms <= TIME_MAX))
		return;
	event->has_time = true;
	event->time_ms = (int64_t)ms;
}

/* Days since 1970 of a date of the Gregorian calendar, by years that begin in
 * March. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

bool
decode_iso_time(struct store_str text, double *ms)
{
	int year, month, day, hour, minute, read = 0;
	double second;
	char copy[32];

	if (text.size < 20 || text.size >= sizeof copy)
		return false;
	memcpy(copy, text.bytes, text.size);
	copy[text.size] = '\0';
	if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%lfZ%n", &year, &month, &day, &hour, &minute, &second,
		   &read) != 6 ||
	    copy[text.size - 1] != 'Z' || year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
	    !(second >= 0 && second < 61))
		return false;
	*ms = (double)days_of(year, month, day) * 86400000.0 + hour * 3600000.0 + minute * 60000.0 +
	      floor(second * 1000 + 0.5);
	return true;
}

uint64_t
decode_hash(const char *kind, struct store_str a, struct store_str b)
{
	uint64_t hash = XXH3_64bits(kind, strlen(kind));

	hash = XXH3_64bits_withSeed(a.bytes, a.size, hash);
	hash = XXH3_64bits_withSeed(b.bytes, b.size, hash);
	return hash == 0 ? 1 : hash;
}

/* ---- what all agents speak of ---------------------------------------- */

static const struct {
	const char *name;
	int column;
	double max;
} vitals[] = {
    {"LCP", PAGEVIEWS_lcp, MS_MAX}, {"INP", PAGEVIEWS_inp, MS_MAX},   {"CLS", PAGEVIEWS_cls, 1e6},
    {"FCP", PAGEVIEWS_fcp, MS_MAX}, {"TTFB", PAGEVIEWS_ttfb, MS_MAX},
};

#define VITALS_COUNT (sizeof vitals / sizeof *vitals)
_Static_assert(VITALS_COUNT < EVENT_METRICS_COUNT, "one more for what is no vital");

uint32_t
decode_metric_index(struct store_str name)
{
	uint32_t i = 0;

	while (i < VITALS_COUNT && !(strlen(vitals[i].name) == name.size &&
				     strncasecmp(vitals[i].name, name.bytes, name.size) == 0))
		i++;
	return i;
}

void
decode_vital(struct event *event, struct store_str name, double value)
{
	uint32_t i = decode_metric_index(name);
	const struct event_row *row = &event->view;
	struct store_str type = {"", 0};

	if (i == VITALS_COUNT)
		return;
	if (row->present[PAGEVIEWS_nav_type])
		type = row->cells[PAGEVIEWS_nav_type].value.s;
	/* Restores and soft navigations have no request, and web-vitals says 0. */
	if (vitals[i].column == PAGEVIEWS_ttfb && value == 0 &&
	    (decode_is(type, "soft_navigation") || decode_is(type, "back_forward_cache")))
		return;
	decode_number(&event->view, (uint32_t)vitals[i].column, value, vitals[i].max);
}

void
decode_navigation(struct event *event, struct store_str name)
{
	static const char *const types[] = {"navigate",           "reload",    "back_forward",
					    "back_forward_cache", "prerender", "restore",
					    "soft_navigation"};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		bool same = strlen(types[i]) == name.size;

		for (uint32_t c = 0; same && c < name.size; c++)
			same = types[i][c] == (name.bytes[c] == '-' ? '_' : name.bytes[c]);
		if (same)
			event_row_string(&event->view, PAGEVIEWS_nav_type, decode_str(types[i]));
	}
}

void
decode_viewport(struct event *event, struct store_str text)
{
	const char *x = text.size == 0 ? NULL : memchr(text.bytes, 'x', text.size);
	struct store_str width, height;
	double number;

	if (x == NULL)
		return;
	width = (struct store_str){text.bytes, (uint32_t)(x - text.bytes)};
	height = (struct store_str){x + 1, text.size - width.size - 1};
	if (tree_to_number(width, &number))
		decode_uint(&event->view, PAGEVIEWS_viewport_width, number, 65535);
	if (tree_to_number(height, &number))
		decode_uint(&event->view, PAGEVIEWS_viewport_height, number, 65535);
}

/* ---- refusing -------------------------------------------------------- */

int
decode_refuse(struct event_error *error, const char *text)
{
	snprintf(error->text, sizeof error->text, "%s", text);
	return STORE_EINVAL;
}

struct tree *
decode_tree(struct store_str body, struct store_arena *arena, struct event_error *error,
	    int *result)
{
	const char *wrong;
	struct tree *tree = tree_parse(body, arena, &wrong);

	memset(error, 0, sizeof *error);
	*result = tree != NULL ? 0 : STORE_ENOMEM;
	if (tree == NULL && wrong != NULL) {
		snprintf(error->text, sizeof error->text, "malformed JSON: %s", wrong);
		*result = STORE_EINVAL;
	}
	return tree;
}
