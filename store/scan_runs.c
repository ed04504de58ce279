/*
 * Rows that lie in runs of the same group keys, as they do when groups are hours
 * or sites of rows sorted by site and time: a run is looked up once and taken by
 * the aggregates as a whole. Between scan_assign.c and the keys' columns; must not
 * know groups.
 */
#include <string.h>

#include "codec.h"
#include "function.h"
#include "scan_inside.h"

/* Rows in turn are looked at together, and few runs are those of that many rows
 * each, after some that are free. */
#define CHUNK_ROWS 64u
#define RUN_ROWS_MIN 32u
#define RUNS_FREE 4u

/* ---- where keys change ------------------------------------------------------- */

/* Whether some item of first ... end - 1 differs from the one before: memcmp looks at
 * more of them at once than a loop does. */
static bool
differs(const void *items, size_t item_bytes, uint32_t first, uint32_t end)
{
	const char *at = (const char *)items + first * item_bytes;

	return memcmp(at, at - item_bytes, (end - first) * item_bytes) != 0;
}

/* The same of rows. */
static bool
has_changes(const struct data *data, uint32_t first, uint32_t end)
{
	if (data->constant)
		return false;
	return (data->codes != NULL   ? differs(data->codes, sizeof *data->codes, first, end)
		: data->bytes != NULL ? differs(data->bytes, sizeof *data->bytes, first, end)
				      : differs(data->n.u, sizeof *data->n.u, first, end)) ||
	       (data->nulls != NULL && differs(data->nulls, sizeof *data->nulls, first, end));
}

static bool
is_change(const struct data *keys, uint32_t keys_count, uint32_t row)
{
	for (uint32_t k = 0; k < keys_count; k++) {
		if (has_changes(&keys[k], row, row + 1))
			return true;
	}
	return false;
}

static bool
can_have_runs(const struct data *keys, uint32_t keys_count)
{
	for (uint32_t k = 0; k < keys_count; k++) {
		if (keys[k].values != NULL || keys[k].s != NULL)
			return false;
	}
	return true;
}

static uint32_t
runs_max(uint32_t rows)
{
	return RUNS_FREE + rows / RUN_ROWS_MIN;
}

/* firsts[] of the runs, of which there are at most runs_max; 0: too many. */
static uint32_t
find_runs(const struct data *keys, uint32_t keys_count, uint32_t count, uint32_t *firsts)
{
	uint32_t found = 0;

	for (uint32_t first = 0; first < count; first += CHUNK_ROWS) {
		uint32_t end = count - first < CHUNK_ROWS ? count : first + CHUNK_ROWS;
		bool changes = first == 0;

		for (uint32_t k = 0; !changes && k < keys_count; k++)
			changes = has_changes(&keys[k], first, end);
		for (uint32_t i = first; changes && i < end; i++) {
			if (i > 0 && !is_change(keys, keys_count, i))
				continue;
			if (found == runs_max(end))
				return 0;
			firsts[found++] = i;
		}
	}
	return found;
}

int
scan_runs_find(struct scan *scan, const struct data *keys, uint32_t keys_count, uint32_t count,
	       struct scan_runs *out)
{
	size_t max = runs_max(count) + 1;

	*out = (struct scan_runs){.count = 0};
	if (!can_have_runs(keys, keys_count))
		return 0;
	out->firsts = store_arena_alloc(scan->scratch, max * sizeof *out->firsts);
	out->groups = store_arena_alloc(scan->scratch, max * sizeof *out->groups);
	if (out->firsts == NULL || out->groups == NULL)
		return scan_no_memory(scan);
	out->count = find_runs(keys, keys_count, count, out->firsts);
	out->firsts[out->count] = count;
	return 0;
}

int
scan_runs_find_times(struct scan *scan, struct evaluation *evaluation, const struct expression *key,
		     struct scan_runs *out, struct data *values)
{
	uint32_t max = runs_max(evaluation->count);
	struct function_runs runs = {.max = max};
	int result;

	out->count = 0;
	if (!function_is_monotone(key))
		return 0;
	out->firsts = store_arena_alloc(scan->scratch, (max + 1u) * sizeof *out->firsts);
	out->groups = store_arena_alloc(scan->scratch, (max + 1u) * sizeof *out->groups);
	runs.values = store_arena_alloc(scan->scratch, max * sizeof *runs.values);
	if (out->firsts == NULL || out->groups == NULL || runs.values == NULL)
		return scan_no_memory(scan);
	runs.firsts = out->firsts;
	if ((result = expression_runs(evaluation, key, &runs)) != 0 || runs.count == 0)
		return result;
	out->count = runs.count;
	out->firsts[out->count] = evaluation->count;
	*values = (struct data){.type = key->type, .count = runs.count, .n.i = runs.values};
	return 0;
}

/* ---- a row of each ----------------------------------------------------------- */

int
scan_runs_key(struct scan *scan, const struct scan_runs *runs, const struct data *key,
	      struct data *out)
{
	size_t count = runs->count;
	uint64_t *numbers = store_arena_alloc(scan->scratch, count * sizeof *numbers);
	uint32_t *codes = store_arena_alloc(scan->scratch, count * sizeof *codes);
	uint8_t *nulls = store_arena_alloc(scan->scratch, count);

	if (numbers == NULL || codes == NULL || nulls == NULL)
		return scan_no_memory(scan);
	*out = *key;
	out->count = runs->count;
	if (key->constant)
		return 0;
	for (uint32_t r = 0; r < runs->count; r++) {
		uint32_t row = runs->firsts[r];

		if (data_is_coded(key))
			codes[r] = data_code(key, row);
		else
			numbers[r] = key->n.u[row];
		if (key->nulls != NULL)
			nulls[r] = key->nulls[row];
	}
	out->codes = data_is_coded(key) ? codes : NULL;
	out->bytes = NULL;
	out->nulls = key->nulls == NULL ? NULL : nulls;
	if (!data_is_coded(key))
		out->n.u = numbers;
	return 0;
}

struct data
scan_runs_part(const struct scan_runs *runs, uint32_t run, const struct data *data)
{
	uint32_t first = runs->firsts[run];
	struct data out = *data;

	out.count = runs->firsts[run + 1] - first;
	if (data->constant)
		return out;
	if (data->n.u != NULL)
		out.n.u = data->n.u + first;
	if (data->narrow != NULL)
		out.narrow = data->narrow + first;
	if (data->s != NULL)
		out.s = data->s + first;
	if (data->codes != NULL)
		out.codes = data->codes + first;
	if (data->bytes != NULL)
		out.bytes = data->bytes + first;
	if (data->nulls != NULL)
		out.nulls = data->nulls + first;
	if (data->values != NULL)
		out.values = data->values + first;
	return out;
}
