/*
 * Goal: every kind of token is told apart, escapes are undone as ClickHouse
 * does it, and no bytes whatever make the lexer read outside its text. Method:
 * golden token lists; random bytes in a buffer of exactly their size, for the
 * sanitizer to watch, with offsets that only grow.
 */
#include "check.h"

#include "store/sql_lex.h"

static const char letters[] = "EWINSPB"; /* by enum sql_token_type */

/* "W:SELECT N:1 ..." of a text. */
static void
check_tokens(const char *text, const char *expected)
{
	struct store_arena *arena = store_arena_create(0);
	struct sql_lexer lexer = {{text, (uint32_t)strlen(text)}, 0, arena};
	char got[1024] = "";
	struct sql_token token;

	do {
		size_t at = strlen(got);

		token = sql_lex(&lexer);
		if (token.type != SQL_END)
			snprintf(got + at, sizeof got - at, "%s%c:%.*s", at > 0 ? " " : "",
				 letters[token.type], (int)token.text.size, token.text.bytes);
	} while (token.type != SQL_END && token.type != SQL_BAD);
	assert_string_equal(got, expected);
	store_arena_free(arena);
}

static void
tokens_of_every_kind(void **state)
{
	(void)state;
	check_tokens("SELECT a,b FROM t", "W:SELECT W:a P:, W:b W:FROM W:t");
	check_tokens("1 1.5 .5 1e3 2.5E-3 0xFf 7.", "N:1 N:1.5 N:.5 N:1e3 N:2.5E-3 N:0xFf N:7.");
	check_tokens("a<=b<>c!=d==e||f::g", "W:a P:<= W:b P:<> W:c P:!= W:d P:== W:e P:|| "
					    "W:f P::: W:g");
	check_tokens("`a b` \"c\"\"d\" _x9", "I:a b I:c\"d W:_x9");
	check_tokens("a -- rest\nb /* x * / */ c # end", "W:a W:b W:c");
	check_tokens("a-1", "W:a P:- N:1");
	check_tokens("", "");
}

static void
escapes_in_texts(void **state)
{
	(void)state;
	check_tokens("'it''s' 'it\\'s'", "S:it's S:it's");
	check_tokens("'a\\nb\\t\\\\c'", "S:a\nb\t\\c");
	check_tokens("'100\\% \\d'", "S:100\\% \\d"); /* unknown escapes stay */
	check_tokens("''", "S:");
	check_tokens("''''", "S:'");
}

static void
what_no_query_has(void **state)
{
	(void)state;
	check_tokens("'abc", "B:a quoted text has no end");
	check_tokens("'abc\\", "B:a quoted text has no end");
	check_tokens("'abc\\'", "B:a quoted text has no end");
	check_tokens("/* abc", "B:a comment has no end");
	check_tokens("1e", "B:a number has no digits after its exponent");
	check_tokens("12abc", "B:a number is followed by letters");
	check_tokens("a @", "W:a B:a character that no query has");
	check_tokens("\xc3\xa4", "B:a character that no query has");
}

/* Many quoted texts need memory in proportion to the text, not its square. */
static void
memory_is_linear(void **state)
{
	enum { COUNT = 40000 };
	char *text = malloc(COUNT * 5);
	struct store_arena *arena = store_arena_create(COUNT * 32);
	struct sql_lexer lexer = {{text, COUNT * 5}, 0, arena};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		memcpy(text + (size_t)i * 5, "'\\n' ", 5);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(sql_lex(&lexer).type, SQL_STRING);
	assert_int_equal(sql_lex(&lexer).type, SQL_END);
	free(text);
	store_arena_free(arena);
}

static void
random_bytes_stay_inside(void **state)
{
	struct random random = random_seeded("random_bytes_stay_inside");
	static const char likely[] = "'\"`\\/*-#.0x1eE+ab_ (\n,";

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint32_t size = (uint32_t)random_below(&random, 24), last = 0;
		char *bytes = malloc(size + (size == 0));
		struct store_arena *arena = store_arena_create(0);
		struct sql_lexer lexer = {{bytes, size}, 0, arena};
		struct sql_token token;

		for (uint32_t i = 0; i < size; i++)
			bytes[i] = random_below(&random, 4) == 0
				       ? (char)random_next(&random)
				       : likely[random_below(&random, sizeof likely - 1)];
		do {
			token = sql_lex(&lexer);
			assert_true(token.offset >= last && token.offset <= size);
			last = token.offset;
		} while (token.type != SQL_END && token.type != SQL_BAD);
		free(bytes);
		store_arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_of_every_kind),     cmocka_unit_test(escapes_in_texts),
	    cmocka_unit_test(what_no_query_has),        cmocka_unit_test(memory_is_linear),
	    cmocka_unit_test(random_bytes_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
