/*
 * import.h: records of a text to entries. Between the bytes and one commit;
 * pure but for the views that join.h remembers. Any thread.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "event_row.h"
#include "import.h"
#include "join.h"
#include "json.h"
#include "url.h"

struct importing {
	const struct import_options *options;
	struct import_batch *batch;
	struct store_str text;       /* all of it */
	struct store_arena *arena;   /* of the batch */
	struct store_arena *scratch; /* of one record */
	struct event_client client;
	uint32_t entries_max, rejects_max;
	char last_host[256], last_site[EVENT_SITE_BYTES_MAX];
	uint32_t last_host_size, last_site_size; /* 0: none */
	enum import_format last;
};

/* *items[*max], of which `count` are in use, with room for one more. */
static int
grow(struct store_arena *arena, void **items, size_t size, uint32_t count, uint32_t *max)
{
	uint32_t wanted = *max == 0 ? 256 : *max * 2;
	void *grown;

	if (count < *max)
		return 0;
	if ((grown = store_arena_alloc(arena, wanted * size)) == NULL)
		return STORE_ENOMEM;
	if (count > 0)
		memcpy(grown, *items, count * size);
	*items = grown;
	*max = wanted;
	return 0;
}

static int
reject(struct importing *importing, struct store_str record, uint32_t number, const char *reason)
{
	struct import_batch *batch = importing->batch;
	void *rejects = batch->rejects;
	char *copy;

	batch->rejected_count++;
	if (batch->rejects_count == importing->options->rejects_max)
		return 0;
	copy = store_arena_alloc(importing->arena, strlen(reason) + 1);
	if (copy == NULL || grow(importing->arena, &rejects, sizeof *batch->rejects,
				 batch->rejects_count, &importing->rejects_max) != 0)
		return STORE_ENOMEM;
	strcpy(copy, reason);
	batch->rejects = rejects;
	batch->rejects[batch->rejects_count++] = (struct import_reject){number, record, copy};
	return 0;
}

/* ---- one event ------------------------------------------------------- */

/* The site of a host, asked once as long as it is the same. */
static struct store_str
site_of(struct importing *importing, struct store_str host)
{
	const struct import_options *options = importing->options;
	struct store_str site;

	if (options->site_of == NULL || host.size == 0)
		return host;
	if (host.size == importing->last_host_size &&
	    memcmp(host.bytes, importing->last_host, host.size) == 0)
		return (struct store_str){importing->last_site, importing->last_site_size};
	site = options->site_of(options->site_context, host);
	if (host.size > sizeof importing->last_host || site.size > sizeof importing->last_site)
		return site;
	memcpy(importing->last_host, host.bytes, host.size);
	importing->last_host_size = host.size;
	memcpy(importing->last_site, site.bytes, site.size);
	importing->last_site_size = site.size;
	return (struct store_str){importing->last_site, site.size};
}

static int
find_site(struct importing *importing, struct event *event, struct event_error *error)
{
	struct store_str site = importing->options->site, host;

	if (event_site(event).size > 0)
		return 0;
	if (site.size == 0) {
		if (!url_host(event_url(event), importing->scratch, &host))
			return STORE_ENOMEM;
		site = site_of(importing, host);
	}
	if (!event_is_site_key(site) || !json_is_utf8(site)) {
		strcpy(error->text,
		       "site: the record names no host: tell the site (?site=, --site)");
		return STORE_EINVAL;
	}
	event_set_site(event, site);
	return 0;
}

/* Views without a name are told apart by who sent them, and when. */
static void
join_event(struct importing *importing, struct event *event)
{
	struct event_client client = importing->client;

	if (importing->options->join == NULL || event->join_key == 0)
		return;
	client.address = event->imported_address;
	client.user_agent = event->imported_user_agent;
	if (event->has_time)
		client.received_ms = event->time_ms;
	join_view(importing->options->join, event, &client);
}

static int
take_event(struct importing *importing, struct event *event, struct event_error *error)
{
	struct import_batch *batch = importing->batch;
	void *entries = batch->entries;
	struct store_str within = importing->text;
	int result = find_site(importing, event, error);

	if (result != 0)
		return result;
	join_event(importing, event);
	result = enrich(importing->options->enricher, event, &importing->client, importing->scratch,
			error);
	/* All that it refuses is the time. */
	batch->expired_count += result == STORE_EINVAL ? 1
				: result == 0          ? event_expired_count(event)
						       : 0;
	/* Nothing is left of a request or a report when it is beyond retention. */
	if (result != 0 || (event->no_view && !event->has_report && event->errors_count == 0 &&
			    event->events_count == 0))
		return result;
	if (grow(importing->arena, &entries, sizeof *batch->entries, batch->entries_count,
		 &importing->entries_max) != 0)
		return STORE_ENOMEM;
	batch->entries = entries;
	if (importing->options->copies_texts)
		within = (struct store_str){NULL, 0};
	result = event_keep(event, within, importing->arena, &batch->entries[batch->entries_count]);
	batch->entries_count += result == 0;
	return result;
}

