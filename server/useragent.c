/*
 * useragent.h. Part of enrichment. Regexes are compiled when first tried; words
 * of which a match must contain one spare most of them. Match limits bound what
 * a hostile User-Agent can cost.
 */
#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <xxhash.h>

#include "useragent.h"
#include "useragent_table.h"

#define UA_BYTES_MAX 512u
#define MATCH_LIMIT 20000u
#define CACHE_WAYS 4u
#define CACHE_SETS 2048u /* 8,192 User-Agents */
#define SHARDS 16u
#define GROUPS_MAX 10u
#define SPIDERS_MAX 32u /* uap-core has seven */

/* What a regex cannot match without, or one of several such. */
struct word {
	const char *bytes; /* static; not NUL-terminated */
	uint32_t size;
	uint16_t begin, end; /* of its first and its last three bytes: gram_of() */
};

struct list {
	const struct useragent_regex *entries; /* static */
	size_t count;
	_Atomic(pcre2_code *) *codes; /* owned; NULL until first tried */
	struct word *words;           /* owned */
	uint32_t *first_word;         /* owned: [count + 1], of each entry */
};

struct cached {
	uint64_t hash[2]; /* 0, 0: empty */
	uint32_t used;    /* age within its set */
	struct useragent value;
};

struct useragent_parser {
	struct list browsers, systems, devices, bots;
	uint16_t spiders[SPIDERS_MAX]; /* of the devices, in order */
	uint32_t spiders_count;
	pcre2_match_context *context; /* owned */
	uint64_t seed;
	pthread_mutex_t mutexes[SHARDS]; /* each guards the sets of its number */
	struct cached *cache;            /* owned: [CACHE_SETS][CACHE_WAYS] */
};

/* Which three bytes a text has is told by a bit each; some share one. */
#define GRAMS 4096u

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
list_words(struct list *list)
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
			list->words[count++] = (struct word){begin, (uint32_t)(end - begin),
							     gram_of(begin), gram_of(end - 3)};
	}
	list->first_word[list->count] = (uint32_t)count;
	return true;
}

static bool
list_open(struct list *list, const struct useragent_regex *entries, size_t count)
{
	list->entries = entries;
	list->count = count;
	list->codes = calloc(count, sizeof *list->codes);
	return list->codes != NULL && list_words(list);
}

static void
find_spiders(struct useragent_parser *parser)
{
	for (size_t i = 0; i < parser->devices.count; i++) {
		const char *family = parser->devices.entries[i].family;

		if (family == NULL || strcmp(family, "Spider") != 0)
			continue;
		assert(parser->spiders_count < SPIDERS_MAX);
		parser->spiders[parser->spiders_count++] = (uint16_t)i;
	}
}

struct useragent_parser *
useragent_open(void)
{
	struct useragent_parser *parser = calloc(1, sizeof *parser);

	if (parser == NULL)
		return NULL;
	for (uint32_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&parser->mutexes[i], NULL);
	parser->context = pcre2_match_context_create(NULL);
	parser->cache = calloc((size_t)CACHE_SETS * CACHE_WAYS, sizeof *parser->cache);
	if (parser->context == NULL || parser->cache == NULL ||
	    !list_open(&parser->browsers, useragent_table_browsers,
		       useragent_table_browsers_count) ||
	    !list_open(&parser->systems, useragent_table_systems, useragent_table_systems_count) ||
	    !list_open(&parser->devices, useragent_table_devices, useragent_table_devices_count) ||
	    !list_open(&parser->bots, useragent_table_bots, useragent_table_bots_count) ||
	    getrandom(&parser->seed, sizeof parser->seed, 0) != sizeof parser->seed) {
		useragent_close(parser);
		return NULL;
	}
	find_spiders(parser);
	pcre2_set_match_limit(parser->context, MATCH_LIMIT);
	pcre2_set_depth_limit(parser->context, 500);
	return parser;
}

static void
list_close(struct list *list)
{
	for (size_t i = 0; list->codes != NULL && i < list->count; i++)
		pcre2_code_free(list->codes[i]);
	free(list->codes);
	free(list->words);
	free(list->first_word);
}

void
useragent_close(struct useragent_parser *parser)
{
	if (parser == NULL)
		return;
	list_close(&parser->browsers);
	list_close(&parser->systems);
	list_close(&parser->devices);
	list_close(&parser->bots);
	pcre2_match_context_free(parser->context);
	for (uint32_t i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&parser->mutexes[i]);
	free(parser->cache);
	free(parser);
}

