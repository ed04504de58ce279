/*
 * When a query must stop: its deadline, or the caller's wish. Looked at between
 * and inside the steps of a query that may take long. Any thread.
 */
#ifndef WATCH_H
#define WATCH_H

#include "store.h"

struct watch {
	int64_t deadline_ns;        /* monotonic */
	const volatile int *cancel; /* non-zero: stop; or NULL */
};

#define WATCH_TIMEOUT_NS 30000000000ull /* of queries that do not say */

/* From now on; timeout_ns 0 is the default. */
struct watch watch_begin(uint64_t timeout_ns, const volatile int *cancel);
/* Once true it stays so. NULL: never. */
bool watch_is_over(const struct watch *watch);
/* 0, or STORE_ECANCEL or STORE_ETIMEOUT with *error set. */
int watch_check(const struct watch *watch, struct store_error *error);

#endif
