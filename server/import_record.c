/*
 * One record of an import to events: finds out what it is, by its shape, and
 * calls that decoder. Between import_decode.c and the decoders; pure.
 */
#include <ctype.h>
#include <string.h>

#include "access_log.h"
#include "decode.h"
#include "import.h"

static const char format_names[] =
    "auto, native, web-vitals, boomerang, faro, reports, plain, combined, json-log";

/* ---- names ----------------------------------------------------------- */

bool
import_format_find(struct store_str name, enum import_format *out)
{
	const char *at = format_names;

	*out = IMPORT_AUTO;
	/* What they were called when there were only native beacons. */
	if (decode_is(name, "ndjson") || decode_is(name, "json"))
		return true;
	for (int format = IMPORT_AUTO; format <= IMPORT_JSON_LOG; format++) {
		size_t size = strcspn(at, ",");

		*out = (enum import_format)format;
		if (size == name.size && memcmp(at, name.bytes, size) == 0)
			return true;
		at += size + 2;
	}
	return false;
}

const char *
import_format_names(void)
{
	return format_names;
}

/* ---- shapes ---------------------------------------------------------- */

/* Members that tell what an object is. */
enum mark {
	IS_NATIVE = 1 << 0,
	HAS_META = 1 << 1,
	HAS_FARO = 1 << 2,
	HAS_NAME = 1 << 3,
	HAS_VALUE = 1 << 4,
	HAS_ID = 1 << 5,
	HAS_PID = 1 << 6,
	IS_CSP = 1 << 7,
	HAS_TYPE = 1 << 8,
	HAS_BODY = 1 << 9,
	HAS_REQUEST = 1 << 10,
	HAS_TIME_ON_PAGE = 1 << 11,
	HAS_ERROR = 1 << 12,
	HAS_METRIC = 1 << 13,
	HAS_ELEMENT = 1 << 14,
	HAS_PLAIN = 1 << 15, /* sessionId or timestamp */
	HAS_TARGET = 1 << 16,
};

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

struct shape {
	unsigned marks;
	struct store_str type, message;
	struct store_str address, user_agent, site; /* "ip", "ua", "site" */
	int64_t time_ms;                            /* "t"; 0: absent */
	bool error_message;                         /* has `message` */
};

static void
put_string(struct shape *shape, struct store_str name, struct store_str value)
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

/* Reads one object; false: it is none, or malformed. */
static bool
read_shape(struct json *json, struct shape *shape)
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
has(const struct shape *shape, unsigned wanted)
{
	return (shape->marks & wanted) == wanted;
}

static enum import_format
format_of(const struct shape *shape)
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

/* Of the agent with five paths. */
static event_decoder *
plain_decoder(const struct shape *shape)
{
	struct store_str type = shape->type;

	if (shape->marks & HAS_TIME_ON_PAGE)
		return decode_plain_heartbeat;
	if (shape->marks & HAS_ERROR || shape->error_message)
		return decode_plain_errors;
	if (shape->marks & HAS_METRIC)
		return decode_plain_metrics;
	if (shape->marks & HAS_ELEMENT || decode_is(type, "click") ||
	    decode_is(type, "form_submit"))
		return decode_plain_interactions;
	return decode_plain_business;
}

/* ---- decoders -------------------------------------------------------- */

static struct store_str
trim(struct store_str text)
{
	while (text.size > 0 && (isspace((unsigned char)text.bytes[0]) || text.bytes[0] == '\0'))
		text.bytes++, text.size--;
	while (text.size > 0 && isspace((unsigned char)text.bytes[text.size - 1]))
		text.size--;
	return text;
}