/* ---- matching -------------------------------------------------------- */

/* Compiled on first use; two threads may both compile, one wins. */
static pcre2_code *
code_of(struct list *list, size_t i)
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

struct text {
	const char *bytes;            /* the User-Agent */
	char lower[UA_BYTES_MAX + 1]; /* the same in lower case, NUL-terminated */
	size_t size;
	uint64_t grams[GRAMS / 64]; /* which three bytes it has */
	/* Where they are: one more than the first place, and than the next after
	 * a place; 0: no more. */
	uint16_t first[GRAMS], next[UA_BYTES_MAX];
};

static bool
has_gram(const struct text *text, uint16_t gram)
{
	return text->grams[gram / 64] >> gram % 64 & 1;
}

static bool
has_word(const struct text *text, const struct word *word)
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
may_match(const struct list *list, size_t i, const struct text *text)
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

/* The first regex that matched, and where its groups are in the text. */
struct found {
	const struct useragent_regex *entry; /* NULL: none matched */
	pcre2_match_data *data;
	uint32_t groups; /* of data's vector that are this match's */
};

/* How many groups; 0: more than the vector holds; negative: it does not match. */
static int
try(struct useragent_parser *parser, struct list *list, size_t i, const struct text *text,
    pcre2_match_data *data)
{
	pcre2_code *code = may_match(list, i, text) ? code_of(list, i) : NULL;

	return code == NULL ? -1
			    : pcre2_match(code, (PCRE2_SPTR)text->bytes, text->size, 0, 0, data,
					  parser->context);
}

static struct found
match(struct useragent_parser *parser, struct list *list, const struct text *text,
      pcre2_match_data *data)
{
	for (size_t i = 0; i < list->count; i++) {
		int groups = try(parser, list, i, text, data);

		if (groups >= 0)
			return (struct found){&list->entries[i], data,
					      groups == 0 ? GROUPS_MAX : (uint32_t)groups};
	}
	return (struct found){0};
}

static void
append(char *out, size_t out_size, const char *bytes, size_t size)
{
	size_t used = strlen(out), room = out_size - used - 1;

	if (size > room)
		size = room;
	memcpy(out + used, bytes, size);
	out[used + size] = '\0';
}

static void
append_group(char *out, size_t out_size, const struct text *text, const struct found *found,
	     uint32_t group)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(found->data);

	if (group < found->groups && offsets[group * 2] != PCRE2_UNSET &&
	    offsets[group * 2 + 1] > offsets[group * 2])
		append(out, out_size, text->bytes + offsets[group * 2],
		       offsets[group * 2 + 1] - offsets[group * 2]);
}

/* The replacement with its $1..$9, or group `otherwise`. */
static void
expand(char *out, size_t out_size, const char *replacement, uint32_t otherwise,
       const struct text *text, const struct found *found)
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
			append(out, out_size, c, 1);
		}
	}
	for (size = strlen(out); size > 0 && out[size - 1] == ' '; size--)
		out[size - 1] = '\0';
}

/* ---- results --------------------------------------------------------- */

static bool
has(const struct text *text, const char *word)
{
	return memmem(text->lower, text->size, word, strlen(word)) != NULL;
}

static bool
is_any(const char *value, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcasecmp(value, *names) == 0)
			return true;
	}
	return false;
}

static const char *
device_of(const struct useragent *result, const struct text *text)
{
	static const char *const desktops[] = {"Windows", "macOS",     "Linux",
					       "Ubuntu",  "Chrome OS", "Fedora",
					       "Debian",  "FreeBSD",   NULL};
	static const char *const phones[] = {"iOS", "Windows Phone", "KaiOS", "BlackBerry OS",
					     NULL};

	if (has(text, "ipad") || has(text, "tablet") || has(text, "kindle") || has(text, "silk/"))
		return "tablet";
	if (strcmp(result->os, "Android") == 0)
		return has(text, "smart-tv") || has(text, " tv") ? "other"
		       : has(text, "mobile")                     ? "mobile"
								 : "tablet";
	if (is_any(result->os, phones))
		return "mobile";
	if (is_any(result->os, desktops))
		return "desktop";
	return has(text, "mobile") ? "mobile" : "other";
}

static void
copy(char *out, size_t out_size, const char *value)
{
	size_t size = strnlen(value, out_size - 1);

	memcpy(out, value, size);
	out[size] = '\0';
}

