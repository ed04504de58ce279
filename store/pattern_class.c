/*
 * Characters and classes of a pattern: the parser's lower half. Below
 * pattern_parse.c; must not know what stands between characters.
 */
#include <string.h>

#include "pattern_inside.h"

#define CHARACTER_MAX 0x10ffffu

uint32_t
pattern_character(struct store_str text, uint32_t at, uint32_t *size)
{
	unsigned char first = (unsigned char)text.bytes[at];
	uint32_t bytes = first < 0xc2   ? 1
			 : first < 0xe0 ? 2
			 : first < 0xf0 ? 3
			 : first < 0xf5 ? 4
					: 1;
	uint32_t value = bytes == 1 ? first : first & (0xffu >> (bytes + 1));

	*size = 1;
	if (bytes == 1 || text.size - at < bytes)
		return first;
	for (uint32_t i = 1; i < bytes; i++) {
		unsigned char next = (unsigned char)text.bytes[at + i];

		if ((next & 0xc0) != 0x80)
			return first;
		value = value << 6 | (next & 0x3f);
	}
	*size = bytes;
	return value;
}

void *
pattern_fail(struct pattern_parser *parser, const char *why)
{
	if (parser->why == NULL)
		parser->why = why;
	return NULL;
}

bool
pattern_at_end(const struct pattern_parser *parser)
{
	return parser->at == parser->text.size;
}

bool
pattern_is_at(const struct pattern_parser *parser, const char *what)
{
	uint32_t size = (uint32_t)strlen(what);

	return parser->text.size - parser->at >= size &&
	       memcmp(parser->text.bytes + parser->at, what, size) == 0;
}

bool
pattern_take(struct pattern_parser *parser, const char *what)
{
	if (!pattern_is_at(parser, what))
		return false;
	parser->at += (uint32_t)strlen(what);
	return true;
}

uint32_t
pattern_next(struct pattern_parser *parser)
{
	uint32_t size, c = pattern_character(parser->text, parser->at, &size);

	parser->at += size;
	return c;
}

struct pattern_node *
pattern_make(struct pattern_parser *parser, enum pattern_kind kind, struct pattern_node *left,
	     struct pattern_node *right)
{
	struct pattern_node *node = store_arena_zalloc(parser->arena, sizeof *node);

	if (node == NULL)
		return NULL;
	node->kind = kind;
	node->left = left;
	node->right = right;
	return node;
}

/* ---- classes --------------------------------------------------------- */

bool
pattern_add_range(struct pattern_parser *parser, struct pattern_class *class, uint32_t from,
		  uint32_t to)
{
	if (class->count == class->max) {
		uint32_t max = class->max == 0 ? 4 : class->max * 2;
		struct pattern_range *ranges =
		    store_arena_alloc(parser->arena, max * sizeof *ranges);

		if (ranges == NULL)
			return false;
		if (class->count > 0)
			memcpy(ranges, class->ranges, class->count * sizeof *ranges);
		class->ranges = ranges;
		class->max = max;
	}
	class->ranges[class->count++] = (struct pattern_range){from, to};
	return true;
}

static const struct {
	const char *name; /* [:name:], or the letter after \ */
	const char *ranges;
} sets[] = {{"d", "09"},         {"w", "09AZ__az"},    {"s", "\t\n\f\r  "},   {"alpha", "AZaz"},
	    {"digit", "09"},     {"alnum", "09AZaz"},  {"upper", "AZ"},       {"lower", "az"},
	    {"space", "\t\r  "}, {"xdigit", "09AFaf"}, {"punct", "!/:@[`{~"}, {"word", "09AZ__az"}};

/* Its ranges, or all others. */
static bool
add_set(struct pattern_parser *parser, struct pattern_class *class, size_t set, bool negated)
{
	const char *ranges = sets[set].ranges;
	uint32_t next = 0;

	for (; ranges[0] != '\0'; ranges += 2) {
		uint32_t from = (unsigned char)ranges[0], to = (unsigned char)ranges[1];

		if (!negated && !pattern_add_range(parser, class, from, to))
			return false;
		if (negated && from > next && !pattern_add_range(parser, class, next, from - 1))
			return false;
		next = to + 1;
	}
	return !negated || pattern_add_range(parser, class, next, CHARACTER_MAX);
}

