/*
 * tree.h. Between the bytes of a foreign beacon and its decoder; pure.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static struct tree *
new_node(struct store_arena *arena, enum json_type type)
{
	struct tree *node = store_arena_zalloc(arena, sizeof *node);

	if (node != NULL) {
		node->type = type;
		node->name.bytes = node->text.bytes = "";
	}
	return node;
}

static bool read_value(struct json *json, struct tree *node);

/* Members of an object or elements of an array; JSON_DEPTH_MAX ends it. */
static bool
read_children(struct json *json, struct tree *parent)
{
	struct tree **end = &parent->first;
	struct store_str name = {"", 0};
	bool object = parent->type == JSON_OBJECT;

	if (!json_enter(json))
		return false;
	for (bool first = true;
	     object ? json_member(json, first, &name) : json_element(json, first); first = false) {
		struct tree *node = new_node(json->arena, json_peek(json));

		if (node == NULL) {
			json->no_memory = true;
			return false;
		}
		node->name = name;
		*end = node;
		end = &node->next;
		if (!read_value(json, node))
			return false;
	}
	return json->error == NULL;
}

static bool
read_value(struct json *json, struct tree *node)
{
	bool ignored;

	switch (node->type) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return read_children(json, node);
	case JSON_STRING:
		return json_string(json, &node->text);
	case JSON_NUMBER:
		return json_number(json, &node->number, &ignored);
	case JSON_ERROR:
		return false;
	default:
		return json_skip(json);
	}
}

struct tree *
tree_parse(struct store_str text, struct store_arena *arena, const char **error)
{
	struct tree *root;
	struct json json;

	json_init(&json, text, arena);
	root = new_node(arena, json_peek(&json));
	*error = NULL;
	if (root != NULL && read_value(&json, root) && json_end(&json))
		return root;
	if (root != NULL && !json.no_memory)
		*error = json.error == NULL ? "not JSON" : json.error;
	return NULL;
}

/* ---- JSURL ----------------------------------------------------------- */

struct jsurl {
	struct store_str text;
	uint32_t at, depth;
	struct store_arena *arena;
};

static char
look(const struct jsurl *jsurl)
{
	return jsurl->at < jsurl->text.size ? jsurl->text.bytes[jsurl->at] : '\0';
}

static bool
skip(struct jsurl *jsurl, char c)
{
	if (look(jsurl) != c || jsurl->at >= jsurl->text.size)
		return false;
	jsurl->at++;
	return true;
}

/* *XX and **XXXX are UTF-16 units, ! is $. Halves of surrogate pairs become
 * U+FFFD. No longer than it was: room for the rest of all would be too much for
 * each of many. */
static bool
read_text(struct jsurl *jsurl, struct store_str *out)
{
	uint32_t end = jsurl->at, written = 0;
	char *bytes;

	while (end < jsurl->text.size && jsurl->text.bytes[end] != '~' &&
	       jsurl->text.bytes[end] != ')')
		end++;
	if ((bytes = store_arena_alloc(jsurl->arena, end - jsurl->at + 1u)) == NULL)
		return false;
	while (jsurl->at < end) {
		const char *from = jsurl->text.bytes + jsurl->at;
		uint32_t left = end - jsurl->at;
		uint32_t stars = from[0] != '*' ? 0 : left > 1 && from[1] == '*' ? 2 : 1;
		int code;

		if (stars == 0) {
			bytes[written++] = from[0] == '!' ? '$' : from[0];
			jsurl->at++;
			continue;
		}
		if (left < stars + 2 * stars || (code = json_hex(from + stars, 2 * stars)) < 0)
			return false;
		if (code >= 0xd800 && code < 0xe000)
			code = 0xfffd;
		written += json_put_utf8(bytes + written, (uint32_t)code);
		jsurl->at += 3 * stars;
	}
	*out = (struct store_str){bytes, written};
	return json_is_utf8(*out);
}

static struct tree *read_jsurl(struct jsurl *jsurl);

/* Behind the bracket; an array's elements begin with ~, an object's members are
 * separated by it. */
static struct tree *
read_list(struct jsurl *jsurl)
{
	bool array = look(jsurl) == '~';
	struct tree *node = new_node(jsurl->arena, array ? JSON_ARRAY : JSON_OBJECT);
	struct tree **end;

	if (node == NULL || ++jsurl->depth > JSON_DEPTH_MAX)
		return NULL;
	end = &node->first;
	while (look(jsurl) != ')') {
		struct store_str name = {"", 0};

		if (array && jsurl->text.size - jsurl->at > 1 &&
		    jsurl->text.bytes[jsurl->at + 1] == ')') {
			jsurl->at++; /* an empty array is (~) */
			break;
		}
		if (!array &&
		    ((node->first != NULL && !skip(jsurl, '~')) || !read_text(jsurl, &name)))
			return NULL;
		if ((*end = read_jsurl(jsurl)) == NULL)
			return NULL;
		(*end)->name = name;
		end = &(*end)->next;
	}
	jsurl->depth--;
	return skip(jsurl, ')') ? node : NULL;
}

