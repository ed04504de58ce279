/*
 * Goal: parts of one page view get one id, whatever their order, and another
 * view, client, address or agent another one.
 * Method: events made by hand, and random visits of many clients told apart by
 * a model that knows which view each part is of.
 */
#include "beacon.h"

#include "server/join.h"

static struct event_client client;

static struct event
part(uint64_t key, uint32_t metric, uint64_t id)
{
	struct event event = {.join_key = key, .site = beacon_str("shop"), .join_client = true};

	event.metrics[metric] = id;
	return event;
}

static uint64_t
view_of(struct join *join, uint64_t key, uint32_t metric, uint64_t id)
{
	struct event event = part(key, metric, id);

	join_view(join, &event, &client);
	assert_true(event.has_time && event.view_id != 0);
	return event.view_id;
}

static void
at(const char *address, int64_t ms)
{
	client = (struct event_client){
	    .address = beacon_str(address), .user_agent = beacon_str("Mozilla"), .received_ms = ms};
}

static void
parts(void **state)
{
	struct join *join = join_create();
	struct event named = {.view_id = 7};
	uint64_t first, second;

	(void)state;
	assert_non_null(join);
	at("192.0.2.1", 1000);
	first = view_of(join, 1, 0, 10);
	assert_true(view_of(join, 1, 1, 11) == first); /* another metric */
	assert_true(view_of(join, 1, 0, 10) == first); /* a later value */
	assert_true(view_of(join, 1, 5, 0) == first);  /* what has no metric */
	second = view_of(join, 1, 0, 20);              /* the page again */
	assert_true(second != first);
	assert_true(view_of(join, 1, 1, 21) == second);
	assert_true(view_of(join, 1, 1, 11) == first); /* late, of the one before */
	assert_true(view_of(join, 2, 0, 10) != first); /* another address */
	at("192.0.2.2", 1000);
	assert_true(view_of(join, 1, 0, 10) != first); /* another client */
	at("192.0.2.1", 1000 + 29 * 60000);
	assert_true(view_of(join, 1, 0, 10) == first);
	at("192.0.2.1", 1000 + 60 * 60000);
	assert_true(view_of(join, 1, 0, 10) != first); /* forgotten */
	join_view(join, &named, &client);
	assert_true(named.view_id == 7 && !named.has_time);
	join_destroy(join);
	join_destroy(NULL);
}

/* The time of a view is that of its first part, by which its row is found. */
static void
times(void **state)
{
	struct join *join = join_create();
	struct event first = part(1, 0, 10), later = part(1, 1, 11);

	(void)state;
	at("192.0.2.1", 1000);
	first.has_time = true;
	first.time_ms = 900;
	join_view(join, &first, &client);
	assert_true(first.time_ms == 900 && !first.again);
	at("192.0.2.1", 5000);
	join_view(join, &later, &client);
	assert_true(later.time_ms == 900 && later.again && later.view_id == first.view_id);
	join_destroy(join);
}

/* Clients visit one page after the other; parts of the two last views arrive
 * in any order. */
static void
visits(void **state)
{
	struct random random = random_seeded("visits");
	struct join *join = join_create();
	uint64_t ids[50][2] = {{0}};
	uint32_t views[50] = {0};

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint32_t who = (uint32_t)random_below(&random, 50), view;
		char address[32];
		uint64_t id;

		if (random_below(&random, 8) == 0 || views[who] == 0)
			ids[who][++views[who] % 2] = 0;
		view = views[who] - (views[who] > 1 && random_below(&random, 3) == 0);
		snprintf(address, sizeof address, "192.0.2.%u", who);
		at(address, 1000 + i);
		/* The first part of a view has the metric by which it is another. */
		id = view_of(join, 9, 0, (uint64_t)who << 32 | view);
		if (ids[who][view % 2] == 0)
			ids[who][view % 2] = id;
		assert_true(ids[who][view % 2] == id);
		assert_true(ids[who][0] != ids[who][1]);
	}
	join_destroy(join);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts),
	    cmocka_unit_test(times),
	    cmocka_unit_test(visits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