/* \d, \W ... at the letter; false, without an error, when it is none. */
bool
pattern_take_set(struct pattern_parser *parser, struct pattern_class *class)
{
	char letter = pattern_at_end(parser) ? '\0' : parser->text.bytes[parser->at];

	for (size_t i = 0; i < 3; i++) {
		if ((letter | 0x20) == sets[i].name[0]) {
			parser->at++;
			add_set(parser, class, i, (letter & 0x20) == 0);
			return true;
		}
	}
	return false;
}

static uint32_t
hexadecimal(struct pattern_parser *parser)
{
	bool braces = pattern_take(parser, "{");
	uint32_t value = 0, digits = 0;

	for (; digits < (braces ? 6u : 2u) && !pattern_at_end(parser); digits++, parser->at++) {
		char c = parser->text.bytes[parser->at];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
				 : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
				     ? (uint32_t)((c | 0x20) - 'a' + 10)
				     : 16;

		if (digit == 16)
			break;
		value = value * 16 + digit;
	}
	if (digits == 0 || value > CHARACTER_MAX || (braces && !pattern_take(parser, "}")))
		pattern_fail(parser, "invalid escape sequence");
	return value;
}

/* The character that follows a backslash. */
uint32_t
pattern_escaped(struct pattern_parser *parser)
{
	static const char from[] = "ntrfva", to[] = "\n\t\r\f\v\a";
	const char *found;
	uint32_t c;

	if (pattern_at_end(parser)) {
		pattern_fail(parser, "trailing \\");
		return 0;
	}
	c = pattern_next(parser);
	if (c == 'x')
		return hexadecimal(parser);
	if (c < 128 && c != 0 && (found = strchr(from, (int)c)) != NULL)
		return (unsigned char)to[found - from];
	if ((c >= '0' && c <= '9') || (c < 128 && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
		pattern_fail(parser, "invalid escape sequence");
	return c;
}

/* [:alpha:] and [:^alpha:] */
static bool
take_posix(struct pattern_parser *parser, struct pattern_class *class)
{
	bool negated;

	if (!pattern_take(parser, "[:"))
		return false;
	negated = pattern_take(parser, "^");
	for (size_t i = 3; i < sizeof sets / sizeof *sets; i++) {
		uint32_t at = parser->at;

		if (pattern_take(parser, sets[i].name) && pattern_take(parser, ":]")) {
			add_set(parser, class, i, negated);
			return true;
		}
		parser->at = at;
	}
	pattern_fail(parser, "invalid character class");
	return true;
}

struct pattern_node *
pattern_make_class(struct pattern_parser *parser)
{
	struct pattern_node *node = pattern_make(parser, PATTERN_CLASS, NULL, NULL);

	if (node == NULL ||
	    (node->class = store_arena_zalloc(parser->arena, sizeof *node->class)) == NULL)
		return NULL;
	node->class->folded = parser->fold;
	return node;
}

/* After the opening bracket. */
struct pattern_node *
pattern_parse_class(struct pattern_parser *parser)
{
	struct pattern_node *node = pattern_make_class(parser);
	bool first = true;

	if (node == NULL)
		return NULL;
	node->class->negated = pattern_take(parser, "^");
	for (; first || !pattern_take(parser, "]"); first = false) {
		uint32_t from, to;

		if (pattern_at_end(parser))
			return pattern_fail(parser, "missing ]");
		if (take_posix(parser, node->class))
			continue;
		if (pattern_take(parser, "\\")) {
			if (pattern_take_set(parser, node->class))
				continue;
			from = pattern_escaped(parser);
		} else {
			from = pattern_next(parser);
		}
		to = from;
		if (pattern_is_at(parser, "-") && !pattern_is_at(parser, "-]")) {
			parser->at++;
			if (pattern_at_end(parser))
				return pattern_fail(parser, "missing ]");
			to = pattern_take(parser, "\\") ? pattern_escaped(parser)
							: pattern_next(parser);
		}
		if (from > to)
			return pattern_fail(parser, "invalid character class range");
		if (!pattern_add_range(parser, node->class, from, to))
			return NULL;
	}
	return node;
}
