/*
 * The native beacon, version 1 (beacon/PROTOCOL.md): bytes to struct event.
 * First step of intake; pure. One table says which member goes to which
 * column, with its type and range; anything that does not fit rejects the
 * beacon with the member's name.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "event_row.h"
#include "json.h"
#include "redact.h"

#define MS_MAX 86400000.0          /* a day: longer timings are a clock's jump */
#define TIME_MAX 253402300799999.0 /* the year 9999 */
#define TAG_NAME_BYTES_MAX 64u

enum section {
	TOP,
	NET,
	DEV,
	TIMING,
	VITALS,
	WHY,
	WHY_LCP,
	WHY_INP,
	WHY_CLS,
	ERROR,
	EVENT,
	SECTIONS_COUNT,
};

enum kind {
	STRING,  /* cut at `max` bytes */
	NUMBER,  /* 0 .. max */
	INTEGER, /* 0 .. max */
	FLAG,
	REAL,   /* any finite number */
	OBJECT, /* of section `column` */
	SPECIAL,
};

enum special {
	VERSION,
	SITE,
	VIEW,
	SESSION,
	SEQ,
	TIME,
	RATE,
	URL,
	REFERRER,
	NAV,
	ERRORS,
	EVENTS,
	TAGS,
	ADDRESS,
	USER_AGENT,
	AGAIN,
	BOT,
	ERROR_KIND,
	EVENT_CATEGORY,
	ROW_TIME,
};

#define NAME(text) text, sizeof(text) - 1, "\"" text "\":"

struct member {
	enum section section;
	const char *name;
	uint32_t name_size;
	const char *usual; /* as JSON.stringify writes it, with the colon */
	enum kind kind;
	int column; /* or section, or enum special */
	double max;
};

/* As the script sends them: the next member is most often the next one here. */
static const struct member top_members[] = {
    {TOP, NAME("v"), SPECIAL, VERSION, 0},
    {TOP, NAME("site"), SPECIAL, SITE, 0},
    {TOP, NAME("view"), SPECIAL, VIEW, 0},
    {TOP, NAME("session"), SPECIAL, SESSION, 0},
    {TOP, NAME("seq"), SPECIAL, SEQ, 0},
    {TOP, NAME("t"), SPECIAL, TIME, 0},
    {TOP, NAME("rate"), SPECIAL, RATE, 0},
    {TOP, NAME("url"), SPECIAL, URL, 0},
    {TOP, NAME("referrer"), SPECIAL, REFERRER, 0},
    {TOP, NAME("release"), STRING, PAGEVIEWS_release, 100},
    {TOP, NAME("env"), STRING, PAGEVIEWS_environment, 100},
    {TOP, NAME("lang"), STRING, PAGEVIEWS_language, 35},
    {TOP, NAME("bot"), SPECIAL, BOT, 0},
    {TOP, NAME("nav"), SPECIAL, NAV, 0},
    {TOP, NAME("net"), OBJECT, NET, 0},
    {TOP, NAME("dev"), OBJECT, DEV, 0},
    {TOP, NAME("trace"), STRING, PAGEVIEWS_trace_id, 64},
    {TOP, NAME("serverTiming"), STRING, PAGEVIEWS_server_timing, 500},
    {TOP, NAME("timing"), OBJECT, TIMING, 0},
    {TOP, NAME("vitals"), OBJECT, VITALS, 0},
    {TOP, NAME("why"), OBJECT, WHY, 0},
    {TOP, NAME("visible"), NUMBER, PAGEVIEWS_visible_time, MS_MAX * 31},
    {TOP, NAME("blocking"), NUMBER, PAGEVIEWS_blocking_time, MS_MAX * 31},
    {TOP, NAME("tags"), SPECIAL, TAGS, 0},
    {TOP, NAME("errors"), SPECIAL, ERRORS, 0},
    {TOP, NAME("events"), SPECIAL, EVENTS, 0},
    {TOP, NAME("again"), SPECIAL, AGAIN, 0},
    {TOP, NAME("ip"), SPECIAL, ADDRESS, 0},
    {TOP, NAME("ua"), SPECIAL, USER_AGENT, 0},
};

