/*
 * Combined and common lines of access logs, and times of every log. Between
 * import_record.c and access_log_event.c; must not look into addresses.
 */
#include <ctype.h>
#include <string.h>

#include "access_log.h"
#include "decode.h"
#include "escape.h"

#define STAMP_BYTES 26u /* 10/Oct/2000:13:55:36 -0700 */
#define MONTH_BYTES 3u
#define SECONDS_MAX 100000000000.0 /* from here on they are milliseconds */
#define TIME_MS_MAX 253402300799999.0

/* ---- times ----------------------------------------------------------- */

/* digits[count] as a number, -1: one of them is none. */
static int
digits(const char *bytes, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			return -1;
		value = value * 10 + (bytes[i] - '0');
	}
	return value;
}

/* Days since 1970 in the Gregorian calendar, by years that begin in March. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

/* zone: minutes east of Greenwich. */
static bool
to_ms(int year, int month, int day, const char *clock, int zone, int64_t *ms)
{
	int hour = digits(clock, 2), minute = digits(clock + 3, 2), second = digits(clock + 6, 2);

	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
	    clock[2] != ':' || clock[5] != ':')
		return false;
	*ms = (days_of(year, month, day) * 86400 + hour * 3600 + (minute - zone) * 60 + second) *
	      1000;
	return *ms > 0;
}

