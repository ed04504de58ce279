/*
 * Calls that never fall while time rises (toStartOfHour, ...): rows come sorted by time,
 * so many in turn give the same, and few need be computed. Must not know what the
 * functions do.
 */
#include <assert.h>
#include <string.h>

#include "codec.h"
#include "function_monotone.h"

bool
function_is_monotone(const struct expression *call)
{
	static const char *const names[] = {"toStartOfMinute",
					    "toStartOfFiveMinutes",
					    "toStartOfTenMinutes",
					    "toStartOfFifteenMinutes",
					    "toStartOfHour",
					    "toStartOfDay",
					    "toStartOfWeek",
					    "toStartOfMonth",
					    "toStartOfQuarter",
					    "toStartOfYear",
					    "toMonday",
					    "toStartOfInterval",
					    "toDate",
					    "toDateTime",
					    "toDateTime64",
					    "toYear",
					    "toYYYYMM",
					    "toYYYYMMDD",
					    "toUnixTimestamp",
					    "toUnixTimestamp64Milli"};

	if (call->kind != EXPRESSION_CALL || call->args_count == 0 ||
	    call->args_count > FUNCTION_MONOTONE_ARGS_MAX ||
	    !data_type_is_time(call->args[0]->type.type))
		return false;
	for (uint32_t a = 1; a < call->args_count; a++) {
		if (call->args[a]->kind != EXPRESSION_CONSTANT)
			return false;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], call->function->name) == 0)
			return true;
	}
	return strcmp(call->function->name, "CAST") == 0 && data_type_is_time(call->type.type);
}

const struct expression *
function_time_of(const struct expression *call)
{
	const struct expression *time = call;

	while (function_is_monotone(time))
		time = time->args[0];
	return time != call && time->kind == EXPRESSION_COLUMN ? time : NULL;
}

int
function_evaluate_times(struct evaluation *evaluation, const struct expression *call,
			const struct expression *time, int64_t *times, uint32_t count,
			struct data *out)
{
	struct evaluation inner = *evaluation;
	struct data args[FUNCTION_MONOTONE_ARGS_MAX];
	int result = 0;

	inner.count = count;
	inner.active = NULL;
	if (call->args[0] == time)
		args[0] = (struct data){.type = time->type, .n.i = times};
	else
		result = function_evaluate_times(evaluation, call->args[0], time, times, count,
						 &args[0]);
	for (uint32_t a = 0; a < call->args_count; a++) {
		if (a > 0)
			args[a] = call->args[a]->constant;
		args[a].count = count;
	}
	return result != 0 ? result : function_evaluate_rows(&inner, call, args, out);
}

#define STEP_ROWS 64u

CODEC_CLONES static bool
ascend(const int64_t *times, uint32_t count)
{
	uint64_t falls = 0;

	for (uint32_t i = 1; i < count; i++)
		falls |= times[i] < times[i - 1];
	return falls == 0;
}

/* The least and the greatest; returns whether they ascend. */
CODEC_CLONES static bool
find_ends(const int64_t *times, uint32_t count, int64_t ends[2])
{
	int64_t least = times[0], most = times[count - 1];
	bool ascends = ascend(times, count);

	for (uint32_t i = 0; !ascends && i < count; i++) {
		least = times[i] < least ? times[i] : least;
		most = times[i] > most ? times[i] : most;
	}
	ends[0] = least;
	ends[1] = most;
	return ascends;
}

/* What some rows that were asked give, to all between two that give the same;
 * the others are left: their times and rows, and how many. */
static uint32_t
fill_steps(const struct data *asked, const int64_t *times, uint32_t count, struct data *out,
	   int64_t *left, uint32_t *rows)
{
	uint32_t left_count = 0;

	for (uint32_t first = 0, step = 0; first < count; first += STEP_ROWS, step++) {
		uint32_t end = count - first < STEP_ROWS ? count : first + STEP_ROWS;
		int64_t value = asked->n.i[step];
		bool same = value == asked->n.i[step + 1];

		for (uint32_t i = first; same && i < end; i++)
			out->n.i[i] = value;
		for (uint32_t i = first; !same && i < end; i++) {
			left[left_count] = times[i];
			rows[left_count++] = i;
		}
	}
	return left_count;
}

