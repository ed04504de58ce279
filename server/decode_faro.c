/*
 * Grafana Faro: one batch of measurements, exceptions, logs and events of a
 * page. Bytes to one event; pure. Traces are left out.
 */
#include <stdio.h>
#include <string.h>

#include "decode.h"

#define STACK_BYTES_MAX 4000u

static struct store_str
first_string(const struct tree *object, const char *a, const char *b)
{
	struct store_str text = tree_string(object, a);

	return text.size > 0 ? text : tree_string(object, b);
}

static void
put_meta(struct event *event, const struct tree *meta)
{
	const struct tree *app = tree_member(meta, "app"), *browser = tree_member(meta, "browser");
	const struct tree *page = tree_member(meta, "page");
	struct store_str session = tree_string(tree_member(meta, "session"), "id");
	struct event_row *row = &event->view;
	double number;

	event->url = tree_string(page, "url").size > 0 ? tree_string(page, "url") : event->url;
	decode_text(row, PAGEVIEWS_release, first_string(app, "version", "release"), 100);
	decode_text(row, PAGEVIEWS_environment, tree_string(app, "environment"), 100);
	decode_text(row, PAGEVIEWS_language, tree_string(browser, "language"), 35);
	if (tree_number(browser, "viewportWidth", &number))
		decode_uint(row, PAGEVIEWS_viewport_width, number, 65535);
	if (tree_number(browser, "viewportHeight", &number))
		decode_uint(row, PAGEVIEWS_viewport_height, number, 65535);
	event->imported_user_agent = tree_string(browser, "userAgent");
	if (session.size > 0)
		event->session_id = decode_hash("faro session", session, decode_str(""));
	event->join_key = decode_hash("faro", session, event->url);
	event->join_client = session.size == 0;
}

/* Values are named after the metric: {"lcp": 1824.5, "delta": ...}. */
static void
put_vital(struct event *event, const struct tree *item)
{
	const struct tree *values = tree_member(item, "values");
	const struct tree *context = tree_member(item, "context");
	struct store_str id = tree_string(context, "id");
	struct event_row *row = &event->view;

	if (values == NULL || values->type != JSON_OBJECT)
		return;
	decode_navigation(event, tree_string(context, "navigation_type"));
	for (const struct tree *value = values->first; value != NULL; value = value->next) {
		if (value->type != JSON_NUMBER)
			continue;
		decode_vital(event, value->name, value->number);
		if (id.size > 0 && decode_metric_index(value->name) + 1 < EVENT_METRICS_COUNT)
			event->metrics[decode_metric_index(value->name)] =
			    decode_hash("id", id, value->name);
	}
	decode_text(row, PAGEVIEWS_lcp_element, tree_string(context, "element"), 200);
	decode_text(row, PAGEVIEWS_lcp_url, tree_string(context, "resource_url"), 500);
	decode_ms_member(row, PAGEVIEWS_lcp_load_delay, values, "resource_load_delay");
	decode_ms_member(row, PAGEVIEWS_lcp_load_time, values, "resource_load_duration");
	decode_ms_member(row, PAGEVIEWS_lcp_render_delay, values, "element_render_delay");
	decode_text(row, PAGEVIEWS_inp_target, tree_string(context, "interaction_target"), 200);
	decode_text(row, PAGEVIEWS_inp_type, tree_string(context, "interaction_type"), 20);
	decode_text(row, PAGEVIEWS_inp_script, tree_string(context, "longest_script_source_url"),
		    500);
	decode_ms_member(row, PAGEVIEWS_inp_input_delay, values, "input_delay");
	decode_ms_member(row, PAGEVIEWS_inp_processing, values, "processing_duration");
	decode_ms_member(row, PAGEVIEWS_inp_presentation, values, "presentation_delay");
	decode_text(row, PAGEVIEWS_cls_element, tree_string(context, "largest_shift_target"), 200);
}