/* One name for a browser on all devices: the device is a column of its own. */
static void
name_once(char *browser)
{
	static const char *const endings[] = {" Mobile", " iOS"};

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		char *ending = strstr(browser, endings[i]);

		if (ending != NULL)
			*ending = '\0';
	}
	if (strncmp(browser, "Mobile Safari", 13) == 0)
		memmove(browser, browser + 7, strlen(browser + 7) + 1);
}

static void
parse_browser(struct useragent_parser *parser, const struct text *text, pcre2_match_data *data,
	      struct useragent *out)
{
	struct found found = match(parser, &parser->browsers, text, data);

	if (found.entry == NULL)
		return;
	expand(out->browser, sizeof out->browser, found.entry->family, 1, text, &found);
	expand(out->browser_version, sizeof out->browser_version, found.entry->major, 2, text,
	       &found);
	name_once(out->browser);
}

static void
parse_system(struct useragent_parser *parser, const struct text *text, pcre2_match_data *data,
	     struct useragent *out)
{
	struct found found = match(parser, &parser->systems, text, data);
	char minor[8];

	if (found.entry == NULL)
		return;
	expand(out->os, sizeof out->os, found.entry->family, 1, text, &found);
	expand(out->os_version, sizeof out->os_version - sizeof minor - 1, found.entry->major, 2,
	       text, &found);
	expand(minor, sizeof minor, found.entry->minor, 3, text, &found);
	if (minor[0] != '\0') {
		append(out->os_version, sizeof out->os_version, ".", 1);
		append(out->os_version, sizeof out->os_version, minor, strlen(minor));
	}
	if (strcmp(out->os, "Mac OS X") == 0)
		copy(out->os, sizeof out->os, "macOS");
}

static bool
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* The product that the match is part of (NAME/VERSION), else what the pattern
 * looks for: other words may be anything, even somebody's name. */
static void
name_bot(const struct text *text, const struct found *found, struct useragent *out)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(found->data);
	const char *literal = found->entry->literal;
	size_t from = offsets[0], to;

	while (from < text->size && !is_name(text->bytes[from]))
		from++;
	while (from > 0 && is_name(text->bytes[from - 1]))
		from--;
	for (to = from; to < text->size && is_name(text->bytes[to]);)
		to++;
	if (to + 1 < text->size && text->bytes[to] == '/' &&
	    isdigit((unsigned char)text->bytes[to + 1]) && to - from < sizeof out->bot &&
	    to > from && isalpha((unsigned char)text->bytes[from]))
		append(out->bot, sizeof out->bot, text->bytes + from, to - from);
	else
		copy(out->bot, sizeof out->bot, literal[0] != '\0' ? literal : "bot");
}

/* Whether the first of the devices that match is a spider. Few texts match one
 * of those; for the rest the hundreds of others need not be tried. */
static bool
is_spider(struct useragent_parser *parser, const struct text *text, pcre2_match_data *data)
{
	uint32_t spider = 0;

	while (spider < parser->spiders_count &&
	       try(parser, &parser->devices, parser->spiders[spider], text, data) < 0)
		spider++;
	if (spider == parser->spiders_count)
		return false;
	for (size_t i = 0; i < parser->spiders[spider]; i++) {
		if (try(parser, &parser->devices, i, text, data) >= 0)
			return false;
	}
	return true;
}

static void
parse_bot(struct useragent_parser *parser, const struct text *text, pcre2_match_data *data,
	  struct useragent *out)
{
	struct found found;

	if (has(text, "headlesschrome"))
		copy(out->bot, sizeof out->bot, "HeadlessChrome");
	else if (is_spider(parser, text, data))
		copy(out->bot, sizeof out->bot, out->browser[0] != '\0' ? out->browser : "bot");
	if (out->bot[0] != '\0')
		return;
	found = match(parser, &parser->bots, text, data);
	if (found.entry != NULL)
		name_bot(text, &found, out);
}

