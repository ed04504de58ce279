/*
 * redact.h. Part of enrichment, before anything is logged or written; must not
 * keep what has to go.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "redact.h"
#include "redact_known.h"

#define HEX_SIZE_MIN 16u
#define GROWTH_MAX 4u /* a value of 3 bytes becomes [redacted] */
#define SPARE_BYTES 64u
#define LOCAL_BYTES_MAX 64u /* of an e-mail address (RFC 5321) */

struct redaction {
	struct store_str text, address;
	struct store_arena *arena;
	char *bytes;         /* NULL: nothing had to go so far */
	uint32_t size;       /* of bytes */
	uint32_t copied;     /* of the text: what is before is in bytes, or gone */
	uint32_t script_end; /* before it: names of script files, which have hashes */
	uint32_t script_begin;
	bool in_url;         /* behind :// */
	bool may_have_email; /* there is an @, or a % that may be one */
};

/* What a byte may be part of. */
enum {
	WORD = 1,
	LOCAL = 2,     /* of an e-mail address, before the @ */
	END_URL = 4,   /* no part of a URL */
	END_VALUE = 8, /* nor of a value beside a name */
	END_PART = 16, /* ends a part of a URL */
	SUSPECT = 32,  /* may belong to a URL, an e-mail address, a token, a named value */
};

static const uint8_t classes[256] = {
    [0 ... 31] = END_URL | END_VALUE,
    [' '] = END_URL | END_VALUE | SUSPECT,
    ['@'] = SUSPECT,
    [':'] = SUSPECT,
    ['='] = SUSPECT,
    ['0' ... '9'] = WORD | LOCAL,
    ['A' ... 'I'] = WORD | LOCAL,
    ['J'] = WORD | LOCAL | SUSPECT, /* eyJ: a token */
    ['K' ... 'Z'] = WORD | LOCAL,
    ['a' ... 'z'] = WORD | LOCAL,
    ['_'] = WORD | LOCAL,
    ['-'] = WORD | LOCAL,
    ['.'] = LOCAL,
    ['+'] = LOCAL,
    ['%'] = LOCAL | SUSPECT,
    [0x80 ... 0xff] = LOCAL,
    ['"'] = END_URL | END_VALUE | SUSPECT,
    ['\''] = END_URL | END_VALUE | SUSPECT,
    ['<'] = END_URL | END_VALUE,
    ['>'] = END_URL | END_VALUE,
    ['('] = END_URL | END_VALUE,
    [')'] = END_URL | END_VALUE,
    ['['] = END_URL | END_VALUE,
    [']'] = END_URL | END_VALUE,
    ['{'] = END_URL | END_VALUE,
    ['}'] = END_URL | END_VALUE,
    ['|'] = END_URL,
    ['^'] = END_URL,
    ['`'] = END_URL,
    ['&'] = END_VALUE,
    [';'] = END_VALUE,
    [','] = END_VALUE,
    ['/'] = END_PART,
    ['?'] = END_PART,
    ['#'] = END_PART,
};

