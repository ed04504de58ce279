/*
 * x IN (SELECT ...) and x IN ('a', 'b', ...): the values as a sorted list, searched by halves.
 * (a, b) IN ((1, 'x'), ...): such a list for each place of the tuple, in which a
 * value is a number, and a hash table of the tuples' numbers. The planner makes
 * the calls; no name of the query leads here.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "function.h"

/* A number or time so that equal ones are equal whatever their types: int64,
 * uint64 above that, else a double's bits. */
struct key {
	uint64_t bits;
	uint8_t tag;
};

struct function_set {
	struct store_str *strings; /* [count], or NULL */
	struct key *keys;          /* [count], or NULL */
	uint64_t count;
	/* Of tuples, in place of those: numbers from 1 on, [count][width], each once;
	 * slots hold their place + 1, or 0. */
	uint32_t *tuples, *slots;
	uint32_t width, slots_mask;
};

static int
compare_strings(const void *a, const void *b)
{
	return string_compare(*(const struct store_str *)a, *(const struct store_str *)b);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return (x->bits > y->bits) - (x->bits < y->bits);
}

/* False for NaN, which is equal to nothing. */
static bool
key_of(const struct data *data, uint32_t row, struct key *out)
{
	uint64_t bits = data->n.u[data_index(data, row)];
	double number;

	*out = (struct key){.bits = bits};
	if (data_type_is_time(data->type.type)) {
		out->bits = (uint64_t)data_time_ms(data, row);
		return true;
	}
	if (!data_type_is_float(data->type.type)) {
		out->tag = !data_type_is_signed(data->type.type) && bits > INT64_MAX;
		return true;
	}
	number = data->n.f[data_index(data, row)];
	/* cppcheck-suppress incorrectLogicOperator ; it does not read hex floats */
	if (number == floor(number) && number >= -0x1p63 && number < 0x1p63)
		out->bits = (uint64_t)(int64_t)number;
	else if (number == floor(number) && number >= 0 && number < 0x1p64)
		*out = (struct key){(uint64_t)number, 1};
	else
		out->tag = 2;
	return !isnan(number);
}

bool
function_set_fits(enum store_result_type value, enum store_result_type member)
{
	if (value == STORE_R_STRING || member == STORE_R_STRING)
		return value == member;
	if (data_type_is_time(value) || data_type_is_time(member))
		return data_type_is_time(value) && data_type_is_time(member);
	return data_type_is_number(value) && data_type_is_number(member);
}

static struct function_set *
create(bool strings, uint32_t count, struct store_arena *arena)
{
	struct function_set *set = store_arena_zalloc(arena, sizeof *set);
	size_t bytes = (count + 1u) * (strings ? sizeof *set->strings : sizeof *set->keys);

	if (set == NULL)
		return NULL;
	if (strings)
		set->strings = store_arena_alloc(arena, bytes);
	else
		set->keys = store_arena_alloc(arena, bytes);
	return set->strings == NULL && set->keys == NULL ? NULL : set;
}

static void
add(struct function_set *set, const struct data *data, uint32_t row)
{
	if (data_is_null(data, row))
		return;
	if (set->strings != NULL)
		set->strings[set->count++] = data_string(data, row);
	else
		set->count += key_of(data, row, &set->keys[set->count]);
}

static void
sort(struct function_set *set)
{
	if (set->strings != NULL)
		qsort(set->strings, set->count, sizeof *set->strings, compare_strings);
	else
		qsort(set->keys, set->count, sizeof *set->keys, compare_keys);
}

struct function_set *
function_set_create(const struct data *data, struct store_arena *arena)
{
	struct function_set *set = create(data->s != NULL, data->count, arena);

	for (uint32_t i = 0; set != NULL && i < data->count; i++)
		add(set, data, i);
	if (set != NULL)
		sort(set);
	return set;
}

struct function_set *
function_set_of_constants(bool strings, struct expression *const *constants, uint32_t count,
			  struct store_arena *arena)
{
	struct function_set *set = create(strings, count, arena);

	for (uint32_t i = 0; set != NULL && i < count; i++)
		add(set, &constants[i]->constant, 0);
	if (set != NULL)
		sort(set);
	return set;
}

/* ---- calling --------------------------------------------------------- */

static bool
infer_in_set(const struct expression *call, struct type *out)
{
	(void)call;
	out->type = STORE_R_UINT8;
	return true;
}