/* A flat object as the form that boomerang sends. */
static struct store_str
form_of(struct store_str text, struct store_arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = store_arena_alloc(arena, text.size * 3u);
	struct store_str form = {out, 0}, name;
	struct json json;
	bool first = true;

	json_init(&json, text, arena);
	if (out == NULL || json_peek(&json) != JSON_OBJECT || !json_enter(&json))
		return (struct store_str){"", 0};
	for (; json_member(&json, first, &name); first = false) {
		bool is_string = json_peek(&json) == JSON_STRING;
		uint32_t begin = json.at;
		struct store_str value;

		if (is_string ? !json_string(&json, &value) : !json_skip(&json))
			break;
		if (!is_string)
			value = (struct store_str){text.bytes + begin, json.at - begin};
		memcpy(out + form.size, name.bytes, name.size);
		form.size += name.size;
		out[form.size++] = '=';
		for (uint32_t i = 0; i < value.size; i++) {
			unsigned char c = (unsigned char)value.bytes[i];

			if (isalnum(c) || c >= 0x80) {
				out[form.size++] = (char)c;
				continue;
			}
			out[form.size++] = '%';
			out[form.size++] = hex[c >> 4];
			out[form.size++] = hex[c & 15];
		}
		out[form.size++] = '&';
	}
	return form;
}

static int
decode_boomerang_record(struct store_str text, const struct event_source *source,
			struct store_arena *arena, struct event_batch *out,
			struct event_error *error)
{
	const char *mark = text.size == 0 ? NULL : memchr(text.bytes, '?', text.size);

	if (text.size > 0 && text.bytes[0] == '{')
		text = form_of(text, arena);
	else if (mark != NULL && memchr(text.bytes, '=', (size_t)(mark - text.bytes)) == NULL)
		text = (struct store_str){mark + 1, text.size - (uint32_t)(mark + 1 - text.bytes)};
	return decode_boomerang(text, source, arena, out, error);
}

/* One report alone is as good as an array of them. */
static int
decode_reports_record(struct store_str text, const struct shape *shape,
		      const struct event_source *source, struct store_arena *arena,
		      struct event_batch *out, struct event_error *error)
{
	char *array;

	if (shape->marks & IS_CSP || text.bytes[0] == '[')
		return decode_reports(text, source, arena, out, error);
	if ((array = store_arena_alloc(arena, text.size + 2u)) == NULL)
		return STORE_ENOMEM;
	array[0] = '[';
	memcpy(array + 1, text.bytes, text.size);
	array[text.size + 1] = ']';
	return decode_reports((struct store_str){array, text.size + 2}, source, arena, out, error);
}

static int
decode_log(bool json, struct store_str text, struct store_arena *arena, struct event_batch *out,
	   struct event_error *error)
{
	struct access_log_line line;
	int result = json ? access_log_parse_json(text, arena, &line, error)
			  : access_log_parse(text, arena, &line, error);

	return result != 0 ? result : access_log_event(&line, arena, out, error);
}

/* What every agent's record may have besides: whose it is, and when it came. */
static void
put_further(const struct shape *shape, struct event_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		struct event *event = batch->events[i];

		if (shape->address.size > 0 && shape->address.size <= 64)
			event->imported_address = shape->address;
		if (shape->user_agent.size > 0)
			event->imported_user_agent = shape->user_agent;
		if (event_is_site_key(shape->site))
			event_set_site(event, shape->site);
		if (shape->time_ms > 0 && !event->has_time)
			decode_time(event, (double)shape->time_ms);
	}
}

static int
decode_agent(enum import_format format, struct store_str text, const struct shape *shape,
	     int64_t now_ms, struct store_arena *arena, struct event_batch *out,
	     struct event_error *error)
{
	struct event_source source = {
	    {"", 0}, {"", 0}, shape->time_ms > 0 ? shape->time_ms : now_ms};
	int result;

	if (format == IMPORT_FARO)
		result = decode_faro(text, &source, arena, out, error);
	else if (format == IMPORT_VITALS)
		result = decode_vitals(text, &source, arena, out, error);
	else if (format == IMPORT_BOOMERANG)
		result = decode_boomerang_record(text, &source, arena, out, error);
	else if (format == IMPORT_REPORTS)
		result = decode_reports_record(text, shape, &source, arena, out, error);
	else
		result = plain_decoder(shape)(text, &source, arena, out, error);
	if (result == 0)
		put_further(shape, out);
	return result;
}