/* Of times that ascend, some tell what those between them give. */
static int
evaluate_steps(struct evaluation *evaluation, const struct expression *call, const int64_t *all,
	       struct data *out)
{
	const struct expression *time = call->args[0];
	uint32_t count = evaluation->count, steps = (count + STEP_ROWS - 1) / STEP_ROWS, left_count;
	struct store_arena *arena = evaluation->arena;
	int64_t *times = store_arena_alloc(arena, ((size_t)count + 2) * sizeof *times);
	uint32_t *rows = store_arena_alloc(arena, ((size_t)count + 1) * sizeof *rows);
	struct data some;
	int result;

	if (times == NULL || rows == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < steps; i++)
		times[i] = all[i * STEP_ROWS];
	times[steps] = all[count - 1];
	if ((result = function_evaluate_times(evaluation, call, time, times, steps + 1, &some)) !=
		0 ||
	    (result = data_allocate(evaluation, call->type, count, out)) != 0)
		return result;
	left_count = fill_steps(&some, all, count, out, times, rows);
	if (left_count == 0)
		return 0;
	result = function_evaluate_times(evaluation, call, time, times, left_count, &some);
	if (result != 0)
		return result;
	for (uint32_t i = 0; i < left_count; i++)
		out->n.i[rows[i]] = some.n.i[i];
	return 0;
}

/* The row begins a run, or is of the one before; false: there are too many. */
static bool
add_to_runs(struct function_runs *runs, uint32_t row, int64_t value)
{
	if (runs->count > 0 && runs->values[runs->count - 1] == value)
		return true;
	if (runs->count == runs->max)
		return false;
	runs->firsts[runs->count] = row;
	runs->values[runs->count++] = value;
	return true;
}

/* By steps, and the rows between two of them that differ. */
static bool
join_runs(const struct data *asked, const struct data *inner, uint32_t count,
	  struct function_runs *runs)
{
	bool fits = true;

	for (uint32_t first = 0, step = 0, n = 0; fits && first < count;
	     first += STEP_ROWS, step++) {
		uint32_t end = count - first < STEP_ROWS ? count : first + STEP_ROWS;

		fits = add_to_runs(runs, first, asked->n.i[step]);
		if (asked->n.i[step] == asked->n.i[step + 1])
			continue;
		for (uint32_t i = first + 1; fits && i < end; i++)
			fits = add_to_runs(runs, i, inner->n.i[n++]);
	}
	return fits;
}

int
function_find_runs(struct evaluation *evaluation, const struct expression *call,
		   const struct data *all, struct function_runs *runs)
{
	const struct expression *time = function_time_of(call);
	uint32_t count = all->count, steps = (count + STEP_ROWS - 1) / STEP_ROWS, inner_count = 0;
	int64_t *times = store_arena_alloc(evaluation->arena, ((size_t)count + 2) * sizeof *times);
	struct data asked, inner = {.count = 0};
	int result;

	assert(time != NULL && !all->constant && all->nulls == NULL);
	runs->count = 0;
	if (times == NULL)
		return expression_no_memory(evaluation->error);
	for (uint32_t i = 0; i < steps; i++)
		times[i] = all->n.i[i * STEP_ROWS];
	times[steps] = all->n.i[count - 1];
	result = function_evaluate_times(evaluation, call, time, times, steps + 1, &asked);
	if (result != 0 || asked.s != NULL || asked.nulls != NULL)
		return result;
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t first = step * STEP_ROWS;
		uint32_t end = count - first < STEP_ROWS ? count : first + STEP_ROWS;

		if (asked.n.i[step] == asked.n.i[step + 1])
			continue;
		memcpy(times + inner_count, all->n.i + first + 1,
		       (end - first - 1) * sizeof *times);
		inner_count += end - first - 1;
	}
	if (inner_count > 0)
		result =
		    function_evaluate_times(evaluation, call, time, times, inner_count, &inner);
	if (result == 0 && !join_runs(&asked, &inner, count, runs))
		runs->count = 0;
	return result;
}

int
function_evaluate_monotone(struct evaluation *evaluation, const struct expression *call,
			   const struct data *args, struct data *out)
{
	int64_t ends[2];
	bool ascends = find_ends(args[0].n.i, evaluation->count, ends);
	int result = function_evaluate_times(evaluation, call, call->args[0], ends, 2, out);

	if (result != 0)
		return result;
	if (out->s != NULL || out->nulls != NULL || out->n.i[0] != out->n.i[1])
		return ascends && out->s == NULL && out->nulls == NULL
			   ? evaluate_steps(evaluation, call, args[0].n.i, out)
			   : function_evaluate_rows(evaluation, call, args, out);
	out->count = evaluation->count;
	out->constant = true;
	return 0;
}