static void
put_time(struct event_row *row, const struct tree *item)
{
	double ms;

	if (decode_iso_time(tree_string(item, "timestamp"), &ms))
		decode_row_time(row, ms);
}

/* Frames as a stack trace of text. */
static void
put_stack(struct event_row *row, const struct tree *frames, struct store_arena *arena)
{
	char *text = store_arena_alloc(arena, STACK_BYTES_MAX);
	uint32_t size = 0;

	for (const struct tree *frame = frames == NULL ? NULL : frames->first;
	     text != NULL && frame != NULL; frame = frame->next) {
		struct store_str file = tree_string(frame, "filename");
		struct store_str function = tree_string(frame, "function");
		double line = 0, column = 0;
		int written;

		tree_number(frame, "lineno", &line);
		tree_number(frame, "colno", &column);
		written =
		    snprintf(text + size, STACK_BYTES_MAX - size, "%sat %.*s (%.*s:%.0f:%.0f)",
			     size > 0 ? "\n" : "", (int)function.size, function.bytes,
			     (int)file.size, file.bytes, line, column);
		if (written < 0 || (uint32_t)written >= STACK_BYTES_MAX - size)
			break;
		size += (uint32_t)written;
	}
	if (text != NULL)
		decode_text(row, ERRORS_stack, (struct store_str){text, size}, STACK_BYTES_MAX);
}

static bool
put_exception(struct event *event, const struct tree *item, struct store_arena *arena)
{
	const struct tree *frames = tree_member(tree_member(item, "stacktrace"), "frames");
	const struct tree *top =
	    frames != NULL && frames->type == JSON_ARRAY ? frames->first : NULL;
	struct event_row *row = decode_error_row(event, arena);
	double number;

	if (row == NULL)
		return event->errors_count == EVENT_ERRORS_MAX;
	event_row_string(row, ERRORS_kind,
			 decode_str(decode_is(tree_string(item, "type"), "UnhandledRejection")
					? "rejection"
					: "error"));
	decode_text(row, ERRORS_type, tree_string(item, "type"), 100);
	decode_text(row, ERRORS_message, tree_string(item, "value"), 1000);
	decode_text(row, ERRORS_source, tree_string(top, "filename"), 2000);
	if (tree_number(top, "lineno", &number))
		decode_uint(row, ERRORS_line, number, UINT32_MAX);
	if (tree_number(top, "colno", &number))
		decode_uint(row, ERRORS_column, number, UINT32_MAX);
	if (top != NULL)
		put_stack(row, frames, arena);
	put_time(row, item);
	return true;
}

/* console.error and the like; other levels are no errors. */
static bool
put_log(struct event *event, const struct tree *item, struct store_arena *arena)
{
	struct event_row *row;

	if (!decode_is(tree_string(item, "level"), "error"))
		return true;
	if ((row = decode_error_row(event, arena)) == NULL)
		return event->errors_count == EVENT_ERRORS_MAX;
	event_row_string(row, ERRORS_kind, decode_str("console"));
	decode_text(row, ERRORS_message, tree_string(item, "message"), 1000);
	put_time(row, item);
	return true;
}

static void
put_attribute(struct event *event, uint32_t column, const struct tree *attributes, const char *name)
{
	double value;

	if (tree_number(attributes, name, &value))
		decode_ms(&event->view, column, value);
}

/* What Faro tells of the document's loading as an event. */
static void
put_navigation(struct event *event, const struct tree *a)
{
	double value;

	put_attribute(event, PAGEVIEWS_dns, a, "dnsLookupTime");
	put_attribute(event, PAGEVIEWS_tcp, a, "tcpHandshakeTime");
	put_attribute(event, PAGEVIEWS_tls, a, "tlsNegotiationTime");
	put_attribute(event, PAGEVIEWS_redirect, a, "redirectTime");
	put_attribute(event, PAGEVIEWS_ttfb, a, "ttfb");
	put_attribute(event, PAGEVIEWS_download, a, "responseTime");
	put_attribute(event, PAGEVIEWS_load, a, "pageLoadTime");
	decode_text(&event->view, PAGEVIEWS_protocol, tree_string(a, "protocol"), 20);
	decode_navigation(event, tree_string(a, "type"));
	if (tree_number(a, "transferSize", &value))
		decode_uint(&event->view, PAGEVIEWS_transfer_bytes, value, 1e15);
}

