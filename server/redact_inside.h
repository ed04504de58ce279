/* What redact.c and redact_secret.c share. Nothing else includes this. */
#ifndef REDACT_INSIDE_H
#define REDACT_INSIDE_H

#include "redact.h"

struct redaction {
	struct store_str text, address;
	struct store_arena *arena;
	char *bytes;         /* NULL: nothing had to go so far */
	uint32_t size;       /* of bytes */
	uint32_t copied;     /* of the text: what is before is in bytes, or gone */
	uint32_t script_end; /* before it: names of script files, which have hashes */
	uint32_t script_begin;
	enum {
		REDACT_NO_URL,
		REDACT_PATH,        /* behind a slash: a URL without its origin, maybe */
		REDACT_URL,         /* behind :// */
		REDACT_ENCODED_URL, /* behind %3A%2F%2F */
	} in_url;
	uint32_t brackets;   /* of the URL at hand: openers within it */
	char opener, closer; /* around it; '\0': none */
	bool may_have_email; /* there is an @, or what may be an encoded one */
	uint32_t without_at; /* up to here none is behind the word at hand */
};

/* What a byte may be part of. */
enum {
	REDACT_WORD = 1,
	REDACT_LOCAL = 2,     /* of an e-mail address, before the @ */
	REDACT_END_URL = 4,   /* no part of a URL */
	REDACT_END_VALUE = 8, /* nor of a value beside a name */
	REDACT_END_PART = 16, /* ends a part of a URL */
	REDACT_SUSPECT = 32,  /* may belong to a URL, an e-mail address, a token, a named value */
};

extern const uint8_t redact_classes[256];

static inline bool
redact_is(char c, unsigned class)
{
	return (redact_classes[(unsigned char)c] & class) != 0;
}

static inline bool
redact_is_word(char c)
{
	return redact_is(c, REDACT_WORD);
}

static inline struct store_str
redact_part(const struct redaction *redaction, uint32_t from, uint32_t to)
{
	return (struct store_str){redaction->text.bytes + from, to - from};
}

static inline uint32_t
redact_end_of(const struct redaction *redaction, uint32_t from, bool (*belongs)(char c))
{
	while (from < redaction->text.size && belongs(redaction->text.bytes[from]))
		from++;
	return from;
}

/* The character at `at`, also one that is written as %40, %2540, \u0040 or \x40, as
 * texts within texts have them; *end is behind it. -1: the text is over. */
int redact_character(const struct redaction *redaction, uint32_t at, uint32_t *end);

/* Behind ://, also an encoded one, or one with backslashes (JSON); 0: it is none. */
uint32_t redact_end_of_scheme(const struct redaction *redaction, uint32_t at);

/* Whether a ? with a name and = behind it stands here, also encoded. */
bool redact_begins_query(const struct redaction *redaction, uint32_t at);

/* The end of an e-mail address whose local part begins at `from`; 0: it is none. */
uint32_t redact_end_of_email(struct redaction *redaction, uint32_t from);

/* Where the value beside a secret's name is: NAME=VALUE, "NAME": "VALUE", also within
 * another text's quotes or encoded; <NAME>VALUE, Bearer VALUE. False: there is none. */
bool redact_find_value(const struct redaction *redaction, uint32_t name, uint32_t name_end,
		       uint32_t *from, uint32_t *to);

#endif
