/*
 * redact.h: the walk through a text. Part of enrichment, before anything is
 * logged or written; must not keep what has to go.
 */
#include <ctype.h>
#include <string.h>

#include "redact_inside.h"
#include "redact_known.h"

#define HEX_SIZE_MIN 16u
#define GROWTH_MAX 4u /* a value of 3 bytes becomes [redacted] */
#define SPARE_BYTES 64u
#define SCHEME_BYTES_MAX 16u

/* What stands before a URL tells what closes it: browsers leave most punctuation in
 * addresses as it is (?filter[name]=...), and texts put addresses in brackets and quotes. */
static void
enter_url(struct redaction *redaction, uint32_t begin)
{
	static const char open[] = "([{'`", close[] = ")]}'`";
	const char *before = begin == 0 ? NULL : strchr(open, redaction->text.bytes[begin - 1]);

	redaction->opener = before == NULL ? '\0' : *before;
	redaction->closer = before == NULL ? '\0' : close[before - open];
	redaction->brackets = 0;
}

static bool
leaves_url(struct redaction *redaction, char c)
{
	if (!redact_is(c, REDACT_END_URL) || c == '\0')
		return c == '\0';
	if (c == redaction->closer && redaction->brackets-- == 0) {
		redaction->brackets = 0;
		return true;
	}
	redaction->brackets += c == redaction->opener;
	return (unsigned char)c <= ' ' || c == '"' || c == '<' || c == '>';
}

/* Where the scheme begins whose colon is at `at`. */
static uint32_t
begin_of_scheme(const struct redaction *redaction, uint32_t at)
{
	uint32_t begin = at;

	while (begin > 0 && at - begin < SCHEME_BYTES_MAX &&
	       isalnum((unsigned char)redaction->text.bytes[begin - 1]))
		begin--;
	return begin;
}

/* ---- putting --------------------------------------------------------- */

static bool
put(struct redaction *redaction, struct store_str text)
{
	if (redaction->bytes == NULL) {
		redaction->bytes = store_arena_alloc(
		    redaction->arena, (size_t)redaction->text.size * GROWTH_MAX + SPARE_BYTES);
		if (redaction->bytes == NULL)
			return false;
	}
	if (text.size > 0)
		memcpy(redaction->bytes + redaction->size, text.bytes, text.size);
	redaction->size += text.size;
	return true;
}

/* The text up to `from`, and `word` in place of the bytes up to `to`. */
static bool
replace(struct redaction *redaction, uint32_t from, uint32_t to, const char *word)
{
	bool well = put(redaction, redact_part(redaction, redaction->copied, from)) &&
		    put(redaction, (struct store_str){word, (uint32_t)strlen(word)});

	redaction->copied = to;
	return well;
}

/* ---- URLs ------------------------------------------------------------ */

/* Hashes belong to the names of built files: app.4f3b2c1a9d8e7f6a.js. */
static bool
is_script(struct store_str path)
{
	static const char *const endings[] = {".js", ".mjs", ".css", ".map", ".wasm"};

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		size_t size = strlen(endings[i]);

		if (path.size > size &&
		    memcmp(path.bytes + path.size - size, endings[i], size) == 0)
			return true;
	}
	return false;
}

/* :LINE or :LINE:COLUMN at the end of a frame's URL begins here. */
static uint32_t
position_of(const struct redaction *redaction, uint32_t from, uint32_t to)
{
	uint32_t at = to;

	for (int i = 0; i < 2; i++) {
		uint32_t digits = at;

		while (digits > from && isdigit((unsigned char)redaction->text.bytes[digits - 1]))
			digits--;
		if (digits == at || digits <= from || redaction->text.bytes[digits - 1] != ':')
			break;
		at = digits - 1;
	}
	return at;
}

/* The name of a script file, in the URL that has its path from .. on. */
static void
find_script(struct redaction *redaction, uint32_t from)
{
	const struct store_str text = redaction->text;
	uint32_t stop = from, begin;

	while (stop < text.size && !redact_is(text.bytes[stop], REDACT_END_URL) &&
	       text.bytes[stop] != '?' && text.bytes[stop] != '#')
		stop++;
	stop = position_of(redaction, from, stop);
	for (begin = stop; begin > from && text.bytes[begin - 1] != '/';)
		begin--;
	redaction->script_begin = begin;
	redaction->script_end = is_script(redact_part(redaction, begin, stop)) ? stop : 0;
}