static inline bool
is(char c, unsigned class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

static bool
is_word(char c)
{
	return is(c, WORD);
}

static bool
is_local(char c)
{
	return is(c, LOCAL);
}

static bool
ends_url(char c)
{
	return is(c, END_URL);
}

static struct store_str
part(const struct redaction *redaction, uint32_t from, uint32_t to)
{
	return (struct store_str){redaction->text.bytes + from, to - from};
}

static uint32_t
end_of(const struct redaction *redaction, uint32_t from, bool (*belongs)(char c))
{
	while (from < redaction->text.size && belongs(redaction->text.bytes[from]))
		from++;
	return from;
}

/* Bounded: it is looked for at every word. */
static uint32_t
end_of_local(const struct redaction *redaction, uint32_t from)
{
	uint32_t stop = from;

	while (stop < redaction->text.size && stop - from < LOCAL_BYTES_MAX &&
	       is_local(redaction->text.bytes[stop]))
		stop++;
	return stop;
}

/* ---- what is taken out ----------------------------------------------- */

bool
redact_is_hex(struct store_str word, uint32_t size_min)
{
	uint32_t digits = 0, dashes = 0;

	for (uint32_t i = 0; i < word.size; i++) {
		digits += isdigit((unsigned char)word.bytes[i]) != 0;
		dashes += word.bytes[i] == '-';
		if (!isxdigit((unsigned char)word.bytes[i]) && word.bytes[i] != '-')
			return false;
	}
	return digits > 0 && word.size - dashes >= size_min && (dashes == 0 || word.size == 36);
}

bool
redact_is_token(struct store_str word)
{
	uint32_t digits = 0, upper = 0, others = 0;

	if (word.size >= 3 && memcmp(word.bytes, "eyJ", 3) == 0)
		return true; /* a JSON Web Token */
	if (word.size < 16)
		return false;
	for (uint32_t i = 0; i < word.size; i++) {
		unsigned char c = (unsigned char)word.bytes[i];

		digits += isdigit(c) != 0;
		upper += isupper(c) != 0;
		others += !isalnum(c);
		if (!isalnum(c) && c != '_' && c != '-' && c != '=' && c != '.')
			return false;
	}
	return digits >= 3 && (upper >= 3 || digits * 4 >= word.size) && word.size - others > 12;
}

/* The end of an e-mail address whose local part is from .. to; 0: it is none. */
static uint32_t
end_of_email(const struct redaction *redaction, uint32_t from, uint32_t to)
{
	const struct store_str text = redaction->text;
	struct store_str local = part(redaction, from, to);
	const char *encoded = local.size < 4 ? NULL : memmem(local.bytes, local.size, "%40", 3);
	uint32_t at = to, end;
	bool dot = false;

	if (encoded != NULL && encoded > local.bytes)
		return memchr(encoded, '.', local.size - (size_t)(encoded - local.bytes)) != NULL
			   ? to
			   : 0;
	if (to == from || to == text.size || text.bytes[to] != '@')
		return 0;
	for (end = ++at; end < text.size && (is_word(text.bytes[end]) || text.bytes[end] == '.' ||
					     (unsigned char)text.bytes[end] >= 0x80);
	     end++)
		dot |= text.bytes[end] == '.' && end > at;
	return dot ? end : 0;
}

static bool
is_secret_name(struct store_str word)
{
	/* What the names end with. */
	static const char ends[] = "dDtTnNyYhHpPeE";
	static const char *const names[] = {
	    "password", "passwd", "pwd",       "secret", "token",         "apikey", "api_key",
	    "api-key",  "sessid", "sessionid", "auth",   "authorization", "otp",    "signature"};

	if (memchr(ends, word.bytes[word.size - 1], sizeof ends - 1) == NULL)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t size = strlen(names[i]);

		if (word.size >= size &&
		    strncasecmp(word.bytes + word.size - size, names[i], size) == 0)
			return true;
	}
	return false;
}

static bool
is_value(char c)
{
	return !is(c, END_VALUE);
}

static bool
is_url_value(char c)
{
	return !is(c, END_VALUE | END_PART);
}

/* Where the value beside a secret's name is: NAME=VALUE, "NAME": "VALUE",
 * Bearer VALUE. False: there is none. */
static bool
find_value(const struct redaction *redaction, uint32_t name, uint32_t name_end, uint32_t *from,
	   uint32_t *to)
{
	const struct store_str text = redaction->text;
	struct store_str word = part(redaction, name, name_end);
	uint32_t at = name_end;
	bool colon = false, digit = false;

	if (at == text.size || word.size == 0 || strchr("=:\"' ", text.bytes[at]) == NULL ||
	    text.bytes[at] == '\0')
		return false; /* most words are neither a name nor Bearer */
	if (word.size == 6 && strncasecmp(word.bytes, "bearer", 6) == 0) {
		at += at < text.size && text.bytes[at] == ' ';
	} else if (is_secret_name(word)) {
		at += at < text.size && (text.bytes[at] == '"' || text.bytes[at] == '\'');
		if (at >= text.size || (text.bytes[at] != '=' && text.bytes[at] != ':'))
			return false;
		colon = text.bytes[at++] == ':';
		at += at < text.size && text.bytes[at] == ' ';
		at += at < text.size && (text.bytes[at] == '"' || text.bytes[at] == '\'');
	} else {
		return false;
	}
	*from = at;
	*to = end_of(redaction, at, redaction->in_url ? is_url_value : is_value);
	for (uint32_t i = *from; i < *to; i++)
		digit |= isdigit((unsigned char)text.bytes[i]) != 0;
	/* "Unexpected token: name" is no secret; "Authorization: Bearer" has its
	 * value behind the next word. */
	return at > name_end && *to - *from >= 3 && (!colon || digit || text.bytes[at - 1] != ' ');
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
	bool well = put(redaction, part(redaction, redaction->copied, from)) &&
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

	while (stop < text.size && !ends_url(text.bytes[stop]) && text.bytes[stop] != '?' &&
	       text.bytes[stop] != '#')
		stop++;
	stop = position_of(redaction, from, stop);
	for (begin = stop; begin > from && text.bytes[begin - 1] != '/';)
		begin--;
	redaction->script_begin = begin;
	redaction->script_end = is_script(part(redaction, begin, stop)) ? stop : 0;
}