static const struct member net_members[] = {
    {NET, NAME("type"), STRING, PAGEVIEWS_connection, 20},
    {NET, NAME("rtt"), NUMBER, PAGEVIEWS_rtt, MS_MAX},
    {NET, NAME("downlink"), NUMBER, PAGEVIEWS_downlink, 1e6},
    {NET, NAME("save"), FLAG, PAGEVIEWS_save_data, 0},
};

static const struct member dev_members[] = {
    {DEV, NAME("vw"), INTEGER, PAGEVIEWS_viewport_width, 65535},
    {DEV, NAME("vh"), INTEGER, PAGEVIEWS_viewport_height, 65535},
    {DEV, NAME("dpr"), NUMBER, PAGEVIEWS_dpr, 100},
    {DEV, NAME("mem"), NUMBER, PAGEVIEWS_device_memory, 65536},
    {DEV, NAME("cpu"), INTEGER, PAGEVIEWS_cpu, 65535},
};

static const struct member timing_members[] = {
    {TIMING, NAME("redirect"), NUMBER, PAGEVIEWS_redirect, MS_MAX},
    {TIMING, NAME("dns"), NUMBER, PAGEVIEWS_dns, MS_MAX},
    {TIMING, NAME("tcp"), NUMBER, PAGEVIEWS_tcp, MS_MAX},
    {TIMING, NAME("tls"), NUMBER, PAGEVIEWS_tls, MS_MAX},
    {TIMING, NAME("ttfb"), NUMBER, PAGEVIEWS_ttfb, MS_MAX},
    {TIMING, NAME("download"), NUMBER, PAGEVIEWS_download, MS_MAX},
    {TIMING, NAME("domInteractive"), NUMBER, PAGEVIEWS_dom_interactive, MS_MAX},
    {TIMING, NAME("domContentLoaded"), NUMBER, PAGEVIEWS_dom_content_loaded, MS_MAX},
    {TIMING, NAME("load"), NUMBER, PAGEVIEWS_load, MS_MAX},
    {TIMING, NAME("protocol"), STRING, PAGEVIEWS_protocol, 20},
    {TIMING, NAME("bytes"), INTEGER, PAGEVIEWS_transfer_bytes, 1e15},
};

static const struct member vitals_members[] = {
    {VITALS, NAME("fcp"), NUMBER, PAGEVIEWS_fcp, MS_MAX},
    {VITALS, NAME("lcp"), NUMBER, PAGEVIEWS_lcp, MS_MAX},
    {VITALS, NAME("inp"), NUMBER, PAGEVIEWS_inp, MS_MAX},
    {VITALS, NAME("cls"), NUMBER, PAGEVIEWS_cls, 1e6},
};

static const struct member why_members[] = {
    {WHY, NAME("lcp"), OBJECT, WHY_LCP, 0},
    {WHY, NAME("inp"), OBJECT, WHY_INP, 0},
    {WHY, NAME("cls"), OBJECT, WHY_CLS, 0},
};

static const struct member why_lcp_members[] = {
    {WHY_LCP, NAME("element"), STRING, PAGEVIEWS_lcp_element, 200},
    {WHY_LCP, NAME("url"), STRING, PAGEVIEWS_lcp_url, 500},
    {WHY_LCP, NAME("loadDelay"), NUMBER, PAGEVIEWS_lcp_load_delay, MS_MAX},
    {WHY_LCP, NAME("loadTime"), NUMBER, PAGEVIEWS_lcp_load_time, MS_MAX},
    {WHY_LCP, NAME("renderDelay"), NUMBER, PAGEVIEWS_lcp_render_delay, MS_MAX},
};

static const struct member why_inp_members[] = {
    {WHY_INP, NAME("target"), STRING, PAGEVIEWS_inp_target, 200},
    {WHY_INP, NAME("type"), STRING, PAGEVIEWS_inp_type, 20},
    {WHY_INP, NAME("inputDelay"), NUMBER, PAGEVIEWS_inp_input_delay, MS_MAX},
    {WHY_INP, NAME("processing"), NUMBER, PAGEVIEWS_inp_processing, MS_MAX},
    {WHY_INP, NAME("presentation"), NUMBER, PAGEVIEWS_inp_presentation, MS_MAX},
    {WHY_INP, NAME("script"), STRING, PAGEVIEWS_inp_script, 500},
};