/* The value's place in the list + 1, of equal ones always the same; 0: it is not there. */
static uint32_t
find(const struct function_set *set, const struct data *data, uint32_t row)
{
	const struct store_str *found;
	const struct key *found_key;
	struct store_str string;
	struct key key;

	if (set->count == 0 || data_is_null(data, row))
		return 0;
	if (set->strings == NULL) {
		if (!key_of(data, row, &key))
			return 0;
		found_key = bsearch(&key, set->keys, set->count, sizeof key, compare_keys);
		return found_key == NULL ? 0 : (uint32_t)(found_key - set->keys) + 1;
	}
	string = data_string(data, row);
	found = bsearch(&string, set->strings, set->count, sizeof string, compare_strings);
	return found == NULL ? 0 : (uint32_t)(found - set->strings) + 1;
}

bool
function_set_has(const struct function_set *set, const struct data *data, uint32_t row)
{
	return find(set, data, row) != 0;
}

static int
evaluate_in_set(struct evaluation *evaluation, const struct expression *call,
		const struct data *args, struct data *out)
{
	bool negated = call->function == &function_not_in_set;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		out->n.u[i] = (find(call->set, &args[0], i) != 0) != negated;
		if (call->set->strings != NULL)
			result = expression_work(evaluation, data_string(&args[0], i).size);
	}
	return result;
}

const struct function function_in_set = {"in", false, 1, 1, false, infer_in_set, evaluate_in_set};
const struct function function_not_in_set = {"notIn",      false,          1, 1, false,
					     infer_in_set, evaluate_in_set};

/* ---- tuples ------------------------------------------------------------ */

static bool
infer_number(const struct expression *call, struct type *out)
{
	(void)call;
	out->type = STORE_R_UINT32;
	return true;
}

static int
evaluate_member_number(struct evaluation *evaluation, const struct expression *call,
		       const struct data *args, struct data *out)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		out->n.u[i] = find(call->set, &args[0], i);
		if (call->set->strings != NULL)
			result = expression_work(evaluation, data_string(&args[0], i).size);
	}
	return result;
}

/* The slot of the tuple, or the free one where it would be. */
static uint32_t *
find_slot(const struct function_set *set, const uint32_t *tuple, uint64_t *steps)
{
	size_t bytes = set->width * sizeof *tuple;
	uint32_t slot = (uint32_t)XXH3_64bits(tuple, bytes) & set->slots_mask;

	for (; set->slots[slot] != 0; slot = (slot + 1) & set->slots_mask) {
		if (memcmp(set->tuples + (size_t)(set->slots[slot] - 1) * set->width, tuple,
			   bytes) == 0)
			break;
		++*steps;
	}
	return &set->slots[slot];
}

static int
evaluate_in_tuples(struct evaluation *evaluation, const struct expression *call,
		   const struct data *args, struct data *out)
{
	const struct function_set *set = call->set;
	uint32_t *tuple = store_arena_alloc(evaluation->arena, set->width * sizeof *tuple);
	int result = tuple == NULL ? expression_no_memory(evaluation->error) : 0;

	for (uint32_t i = 0; result == 0 && i < out->count; i++) {
		uint64_t steps = 0;
		bool may_be = true;

		for (uint32_t a = 0; may_be && a < set->width; a++) {
			tuple[a] = (uint32_t)args[a].n.u[data_index(&args[a], i)];
			may_be = tuple[a] != 0;
		}
		out->n.u[i] = may_be && *find_slot(set, tuple, &steps) != 0;
		result = expression_work(evaluation, steps);
	}
	return result;
}

struct function_set *
function_set_of_tuples(const struct function_set *const *lists, uint32_t width,
		       struct expression *const *const *members, uint32_t count,
		       struct store_arena *arena)
{
	struct function_set *set = store_arena_zalloc(arena, sizeof *set);
	uint32_t slots_count = 4;
	uint64_t steps = 0;

	while (slots_count < count * 2)
		slots_count *= 2;
	if (set == NULL)
		return NULL;
	set->width = width;
	set->slots_mask = slots_count - 1;
	set->tuples = store_arena_alloc(arena, (size_t)(count + 1) * width * sizeof *set->tuples);
	set->slots = store_arena_zalloc(arena, slots_count * sizeof *set->slots);
	if (set->tuples == NULL || set->slots == NULL)
		return NULL;
	for (uint32_t m = 0; m < count; m++) {
		uint32_t *tuple = set->tuples + set->count * width, *slot;
		bool may_be = true; /* one of NULL or NaN is equal to nothing */

		for (uint32_t a = 0; a < width; a++) {
			tuple[a] = find(lists[a], &members[a][m]->constant, 0);
			may_be = may_be && tuple[a] != 0;
		}
		if (may_be && *(slot = find_slot(set, tuple, &steps)) == 0)
			*slot = (uint32_t)++set->count;
	}
	return set;
}

const struct function function_member_number = {
    "memberNumber", false, 1, 1, true, infer_number, evaluate_member_number};
const struct function function_in_tuples = {
    "in", false, 1, 255, true, infer_in_set, evaluate_in_tuples};
