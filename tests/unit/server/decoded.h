/* What the tests of the native beacon's decoder share: beacons with one member
 * more, and what decoding them gave. */
#ifndef DECODED_H
#define DECODED_H

#include "beacon.h"

/* What decoding gave, with the arena it lives in. */
struct decoded {
	struct store_arena *arena;
	struct event *event;
	struct event_error error;
	int result;
	char text[16384]; /* the beacon */
};

static struct decoded decoded;

static inline int
set_up(void **state)
{
	(void)state;
	decoded.arena = store_arena_create(0);
	return decoded.arena == NULL ? -1 : 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	store_arena_free(decoded.arena);
	return 0;
}

static inline int
decode(const char *text)
{
	store_arena_reset(decoded.arena);
	decoded.result =
	    decode_native(beacon_str(text), decoded.arena, &decoded.event, &decoded.error);
	return decoded.result;
}

static inline void
check_taken(const char *text)
{
	if (decode(text) != 0)
		fail_msg("refused with `%s`: %.300s", decoded.error.text, text);
}

/* The reason begins with `prefix`. */
static inline void
check_refused(const char *text, const char *prefix)
{
	if (decode(text) != STORE_EINVAL)
		fail_msg("result %d for %.300s", decoded.result, text);
	if (strncmp(decoded.error.text, prefix, strlen(prefix)) != 0)
		fail_msg("reason `%s` instead of `%s`: %.300s", decoded.error.text, prefix, text);
	assert_true(strlen(decoded.error.text) <= 200);
	assert_null(strchr(decoded.error.text, '\n'));
}

/* The required members, and `value` at `path`; into decoded.text. */
static inline const char *
beacon_with(const char *path, const char *value)
{
	static const char *const required[][2] = {{"v", "1"},
						  {"site", "\"shop\""},
						  {"view", "\"" BEACON_ID "\""},
						  {"url", "\"https://shop.example/\""}};
	char *out = decoded.text, close[8] = "";
	size_t size = 0, room = sizeof decoded.text, closing = 0;

	size += (size_t)snprintf(out, room, "{");
	for (size_t i = 0; i < 4; i++) {
		if (strcmp(path, required[i][0]) != 0)
			size += (size_t)snprintf(out + size, room - size, "\"%s\":%s,",
						 required[i][0], required[i][1]);
	}
	for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
		int list = dot[-1] == ']' ? 2 : 0;

		size += (size_t)snprintf(out + size, room - size, "\"%.*s\":%s{",
					 (int)(dot - path) - list, path, list ? "[" : "");
		close[closing++] = '}';
		if (list)
			close[closing++] = ']';
	}
	snprintf(out + size, room - size, "\"%s\":%s%s}", path, value, close);
	return out;
}

static inline const struct event_row *
row_of(int table)
{
	return table == EVENT_PAGEVIEWS ? &decoded.event->view
	       : table == EVENT_ERRORS  ? &decoded.event->errors[0]
					: &decoded.event->events[0];
}

#endif