static const struct member why_cls_members[] = {
    {WHY_CLS, NAME("element"), STRING, PAGEVIEWS_cls_element, 200},
};

static const struct member error_members[] = {
    {ERROR, NAME("kind"), SPECIAL, ERROR_KIND, 0},
    {ERROR, NAME("type"), STRING, ERRORS_type, 100},
    {ERROR, NAME("message"), STRING, ERRORS_message, 1000},
    {ERROR, NAME("source"), STRING, ERRORS_source, 2000},
    {ERROR, NAME("line"), INTEGER, ERRORS_line, UINT32_MAX},
    {ERROR, NAME("column"), INTEGER, ERRORS_column, UINT32_MAX},
    {ERROR, NAME("stack"), STRING, ERRORS_stack, 4000},
    {ERROR, NAME("t"), SPECIAL, ROW_TIME, 0},
    {ERROR, NAME("handled"), FLAG, ERRORS_handled, 0},
    {ERROR, NAME("count"), INTEGER, ERRORS_occurrences, 1000000},
};

static const struct member event_members[] = {
    {EVENT, NAME("category"), SPECIAL, EVENT_CATEGORY, 0},
    {EVENT, NAME("name"), STRING, EVENTS_name, 200},
    {EVENT, NAME("target"), STRING, EVENTS_target, 200},
    {EVENT, NAME("value"), REAL, EVENTS_value, 0},
    {EVENT, NAME("text"), STRING, EVENTS_text, 500},
    {EVENT, NAME("t"), SPECIAL, ROW_TIME, 0},
};

#define SECTION(members, prefix)                                     \
	{                                                            \
		members, sizeof(members) / sizeof *(members), prefix \
	}

static const struct {
	const struct member *members;
	uint32_t members_count; /* at most 64 */
	const char *prefix;
} sections[SECTIONS_COUNT] = {
    [TOP] = SECTION(top_members, ""),
    [NET] = SECTION(net_members, "net."),
    [DEV] = SECTION(dev_members, "dev."),
    [TIMING] = SECTION(timing_members, "timing."),
    [VITALS] = SECTION(vitals_members, "vitals."),
    [WHY] = SECTION(why_members, "why."),
    [WHY_LCP] = SECTION(why_lcp_members, "why.lcp."),
    [WHY_INP] = SECTION(why_inp_members, "why.inp."),
    [WHY_CLS] = SECTION(why_cls_members, "why.cls."),
    [ERROR] = SECTION(error_members, "errors[]."),
    [EVENT] = SECTION(event_members, "events[]."),
};

struct decoder {
	struct json json;
	struct store_arena *arena;
	struct event *event;
	struct event_error *error;
	bool has_version, has_site, has_view, has_url;
};

static int
refuse(struct decoder *decoder, enum section section, const char *name, const char *why)
{
	decoder->error->offset = decoder->json.at;
	snprintf(decoder->error->text, sizeof decoder->error->text, "%s%s: %s",
		 sections[section].prefix, name, why);
	return STORE_EINVAL;
}

static int
wrong_type(struct decoder *decoder, const struct member *member, const char *expected)
{
	enum json_type type = json_peek(&decoder->json);
	char why[100];

	if (type == JSON_ERROR)
		return refuse(decoder, member->section, member->name, decoder->json.error);
	snprintf(why, sizeof why, "expected %s, got %s", expected, json_type_name(type));
	return refuse(decoder, member->section, member->name, why);
}

/* The JSON itself is wrong. */
static int
malformed(struct decoder *decoder)
{
	if (decoder->json.no_memory)
		return STORE_ENOMEM;
	decoder->error->offset = decoder->json.at;
	snprintf(decoder->error->text, sizeof decoder->error->text, "malformed JSON at byte %u: %s",
		 decoder->json.at, decoder->json.error == NULL ? "not JSON" : decoder->json.error);
	return STORE_EINVAL;
}