/* After "://": userinfo goes. The path is looked at like any text. A URL inside
 * another's path is not searched for a script: that would not be linear. */
static bool
strip_url(struct redaction *redaction, uint32_t authority, bool inside, uint32_t *end)
{
	const struct store_str text = redaction->text;
	uint32_t host = authority, path = authority;

	for (; path < text.size && !is(text.bytes[path], END_URL | END_PART); path++) {
		if (text.bytes[path] == '@')
			host = path + 1;
	}
	*end = host;
	if (!inside)
		find_script(redaction, path);
	return host == authority || replace(redaction, authority, host, "");
}

static bool
drop_query(struct redaction *redaction, uint32_t from, uint32_t *end)
{
	const struct store_str text = redaction->text;
	uint32_t stop = from;

	while (stop < text.size && !ends_url(text.bytes[stop]))
		stop++;
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
	return is_word(c) || c == '.' || c == '=';
}

/* A word begins at `at`; *end is where to go on. */
static bool
take_word(struct redaction *redaction, uint32_t at, uint32_t *end)
{
	uint32_t word_end = end_of(redaction, at, is_word), from, to;
	struct store_str word = part(redaction, at, word_end);
	bool script = at >= redaction->script_begin && word_end <= redaction->script_end &&
		      redaction->script_end > 0;

	if (redaction->may_have_email &&
	    (*end = end_of_email(redaction, at, end_of_local(redaction, at))) > 0)
		return replace(redaction, at, *end, "[email]");
	if (starts_with_address(redaction, at)) {
		*end = at + redaction->address.size;
		return replace(redaction, at, *end, "[address]");
	}
	if (word.size > 10 && memcmp(word.bytes, "eyJ", 3) == 0) {
		*end = end_of(redaction, at, is_jwt);
		return replace(redaction, at, *end, "[token]");
	}
	*end = word_end;
	if (find_value(redaction, at, word_end, &from, &to)) {
		*end = to;
		return replace(redaction, from, to, "[redacted]");
	}
	if (!script && redact_is_hex(word, HEX_SIZE_MIN))
		return replace(redaction, at, word_end, "[hex]");
	if (!script && redact_is_token(word))
		return replace(redaction, at, word_end, "[token]");
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
		unsigned class = classes[(unsigned char)text.bytes[i]];

		seen |= class;
		dots += text.bytes[i] == '.';
		word = class & WORD ? word + 1 : 0;
		longest = word > longest ? word : longest;
	}
	return !(seen & SUSPECT) && longest <= WORD_SIZE_MAX && dots < DOTS_OF_ADDRESS;
}

/* Through the text, word by word. */
static bool
walk(struct store_str text, struct store_str address, struct store_arena *arena,
     struct store_str *out)
{
	struct redaction redaction = {.text = text, .address = address, .arena = arena};
	bool well = true;

	redaction.may_have_email = text.size > 0 && (memchr(text.bytes, '@', text.size) != NULL ||
						     memchr(text.bytes, '%', text.size) != NULL);

	for (uint32_t at = 0, end; well && at < text.size; at = end) {
		char c = text.bytes[at];

		end = at + 1;
		if (c == ':' && text.size - at > 3 && memcmp(text.bytes + at, "://", 3) == 0) {
			well = strip_url(&redaction, at + 3, redaction.in_url, &end);
			redaction.in_url = true;
		} else if (redaction.in_url && (c == '?' || c == '#')) {
			redaction.in_url = false;
			well = drop_query(&redaction, at, &end);
		} else if (is_local(c) && c != '-' && c != '.') {
			well = take_word(&redaction, at, &end);
			end = end > at ? end : at + 1;
		} else if (starts_with_address(&redaction, at)) { /* ::1 and its like */
			end = at + address.size;
			well = replace(&redaction, at, end, "[address]");
		}
		redaction.in_url = redaction.in_url && !ends_url(c);
	}
	if (well && redaction.bytes != NULL) {
		well = put(&redaction, part(&redaction, redaction.copied, text.size));
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
