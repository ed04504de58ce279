/*
 * Memory for large tables, which live as long as a generation: what one gives
 * back the next one uses again, for to clear fresh pages of the system's costs
 * more than to fill them. Small sizes are malloc's. Any thread.
 */
#ifndef RECYCLE_H
#define RECYCLE_H

#include <stddef.h>

#define RECYCLE_BYTES_MIN ((size_t)2 << 20)
#define RECYCLE_KEPT_BYTES_MAX ((size_t)128 << 20) /* of the process, freed and not in use */

/* Of any contents; or zeroed, for hash tables; NULL without memory. Owned by the caller, who
 * gives the size back with it. */
void *recycle_alloc(size_t size);
void *recycle_zalloc(size_t size);
/* NULL is allowed. */
void recycle_free(void *bytes, size_t size);

#endif