/* +0200, +02:00 or Z; false: none. */
static bool
zone_of(const char *bytes, uint32_t size, int *minutes)
{
	uint32_t colon = size == 6 && bytes[3] == ':';
	int hour, minute;

	*minutes = 0;
	if (size == 1 && (bytes[0] == 'Z' || bytes[0] == 'z'))
		return true;
	if (size != 5 + colon || (bytes[0] != '+' && bytes[0] != '-'))
		return false;
	hour = digits(bytes + 1, 2);
	minute = digits(bytes + 3 + colon, 2);
	*minutes = (hour * 60 + minute) * (bytes[0] == '-' ? -1 : 1);
	return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

/* bytes[STAMP_BYTES] */
static bool
local_time(const char *bytes, int64_t *ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int month = 0, zone;

	if (bytes[2] != '/' || bytes[6] != '/' || bytes[11] != ':' || bytes[20] != ' ' ||
	    !zone_of(bytes + 21, 5, &zone))
		return false;
	while (month < 12 && memcmp(months + month * (int)MONTH_BYTES, bytes + 3, MONTH_BYTES) != 0)
		month++;
	return month < 12 &&
	       to_ms(digits(bytes + 7, 4), month + 1, digits(bytes, 2), bytes + 12, zone, ms);
}

/* A fraction of any length; what is beyond milliseconds is cut off. */
static bool
iso_time(struct store_str text, int64_t *ms)
{
	const char *bytes = text.bytes;
	uint32_t at = 19;
	int zone, unit = 100, fraction = 0;

	if (text.size < 20 || bytes[4] != '-' || bytes[7] != '-' ||
	    (bytes[10] != 'T' && bytes[10] != ' '))
		return false;
	if (bytes[at] == '.' || bytes[at] == ',') {
		for (at++; at < text.size && isdigit((unsigned char)bytes[at]); at++) {
			fraction += (bytes[at] - '0') * unit;
			unit /= 10;
		}
	}
	if (at >= text.size || !zone_of(bytes + at, text.size - at, &zone) ||
	    !to_ms(digits(bytes, 4), digits(bytes + 5, 2), digits(bytes + 8, 2), bytes + 11, zone,
		   ms))
		return false;
	*ms += fraction;
	return true;
}

bool
access_log_time(struct store_str text, int64_t *ms)
{
	double number;

	if (text.size == STAMP_BYTES + 2 && text.bytes[0] == '[') /* Apache's %t */
		text = (struct store_str){text.bytes + 1, STAMP_BYTES};
	if (text.size == STAMP_BYTES && local_time(text.bytes, ms))
		return true;
	if (iso_time(text, ms))
		return true;
	if (!tree_to_number(text, &number) || !(number >= 1))
		return false;
	number = number < SECONDS_MAX ? number * 1000 : number;
	*ms = number <= TIME_MS_MAX ? (int64_t)(number + 0.5) : 0;
	return *ms > 0;
}

/* ---- escapes --------------------------------------------------------- */

/* nginx writes \xHH, Apache also letters. What is no escape stays. */
static bool
unescape(struct store_str *text, struct store_arena *arena)
{
	static const char from[] = "\"\\bnrtvf", to[] = "\"\\\b\n\r\t\v\f";
	char *out = store_arena_alloc(arena, text->size);
	uint32_t size = 0;

	if (out == NULL)
		return false;
	for (uint32_t i = 0; i < text->size; i++) {
		const char *c = text->bytes + i, *found;
		uint32_t left = text->size - i;
		int code;

		if (*c != '\\' || left < 2) {
			out[size++] = *c;
		} else if (c[1] == 'x' && (code = escape_hex(c + 2, left - 2)) >= 0) {
			out[size++] = (char)code;
			i += 3;
		} else if (c[1] != '\0' && (found = strchr(from, c[1])) != NULL) {
			out[size++] = to[found - from];
			i++;
		} else {
			out[size++] = *c;
		}
	}
	*text = (struct store_str){out, size};
	return true;
}

/* ---- fields ---------------------------------------------------------- */

struct cursor {
	struct store_str text;
	uint32_t at;
	struct store_arena *arena;
	bool no_memory;
};

/* Up to a space. */
static struct store_str
word(struct cursor *cursor)
{
	const char *begin = cursor->text.bytes + cursor->at, *end;
	uint32_t left = cursor->text.size - cursor->at, size;

	end = left == 0 ? NULL : memchr(begin, ' ', left);
	size = end == NULL ? left : (uint32_t)(end - begin);
	cursor->at += size + (end != NULL);
	return (struct store_str){begin, size};
}

/* The first quote from `at` on with an even number of backslashes before it, whatever
 * there is: no byte is looked at again and again. UINT32_MAX: none. */
static uint32_t
closing_quote(struct store_str text, uint32_t at, bool *escaped)
{
	*escaped = false;
	while (at < text.size) {
		const char *quote = memchr(text.bytes + at, '"', text.size - at), *slash;

		if (quote == NULL)
			break;
		while (text.bytes + at <= quote) {
			slash = memchr(text.bytes + at, '\\', (size_t)(quote - text.bytes) - at);
			if (slash == NULL)
				return (uint32_t)(quote - text.bytes);
			*escaped = true;
			at = (uint32_t)(slash - text.bytes) + 2;
		}
	}
	return UINT32_MAX;
}

/* "..." with a space before it or not; false: there is none. `-` is empty. */
static bool
quoted(struct cursor *cursor, struct store_str *out)
{
	const char *bytes = cursor->text.bytes;
	uint32_t begin = cursor->at, at;
	bool escaped;

	*out = (struct store_str){"", 0};
	while (begin < cursor->text.size && bytes[begin] == ' ')
		begin++;
	if (begin >= cursor->text.size || bytes[begin] != '"')
		return false;
	if ((at = closing_quote(cursor->text, ++begin, &escaped)) == UINT32_MAX)
		return false;
	*out = (struct store_str){bytes + begin, at - begin};
	cursor->at = at + 1;
	if (escaped && !unescape(out, cursor->arena)) {
		cursor->no_memory = true;
		return false;
	}
	if (out->size == 1 && out->bytes[0] == '-')
		out->size = 0;
	return true;
}

/* Where `[time] "` begins: a user's name may have spaces and brackets, but no
 * quote that is not escaped. UINT32_MAX: nowhere. */
static uint32_t
find_time(struct store_str text, int64_t *ms)
{
	uint32_t at = 0;

	while (text.size - at > STAMP_BYTES + 4) {
		const char *found = memchr(text.bytes + at, '[', text.size - at - STAMP_BYTES - 4);

		if (found == NULL)
			break;
		at = (uint32_t)(found - text.bytes) + 1;
		if (memcmp(found + 1 + STAMP_BYTES, "] \"", 3) == 0 && local_time(found + 1, ms))
			return at - 1;
	}
	return UINT32_MAX;
}

bool
access_log_is_address(struct store_str text)
{
	uint32_t colons = 0, others = 0;

	for (uint32_t i = 0; i < text.size; i++) {
		colons += text.bytes[i] == ':';
		others += !isdigit((unsigned char)text.bytes[i]) && text.bytes[i] != '.';
	}
	return text.size > 0 && (colons >= 2 || others == 0);
}

static bool
is_host(struct store_str text)
{
	for (uint32_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if (!isalnum(c) && c < 0x80 && strchr(".-_:[]", c) == NULL)
			return false;
	}
	return true;
}

/* Whoever comes first: the client, or the virtual host and then the client. */
static void
put_client(struct store_str head, struct access_log_line *out)
{
	struct cursor cursor = {.text = head};
	struct store_str first = word(&cursor), second = word(&cursor);

	out->address = first;
	if (!access_log_is_address(first) && access_log_is_address(second) && is_host(first)) {
		out->host = first;
		out->address = second;
	}
}

/* GET /path HTTP/1.1; anything else leaves the method empty. */
static void
put_request(struct store_str request, struct access_log_line *out)
{
	const char *space = request.size == 0 ? NULL : memchr(request.bytes, ' ', request.size);
	const char *last = request.size == 0 ? NULL : memrchr(request.bytes, ' ', request.size);

	if (space == NULL || space == request.bytes)
		return;
	for (const char *c = request.bytes; c < space; c++) {
		if (*c < 'A' || *c > 'Z')
			return;
	}
	out->method = (struct store_str){request.bytes, (uint32_t)(space - request.bytes)};
	if (last == space || memcmp(last, " HTTP/", 6) != 0)
		last = request.bytes + request.size; /* HTTP/0.9 */
	out->target = (struct store_str){space + 1, (uint32_t)(last - space - 1)};
}

/* Bytes that are no UTF-8 become %HH, as they ought to have been sent. */
static bool
make_utf8(struct store_str *text, struct store_arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	struct store_str in = *text;
	char *out;

	if (json_is_utf8(in))
		return true;
	if ((out = store_arena_alloc(arena, in.size * 3u)) == NULL)
		return false;
	text->bytes = out;
	text->size = 0;
	for (uint32_t at = 0, size; at<in.size; at += size> 0 ? size : 1) {
		if ((size = json_utf8_bytes(in, at)) > 0) {
			memcpy(out + text->size, in.bytes + at, size);
			text->size += size;
			continue;
		}
		out[text->size++] = '%';
		out[text->size++] = hex[(unsigned char)in.bytes[at] >> 4];
		out[text->size++] = hex[(unsigned char)in.bytes[at] & 15];
	}
	return true;
}

int
access_log_parse(struct store_str text, struct store_arena *arena, struct access_log_line *out,
		 struct event_error *error)
{
	struct cursor cursor = {.text = text, .arena = arena};
	struct store_str request, bytes;
	uint32_t stamp;
	int status;

	memset(out, 0, sizeof *out);
	memset(error, 0, sizeof *error);
	if ((stamp = find_time(text, &out->time_ms)) == UINT32_MAX || stamp == 0)
		return decode_refuse(
		    error,
		    "neither JSON nor an access log's line: no [day/Mon/year:...] \"request\"");
	put_client((struct store_str){text.bytes, stamp - 1}, out);
	out->has_time = true;
	cursor.at = stamp + STAMP_BYTES + 2;
	if (!quoted(&cursor, &request))
		return cursor.no_memory ? STORE_ENOMEM
					: decode_refuse(error, "the request has no closing quote");
	put_request(request, out);
	if (cursor.at < text.size && text.bytes[cursor.at] == ' ')
		cursor.at++;
	bytes = word(&cursor);
	status = bytes.size == 3 ? digits(bytes.bytes, 3) : -1;
	if (status < 0)
		return decode_refuse(error, "expected a status of three digits after the request");
	out->status = (uint32_t)status;
	word(&cursor); /* bytes sent */
	/* Of common lines nothing follows; of others maybe more than is of use. */
	if (quoted(&cursor, &out->referrer))
		quoted(&cursor, &out->user_agent);
	if (cursor.no_memory || !make_utf8(&out->target, arena) ||
	    !make_utf8(&out->referrer, arena) || !make_utf8(&out->host, arena))
		return STORE_ENOMEM;
	return 0;
}
