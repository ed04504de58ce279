/*
 * Many beacons in one commit: NDJSON, a JSON array or one object, as the bytes
 * come from POST /import or a file.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "event.h"

#define IMPORT_INFLATED_BYTES_MAX ((size_t)128 << 20)
#define IMPORT_ERRORS_SHOWN 5u

struct import_batch {
	struct store_entry *entries; /* in the arena */
	uint32_t entries_count, rejected_count;
	uint32_t expired_count; /* of the rejected, and of errors and events left out:
				   beyond retention or too far ahead */
	char errors[IMPORT_ERRORS_SHOWN][300]; /* of the first that were rejected */
	uint32_t errors_count;
};

/* Lines that are no beacon, and those beyond retention_days ([tables], 0 or a
 * NULL array: kept for ever), are counted and left out. `pages`: page.h, or NULL. The batch points
 * into `text` and the arena. 0 or STORE_ENOMEM. */
int import_decode(struct store_str text, struct enricher *enricher, int64_t now_ms,
		  const struct page_rules *pages, const uint32_t *retention_days,
		  struct store_arena *arena, struct import_batch *out);

#endif
