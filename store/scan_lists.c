/*
 * Arrays as keys of GROUP BY: a list is written as a string of bytes, which
 * scan_keys.c interns like any other, and read back when the groups become rows.
 * Must not know groups; maps are no keys.
 */
#include <assert.h>
#include <string.h>

#include "scan_inside.h"

/* An item is its 64 bits, or its size and bytes. */
static size_t
item_bytes(const struct type *type, const struct store_value *item)
{
	return sizeof item->v.u + (size_t)(type->element == STORE_R_STRING ? item->v.s.size : 0);
}

int
scan_lists_write(struct scan *scan, const struct type *type, const struct store_value *list,
		 struct store_str *out)
{
	size_t size = 0;
	char *bytes;

	assert(type->type == STORE_R_ARRAY);
	for (uint32_t i = 0; i < list->v.list.count; i++)
		size += item_bytes(type, &list->v.list.items[i]);
	bytes = size > UINT32_MAX ? NULL : store_arena_alloc(scan->scratch, size + 1);
	if (bytes == NULL)
		return scan_no_memory(scan);
	*out = (struct store_str){bytes, (uint32_t)size};
	for (uint32_t i = 0; i < list->v.list.count; i++) {
		const struct store_value *item = &list->v.list.items[i];
		uint64_t word = type->element == STORE_R_STRING ? item->v.s.size : item->v.u;

		memcpy(bytes, &word, sizeof word);
		bytes += sizeof word;
		if (type->element == STORE_R_STRING && item->v.s.size > 0) {
			memcpy(bytes, item->v.s.bytes, item->v.s.size);
			bytes += item->v.s.size;
		}
	}
	return 0;
}

/* How many items were written. */
static uint32_t
count_items(const struct type *type, struct store_str from)
{
	uint32_t count = 0;

	for (size_t at = 0; at < from.size; count++) {
		uint64_t word;

		memcpy(&word, from.bytes + at, sizeof word);
		at += sizeof word + (type->element == STORE_R_STRING ? word : 0);
	}
	return count;
}

int
scan_lists_read(struct scan *scan, const struct type *type, struct store_str from,
		struct store_value *out)
{
	uint32_t count = count_items(type, from);
	struct store_value *items =
	    store_arena_zalloc(scan->arena, ((size_t)count + 1) * sizeof *items);
	const char *at = from.bytes;

	if (items == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t word;

		memcpy(&word, at, sizeof word);
		at += sizeof word;
		if (type->element == STORE_R_STRING) {
			items[i].v.s = (struct store_str){at, (uint32_t)word};
			at += word;
		} else {
			items[i].v.u = word;
		}
	}
	*out = (struct store_value){.v.list = {items, count}};
	return 0;
}
