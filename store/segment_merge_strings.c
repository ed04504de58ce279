/*
 * The dictionaries of a merge's inputs as one, and each input's codes in it.
 * Below segment_merge.c, for one column at a time. Must not copy a string, nor
 * hold what the next column does not need.
 */
#include <stdlib.h>
#include <string.h>

#include "segment_merge_inside.h"

void
segment_merge_free_strings(struct segment_merge *merge)
{
	struct merged_strings *strings = &merge->strings;

	if (merge->strings_column == UINT32_MAX)
		return;
	free(strings->entries);
	free(strings->chunks);
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		const struct segment_column *column = &merge->columns[merge->strings_column];

		free(strings->codes[i]);
		if (strings->held[i] != NULL)
			segment_release(merge->cursors[i].segment, column->column, column->key);
	}
	memset(strings, 0, sizeof *strings);
}

/* An input's next entry. */
struct next {
	struct store_str entry;
	uint32_t input, code;
};

static void
sift_down(struct next *heap, uint32_t count, uint32_t at)
{
	struct next moved = heap[at];

	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count &&
		    string_compare(heap[child + 1].entry, heap[child].entry) < 0)
			child++;
		if (string_compare(moved.entry, heap[child].entry) <= 0)
			break;
		heap[at] = heap[child];
	}
	heap[at] = moved;
}

/* The union of the inputs' sorted dictionaries, by a merge of them, behind the
 * entries that are there. */
static void
unite(struct merged_strings *strings, uint32_t inputs_count)
{
	struct next heap[SEGMENT_MERGE_INPUTS_MAX];
	uint32_t count = strings->dictionary.count, heap_count = 0;

	for (uint32_t i = 0; i < inputs_count; i++) {
		if (strings->held[i] != NULL)
			heap[heap_count++] =
			    (struct next){dictionary_entry(strings->held[i], 0), i, 0};
	}
	for (uint32_t i = heap_count; i-- > 0;)
		sift_down(heap, heap_count, i);
	while (heap_count > 0) {
		const struct dictionary *dictionary = strings->held[heap[0].input];

		if (count == 0 || string_compare(strings->entries[count - 1], heap[0].entry) != 0)
			strings->entries[count++] = heap[0].entry;
		strings->codes[heap[0].input][heap[0].code++] = count - 1;
		if (heap[0].code < dictionary->count)
			heap[0].entry = dictionary_entry(dictionary, heap[0].code);
		else
			heap[0] = heap[--heap_count];
		sift_down(heap, heap_count, 0);
	}
	strings->dictionary.count = count;
}

/* The inputs' dictionaries in memory, with room for their codes; *total is of
 * their entries. */
static int
hold_inputs(struct segment_merge *merge, const struct segment_column *column, size_t *total,
	    struct store_error *error)
{
	struct merged_strings *strings = &merge->strings;

	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		struct cursor *cursor = &merge->cursors[i];
		int result = segment_hold(cursor->segment, column->column, column->key,
					  &strings->held[i], error);

		if (result != 0)
			return result;
		if (strings->held[i] == NULL)
			continue;
		*total += strings->held[i]->count;
		strings->codes[i] = malloc(strings->held[i]->count * sizeof *strings->codes[i]);
		if (strings->codes[i] == NULL)
			return segment_merge_no_memory(error);
		cursor->codes = strings->codes[i];
	}
	return 0;
}

/* Rows without a value read as '', and must have its code in a block with others:
 * then it is the first entry. */
static void
put_empty(struct segment_merge *merge, const struct segment_column *column)
{
	struct merged_strings *strings = &merge->strings;

	for (uint32_t i = 0; i < merge->inputs_count && strings->dictionary.count == 0; i++) {
		if (segment_has_gaps(merge->cursors[i].segment, column->column, column->key))
			strings->entries[strings->dictionary.count++] = (struct store_str){"", 0};
	}
}

int
segment_merge_load_strings(struct segment_merge *merge, uint32_t column_index,
			   struct store_error *error)
{
	const struct segment_column *column = &merge->columns[column_index];
	struct merged_strings *strings = &merge->strings;
	size_t total = 1, chunks;
	int result;

	segment_merge_free_strings(merge);
	merge->strings_column = column_index;
	if ((result = hold_inputs(merge, column, &total, error)) != 0)
		return result;
	chunks = (total + DICTIONARY_CHUNK_SIZE - 1) / DICTIONARY_CHUNK_SIZE;
	strings->entries = malloc(total * sizeof *strings->entries);
	strings->chunks = malloc(chunks * sizeof *strings->chunks);
	if (total > UINT32_MAX || strings->entries == NULL || strings->chunks == NULL)
		return segment_merge_no_memory(error);
	for (size_t i = 0; i < chunks; i++)
		strings->chunks[i] = strings->entries + i * DICTIONARY_CHUNK_SIZE;
	strings->dictionary.chunks = strings->chunks;
	put_empty(merge, column);
	unite(strings, merge->inputs_count);
	return 0;
}

/* Of an entry: a string in the input's dictionary and one in the union's, a code,
 * and lengths of up to four bytes, of which the input may have one, packed and
 * deflated. */
#define ENTRY_BYTES (2 * sizeof(struct store_str) + sizeof(uint32_t) + 2 * 3)

uint64_t
segment_merge_bytes(const struct segment *segment)
{
	uint32_t columns_count;
	const struct segment_column *columns = segment_columns(segment, &columns_count);
	uint64_t most = 0;

	for (uint32_t i = 0; i < columns_count; i++) {
		uint32_t count, raw_bytes;
		uint64_t bytes;

		segment_dictionary_size(segment, columns[i].column, columns[i].key, &count,
					&raw_bytes);
		/* Inflated, packed, deflated: which may take a little more. */
		bytes = (uint64_t)count * ENTRY_BYTES + 3 * (uint64_t)raw_bytes + raw_bytes / 64;
		most = bytes > most ? bytes : most;
	}
	return most;
}
