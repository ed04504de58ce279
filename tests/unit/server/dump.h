/* A decoded event as text, a line per row: table, then the cells that it has
 * in the order of the columns. */
#ifndef DUMP_H
#define DUMP_H

#include <stdarg.h>

#include "beacon.h"

struct dump {
	char text[16384];
	size_t size;
};

static inline void
dump_put(struct dump *dump, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written =
	    vsnprintf(dump->text + dump->size, sizeof dump->text - dump->size, format, arguments);
	va_end(arguments);
	assert_true(written >= 0 && (size_t)written < sizeof dump->text - dump->size);
	dump->size += (size_t)written;
}

static inline void
dump_row(struct dump *dump, const struct event_row *row)
{
	const struct store_table *table = &event_schema()->tables[row->table];

	dump_put(dump, "%s", table->name);
	for (uint32_t i = 0; i < table->columns_count; i++) {
		const struct store_cell *cell = &row->cells[i];
		const struct store_column *column = &table->columns[i];

		if (!row->present[i])
			continue;
		dump_put(dump, " %s=", column->name);
		if (column->type == STORE_STRING)
			dump_put(dump, "%.*s", (int)cell->value.s.size, cell->value.s.bytes);
		else if (column->type == STORE_FLOAT)
			dump_put(dump, "%.15g", cell->value.f);
		else if (column->type == STORE_TIME)
			dump_put(dump, "%lld", (long long)cell->value.i);
		else
			dump_put(dump, "%llu", (unsigned long long)cell->value.u);
	}
	dump_put(dump, "\n");
}

/* What the event has beside its rows comes first. */
static inline void
dump_event(struct dump *dump, const struct event *event)
{
	dump_put(dump, "%.*s", (int)event->url.size, event->url.bytes);
	if (event->referrer.size > 0)
		dump_put(dump, " from %.*s", (int)event->referrer.size, event->referrer.bytes);
	if (event->has_time)
		dump_put(dump, " at %lld", (long long)event->time_ms);
	if (event->rate < 1)
		dump_put(dump, " rate %g", event->rate);
	dump_put(dump, "\n");
	if (!event->no_view)
		dump_row(dump, &event->view);
	for (uint32_t i = 0; i < event->errors_count; i++)
		dump_row(dump, &event->errors[i]);
	for (uint32_t i = 0; i < event->events_count; i++)
		dump_row(dump, &event->events[i]);
	if (event->has_report)
		dump_row(dump, &event->report);
}

#endif
