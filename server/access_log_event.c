/*
 * From a line of an access log to an event: boomerang's beacons as if they had
 * come now, requests of pages as rows of `events`. Between access_log.c and
 * enrichment; must not keep the address but for that.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "access_log.h"
#include "decode.h"

#define PAST_MS (24 * 3600 * 1000LL)
#define FUTURE_MS (5 * 60 * 1000LL)
#define EXTENSION_BYTES_MAX 11u
#define ADDRESS_BYTES_MAX 64u
#define HOST_BYTES_MAX 260u

/* ---- the address ----------------------------------------------------- */

/* Path and query of the target. */
static void
split_target(const struct access_log_line *line, struct store_str *path, struct store_str *query)
{
	const char *mark =
	    line->target.size == 0 ? NULL : memchr(line->target.bytes, '?', line->target.size);

	*path = line->target;
	*query = line->query;
	if (mark == NULL)
		return;
	path->size = (uint32_t)(mark - line->target.bytes);
	*query = (struct store_str){mark + 1, line->target.size - path->size - 1};
}

/* Value of a parameter, as it came; false: absent. */
static bool
find_parameter(struct store_str query, const char *name, struct store_str *out)
{
	size_t size = strlen(name);
	uint32_t at = 0;

	while (at < query.size) {
		const char *begin = query.bytes + at, *end = memchr(begin, '&', query.size - at);
		uint32_t length = end == NULL ? query.size - at : (uint32_t)(end - begin);

		if (length > size && begin[size] == '=' && memcmp(begin, name, size) == 0) {
			*out = (struct store_str){begin + size + 1, length - (uint32_t)size - 1};
			return true;
		}
		at += length + 1;
	}
	return false;
}

static bool
is_boomerang(struct store_str query)
{
	static const char *const further[] = {"u", "pgu", "rt.start", "rt.tstart",
					      "http.initiator"};
	struct store_str value;
	bool found = false;

	if (query.size < 8 || memmem(query.bytes, query.size, "pid=", 4) == NULL ||
	    !find_parameter(query, "pid", &value))
		return false;
	for (size_t i = 0; i < sizeof further / sizeof *further && !found; i++)
		found = find_parameter(query, further[i], &value);
	return found;
}

/* ---- pages ----------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

/* By its ending; sorted. */
static bool
is_asset(struct store_str path)
{
	static const char *const endings[] = {
	    "7z",   "aac",   "atom", "avi",  "avif", "bin",  "bmp",  "br",          "bz2",  "cab",
	    "css",  "csv",   "dll",  "dmg",  "doc",  "docx", "eot",  "eps",         "exe",  "flac",
	    "flv",  "gif",   "gz",   "ico",  "ics",  "iso",  "jar",  "jpeg",        "jpg",  "js",
	    "json", "jxl",   "m3u8", "m4a",  "m4s",  "m4v",  "map",  "md",          "mid",  "mjs",
	    "mov",  "mp3",   "mp4",  "mpd",  "mpeg", "mpg",  "msi",  "odp",         "ods",  "odt",
	    "oga",  "ogg",   "ogv",  "opus", "otf",  "pdf",  "png",  "ppt",         "pptx", "rar",
	    "rss",  "rtf",   "svg",  "svgz", "swf",  "tar",  "tgz",  "tif",         "tiff", "ts",
	    "ttf",  "txt",   "vtt",  "wasm", "wav",  "weba", "webm", "webmanifest", "webp", "wmv",
	    "woff", "woff2", "xls",  "xlsx", "xml",  "xz",   "zip",  "zst"};
	char ending[EXTENSION_BYTES_MAX + 1];
	uint32_t size = 0;

	while (size < path.size && size <= EXTENSION_BYTES_MAX &&
	       isalnum((unsigned char)path.bytes[path.size - 1 - size]))
		size++;
	if (size == 0 || size > EXTENSION_BYTES_MAX || size >= path.size ||
	    path.bytes[path.size - 1 - size] != '.')
		return false;
	for (uint32_t i = 0; i < size; i++)
		ending[i] = (char)tolower((unsigned char)path.bytes[path.size - size + i]);
	ending[size] = '\0';
	return bsearch(ending, endings, sizeof endings / sizeof *endings, sizeof *endings,
		       compare) != NULL;
}

static bool
starts_with(struct store_str text, const char *prefix)
{
	size_t size = strlen(prefix);

	return text.size >= size && strncasecmp(text.bytes, prefix, size) == 0;
}

