/*
 * The maintenance thread: retention, then merges, one after another, with the
 * lowest priority. Must not hold up closing.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "partition.h"
#include "state.h"

#define POLL_S 5
#define RETENTION_MS 60000
#define RETRY_MS 60000 /* after a failed merge */
/* The wall clock may jump. A jump of over an hour while we run, or of over 30
 * days since the manifest last changed, holds retention for a day, in which
 * somebody can set the clock right. */
#define JUMP_MS (3600 * 1000LL)
#define GAP_MS (30 * PARTITION_DAY_MS)
#define HOLD_MS PARTITION_DAY_MS

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_BEST_EFFORT_LOWEST (2 << 13 | 7)

struct clock {
	int64_t wall_ms, monotonic_ms; /* when last looked at */
	int64_t held_until_ms;         /* monotonic */
};

static int64_t
wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The newest row's time, 0 without any. */
static int64_t
newest_ms(struct store *store)
{
	int64_t newest = 0;

	pthread_mutex_lock(&store->state_mutex);
	for (uint32_t i = 0; i < store->segments_count; i++) {
		int64_t time_max = store->segments[i]->entry.summary.time_max;

		newest = time_max > newest ? time_max : newest;
	}
	pthread_mutex_unlock(&store->state_mutex);
	return newest;
}

static void
hold(struct store *store, struct clock *clock, const char *why)
{
	clock->held_until_ms = state_monotonic_ms() + HOLD_MS;
	state_log(store, "retention waits for 24 hours: %s; is the clock right?", why);
}

static void
look_at_clock(struct store *store, struct clock *clock)
{
	int64_t wall = wall_ms(), monotonic = state_monotonic_ms();
	int64_t newest = newest_ms(store), drift;

	drift = (wall - clock->wall_ms) - (monotonic - clock->monotonic_ms);
	if (clock->wall_ms == 0 && newest != 0 && wall - newest > GAP_MS)
		hold(store, clock, "the newest row is over 30 days old");
	else if (clock->wall_ms != 0 && (drift > JUMP_MS || drift < -JUMP_MS))
		hold(store, clock, "the wall clock jumped by over an hour");
	clock->wall_ms = wall;
	clock->monotonic_ms = monotonic;
}

static void
yield_to_others(void)
{
	pid_t self = (pid_t)syscall(SYS_gettid);

	setpriority(PRIO_PROCESS, (id_t)self, 10);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, self, IOPRIO_BEST_EFFORT_LOWEST);
}

/* False when the store closes. */
static bool
wait_for_work(struct store *store)
{
	struct timespec deadline;
	bool stops;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += POLL_S;
	pthread_mutex_lock(&store->state_mutex);
	if (!atomic_load(&store->maintenance_stops))
		pthread_cond_timedwait(&store->maintenance_wanted, &store->state_mutex, &deadline);
	stops = atomic_load(&store->maintenance_stops);
	pthread_mutex_unlock(&store->state_mutex);
	return !stops;
}

void *
maintain_main(void *argument)
{
	struct store *store = argument;
	int64_t retention_at_ms = 0, merge_at_ms = 0;
	struct clock clock = {0};

	yield_to_others();
	do {
		struct store_error error = {0};
		int64_t now_ms = state_monotonic_ms();

		if (now_ms >= retention_at_ms) {
			retention_at_ms = now_ms + RETENTION_MS;
			look_at_clock(store, &clock);
			if (now_ms >= clock.held_until_ms &&
			    retention_apply(store, clock.wall_ms, &error) != 0)
				state_log(store, "retention failed: %s", error.text);
		}
		if (now_ms >= merge_at_ms) {
			int result;

			while ((result = merge_one(store, false, NULL)) == 1)
				continue;
			if (result < 0)
				merge_at_ms = state_monotonic_ms() + RETRY_MS;
		}
	} while (wait_for_work(store));
	return NULL;
}
