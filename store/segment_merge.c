/*
 * Several sorted segments read as one. Between segment_read.c and
 * segment_write.c, for merging and erasing. Must not read an input out of
 * order: every column is one pass (a string column two) over each.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "segment_merge.h"

#define LEFT_OUT 0x80u /* in order[]: the input's next row is skipped */

_Static_assert(SEGMENT_MERGE_INPUTS_MAX <= LEFT_OUT, "order[] has 7 bits for the input");

/* One column of one input, read forward. */
struct cursor {
	const struct segment *segment; /* borrowed */
	struct store_arena *arena;     /* owned: the block at hand */
	struct vector vector;          /* of block block - 1 */
	uint32_t block, row;           /* next ones */
	const uint32_t *codes;         /* borrowed: from the input's to the union's */
};

/* The strings of one column of all inputs. */
struct merged_strings {
	struct dictionary dictionary;
	struct store_str *entries;                 /* owned: [dictionary.count], '' first */
	const struct store_str **chunks;           /* owned: into entries */
	uint32_t *codes[SEGMENT_MERGE_INPUTS_MAX]; /* owned */
};

struct segment_merge {
	const struct store_table *table; /* borrowed */
	struct cursor cursors[SEGMENT_MERGE_INPUTS_MAX];
	uint32_t inputs_count;
	unsigned char *order; /* owned: [all rows of the inputs] the input of each */
	uint64_t order_count, order_at;
	struct segment_column *columns; /* owned */
	struct segment_source source;
	struct merged_strings strings; /* of column strings_column */
	uint32_t strings_column;       /* UINT32_MAX: none */
	/* One block of output: */
	int64_t *values; /* owned: [BLOCK_ROWS_MAX] */
	uint32_t *codes; /* owned: [BLOCK_ROWS_MAX] */
	uint64_t *nulls; /* owned */
};

static int
no_memory(struct store_error *error)
{
	return store_error_set(error, STORE_ENOMEM, "out of memory while merging segments");
}

/* ---- cursors ----------------------------------------------------------- */

static void
rewind_cursors(struct segment_merge *merge)
{
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		merge->cursors[i].block = merge->cursors[i].row = 0;
		memset(&merge->cursors[i].vector, 0, sizeof merge->cursors[i].vector);
	}
	merge->order_at = 0;
}

/* Makes sure that the cursor's next row is in its vector. */
static int
settle(struct cursor *cursor, uint16_t column, struct store_str key, struct store_error *error)
{
	while (cursor->row == cursor->vector.rows_count) {
		int result;

		assert(cursor->block < segment_blocks_count(cursor->segment));
		store_arena_reset(cursor->arena);
		result = segment_read(cursor->segment, cursor->block, column, key, cursor->arena,
				      &cursor->vector, error);
		if (result != 0)
			return result == STORE_ELIMIT ? no_memory(error) : result;
		cursor->block++;
		cursor->row = 0;
	}
	return 0;
}

/* ---- strings ----------------------------------------------------------- */

static int
compare_str(struct store_str a, struct store_str b)
{
	uint32_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.bytes, b.bytes, size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static void
free_strings(struct merged_strings *strings)
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
			if (!any || compare_str(entry, least) < 0)
				least = entry;
			any = true;
		}
		if (!any)
			break;
		if (least.size > 0)
			strings->entries[count++] = least;
		for (uint32_t i = 0; i < merge->inputs_count; i++) {
			if (dictionaries[i] != NULL && at[i] < dictionaries[i]->count &&
			    compare_str(dictionary_entry(dictionaries[i], at[i]), least) == 0)
				strings->codes[i][at[i]++] = count - 1;
		}
	}
	strings->dictionary.count = count;
}