static struct tree *
read_jsurl(struct jsurl *jsurl)
{
	struct tree *node;
	struct store_str word;

	if (!skip(jsurl, '~'))
		return NULL;
	if (skip(jsurl, '('))
		return read_list(jsurl);
	if (skip(jsurl, '\'')) {
		node = new_node(jsurl->arena, JSON_STRING);
		return node != NULL && read_text(jsurl, &node->text) ? node : NULL;
	}
	if (!read_text(jsurl, &word) || (node = new_node(jsurl->arena, JSON_NULL)) == NULL)
		return NULL;
	if (tree_to_number(word, &node->number))
		node->type = JSON_NUMBER;
	else if (word.size == 4 && memcmp(word.bytes, "true", 4) == 0)
		node->type = JSON_TRUE;
	else if (word.size == 5 && memcmp(word.bytes, "false", 5) == 0)
		node->type = JSON_FALSE;
	else if (word.size != 4 || memcmp(word.bytes, "null", 4) != 0)
		return NULL;
	return node;
}

struct tree *
tree_parse_jsurl(struct store_str text, struct store_arena *arena)
{
	struct jsurl jsurl = {.text = text, .arena = arena};
	struct tree *root = read_jsurl(&jsurl);

	return jsurl.at == text.size ? root : NULL;
}

/* ---- reading --------------------------------------------------------- */

const struct tree *
tree_member(const struct tree *object, const char *name)
{
	const struct tree *node =
	    object != NULL && object->type == JSON_OBJECT ? object->first : NULL;

	while (node != NULL && !(node->name.size == strlen(name) &&
				 memcmp(node->name.bytes, name, node->name.size) == 0))
		node = node->next;
	return node;
}

struct store_str
tree_string(const struct tree *object, const char *name)
{
	const struct tree *node = tree_member(object, name);

	return node != NULL && node->type == JSON_STRING ? node->text : (struct store_str){"", 0};
}

bool
tree_to_number(struct store_str text, double *out)
{
	char copy[40], *end;

	if (text.size == 0 || text.size >= sizeof copy)
		return false;
	memcpy(copy, text.bytes, text.size);
	copy[text.size] = '\0';
	if (strspn(copy, "0123456789+-.eE") != text.size)
		return false;
	*out = strtod(copy, &end);
	return *end == '\0' && isfinite(*out);
}

bool
tree_number(const struct tree *object, const char *name, double *out)
{
	const struct tree *node = tree_member(object, name);

	if (node == NULL || node->type != JSON_NUMBER)
		return node != NULL && node->type == JSON_STRING && tree_to_number(node->text, out);
	*out = node->number;
	return true;
}

/* ---- printing -------------------------------------------------------- */

struct printer {
	bool (*keep)(const struct tree *node, struct store_arena *arena, struct store_str *text);
	struct store_arena *arena;
	char *bytes;
	uint32_t size, size_max;
	bool failed;
};

static void
put(struct printer *printer, const char *bytes, uint32_t size)
{
	if (printer->size_max - printer->size < size) {
		uint32_t size_max = (printer->size + size) * 2 + 256;
		char *grown = store_arena_alloc(printer->arena, size_max);

		if (grown == NULL || printer->failed) {
			printer->failed = true;
			return;
		}
		if (printer->size > 0)
			memcpy(grown, printer->bytes, printer->size);
		printer->bytes = grown;
		printer->size_max = size_max;
	}
	memcpy(printer->bytes + printer->size, bytes, size);
	printer->size += size;
}

static void
put_string(struct printer *printer, struct store_str text)
{
	put(printer, "\"", 1);
	for (uint32_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.bytes[i];
		char escape[8];

		if (c == '"' || c == '\\' || c < 0x20) {
			snprintf(escape, sizeof escape, c < 0x20 ? "\\u%04x" : "\\%c", c);
			put(printer, escape, (uint32_t)strlen(escape));
		} else {
			put(printer, text.bytes + i, 1);
		}
	}
	put(printer, "\"", 1);
}

static void print_value(struct printer *printer, const struct tree *node);

static void
print_children(struct printer *printer, const struct tree *parent)
{
	bool object = parent->type == JSON_OBJECT, first = true;

	put(printer, object ? "{" : "[", 1);
	for (const struct tree *node = parent->first; node != NULL; node = node->next) {
		struct tree copy = *node;

		if (printer->keep != NULL && !printer->keep(node, printer->arena, &copy.text))
			continue;
		if (!first)
			put(printer, ",", 1);
		first = false;
		if (object) {
			put_string(printer, node->name);
			put(printer, ":", 1);
		}
		print_value(printer, &copy);
	}
	put(printer, object ? "}" : "]", 1);
}

static void
print_value(struct printer *printer, const struct tree *node)
{
	char number[32];

	switch (node->type) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		print_children(printer, node);
		break;
	case JSON_STRING:
		put_string(printer, node->text);
		break;
	case JSON_NUMBER:
		snprintf(number, sizeof number, "%.15g", node->number);
		put(printer, number, (uint32_t)strlen(number));
		break;
	default:
		put(printer,
		    node->type == JSON_TRUE    ? "true"
		    : node->type == JSON_FALSE ? "false"
					       : "null",
		    node->type == JSON_FALSE ? 5 : 4);
	}
}

struct store_str
tree_print(const struct tree *tree,
	   bool (*keep)(const struct tree *node, struct store_arena *arena, struct store_str *text),
	   struct store_arena *arena)
{
	struct printer printer = {.keep = keep, .arena = arena};

	print_value(&printer, tree);
	return printer.failed ? (struct store_str){"", 0}
			      : (struct store_str){printer.bytes, printer.size};
}
