/*
 * Memory of HTTP/2 streams with their requests. libh2o has each from malloc and gives it
 * back, and of so large a size malloc has seven at hand. So a stream's memory is taken
 * again as soon as it was freed, and freed just before the next one is made: either way
 * it goes by those at hand. On the loop threads.
 */
#ifndef LOOP_MEMORY_H
#define LOOP_MEMORY_H

#include <stddef.h>

/* libh2o makes one next. */
void loop_memory_before_stream(void);
/* It has freed one, of malloc_usable_size `size`. */
void loop_memory_after_stream(size_t size);

#endif
