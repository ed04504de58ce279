/*
 * Members of a native beacon that have rules of their own: ids, site, address,
 * words, tags, and lists of errors and events. Called by decode_native.c; what
 * does not fit rejects the beacon, as with plain values.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "decode_native_inside.h"
#include "redact.h"

#define TIME_MAX 253402300799999.0 /* the year 9999 */
#define TAG_NAME_BYTES_MAX 64u

/* A digit's value and one; 0: it is none. */
static const uint8_t hex_digits[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static int
get_id(struct decoder *decoder, const struct member *member, uint64_t *out)
{
	struct store_str text;
	int result = decode_native_string(decoder, member, 64, &text);
	uint64_t id = 0;
	bool well;

	if (result != 0)
		return result;
	well = text.size == 16;
	for (uint32_t i = 0; i < 16 && well; i++) {
		uint8_t digit = hex_digits[(unsigned char)text.bytes[i]];

		well = digit != 0;
		id = id << 4 | (uint64_t)((digit - 1) & 15);
	}
	*out = id;
	return well ? 0
		    : decode_native_refuse(decoder, member->section, member->name,
					   "expected 16 lower-case hex digits");
}

static int
get_site(struct decoder *decoder, const struct member *member)
{
	struct store_str *site = &decoder->event->site;
	int result = decode_native_string(decoder, member, UINT32_MAX, site);

	if (result != 0)
		return result;
	if (!event_is_site_key(*site))
		return decode_native_refuse(decoder, member->section, member->name,
					    "expected 1 to 64 bytes, no control characters");
	decoder->has_site = true;
	return 0;
}

/* A page: what has another scheme was sent by no site's visitor. */
static int
get_url(struct decoder *decoder, const struct member *member)
{
	struct store_str *url = &decoder->event->url;
	int result = decode_native_string(decoder, member, 4096, url);

	if (result != 0)
		return result;
	if ((url->size < 8 || strncasecmp(url->bytes, "http://", 7) != 0) &&
	    (url->size < 9 || strncasecmp(url->bytes, "https://", 8) != 0))
		return decode_native_refuse(
		    decoder, member->section, member->name,
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
	int result = decode_native_string(decoder, member, UINT32_MAX, &text);

	if (result != 0)
		return result;
	if (!is_word_of(words, text)) {
		snprintf(why, sizeof why, "expected one of: %s", words);
		return decode_native_refuse(decoder, member->section, member->name, why);
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
	struct member value = {.section = TOP, .name = label, .kind = STRING, .max = 200};

	/* One line of an answer: what is fit for a site is fit for it. */
	snprintf(label, sizeof label, "tags.%.*s", (int)name.size,
		 event_is_site_key(name) ? name.bytes : "?");
	return why == NULL ? decode_native_wrong_type(decoder, &value, "a string")
			   : decode_native_refuse(decoder, TOP, label, why);
}

static int
get_tags(struct decoder *decoder, const struct member *member)
{
	struct event *event = decoder->event;
	bool first = true;
	struct store_str name;

	if (json_peek(&decoder->json) != JSON_OBJECT)
		return decode_native_wrong_type(decoder, member, "an object");
	if (!json_enter(&decoder->json))
		return decode_native_malformed(decoder);
	for (; json_member(&decoder->json, first, &name); first = false) {
		struct store_str text;
		int result;

		if (name.size == 0 || name.size > TAG_NAME_BYTES_MAX)
			return decode_native_refuse(decoder, TOP, "tags",
						    "a name must have 1 to 64 bytes");
		if (json_peek(&decoder->json) != JSON_STRING)
			return refuse_tag(decoder, name, NULL);
		if ((result = decode_native_string(decoder, member, UINT32_MAX, &text)) != 0)
			return result;
		for (uint32_t i = 0; i < event->tags_count; i++) {
			if (event->tag_names[i].size == name.size &&
			    memcmp(event->tag_names[i].bytes, name.bytes, name.size) == 0)
				return refuse_tag(decoder, name, "a repeated member");
		}
		if (event->tags_count == EVENT_TAGS_MAX)
			return decode_native_refuse(decoder, TOP, "tags", "at most 32 members");
		event->tag_names[event->tags_count] = name;
		event->tag_values[event->tags_count++] =
		    redact_cut_early(text, EVENT_TAG_BYTES_MAX);
	}
	drop_empty_tags(event);
	return decoder->json.error == NULL ? 0 : decode_native_malformed(decoder);
}

/* errors or events: objects into rows of their table. */
static int
get_rows(struct decoder *decoder, const struct member *member, struct event_row *rows,
	 uint32_t *count, uint32_t max, enum event_table table)
{
	bool first = true;

	if (json_peek(&decoder->json) != JSON_ARRAY)
		return decode_native_wrong_type(decoder, member, "an array");
	if (!json_enter(&decoder->json))
		return decode_native_malformed(decoder);
	for (; json_element(&decoder->json, first); first = false) {
		struct event_row *row = &rows[*count];
		int result;

		if (*count == max)
			return decode_native_refuse(decoder, TOP, member->name,
						    "at most 50 elements");
		if (json_peek(&decoder->json) != JSON_OBJECT)
			return decode_native_wrong_type(decoder, member, "an array of objects");
		if (!event_row_init(row, table, decoder->arena))
			return STORE_ENOMEM;
		result = decode_native_object(decoder, table == EVENT_ERRORS ? ERROR : EVENT, row);
		if (result != 0)
			return result;
		(*count)++;
	}
	return decoder->json.error == NULL ? 0 : decode_native_malformed(decoder);
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
		if ((result = decode_native_number(decoder, member, true, 0, TIME_MAX, &number)) ==
		    0)
			event_row_time(row, PAGEVIEWS_ts, (int64_t)number);
		return result;
	default:
		return STORE_EINVAL;
	}
}

int
decode_native_special(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	struct event *event = decoder->event;
	double number = 0;
	int result;

	switch ((enum special)member->column) {
	case VERSION:
		decoder->has_version = true;
		result = decode_native_number(decoder, member, true, 0, TIME_MAX, &number);
		return result == 0 && number != 1
			   ? decode_native_refuse(decoder, TOP, member->name, "expected 1")
			   : result;
	case SITE:
		return get_site(decoder, member);
	case VIEW:
		decoder->has_view = true;
		return get_id(decoder, member, &event->view_id);
	case SESSION:
		return get_id(decoder, member, &event->session_id);
	case SEQ:
		if ((result = decode_native_number(decoder, member, true, 0, 255, &number)) == 0)
			event->seq = (uint8_t)number;
		return result;
	case TIME:
		if ((result = decode_native_number(decoder, member, true, 0, TIME_MAX, &number)) ==
		    0) {
			event->has_time = true;
			event->time_ms = (int64_t)number;
		}
		return result;
	case RATE:
		return decode_native_number(decoder, member, false, 0.001, 1, &event->rate);
	case URL:
		return get_url(decoder, member);
	case REFERRER:
		return decode_native_string(decoder, member, 4096, &event->referrer);
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
		return decode_native_string(decoder, member, 64, &event->imported_address);
	case USER_AGENT:
		return decode_native_string(decoder, member, 1024, &event->imported_user_agent);
	case AGAIN:
		return decode_native_flag(decoder, member, &event->again);
	case BOT:
		return decode_native_flag(decoder, member, &event->is_driven);
	default:
		return get_row_special(decoder, member, row);
	}
}
