/*
 * useragent.h. Part of enrichment. Must not keep a User-Agent beyond its hash,
 * nor words of it that may be somebody's name. Match limits bound what a
 * hostile one can cost.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"
#include "useragent.h"
#include "useragent_cache.h"
#include "useragent_match.h"

#define MATCH_LIMIT 20000u
#define DEPTH_LIMIT 500u
#define SPIDERS_MAX 32u /* uap-core has seven */

struct useragent_parser {
	struct useragent_list browsers, systems, devices, bots;
	uint16_t spiders[SPIDERS_MAX]; /* of the devices, in order */
	uint32_t spiders_count;
	pcre2_match_context *context;  /* owned */
	struct useragent_cache *cache; /* owned */
};

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
	parser->context = pcre2_match_context_create(NULL);
	parser->cache = useragent_cache_create();
	if (parser->context == NULL || parser->cache == NULL ||
	    !useragent_list_open(&parser->browsers, useragent_table_browsers,
				 useragent_table_browsers_count) ||
	    !useragent_list_open(&parser->systems, useragent_table_systems,
				 useragent_table_systems_count) ||
	    !useragent_list_open(&parser->devices, useragent_table_devices,
				 useragent_table_devices_count) ||
	    !useragent_list_open(&parser->bots, useragent_table_bots, useragent_table_bots_count)) {
		useragent_close(parser);
		return NULL;
	}
	find_spiders(parser);
	pcre2_set_match_limit(parser->context, MATCH_LIMIT);
	pcre2_set_depth_limit(parser->context, DEPTH_LIMIT);
	return parser;
}

void
useragent_close(struct useragent_parser *parser)
{
	if (parser == NULL)
		return;
	useragent_list_close(&parser->browsers);
	useragent_list_close(&parser->systems);
	useragent_list_close(&parser->devices);
	useragent_list_close(&parser->bots);
	pcre2_match_context_free(parser->context);
	useragent_cache_free(parser->cache);
	free(parser);
}

/* ---- results --------------------------------------------------------- */

static bool
has(const struct useragent_text *text, const char *word)
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
device_of(const struct useragent *result, const struct useragent_text *text)
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
parse_browser(struct useragent_parser *parser, const struct useragent_text *text,
	      pcre2_match_data *data, struct useragent *out)
{
	struct useragent_found found =
	    useragent_match(&parser->browsers, text, parser->context, data);

	if (found.entry == NULL)
		return;
	useragent_expand(out->browser, sizeof out->browser, found.entry->family, 1, text, &found);
	useragent_expand(out->browser_version, sizeof out->browser_version, found.entry->major, 2,
			 text, &found);
	name_once(out->browser);
}

