/*
 * Access logs as JSON objects: there is no standard, so every usual name of a
 * field is known (nginx, Apache, Caddy, Traefik). Between import_record.c and access_log_event.c.
 */
#include <string.h>

#include "access_log.h"
#include "decode.h"

enum field {
	ADDRESS,
	USER_AGENT,
	HOST,
	SCHEME,
	METHOD,
	TARGET,
	QUERY,
	REQUEST,
	REFERRER,
	CONTENT_TYPE,
	DESTINATION,
	TIME,
	DURATION_S,
	DURATION_US,
	DURATION_NS,
	STATUS,
	FIELDS_COUNT
};

/* Of several names the one with the highest rank counts. */
#define FIELD(name, field, rank)                   \
	{                                          \
		name, sizeof name - 1, field, rank \
	}

static const struct {
	const char *name;
	uint32_t size;
	enum field field;
	int rank;
} fields[] = {
    FIELD("ip", ADDRESS, 4),
    FIELD("client_ip", ADDRESS, 3),
    FIELD("remote_addr", ADDRESS, 2),
    FIELD("remote_ip", ADDRESS, 1),
    FIELD("clientip", ADDRESS, 1),
    FIELD("client", ADDRESS, 1),
    FIELD("remoteIP", ADDRESS, 1),
    FIELD("ClientHost", ADDRESS, 1),
    FIELD("ua", USER_AGENT, 3),
    FIELD("http_user_agent", USER_AGENT, 2),
    FIELD("user_agent", USER_AGENT, 1),
    FIELD("userAgent", USER_AGENT, 1),
    FIELD("agent", USER_AGENT, 1),
    FIELD("User-Agent", USER_AGENT, 1),
    FIELD("request_User-Agent", USER_AGENT, 1),
    FIELD("Duration", DURATION_NS, 1),
    FIELD("downstream_Content-Type", CONTENT_TYPE, 1),
    FIELD("sent_http_content_type", CONTENT_TYPE, 2),
    FIELD("resp_content_type", CONTENT_TYPE, 1),
    FIELD("host", HOST, 3),
    FIELD("http_host", HOST, 2),
    FIELD("vhost", HOST, 2),
    FIELD("server_name", HOST, 1),
    FIELD("RequestHost", HOST, 1),
    FIELD("scheme", SCHEME, 1),
    FIELD("request_method", METHOD, 2),
    FIELD("method", METHOD, 1),
    FIELD("RequestMethod", METHOD, 1),
    FIELD("request_uri", TARGET, 3),
    FIELD("uri", TARGET, 2),
    FIELD("RequestPath", TARGET, 2),
    FIELD("path", TARGET, 1),
    FIELD("url", TARGET, 1),
    FIELD("args", QUERY, 1),
    FIELD("query_string", QUERY, 1),
    FIELD("query", QUERY, 1),
    FIELD("request", REQUEST, 1),
    FIELD("http_referer", REFERRER, 2),
    FIELD("http_referrer", REFERRER, 2),
    FIELD("referer", REFERRER, 1),
    FIELD("referrer", REFERRER, 1),
    FIELD("Referer", REFERRER, 1),
    FIELD("request_Referer", REFERRER, 1),
    FIELD("http_sec_fetch_dest", DESTINATION, 2),
    FIELD("sec_fetch_dest", DESTINATION, 1),
    FIELD("Sec-Fetch-Dest", DESTINATION, 1),
    FIELD("msec", TIME, 5),
    FIELD("time_iso8601", TIME, 4),
    FIELD("time_local", TIME, 3),
    FIELD("ts", TIME, 3),
    FIELD("StartUTC", TIME, 3),
    FIELD("time", TIME, 2),
    FIELD("timestamp", TIME, 2),
    FIELD("@timestamp", TIME, 1),
    FIELD("request_time", DURATION_S, 2),
    FIELD("duration", DURATION_S, 1),
    FIELD("duration_us", DURATION_US, 1),
    FIELD("request_time_us", DURATION_US, 1),
    FIELD("status", STATUS, 2),
    FIELD("status_code", STATUS, 1),
    FIELD("DownstreamStatus", STATUS, 1),
    FIELD("response", STATUS, 1),
};

#define NAMES_COUNT (sizeof fields / sizeof *fields)

struct reading {
	struct json json;
	struct store_str found[FIELDS_COUNT]; /* "" when absent; numbers as text */
	int rank[FIELDS_COUNT];
};

static void
put(struct reading *reading, struct store_str name, struct store_str value)
{
	for (size_t i = 0; i < NAMES_COUNT; i++) {
		enum field field = fields[i].field;

		if (name.size != fields[i].size ||
		    memcmp(name.bytes, fields[i].name, name.size) != 0)
			continue;
		if (fields[i].rank > reading->rank[field] && value.size > 0 &&
		    !decode_is(value, "-")) {
			reading->rank[field] = fields[i].rank;
			reading->found[field] = value;
		}
		return;
	}
}

/* A value as text: strings, and numbers as they are written. */
static bool
scalar(struct json *json, struct store_str *out)
{
	enum json_type type = json_peek(json); /* skips white space */
	uint32_t begin = json->at;

	*out = (struct store_str){"", 0};
	if (type == JSON_STRING)
		return json_string(json, out);
	if (!json_skip(json))
		return false;
	if (type == JSON_NUMBER)
		*out = (struct store_str){json->bytes + begin, json->at - begin};
	return true;
}