/* The dictionaries of a string column, united, for all its blocks. */
static int
load_strings(struct segment_merge *merge, uint32_t column_index, struct store_error *error)
{
	const struct segment_column *column = &merge->columns[column_index];
	const struct dictionary *dictionaries[SEGMENT_MERGE_INPUTS_MAX] = {NULL};
	struct merged_strings *strings = &merge->strings;
	size_t total = 1, chunks;

	free_strings(strings);
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
			return no_memory(error);
		cursor->codes = strings->codes[i];
	}
	chunks = (total + DICTIONARY_CHUNK_SIZE - 1) / DICTIONARY_CHUNK_SIZE;
	strings->entries = malloc(total * sizeof *strings->entries);
	strings->chunks = malloc(chunks * sizeof *strings->chunks);
	if (total > UINT32_MAX || strings->entries == NULL || strings->chunks == NULL)
		return no_memory(error);
	for (size_t i = 0; i < chunks; i++)
		strings->chunks[i] = strings->entries + i * DICTIONARY_CHUNK_SIZE;
	strings->dictionary.chunks = strings->chunks;
	unite(merge, dictionaries);
	return 0;
}

/* ---- reading a column ---------------------------------------------------- */

/* Copies `count` rows, all of the cursor's vector, to output row `at`. */
static void
copy_run(struct segment_merge *merge, const struct cursor *cursor, bool strings, uint32_t at,
	 uint32_t count)
{
	const struct vector *vector = &cursor->vector;
	uint32_t from = vector->constant ? 0 : cursor->row, step = vector->constant ? 0 : 1;

	if (vector->all_null && strings)
		memset(merge->codes + at, 0, count * sizeof *merge->codes);
	else if (vector->all_null)
		memset(merge->values + at, 0, count * sizeof *merge->values);
	else if (strings) {
		for (uint32_t i = 0; i < count; i++)
			merge->codes[at + i] = cursor->codes[vector->codes[from + i * step]];
	} else if (vector->constant) {
		for (uint32_t i = 0; i < count; i++)
			merge->values[at + i] = vector->values[0];
	} else
		memcpy(merge->values + at, vector->values + from, count * sizeof *merge->values);
	for (uint32_t i = 0; i < count && (vector->all_null || vector->nulls != NULL); i++) {
		if (vector->all_null || bitmap_get(vector->nulls, cursor->row + i))
			bitmap_set(merge->nulls, at + i);
	}
}

/* How many of the next rows come from the same input in the same way. */
static uint32_t
run_length(const struct segment_merge *merge, uint32_t rows_max)
{
	const unsigned char *order = merge->order + merge->order_at;
	uint64_t left = merge->order_count - merge->order_at;
	uint32_t length = 1;

	while (length < rows_max && length < left && order[length] == order[0])
		length++;
	return length;
}

static int
read_rows(struct segment_merge *merge, const struct segment_column *column, bool strings,
	  uint32_t rows_count, struct store_error *error)
{
	uint32_t done = 0;

	while (done < rows_count) {
		unsigned char which = merge->order[merge->order_at];
		struct cursor *cursor = &merge->cursors[which & ~LEFT_OUT];
		int result = settle(cursor, column->column, column->key, error);
		uint32_t run, left = cursor->vector.rows_count - cursor->row;

		if (result != 0)
			return result;
		run = run_length(merge, which & LEFT_OUT           ? left
					: left < rows_count - done ? left
								   : rows_count - done);
		if (!(which & LEFT_OUT)) {
			copy_run(merge, cursor, strings, done, run);
			done += run;
		}
		cursor->row += run;
		merge->order_at += run;
	}
	return 0;
}

static int
read_source(void *context, uint32_t column_index, uint64_t first, uint32_t rows_count,
	    struct vector *out, struct store_error *error)
{
	struct segment_merge *merge = context;
	const struct segment_column *column = &merge->columns[column_index];
	const struct store_column *schema = &merge->table->columns[column->column];
	bool strings = schema->type == STORE_STRING || schema->type == STORE_MAP;
	int result = 0;

