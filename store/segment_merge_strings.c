/*
 * The dictionaries of a merge's inputs as one, and each input's codes in it.
 * Below segment_merge.c, for one column at a time. Must not copy a string: the
 * segments' own stay where they are.
 */
#include <stdlib.h>
#include <string.h>

#include "segment_merge_inside.h"

int
segment_merge_compare(struct store_str a, struct store_str b)
{
	uint32_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.bytes, b.bytes, size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

void
segment_merge_free_strings(struct merged_strings *strings)
{
	free(strings->entries);
	free(strings->chunks);
	for (uint32_t i = 0; i < SEGMENT_MERGE_INPUTS_MAX; i++)
		free(strings->codes[i]);
	memset(strings, 0, sizeof *strings);
}

/* The union of the inputs' sorted dictionaries, by a merge of them. */
static void
unite(struct segment_merge *merge, const struct dictionary *const *dictionaries)
{
	struct merged_strings *strings = &merge->strings;
	uint32_t at[SEGMENT_MERGE_INPUTS_MAX] = {0}, count = 1;

	strings->entries[0] = (struct store_str){"", 0};
	for (;;) {
		struct store_str least = {NULL, 0};
		bool any = false;

		for (uint32_t i = 0; i < merge->inputs_count; i++) {
			struct store_str entry;

			if (dictionaries[i] == NULL || at[i] == dictionaries[i]->count)
				continue;
			entry = dictionary_entry(dictionaries[i], at[i]);
			if (!any || segment_merge_compare(entry, least) < 0)
				least = entry;
			any = true;
		}
		if (!any)
			break;
		if (least.size > 0)
			strings->entries[count++] = least;
		for (uint32_t i = 0; i < merge->inputs_count; i++) {
			if (dictionaries[i] != NULL && at[i] < dictionaries[i]->count &&
			    segment_merge_compare(dictionary_entry(dictionaries[i], at[i]),
						  least) == 0)
				strings->codes[i][at[i]++] = count - 1;
		}
	}
	strings->dictionary.count = count;
}

int
segment_merge_load_strings(struct segment_merge *merge, uint32_t column_index,
			   struct store_error *error)
{
	const struct segment_column *column = &merge->columns[column_index];
	const struct dictionary *dictionaries[SEGMENT_MERGE_INPUTS_MAX] = {NULL};
	struct merged_strings *strings = &merge->strings;
	size_t total = 1, chunks;

	segment_merge_free_strings(strings);
	merge->strings_column = column_index;
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		struct cursor *cursor = &merge->cursors[i];
		int result = segment_dictionary(cursor->segment, column->column, column->key,
						&dictionaries[i], error);

		if (result != 0)
			return result;
		if (dictionaries[i] == NULL)
			continue;
		total += dictionaries[i]->count;
		strings->codes[i] =
		    malloc(((size_t)dictionaries[i]->count + 1) * sizeof *strings->codes[i]);
		if (strings->codes[i] == NULL)
			return segment_merge_no_memory(error);
		cursor->codes = strings->codes[i];
	}
	chunks = (total + DICTIONARY_CHUNK_SIZE - 1) / DICTIONARY_CHUNK_SIZE;
	strings->entries = malloc(total * sizeof *strings->entries);
	strings->chunks = malloc(chunks * sizeof *strings->chunks);
	if (total > UINT32_MAX || strings->entries == NULL || strings->chunks == NULL)
		return segment_merge_no_memory(error);
	for (size_t i = 0; i < chunks; i++)
		strings->chunks[i] = strings->entries + i * DICTIONARY_CHUNK_SIZE;
	strings->dictionary.chunks = strings->chunks;
	unite(merge, dictionaries);
	return 0;
}
