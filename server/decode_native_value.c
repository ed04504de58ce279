/*
 * One plain value of a native beacon, checked against its member's type and
 * range, and how what does not fit is told. Between json.h and decode_native.c;
 * must know no member by its name.
 */
#include <math.h>
#include <stdio.h>

#include "decode_native_inside.h"
#include "redact.h"

int
decode_native_refuse(struct decoder *decoder, enum section section, const char *name,
		     const char *why)
{
	decoder->error->offset = decoder->json.at;
	snprintf(decoder->error->text, sizeof decoder->error->text, "%s%s: %s",
		 decode_native_sections[section].prefix, name, why);
	return STORE_EINVAL;
}

int
decode_native_wrong_type(struct decoder *decoder, const struct member *member, const char *expected)
{
	enum json_type type = json_peek(&decoder->json);
	char why[100];

	if (type == JSON_ERROR)
		return decode_native_refuse(decoder, member->section, member->name,
					    decoder->json.error);
	snprintf(why, sizeof why, "expected %s, got %s", expected, json_type_name(type));
	return decode_native_refuse(decoder, member->section, member->name, why);
}

int
decode_native_malformed(struct decoder *decoder)
{
	if (decoder->json.no_memory)
		return STORE_ENOMEM;
	decoder->error->offset = decoder->json.at;
	snprintf(decoder->error->text, sizeof decoder->error->text, "malformed JSON at byte %u: %s",
		 decoder->json.at, decoder->json.error == NULL ? "not JSON" : decoder->json.error);
	return STORE_EINVAL;
}

int
decode_native_string(struct decoder *decoder, const struct member *member, uint32_t max,
		     struct store_str *out)
{
	if (json_peek(&decoder->json) != JSON_STRING)
		return decode_native_wrong_type(decoder, member, "a string");
	if (!json_string(&decoder->json, out))
		return decode_native_malformed(decoder);
	if (out->size > max)
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
	return decode_native_refuse(decoder, member->section, member->name, why);
}

int
decode_native_number(struct decoder *decoder, const struct member *member, bool integer, double min,
		     double max, double *out)
{
	uint32_t at = decoder->json.at;
	bool is_integer;

	if (json_short_number(&decoder->json, out, &is_integer) && (is_integer || !integer) &&
	    *out >= min && *out <= max)
		return 0;
	decoder->json.at = at;
	if (json_peek(&decoder->json) != JSON_NUMBER)
		return decode_native_wrong_type(decoder, member,
						integer ? "an integer" : "a number");
	if (!json_number(&decoder->json, out, &is_integer))
		return decode_native_malformed(decoder);
	if (integer && !is_integer && *out != floor(*out))
		return decode_native_refuse(decoder, member->section, member->name,
					    "expected an integer");
	return *out < min || *out > max ? refuse_number(decoder, member, integer, min, max) : 0;
}

int
decode_native_flag(struct decoder *decoder, const struct member *member, bool *out)
{
	if (json_peek(&decoder->json) != JSON_TRUE && json_peek(&decoder->json) != JSON_FALSE)
		return decode_native_wrong_type(decoder, member, "true or false");
	return json_bool(&decoder->json, out) ? 0 : decode_native_malformed(decoder);
}
