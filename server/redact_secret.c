/*
 * What a secret looks like: keys and tokens, e-mail addresses, values beside
 * names. Below redact.c, and url.c's for words of a path. Must not copy a text.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "escape.h"
#include "redact_inside.h"

#define LOCAL_BYTES_MAX 64u /* of an e-mail address (RFC 5321) */
#define ENCODED_MAX 4u      /* times over: %2525252540 is an @ */
#define BETWEEN_MAX 8u      /* quotes, brackets and spaces in a row, by a secret's name */

const uint8_t redact_classes[256] = {
    [0 ... 31] = REDACT_END_URL | REDACT_END_VALUE,
    [' '] = REDACT_END_URL | REDACT_END_VALUE | REDACT_SUSPECT,
    ['@'] = REDACT_SUSPECT,
    [':'] = REDACT_SUSPECT,
    ['='] = REDACT_SUSPECT,
    ['\\'] = REDACT_SUSPECT,
    ['0' ... '9'] = REDACT_WORD | REDACT_LOCAL,
    ['A' ... 'I'] = REDACT_WORD | REDACT_LOCAL,
    ['J'] = REDACT_WORD | REDACT_LOCAL | REDACT_SUSPECT, /* eyJ: a token */
    ['K' ... 'Z'] = REDACT_WORD | REDACT_LOCAL,
    ['a' ... 'z'] = REDACT_WORD | REDACT_LOCAL,
    ['_'] = REDACT_WORD | REDACT_LOCAL,
    ['-'] = REDACT_WORD | REDACT_LOCAL,
    ['.'] = REDACT_LOCAL,
    ['+'] = REDACT_LOCAL,
    ['%'] = REDACT_LOCAL | REDACT_SUSPECT,
    [0x80 ... 0xff] = REDACT_LOCAL,
    ['"'] = REDACT_END_URL | REDACT_END_VALUE | REDACT_SUSPECT,
    ['\''] = REDACT_END_URL | REDACT_END_VALUE | REDACT_SUSPECT,
    ['<'] = REDACT_END_URL | REDACT_END_VALUE | REDACT_SUSPECT,
    ['>'] = REDACT_END_URL | REDACT_END_VALUE,
    ['('] = REDACT_END_URL | REDACT_END_VALUE,
    [')'] = REDACT_END_URL | REDACT_END_VALUE,
    ['['] = REDACT_END_URL | REDACT_END_VALUE,
    [']'] = REDACT_END_URL | REDACT_END_VALUE,
    ['{'] = REDACT_END_URL | REDACT_END_VALUE,
    ['}'] = REDACT_END_URL | REDACT_END_VALUE,
    ['|'] = REDACT_END_URL,
    ['^'] = REDACT_END_URL,
    ['`'] = REDACT_END_URL,
    ['&'] = REDACT_END_VALUE,
    [';'] = REDACT_END_VALUE,
    [','] = REDACT_END_VALUE,
    ['/'] = REDACT_END_PART,
    ['?'] = REDACT_END_PART,
    ['#'] = REDACT_END_PART,
};

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

/* ---- characters as they stand in texts within texts ------------------- */

static int
hex_at(struct store_str text, uint32_t at)
{
	return escape_hex(text.bytes + at, text.size - at);
}

int
redact_character(const struct redaction *redaction, uint32_t at, uint32_t *end)
{
	const struct store_str text = redaction->text;
	int code = -1;

	if (at >= text.size)
		return -1;
	*end = at + 1;
	for (uint32_t i = 0; i < BETWEEN_MAX && text.bytes[at] == '\\' && text.size - at > 1 &&
			     text.bytes[at + 1] == '\\';
	     i++)
		at++;
	if (text.bytes[at] == '%') {
		for (uint32_t i = 0; i < ENCODED_MAX && (code = hex_at(text, at + 1)) == '%'; i++)
			at += 2;
		at += 1;
	} else if (text.bytes[at] == '\\' && text.size - at > 5 &&
		   memcmp(text.bytes + at + 1, "u00", 3) == 0) {
		code = hex_at(text, at += 4);
	} else if (text.bytes[at] == '\\' && text.size - at > 3 && text.bytes[at + 1] == 'x') {
		code = hex_at(text, at += 2);
	}
	if (code < 0)
		return (unsigned char)text.bytes[*end - 1];
	*end = at + 2;
	return code;
}

/* Past backslashes, as before a quote or a slash in JSON within JSON. */
static int
character_behind_slashes(const struct redaction *redaction, uint32_t at, uint32_t *end)
{
	int c;

	for (uint32_t i = 0; (c = redact_character(redaction, at, end)) == '\\' && i < BETWEEN_MAX;
	     i++)
		at = *end;
	return c;
}