/* ---- plain values ---------------------------------------------------- */

static int
get_string(struct decoder *decoder, const struct member *member, uint32_t max,
	   struct store_str *out)
{
	if (json_peek(&decoder->json) != JSON_STRING)
		return wrong_type(decoder, member, "a string");
	if (!json_string(&decoder->json, out))
		return malformed(decoder);
	*out = redact_cut(*out, max);
	return 0;
}

static int
refuse_number(struct decoder *decoder, const struct member *member, bool integer, double min,
	      double max)
{
	char why[100];

	snprintf(why, sizeof why, "expected %s from %.15g to %.15g",
		 integer ? "an integer" : "a number", min, max);
	return refuse(decoder, member->section, member->name, why);
}

static int
get_number(struct decoder *decoder, const struct member *member, bool integer, double min,
	   double max, double *out)
{
	bool is_integer;

	if (json_peek(&decoder->json) != JSON_NUMBER)
		return wrong_type(decoder, member, integer ? "an integer" : "a number");
	if (!json_number(&decoder->json, out, &is_integer))
		return malformed(decoder);
	if (integer && !is_integer && *out != floor(*out))
		return refuse(decoder, member->section, member->name, "expected an integer");
	return *out < min || *out > max ? refuse_number(decoder, member, integer, min, max) : 0;
}

static int
get_flag(struct decoder *decoder, const struct member *member, bool *out)
{
	if (json_peek(&decoder->json) != JSON_TRUE && json_peek(&decoder->json) != JSON_FALSE)
		return wrong_type(decoder, member, "true or false");
	return json_bool(&decoder->json, out) ? 0 : malformed(decoder);
}

static int
get_plain(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	uint32_t column = (uint32_t)member->column;
	struct store_str text;
	double number;
	bool flag;
	int result;

	switch (member->kind) {
	case STRING:
		if ((result = get_string(decoder, member, UINT32_MAX, &text)) != 0)
			return result;
		if (text.size > (uint32_t)member->max)
			text = redact_cut(
			    text, redact_before_cut(row->table, column, (uint32_t)member->max));
		event_row_string(row, column, text);
		return 0;
	case NUMBER:
	case REAL:
		result = get_number(decoder, member, false, member->kind == REAL ? -1.7e308 : 0,
				    member->kind == REAL ? 1.7e308 : member->max, &number);
		if (result == 0)
			event_row_float(row, column, number);
		return result;
	case INTEGER:
		if ((result = get_number(decoder, member, true, 0, member->max, &number)) == 0)
			event_row_uint(row, column, (uint64_t)number);
		return result;
	default:
		if ((result = get_flag(decoder, member, &flag)) == 0)
			event_row_uint(row, column, flag);
		return result;
	}
}

/* ---- special members ------------------------------------------------- */

