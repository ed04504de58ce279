/*
 * Goal: a query that must stop does so inside a call, whatever a row of it takes: kernels look at
 * the watch after so many bytes or steps, and not between slices only. Method: kernels are called
 * with long texts in every row, by a watch that is over already: each says so. And the same
 * of few short rows, which are not worth a look: they end.
 */
#include "check.h"

#include <string.h>

#include "store/function.h"

#define ROWS 100u
#define LONG 65536u
#define ITEMS 20000u

enum kind { NOTHING, TEXT, SMALL, TIME, FORMAT, LIST };

static const struct {
	const char *name;
	enum kind args[3];
} calls[] = {
    {"formatDateTime", {TIME, FORMAT}},
    {"like", {TEXT, SMALL}},
    {"like", {SMALL, FORMAT}},
    {"ilike", {TEXT, TEXT}},
    {"startsWith", {TEXT, TEXT}},
    {"endsWith", {TEXT, TEXT}},
    {"position", {TEXT, SMALL}},
    {"lower", {TEXT}},
    {"upper", {TEXT}},
    {"concat", {SMALL, TEXT}},
    {"hex", {TEXT}},
    {"unhex", {TEXT}},
    {"trim", {TEXT}},
    {"lengthUTF8", {TEXT}},
    {"reverse", {TEXT}},
    {"replaceAll", {TEXT, SMALL, SMALL}},
    {"replaceAll", {SMALL, SMALL, TEXT}},
    {"replaceRegexpAll", {SMALL, SMALL, TEXT}},
    {"domain", {TEXT}},
    {"cutQueryString", {TEXT}},
    {"extractURLParameter", {TEXT, SMALL}},
    {"equals", {TEXT, TEXT}},
    {"in", {TEXT, SMALL, TEXT}},
    {"has", {LIST, SMALL}},
};

static char blanks[LONG], format[LONG];
static struct store_value items[ITEMS];

/* The first argument differs by row, as far as is known; the others are constants. */
static struct data
make_data(struct store_arena *arena, enum kind kind, uint32_t rows, uint32_t size)
{
	struct data out = {.type.type = STORE_R_STRING, .count = rows};
	struct store_value *values = store_arena_zalloc(arena, rows * sizeof *values);
	int64_t *times = store_arena_zalloc(arena, rows * sizeof *times);

	out.s = store_arena_zalloc(arena, rows * sizeof *out.s);
	assert_true(values != NULL && times != NULL && out.s != NULL);
	for (uint32_t i = 0; i < rows; i++) {
		out.s[i] =
		    (struct store_str){kind == FORMAT ? format : blanks, kind == SMALL ? 1 : size};
		values[i].v.list.items = items;
		values[i].v.list.count = size < ITEMS ? size : ITEMS;
	}
	if (kind == TIME || kind == LIST)
		out.s = NULL;
	if (kind == TIME) {
		out.type.type = STORE_R_DATETIME;
		out.n.i = times;
	} else if (kind == LIST) {
		out.type = (struct type){.type = STORE_R_ARRAY, .element = STORE_R_STRING};
		out.values = values;
	}
	return out;
}

static int
evaluate(size_t c, uint32_t rows, uint32_t size, const struct watch *watch)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_error error = {0};
	struct evaluation evaluation = {
	    .arena = arena, .error = &error, .watch = watch, .count = rows};
	struct expression parts[3] = {0}, *args[3] = {&parts[0], &parts[1], &parts[2]};
	struct expression call = {.kind = EXPRESSION_CALL, .args = args};
	struct data data[3], out;
	int result;

	assert_non_null(arena);
	call.function =
	    function_find((struct store_str){calls[c].name, (uint32_t)strlen(calls[c].name)});
	assert_non_null(call.function);
	for (uint32_t a = 0; a < 3 && calls[c].args[a] != NOTHING; a++) {
		data[a] = make_data(arena, calls[c].args[a], rows, size);
		data[a].constant = a > 0;
		parts[a].kind = a > 0 ? EXPRESSION_CONSTANT : EXPRESSION_COLUMN;
		parts[a].type = data[a].type;
		parts[a].constant = data[a];
		call.args_count++;
	}
	assert_true(call.function->infer(&call, &call.type));
	result = function_evaluate(&evaluation, &call, data, &out);
	store_arena_free(arena);
	return result;
}

static void
check_calls(void **state)
{
	const volatile int cancel = 1, go_on = 0;
	struct watch over = watch_begin(0, &cancel), not_over = watch_begin(0, &go_on);

	(void)state;
	memset(blanks, ' ', sizeof blanks);
	memset(format, '%', sizeof format);
	for (size_t i = 0; i < ITEMS; i++)
		items[i].v.s = (struct store_str){format, 2};
	for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
		int result = evaluate(c, ROWS, LONG, &over);

		if (result != STORE_ECANCEL)
			fail_msg("%s goes on: %d", calls[c].name, result);
		assert_int_equal(evaluate(c, ROWS, LONG, &not_over), 0);
		if (strcmp(calls[c].name, "replaceRegexpAll") != 0) /* looks at each end */
			assert_int_equal(evaluate(c, 4, 16, &over), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
