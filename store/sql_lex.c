/*
 * sql_lex.h: between the query text and sql_parse.c. Must accept any bytes and
 * never read past the text, which has no NUL at its end.
 */
#include <ctype.h>
#include <string.h>

#include "sql_lex.h"

/* The byte at `ahead` of the present one, or -1 past the end. */
static int
peek(const struct sql_lexer *lexer, uint32_t ahead)
{
	return lexer->at < lexer->text.size && lexer->text.size - lexer->at > ahead
		   ? (unsigned char)lexer->text.bytes[lexer->at + ahead]
		   : -1;
}

static bool
is_word_start(int c)
{
	return c == '_' || (c >= 0 && c < 128 && isalpha(c));
}

static bool
is_word(int c)
{
	return is_word_start(c) || (c >= 0 && c < 128 && isdigit(c));
}

static struct sql_token
token(enum sql_token_type type, const struct sql_lexer *lexer, uint32_t from)
{
	return (struct sql_token){type, {lexer->text.bytes + from, lexer->at - from}, from};
}

static struct sql_token
bad(const char *why, uint32_t offset)
{
	return (struct sql_token){SQL_BAD, {why, (uint32_t)strlen(why)}, offset};
}

/* White space and comments; false for a comment without an end. */
static bool
skip_space(struct sql_lexer *lexer)
{
	for (;;) {
		int c = peek(lexer, 0);

		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			lexer->at++;
		} else if ((c == '-' && peek(lexer, 1) == '-') || c == '#') {
			while (peek(lexer, 0) >= 0 && peek(lexer, 0) != '\n')
				lexer->at++;
		} else if (c == '/' && peek(lexer, 1) == '*') {
			lexer->at += 2;
			while (peek(lexer, 0) >= 0 &&
			       !(peek(lexer, 0) == '*' && peek(lexer, 1) == '/'))
				lexer->at++;
			if (peek(lexer, 0) < 0)
				return false;
			lexer->at += 2;
		} else {
			return true;
		}
	}
}

/* What \c stands for; -1: for itself with its backslash, as in '100\%'. */
static int
escaped(char c)
{
	static const char from[] = "ntrbfav0e\\'\"`/=";
	static const char to[] = "\n\t\r\b\f\a\v\0\033\\'\"`/=";
	const char *found = c == '\0' ? NULL : strchr(from, c);

	return found == NULL ? -1 : to[found - from];
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

/* The quoted text from `from` on without its quotes and escapes. */
static uint32_t
unescape(const struct sql_lexer *lexer, uint32_t from, uint32_t to, char quote, char *out)
{
	uint32_t size = 0;

	for (uint32_t i = from; i < to; i++) {
		char c = lexer->text.bytes[i];

		if (c == quote) {
			i++;
		} else if (c == '\\' && lexer->text.bytes[i + 1] == 'N') {
			i++; /* nothing, as in ClickHouse */
			continue;
		} else if (c == '\\' && lexer->text.bytes[i + 1] == 'x' && i + 3 < to &&
			   hex_digit(lexer->text.bytes[i + 2]) >= 0 &&
			   hex_digit(lexer->text.bytes[i + 3]) >= 0) {
			c = (char)(hex_digit(lexer->text.bytes[i + 2]) * 16 +
				   hex_digit(lexer->text.bytes[i + 3]));
			i += 3;
		} else if (c == '\\' && escaped(lexer->text.bytes[i + 1]) >= 0) {
			c = (char)escaped(lexer->text.bytes[++i]);
		} else if (c == '\\') {
			out[size++] = c;
			c = lexer->text.bytes[++i];
		}
		out[size++] = c;
	}
	return size;
}

/* 'text', "name" or `name`; a doubled quote or a backslash escapes. Texts
 * without escapes are borrowed from the query. */
static struct sql_token
lex_quoted(struct sql_lexer *lexer)
{
	uint32_t from = lexer->at, to;
	int quote = peek(lexer, 0), c;
	bool escapes = false;
	struct sql_token token = {quote == '\'' ? SQL_STRING : SQL_IDENTIFIER, {NULL, 0}, from};
	char *bytes;

	for (lexer->at++; (c = peek(lexer, 0)) >= 0 && (c != quote || peek(lexer, 1) == quote);
	     lexer->at++) {
		if (c == quote || c == '\\') {
			escapes = true;
			lexer->at++;
		}
	}
	if (c < 0)
		return bad("a quoted text has no end", from);
	to = lexer->at++;
	token.text = (struct store_str){lexer->text.bytes + from + 1, to - from - 1};
	if (!escapes)
		return token;
	if ((bytes = store_arena_alloc(lexer->arena, token.text.size)) == NULL)
		return bad("the query is too large", from);
	token.text.size = unescape(lexer, from + 1, to, (char)quote, bytes);
	token.text.bytes = bytes;
	return token;
}

static struct sql_token
lex_number(struct sql_lexer *lexer)
{
	uint32_t from = lexer->at;
	int c = peek(lexer, 1);

	if (peek(lexer, 0) == '0' && (c == 'x' || c == 'X')) {
		for (lexer->at += 2; peek(lexer, 0) >= 0 && isxdigit(peek(lexer, 0));)
			lexer->at++;
		return token(SQL_NUMBER, lexer, from);
	}
	while (peek(lexer, 0) >= 0 && isdigit(peek(lexer, 0)))
		lexer->at++;
	if (peek(lexer, 0) == '.')
		lexer->at++;
	while (peek(lexer, 0) >= 0 && isdigit(peek(lexer, 0)))
		lexer->at++;
	c = peek(lexer, 0);
	if (c == 'e' || c == 'E') {
		uint32_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-' ? 2 : 1;

		c = peek(lexer, sign);
		if (c < 0 || !isdigit(c))
			return bad("a number has no digits after its exponent", from);
		for (lexer->at += sign; peek(lexer, 0) >= 0 && isdigit(peek(lexer, 0));)
			lexer->at++;
	}
	if (is_word(peek(lexer, 0)))
		return bad("a number is followed by letters", from);
	return token(SQL_NUMBER, lexer, from);
}

static struct sql_token
lex_punctuation(struct sql_lexer *lexer)
{
	static const char *const pairs[] = {"==", "!=", "<>", "<=", ">=", "||", "::", "->"};
	uint32_t from = lexer->at;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (peek(lexer, 0) == pairs[i][0] && peek(lexer, 1) == pairs[i][1]) {
			lexer->at += 2;
			return token(SQL_PUNCTUATION, lexer, from);
		}
	}
	if (peek(lexer, 0) == '\0' || strchr("()[]{},.;?:=<>+-*/%", peek(lexer, 0)) == NULL)
		return bad("a character that no query has", from);
	lexer->at++;
	return token(SQL_PUNCTUATION, lexer, from);
}

struct sql_token
sql_lex(struct sql_lexer *lexer)
{
	uint32_t from = lexer->at;
	int c;

	if (!skip_space(lexer))
		return bad("a comment has no end", from);
	from = lexer->at;
	if ((c = peek(lexer, 0)) < 0)
		return token(SQL_END, lexer, from);
	if (c == '\'' || c == '"' || c == '`')
		return lex_quoted(lexer);
	if (isdigit(c) || (c == '.' && peek(lexer, 1) >= 0 && isdigit(peek(lexer, 1))))
		return lex_number(lexer);
	if (is_word_start(c)) {
		while (is_word(peek(lexer, 0)))
			lexer->at++;
		return token(SQL_WORD, lexer, from);
	}
	return lex_punctuation(lexer);
}