static int
get_id(struct decoder *decoder, const struct member *member, uint64_t *out)
{
	struct store_str text;
	int result = get_string(decoder, member, 64, &text);

	if (result != 0)
		return result;
	*out = 0;
	for (uint32_t i = 0; i < text.size && text.size == 16; i++) {
		char c = text.bytes[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			text.size = 0;
		*out = *out << 4 | (uint64_t)(digit & 15);
	}
	return text.size == 16 ? 0
			       : refuse(decoder, member->section, member->name,
					"expected 16 lower-case hex digits");
}

static int
get_site(struct decoder *decoder, const struct member *member)
{
	struct store_str *site = &decoder->event->site;
	int result = get_string(decoder, member, UINT32_MAX, site);

	if (result != 0)
		return result;
	if (!event_is_site_key(*site))
		return refuse(decoder, member->section, member->name,
			      "expected 1 to 64 bytes, no control characters");
	decoder->has_site = true;
	return 0;
}

/* A page: what has another scheme was sent by no site's visitor. */
static int
get_url(struct decoder *decoder, const struct member *member)
{
	struct store_str *url = &decoder->event->url;
	int result = get_string(decoder, member, 4096, url);

	if (result != 0)
		return result;
	if ((url->size < 8 || strncasecmp(url->bytes, "http://", 7) != 0) &&
	    (url->size < 9 || strncasecmp(url->bytes, "https://", 8) != 0))
		return refuse(decoder, member->section, member->name,
			      "expected an address that begins with https:// or http://");
	decoder->has_url = true;
	return 0;
}

/* Whether the text is one of the words, between which stand single spaces. */
static bool
is_word_of(const char *words, struct store_str text)
{
	size_t size;

	for (const char *at = words; *at != '\0'; at += size + (at[size] == ' ')) {
		size = strcspn(at, " ");
		if (size == text.size && memcmp(at, text.bytes, size) == 0)
			return true;
	}
	return false;
}

/* One of the words, kept as it is. */
static int
get_word(struct decoder *decoder, const struct member *member, const char *words,
	 struct event_row *row, uint32_t column)
{
	struct store_str text;
	char why[200];
	int result = get_string(decoder, member, UINT32_MAX, &text);

	if (result != 0)
		return result;
	if (!is_word_of(words, text)) {
		snprintf(why, sizeof why, "expected one of: %s", words);
		return refuse(decoder, member->section, member->name, why);
	}
	event_row_string(row, column, text);
	return 0;
}

/* An empty value is the same as none. */
static void
drop_empty_tags(struct event *event)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < event->tags_count; i++) {
		if (event->tag_values[i].size == 0)
			continue;
		event->tag_names[kept] = event->tag_names[i];
		event->tag_values[kept++] = event->tag_values[i];
	}
	event->tags_count = kept;
}

/* `why`: NULL: its value is no string. */
static int
refuse_tag(struct decoder *decoder, struct store_str name, const char *why)
{
	char label[8 + TAG_NAME_BYTES_MAX];
	struct member value = {TOP, label, 0, "", STRING, 0, 200};

	/* One line of an answer: what is fit for a site is fit for it. */
	snprintf(label, sizeof label, "tags.%.*s", (int)name.size,
		 event_is_site_key(name) ? name.bytes : "?");
	return why == NULL ? wrong_type(decoder, &value, "a string")
			   : refuse(decoder, TOP, label, why);
}

static int
get_tags(struct decoder *decoder, const struct member *member)
{
	struct event *event = decoder->event;
	bool first = true;
	struct store_str name;

	if (json_peek(&decoder->json) != JSON_OBJECT)
		return wrong_type(decoder, member, "an object");
	if (!json_enter(&decoder->json))
		return malformed(decoder);
	for (; json_member(&decoder->json, first, &name); first = false) {
		struct store_str text;
		int result;

		if (name.size == 0 || name.size > TAG_NAME_BYTES_MAX)
			return refuse(decoder, TOP, "tags", "a name must have 1 to 64 bytes");
		if (json_peek(&decoder->json) != JSON_STRING)
			return refuse_tag(decoder, name, NULL);
		if ((result = get_string(decoder, member, EVENT_TAG_BYTES_MAX + REDACT_SECRET_BYTES,
					 &text)) != 0)
			return result;
		for (uint32_t i = 0; i < event->tags_count; i++) {
			if (event->tag_names[i].size == name.size &&
			    memcmp(event->tag_names[i].bytes, name.bytes, name.size) == 0)
				return refuse_tag(decoder, name, "a repeated member");
		}
		if (event->tags_count == EVENT_TAGS_MAX)
			return refuse(decoder, TOP, "tags", "at most 32 members");
		event->tag_names[event->tags_count] = name;
		event->tag_values[event->tags_count++] = text;
	}
	drop_empty_tags(event);
	return decoder->json.error == NULL ? 0 : malformed(decoder);
}

static int read_object(struct decoder *decoder, enum section section, struct event_row *row);

