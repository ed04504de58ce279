/*
 * Goal: no line that a client can make a web server write breaks an import or
 * brings the store what it does not allow. Method: each input is a text to
 * import, its lines of any kind. Decoding twice gives the same; every record is
 * accepted, skipped or rejected with its words; entries keep store.h's contract
 * on cells after the scratch memory is gone, and no string of the batch is
 * longer than what came.
 */
#include "entry.h"

#include "server/access_log.h"
#include "server/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct enricher *enricher; /* without GeoIP; made once, never freed */

static void
ignore_line(void *context, const char *line)
{
	(void)context, (void)line;
}

static void
check_fields(struct store_str text, struct store_arena *arena)
{
	struct access_log_line line;
	struct event_error error;

	if (access_log_parse(text, arena, &line, &error) != 0) {
		assert(error.text[0] != '\0');
		return;
	}
	assert(line.has_time && line.time_ms > 0 && line.status < 1000);
	assert(json_is_utf8(line.target) && json_is_utf8(line.referrer));
	assert(line.target.size <= 3 * text.size && line.user_agent.size <= text.size);
}

static void
check_batch(const struct import_batch *batch, const struct import_batch *again)
{
	assert(batch->entries_count == again->entries_count);
	assert(batch->rejected_count == again->rejected_count);
	assert(batch->skipped_count == again->skipped_count);
	assert(batch->rejects_count <= batch->rejected_count);
	for (uint32_t i = 0; i < batch->rejects_count; i++) {
		assert(batch->rejects[i].reason[0] != '\0');
		assert(strcmp(batch->rejects[i].reason, again->rejects[i].reason) == 0);
	}
	for (uint32_t i = 0; i < batch->entries_count; i++) {
		const struct store_entry *entry = &batch->entries[i];

		assert(event_is_site_key(entry->sort) && json_is_utf8(entry->sort));
		assert(entry->rows_count >= 1 && entry->rows_count <= 101);
		for (uint32_t r = 0; r < entry->rows_count; r++)
			entry_check_row(&entry->rows[r]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_str text = {(const char *)data, (uint32_t)size};
	struct import_options options = {.now_ms = 1795255300000, .rejects_max = 20};
	struct store_arena *arena = store_arena_create(0);
	struct import_batch batch, again;

	if (enricher == NULL)
		enricher = enricher_open(NULL, 0, ignore_line, NULL);
	assert(arena != NULL && enricher != NULL);
	options.enricher = enricher;
	check_fields(text, arena);
	assert(import_decode(text, &options, arena, &batch) == 0);
	assert(import_decode(text, &options, arena, &again) == 0);
	check_batch(&batch, &again);
	options.site = (struct store_str){"shop", 4};
	assert(import_decode(text, &options, arena, &again) == 0);
	assert(again.entries_count >= batch.entries_count);
	store_arena_free(arena);
	return 0;
}