/* {"User-Agent": ["..."]}: the first of the values. */
static bool
headers(struct reading *reading)
{
	struct json *json = &reading->json;
	struct store_str name, value;
	bool first = true;

	if (json_peek(json) != JSON_OBJECT)
		return json_skip(json);
	if (!json_enter(json))
		return false;
	for (; json_member(json, first, &name); first = false) {
		bool begin = true;

		if (json_peek(json) != JSON_ARRAY) {
			if (!scalar(json, &value))
				return false;
			put(reading, name, value);
			continue;
		}
		if (!json_enter(json))
			return false;
		for (; json_element(json, begin); begin = false) {
			if (!scalar(json, &value))
				return false;
			if (begin)
				put(reading, name, value);
		}
		if (json->error != NULL)
			return false;
	}
	return json->error == NULL;
}

/* Caddy has the request in an object of its own, with headers in another. */
static bool
object(struct reading *reading, bool inside)
{
	struct json *json = &reading->json;
	struct store_str name, value;
	bool first = true, well = true;

	if (!json_enter(json))
		return false;
	for (; well && json_member(json, first, &name); first = false) {
		if (!inside && decode_is(name, "request") && json_peek(json) == JSON_OBJECT)
			well = object(reading, true);
		else if (decode_is(name, "headers"))
			well = headers(reading);
		else if ((well = scalar(json, &value)))
			put(reading, name, value);
	}
	return well && json->error == NULL;
}

/* `request` as in a combined line, unless method and address are told apart. */
static void
take_request(const struct reading *reading, struct access_log_line *out)
{
	struct store_str request = reading->found[REQUEST];
	const char *space, *last;

	out->method = reading->found[METHOD];
	out->target = reading->found[TARGET];
	out->query = reading->found[QUERY];
	if (out->query.size > 0 && out->query.bytes[0] == '?')
		out->query = (struct store_str){out->query.bytes + 1, out->query.size - 1}; /* %q */
	space = request.size == 0 ? NULL : memchr(request.bytes, ' ', request.size);
	if (request.size > 0 && space == NULL && out->target.size == 0 && out->method.size > 0)
		out->target = request; /* Apache's %U, or what grok makes of a line */
	/* `path` and `url` may be the log's own: a request line counts more. */
	if (request.size == 0 || (out->method.size > 0 && out->target.size > 0 &&
				  (space == NULL || reading->rank[TARGET] > 1)))
		return;
	last = memrchr(request.bytes, ' ', request.size);
	if (space == NULL)
		return;
	if (last == space || memcmp(last, " HTTP/", 6) != 0)
		last = request.bytes + request.size;
	out->method = (struct store_str){request.bytes, (uint32_t)(space - request.bytes)};
	out->target = (struct store_str){space + 1, (uint32_t)(last - space - 1)};
	out->query.size = 0;
}

static void
take_numbers(const struct reading *reading, struct access_log_line *out)
{
	double number;

	if (tree_to_number(reading->found[STATUS], &number) && number >= 0 && number < 1000)
		out->status = (uint32_t)number;
	if (tree_to_number(reading->found[DURATION_S], &number))
		out->duration_ms = number * 1000;
	else if (tree_to_number(reading->found[DURATION_US], &number))
		out->duration_ms = number / 1000;
	else if (tree_to_number(reading->found[DURATION_NS], &number))
		out->duration_ms = number / 1e6;
	else
		return;
	out->has_duration = out->duration_ms >= 0 && out->duration_ms < 1e12;
}

int
access_log_parse_json(struct store_str text, struct store_arena *arena, struct access_log_line *out,
		      struct event_error *error)
{
	struct reading reading = {0};

	memset(out, 0, sizeof *out);
	memset(error, 0, sizeof *error);
	json_init(&reading.json, text, arena);
	if (json_peek(&reading.json) != JSON_OBJECT || !object(&reading, false) ||
	    !json_end(&reading.json)) {
		if (reading.json.no_memory)
			return STORE_ENOMEM;
		return decode_refuse(error, "malformed JSON");
	}
	take_request(&reading, out);
	take_numbers(&reading, out);
	if (reading.found[REQUEST].size == 0 && out->target.size == 0)
		return decode_refuse(error,
				     "no request: a log has `request`, `request_uri` or `uri`");
	if (!access_log_time(reading.found[TIME], &out->time_ms))
		return decode_refuse(
		    error, "no time: a log has `msec`, `time_iso8601`, `time_local` or `ts`");
	out->has_time = true;
	out->address = reading.found[ADDRESS];
	out->user_agent = reading.found[USER_AGENT];
	out->host = reading.found[HOST];
	if (out->address.size == 0 && access_log_is_address(out->host)) {
		out->address = out->host; /* %h of Apache, which shippers' parsers call host */
		out->host = (struct store_str){NULL, 0};
	}
	out->scheme = reading.found[SCHEME];
	out->referrer = reading.found[REFERRER];
	out->content_type = reading.found[CONTENT_TYPE];
	out->destination = reading.found[DESTINATION];
	return 0;
}
