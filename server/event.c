/*
 * The schema, and rows under construction. For decoders and enrichment; must
 * not look at where an event came from.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "event_row.h"

#define COLUMN_ENTRY(name_, type_, size_, flags_, unit_, comment_)   \
	{.name = #name_,                                             \
	 .type = STORE_##type_,                                      \
	 .bits = STORE_##type_ == STORE_UINT ? (uint8_t)(size_) : 0, \
	 .scale = STORE_##type_ == STORE_FLOAT ? (size_) : 0,        \
	 .flags = (flags_),                                          \
	 .unit = (unit_),                                            \
	 .comment = (comment_)},

static const struct store_column pageviews_columns[] = {COLUMNS_PAGEVIEWS(COLUMN_ENTRY)};
static const struct store_column errors_columns[] = {COLUMNS_ERRORS(COLUMN_ENTRY)};
static const struct store_column events_columns[] = {COLUMNS_EVENTS(COLUMN_ENTRY)};
static const struct store_column reports_columns[] = {COLUMNS_REPORTS(COLUMN_ENTRY)};

#define TABLE_ENTRY(upper, lower, keyed_) \
	{.name = #lower,                  \
	 .columns = lower##_columns,      \
	 .columns_count = upper##_COUNT,  \
	 .keyed = keyed_},

static const struct store_table tables[] = {EVENT_TABLES(TABLE_ENTRY)};

#define COUNT_ENTRY(upper, lower, keyed_) upper##_COUNT,
const uint32_t event_columns_counts[EVENT_TABLES_COUNT] = {EVENT_TABLES(COUNT_ENTRY)};

_Static_assert(sizeof tables / sizeof *tables == EVENT_TABLES_COUNT, "tables");
_Static_assert((int)ERRORS__sample_interval == (int)PAGEVIEWS__sample_interval, "common columns");

const struct store_schema *
event_schema(void)
{
	static const struct store_schema schema = {tables, EVENT_TABLES_COUNT};

	return &schema;
}

bool
event_is_site_key(struct store_str text)
{
	for (uint32_t i = 0; i < text.size; i++) {
		if ((unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f)
			return false;
	}
	return text.size > 0 && text.size <= EVENT_SITE_BYTES_MAX;
}

struct store_str
event_site(const struct event *event)
{
	return event->site;
}

struct store_str
event_url(const struct event *event)
{
	return event->url;
}

void
event_set_site(struct event *event, struct store_str site)
{
	assert(site.size > 0 && site.size <= EVENT_SITE_BYTES_MAX);
	event->site = site;
}

/* ---- rows ------------------------------------------------------------ */

bool
event_row_init(struct event_row *row, enum event_table table, struct store_arena *arena)
{
	uint32_t count = tables[table].columns_count;

	row->table = table;
	row->present = store_arena_zalloc(arena, count * sizeof *row->present);
	row->cells = store_arena_alloc(arena, count * sizeof *row->cells);
	return row->present != NULL && row->cells != NULL;
}

struct event *
event_create(struct store_arena *arena)
{
	struct event *event = store_arena_alloc(arena, sizeof *event);

	if (event == NULL)
		return NULL;
	memset(event, 0, offsetof(struct event, errors));
	return event_row_init(&event->view, EVENT_PAGEVIEWS, arena) ? event : NULL;
}

uint32_t
event_expired_count(const struct event *event)
{
	return event->expired_count;
}
