/*
 * A small document as a tree: what decoders of other agents walk, whose shapes
 * are too loose for the pull parser alone. Everything is in the caller's arena;
 * strings may point into the text.
 */
#ifndef TREE_H
#define TREE_H

#include "json.h"

struct tree {
	enum json_type type;
	struct store_str name; /* as a member of an object, else "" */
	struct store_str text; /* of a string */
	double number;         /* of a number */
	struct tree *first;    /* of an object or array */
	struct tree *next;     /* sibling */
};

/* NULL when the text is no JSON, with *error set (static), or without memory,
 * with *error NULL. At most JSON_DEPTH_MAX deep. */
struct tree *tree_parse(struct store_str text, struct store_arena *arena, const char **error);

/* The same from JSURL, by which boomerang puts values into a query string:
 * ~(a~'text~b~(~1~true)). NULL: it is none, or no memory. */
struct tree *tree_parse_jsurl(struct store_str text, struct store_arena *arena);

/* The first member of that name, NULL: none, or `object` is none or NULL. */
const struct tree *tree_member(const struct tree *object, const char *name);
/* Of a member that is a string; "" else. */
struct store_str tree_string(const struct tree *object, const char *name);
/* Of a member that is a number, or a string that is one; false else. */
bool tree_number(const struct tree *object, const char *name, double *out);

/* The whole text is a finite decimal number. */
bool tree_to_number(struct store_str text, double *out);

/* As JSON in the arena; strings as `keep` returns them (NULL: as they are),
 * which may leave out a member by returning false. Empty without memory. */
struct store_str
tree_print(const struct tree *tree,
	   bool (*keep)(const struct tree *node, struct store_arena *arena, struct store_str *text),
	   struct store_arena *arena);

#endif
