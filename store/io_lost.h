/*
 * Mappings whose file is cut short, or whose disk cannot be read, behind our
 * back: the first access there raises SIGBUS, which would end the process.
 * Instead the page becomes zeros and the mapping counts as lost, for its
 * readers to ask. Any thread.
 */
#ifndef IO_LOST_H
#define IO_LOST_H

#include <stdbool.h>
#include <stddef.h>

/* From now on; NULL when malloc fails. The flag lives until the process ends;
 * after io_lost_forget it may be another mapping's. */
const _Atomic bool *io_lost_watch(const void *address, size_t size);
/* Of a mapping that is watched, or NULL. */
const _Atomic bool *io_lost_flag(const void *address);
/* Before it is unmapped. */
void io_lost_forget(const void *address);

#endif
