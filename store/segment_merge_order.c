/*
 * From which input each row of a merge comes, by (SORT, TIME), and which rows
 * a filter leaves out. Below segment_merge.c, once at its opening. Must not
 * read columns that neither order nor filter needs.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "segment_merge_inside.h"

#define ORDER_BYTES_MIN 4096u

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

/* Of the row that is `ahead` of the next one. */
static int64_t
number_at(const struct cursor *cursor, uint32_t ahead)
{
	if (cursor->vector.all_null)
		return 0;
	return cursor->vector.values[cursor->vector.constant ? 0 : cursor->row + ahead];
}

static uint32_t
code_at(const struct cursor *cursor, uint32_t ahead)
{
	const struct vector *vector = &cursor->vector;

	if (vector->all_null)
		return 0;
	return cursor->codes[vector->codes[vector->constant ? 0 : cursor->row + ahead]];
}

/* Fills the head of an input whose next row exists. */
static int
look(struct ordering *ordering, struct head *head)
{
	struct cursor *time = &ordering->merge->cursors[head->input];
	struct cursor *sort = &ordering->sort[head->input];
	struct store_str no_key = {NULL, 0};
	int result = segment_merge_settle(time, ordering->time_column, no_key, ordering->error);

	if (result == 0 && ordering->has_sort)
		result = segment_merge_settle(sort, ordering->sort_column, no_key, ordering->error);
	if (result != 0)
		return result;
	head->time = number_at(time, 0);
	head->rank = ordering->has_sort ? code_at(sort, 0) : 0;
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
		return (uint64_t)number_at(cursor, 0) == filter->number;
	if (!vector->all_null)
		found = dictionary_entry(vector->dictionary,
					 vector->codes[vector->constant ? 0 : cursor->row]);
	return string_compare(found, filter->string) == 0;
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
	result = segment_merge_settle(cursor, ordering->filter->column, no_key, ordering->error);
	if (result == 0)
		*left_out = filter_matches(ordering->filter, cursor);
	cursor->row++;
	return result;
}

/* How many rows the input of the first head has before any other's next one, in
 * its slices at hand: flushes follow one another, so these are many. */
static uint32_t
run_length(const struct ordering *ordering)
{
	const struct head *others = &ordering->heap[1];
	struct head head = ordering->heap[0];
	const struct cursor *time = &ordering->merge->cursors[head.input];
	const struct cursor *sort = &ordering->sort[head.input];
	uint32_t most = time->vector.rows_count - time->row, length = 1;

	if (ordering->filter != NULL)
		return 1;
	if (ordering->has_sort && sort->vector.rows_count - sort->row < most)
		most = sort->vector.rows_count - sort->row;
	if (ordering->heap_count > 2 && is_before(&others[1], &others[0]))
		others++;
	for (; length < most; length++) {
		head.time = number_at(time, length);
		head.rank = ordering->has_sort ? code_at(sort, length) : 0;
		if (ordering->heap_count > 1 && !is_before(&head, others))
			break;
	}
	return length;
}

/* Room for one run more. It grows as runs come: glibc's malloc takes large memory from the
 * kernel, and when that is given back takes no less than its size so, of any thread
 * (mallopt(3), M_MMAP_THRESHOLD): a byte a row at once would have each thread keep megabytes. */
static int
want_order(struct segment_merge *merge)
{
	size_t max = merge->order_max == 0 ? ORDER_BYTES_MIN : merge->order_max * 2;
	unsigned char *grown;

	if (merge->order_bytes + SEGMENT_MERGE_RUN_BYTES_MAX <= merge->order_max)
		return 0;
	if ((grown = realloc(merge->order, max)) == NULL)
		return STORE_ENOMEM;
	merge->order = grown;
	merge->order_max = max;
	return 0;
}

static int
end_run(struct segment_merge *merge)
{
	const struct segment_merge_run *run = &merge->run;
	unsigned char *at;

	if (run->count == 0)
		return 0;
	if (want_order(merge) != 0)
		return STORE_ENOMEM;
	at = merge->order + merge->order_bytes;
	at[0] = run->which;
	merge->order_bytes++;
	if (run->count == 1)
		return 0;
	at[0] |= SEGMENT_MERGE_SEVERAL;
	merge->order_bytes++;
	if (run->count - 2 < SEGMENT_MERGE_COUNT_FOLLOWS) {
		at[1] = (unsigned char)(run->count - 2);
		return 0;
	}
	at[1] = SEGMENT_MERGE_COUNT_FOLLOWS;
	bytes_put32(at + 2, run->count);
	merge->order_bytes += sizeof run->count;
	return 0;
}

static int
put_run(struct segment_merge *merge, uint32_t which, uint32_t count)
{
	merge->order_count += count;
	if (merge->run.count == 0 || merge->run.which != which) {
		if (end_run(merge) != 0)
			return STORE_ENOMEM;
		merge->run = (struct segment_merge_run){(unsigned char)which, 0};
	}
	merge->run.count += count;
	return 0;
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
		uint32_t run = run_length(ordering);
		bool left_out;

		if ((result = judge(ordering, top->input, &left_out)) != 0)
			return result;
		if (put_run(merge, top->input | (left_out ? SEGMENT_MERGE_LEFT_OUT : 0), run) != 0)
			return segment_merge_no_memory(ordering->error);
		merge->source.rows_count += left_out ? 0 : run;
		merge->cursors[top->input].row += run;
		ordering->sort[top->input].row += run;
		if (segment_merge_is_end(&merge->cursors[top->input]))
			*top = ordering->heap[--ordering->heap_count];
		else if ((result = look(ordering, top)) != 0)
			return result;
		sift_down(ordering, 0);
	}
	return end_run(merge) == 0 ? 0 : segment_merge_no_memory(ordering->error);
}

int
segment_merge_find_order(struct segment_merge *merge, const struct segment_merge_filter *filter,
			 uint16_t time_column, uint32_t sort_index, struct store_error *error)
{
	struct ordering *ordering = calloc(1, sizeof *ordering);
	int result = ordering == NULL ? segment_merge_no_memory(error) : 0;

	if (result == 0 && sort_index != UINT32_MAX)
		result = segment_merge_load_strings(merge, sort_index, error);
	for (uint32_t i = 0; result == 0 && i < merge->inputs_count; i++) {
		const struct cursor *cursor = &merge->cursors[i];

		if (segment_merge_open_cursor(&ordering->sort[i], cursor->segment) != 0 ||
		    segment_merge_open_cursor(&ordering->filtered[i], cursor->segment) != 0)
			result = segment_merge_no_memory(error);
		ordering->sort[i].held = true;
		ordering->sort[i].codes = cursor->codes;
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
		segment_merge_close_cursor(&ordering->sort[i]);
		segment_merge_close_cursor(&ordering->filtered[i]);
	}
	free(ordering);
	segment_merge_rewind(merge);
	return result;
}

int64_t
segment_merge_count(const struct segment *segment, const struct segment_merge_filter *filter,
		    struct store_error *error)
{
	struct store_str no_key = {NULL, 0};
	struct cursor cursor;
	int64_t count = 0;
	int result = segment_merge_open_cursor(&cursor, segment);

	if (result != 0)
		segment_merge_no_memory(error);
	while (result == 0 && !segment_merge_is_end(&cursor)) {
		result = segment_merge_settle(&cursor, filter->column, no_key, error);
		if (result == 0) {
			count += filter_matches(filter, &cursor);
			cursor.row++;
		}
	}
	segment_merge_close_cursor(&cursor);
	return result == 0 ? count : result;
}
