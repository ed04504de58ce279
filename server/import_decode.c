/*
 * import.h: pure, any thread.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "import.h"
#include "json.h"

struct importing {
	struct import_batch *batch;
	struct enricher *enricher;
	struct store_arena *arena;
	struct event_client client;
	uint32_t entries_max;
};

static int
grow(struct importing *importing)
{
	struct import_batch *batch = importing->batch;
	uint32_t max = importing->entries_max == 0 ? 1024 : importing->entries_max * 2;
	struct store_entry *entries;

	if (batch->entries_count < importing->entries_max)
		return 0;
	if ((entries = store_arena_alloc(importing->arena, max * sizeof *entries)) == NULL)
		return STORE_ENOMEM;
	if (batch->entries_count > 0)
		memcpy(entries, batch->entries, batch->entries_count * sizeof *entries);
	batch->entries = entries;
	importing->entries_max = max;
	return 0;
}

static int
add(struct importing *importing, struct store_str text, const char *what, uint32_t number)
{
	struct import_batch *batch = importing->batch;
	struct event_error error;
	struct event *event;
	int result = grow(importing);

	if (result == 0)
		result = decode_native(text, importing->arena, &event, &error);
	if (result == 0) {
		result = enrich(importing->enricher, event, &importing->client, importing->arena,
				&error);
		/* All that it refuses is the time. */
		batch->expired_count += result == STORE_EINVAL ? 1
					: result == 0          ? event_expired_count(event)
							       : 0;
	}
	if (result == 0)
		return event_entry(event, importing->arena,
				   &batch->entries[batch->entries_count++]);
	if (result != STORE_EINVAL)
		return result;
	batch->rejected_count++;
	if (batch->errors_count < IMPORT_ERRORS_SHOWN)
		snprintf(batch->errors[batch->errors_count++], sizeof *batch->errors,
			 "%s %u: %.250s", what, number, error.text);
	return 0;
}

static int
add_lines(struct importing *importing, struct store_str text)
{
	uint32_t at = 0, number = 0;
	int result = 0;

	while (result == 0 && at < text.size) {
		const char *begin = text.bytes + at, *end = memchr(begin, '\n', text.size - at);
		uint32_t size = end == NULL ? text.size - at : (uint32_t)(end - begin);
		struct store_str line = {begin, size};

		number++;
		at += size + 1;
		while (line.size > 0 && isspace((unsigned char)line.bytes[line.size - 1]))
			line.size--;
		if (line.size > 0)
			result = add(importing, line, "line", number);
	}
	return result;
}

/* Elements of a JSON array. One that is cut short or malformed has none: its
 * sender must not take what came before the fault for all of it. */
static int
add_elements(struct importing *importing, struct store_str text)
{
	uint32_t number = 0;
	bool first = true;
	struct json json;
	int result = 0;

	json_init(&json, text, importing->arena);
	json_enter(&json);
	for (; result == 0 && json_element(&json, first); first = false) {
		uint32_t begin;

		json_peek(&json); /* skips white space */
		begin = json.at;
		number++;
		if (json_skip(&json))
			result =
			    add(importing, (struct store_str){text.bytes + begin, json.at - begin},
				"element", number);
	}
	if (result == 0 && !json_end(&json)) {
		importing->batch->entries_count = 0;
		importing->batch->rejected_count = importing->batch->errors_count = 1;
		snprintf(importing->batch->errors[0], sizeof *importing->batch->errors,
			 "byte %u: %s", json.at, json.error);
	}
	return result;
}

int
import_decode(struct store_str text, struct enricher *enricher, int64_t now_ms,
	      const struct page_rules *pages, const uint32_t *retention_days,
	      struct store_arena *arena, struct import_batch *out)
{
	struct importing importing = {.batch = out,
				      .enricher = enricher,
				      .arena = arena,
				      .client = {.received_ms = now_ms,
						 .imported = true,
						 .pages = pages,
						 .retention_days = retention_days}};

	memset(out, 0, sizeof *out);
	while (text.size > 0 && isspace((unsigned char)text.bytes[0])) {
		text.bytes++;
		text.size--;
	}
	if (text.size > 0 && text.bytes[0] == '[')
		return add_elements(&importing, text);
	return add_lines(&importing, text);
}
