/*
 * The inside of struct event, for decoders and enrichment: rows of store
 * cells, a slot per column.
 */
#ifndef EVENT_ROW_H
#define EVENT_ROW_H

#include <assert.h>

#include "columns.def"
#include "event.h"

#define EVENT_ERRORS_MAX 50u
#define EVENT_EVENTS_MAX 50u
#define EVENT_TAGS_MAX 32u
#define EVENT_TAG_BYTES_MAX 200u /* of a value */
#define EVENT_SITE_BYTES_MAX 64u
#define EVENT_METRICS_COUNT 6u

/* PAGEVIEWS_ts, PAGEVIEWS_site ... by table. */
#define EVENT_ENUM(name, type, size, flags, unit, comment) EVENT_PREFIX(name),
#define EVENT_PREFIX(name) PAGEVIEWS_##name
enum event_pageviews_column { COLUMNS_PAGEVIEWS(EVENT_ENUM) PAGEVIEWS_COUNT };
#undef EVENT_PREFIX
#define EVENT_PREFIX(name) ERRORS_##name
enum event_errors_column { COLUMNS_ERRORS(EVENT_ENUM) ERRORS_COUNT };
#undef EVENT_PREFIX
#define EVENT_PREFIX(name) EVENTS_##name
enum event_events_column { COLUMNS_EVENTS(EVENT_ENUM) EVENTS_COUNT };
#undef EVENT_PREFIX
#define EVENT_PREFIX(name) REPORTS_##name
enum event_reports_column { COLUMNS_REPORTS(EVENT_ENUM) REPORTS_COUNT };
#undef EVENT_PREFIX
#undef EVENT_ENUM

/* The common columns have the same numbers in every table. */
#define COMMON_COUNT ((uint32_t)PAGEVIEWS__sample_interval + 1)

/* One row under construction; present[i] tells whether value[i] is set. */
struct event_row {
	enum event_table table;
	bool *present;            /* [columns of the table] */
	struct store_cell *cells; /* [columns of the table]: those that are present */
};

struct event {
	struct event_row view;   /* PAGEVIEWS; its common columns are everyone's */
	struct event_row report; /* REPORTS, when has_report */
	uint32_t errors_count, events_count, tags_count;
	struct store_str site, url, referrer;
	struct store_str imported_address, imported_user_agent; /* "ip", "ua" */
	uint64_t view_id, session_id;
	uint8_t seq;
	bool has_report;
	bool no_view; /* its rows stand alone: `view` has what they share */
	bool merge;   /* a part of its view, to which later ones add */
	bool has_time;
	bool is_driven;      /* by a program: navigator.webdriver */
	bool is_live;        /* not imported: whoever sent it may repeat it */
	bool again;          /* sent again from a store: its view may be in a segment */
	int64_t time_ms;     /* `t` */
	int64_t received_ms; /* set by enrich */
	double rate;         /* 1 when absent */
	/* The agent has no name for a view: what is known of it, for join.h. 0:
	 * view_id is set. */
	uint64_t join_key;
	bool join_client;                      /* and whoever sent it */
	uint64_t metrics[EVENT_METRICS_COUNT]; /* ids of what comes once a view; 0: none */
	uint32_t expired_count;                /* errors and events left out for their age */
	/* By their counts; what is behind is not set. */
	struct event_row errors[EVENT_ERRORS_MAX], events[EVENT_EVENTS_MAX];
	struct store_str tag_names[EVENT_TAGS_MAX], tag_values[EVENT_TAGS_MAX];
};

/* With nothing but an empty `view`; NULL when memory runs out. */
struct event *event_create(struct store_arena *arena);

/* A row with nothing present; false when memory runs out. */
bool event_row_init(struct event_row *row, enum event_table table, struct store_arena *arena);

/* Of each table. */
extern const uint32_t event_columns_counts[EVENT_TABLES_COUNT];

/* The column's cell, without a value. */
static inline struct store_cell *
event_row_set(struct event_row *row, uint32_t column)
{
	assert(column < event_columns_counts[row->table]);
	row->present[column] = true;
	row->cells[column] = (struct store_cell){.column = (uint16_t)column};
	return &row->cells[column];
}

/* An empty one is the same as none. */
static inline void
event_row_string(struct event_row *row, uint32_t column, struct store_str value)
{
	if (value.size > 0)
		event_row_set(row, column)->value.s = value;
}

static inline void
event_row_uint(struct event_row *row, uint32_t column, uint64_t value)
{
	event_row_set(row, column)->value.u = value;
}

static inline void
event_row_float(struct event_row *row, uint32_t column, double value)
{
	event_row_set(row, column)->value.f = value;
}

static inline void
event_row_time(struct event_row *row, uint32_t column, int64_t value)
{
	event_row_set(row, column)->value.i = value;
}

#endif
