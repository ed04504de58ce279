/*
 * Goal: the same arguments give the same bytes; every line is a beacon that
 * the decoder takes; a view has one first beacon and at most one update, in
 * this order and with values that only grow; times and metrics are plausible.
 * Method: generate into memory for several seeds, decode every line, and keep
 * a table of the views seen.
 */
#include "beacon.h"

#define END_MS 1780000000000
#define DAYS 7.0
#define VIEWS_COUNT 3000u

struct output {
	char *bytes;
	size_t size, size_max;
	uint32_t writes_left; /* then writing fails */
};

static int
take(void *context, const char *bytes, size_t size)
{
	struct output *output = context;

	if (output->writes_left-- == 0)
		return -1;
	assert_true(size > 0 && bytes[size - 1] == '\n');
	assert_null(memchr(bytes, '\n', size - 1)); /* a line a call */
	if (output->size + size > output->size_max) {
		output->size_max = (output->size + size) * 2;
		output->bytes = realloc(output->bytes, output->size_max);
		assert_non_null(output->bytes);
	}
	memcpy(output->bytes + output->size, bytes, size);
	output->size += size;
	return 0;
}

static struct output
generated(uint64_t views, uint64_t seed)
{
	struct generate_options options = {views, seed, DAYS, END_MS};
	struct output output = {.writes_left = UINT32_MAX};

	assert_int_equal(generate(&options, take, &output), 0);
	return output;
}

static void
same_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5; seed++) {
		struct output one = generated(500, seed), again = generated(500, seed),
			      other = generated(500, seed + 1);

		assert_int_equal(one.size, again.size);
		assert_memory_equal(one.bytes, again.bytes, one.size);
		assert_false(one.size == other.size &&
			     memcmp(one.bytes, other.bytes, one.size) == 0);
		free(one.bytes);
		free(again.bytes);
		free(other.bytes);
	}
}

/* ---- every line ------------------------------------------------------ */

struct view {
	uint64_t id, session;
	int64_t began_ms;
	double lcp, visible;
	bool updated;
};

struct counts {
	uint32_t views, updates, errors, events, with_inp;
	struct view seen[VIEWS_COUNT];
	double lcps[VIEWS_COUNT];
};

static double
number_at(const struct event *event, int column)
{
	assert_true(event->view.present[column]);
	return event->view.cells[column].value.f;
}

static void
check_metrics(const struct event *event)
{
	double ttfb = number_at(event, PAGEVIEWS_ttfb), fcp = number_at(event, PAGEVIEWS_fcp),
	       lcp = number_at(event, PAGEVIEWS_lcp);

	assert_true(ttfb > 0 && ttfb <= fcp && fcp <= lcp);
	assert_true(number_at(event, PAGEVIEWS_lcp_load_delay) +
			number_at(event, PAGEVIEWS_lcp_load_time) +
			number_at(event, PAGEVIEWS_lcp_render_delay) <=
		    lcp - ttfb + 0.5);
	assert_true(event->imported_address.size >= 7 && event->imported_user_agent.size > 20);
	assert_true(event->view.present[PAGEVIEWS_viewport_width]);
	assert_int_equal(event->tags_count, 1);
}

static void
check_update(struct view *view, const struct event *event)
{
	assert_int_equal(event->seq, 1);
	assert_false(view->updated);
	assert_true(view->session == event->session_id && view->began_ms == event->time_ms);
	assert_true(view->lcp == number_at(event, PAGEVIEWS_lcp));
	assert_true(view->visible <= number_at(event, PAGEVIEWS_visible_time));
	assert_int_equal(event->errors_count + event->events_count, 0);
	view->updated = true;
}

static void
check_event(struct counts *counts, const struct event *event)
{
	struct view *view = NULL;

	check_metrics(event);
	assert_true(event->has_time && event->time_ms <= END_MS &&
		    event->time_ms >= END_MS - (int64_t)(DAYS * 86400000));
	for (uint32_t i = 0; i < counts->views && view == NULL; i++)
		view = counts->seen[i].id == event->view_id ? &counts->seen[i] : NULL;
	if (view != NULL) {
		check_update(view, event);
		counts->updates++;
		return;
	}
	assert_int_equal(event->seq, 0);
	assert_true(counts->views < VIEWS_COUNT);
	counts->lcps[counts->views] = number_at(event, PAGEVIEWS_lcp);
	counts->seen[counts->views++] = (struct view){event->view_id,
						      event->session_id,
						      event->time_ms,
						      number_at(event, PAGEVIEWS_lcp),
						      number_at(event, PAGEVIEWS_visible_time),
						      false};
	counts->errors += event->errors_count;
	counts->events += event->events_count;
	counts->with_inp += event->view.present[PAGEVIEWS_inp];
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
lines(void **state)
{
	struct output output = generated(VIEWS_COUNT, 1);
	struct counts *counts = calloc(1, sizeof *counts);
	struct store_arena *arena = store_arena_create(0);

	(void)state;
	for (size_t at = 0; at < output.size;) {
		const char *line = output.bytes + at, *end = memchr(line, '\n', output.size - at);
		struct event_error error;
		struct event *event;

		store_arena_reset(arena);
		if (decode_native((struct store_str){line, (uint32_t)(end - line)}, arena, &event,
				  &error) != 0)
			fail_msg("%s: %.*s", error.text, (int)(end - line), line);
		check_event(counts, event);
		at = (size_t)(end - output.bytes) + 1;
	}
	assert_int_equal(counts->views, VIEWS_COUNT);
	assert_in_range(counts->updates, VIEWS_COUNT * 15 / 100, VIEWS_COUNT * 25 / 100);
	assert_in_range(counts->errors, VIEWS_COUNT / 100, VIEWS_COUNT * 6 / 100);
	assert_in_range(counts->events, VIEWS_COUNT * 2 / 100, VIEWS_COUNT * 9 / 100);
	assert_in_range(counts->with_inp, VIEWS_COUNT * 35 / 100, VIEWS_COUNT * 75 / 100);
	qsort(counts->lcps, VIEWS_COUNT, sizeof *counts->lcps, compare_doubles);
	assert_in_range((uint64_t)counts->lcps[VIEWS_COUNT / 2], 1000, 3000);
	assert_in_range((uint64_t)counts->lcps[VIEWS_COUNT * 95 / 100], 3000, 12000);
	store_arena_free(arena);
	free(output.bytes);
	free(counts);
}

static void
edges(void **state)
{
	struct generate_options options = {100, 1, DAYS, END_MS};
	struct output output = generated(0, 1);

	(void)state;
	assert_int_equal(output.size, 0);
	output.writes_left = 10;
	assert_int_equal(generate(&options, take, &output), -1);
	assert_int_equal(output.writes_left, UINT32_MAX); /* it stopped at once */
	free(output.bytes);
	options.views_count = UINT64_MAX / 4;
	assert_int_equal(generate(&options, take, &output), -1);
	options.views_count = UINT64_MAX;
	assert_int_equal(generate(&options, take, &output), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_bytes),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
