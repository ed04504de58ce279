/*
 * Goal: no bytes that follow INSERT can break intake or bring the store what it
 * does not allow. Method: the input is a whole statement. Doing it twice must
 * give the same; a refusal has a number and one line; the cells of rows that
 * are taken keep store.h's contract.
 */
#include <assert.h>
#include <string.h>

#include "entry.h"
#include "server/insert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct insert_rows rows;
	struct insert_error error;
	int code;
};

static void
insert(struct store_str text, struct store_arena *arena, struct outcome *out)
{
	static const uint32_t retention_days[EVENT_TABLES_COUNT] = {30, 0, 30, 30};
	struct insert_context context = {1780000000000, retention_days, arena, false};
	struct insert_head head;

	memset(out, 0, sizeof *out);
	if ((out->code = insert_parse(text, &head, &out->error)) != 0)
		return;
	assert(head.bytes <= text.size && head.columns_count <= INSERT_COLUMNS_MAX);
	text.bytes += head.bytes;
	text.size -= head.bytes;
	out->code = insert_decode(&head, head.format, text, &context, &out->rows, &out->error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_str text = {(const char *)data, (uint32_t)size};
	struct store_arena *arena = store_arena_create((size_t)256 << 20);
	struct outcome first, again;

	assert(arena != NULL);
	insert(text, arena, &first);
	insert(text, arena, &again);
	assert(first.code == again.code && first.rows.count == again.rows.count);
	assert(strcmp(first.error.text, again.error.text) == 0);
	assert(first.code == 0 || first.code == STORE_EINVAL);
	assert((first.code == 0) == (first.error.number == 0));
	for (uint32_t r = 0; first.code == 0 && r < first.rows.count; r++) {
		const struct store_entry *entry = &first.rows.entries[r];

		assert(!entry->keyed && entry->rows_count == 1);
		entry_check_row(entry->rows);
	}
	store_arena_free(arena);
	return 0;
}
