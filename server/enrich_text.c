/*
 * Part of enrichment: what a page's texts and addresses are stored as. Pure; must
 * not let a query or a secret through.
 */
#include <string.h>

#include "enrich_inside.h"
#include "escape.h"
#include "event_row.h"
#include "json.h"
#include "page.h"
#include "redact.h"
#include "url.h"

#define PARAMETER_NAME_BYTES_MAX 64u
#define CHARACTER_BYTES_MAX 4u

/* ---- URLs ------------------------------------------------------------ */

/* A name or a value of a query, decoded; cut at `size_max`, or empty when it is
 * no UTF-8. False: out of memory. */
static bool
decode_parameter(struct store_str text, uint32_t size_max, struct store_arena *arena,
		 struct store_str *out)
{
	char *bytes = store_arena_alloc(arena, size_max);
	uint32_t size;

	if (bytes == NULL)
		return false;
	size = (uint32_t)escape_decode_form(text.bytes, text.size, bytes, size_max);
	*out = (struct store_str){bytes, size};
	while (out->size > 0 && !json_is_utf8(*out) && size - out->size < 4)
		out->size--; /* cut within a character */
	if (!json_is_utf8(*out))
		out->size = 0;
	return true;
}

static bool
has_tag(const struct event *event, struct store_str name)
{
	for (uint32_t i = 0; i < event->tags_count; i++) {
		if (event->tag_names[i].size == name.size &&
		    memcmp(event->tag_names[i].bytes, name.bytes, name.size) == 0)
			return true;
	}
	return false;
}

/* The parameters that are kept become tags; the page's own tags win. */
static bool
add_parameters(struct event *event, const struct page_rules *pages, struct store_str query,
	       struct store_arena *arena)
{
	for (uint32_t at = 0, end; at < query.size && event->tags_count < EVENT_TAGS_MAX;
	     at = end + 1) {
		uint32_t equals;
		struct store_str name, value;

		for (end = at; end < query.size && query.bytes[end] != '&';)
			end++;
		for (equals = at; equals < end && query.bytes[equals] != '=';)
			equals++;
		name = (struct store_str){query.bytes + at, equals - at};
		if (equals == end || name.size > PARAMETER_NAME_BYTES_MAX ||
		    !page_keeps(pages, name) || !json_is_utf8(name) || has_tag(event, name))
			continue;
		if (!decode_parameter(
			(struct store_str){query.bytes + equals + 1, end - equals - 1},
			EVENT_TAG_BYTES_MAX + REDACT_SECRET_BYTES + CHARACTER_BYTES_MAX, arena,
			&value))
			return false;
		value = redact_cut_early(value, EVENT_TAG_BYTES_MAX);
		if (value.size == 0)
			continue;
		event->tag_names[event->tags_count] = name;
		event->tag_values[event->tags_count++] = value;
	}
	return true;
}

static bool
strip_column(struct event_row *row, uint32_t column, struct store_arena *arena)
{
	struct store_str stripped;

	if (!row->present[column])
		return true;
	if (!url_strip(row->cells[column].value.s, arena, &stripped))
		return false;
	row->cells[column].value.s = stripped;
	row->present[column] = stripped.size > 0; /* a query alone leaves nothing */
	return true;
}

int
enrich_urls(struct event *event, const struct event_client *client, struct store_arena *arena)
{
	struct event_row *row = &event->view;
	struct store_str host, path, name, referrer_host;
	struct url_raw raw;
	bool found;

	if (!url_split(event->url, arena, &host, &path, &raw) ||
	    !page_name(client->pages, event->site, raw.path, arena, &name, &found) ||
	    !url_host(event->referrer, arena, &referrer_host) ||
	    !strip_column(row, PAGEVIEWS_lcp_url, arena) ||
	    !strip_column(row, PAGEVIEWS_inp_script, arena))
		return STORE_ENOMEM;
	event_row_string(row, PAGEVIEWS_host, host);
	event_row_string(row, PAGEVIEWS_path, found ? name : path);
	event_row_string(row, PAGEVIEWS_referrer_host, referrer_host);
	for (uint32_t i = 0; i < event->errors_count; i++) {
		if (!strip_column(&event->errors[i], ERRORS_source, arena))
			return STORE_ENOMEM;
	}
	if (event->has_report && !strip_column(&event->report, REPORTS_url, arena))
		return STORE_ENOMEM;
	return add_parameters(event, client->pages, raw.query, arena) ? 0 : STORE_ENOMEM;
}

/* ---- what must not be stored ----------------------------------------- */

/* The client's address, unless it is a word that texts have anyway. */
static struct redact_address
address_of(const struct event *event, const struct event_client *client)
{
	struct store_str address = client->imported && event->imported_address.size > 0
				       ? event->imported_address
				       : client->address;

	return redact_address(address.size >= 6 ? address : (struct store_str){"", 0});
}

static bool
redact_row(struct event_row *row, const struct redact_address *address, struct store_arena *arena)
{
	const struct redact_column *column = redact_columns(row->table);

	for (; column->column != 0; column++) {
		struct store_str *text = &row->cells[column->column].value.s;

		if (!row->present[column->column])
			continue;
		if (!redact(*text, address, arena, text))
			return false;
		*text = redact_cut(*text, column->bytes_max);
	}
	return true;
}

int
enrich_redact(struct event *event, const struct event_client *client, struct store_arena *arena)
{
	struct redact_address address = address_of(event, client);
	bool well = redact_row(&event->view, &address, arena);

	for (uint32_t i = 0; well && i < event->errors_count; i++)
		well = redact_row(&event->errors[i], &address, arena);
	for (uint32_t i = 0; well && i < event->events_count; i++)
		well = redact_row(&event->events[i], &address, arena);
	if (well && event->has_report)
		well = redact_row(&event->report, &address, arena);
	for (uint32_t i = 0; well && i < event->tags_count; i++) {
		well = redact(event->tag_values[i], &address, arena, &event->tag_values[i]);
		event->tag_values[i] = redact_cut(event->tag_values[i], EVENT_TAG_BYTES_MAX);
	}
	return well ? 0 : STORE_ENOMEM;
}