/* After "://": userinfo goes. The path is looked at like any text. A URL inside
 * another's path is not searched for a script: that would not be linear. */
static bool
strip_url(struct redaction *redaction, uint32_t authority, bool inside, uint32_t *end)
{
	const struct store_str text = redaction->text;
	uint32_t host = authority, path = authority, next;

	for (; path < text.size && !leaves_url(redaction, text.bytes[path]); path = next) {
		int c = (unsigned char)text.bytes[path];

		next = path + 1;
		if (c == '%' && redaction->in_url == REDACT_ENCODED_URL)
			c = redact_character(redaction, path, &next);
		if (redact_is((char)c, REDACT_END_PART))
			break;
		if (c == '@')
			host = next;
	}
	*end = host;
	if (!inside)
		find_script(redaction, path);
	return host == authority || replace(redaction, authority, host, "");
}

/* Whether a query or a fragment begins at a ?, # or %, of whichever URL this is. */
static bool
begins_query(const struct redaction *redaction, uint32_t at)
{
	char c = redaction->text.bytes[at];
	uint32_t end;

	if (redaction->in_url == REDACT_NO_URL)
		return false;
	if (redaction->in_url == REDACT_URL && c != '%')
		return true;
	if (redaction->in_url == REDACT_ENCODED_URL) {
		int decoded = redact_character(redaction, at, &end);

		return decoded == '?' || decoded == '#';
	}
	return redact_begins_query(redaction, at);
}

static bool
drop_query(struct redaction *redaction, uint32_t from, uint32_t *end)
{
	const struct store_str text = redaction->text;
	uint32_t stop = from;

	while (stop < text.size && !leaves_url(redaction, text.bytes[stop]))
		stop++;
	/* Brackets and commas of the text's own stay, for what comes before the closing one. */
	while (stop > from + 1 && strchr(")]}'`,", text.bytes[stop - 1]) != NULL)
		stop--;
	*end = position_of(redaction, from, stop);
	return replace(redaction, from, *end, "");
}

/* ---- the walk -------------------------------------------------------- */

static bool
starts_with_address(const struct redaction *redaction, uint32_t at)
{
	struct store_str address = redaction->address;

	return address.size > 0 && redaction->text.size - at >= address.size &&
	       memcmp(redaction->text.bytes + at, address.bytes, address.size) == 0 &&
	       (at + address.size == redaction->text.size ||
		!isalnum((unsigned char)redaction->text.bytes[at + address.size]));
}

static bool
is_jwt(char c)
{
	return redact_is_word(c) || c == '.' || c == '=';
}

/* A word begins at `at`; *end is where to go on. */
static bool
take_word(struct redaction *redaction, uint32_t at, uint32_t *end)
{
	uint32_t word_end = redact_end_of(redaction, at, redact_is_word), from, to;
	struct store_str word = redact_part(redaction, at, word_end);
	bool script = at >= redaction->script_begin && word_end <= redaction->script_end &&
		      redaction->script_end > 0;

	if (redaction->may_have_email && (*end = redact_end_of_email(redaction, at)) > 0)
		return replace(redaction, at, *end, "[email]");
	if (starts_with_address(redaction, at)) {
		*end = at + redaction->address.size;
		return replace(redaction, at, *end, "[address]");
	}
	if (word.size > 10 && memcmp(word.bytes, "eyJ", 3) == 0) {
		*end = redact_end_of(redaction, at, is_jwt);
		return replace(redaction, at, *end, "[token]");
	}
	*end = word_end;
	if (redact_find_value(redaction, at, word_end, &from, &to)) {
		*end = to;
		return replace(redaction, from, to, "[redacted]");
	}
	if (!script && redact_is_hex(word, HEX_SIZE_MIN))
		return replace(redaction, at, word_end, "[hex]");
	if (!script && redact_is_token(word))
		return replace(redaction, at, word_end, "[token]");
	for (uint32_t i = at + 1; i < word_end; i++) { /* ip-192.0.2.1 */
		if ((word.bytes[i - at - 1] == '-' || word.bytes[i - at - 1] == '_') &&
		    starts_with_address(redaction, i)) {
			*end = i + redaction->address.size;
			return replace(redaction, i, *end, "[address]");
		}
	}
	return true;
}

