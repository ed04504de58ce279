/*
 * A pattern's text to its tree, by recursive descent. Must accept any bytes,
 * and bounds the depth of brackets and what {n,m} multiplies.
 */
#include <string.h>

#include "pattern_inside.h"

#define DEPTH_MAX 100u
#define REPEAT_MAX 1000u
#define TEXT_BYTES_MAX 4000u /* the tree is as deep as that */

static struct pattern_node *
parse_literal(struct pattern_parser *parser, uint32_t c)
{
	struct pattern_node *node = pattern_make_class(parser);

	return node == NULL || !pattern_add_range(parser, node->class, c, c) ? NULL : node;
}

static struct pattern_node *parse_either(struct pattern_parser *parser);

static struct pattern_node *
parse_assertion(struct pattern_parser *parser, enum pattern_assertion assertion)
{
	struct pattern_node *node = pattern_make(parser, PATTERN_ASSERTION, NULL, NULL);

	if (node != NULL)
		node->assertion = assertion;
	return node;
}

static struct pattern_node *
parse_escape(struct pattern_parser *parser)
{
	static const struct {
		const char *letter;
		enum pattern_assertion assertion;
	} assertions[] = {{"b", PATTERN_WORD_EDGE},
			  {"B", PATTERN_NO_WORD_EDGE},
			  {"A", PATTERN_TEXT_BEGIN},
			  {"z", PATTERN_TEXT_END}};
	struct pattern_node *node;

	for (size_t i = 0; i < 4; i++) {
		if (pattern_take(parser, assertions[i].letter))
			return parse_assertion(parser, assertions[i].assertion);
	}
	if ((node = pattern_make_class(parser)) == NULL)
		return NULL;
	if (pattern_take_set(parser, node->class))
		return node;
	return parse_literal(parser, pattern_escaped(parser));
}

/* Flags after "(?", as far as ) or :. True when a group follows. */
static bool
parse_flags(struct pattern_parser *parser)
{
	bool on = true;

	for (; !pattern_at_end(parser); parser->at++) {
		switch (parser->text.bytes[parser->at]) {
		case '-':
			on = false;
			break;
		case 'i':
			parser->fold = on;
			break;
		case 'm':
			parser->line_anchors = on;
			break;
		case 's':
			parser->dot_stops = !on;
			break;
		case 'U':
			parser->ungreedy = on;
			break;
		case ':':
			parser->at++;
			return true;
		case ')':
			return false;
		default:
			pattern_fail(parser, "invalid perl operator");
			return false;
		}
	}
	pattern_fail(parser, "missing )");
	return false;
}

/* After the opening bracket. Flags end with the group that sets them. */
static struct pattern_node *
parse_group(struct pattern_parser *parser)
{
	struct pattern_parser flags = *parser;
	bool is_captured = true;
	struct pattern_node *node, *group;
	uint32_t number = 0;

	if (++parser->depth > DEPTH_MAX)
		return pattern_fail(parser, "nesting too deep");
	if (pattern_take(parser, "?P<") || pattern_take(parser, "?<")) {
		while (!pattern_at_end(parser) && !pattern_take(parser, ">"))
			parser->at++;
	} else if (pattern_take(parser, "?")) {
		is_captured = false;
		if (!parse_flags(parser)) { /* (?i): for what follows */
			parser->depth--;
			return parser->why == NULL && pattern_take(parser, ")")
				   ? pattern_make(parser, PATTERN_EMPTY, NULL, NULL)
				   : pattern_fail(parser, "missing )");
		}
	}
	if (is_captured)
		number = ++parser->groups_count;
	node = parse_either(parser);
	parser->depth--;
	if (node == NULL || !pattern_take(parser, ")"))
		return pattern_fail(parser, node == NULL ? parser->why : "missing )");
	parser->fold = flags.fold;
	parser->line_anchors = flags.line_anchors;
	parser->dot_stops = flags.dot_stops;
	parser->ungreedy = flags.ungreedy;
	if (!is_captured)
		return node;
	if ((group = pattern_make(parser, PATTERN_GROUP, node, NULL)) != NULL)
		group->group = number;
	return group;
}

