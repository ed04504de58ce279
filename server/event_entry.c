/*
 * An event as the store's entry. Between enrichment and ingest; pure. A row has
 * its present cells in one piece with those of the others and, when it is kept,
 * with their texts: decoding takes several KiB a beacon, of which its rows are a
 * fifth, and the writer's core has to fetch what it reads from the loop's.
 */
#include <string.h>

#include "event_row.h"

_Static_assert(sizeof(struct store_cell) <= 24, "most of what a beacon is on its way");

/* By column. */
#define TYPE_ENTRY(name, type, size, flags, unit, comment) STORE_##type,
static const uint8_t pageviews_types[] = {COLUMNS_PAGEVIEWS(TYPE_ENTRY)};
static const uint8_t errors_types[] = {COLUMNS_ERRORS(TYPE_ENTRY)};
static const uint8_t events_types[] = {COLUMNS_EVENTS(TYPE_ENTRY)};
static const uint8_t reports_types[] = {COLUMNS_REPORTS(TYPE_ENTRY)};

#define TABLE_ENTRY(upper, lower, keyed) [EVENT_##upper] = {lower##_types, upper##_COUNT},
static const struct {
	const uint8_t *types;
	uint32_t columns_count;
} tables[] = {EVENT_TABLES(TABLE_ENTRY)};

struct building {
	const struct event *event;
	bool is_kept;            /* with its texts, but those in `within` */
	struct store_str within; /* borrowed */
	size_t cells_count, texts_bytes;
	struct store_pair *tags; /* [event->tags_count]: every row has them */
	/* where the next ones go: */
	struct store_cell *cell;
	char *text;
};

static inline bool
is_copied(const struct building *building, struct store_str text)
{
	return building->is_kept && text.size > 0 &&
	       (text.bytes < building->within.bytes ||
		text.bytes >= building->within.bytes + building->within.size);
}

/* Common columns that the row itself lacks come from the view's. NULL: absent. */
static inline const struct store_cell *
cell_of(const struct event *event, const struct event_row *row, uint32_t column)
{
	if (row->present[column])
		return &row->cells[column];
	return column < COMMON_COUNT && event->view.present[column] ? &event->view.cells[column]
								    : NULL;
}

/* ---- how much it takes ------------------------------------------------ */

static inline void
measure_text(struct building *building, struct store_str text)
{
	building->texts_bytes += is_copied(building, text) ? text.size : 0;
}

static void
measure_row(struct building *building, const struct event_row *row)
{
	const struct event *event = building->event;
	const uint8_t *types = tables[row->table].types;

	for (uint32_t i = 0; i < tables[row->table].columns_count; i++) {
		const struct store_cell *cell = cell_of(event, row, i);

		if (cell == NULL || i == PAGEVIEWS_tags)
			continue;
		building->cells_count++;
		if (types[i] == STORE_STRING)
			measure_text(building, cell->value.s);
	}
	building->cells_count += event->tags_count;
}

/* ---- writing it -------------------------------------------------------- */

static inline struct store_str
put_text(struct building *building, struct store_str text)
{
	if (!is_copied(building, text))
		return text;
	memcpy(building->text, text.bytes, text.size);
	text.bytes = building->text;
	building->text += text.size;
	return text;
}

/* The present cells in order; tags stand where the schema has them. */
static struct store_row
put_row(struct building *building, const struct event_row *row)
{
	const struct event *event = building->event;
	const uint8_t *types = tables[row->table].types;
	struct store_cell *first = building->cell, *to = first;

	for (uint32_t i = 0; i < tables[row->table].columns_count; i++) {
		const struct store_cell *cell = cell_of(event, row, i);

		if (i == PAGEVIEWS_tags) {
			for (uint32_t t = 0; t < event->tags_count; t++)
				*to++ = (struct store_cell){.column = (uint16_t)i,
							    .value.pair = &building->tags[t]};
		} else if (cell != NULL) {
			*to = *cell;
			if (types[i] == STORE_STRING)
				to->value.s = put_text(building, cell->value.s);
			to++;
		}
	}
	building->cell = to;
	return (struct store_row){(uint16_t)row->table, (uint16_t)(to - first), first};
}

static void
put_tags(struct building *building)
{
	const struct event *event = building->event;

	for (uint32_t i = 0; i < event->tags_count; i++)
		building->tags[i] = (struct store_pair){put_text(building, event->tag_names[i]),
							put_text(building, event->tag_values[i])};
}

/* In the order that they have in the entry. */
static void
put_rows(struct building *building, struct store_row *out)
{
	const struct event *event = building->event;

	if (!event->no_view)
		*out++ = put_row(building, &event->view);
	for (uint32_t i = 0; i < event->errors_count; i++)
		*out++ = put_row(building, &event->errors[i]);
	for (uint32_t i = 0; i < event->events_count; i++)
		*out++ = put_row(building, &event->events[i]);
	if (event->has_report)
		*out = put_row(building, &event->report);
}

static void
measure(struct building *building)
{
	const struct event *event = building->event;

	if (!event->no_view)
		measure_row(building, &event->view);
	for (uint32_t i = 0; i < event->errors_count; i++)
		measure_row(building, &event->errors[i]);
	for (uint32_t i = 0; i < event->events_count; i++)
		measure_row(building, &event->events[i]);
	if (event->has_report)
		measure_row(building, &event->report);
	for (uint32_t i = 0; i < event->tags_count; i++) {
		measure_text(building, event->tag_names[i]);
		measure_text(building, event->tag_values[i]);
	}
	measure_text(building, event->site);
}

static int
build(struct building *building, struct store_arena *arena, struct store_entry *out)
{
	const struct event *event = building->event;
	uint32_t count =
	    !event->no_view + event->errors_count + event->events_count + event->has_report;
	struct store_row *rows;

	measure(building);
	rows = store_arena_alloc(
	    arena, count * sizeof *rows + building->cells_count * sizeof *building->cell +
		       event->tags_count * sizeof *building->tags + building->texts_bytes);
	if (rows == NULL)
		return STORE_ENOMEM;
	building->cell = (struct store_cell *)(rows + count);
	building->tags = (struct store_pair *)(building->cell + building->cells_count);
	building->text = (char *)(building->tags + event->tags_count);
	put_tags(building);
	put_rows(building, rows);
	*out = (struct store_entry){.keyed = !event->no_view,
				    .merge = event->merge,
				    .again = event->again,
				    .perhaps_again = event->is_live,
				    .version = event->seq,
				    .sort = put_text(building, event->site),
				    .key = event->view_id,
				    .began_ms = event->view.present[PAGEVIEWS_ts]
						    ? event->view.cells[PAGEVIEWS_ts].value.i
						    : 0,
				    .received_ms = event->received_ms,
				    .rows = rows,
				    .rows_count = count};
	return 0;
}

int
event_entry(const struct event *event, struct store_arena *arena, struct store_entry *out)
{
	struct building building = {.event = event};

	return build(&building, arena, out);
}

int
event_keep(const struct event *event, struct store_str within, struct store_arena *arena,
	   struct store_entry *out)
{
	struct building building = {.event = event, .is_kept = true, .within = within};

	return build(&building, arena, out);
}