static bool
put_event(struct event *event, const struct tree *item, struct store_arena *arena)
{
	struct store_str name = tree_string(item, "name");
	const struct tree *attributes = tree_member(item, "attributes");
	struct event_row *row;

	if (decode_is(name, "faro.performance.navigation")) {
		put_navigation(event, attributes);
		return true;
	}
	if (decode_is(name, "faro.performance.resource") ||
	    decode_is(name, "faro.performanceEntry"))
		return true; /* many, and of no table */
	if ((row = decode_event_row(event, arena)) == NULL)
		return event->events_count == EVENT_EVENTS_MAX;
	event_row_string(row, EVENTS_category,
			 decode_str(memmem(name.bytes, name.size, "faro.user.action", 16) != NULL
					? "interaction"
					: "custom"));
	decode_text(row, EVENTS_name, name, 200);
	decode_text(row, EVENTS_target, tree_string(item, "domain"), 200);
	if (attributes != NULL && attributes->first != NULL)
		decode_text(row, EVENTS_text, tree_print(attributes, NULL, arena), 500);
	put_time(row, item);
	return true;
}

/* A measurement of the site's own: each value an event. */
static bool
put_measurement(struct event *event, const struct tree *item, struct store_arena *arena)
{
	const struct tree *values = tree_member(item, "values");

	if (decode_is(tree_string(item, "type"), "web-vitals")) {
		put_vital(event, item);
		return true;
	}
	if (values == NULL || values->type != JSON_OBJECT)
		return true;
	for (const struct tree *value = values->first; value != NULL; value = value->next) {
		struct event_row *row;

		if (value->type != JSON_NUMBER)
			continue;
		if ((row = decode_event_row(event, arena)) == NULL)
			return event->events_count == EVENT_EVENTS_MAX;
		event_row_string(row, EVENTS_category, decode_str("measure"));
		decode_text(row, EVENTS_name, tree_string(item, "type"), 200);
		decode_text(row, EVENTS_target, value->name, 200);
		event_row_float(row, EVENTS_value, value->number);
		put_time(row, item);
	}
	return true;
}

static bool
put_list(struct event *event, const struct tree *root, const char *name,
	 bool (*put)(struct event *event, const struct tree *item, struct store_arena *arena),
	 struct store_arena *arena)
{
	const struct tree *list = tree_member(root, name);

	if (list == NULL || list->type != JSON_ARRAY)
		return true;
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		double ms;

		if (!put(event, item, arena))
			return false;
		if (decode_iso_time(tree_string(item, "timestamp"), &ms) &&
		    (!event->has_time || ms < (double)event->time_ms))
			decode_time(event, ms);
	}
	return true;
}

int
decode_faro(struct store_str body, const struct event_source *source, struct store_arena *arena,
	    struct event_batch *out, struct event_error *error)
{
	int result;
	const struct tree *root = decode_tree(body, arena, error, &result), *meta;
	struct event *event;

	out->count = 0;
	if (root == NULL)
		return result;
	meta = tree_member(root, "meta");
	if (meta == NULL || meta->type != JSON_OBJECT)
		return decode_refuse(error, "meta: expected an object");
	if ((event = decode_event(out, arena)) == NULL)
		return STORE_ENOMEM;
	event->url = source->url;
	put_meta(event, meta);
	if (!put_list(event, root, "measurements", put_measurement, arena) ||
	    !put_list(event, root, "exceptions", put_exception, arena) ||
	    !put_list(event, root, "logs", put_log, arena) ||
	    !put_list(event, root, "events", put_event, arena))
		return STORE_ENOMEM;
	return 0;
}
