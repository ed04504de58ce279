/*
 * useragent_match.h over PCRE2. Below useragent.c. Must not cost more than the
 * context's limits allow, whatever the text is.
 */
#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "useragent_match.h"

/* What a regex cannot match without, or one of several such. */
struct useragent_word {
	const char *bytes; /* static; not NUL-terminated */
	uint32_t size;
	uint16_t begin, end; /* of its first and its last three bytes: gram_of() */
};

static inline uint16_t
gram_of(const char *bytes)
{
	uint32_t three = (uint32_t)(unsigned char)bytes[0] |
			 (uint32_t)(unsigned char)bytes[1] << 8 |
			 (uint32_t)(unsigned char)bytes[2] << 16;

	return (uint16_t)(three * 0x9e3779b1u >> (32 - 12));
}

/* The words of all entries, one after another. */
static bool
list_words(struct useragent_list *list)
{
	size_t words_max = 0, count = 0;

	for (size_t i = 0; i < list->count; i++) {
		for (const char *c = list->entries[i].words; *c != '\0'; c++)
			words_max += *c == '\n';
	}
	list->words = calloc(words_max + 1, sizeof *list->words);
	list->first_word = calloc(list->count + 1, sizeof *list->first_word);
	if (list->words == NULL || list->first_word == NULL)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const char *begin = list->entries[i].words, *end;

		list->first_word[i] = (uint32_t)count;
		for (; (end = strchr(begin, '\n')) != NULL; begin = end + 1)
			list->words[count++] = (struct useragent_word){
			    begin, (uint32_t)(end - begin), gram_of(begin), gram_of(end - 3)};
	}
	list->first_word[list->count] = (uint32_t)count;
	return true;
}

bool
useragent_list_open(struct useragent_list *list, const struct useragent_regex *entries,
		    size_t count)
{
	list->entries = entries;
	list->count = count;
	list->codes = calloc(count, sizeof *list->codes);
	return list->codes != NULL && list_words(list);
}

void
useragent_list_close(struct useragent_list *list)
{
	for (size_t i = 0; list->codes != NULL && i < list->count; i++)
		pcre2_code_free(list->codes[i]);
	free(list->codes);
	free(list->words);
	free(list->first_word);
}

/* ---- texts ----------------------------------------------------------- */

void
useragent_text_init(struct useragent_text *text, const char *bytes, size_t size)
{
	*text = (struct useragent_text){.bytes = bytes, .size = size};
	for (size_t i = 0; i < size; i++)
		text->lower[i] = (char)tolower((unsigned char)bytes[i]);
	for (size_t i = size < 3 ? 0 : size - 2; i-- > 0;) {
		uint16_t gram = gram_of(text->lower + i);

		text->grams[gram / 64] |= (uint64_t)1 << gram % 64;
		text->next[i] = text->first[gram];
		text->first[gram] = (uint16_t)(i + 1);
	}
}

static bool
has_gram(const struct useragent_text *text, uint16_t gram)
{
	return text->grams[gram / 64] >> gram % 64 & 1;
}

static bool
has_word(const struct useragent_text *text, const struct useragent_word *word)
{
	if (!has_gram(text, word->begin) || !has_gram(text, word->end))
		return false;
	for (uint32_t at = text->first[word->begin]; at != 0; at = text->next[at - 1]) {
		if (text->size - (at - 1) >= word->size &&
		    memcmp(text->lower + at - 1, word->bytes, word->size) == 0)
			return true;
	}
	return false;
}

/* Whether the entry can match at all: it has one of the words, or needs none. */
static bool
may_match(const struct useragent_list *list, size_t i, const struct useragent_text *text)
{
	uint32_t from = list->first_word[i], to = list->first_word[i + 1];

	if (from == to)
		return true;
	for (; from < to; from++) {
		if (has_word(text, &list->words[from]))
			return true;
	}
	return false;
}

/* ---- matching -------------------------------------------------------- */

/* Compiled on first use; two threads may both compile, one wins. */
static pcre2_code *
code_of(struct useragent_list *list, size_t i)
{
	pcre2_code *code = atomic_load_explicit(&list->codes[i], memory_order_acquire),
		   *none = NULL;
	uint32_t options = PCRE2_NO_UTF_CHECK | (list->entries[i].ignore_case ? PCRE2_CASELESS : 0);
	PCRE2_SIZE offset;
	int error;

	if (code != NULL)
		return code;
	code = pcre2_compile((PCRE2_SPTR)list->entries[i].regex, PCRE2_ZERO_TERMINATED, options,
			     &error, &offset, NULL);
	if (code == NULL)
		return NULL;
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	if (!atomic_compare_exchange_strong(&list->codes[i], &none, code)) {
		pcre2_code_free(code);
		return none;
	}
	return code;
}

int
useragent_try(struct useragent_list *list, size_t i, const struct useragent_text *text,
	      pcre2_match_context *context, pcre2_match_data *data)
{
	pcre2_code *code = may_match(list, i, text) ? code_of(list, i) : NULL;

	return code == NULL
		   ? -1
		   : pcre2_match(code, (PCRE2_SPTR)text->bytes, text->size, 0, 0, data, context);
}

struct useragent_found
useragent_match(struct useragent_list *list, const struct useragent_text *text,
		pcre2_match_context *context, pcre2_match_data *data)
{
	for (size_t i = 0; i < list->count; i++) {
		int groups = useragent_try(list, i, text, context, data);

		if (groups >= 0)
			return (struct useragent_found){&list->entries[i], data,
							groups == 0 ? USERAGENT_GROUPS_MAX
								    : (uint32_t)groups};
	}
	return (struct useragent_found){0};
}

void
useragent_append(char *out, size_t out_size, const char *bytes, size_t size)
{
	size_t used = strlen(out), room = out_size - used - 1;

	if (size > room)
		size = room;
	memcpy(out + used, bytes, size);
	out[used + size] = '\0';
}

static void
append_group(char *out, size_t out_size, const struct useragent_text *text,
	     const struct useragent_found *found, uint32_t group)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(found->data);

	if (group < found->groups && offsets[group * 2] != PCRE2_UNSET &&
	    offsets[group * 2 + 1] > offsets[group * 2])
		useragent_append(out, out_size, text->bytes + offsets[group * 2],
				 offsets[group * 2 + 1] - offsets[group * 2]);
}

void
useragent_expand(char *out, size_t out_size, const char *replacement, uint32_t otherwise,
		 const struct useragent_text *text, const struct useragent_found *found)
{
	size_t size;

	out[0] = '\0';
	if (replacement == NULL) {
		append_group(out, out_size, text, found, otherwise);
		return;
	}
	for (const char *c = replacement; *c != '\0'; c++) {
		if (c[0] == '$' && isdigit((unsigned char)c[1])) {
			append_group(out, out_size, text, found, (uint32_t)(c[1] - '0'));
			c++;
		} else {
			useragent_append(out, out_size, c, 1);
		}
	}
	for (size = strlen(out); size > 0 && out[size - 1] == ' '; size--)
		out[size - 1] = '\0';
}
