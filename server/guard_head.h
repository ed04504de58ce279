/*
 * A head of HTTP/1 that is too long is refused as it comes, before libh2o has all of
 * it and looks at it.
 */
#ifndef GUARD_HEAD_H
#define GUARD_HEAD_H

#include <stdbool.h>

struct guard_connection;

/* Before libh2o takes what has come. True: the input is empty now, and libh2o must
 * not be called but for the connection's end. The connection has been answered 431,
 * and what still comes is dropped until the client closes or its time is over. */
bool guard_head_refuses(struct guard_connection *connection);

#endif
