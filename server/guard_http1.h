/*
 * HTTP/1 requests whose end two readers could see in different places.
 */
#ifndef GUARD_HTTP1_H
#define GUARD_HTTP1_H

#include <stdbool.h>
#include <stddef.h>

/* Looks at a request's head as it came, of which libh2o keeps only what it
 * used. NULL, or why it must be refused. *is_chunked: its body came in chunks,
 * so that the connection must not be used again. */
const char *guard_http1_check(const char *head, size_t size, bool *is_chunked);

#endif