/* ---- records --------------------------------------------------------- */

static int
add(struct importing *importing, struct store_str record, uint32_t number)
{
	struct event_batch events;
	struct event_error error, refused;
	int result, taken;

	if (record.size > IMPORT_RECORD_BYTES_MAX)
		return reject(importing, record, number, "longer than 512 KiB");
	store_arena_reset(importing->scratch);
	result = import_record(importing->options->format, &importing->last, record,
			       importing->options->now_ms, importing->scratch, &events, &refused);
	if (result == 0 && events.count == 0)
		importing->batch->skipped_count++;
	/* Of one that is refused in part the rest is taken. */
	for (uint32_t i = 0; result != STORE_ENOMEM && i < events.count; i++) {
		if ((taken = take_event(importing, events.events[i], &error)) == 0)
			continue;
		if (result == 0)
			refused = error;
		result = taken;
	}
	return result == STORE_EINVAL ? reject(importing, record, number, refused.text) : result;
}

static int
add_lines(struct importing *importing)
{
	struct store_str text = importing->text;
	uint32_t at = 0, number = 0;
	int result = 0;

	while (result == 0 && at < text.size) {
		const char *begin = text.bytes + at, *end = memchr(begin, '\n', text.size - at);
		uint32_t size = end == NULL ? text.size - at : (uint32_t)(end - begin);
		struct store_str line = {begin, size};

		number++;
		at += size + 1;
		while (line.size > 0 && isspace((unsigned char)line.bytes[line.size - 1]))
			line.size--;
		if (line.size > 0)
			result = add(importing, line, number);
	}
	return result;
}

/* The value that comes next, as it stands in the text; false: malformed. */
static bool
next_value(struct json *json, struct store_str *out)
{
	uint32_t begin;

	json_peek(json); /* skips white space */
	begin = json->at;
	if (!json_skip(json))
		return false;
	*out = (struct store_str){json->bytes + begin, json->at - begin};
	return true;
}

static bool
is_at_end(struct json *json)
{
	while (json->at < json->size && isspace((unsigned char)json->bytes[json->at]))
		json->at++;
	return json->at == json->size;
}

/* Elements of arrays, of which a line may have one each. One that is cut short
 * or malformed has none, nor have those before: its sender must not take what
 * came before the fault for all of it. */
static int
add_elements(struct importing *importing)
{
	struct import_batch *batch = importing->batch;
	struct store_str record;
	uint32_t number = 0;
	struct json json;
	int result = 0;

	batch->record_name = "element";
	json_init(&json, importing->text, importing->arena);
	while (result == 0 && json.error == NULL && !is_at_end(&json)) {
		bool first = true;

		if (json_peek(&json) != JSON_ARRAY) {
			if (next_value(&json, &record))
				result = add(importing, record, ++number);
			continue;
		}
		json_enter(&json);
		for (; result == 0 && json_element(&json, first); first = false) {
			number++;
			if (next_value(&json, &record))
				result = add(importing, record, number);
		}
	}
	if (result != 0 || json.error == NULL)
		return result;
	batch->entries_count = batch->rejected_count = batch->rejects_count = 0;
	batch->skipped_count = batch->expired_count = 0;
	batch->record_name = "byte";
	return reject(importing, (struct store_str){"", 0}, json.at, json.error);
}

static int
decode(struct store_str text, bool lines, const struct import_options *options,
       struct store_arena *arena, struct import_batch *out)
{
	struct importing importing = {.options = options,
				      .batch = out,
				      .text = text,
				      .arena = arena,
				      .scratch = store_arena_create(0),
				      .client = {.received_ms = options->now_ms,
						 .imported = true,
						 .pages = options->pages,
						 .retention_days = options->retention_days}};
	int result;

	memset(out, 0, sizeof *out);
	out->record_name = "line";
	if (importing.scratch == NULL)
		return STORE_ENOMEM;
	result = lines ? add_lines(&importing) : add_elements(&importing);
	store_arena_free(importing.scratch);
	return result;
}

int
import_decode_lines(struct store_str text, const struct import_options *options,
		    struct store_arena *arena, struct import_batch *out)
{
	return decode(text, true, options, arena, out);
}

bool
import_is_array(struct store_str text)
{
	uint32_t at = 0;

	while (at < text.size && isspace((unsigned char)text.bytes[at]))
		at++;
	if (at == text.size || text.bytes[at++] != '[')
		return false;
	while (at < text.size && isspace((unsigned char)text.bytes[at]))
		at++;
	return at == text.size || memchr("{[]\"", text.bytes[at], 4) != NULL;
}

int
import_decode(struct store_str text, const struct import_options *options,
	      struct store_arena *arena, struct import_batch *out)
{
	if (text.size >= 3 && memcmp(text.bytes, "\xef\xbb\xbf", 3) == 0)
		text = (struct store_str){text.bytes + 3, text.size - 3}; /* of UTF-8 */
	return decode(text, options->format == IMPORT_COMBINED || !import_is_array(text), options,
		      arena, out);
}
