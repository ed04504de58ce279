/*
 * Lists of regexes against one text: which of a list is the first that matches,
 * and what its groups have. Words of which a match must contain one spare most
 * of the regexes; those that are tried are compiled then.
 */
#ifndef USERAGENT_MATCH_H
#define USERAGENT_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "useragent_table.h"

#define USERAGENT_BYTES_MAX 512u /* of a text */
#define USERAGENT_GROUPS_MAX 10u

struct useragent_word;

struct useragent_list {
	const struct useragent_regex *entries; /* static */
	size_t count;
	_Atomic(pcre2_code *) *codes; /* owned; NULL until first tried */
	struct useragent_word *words; /* owned */
	uint32_t *first_word;         /* owned: [count + 1], of each entry */
};

/* Which three bytes a text has is told by a bit each; some share one. */
#define USERAGENT_GRAMS 4096u

struct useragent_text {
	const char *bytes;                   /* the User-Agent */
	char lower[USERAGENT_BYTES_MAX + 1]; /* the same in lower case, NUL-terminated */
	size_t size;
	uint64_t grams[USERAGENT_GRAMS / 64]; /* which three bytes it has */
	/* Where they are: one more than the first place, and than the next after
	 * a place; 0: no more. */
	uint16_t first[USERAGENT_GRAMS], next[USERAGENT_BYTES_MAX];
};

/* The first regex that matched, and where its groups are in the text. */
struct useragent_found {
	const struct useragent_regex *entry; /* NULL: none matched */
	pcre2_match_data *data;
	uint32_t groups; /* of data's vector that are this match's */
};

/* False: out of memory; useragent_list_close is due nevertheless. */
bool useragent_list_open(struct useragent_list *list, const struct useragent_regex *entries,
			 size_t count);
void useragent_list_close(struct useragent_list *list);

/* bytes[size], borrowed; at most USERAGENT_BYTES_MAX. */
void useragent_text_init(struct useragent_text *text, const char *bytes, size_t size);

/* Entry i alone. How many groups; 0: more than the vector holds; negative: it
 * does not match. */
int useragent_try(struct useragent_list *list, size_t i, const struct useragent_text *text,
		  pcre2_match_context *context, pcre2_match_data *data);
/* The first entry that matches. */
struct useragent_found
useragent_match(struct useragent_list *list, const struct useragent_text *text,
		pcre2_match_context *context, pcre2_match_data *data);

/* out, a string, and then as many of the bytes as there is room for. */
void useragent_append(char *out, size_t out_size, const char *bytes, size_t size);
/* The replacement with its $1..$9, or group `otherwise`. */
void useragent_expand(char *out, size_t out_size, const char *replacement, uint32_t otherwise,
		      const struct useragent_text *text, const struct useragent_found *found);

#endif