/* errors or events: objects into rows of their table. */
static int
get_rows(struct decoder *decoder, const struct member *member, struct event_row *rows,
	 uint32_t *count, uint32_t max, enum event_table table)
{
	bool first = true;

	if (json_peek(&decoder->json) != JSON_ARRAY)
		return wrong_type(decoder, member, "an array");
	if (!json_enter(&decoder->json))
		return malformed(decoder);
	for (; json_element(&decoder->json, first); first = false) {
		struct event_row *row = &rows[*count];
		int result;

		if (*count == max)
			return refuse(decoder, TOP, member->name, "at most 50 elements");
		if (json_peek(&decoder->json) != JSON_OBJECT)
			return wrong_type(decoder, member, "an array of objects");
		if (!event_row_init(row, table, decoder->arena))
			return STORE_ENOMEM;
		result = read_object(decoder, table == EVENT_ERRORS ? ERROR : EVENT, row);
		if (result != 0)
			return result;
		(*count)++;
	}
	return decoder->json.error == NULL ? 0 : malformed(decoder);
}

/* Of a row in a list. */
static int
get_row_special(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	double number = 0;
	int result;

	switch ((enum special)member->column) {
	case ERROR_KIND:
		return get_word(decoder, member, "error rejection console resource", row,
				ERRORS_kind);
	case EVENT_CATEGORY:
		return get_word(decoder, member,
				"interaction custom mark measure business heartbeat request", row,
				EVENTS_category);
	case ROW_TIME:
		if ((result = get_number(decoder, member, true, 0, TIME_MAX, &number)) == 0)
			event_row_time(row, PAGEVIEWS_ts, (int64_t)number);
		return result;
	default:
		return STORE_EINVAL;
	}
}

static int
get_special(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	struct event *event = decoder->event;
	double number = 0;
	int result;

	switch ((enum special)member->column) {
	case VERSION:
		decoder->has_version = true;
		result = get_number(decoder, member, true, 0, TIME_MAX, &number);
		return result == 0 && number != 1 ? refuse(decoder, TOP, member->name, "expected 1")
						  : result;
	case SITE:
		return get_site(decoder, member);
	case VIEW:
		decoder->has_view = true;
		return get_id(decoder, member, &event->view_id);
	case SESSION:
		return get_id(decoder, member, &event->session_id);
	case SEQ:
		if ((result = get_number(decoder, member, true, 0, 255, &number)) == 0)
			event->seq = (uint8_t)number;
		return result;
	case TIME:
		if ((result = get_number(decoder, member, true, 0, TIME_MAX, &number)) == 0) {
			event->has_time = true;
			event->time_ms = (int64_t)number;
		}
		return result;
	case RATE:
		return get_number(decoder, member, false, 0.001, 1, &event->rate);
	case URL:
		return get_url(decoder, member);
	case REFERRER:
		return get_string(decoder, member, 4096, &event->referrer);
	case NAV:
		return get_word(decoder, member,
				"navigate reload back_forward back_forward_cache prerender "
				"soft_navigation restore",
				row, PAGEVIEWS_nav_type);
	case ERRORS:
		return get_rows(decoder, member, event->errors, &event->errors_count,
				EVENT_ERRORS_MAX, EVENT_ERRORS);
	case EVENTS:
		return get_rows(decoder, member, event->events, &event->events_count,
				EVENT_EVENTS_MAX, EVENT_EVENTS);
	case TAGS:
		return get_tags(decoder, member);
	case ADDRESS:
		return get_string(decoder, member, 64, &event->imported_address);
	case USER_AGENT:
		return get_string(decoder, member, 1024, &event->imported_user_agent);
	case AGAIN:
		return get_flag(decoder, member, &event->again);
	case BOT:
		return get_flag(decoder, member, &event->is_driven);
	default:
		return get_row_special(decoder, member, row);
	}
}

/* ---- objects --------------------------------------------------------- */

/* The next member, if it is written the usual way, most often the one of number
 * `from`. NULL: json_member has to look; nothing is consumed. */
static const struct member *
take_usual(struct json *json, enum section section, uint32_t from, bool first)
{
	const struct member *members = sections[section].members;
	uint32_t count = sections[section].members_count;
	const char *at = json->bytes + json->at;
	size_t left = json->size - json->at;

	if (json->error != NULL || left < 2 || (!first && *at++ != ','))
		return NULL;
	left -= !first;
	for (uint32_t i = 0; i < count; i++) {
		const struct member *member = &members[from];
		size_t size = member->name_size + 3;

		if (left > size && at[1] == member->name[0] &&
		    memcmp(at, member->usual, size) == 0) {
			json->at += (uint32_t)size + !first;
			return member;
		}
		from = from + 1 == count ? 0 : from + 1;
	}
	return NULL;
}

