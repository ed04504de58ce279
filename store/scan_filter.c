/*
 * Which rows of a slice a query wants: those that the snapshot sees and WHERE
 * keeps, by the conditions that the block leaves open (scan_narrow.c), as a list or as rows
 * that follow one another. Between scan_prune.c and what groups or collects.
 */
#include <string.h>

#include "scan_inside.h"

static void
set_all(uint64_t *bits, uint32_t count)
{
	memset(bits, 0xff, bitmap_words(count) * sizeof *bits);
	if (count % 64 != 0)
		bits[count / 64] = ((uint64_t)1 << count % 64) - 1;
}

/* Scratch for the rows of an evaluation, with all bits set; NULL: no memory. */
static uint64_t *
open_selection(struct scan_selection *selection)
{
	struct store_arena *arena = selection->evaluation->arena;
	uint32_t words = bitmap_words(selection->total);
	uint64_t *bits = store_arena_alloc(arena, (words + 1u) * sizeof *bits);

	selection->wanted = store_arena_alloc(arena, (words + 1u) * sizeof *selection->wanted);
	selection->rows =
	    store_arena_alloc(arena, (selection->total + 1u) * sizeof *selection->rows);
	if (bits == NULL || selection->wanted == NULL || selection->rows == NULL)
		return NULL;
	set_all(bits, selection->total);
	return bits;
}

/* Whether the rows that are left, some but not all, follow one another: *count from *first
 * on. */
static bool
are_in_turn(const uint64_t *bits, uint32_t total, uint32_t *first, uint32_t *count)
{
	uint32_t begin = 0, end = bitmap_words(total), at;

	while (begin < end && bits[begin] == 0)
		begin++;
	while (end > begin && bits[end - 1] == 0)
		end--;
	if (begin == end)
		return false;
	at = begin * 64 + (uint32_t)__builtin_ctzll(bits[begin]);
	end = end * 64 - (uint32_t)__builtin_clzll(bits[end - 1]);
	if (end - at == total || scan_bits_count(bits, total) != end - at)
		return false;
	*first = at;
	*count = end - at;
	return true;
}

int
scan_select(struct scan *scan, struct evaluation *evaluation, uint32_t *first)
{
	struct scan_selection selection = {
	    .scan = scan, .evaluation = evaluation, .total = evaluation->count};
	const struct slice *slice = evaluation->slice;
	const uint64_t *visible = NULL;
	uint64_t *bits;
	bool is_out;
	int result = 0;

	if (first != NULL)
		*first = 0;
	if (slice != NULL)
		result = block_visible(slice->block, slice->first, slice->count, scan->scratch,
				       &visible, scan->error);
	if (result != 0)
		return result == STORE_ELIMIT ? scan_no_memory(scan) : result;
	if (scan->where->verdict == SCAN_ALL && visible == NULL)
		return 0;
	if ((result = scan_rule_out(&selection, &is_out)) != 0)
		return result;
	if (is_out) {
		evaluation->count = 0;
		return 0;
	}
	if ((bits = open_selection(&selection)) == NULL)
		return scan_no_memory(scan);
	for (uint32_t i = 0; visible != NULL && i < bitmap_words(selection.total); i++)
		bits[i] &= visible[i];
	if ((result = scan_narrow(&selection, scan->where, bits)) != 0)
		return result;
	if (first != NULL && slice != NULL &&
	    are_in_turn(bits, selection.total, first, &evaluation->count))
		evaluation->rows = NULL;
	else
		scan_select_rows(&selection, bits);
	return 0;
}
