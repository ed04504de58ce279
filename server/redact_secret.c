/*
 * What a secret looks like: keys and tokens, e-mail addresses, values beside
 * names. Below redact.c, and url.c's for words of a path. Must not copy a text.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "redact_inside.h"

#define LOCAL_BYTES_MAX 64u /* of an e-mail address (RFC 5321) */

const uint8_t redact_classes[256] = {
    [0 ... 31] = REDACT_END_URL | REDACT_END_VALUE,
    [' '] = REDACT_END_URL | REDACT_END_VALUE | REDACT_SUSPECT,
    ['@'] = REDACT_SUSPECT,
    [':'] = REDACT_SUSPECT,
    ['='] = REDACT_SUSPECT,
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
    ['<'] = REDACT_END_URL | REDACT_END_VALUE,
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

/* Bounded: it is looked for at every word. */
static uint32_t
end_of_local(const struct redaction *redaction, uint32_t from)
{
	uint32_t stop = from;

	while (stop < redaction->text.size && stop - from < LOCAL_BYTES_MAX &&
	       redact_is(redaction->text.bytes[stop], REDACT_LOCAL))
		stop++;
	return stop;
}

uint32_t
redact_end_of_email(const struct redaction *redaction, uint32_t from)
{
	uint32_t to = end_of_local(redaction, from);
	const struct store_str text = redaction->text;
	struct store_str local = redact_part(redaction, from, to);
	const char *encoded = local.size < 4 ? NULL : memmem(local.bytes, local.size, "%40", 3);
	uint32_t at = to, end;
	bool dot = false;

	if (encoded != NULL && encoded > local.bytes)
		return memchr(encoded, '.', local.size - (size_t)(encoded - local.bytes)) != NULL
			   ? to
			   : 0;
	if (to == from || to == text.size || text.bytes[to] != '@')
		return 0;
	for (end = ++at;
	     end < text.size && (redact_is_word(text.bytes[end]) || text.bytes[end] == '.' ||
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
	return !redact_is(c, REDACT_END_VALUE);
}

static bool
is_url_value(char c)
{
	return !redact_is(c, REDACT_END_VALUE | REDACT_END_PART);
}

bool
redact_find_value(const struct redaction *redaction, uint32_t name, uint32_t name_end,
		  uint32_t *from, uint32_t *to)
{
	const struct store_str text = redaction->text;
	struct store_str word = redact_part(redaction, name, name_end);
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
	*to = redact_end_of(redaction, at, redaction->in_url ? is_url_value : is_value);
	for (uint32_t i = *from; i < *to; i++)
		digit |= isdigit((unsigned char)text.bytes[i]) != 0;
	/* "Unexpected token: name" is no secret; "Authorization: Bearer" has its
	 * value behind the next word. */
	return at > name_end && *to - *from >= 3 && (!colon || digit || text.bytes[at - 1] != ' ');
}