	if (first == 0)
		rewind_cursors(merge);
	if (strings && merge->strings_column != column_index)
		result = load_strings(merge, column_index, error);
	if (result != 0)
		return result;
	memset(merge->nulls, 0, bitmap_words(rows_count) * sizeof *merge->nulls);
	if ((result = read_rows(merge, column, strings, rows_count, error)) != 0)
		return result;
	out->rows_count = rows_count;
	if (schema->flags & STORE_NULLABLE)
		out->nulls = merge->nulls;
	if (strings) {
		out->codes = merge->codes;
		out->dictionary = &merge->strings.dictionary;
	} else
		out->values = merge->values;
	return 0;
}

/* ---- the order ----------------------------------------------------------- */

/* An input's next row, as the order sees it. */
struct head {
	uint32_t rank; /* of its SORT string in the union */
	int64_t time;
	uint32_t input;
};

struct ordering {
	struct segment_merge *merge;
	const struct segment_merge_filter *filter;
	struct cursor sort[SEGMENT_MERGE_INPUTS_MAX], filtered[SEGMENT_MERGE_INPUTS_MAX];
	uint16_t time_column;
	uint16_t sort_column; /* when has_sort: some row has a value there */
	bool has_sort;
	struct head heap[SEGMENT_MERGE_INPUTS_MAX];
	uint32_t heap_count;
	struct store_error *error;
};

static bool
is_before(const struct head *a, const struct head *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->time != b->time ? a->time < b->time : a->input < b->input;
}

static void
sift_down(struct ordering *ordering, uint32_t at)
{
	struct head *heap = ordering->heap;

	for (;;) {
		uint32_t least = at, left = 2 * at + 1;

		for (uint32_t child = left; child < left + 2 && child < ordering->heap_count;
		     child++) {
			if (is_before(&heap[child], &heap[least]))
				least = child;
		}
		if (least == at)
			return;
		struct head swap = heap[at];

		heap[at] = heap[least];
		heap[least] = swap;
		at = least;
	}
}

static int64_t
number_at(const struct cursor *cursor)
{
	if (cursor->vector.all_null)
		return 0;
	return cursor->vector.values[cursor->vector.constant ? 0 : cursor->row];
}

static uint32_t
code_at(const struct cursor *cursor)
{
	if (cursor->vector.all_null)
		return 0;
	return cursor->codes[cursor->vector.codes[cursor->vector.constant ? 0 : cursor->row]];
}

static bool
is_end(const struct cursor *cursor)
{
	return cursor->row == cursor->vector.rows_count &&
	       cursor->block == segment_blocks_count(cursor->segment);
}

/* Fills the head of an input whose next row exists. */
static int
look(struct ordering *ordering, struct head *head)
{
	struct cursor *time = &ordering->merge->cursors[head->input];
	struct cursor *sort = &ordering->sort[head->input];
	struct store_str no_key = {NULL, 0};
	int result = settle(time, ordering->time_column, no_key, ordering->error);

	if (result == 0 && ordering->has_sort)
		result = settle(sort, ordering->sort_column, no_key, ordering->error);
	if (result != 0)
		return result;
	head->time = number_at(time);
	head->rank = ordering->has_sort ? code_at(sort) : 0;
	return 0;
}

static bool
filter_matches(const struct segment_merge_filter *filter, const struct cursor *cursor)
{
	const struct vector *vector = &cursor->vector;
	struct store_str found = {NULL, 0};

	if (vector->nulls != NULL && bitmap_get(vector->nulls, cursor->row))
		return false;
	if (vector->values != NULL || (vector->all_null && filter->string.bytes == NULL))
		return (uint64_t)number_at(cursor) == filter->number;
	if (!vector->all_null)
		found = dictionary_entry(vector->dictionary,
					 vector->codes[vector->constant ? 0 : cursor->row]);
	return compare_str(found, filter->string) == 0;
}

/* Whether the input's next row is left out. */
static int
judge(struct ordering *ordering, uint32_t input, bool *left_out)
{
	struct cursor *cursor = &ordering->filtered[input];
	struct store_str no_key = {NULL, 0};
	int result;

	*left_out = false;
	if (ordering->filter == NULL)
		return 0;
	result = settle(cursor, ordering->filter->column, no_key, ordering->error);
	if (result == 0)
		*left_out = filter_matches(ordering->filter, cursor);
	cursor->row++;
	return result;
}

