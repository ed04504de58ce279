/*
 * What writing and reading WAL payloads share: wal_record_put.c,
 * wal_record_get.c and wal_record_schema.c, and nothing else.
 *
 * Integers are LEB128 varints, signed ones zigzag; doubles are 8 bytes; strings
 * have their size in front.
 */
#ifndef WAL_RECORD_INSIDE_H
#define WAL_RECORD_INSIDE_H

#include "wal_record.h"

#define ENTRY_KEYED 0x01u
#define ENTRY_HAS_ROW 0x02u
#define ENTRY_HAD_ROW 0x04u
#define ENTRY_DROPPED 0x08u
#define ENTRY_SUM 0x10u /* the sum stands in no row of the entry */
#define ENTRY_FLAGS (ENTRY_KEYED | ENTRY_HAS_ROW | ENTRY_HAD_ROW | ENTRY_DROPPED | ENTRY_SUM)

#define UNKNOWN UINT16_MAX /* the program lacks it */

struct file_column {
	enum store_type type;
	uint16_t column; /* in the program's table, or UNKNOWN */
};

struct file_table {
	uint16_t table; /* in the program's schema, or UNKNOWN */
	uint32_t columns_count;
	struct file_column *columns; /* owned */
};

struct wal_columns {
	uint32_t tables_count;
	struct file_table *tables; /* owned */
};

#endif