static void
parse_system(struct useragent_parser *parser, const struct useragent_text *text,
	     pcre2_match_data *data, struct useragent *out)
{
	struct useragent_found found =
	    useragent_match(&parser->systems, text, parser->context, data);
	char minor[8];

	if (found.entry == NULL)
		return;
	useragent_expand(out->os, sizeof out->os, found.entry->family, 1, text, &found);
	useragent_expand(out->os_version, sizeof out->os_version - sizeof minor - 1,
			 found.entry->major, 2, text, &found);
	useragent_expand(minor, sizeof minor, found.entry->minor, 3, text, &found);
	if (minor[0] != '\0') {
		useragent_append(out->os_version, sizeof out->os_version, ".", 1);
		useragent_append(out->os_version, sizeof out->os_version, minor, strlen(minor));
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
name_bot(const struct useragent_text *text, const struct useragent_found *found,
	 struct useragent *out)
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
		useragent_append(out->bot, sizeof out->bot, text->bytes + from, to - from);
	else
		copy(out->bot, sizeof out->bot, literal[0] != '\0' ? literal : "bot");
}

/* Whether the first of the devices that match is a spider. Few texts match one
 * of those; for the rest the hundreds of others need not be tried. */
static bool
is_spider(struct useragent_parser *parser, const struct useragent_text *text,
	  pcre2_match_data *data)
{
	uint32_t spider = 0;

	while (spider < parser->spiders_count &&
	       useragent_try(&parser->devices, parser->spiders[spider], text, parser->context,
			     data) < 0)
		spider++;
	if (spider == parser->spiders_count)
		return false;
	for (size_t i = 0; i < parser->spiders[spider]; i++) {
		if (useragent_try(&parser->devices, i, text, parser->context, data) >= 0)
			return false;
	}
	return true;
}

static void
parse_bot(struct useragent_parser *parser, const struct useragent_text *text,
	  pcre2_match_data *data, struct useragent *out)
{
	struct useragent_found found;

	if (has(text, "headlesschrome"))
		copy(out->bot, sizeof out->bot, "HeadlessChrome");
	else if (is_spider(parser, text, data))
		copy(out->bot, sizeof out->bot, out->browser[0] != '\0' ? out->browser : "bot");
	if (out->bot[0] != '\0')
		return;
	found = useragent_match(&parser->bots, text, parser->context, data);
	if (found.entry != NULL)
		name_bot(text, &found, out);
}

static void
parse_text(struct useragent_parser *parser, struct store_str user_agent, struct useragent *out)
{
	pcre2_match_data *data = pcre2_match_data_create(USERAGENT_GROUPS_MAX, NULL);
	struct useragent_text text;

	if (data == NULL)
		return;
	useragent_text_init(&text, user_agent.bytes, user_agent.size);
	parse_browser(parser, &text, data, out);
	parse_system(parser, &text, data, out);
	parse_bot(parser, &text, data, out);
	copy(out->device, sizeof out->device, device_of(out, &text));
	pcre2_match_data_free(data);
}

/* ---- what must not be stored ----------------------------------------- */

/* False: it had to go, or memory ran out. */
static bool
is_unredacted(struct store_str text, struct store_arena *arena, struct store_str *redacted)
{
	struct redact_address address = redact_address((struct store_str){"", 0});

	return redact(text, &address, arena, redacted) && redacted->bytes == text.bytes;
}

static bool
holds(struct store_str text, const char *part)
{
	return memmem(text.bytes, text.size, part, strlen(part)) != NULL;
}

/* Names and versions are parts of a text that a client made up, and may be cut: what
 * the text does not have any more when redacted is part of a secret. (What is looked
 * for is the text as it came: "[hex]" says nothing of a device.) */
static void
drop_secrets(struct store_str user_agent, struct useragent *out)
{
	char *const values[] = {out->browser, out->browser_version, out->os, out->os_version,
				out->bot};
	struct store_arena *arena = store_arena_create(0);
	struct store_str redacted = {"", 0};

	if (arena == NULL || !is_unredacted(user_agent, arena, &redacted)) {
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			if (!holds(user_agent, values[i]) || holds(redacted, values[i]))
				continue;
			if (values[i] == out->bot)
				copy(out->bot, sizeof out->bot, "bot");
			else
				values[i][0] = '\0';
		}
	}
	if (arena != NULL)
		store_arena_free(arena);
}

/* ---- hints ----------------------------------------------------------- */

static bool
is_secret(const char *name)
{
	struct store_arena *arena = store_arena_create(0);
	struct store_str text = {name, (uint32_t)strlen(name)}, redacted;
	bool result = arena == NULL || !is_unredacted(text, arena, &redacted);

	if (arena != NULL)
		store_arena_free(arena);
	return result;
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
	if (name[0] != '\0' && strcmp(name, "Unknown") != 0 && strcasecmp(name, out->os) != 0 &&
	    !is_secret(name)) {
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

void
useragent_parse(struct useragent_parser *parser, struct store_str user_agent,
		struct store_str hint_mobile, struct store_str hint_platform, struct useragent *out)
{
	struct useragent_cache_key key;

	memset(out, 0, sizeof *out);
	copy(out->device, sizeof out->device, "other");
	if (user_agent.size > USERAGENT_BYTES_MAX)
		user_agent.size = USERAGENT_BYTES_MAX;
	if (user_agent.size > 0) {
		key = useragent_cache_key(parser->cache, user_agent);
		if (!useragent_cache_find(parser->cache, key, out)) {
			parse_text(parser, user_agent, out);
			drop_secrets(user_agent, out);
			make_printable(out->browser);
			make_printable(out->browser_version);
			make_printable(out->os_version);
			make_printable(out->bot);
			useragent_cache_put(parser->cache, key, out);
		}
	}
	apply_hints(hint_mobile, hint_platform, out);
	make_printable(out->os);
}