static int
put_rows_in_order(struct ordering *ordering)
{
	struct segment_merge *merge = ordering->merge;
	int result;

	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		struct head *head = &ordering->heap[ordering->heap_count];

		if (segment_blocks_count(merge->cursors[i].segment) == 0)
			continue;
		head->input = i;
		if ((result = look(ordering, head)) != 0)
			return result;
		ordering->heap_count++;
	}
	for (uint32_t i = ordering->heap_count; i-- > 0;)
		sift_down(ordering, i);
	while (ordering->heap_count > 0) {
		struct head *top = &ordering->heap[0];
		bool left_out;

		if ((result = judge(ordering, top->input, &left_out)) != 0)
			return result;
		merge->order[merge->order_count++] =
		    (unsigned char)(top->input | (left_out ? LEFT_OUT : 0));
		merge->source.rows_count += !left_out;
		merge->cursors[top->input].row++;
		ordering->sort[top->input].row++;
		if (is_end(&merge->cursors[top->input]))
			*top = ordering->heap[--ordering->heap_count];
		else if ((result = look(ordering, top)) != 0)
			return result;
		sift_down(ordering, 0);
	}
	return 0;
}

static int
find_order(struct segment_merge *merge, const struct segment_merge_filter *filter,
	   uint16_t time_column, uint32_t sort_index, struct store_error *error)
{
	struct ordering *ordering = calloc(1, sizeof *ordering);
	int result = ordering == NULL ? no_memory(error) : 0;

	if (result == 0 && sort_index != UINT32_MAX)
		result = load_strings(merge, sort_index, error);
	for (uint32_t i = 0; result == 0 && i < merge->inputs_count; i++) {
		ordering->sort[i] = ordering->filtered[i] = merge->cursors[i];
		ordering->sort[i].arena = store_arena_create(0);
		ordering->filtered[i].arena = store_arena_create(0);
		if (ordering->sort[i].arena == NULL || ordering->filtered[i].arena == NULL)
			result = no_memory(error);
	}
	if (result == 0) {
		ordering->merge = merge;
		ordering->filter = filter;
		ordering->error = error;
		ordering->time_column = time_column;
		ordering->has_sort = sort_index != UINT32_MAX;
		if (ordering->has_sort)
			ordering->sort_column = merge->columns[sort_index].column;
		result = put_rows_in_order(ordering);
	}
	for (uint32_t i = 0; ordering != NULL && i < merge->inputs_count; i++) {
		store_arena_free(ordering->sort[i].arena);
		store_arena_free(ordering->filtered[i].arena);
	}
	free(ordering);
	rewind_cursors(merge);
	return result;
}

/* ---- opening ------------------------------------------------------------- */

static int
compare_columns(const void *a, const void *b)
{
	const struct segment_column *x = a, *y = b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return compare_str(x->key, y->key);
}

/* The columns that any input has, each once, ascending. */
static int
unite_columns(struct segment_merge *merge, struct segment *const *inputs)
{
	size_t total = 1;
	uint32_t count, found = 0;

	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		segment_columns(inputs[i], &count);
		total += count;
	}
	if ((merge->columns = malloc(total * sizeof *merge->columns)) == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		const struct segment_column *columns = segment_columns(inputs[i], &count);

		if (count > 0)
			memcpy(merge->columns + found, columns, count * sizeof *columns);
		found += count;
	}
	qsort(merge->columns, found, sizeof *merge->columns, compare_columns);
	for (uint32_t i = 0; i < found; i++) {
		uint32_t *kept = &merge->source.columns_count;

		if (*kept == 0 ||
		    compare_columns(&merge->columns[*kept - 1], &merge->columns[i]) != 0)
			merge->columns[(*kept)++] = merge->columns[i];
	}
	merge->source.columns = merge->columns;
	return 0;
}

