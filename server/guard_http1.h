/*
 * HTTP/1 requests whose end two readers could see in different places.
 */
#ifndef GUARD_HTTP1_H
#define GUARD_HTTP1_H

#include <stdbool.h>
#include <stddef.h>

/* Of a head, with the empty line at its end. */
#define GUARD_HTTP1_HEAD_BYTES_MAX (32u << 10)

/* Whether what has come of a request, from its beginning on, is more than that
 * without the head's end. With `takes_queries` a query's address is exempt: then
 * libh2o's own bound of 408 KiB holds. */
bool guard_http1_is_too_long(const char *bytes, size_t size, bool takes_queries);

/* Looks at a request's head as it came, of which libh2o keeps only what it
 * used. NULL, or why it must be refused. *is_chunked: its body came in chunks,
 * so that the connection must not be used again. */
const char *guard_http1_check(const char *head, size_t size, bool *is_chunked);

#endif
