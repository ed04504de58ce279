/*
 * page.h. Part of enrichment; pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "url.h"

#define STARS_MAX 16u
#define NAME_BYTES_MAX 500u

struct page_rules {
	const struct config *config; /* borrowed */
};

static bool
wrong(char error[512], const char *file, unsigned number, const char *key, const char *value,
      const char *expected)
{
	unsigned line = config_line(file, "paths", number, key);
	char place[32] = "";

	if (line > 0)
		snprintf(place, sizeof place, " line %u", line);
	snprintf(error, 512, "%.120s%s: paths[%u].%s: expected %s, got '%.100s'",
		 file == NULL ? "paths" : file, place, number, key, expected, value);
	return false;
}

static uint32_t
count_stars(const char *text)
{
	uint32_t count = 0;

	for (; *text != '\0'; text++) {
		count += *text == '*';
		text += *text == '*' && text[1] == '*';
	}
	return count;
}

/* A star is a whole segment, and two are the last one. */
static bool
is_pattern(const char *text)
{
	for (const char *star = strchr(text, '*'); star != NULL; star = strchr(star + 1, '*')) {
		bool two = star[1] == '*';

		if (star == text || star[-1] != '/' ||
		    (two ? star[2] != '\0' : star[1] != '/' && star[1] != '\0'))
			return false;
		star += two;
	}
	return text[0] == '/' && count_stars(text) <= STARS_MAX;
}

static bool
check(const struct config_path *path, const char *file, unsigned number, char error[512])
{
	if (!is_pattern(path->match))
		return wrong(error, file, number, "match", path->match,
			     "a path, with * for a segment and ** at the end for the rest");
	if (path->as[0] != '/' || count_stars(path->as) > count_stars(path->match))
		return wrong(error, file, number, "as", path->as,
			     "a path, with no more stars than the pattern has");
	return true;
}

struct page_rules *
page_rules_create(const struct config *config, const char *file, char error[512])
{
	struct page_rules *rules;

	for (uint32_t i = 0; i < config->paths_count; i++) {
		if (!check(&config->paths[i], file, i, error))
			return NULL;
	}
	if ((rules = calloc(1, sizeof *rules)) == NULL) {
		snprintf(error, 512, "out of memory");
		return NULL;
	}
	rules->config = config;
	return rules;
}

void
page_rules_free(struct page_rules *rules)
{
	free(rules);
}

/* ---- names ----------------------------------------------------------- */

struct stars {
	struct store_str taken[STARS_MAX];
	uint32_t count;
};

static bool
matches(const char *pattern, struct store_str path, struct stars *stars)
{
	uint32_t at = 0;

	stars->count = 0;
	for (; *pattern != '\0'; pattern++) {
		uint32_t from = at;

		if (*pattern != '*') {
			if (at == path.size || path.bytes[at++] != *pattern)
				return false;
			continue;
		}
		if (pattern[1] == '*')
			at = path.size;
		while (at < path.size && path.bytes[at] != '/')
			at++;
		if (at == from || stars->count == STARS_MAX)
			return false; /* an empty segment is none */
		stars->taken[stars->count++] = (struct store_str){path.bytes + from, at - from};
		pattern += pattern[1] == '*';
	}
	return at == path.size;
}

static bool
put_name(const char *as, const struct stars *stars, struct store_arena *arena,
	 struct store_str *out)
{
	char *bytes = store_arena_alloc(arena, NAME_BYTES_MAX);
	uint32_t size = 0, star = 0;

	if (bytes == NULL)
		return false;
	for (; *as != '\0' && size < NAME_BYTES_MAX; as++) {
		struct store_str taken;

		if (*as != '*') {
			bytes[size++] = *as;
			continue;
		}
		as += as[1] == '*';
		if (!url_normalise(stars->taken[star++], arena, &taken))
			return false;
		if (taken.size > NAME_BYTES_MAX - size)
			break; /* not cut within a character */
		if (taken.size > 0)
			memcpy(bytes + size, taken.bytes, taken.size);
		size += taken.size;
	}
	*out = (struct store_str){bytes, size};
	return true;
}

bool
page_name(const struct page_rules *rules, struct store_str site, struct store_str path,
	  struct store_arena *arena, struct store_str *out, bool *found)
{
	struct stars stars;

	*found = false;
	for (uint32_t i = 0; rules != NULL && i < rules->config->paths_count; i++) {
		const struct config_path *rule = &rules->config->paths[i];

		if (rule->site != NULL && (strlen(rule->site) != site.size ||
					   memcmp(rule->site, site.bytes, site.size) != 0))
			continue;
		if (!matches(rule->match, path, &stars))
			continue;
		*found = true;
		return put_name(rule->as, &stars, arena, out);
	}
	return true;
}

/* ---- parameters ------------------------------------------------------ */

/* The whole name, or its beginning when the entry ends with a star. */
static bool
is_listed(const char *entry, struct store_str name)
{
	size_t size = strlen(entry);

	if (size > 0 && entry[size - 1] == '*')
		return name.size >= size - 1 && memcmp(entry, name.bytes, size - 1) == 0;
	return size == name.size && memcmp(entry, name.bytes, size) == 0;
}

bool
page_keeps(const struct page_rules *rules, struct store_str parameter)
{
	const struct config_privacy *privacy = rules == NULL ? NULL : &rules->config->privacy;
	bool keeps = false;

	if (parameter.size == 0)
		return false;
	if (privacy == NULL || privacy->query_parameters == NULL)
		return is_listed("utm_*", parameter);
	for (uint32_t i = 0; !keeps && i < privacy->query_parameters_count; i++)
		keeps = is_listed(privacy->query_parameters[i], parameter);
	return keeps;
}