uint32_t
redact_end_of_scheme(const struct redaction *redaction, uint32_t at)
{
	uint32_t end;

	if (redact_character(redaction, at, &end) != ':')
		return 0;
	for (int i = 0; i < 2; i++) {
		if (character_behind_slashes(redaction, end, &end) != '/')
			return 0;
	}
	return end;
}

bool
redact_begins_query(const struct redaction *redaction, uint32_t at)
{
	uint32_t from, end, next;

	if (redact_character(redaction, at, &from) != '?')
		return false;
	/* Names may be as PHP and others have them, and some have no value: ?all&user[name]= */
	for (end = from; end < redaction->text.size && end - from < LOCAL_BYTES_MAX; end = next) {
		int c = redact_character(redaction, end, &next);

		if (c == '=')
			return end > from;
		if (c == 0 || (!redact_is_word((char)c) && strchr(".[]$:&+@ ", c) == NULL) ||
		    (c == ' ' && next == end + 1))
			break;
	}
	return false;
}

/* ---- e-mail addresses ------------------------------------------------- */

/* The @ behind a local part, also an encoded one; *end is behind it. It is looked for at
 * every word: what was seen to have none is not looked at again. */
static bool
find_at(struct redaction *redaction, uint32_t from, uint32_t *end)
{
	const struct store_str text = redaction->text;
	uint32_t at = from > redaction->without_at ? from : redaction->without_at;

	for (; at < text.size && at - from <= LOCAL_BYTES_MAX; at++) {
		char c = text.bytes[at];

		if ((c == '@' || c == '%' || c == '\\') &&
		    redact_character(redaction, at, end) == '@') {
			redaction->without_at = at;
			return at > from;
		}
		if (!redact_is(c, REDACT_LOCAL))
			break;
	}
	redaction->without_at = at;
	return false;
}

uint32_t
redact_end_of_email(struct redaction *redaction, uint32_t from)
{
	const struct store_str text = redaction->text;
	uint32_t at, end;
	bool dot = false;

	if (!find_at(redaction, from, &at))
		return 0;
	for (end = at;
	     end < text.size && (redact_is_word(text.bytes[end]) || text.bytes[end] == '.' ||
				 (unsigned char)text.bytes[end] >= 0x80);
	     end++)
		dot |= text.bytes[end] == '.' && end > at;
	return dot ? end : 0;
}

/* ---- values beside names ---------------------------------------------- */

static bool
is_one_of(struct store_str word, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(names[i]);

		if (word.size >= size &&
		    strncasecmp(word.bytes + word.size - size, names[i], size) == 0)
			return true;
	}
	return false;
}

static bool
is_secret_name(struct store_str word)
{
	/* What the names end with. */
	static const char ends[] = "dDtTnNyYhHpPeE";
	static const char *const names[] = {
	    "password", "passwd", "pwd",       "secret", "token",         "apikey", "api_key",
	    "api-key",  "sessid", "sessionid", "auth",   "authorization", "otp",    "signature"};

	return memchr(ends, word.bytes[word.size - 1], sizeof ends - 1) != NULL &&
	       is_one_of(word, names, sizeof names / sizeof *names);
}

/* What stands between Authorization and the value. */
static bool
is_auth_scheme(struct store_str word)
{
	static const char *const schemes[] = {"bearer", "basic", "digest", "negotiate"};

	return is_one_of(word, schemes, sizeof schemes / sizeof *schemes);
}

static bool
is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind characters of a kind. */
static uint32_t
skip(const struct redaction *redaction, uint32_t at, const char *characters)
{
	uint32_t end;
	int c;

	for (uint32_t i = 0; i < BETWEEN_MAX; i++, at = end) {
		c = redact_character(redaction, at, &end);
		if (c <= 0 || strchr(characters, c) == NULL)
			break;
	}
	return at;
}

/* Where a value without quotes ends. */
static uint32_t
end_of_plain(const struct redaction *redaction, uint32_t at, bool encoded)
{
	const unsigned ends =
	    REDACT_END_VALUE | (redaction->in_url >= REDACT_URL ? REDACT_END_PART : 0);
	uint32_t next;

	for (; at < redaction->text.size && !redact_is(redaction->text.bytes[at], ends); at++) {
		int c = encoded && redaction->text.bytes[at] == '%'
			    ? redact_character(redaction, at, &next)
			    : 'a';

		if (c < 0x80 && redact_is((char)c, ends))
			break;
	}
	return at;
}

