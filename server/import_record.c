/*
 * One record of an import to events: finds out what it is, by its shape, and
 * calls that decoder. Between import_decode.c and the decoders; pure.
 */
#include <ctype.h>
#include <string.h>

#include "access_log.h"
#include "decode.h"
#include "import_shape.h"

static const char *const formats[] = {"auto",    "native", "web-vitals", "boomerang", "faro",
				      "reports", "plain",  "combined",   "json-log"};

#define FORMATS_COUNT (sizeof formats / sizeof *formats)
_Static_assert(FORMATS_COUNT == IMPORT_JSON_LOG + 1, "formats");

/* ---- names ----------------------------------------------------------- */

bool
import_format_find(struct store_str name, enum import_format *out)
{
	*out = IMPORT_AUTO;
	/* What they were called when there were only native beacons. */
	if (decode_is(name, "ndjson") || decode_is(name, "json"))
		return true;
	for (size_t i = 0; i < FORMATS_COUNT; i++) {
		*out = (enum import_format)i;
		if (decode_is(name, formats[i]))
			return true;
	}
	return false;
}

const char *
import_format_name(enum import_format format)
{
	return formats[format];
}

const char *
import_format_names(void)
{
	return "auto, native, web-vitals, boomerang, faro, reports, plain, combined, json-log";
}

/* Of the agent with five paths. */
static event_decoder *
plain_decoder(const struct import_shape *shape)
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
decode_reports_record(struct store_str text, const struct import_shape *shape,
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
put_further(const struct import_shape *shape, struct event_batch *batch)
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
decode_agent(enum import_format format, struct store_str text, const struct import_shape *shape,
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
has_inner(const struct import_shape *shape)
{
	struct store_str text = trim(shape->message);

	/* The message of a plain agent's error may look like anything. */
	if ((shape->marks & (HAS_PLAIN | HAS_ERROR)) == (HAS_PLAIN | HAS_ERROR))
		return false;
	return !(shape->marks & (IS_NATIVE | HAS_META | HAS_REQUEST)) && text.size > 10 &&
	       (text.bytes[0] == '{' || memmem(text.bytes, text.size, "] \"", 3) != NULL ||
		is_form(text));
}

/* One that is in an object already has no further one. */
static int
decode_inner(struct store_str text, int64_t now_ms, struct store_arena *arena,
	     struct event_batch *out, struct event_error *error)
{
	enum import_format format = IMPORT_AUTO, last = IMPORT_AUTO;
	struct import_shape inner;
	struct json json;

	text = trim(text);
	if (text.bytes[0] == '{') {
		json_init(&json, text, arena);
		format =
		    import_shape_read(&json, &inner) ? import_shape_format(&inner) : IMPORT_NATIVE;
		if (format == IMPORT_AUTO)
			return refuse_unknown(error);
	}
	return import_record(format, &last, text, now_ms, arena, out, error);
}

/* nginx writes what clients send as it is: bytes that are no UTF-8 become %HH. */
static struct store_str
repaired(struct store_str text, struct store_arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = store_arena_alloc(arena, text.size * 3u);
	uint32_t used = 0;

	for (uint32_t at = 0, size; out != NULL && at<text.size; at += size> 0 ? size : 1) {
		if ((size = json_utf8_bytes(text, at)) > 0) {
			memcpy(out + used, text.bytes + at, size);
			used += size;
			continue;
		}
		out[used++] = '%';
		out[used++] = hex[(unsigned char)text.bytes[at] >> 4];
		out[used++] = hex[(unsigned char)text.bytes[at] & 15];
	}
	return (struct store_str){out, used};
}

/* An object that is no JSON but for such bytes may be a log's. */
static int
decode_damaged(struct store_str text, struct store_arena *arena, struct event_batch *out,
	       struct event_error *error)
{
	struct store_str copy = repaired(text, arena);
	struct import_shape shape;
	struct json json;

	if (copy.bytes == NULL)
		return STORE_ENOMEM;
	json_init(&json, copy, arena);
	return import_shape_read(&json, &shape) && import_shape_format(&shape) == IMPORT_JSON_LOG
		   ? decode_log(true, copy, arena, out, error)
		   : decode_as_native(text, arena, out, error);
}

/* One that has all that a log has, and so is no agent's; else STORE_EINVAL. */
static int
decode_likely_log(struct store_str text, struct store_arena *arena, struct event_batch *out,
		  struct event_error *error)
{
	struct access_log_line line;
	int result = access_log_parse_json(text, arena, &line, error);

	if (result == 0 && (line.method.size == 0 || line.status == 0))
		result = STORE_EINVAL;
	return result != 0 ? result : access_log_event(&line, arena, out, error);
}

static int
decode_object(enum import_format format, enum import_format *last, struct store_str text,
	      int64_t now_ms, struct store_arena *arena, struct event_batch *out,
	      struct event_error *error)
{
	struct import_shape shape;
	struct json json;
	bool well;

	if (format == IMPORT_JSON_LOG && json_is_utf8(text))
		return decode_log(true, text, arena, out, error);
	json_init(&json, text, arena);
	if (text.bytes[0] == '[' &&
	    (json_peek(&json) != JSON_ARRAY || !json_enter(&json) || !json_element(&json, true)))
		return decode_refuse(error, "an empty or malformed array");
	well = import_shape_read(&json, &shape);
	if (!well && text.bytes[0] == '{' && !json_is_utf8(text) &&
	    (format == IMPORT_AUTO || format == IMPORT_JSON_LOG))
		return decode_damaged(text, arena, out, error);
	if (format == IMPORT_AUTO && well && has_inner(&shape))
		return decode_inner(shape.message, now_ms, arena, out, error);
	if (format == IMPORT_AUTO)
		format = *last = well ? import_shape_format(&shape) : IMPORT_NATIVE;
	if (format == IMPORT_AUTO)
		return refuse_unknown(error);
	if (format == IMPORT_JSON_LOG)
		return decode_log(true, text, arena, out, error);
	if (format == IMPORT_NATIVE)
		return decode_as_native(text, arena, out, error);
	return decode_agent(format, text, &shape, now_ms, arena, out, error);
}

int
import_record(enum import_format format, enum import_format *last, struct store_str text,
	      int64_t now_ms, struct store_arena *arena, struct event_batch *out,
	      struct event_error *error)
{
	static const struct import_shape none;
	int result;

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
		if (format == IMPORT_AUTO && *last == IMPORT_JSON_LOG &&
		    (result = decode_likely_log(text, arena, out, error)) != STORE_EINVAL)
			return result;
		if (format != IMPORT_COMBINED)
			return decode_object(format, last, text, now_ms, arena, out, error);
	}
	if (format == IMPORT_BOOMERANG || (format == IMPORT_AUTO && is_form(text)))
		return decode_agent(IMPORT_BOOMERANG, text, &none, now_ms, arena, out, error);
	if (format == IMPORT_AUTO || format == IMPORT_COMBINED)
		return decode_log(false, text, arena, out, error);
	return decode_refuse(error, "expected a JSON object");
}