static int
decode_as_native(struct store_str text, struct store_arena *arena, struct event_batch *out,
		 struct event_error *error)
{
	int result = decode_native(text, arena, &out->events[0], error);

	out->count = result == 0;
	return result;
}

/* ---- records --------------------------------------------------------- */

static int
refuse_unknown(struct event_error *error)
{
	return decode_refuse(error,
			     "an object of no known shape: neither a beacon nor a log's line");
}

/* A query string or an address with one, and no log's line. */
static bool
is_form(struct store_str text)
{
	return memmem(text.bytes, text.size, "pid=", 4) != NULL &&
	       memchr(text.bytes, ' ', text.size) == NULL;
}

/* Shippers put the line that they read into an object. */
static bool
has_inner(const struct shape *shape)
{
	struct store_str text = trim(shape->message);

	return !(shape->marks & (IS_NATIVE | HAS_META | HAS_REQUEST)) && text.size > 10 &&
	       (text.bytes[0] == '{' || memmem(text.bytes, text.size, "] \"", 3) != NULL ||
		is_form(text));
}

/* One that is in an object already has no further one. */
static int
decode_inner(struct store_str text, int64_t now_ms, struct store_arena *arena,
	     struct event_batch *out, struct event_error *error)
{
	enum import_format format = IMPORT_AUTO;
	struct shape inner;
	struct json json;

	text = trim(text);
	if (text.bytes[0] == '{') {
		json_init(&json, text, arena);
		format = read_shape(&json, &inner) ? format_of(&inner) : IMPORT_NATIVE;
		if (format == IMPORT_AUTO)
			return refuse_unknown(error);
	}
	return import_record(format, text, now_ms, arena, out, error);
}

static int
decode_object(enum import_format format, struct store_str text, int64_t now_ms,
	      struct store_arena *arena, struct event_batch *out, struct event_error *error)
{
	struct shape shape;
	struct json json;
	bool well;

	if (format == IMPORT_JSON_LOG)
		return decode_log(true, text, arena, out, error);
	json_init(&json, text, arena);
	if (text.bytes[0] == '[' &&
	    (json_peek(&json) != JSON_ARRAY || !json_enter(&json) || !json_element(&json, true)))
		return decode_refuse(error, "an empty or malformed array");
	well = read_shape(&json, &shape);
	if (format == IMPORT_AUTO && well && has_inner(&shape))
		return decode_inner(shape.message, now_ms, arena, out, error);
	if (format == IMPORT_AUTO)
		format = well ? format_of(&shape) : IMPORT_NATIVE;
	if (format == IMPORT_AUTO)
		return refuse_unknown(error);
	if (format == IMPORT_JSON_LOG)
		return decode_log(true, text, arena, out, error);
	if (format == IMPORT_NATIVE)
		return decode_as_native(text, arena, out, error);
	return decode_agent(format, text, &shape, now_ms, arena, out, error);
}

int
import_record(enum import_format format, struct store_str text, int64_t now_ms,
	      struct store_arena *arena, struct event_batch *out, struct event_error *error)
{
	static const struct shape none;

	out->count = 0;
	memset(error, 0, sizeof *error);
	text = trim(text);
	if (text.size == 0)
		return decode_refuse(error, "an empty record");
	if (text.bytes[0] == '{' || text.bytes[0] == '[') {
		/* As the script writes them; and of what is known nothing is asked. */
		if (format == IMPORT_NATIVE || (format == IMPORT_AUTO && text.size > 5 &&
						memcmp(text.bytes, "{\"v\":", 5) == 0))
			return decode_as_native(text, arena, out, error);
		if (format != IMPORT_COMBINED)
			return decode_object(format, text, now_ms, arena, out, error);
	}
	if (format == IMPORT_BOOMERANG || (format == IMPORT_AUTO && is_form(text)))
		return decode_agent(IMPORT_BOOMERANG, text, &none, now_ms, arena, out, error);
	if (format == IMPORT_AUTO || format == IMPORT_COMBINED)
		return decode_log(false, text, arena, out, error);
	return decode_refuse(error, "expected a JSON object");
}