static struct pattern_node *
parse_atom(struct pattern_parser *parser)
{
	struct pattern_node *node;

	if (pattern_take(parser, "("))
		return parse_group(parser);
	if (pattern_take(parser, "["))
		return pattern_parse_class(parser);
	if (pattern_take(parser, "\\"))
		return parse_escape(parser);
	if (pattern_take(parser, "^"))
		return parse_assertion(parser, parser->line_anchors ? PATTERN_LINE_BEGIN
								    : PATTERN_TEXT_BEGIN);
	if (pattern_take(parser, "$"))
		return parse_assertion(parser,
				       parser->line_anchors ? PATTERN_LINE_END : PATTERN_TEXT_END);
	if (pattern_take(parser, ".")) {
		if ((node = pattern_make_class(parser)) == NULL)
			return NULL;
		node->class->negated = true;
		if (parser->dot_stops && !pattern_add_range(parser, node->class, '\n', '\n'))
			return NULL;
		return node;
	}
	if (pattern_is_at(parser, "*") || pattern_is_at(parser, "+") || pattern_is_at(parser, "?"))
		return pattern_fail(parser, "no argument for repetition operator");
	return parse_literal(parser, pattern_next(parser));
}

static bool
take_number(struct pattern_parser *parser, uint32_t *out)
{
	uint32_t from = parser->at;

	for (*out = 0; !pattern_at_end(parser) && parser->text.bytes[parser->at] >= '0' &&
		       parser->text.bytes[parser->at] <= '9' && *out <= REPEAT_MAX;
	     parser->at++)
		*out = *out * 10 + (uint32_t)(parser->text.bytes[parser->at] - '0');
	return parser->at > from;
}

/* {n}, {n,} or {n,m}; what is none of them is a text, as in RE2. */
static bool
take_bounds(struct pattern_parser *parser, uint32_t *least, uint32_t *most)
{
	uint32_t at = parser->at;

	if (pattern_take(parser, "{") && take_number(parser, least)) {
		*most = *least;
		if (pattern_take(parser, ",") && !take_number(parser, most))
			*most = PATTERN_UNBOUNDED;
		if (pattern_take(parser, "}"))
			return true;
	}
	parser->at = at;
	return false;
}

static struct pattern_node *
parse_repeat(struct pattern_parser *parser)
{
	struct pattern_node *node = parse_atom(parser);

	struct pattern_node *repeat;
	uint32_t least = 0, most = PATTERN_UNBOUNDED;

	if (node == NULL || pattern_at_end(parser))
		return node;
	if (pattern_take(parser, "?"))
		most = 1;
	else if (pattern_take(parser, "+"))
		least = 1;
	else if (!pattern_take(parser, "*") && !take_bounds(parser, &least, &most))
		return node;
	if (least > REPEAT_MAX || (most != PATTERN_UNBOUNDED && most > REPEAT_MAX) || least > most)
		return pattern_fail(parser, "bad repetition operator");
	if ((repeat = pattern_make(parser, PATTERN_REPEAT, node, NULL)) == NULL)
		return NULL;
	repeat->least = least;
	repeat->most = most;
	repeat->lazy = pattern_take(parser, "?") != parser->ungreedy;
	if (pattern_is_at(parser, "*") || pattern_is_at(parser, "+") || pattern_is_at(parser, "?"))
		return pattern_fail(parser, "bad repetition operator");
	return repeat;
}

static struct pattern_node *
parse_sequence(struct pattern_parser *parser)
{
	struct pattern_node *node = pattern_make(parser, PATTERN_EMPTY, NULL, NULL);

	while (node != NULL && !pattern_at_end(parser) && !pattern_is_at(parser, "|") &&
	       !pattern_is_at(parser, ")")) {
		struct pattern_node *next = parse_repeat(parser);

		if (next == NULL)
			return NULL;
		node = pattern_make(parser, PATTERN_SEQUENCE, node, next);
	}
	return node;
}

static struct pattern_node *
parse_either(struct pattern_parser *parser)
{
	struct pattern_node *node = parse_sequence(parser);

	while (node != NULL && pattern_take(parser, "|")) {
		struct pattern_node *next = parse_sequence(parser);

		if (next == NULL)
			return NULL;
		node = pattern_make(parser, PATTERN_EITHER, node, next);
	}
	return node;
}

struct pattern_node *
pattern_parse(struct store_str text, struct store_arena *arena, uint32_t *groups_count,
	      const char **why)
{
	struct pattern_parser parser = {.text = text, .arena = arena};
	struct pattern_node *node = text.size > TEXT_BYTES_MAX
					? pattern_fail(&parser, "pattern too large")
					: parse_either(&parser);

	if (node != NULL && !pattern_at_end(&parser))
		node = pattern_fail(&parser, "unexpected )");
	*why = parser.why;
	*groups_count = parser.groups_count;
	return parser.why == NULL ? node : NULL;
}
