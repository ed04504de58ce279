/*
 * Memory for large tables that are read at random: in huge pages where the
 * kernel has them, for with small ones every access misses the TLB too. Small
 * sizes are malloc's. Any thread.
 */
#ifndef HUGE_H
#define HUGE_H

#include <stddef.h>

#define HUGE_BYTES ((size_t)2 << 20)
#define HUGE_KEPT_BYTES_MAX ((size_t)64 << 20) /* of the process, freed and not in use */

/* Of any contents, or zeroed; NULL without memory. Owned by the caller, who
 * gives the size back with it. */
void *huge_alloc(size_t size);
void *huge_zalloc(size_t size);
/* NULL is allowed. */
void huge_free(void *bytes, size_t size);

#endif