/* Looked for from `from` on, the number of the one after the last. */
static const struct member *
find_member(enum section section, struct store_str name, uint32_t from)
{
	const struct member *members = sections[section].members;
	uint32_t count = sections[section].members_count;

	for (uint32_t i = 0; i < count; i++) {
		const struct member *member = &members[from];

		if (member->name_size == name.size && member->name[0] == name.bytes[0] &&
		    memcmp(member->name, name.bytes, name.size) == 0)
			return member;
		from = from + 1 == count ? 0 : from + 1;
	}
	return NULL;
}

static bool
is_required(const struct member *member)
{
	return member->kind == SPECIAL &&
	       (member->column == VERSION || member->column == SITE || member->column == VIEW ||
		member->column == URL) &&
	       member->section == TOP;
}

static int
read_member(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	/* null is what JSON makes of NaN: the same as absent. */
	if (json_peek(&decoder->json) == JSON_NULL && !is_required(member))
		return json_skip(&decoder->json) ? 0 : malformed(decoder);
	if (member->kind == SPECIAL)
		return get_special(decoder, member, row);
	if (member->kind != OBJECT)
		return get_plain(decoder, member, row);
	if (json_peek(&decoder->json) != JSON_OBJECT)
		return wrong_type(decoder, member, "an object");
	return read_object(decoder, (enum section)member->column, row);
}

static int
read_object(struct decoder *decoder, enum section section, struct event_row *row)
{
	uint32_t count = sections[section].members_count, expected = 0;
	struct store_str name;
	uint64_t seen = 0;
	bool first = true;

	if (!json_enter(&decoder->json))
		return malformed(decoder);
	for (;; first = false) {
		const struct member *member = take_usual(&decoder->json, section, expected, first);
		uint32_t index;
		int result;

		if (member == NULL) {
			if (!json_member(&decoder->json, first, &name))
				break;
			member = find_member(section, name, expected);
		}
		if (member == NULL) {
			if (!json_skip(&decoder->json))
				return malformed(decoder);
			continue;
		}
		index = (uint32_t)(member - sections[section].members);
		expected = index + 1 == count ? 0 : index + 1;
		if (seen >> index & 1)
			return refuse(decoder, section, member->name, "a repeated member");
		seen |= (uint64_t)1 << index;
		if ((result = read_member(decoder, member, row)) != 0)
			return decoder->json.error != NULL ? malformed(decoder) : result;
	}
	return decoder->json.error == NULL ? 0 : malformed(decoder);
}

static int
check_required(struct decoder *decoder)
{
	const char *missing = !decoder->has_version ? "v"
			      : !decoder->has_site  ? "site"
			      : !decoder->has_view  ? "view"
			      : !decoder->has_url   ? "url"
						    : NULL;

	return missing == NULL ? 0 : refuse(decoder, TOP, missing, "missing");
}

int
decode_native(struct store_str body, struct store_arena *arena, struct event **out,
	      struct event_error *error)
{
	struct decoder decoder = {.arena = arena, .error = error};
	struct event *event = event_create(arena);
	int result;

	memset(error, 0, sizeof *error);
	if (event == NULL)
		return STORE_ENOMEM;
	event->rate = 1;
	decoder.event = event;
	json_init(&decoder.json, body, arena);
	if (json_peek(&decoder.json) == JSON_ERROR)
		return malformed(&decoder);
	if (json_peek(&decoder.json) != JSON_OBJECT) {
		snprintf(error->text, sizeof error->text, "expected a JSON object");
		return STORE_EINVAL;
	}
	if ((result = read_object(&decoder, TOP, &event->view)) != 0)
		return result;
	if (!json_end(&decoder.json))
		return malformed(&decoder);
	if ((result = check_required(&decoder)) != 0)
		return result;
	*out = event;
	return 0;
}
