/*
 * An entry into an arena of its own, one block with all that it points to:
 * decoding takes several KiB a beacon, of which its rows are a fifth, and the
 * writer's core has to fetch what it reads from the loop's. After event_entry.
 */
#include <string.h>

#include "event.h"

struct copy {
	struct store_str within; /* texts in it stay there */
	unsigned char *at;       /* the rest of the block */
};

static inline enum store_type
type_of(const struct store_table *table, const struct store_cell *cell)
{
	return table->columns[cell->column].type;
}

static bool
is_copied(struct store_str text, struct store_str within)
{
	return text.size > 0 &&
	       (text.bytes < within.bytes || text.bytes >= within.bytes + within.size);
}

static size_t
size_of(const struct store_entry *entry, struct store_str within)
{
	size_t size = entry->rows_count * sizeof *entry->rows;

	for (uint32_t i = 0; i < entry->rows_count; i++) {
		const struct store_row *row = &entry->rows[i];
		const struct store_table *table = &event_schema()->tables[row->table];

		size += row->cells_count * sizeof *row->cells;
		for (uint32_t c = 0; c < row->cells_count; c++) {
			const struct store_cell *cell = &row->cells[c];
			enum store_type type = type_of(table, cell);

			if (type != STORE_STRING && type != STORE_MAP)
				continue;
			size += is_copied(cell->value.s, within) ? cell->value.s.size : 0;
			if (type == STORE_MAP && is_copied(cell->key, within))
				size += cell->key.size;
		}
	}
	return size + (is_copied(entry->sort, within) ? entry->sort.size : 0);
}

static void
copy_text(struct copy *copy, struct store_str *text)
{
	if (!is_copied(*text, copy->within))
		return;
	memcpy(copy->at, text->bytes, text->size);
	text->bytes = (const char *)copy->at;
	copy->at += text->size;
}

/* The cells are there, and still point to the texts of `from`. */
static void
copy_texts(struct copy *copy, const struct store_row *row, struct store_cell *cells)
{
	const struct store_table *table = &event_schema()->tables[row->table];

	for (uint32_t i = 0; i < row->cells_count; i++) {
		enum store_type type = type_of(table, &cells[i]);

		if (type == STORE_MAP)
			copy_text(copy, &cells[i].key);
		if (type == STORE_MAP || type == STORE_STRING)
			copy_text(copy, &cells[i].value.s);
	}
}

bool
event_keep(const struct store_entry *from, struct store_str within, struct store_arena *arena,
	   struct store_entry *out)
{
	struct store_row *rows = store_arena_alloc(arena, size_of(from, within));
	struct copy copy = {within, (unsigned char *)rows};

	if (rows == NULL)
		return false;
	copy.at += from->rows_count * sizeof *rows;
	*out = *from;
	out->rows = rows;
	for (uint32_t i = 0; i < from->rows_count; i++) {
		size_t size = from->rows[i].cells_count * sizeof(struct store_cell);

		rows[i] = from->rows[i];
		rows[i].cells = memcpy(copy.at, from->rows[i].cells, size);
		copy.at += size;
	}
	for (uint32_t i = 0; i < from->rows_count; i++)
		copy_texts(&copy, &rows[i], (struct store_cell *)(uintptr_t)rows[i].cells);
	copy_text(&copy, &out->sort);
	return true;
}
