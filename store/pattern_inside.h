/* What pattern_class.c, pattern_parse.c, pattern_compile.c and pattern_match.c share: the tree
 * of a pattern and its program. */
#ifndef PATTERN_INSIDE_H
#define PATTERN_INSIDE_H

#include "pattern.h"

enum pattern_kind {
	PATTERN_EMPTY,
	PATTERN_CLASS, /* one character out of ranges */
	PATTERN_ASSERTION,
	PATTERN_SEQUENCE, /* left, right */
	PATTERN_EITHER,   /* left or right */
	PATTERN_REPEAT,   /* left, least .. most times */
	PATTERN_GROUP,    /* left, captured as `group` */
};

enum pattern_assertion {
	PATTERN_TEXT_BEGIN,
	PATTERN_TEXT_END,
	PATTERN_LINE_BEGIN,
	PATTERN_LINE_END,
	PATTERN_WORD_EDGE,
	PATTERN_NO_WORD_EDGE,
};

struct pattern_range {
	uint32_t from, to;
};

/* Ranges of characters; those of a text of one character too. */
struct pattern_class {
	struct pattern_range *ranges;
	uint32_t count, max;
	bool negated, folded; /* folded: ASCII letters of either case */
};

#define PATTERN_UNBOUNDED UINT32_MAX

struct pattern_node {
	enum pattern_kind kind;
	struct pattern_node *left, *right;
	struct pattern_class *class;
	enum pattern_assertion assertion;
	uint32_t least, most, group;
	bool lazy;
};

enum pattern_operation {
	PATTERN_TAKE,  /* a character of `class`, then the next instruction */
	PATTERN_SPLIT, /* x first, then y */
	PATTERN_JUMP,  /* x */
	PATTERN_SAVE,  /* the place as bound x */
	PATTERN_CHECK, /* `assertion` */
	PATTERN_DONE,
};

struct pattern_instruction {
	enum pattern_operation operation;
	uint32_t x, y;
	const struct pattern_class *class;
	enum pattern_assertion assertion;
};

struct pattern {
	struct pattern_instruction *program;
	uint32_t count, max;
	uint32_t groups_count;
};

/* pattern_parse.c: NULL with *why, or without when memory runs out. */
struct pattern_node *pattern_parse(struct store_str text, struct store_arena *arena,
				   uint32_t *groups_count, const char **why);

struct pattern_parser {
	struct store_str text;
	uint32_t at, depth, groups_count;
	struct store_arena *arena;
	const char *why; /* the first error */
	bool fold, line_anchors, dot_stops, ungreedy;
};

/* pattern_class.c. All that return a node return NULL with parser->why set, or
 * without when memory runs out. */
void *pattern_fail(struct pattern_parser *parser, const char *why);
bool pattern_at_end(const struct pattern_parser *parser);
bool pattern_is_at(const struct pattern_parser *parser, const char *what);
/* Takes it if it is there. */
bool pattern_take(struct pattern_parser *parser, const char *what);
uint32_t pattern_next(struct pattern_parser *parser);
struct pattern_node *pattern_make(struct pattern_parser *parser, enum pattern_kind kind,
				  struct pattern_node *left, struct pattern_node *right);
struct pattern_node *pattern_make_class(struct pattern_parser *parser);
/* One more range; false when memory runs out. */
bool pattern_add_range(struct pattern_parser *parser, struct pattern_class *class, uint32_t from,
		       uint32_t to);
/* \d, \W ... at the letter; false, without an error, when it is none. */
bool pattern_take_set(struct pattern_parser *parser, struct pattern_class *class);
/* The character that follows a backslash. */
uint32_t pattern_escaped(struct pattern_parser *parser);
/* After the opening bracket. */
struct pattern_node *pattern_parse_class(struct pattern_parser *parser);

/* The character at `at` < size; *size its bytes. */
uint32_t pattern_character(struct store_str text, uint32_t at, uint32_t *size);

#endif
