/*
 * Goal: another name of a function is found as that function, and hides none.
 * Method: every other name against the tables of functions and aggregates, in its
 * own letters and in others; names that are none.
 */
#include "check.h"

#include <ctype.h>
#include <string.h>

#include "store/aggregate.h"
#include "store/function.h"
#include "store/sql_parse.h"

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static bool
is_found(const char *name)
{
	bool has_condition;

	return function_find(str(name)) != NULL ||
	       aggregate_find(str(name), &has_condition) != NULL;
}

/* The letters of the other case, where there are any. */
static void
other_case(const char *name, char *out)
{
	size_t i = 0;

	for (; name[i] != '\0'; i++)
		out[i] = (char)(isupper((unsigned char)name[i]) ? tolower((unsigned char)name[i])
								: toupper((unsigned char)name[i]));
	out[i] = '\0';
}

static void
each_is_what_it_stands_for(void **state)
{
	const struct function_alias *alias;
	char other[64];

	(void)state;
	for (uint32_t i = 0; (alias = function_alias_at(i)) != NULL; i++) {
		const struct function *function = function_find(str(alias->name));
		bool has_condition;

		other_case(alias->name, other);
		assert_int_equal(is_found(other), alias->any_case);
		if (function != NULL) {
			assert_string_equal(function->name, alias->of);
			continue;
		}
		const struct aggregate_name *name =
		    aggregate_find(str(alias->name), &has_condition);

		assert_non_null(name);
		assert_string_equal(name->name, alias->of);
		assert_false(has_condition);
	}
}

static bool
is_hidden(const char *name, const struct function_alias *alias)
{
	return alias->any_case ? sql_is_word(str(name), alias->name)
			       : strcmp(name, alias->name) == 0;
}

static void
none_hides_a_function(void **state)
{
	const struct function_alias *alias;
	const struct aggregate_name *name;
	const struct function *function;

	(void)state;
	for (uint32_t i = 0; (alias = function_alias_at(i)) != NULL; i++) {
		for (uint32_t f = 0; (function = function_at(f)) != NULL; f++)
			assert_false(is_hidden(function->name, alias));
		for (uint32_t a = 0; (name = aggregate_at(a)) != NULL; a++)
			assert_false(is_hidden(name->name, alias));
	}
}

static void
aggregates_take_a_condition(void **state)
{
	bool has_condition;

	(void)state;
	assert_string_equal(aggregate_find(str("STDDEV_POPIf"), &has_condition)->name, "stddevPop");
	assert_true(has_condition);
	assert_null(aggregate_find(str("STDDEV_POPIF"), &has_condition));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_what_it_stands_for),
	    cmocka_unit_test(none_hides_a_function),
	    cmocka_unit_test(aggregates_take_a_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
