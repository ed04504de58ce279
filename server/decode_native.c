/*
 * The native beacon, version 1 (beacon/PROTOCOL.md): bytes to struct event.
 * First step of intake; pure. Here is the walk through its objects; one table,
 * decode_native_members.c, says which member goes to which column, with its
 * type and range. Anything that does not fit rejects the beacon with the
 * member's name.
 */
#include <stdio.h>
#include <string.h>

#include "decode_native_inside.h"
#include "redact.h"

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
		if ((result = decode_native_string(decoder, member, UINT32_MAX, &text)) != 0)
			return result;
		if (text.size > (uint32_t)member->max)
			text = redact_cut_column(text, row->table, column, (uint32_t)member->max);
		event_row_string(row, column, text);
		return 0;
	case NUMBER:
	case REAL:
		result = decode_native_number(
		    decoder, member, false, member->kind == REAL ? -1.7e308 : 0,
		    member->kind == REAL ? 1.7e308 : member->max, &number);
		if (result == 0)
			event_row_float(row, column, number);
		return result;
	case INTEGER:
		if ((result =
			 decode_native_number(decoder, member, true, 0, member->max, &number)) == 0)
			event_row_uint(row, column, (uint64_t)number);
		return result;
	default:
		if ((result = decode_native_flag(decoder, member, &flag)) == 0)
			event_row_uint(row, column, flag);
		return result;
	}
}

/* What lies first in memory are its lowest bits. */
static inline uint64_t
load_word(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Whether the member's name stands at `at`, behind one byte that is not looked at;
 * MEMBER_USUAL_MAX can be read there. By words, for memcmp takes longer to find out
 * which of its ways is for so few bytes. */
static inline bool
is_usual(const struct member *member, const char *at)
{
	const char *usual = member->usual;
	size_t size = member->usual_size;

	if ((load_word(at) ^ load_word(usual)) >> 8 << member->usual_shift != 0)
		return false;
	return size <= 8 || (load_word(at + size - 8) == load_word(usual + size - 8) &&
			     (size <= 16 || load_word(at + 8) == load_word(usual + 8)));
}

/* The next member, if it is written the usual way, most often the one of number
 * `from`. NULL: json_member has to look; nothing is consumed. */
static inline const struct member *
take_usual(struct json *json, const struct section_members *section, uint32_t from, bool first)
{
	const struct member *members = section->members;
	uint32_t count = section->members_count;
	/* Before the first is what the object begins with. */
	const char *at = json->bytes + json->at - first;

	if (json->error != NULL || json->size - json->at < MEMBER_USUAL_MAX ||
	    (!first && *at != ','))
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		const struct member *member = &members[from];

		if (is_usual(member, at)) {
			json->at += member->usual_size - first;
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
	const struct member *members = decode_native_sections[section].members;
	uint32_t count = decode_native_sections[section].members_count;

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

/* Most members are numbers, and most of these are short. False: nothing is consumed. */
static inline bool
take_number(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	uint32_t at = decoder->json.at, column = (uint32_t)member->column;
	double number;
	bool is_integer;

	if (member->kind != NUMBER && member->kind != INTEGER)
		return false;
	if (json_short_number(&decoder->json, &number, &is_integer) && number <= member->max) {
		if (member->kind == NUMBER) {
			event_row_float(row, column, number);
			return true;
		}
		if (is_integer) {
			event_row_uint(row, column, (uint64_t)number);
			return true;
		}
	}
	decoder->json.at = at;
	return false;
}

static int
read_member(struct decoder *decoder, const struct member *member, struct event_row *row)
{
	enum json_type type;

	if (take_number(decoder, member, row))
		return 0;
	type = json_peek(&decoder->json);

	/* null is what JSON makes of NaN: the same as absent. */
	if (type == JSON_NULL && !is_required(member))
		return json_skip(&decoder->json) ? 0 : decode_native_malformed(decoder);
	if (member->kind == SPECIAL)
		return decode_native_special(decoder, member, row);
	if (member->kind != OBJECT)
		return get_plain(decoder, member, row);
	if (type != JSON_OBJECT)
		return decode_native_wrong_type(decoder, member, "an object");
	return decode_native_object(decoder, (enum section)member->column, row);
}

int
decode_native_object(struct decoder *decoder, enum section section, struct event_row *row)
{
	const struct section_members *members = &decode_native_sections[section];
	uint32_t count = members->members_count, expected = 0;
	struct store_str name;
	uint64_t seen = 0;
	bool first = true;

	if (!json_enter(&decoder->json))
		return decode_native_malformed(decoder);
	for (;; first = false) {
		const struct member *member = take_usual(&decoder->json, members, expected, first);
		uint32_t index;
		int result;

		if (member == NULL) {
			if (!json_member(&decoder->json, first, &name))
				break;
			member = find_member(section, name, expected);
		}
		if (member == NULL) {
			if (!json_skip(&decoder->json))
				return decode_native_malformed(decoder);
			continue;
		}
		index = (uint32_t)(member - members->members);
		expected = index + 1 == count ? 0 : index + 1;
		if (seen >> index & 1)
			return decode_native_refuse(decoder, section, member->name,
						    "a repeated member");
		seen |= (uint64_t)1 << index;
		if ((result = read_member(decoder, member, row)) != 0)
			return decoder->json.error != NULL ? decode_native_malformed(decoder)
							   : result;
	}
	return decoder->json.error == NULL ? 0 : decode_native_malformed(decoder);
}

static int
check_required(struct decoder *decoder)
{
	const char *missing = !decoder->has_version ? "v"
			      : !decoder->has_site  ? "site"
			      : !decoder->has_view  ? "view"
			      : !decoder->has_url   ? "url"
						    : NULL;

	return missing == NULL ? 0 : decode_native_refuse(decoder, TOP, missing, "missing");
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
		return decode_native_malformed(&decoder);
	if (json_peek(&decoder.json) != JSON_OBJECT) {
		snprintf(error->text, sizeof error->text, "expected a JSON object");
		return STORE_EINVAL;
	}
	if ((result = decode_native_object(&decoder, TOP, &event->view)) != 0)
		return result;
	if (!json_end(&decoder.json))
		return decode_native_malformed(&decoder);
	if ((result = check_required(&decoder)) != 0)
		return result;
	*out = event;
	return 0;
}
