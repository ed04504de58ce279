/*
 * import_shape.h. Before the decoders, which read the object again; pure.
 */
#include <string.h>

#include "decode.h"
#include "import_shape.h"

static const struct {
	const char *name;
	unsigned mark;
} marks[] = {
    {"v", IS_NATIVE},
    {"view", IS_NATIVE},
    {"meta", HAS_META},
    {"measurements", HAS_FARO},
    {"exceptions", HAS_FARO},
    {"logs", HAS_FARO},
    {"events", HAS_FARO},
    {"traces", HAS_FARO},
    {"name", HAS_NAME},
    {"value", HAS_VALUE},
    {"id", HAS_ID},
    {"pid", HAS_PID},
    {"csp-report", IS_CSP},
    {"type", HAS_TYPE},
    {"body", HAS_BODY},
    {"request", HAS_REQUEST},
    {"request_uri", HAS_REQUEST},
    {"RequestPath", HAS_REQUEST},
    {"uri", HAS_TARGET},
    {"path", HAS_TARGET},
    {"method", HAS_TARGET},
    {"request_method", HAS_TARGET},
    {"status", HAS_TARGET},
    {"timeOnPage", HAS_TIME_ON_PAGE},
    {"stack", HAS_ERROR},
    {"filename", HAS_ERROR},
    {"lcp", HAS_METRIC},
    {"fcp", HAS_METRIC},
    {"cls", HAS_METRIC},
    {"inp", HAS_METRIC},
    {"fid", HAS_METRIC},
    {"ttfb", HAS_METRIC},
    {"totalLoadTime", HAS_METRIC},
    {"domProcessing", HAS_METRIC},
    {"element", HAS_ELEMENT},
    {"formId", HAS_ELEMENT},
    {"formName", HAS_ELEMENT},
    {"sessionId", HAS_PLAIN},
    {"timestamp", HAS_PLAIN},
};

#define MARKS_COUNT (sizeof marks / sizeof *marks)

static void
put_string(struct import_shape *shape, struct store_str name, struct store_str value)
{
	if (decode_is(name, "type"))
		shape->type = value;
	else if (decode_is(name, "message"))
		shape->message = value, shape->error_message = true;
	else if (decode_is(name, "log") || decode_is(name, "MESSAGE") || decode_is(name, "msg"))
		shape->message = value;
	else if (decode_is(name, "ip"))
		shape->address = value;
	else if (decode_is(name, "ua"))
		shape->user_agent = value;
	else if (decode_is(name, "site"))
		shape->site = value;
}

bool
import_shape_read(struct json *json, struct import_shape *shape)
{
	struct store_str name, value;
	bool first = true, integer;
	double number;

	memset(shape, 0, sizeof *shape);
	if (json_peek(json) != JSON_OBJECT || !json_enter(json))
		return false;
	for (; json_member(json, first, &name); first = false) {
		for (size_t i = 0; i < MARKS_COUNT; i++) {
			if (decode_is(name, marks[i].name))
				shape->marks |= marks[i].mark;
		}
		if (json_peek(json) == JSON_STRING) {
			if (!json_string(json, &value))
				return false;
			put_string(shape, name, value);
		} else if (decode_is(name, "t") && json_peek(json) == JSON_NUMBER) {
			if (!json_number(json, &number, &integer))
				return false;
			shape->time_ms = number >= 1 && number < 1e15 ? (int64_t)number : 0;
		} else if (!json_skip(json)) {
			return false;
		}
	}
	return json->error == NULL;
}

static bool
has(const struct import_shape *shape, unsigned wanted)
{
	return (shape->marks & wanted) == wanted;
}

enum import_format
import_shape_format(const struct import_shape *shape)
{
	if (shape->marks & IS_NATIVE)
		return IMPORT_NATIVE;
	if (shape->marks & HAS_REQUEST)
		return IMPORT_JSON_LOG;
	if (has(shape, HAS_META | HAS_FARO))
		return IMPORT_FARO;
	if (has(shape, HAS_NAME | HAS_VALUE | HAS_ID))
		return IMPORT_VITALS;
	if (shape->marks & IS_CSP || has(shape, HAS_TYPE | HAS_BODY))
		return IMPORT_REPORTS;
	if (shape->marks & HAS_PID)
		return IMPORT_BOOMERANG;
	if (shape->marks & (HAS_TIME_ON_PAGE | HAS_METRIC) ||
	    (shape->marks & HAS_PLAIN && shape->marks & (HAS_TYPE | HAS_ERROR)))
		return IMPORT_PLAIN;
	if (shape->marks & HAS_TARGET)
		return IMPORT_JSON_LOG;
	return IMPORT_AUTO;
}