/* A document that came: what the log tells more than others do is believed. */
static bool
is_page(const struct access_log_line *line, struct store_str path)
{
	if (!decode_is(line->method, "GET") || path.size == 0 ||
	    !((line->status >= 200 && line->status <= 203) || line->status == 304))
		return false;
	if (path.bytes[0] != '/' && memmem(path.bytes, path.size, "://", 3) == NULL)
		return false;
	if (line->destination.size > 0 && !decode_is(line->destination, "document") &&
	    !decode_is(line->destination, "iframe"))
		return false;
	if (line->content_type.size > 0)
		return starts_with(line->content_type, "text/html") ||
		       starts_with(line->content_type, "application/xhtml+xml");
	return !is_asset(path);
}

/* Scheme and host in front of the path, where the log has them. */
static bool
whole_url(const struct access_log_line *line, struct store_arena *arena, struct store_str *out)
{
	struct store_str scheme = line->scheme.size > 0 ? line->scheme : decode_str("https");
	size_t query = line->query.size == 0 ? 0 : 1 + (size_t)line->query.size;
	char *bytes;
	uint32_t size = 0;

	*out = line->target;
	if (line->target.bytes[0] != '/' || line->host.size > HOST_BYTES_MAX ||
	    (line->host.size == 0 && query == 0))
		return true;
	if ((bytes = store_arena_alloc(arena, scheme.size + 3u + line->host.size +
						  line->target.size + query)) == NULL)
		return false;
	if (line->host.size > 0)
		size = (uint32_t)sprintf(bytes, "%.*s://%.*s", (int)scheme.size, scheme.bytes,
					 (int)line->host.size, line->host.bytes);
	memcpy(bytes + size, line->target.bytes, line->target.size);
	size += line->target.size;
	if (query > 0 && memchr(line->target.bytes, '?', line->target.size) == NULL) {
		bytes[size++] = '?';
		memcpy(bytes + size, line->query.bytes, line->query.size);
		size += line->query.size;
	}
	*out = (struct store_str){bytes, size};
	return true;
}

/* A number of its own for sampling: requests have no view. */
static uint64_t
draw_of(const struct access_log_line *line)
{
	uint64_t hash =
	    XXH3_64bits_withSeed(line->address.bytes, line->address.size, (uint64_t)line->time_ms);

	hash = XXH3_64bits_withSeed(line->user_agent.bytes, line->user_agent.size, hash);
	return XXH3_64bits_withSeed(line->target.bytes, line->target.size, hash);
}

static int
put_page(const struct access_log_line *line, struct store_arena *arena, struct event_batch *out)
{
	struct event *event = decode_event(out, arena);
	struct event_row *row = event == NULL ? NULL : decode_event_row(event, arena);
	char *status = store_arena_alloc(arena, 16);

	if (row == NULL || status == NULL || !whole_url(line, arena, &event->url))
		return STORE_ENOMEM;
	event->no_view = true;
	event->merge = false;
	event->view_id = draw_of(line);
	decode_time(event, (double)line->time_ms);
	event_row_string(row, EVENTS_category, decode_str("request"));
	event_row_string(row, EVENTS_name, decode_str("page"));
	snprintf(status, 16, "%u", line->status);
	event_row_string(row, EVENTS_target, decode_str(status));
	if (line->has_duration)
		event_row_float(row, EVENTS_value, line->duration_ms);
	return 0;
}

/* ---- beacons --------------------------------------------------------- */

/* The view's own time, if it was plausible when the server took it. */
static int
put_beacon(const struct access_log_line *line, struct store_str query, struct store_arena *arena,
	   struct event_batch *out, struct event_error *error)
{
	struct event_source source = {query, line->referrer, line->time_ms};
	int result = decode_boomerang(query, &source, arena, out, error);
	struct event *event = out->events[0];
	struct store_str site;

	if (result != 0)
		return result;
	if (!event->has_time || event->time_ms < line->time_ms - PAST_MS ||
	    event->time_ms > line->time_ms + FUTURE_MS)
		decode_time(event, (double)line->time_ms);
	if (find_parameter(query, "site", &site) && event_is_site_key(site) &&
	    memchr(site.bytes, '%', site.size) == NULL && json_is_utf8(site))
		event_set_site(event, site);
	return 0;
}

int
access_log_event(const struct access_log_line *line, struct store_arena *arena,
		 struct event_batch *out, struct event_error *error)
{
	struct store_str path, query;
	int result = 0;

	out->count = 0;
	memset(error, 0, sizeof *error);
	split_target(line, &path, &query);
	if (decode_is(line->method, "GET") && is_boomerang(query))
		result = put_beacon(line, query, arena, out, error);
	else if (is_page(line, path))
		result = put_page(line, arena, out);
	if (result == 0 && out->count > 0) {
		out->events[0]->imported_user_agent = line->user_agent;
		if (line->address.size <= ADDRESS_BYTES_MAX)
			out->events[0]->imported_address = line->address;
	}
	return result;
}