static uint16_t
role_column(const struct store_table *table, uint32_t role)
{
	uint16_t i = 0;

	while (i < table->columns_count && !(table->columns[i].flags & role))
		i++;
	assert(i < table->columns_count);
	return i;
}

static int
allocate(struct segment_merge *merge, struct segment *const *inputs)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < merge->inputs_count; i++) {
		struct segment_summary summary;

		segment_summary(inputs[i], &summary);
		total += summary.rows_count;
		merge->cursors[i].segment = inputs[i];
		if ((merge->cursors[i].arena = store_arena_create(0)) == NULL)
			return STORE_ENOMEM;
	}
	if (total > UINT32_MAX)
		return STORE_EINVAL;
	merge->order = malloc((size_t)total + 1);
	merge->values = malloc(BLOCK_ROWS_MAX * sizeof *merge->values);
	merge->codes = malloc(BLOCK_ROWS_MAX * sizeof *merge->codes);
	merge->nulls = malloc(bitmap_words(BLOCK_ROWS_MAX) * sizeof *merge->nulls);
	if (merge->order == NULL || merge->values == NULL || merge->codes == NULL ||
	    merge->nulls == NULL)
		return STORE_ENOMEM;
	return unite_columns(merge, inputs);
}

int
segment_merge_open(const struct store_table *table, struct segment *const *inputs,
		   uint32_t inputs_count, const struct segment_merge_filter *filter,
		   struct segment_merge **out, struct store_error *error)
{
	struct segment_merge *merge = calloc(1, sizeof *merge);
	uint16_t sort = role_column(table, STORE_ROLE_SORT);
	uint32_t sort_index = UINT32_MAX;
	int result;

	assert(inputs_count > 0 && inputs_count <= SEGMENT_MERGE_INPUTS_MAX);
	if (merge == NULL)
		return no_memory(error);
	merge->table = table;
	merge->inputs_count = inputs_count;
	merge->strings_column = UINT32_MAX;
	merge->source =
	    (struct segment_source){.table = table, .read = read_source, .context = merge};
	if ((result = allocate(merge, inputs)) != 0) {
		store_error_set(error, result, "%s",
				result == STORE_EINVAL ? "too many rows to merge"
						       : "out of memory while merging segments");
		goto fail;
	}
	for (uint32_t i = 0; i < merge->source.columns_count; i++) {
		if (merge->columns[i].column == sort)
			sort_index = i;
	}
	result = find_order(merge, filter, role_column(table, STORE_ROLE_TIME), sort_index, error);
	if (result != 0)
		goto fail;
	*out = merge;
	return 0;
fail:
	segment_merge_close(merge);
	return result;
}

void
segment_merge_close(struct segment_merge *merge)
{
	if (merge == NULL)
		return;
	for (uint32_t i = 0; i < merge->inputs_count; i++)
		store_arena_free(merge->cursors[i].arena);
	free_strings(&merge->strings);
	free(merge->order);
	free(merge->columns);
	free(merge->values);
	free(merge->codes);
	free(merge->nulls);
	free(merge);
}

const struct segment_source *
segment_merge_source(const struct segment_merge *merge)
{
	return &merge->source;
}

uint64_t
segment_merge_left_out(const struct segment_merge *merge)
{
	return merge->order_count - merge->source.rows_count;
}

int64_t
segment_merge_count(const struct segment *segment, const struct segment_merge_filter *filter,
		    struct store_error *error)
{
	struct cursor cursor = {.segment = segment, .arena = store_arena_create(0)};
	struct store_str no_key = {NULL, 0};
	int64_t count = 0;

	if (cursor.arena == NULL)
		return no_memory(error);
	while (!is_end(&cursor)) {
		int result = settle(&cursor, filter->column, no_key, error);

		if (result != 0) {
			store_arena_free(cursor.arena);
			return result;
		}
		count += filter_matches(filter, &cursor);
		cursor.row++;
	}
	store_arena_free(cursor.arena);
	return count;
}
