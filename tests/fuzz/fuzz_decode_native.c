/*
 * Goal: no bytes that a stranger sends as a beacon, nor as its User-Agent, can
 * break intake or bring the store what it does not allow. Method: the input is
 * a beacon, and behind a NUL byte a User-Agent and a platform hint. Decoding
 * twice must give the same; yajl must take what was taken, and refuse what was
 * called malformed but for the known differences; the entry that comes out
 * keeps store.h's contract on cells.
 */
#include "entry.h"

#include "tests/unit/server/opinion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct enricher *enricher; /* without GeoIP; made once, never freed */

static void
ignore_line(void *context, const char *line)
{
	(void)context, (void)line;
}

static struct store_str
next_part(struct store_str *rest)
{
	const char *end = rest->size == 0 ? NULL : memchr(rest->bytes, '\0', rest->size);
	struct store_str part = *rest;

	if (end == NULL) {
		*rest = (struct store_str){"", 0};
		return part;
	}
	part.size = (uint32_t)(end - rest->bytes);
	rest->bytes = end + 1;
	rest->size -= part.size + 1;
	return part;
}

static void
check_taken(struct event *event, const struct event_client *client, struct store_arena *arena)
{
	struct event_error error = {0};
	struct store_entry entry;

	if (enrich(enricher, event, client, arena, &error) != 0) {
		assert(client->imported && error.text[0] != '\0');
		return;
	}
	assert(event_entry(event, arena, &entry) == 0);
	assert(entry.rows_count >= 1 && entry.rows_count <= 101 && entry.keyed);
	assert(entry.sort.size >= 1 && entry.sort.size <= 64 && json_is_utf8(entry.sort));
	for (uint32_t r = 0; r < entry.rows_count; r++)
		entry_check_row(&entry.rows[r]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_str rest = {(const char *)data, (uint32_t)size}, body = next_part(&rest);
	struct event_client client = {.received_ms = 1780000000000, .imported = size % 2 == 1};
	struct event_error error, again;
	struct event *event, *other;
	int result;

	if (enricher == NULL)
		enricher = enricher_open(NULL, 0, ignore_line, NULL);
	assert(arena != NULL && enricher != NULL);
	client.user_agent = next_part(&rest);
	client.hint_platform = next_part(&rest);
	result = decode_native(body, arena, &event, &error);
	assert(decode_native(body, arena, &other, &again) == result);
	assert(result == 0 || result == STORE_EINVAL);
	assert(strcmp(error.text, again.text) == 0 && error.offset <= body.size);
	assert((result == 0) == (error.text[0] == '\0') && strlen(error.text) <= 200);
	assert(json_is_utf8((struct store_str){error.text, (uint32_t)strlen(error.text)}));
	if (result == 0) {
		assert(opinion_takes(body));
		check_taken(event, &client, arena);
	} else if (strncmp(error.text, "malformed JSON", 14) == 0) {
		assert(!opinion_takes(body) || opinion_is_laxer(error.text, error.offset, body));
	}
	store_arena_free(arena);
	return 0;
}
