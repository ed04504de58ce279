/*
 * Which column of a table has which role (STORE_ROLE_*). For whoever reads a table by
 * what its columns are for, not by their names; must not know what is stored.
 */
#ifndef ROLE_H
#define ROLE_H

#include "store.h"

/* Index of the first column with that role, or -1. */
static inline int
role_column(const struct store_table *table, uint32_t role)
{
	for (uint32_t i = 0; i < table->columns_count; i++) {
		if (table->columns[i].flags & role)
			return (int)i;
	}
	return -1;
}

#endif
