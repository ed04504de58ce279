/*
 * An entry into the arena of its batch: decoding takes several KiB a record,
 * of which its rows are a tenth. After event_entry.
 */
#include <string.h>

#include "import.h"

static bool
keep_text(struct store_str *text, struct store_str within, struct store_arena *arena)
{
	char *bytes;

	if (text->size == 0 ||
	    (text->bytes >= within.bytes && text->bytes < within.bytes + within.size))
		return true;
	if ((bytes = store_arena_alloc(arena, text->size)) == NULL)
		return false;
	memcpy(bytes, text->bytes, text->size);
	text->bytes = bytes;
	return true;
}

static bool
keep_row(const struct store_row *from, struct store_str within, struct store_arena *arena,
	 struct store_row *out)
{
	const struct store_table *table = &event_schema()->tables[from->table];
	struct store_cell *cells = store_arena_alloc(arena, from->cells_count * sizeof *cells);

	if (cells == NULL)
		return false;
	memcpy(cells, from->cells, from->cells_count * sizeof *cells);
	for (uint32_t i = 0; i < from->cells_count; i++) {
		enum store_type type = table->columns[cells[i].column].type;

		if (type == STORE_MAP && !keep_text(&cells[i].key, within, arena))
			return false;
		if ((type == STORE_MAP || type == STORE_STRING) &&
		    !keep_text(&cells[i].value.s, within, arena))
			return false;
	}
	*out = *from;
	out->cells = cells;
	return true;
}

bool
import_keep(const struct store_entry *from, struct store_str text, struct store_arena *arena,
	    struct store_entry *out)
{
	struct store_row *rows = store_arena_alloc(arena, from->rows_count * sizeof *rows);

	if (rows == NULL)
		return false;
	*out = *from;
	out->rows = rows;
	for (uint32_t i = 0; i < from->rows_count; i++) {
		if (!keep_row(&from->rows[i], text, arena, &rows[i]))
			return false;
	}
	return keep_text(&out->sort, text, arena);
}
