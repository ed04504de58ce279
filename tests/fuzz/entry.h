/* What every entry that comes out of a decoder and enrichment keeps: store.h's
 * contract on cells. */
#ifndef ENTRY_H
#define ENTRY_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "server/event.h"
#include "server/json.h"

static inline void
entry_check_cell(const struct store_column *column, const struct store_cell *cell)
{
	if (column->type == STORE_STRING || column->type == STORE_MAP)
		assert(json_is_utf8(cell->value.s) && cell->value.s.size > 0);
	else if (column->type == STORE_FLOAT)
		assert(isfinite(cell->value.f));
	else if (column->type == STORE_UINT && column->bits < 64)
		assert(cell->value.u >> column->bits == 0);
	if (column->type == STORE_MAP)
		assert(json_is_utf8(cell->key) && cell->key.size > 0 && cell->key.size <= 64);
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
			assert(row->cells[b].key.size != cell->key.size ||
			       memcmp(row->cells[b].key.bytes, cell->key.bytes, cell->key.size) !=
				   0);
		}
	}
}

#endif