#define WORD_SIZE_MAX 10u    /* of those that are neither hex nor a token */
#define DOTS_OF_ADDRESS 3u   /* of IPv4 */
#define COLONS_OF_ADDRESS 2u /* of IPv6, at least */

static uint32_t
count(struct store_str text, char c)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < text.size; i++)
		found += text.bytes[i] == c;
	return found;
}

struct redact_address
redact_address(struct store_str text)
{
	/* An import may have any. */
	return (struct redact_address){text, text.size == 0 ||
						 count(text, '.') >= DOTS_OF_ADDRESS ||
						 count(text, ':') >= COLONS_OF_ADDRESS};
}

/* Most texts are names of elements and paths: nothing in them is like what has
 * to go, or like a usual address. */
static bool
is_harmless(struct store_str text)
{
	uint32_t word = 0, longest = 0, dots = 0;
	unsigned seen = 0;

	for (uint32_t i = 0; i < text.size; i++) {
		unsigned class = redact_classes[(unsigned char)text.bytes[i]];

		seen |= class;
		dots += text.bytes[i] == '.';
		word = class & REDACT_WORD ? word + 1 : 0;
		longest = word > longest ? word : longest;
	}
	return !(seen & REDACT_SUSPECT) && longest <= WORD_SIZE_MAX && dots < DOTS_OF_ADDRESS;
}

/* Through the text, word by word. */
static bool
walk(struct store_str text, struct store_str address, struct store_arena *arena,
     struct store_str *out)
{
	struct redaction redaction = {.text = text, .address = address, .arena = arena};
	bool well = true;

	redaction.may_have_email = text.size > 0 && (memchr(text.bytes, '@', text.size) != NULL ||
						     memchr(text.bytes, '%', text.size) != NULL ||
						     memchr(text.bytes, '\\', text.size) != NULL);

	for (uint32_t at = 0, end, authority; well && at < text.size; at = end) {
		char c = text.bytes[at];

		end = at + 1;
		if ((c == ':' || c == '%') &&
		    (authority = redact_end_of_scheme(&redaction, at)) > 0) {
			bool inside = redaction.in_url >= REDACT_URL;

			redaction.in_url = c == ':' ? REDACT_URL : REDACT_ENCODED_URL;
			enter_url(&redaction, begin_of_scheme(&redaction, at));
			well = strip_url(&redaction, authority, inside, &end);
		} else if ((c == '?' || c == '#' || c == '%') && begins_query(&redaction, at)) {
			well = drop_query(&redaction, at, &end);
			redaction.in_url = REDACT_NO_URL;
		} else if (redact_is(c, REDACT_LOCAL) && c != '-' && c != '.') {
			well = take_word(&redaction, at, &end);
			end = end > at ? end : at + 1;
		} else if (starts_with_address(&redaction, at)) { /* ::1 and its like */
			end = at + address.size;
			well = replace(&redaction, at, end, "[address]");
		} else if (c == '/' && redaction.in_url == REDACT_NO_URL) {
			redaction.in_url = REDACT_PATH;
			enter_url(&redaction, at);
		}
		if (redaction.in_url != REDACT_NO_URL && leaves_url(&redaction, c))
			redaction.in_url = REDACT_NO_URL;
	}
	if (well && redaction.bytes != NULL) {
		well = put(&redaction, redact_part(&redaction, redaction.copied, text.size));
		*out = (struct store_str){redaction.bytes, redaction.size};
	}
	return well;
}

bool
redact(struct store_str text, const struct redact_address *address, struct store_arena *arena,
       struct store_str *out)
{
	*out = text;
	if (!address->is_usual)
		return walk(text, address->text, arena, out);
	if (redact_is_known(text))
		return true;
	if (!is_harmless(text)) {
		if (!walk(text, address->text, arena, out))
			return false;
		/* With another's address it might be another's text. */
		if (out->bytes != text.bytes || count(text, '.') >= DOTS_OF_ADDRESS ||
		    count(text, ':') >= COLONS_OF_ADDRESS)
			return true;
	}
	redact_know(text);
	return true;
}