/* A value in quotes goes on to the same quote, behind as many backslashes; what has no
 * second one was cut off. A line's end ends it, too. */
static uint32_t
end_of_quoted(const struct redaction *redaction, uint32_t quote, uint32_t at)
{
	const struct store_str text = redaction->text;
	struct store_str opening = redact_part(redaction, quote, at);

	for (; at < text.size && text.bytes[at] != '\n' && text.bytes[at] != '\r'; at++) {
		if (text.bytes[at] == opening.bytes[0] && text.bytes[at - 1] != '\\' &&
		    text.size - at >= opening.size &&
		    memcmp(text.bytes + at, opening.bytes, opening.size) == 0)
			break;
	}
	return at;
}

/* = and : and =>, between a name and its value, with what closes the name. */
struct assignment {
	uint32_t end;
	bool is_colon, is_spaced, is_encoded; /* a space stands before or behind it */
};

static bool
find_assignment(const struct redaction *redaction, uint32_t at, struct assignment *found)
{
	uint32_t closed = skip(redaction, at, "\\\"'[]"),
		 before = skip(redaction, closed, " \t\r\n"), end;
	int c = redact_character(redaction, before, &end);

	/* [name="token"]:hover is a selector. */
	if (c != '=' && (c != ':' || memchr(redaction->text.bytes + at, ']', closed - at) != NULL))
		return false;
	found->is_colon = c == ':';
	found->is_encoded = end - before > 1;
	if (c == '=' && redact_character(redaction, end, &at) == '>')
		end = at;
	found->end = skip(redaction, end, " \t\r\n");
	found->is_spaced = before > closed || found->end > end;
	return true;
}

/* <password>VALUE */
static bool
is_element(const struct redaction *redaction, uint32_t name, uint32_t name_end)
{
	return name > 0 && redaction->text.bytes[name_end] == '>' &&
	       (redaction->text.bytes[name - 1] == '<' || redaction->text.bytes[name - 1] == ':');
}

/* A value without quotes from *from on. True: it is behind a scheme. */
static bool
take_plain(const struct redaction *redaction, bool encoded, uint32_t *from, uint32_t *to)
{
	uint32_t next;

	*to = end_of_plain(redaction, *from, encoded);
	if (!is_auth_scheme(redact_part(redaction, *from, *to)) ||
	    !is_space(redact_character(redaction, *to, &next)))
		return false;
	*from = next;
	*to = end_of_plain(redaction, next, encoded);
	return true;
}

/* "Unexpected token: name" and "token = name" are no secrets. */
static bool
may_be_prose(struct store_str name, const struct assignment *found, struct store_str value)
{
	static const char *const token[] = {"token"};

	if (!found->is_spaced || (!found->is_colon && !is_one_of(name, token, 1)))
		return false;
	for (uint32_t i = 0; i < value.size; i++) {
		if (isdigit((unsigned char)value.bytes[i]))
			return false;
	}
	return true;
}

bool
redact_find_value(const struct redaction *redaction, uint32_t name, uint32_t name_end,
		  uint32_t *from, uint32_t *to)
{
	const struct store_str text = redaction->text;
	struct store_str word = redact_part(redaction, name, name_end);
	struct assignment found;
	uint32_t quote;
	int c;

	if (name_end == text.size || word.size == 0 || text.bytes[name_end] == '\0' ||
	    strchr("=:\"' \\%][>\t\r\n", text.bytes[name_end]) == NULL)
		return false; /* most words are neither a name nor Bearer */
	if (word.size == 6 && strncasecmp(word.bytes, "bearer", 6) == 0) {
		if (!is_space(redact_character(redaction, name_end, from)))
			return false;
		*to = end_of_plain(redaction, *from, *from > name_end + 1);
		return *to - *from >= 3;
	}
	if (!is_secret_name(word))
		return false;
	if (is_element(redaction, name, name_end)) {
		*from = name_end + 1;
		*to = end_of_plain(redaction, *from, false);
		return *to - *from >= 3;
	}
	if (!find_assignment(redaction, name_end, &found))
		return false;
	quote = *from = found.end;
	c = character_behind_slashes(redaction, quote, from);
	if (c == '"' || c == '\'') {
		*to = end_of_quoted(redaction, quote, *from);
		return *to - *from >= 3;
	}
	*from = found.end;
	return (take_plain(redaction, found.is_encoded, from, to) ||
		!may_be_prose(word, &found, redact_part(redaction, *from, *to))) &&
	       *to - *from >= 3;
}
