/*
 * Query text to tokens, one at a time. Pure; any bytes.
 */
#ifndef SQL_LEX_H
#define SQL_LEX_H

#include "store.h"

enum sql_token_type {
	SQL_END,
	SQL_WORD,       /* a bare word: keyword or identifier */
	SQL_IDENTIFIER, /* in "double quotes" or `backticks` */
	SQL_NUMBER,
	SQL_STRING,
	SQL_PUNCTUATION, /* one of the operators and brackets */
	SQL_BAD,         /* `text` says why */
};

struct sql_token {
	enum sql_token_type type;
	struct store_str text; /* WORD, NUMBER, PUNCTUATION: as written; STRING and
				  IDENTIFIER: unescaped; BAD: the reason */
	uint32_t offset;       /* in the query */
};

struct sql_lexer {
	struct store_str text;
	uint32_t at;
	struct store_arena *arena; /* for unescaped strings */
};

/* The next token; SQL_BAD also when memory runs out. */
struct sql_token sql_lex(struct sql_lexer *lexer);

#endif
