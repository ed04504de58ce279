/*
 * watch.h. Beside a query's steps; must stay cheap enough to be asked for every
 * block and call.
 */
#include "watch.h"
#include "state.h"

struct watch
watch_begin(uint64_t timeout_ns, const volatile int *cancel)
{
	uint64_t ns = timeout_ns != 0 ? timeout_ns : WATCH_TIMEOUT_NS;

	return (struct watch){state_monotonic_ns() + (int64_t)ns, cancel};
}

/* Set by another thread, at any time. */
static bool
is_cancelled(const struct watch *watch)
{
	return watch->cancel != NULL && __atomic_load_n(watch->cancel, __ATOMIC_RELAXED) != 0;
}

bool
watch_is_over(const struct watch *watch)
{
	return watch != NULL && (is_cancelled(watch) || state_monotonic_ns() > watch->deadline_ns);
}

int
watch_check(const struct watch *watch, struct store_error *error)
{
	bool cancelled;

	if (!watch_is_over(watch))
		return 0;
	cancelled = is_cancelled(watch);
	if (error != NULL) {
		error->clickhouse = cancelled ? 394 : 159;
		error->name = cancelled ? "QUERY_WAS_CANCELLED" : "TIMEOUT_EXCEEDED";
	}
	return cancelled ? store_error_set(error, STORE_ECANCEL, "The query was cancelled")
			 : store_error_set(error, STORE_ETIMEOUT,
					   "Timeout exceeded: narrow the time range");
}
