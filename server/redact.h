/*
 * Takes out of free text what must not be stored: e-mail addresses, tokens,
 * long numbers and hex strings, values beside names like password, userinfo,
 * query and fragment of URLs, and the client's address. Each leaves a word in
 * brackets, so that the text stays readable and equal texts stay equal.
 * The same for the same text; linear in it. Any thread.
 */
#ifndef REDACT_H
#define REDACT_H

#include "store/store.h"

/* The client's address, which is taken out, too. */
struct redact_address {
	struct store_str text; /* borrowed; "": there is none */
	bool is_usual;         /* has three dots, or two colons, or nothing */
};
struct redact_address redact_address(struct store_str text);

/* *out is the text itself when nothing had to go, else in the arena. False: out
 * of memory. */
bool redact(struct store_str text, const struct redact_address *address, struct store_arena *arena,
	    struct store_str *out);

/* The columns of a table that hold text that a page made up, and are redacted;
 * 0 ends them. Only then a text is cut, at bytes_max: half a secret looks like
 * none. */
struct redact_column {
	uint16_t column, bytes_max;
};
const struct redact_column *redact_columns(uint32_t table);

/* What must be seen of a secret to know it, at most: an e-mail address. */
#define REDACT_SECRET_BYTES 512u
/* At most so many bytes, whole characters. */
struct store_str redact_cut(struct store_str text, uint32_t bytes_max);
/* What is left of a text before it is redacted, and cut at bytes_max then: so much more
 * that a secret there is known, and no half of one at the end, which would come forward
 * when what is before it gets shorter. */
struct store_str redact_cut_early(struct store_str text, uint32_t bytes_max);
/* The same for a text of a column; of one that is not redacted bytes_max. */
struct store_str
redact_cut_column(struct store_str text, uint32_t table, uint32_t column, uint32_t bytes_max);
/* Whether a column holds text that a page made up, and is redacted. */
bool redact_applies(uint32_t table, uint32_t column);

/* Whether a word looks like a key or a token: long, of mixed letters and
 * digits. Shared with url.c. */
bool redact_is_token(struct store_str word);
/* Digits, or hex digits with a digit among them, at least `size_min` of them;
 * dashes as in a UUID. */
bool redact_is_hex(struct store_str word, uint32_t size_min);

#endif