static void
parse_text(struct useragent_parser *parser, struct store_str user_agent, struct useragent *out)
{
	struct text text = {.bytes = user_agent.bytes, .size = user_agent.size};
	pcre2_match_data *data = pcre2_match_data_create(GROUPS_MAX, NULL);

	if (data == NULL)
		return;
	for (size_t i = 0; i < text.size; i++)
		text.lower[i] = (char)tolower((unsigned char)text.bytes[i]);
	text.lower[text.size] = '\0';
	for (size_t i = text.size < 3 ? 0 : text.size - 2; i-- > 0;) {
		uint16_t gram = gram_of(text.lower + i);

		text.grams[gram / 64] |= (uint64_t)1 << gram % 64;
		text.next[i] = text.first[gram];
		text.first[gram] = (uint16_t)(i + 1);
	}
	parse_browser(parser, &text, data, out);
	parse_system(parser, &text, data, out);
	parse_bot(parser, &text, data, out);
	copy(out->device, sizeof out->device, device_of(out, &text));
	pcre2_match_data_free(data);
}

static bool
is_hint(struct store_str hint, const char *value)
{
	return hint.size == strlen(value) && memcmp(hint.bytes, value, hint.size) == 0;
}

/* The platform's name comes in double quotes. */
static void
apply_hints(struct store_str mobile, struct store_str platform, struct useragent *out)
{
	char name[32] = "";

	if (platform.size > 2 && platform.size < sizeof name && platform.bytes[0] == '"')
		memcpy(name, platform.bytes + 1, platform.size - 2);
	if (strcmp(name, "Chromium OS") == 0)
		copy(name, sizeof name, "Chrome OS");
	if (name[0] != '\0' && strcmp(name, "Unknown") != 0 && strcasecmp(name, out->os) != 0) {
		copy(out->os, sizeof out->os, name);
		out->os_version[0] = '\0';
	}
	if (is_hint(mobile, "?1") && strcmp(out->device, "tablet") != 0)
		copy(out->device, sizeof out->device, "mobile");
	if (is_hint(mobile, "?0") && strcmp(out->device, "mobile") == 0)
		copy(out->device, sizeof out->device,
		     strcmp(out->os, "Android") == 0 ? "tablet" : "desktop");
}

/* Headers may hold any bytes; columns hold UTF-8. */
static void
make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

/* ---- the cache ------------------------------------------------------- */

static bool
find_cached(struct useragent_parser *parser, XXH128_hash_t hash, struct useragent *out)
{
	uint32_t set = (uint32_t)hash.low64 % CACHE_SETS;
	struct cached *ways = parser->cache + (size_t)set * CACHE_WAYS;
	bool found = false;

	pthread_mutex_lock(&parser->mutexes[set % SHARDS]);
	for (uint32_t i = 0; i < CACHE_WAYS; i++) {
		bool same = ways[i].hash[0] == hash.low64 && ways[i].hash[1] == hash.high64;

		if (same) {
			*out = ways[i].value;
			ways[i].used = 0;
			found = true;
		} else {
			ways[i].used++;
		}
	}
	pthread_mutex_unlock(&parser->mutexes[set % SHARDS]);
	return found;
}

static void
put_cached(struct useragent_parser *parser, XXH128_hash_t hash, const struct useragent *value)
{
	uint32_t set = (uint32_t)hash.low64 % CACHE_SETS, oldest = 0;
	struct cached *ways = parser->cache + (size_t)set * CACHE_WAYS;

	pthread_mutex_lock(&parser->mutexes[set % SHARDS]);
	for (uint32_t i = 0; i < CACHE_WAYS; i++) {
		if (ways[i].hash[0] == 0 && ways[i].hash[1] == 0) {
			oldest = i;
			break;
		}
		if (ways[i].used > ways[oldest].used)
			oldest = i;
	}
	ways[oldest] = (struct cached){{hash.low64, hash.high64}, 0, *value};
	pthread_mutex_unlock(&parser->mutexes[set % SHARDS]);
}

void
useragent_parse(struct useragent_parser *parser, struct store_str user_agent,
		struct store_str hint_mobile, struct store_str hint_platform, struct useragent *out)
{
	XXH128_hash_t hash;

	memset(out, 0, sizeof *out);
	copy(out->device, sizeof out->device, "other");
	if (user_agent.size > UA_BYTES_MAX)
		user_agent.size = UA_BYTES_MAX;
	if (user_agent.size > 0) {
		hash = XXH3_128bits_withSeed(user_agent.bytes, user_agent.size, parser->seed);
		if (!find_cached(parser, hash, out)) {
			parse_text(parser, user_agent, out);
			make_printable(out->browser);
			make_printable(out->browser_version);
			make_printable(out->os_version);
			make_printable(out->bot);
			put_cached(parser, hash, out);
		}
	}
	apply_hints(hint_mobile, hint_platform, out);
	make_printable(out->os);
}
