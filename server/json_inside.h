/* What json*.c share. Nothing else includes this. */
#ifndef JSON_INSIDE_H
#define JSON_INSIDE_H

#include "json.h"

/* Notes the error, unless there is one; false. */
bool json_fail(struct json *json, const char *error);

/* The next byte; -1: none is left. */
static inline int
json_next(const struct json *json)
{
	return json->at < json->size ? (unsigned char)json->bytes[json->at] : -1;
}

static inline void
json_skip_space(struct json *json)
{
	while (json->at < json->size && (unsigned char)json->bytes[json->at] <= ' ' &&
	       (json_next(json) == ' ' || json_next(json) == '\t' || json_next(json) == '\n' ||
		json_next(json) == '\r'))
		json->at++;
}

#endif
