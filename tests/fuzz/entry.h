/* What every entry that comes out of a decoder and enrichment keeps: store.h's
 * contract on cells. */
#ifndef ENTRY_H
#define ENTRY_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "server/event.h"
#include "server/json.h"

static inline struct store_str
entry_text(enum store_type type, const struct store_cell *cell)
{
	return type == STORE_MAP ? cell->value.pair->value : cell->value.s;
}

static inline bool
entry_is_same_key(const struct store_cell *a, const struct store_cell *b)
{
	const struct store_str *x = &a->value.pair->key, *y = &b->value.pair->key;

	return x->size == y->size && memcmp(x->bytes, y->bytes, x->size) == 0;
}

static inline void
entry_check_cell(const struct store_column *column, const struct store_cell *cell)
{
	if (column->type == STORE_STRING || column->type == STORE_MAP) {
		struct store_str text = entry_text(column->type, cell);

		assert(json_is_utf8(text) && text.size > 0);
	} else if (column->type == STORE_FLOAT)
		assert(isfinite(cell->value.f));
	else if (column->type == STORE_UINT && column->bits < 64)
		assert(cell->value.u >> column->bits == 0);
	if (column->type == STORE_MAP) {
		struct store_str key = cell->value.pair->key;

		assert(json_is_utf8(key) && key.size > 0 && key.size <= 64);
	}
}

/* Cells ascend by column; only MAP columns repeat, with keys that differ. */
static inline void
entry_check_row(const struct store_row *row)
{
	const struct store_table *table = &event_schema()->tables[row->table];

	for (uint32_t c = 0; c < row->cells_count; c++) {
		const struct store_cell *cell = &row->cells[c];

		assert(cell->column < table->columns_count);
		entry_check_cell(&table->columns[cell->column], cell);
		for (uint32_t b = 0; b < c; b++) {
			assert(row->cells[b].column <= cell->column);
			if (row->cells[b].column != cell->column)
				continue;
			assert(table->columns[cell->column].type == STORE_MAP);
			assert(!entry_is_same_key(&row->cells[b], cell));
		}
	}
}

#endif
