/*
 * json.h: values, objects and arrays. Below the decoders; any bytes may come.
 * Must not allocate.
 */
#include <string.h>

#include "json_inside.h"

bool
json_fail(struct json *json, const char *error)
{
	if (json->error == NULL)
		json->error = error;
	return false;
}

void
json_init(struct json *json, struct store_str text, struct store_arena *arena)
{
	*json = (struct json){.bytes = text.bytes, .size = text.size, .arena = arena};
}

const uint8_t json_types[256] = {
    ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,          ['"'] = JSON_STRING, ['-'] = JSON_NUMBER,
    ['t'] = JSON_TRUE,   ['0' ... '9'] = JSON_NUMBER, ['f'] = JSON_FALSE,  ['n'] = JSON_NULL,
};

enum json_type
json_peek_on(struct json *json)
{
	int c;

	if (json->error != NULL)
		return JSON_ERROR;
	json_skip_space(json);
	if ((c = json_next(json)) >= 0 && json_types[c] != JSON_ERROR)
		return (enum json_type)json_types[c];
	json_fail(json, c < 0 ? "the text ends too early" : "not JSON");
	return JSON_ERROR;
}

const char *
json_type_name(enum json_type type)
{
	static const char *const names[] = {"nothing",  "an object", "an array", "a string",
					    "a number", "true",      "false",    "null"};

	return names[type];
}

bool
json_enter(struct json *json)
{
	if (json->depth >= JSON_DEPTH_MAX)
		return json_fail(json, "nested deeper than 16");
	json->depth++;
	json->at++;
	return true;
}

/* After `{`, `[` or a value: true when another one follows. */
static bool
separator(struct json *json, bool first, char end)
{
	if (json->error != NULL)
		return false;
	json_skip_space(json);
	if (json_next(json) == end) {
		json->at++;
		json->depth--;
		return false;
	}
	if (first)
		return true;
	if (json_next(json) != ',')
		return json_fail(json, "expected , or the end of the object or array");
	json->at++;
	json_skip_space(json);
	if (json_next(json) == end)
		return json_fail(json, "a comma too many");
	return true;
}

bool
json_member(struct json *json, bool first, struct store_str *name)
{
	if (!separator(json, first, '}'))
		return false;
	json_skip_space(json);
	if (json_next(json) != '"')
		return json_fail(json, "expected a member's name in quotes");
	if (!json_string(json, name))
		return false;
	json_skip_space(json);
	if (json_next(json) != ':')
		return json_fail(json, "expected : after a member's name");
	json->at++;
	return true;
}

bool
json_element(struct json *json, bool first)
{
	return separator(json, first, ']');
}

static bool
word(struct json *json, const char *expected)
{
	uint32_t size = (uint32_t)strlen(expected);

	if (json->size - json->at < size || memcmp(json->bytes + json->at, expected, size) != 0)
		return json_fail(json, "not JSON");
	json->at += size;
	return true;
}

bool
json_bool(struct json *json, bool *out)
{
	enum json_type type = json_peek(json);

	*out = type == JSON_TRUE;
	if (type != JSON_TRUE && type != JSON_FALSE)
		return json_fail(json, "expected true or false");
	return word(json, *out ? "true" : "false");
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
bool
json_skip(struct json *json)
{
	struct store_str string;
	double number;
	bool flag, first = true;

	switch (json_peek(json)) {
	case JSON_OBJECT:
		if (!json_enter(json))
			return false;
		for (; json_member(json, first, &string); first = false) {
			if (!json_skip(json))
				return false;
		}
		return json->error == NULL;
	case JSON_ARRAY:
		if (!json_enter(json))
			return false;
		for (; json_element(json, first); first = false) {
			if (!json_skip(json))
				return false;
		}
		return json->error == NULL;
	case JSON_STRING:
		return json_string(json, &string);
	case JSON_NUMBER:
		return json_number(json, &number, &flag);
	case JSON_TRUE:
	case JSON_FALSE:
		return json_bool(json, &flag);
	case JSON_NULL:
		return word(json, "null");
	case JSON_ERROR:
		break;
	}
	return false;
}

bool
json_end(struct json *json)
{
	if (json->error != NULL)
		return false;
	json_skip_space(json);
	return json->at == json->size ? true : json_fail(json, "something follows the value");
}
