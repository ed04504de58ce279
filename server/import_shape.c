/*
 * import_shape.h. Before the decoders, which read the object again; pure.
 */
#include <string.h>

#include "decode.h"
#include "import_shape.h"

#define MARK(name, mark) {name, sizeof name - 1, mark},

static const struct {
	const char *name;
	uint32_t size;
	unsigned mark;
} marks[] = {
    MARK("v", IS_NATIVE) MARK("view", IS_NATIVE) MARK("meta", HAS_META) MARK(
	"measurements", HAS_FARO) MARK("exceptions", HAS_FARO) MARK("logs", HAS_FARO)
	MARK("events", HAS_FARO) MARK("traces", HAS_FARO) MARK("name", HAS_NAME) MARK(
	    "value", HAS_VALUE) MARK("id", HAS_ID) MARK("pid", HAS_PID) MARK("csp-report", IS_CSP)
	    MARK("type", HAS_TYPE) MARK("body", HAS_BODY) MARK("request", HAS_REQUEST)
		MARK("request_uri", HAS_REQUEST) MARK("RequestPath", HAS_REQUEST)
		    MARK("uri", HAS_TARGET) MARK("path", HAS_TARGET) MARK("method", HAS_TARGET)
			MARK("request_method", HAS_TARGET) MARK("status", HAS_TARGET)
			    MARK("timeOnPage", HAS_TIME_ON_PAGE) MARK("stack", HAS_ERROR)
				MARK("filename", HAS_ERROR) MARK("lcp", HAS_METRIC)
				    MARK("fcp", HAS_METRIC) MARK("cls", HAS_METRIC)
					MARK("inp", HAS_METRIC) MARK("fid", HAS_METRIC) MARK(
					    "ttfb", HAS_METRIC) MARK("totalLoadTime", HAS_METRIC)
					    MARK("domProcessing", HAS_METRIC)
						MARK("element", HAS_ELEMENT)
						    MARK("formId", HAS_ELEMENT)
							MARK("formName", HAS_ELEMENT)
							    MARK("sessionId", HAS_PLAIN)
								MARK("timestamp", HAS_PLAIN)};

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
			if (name.size == marks[i].size &&
			    memcmp(name.bytes, marks[i].name, name.size) == 0)
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
