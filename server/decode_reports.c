/*
 * The Reporting API: an array of reports, and CSP's older report-uri: one. Each
 * becomes a row of its own; network errors stand for 1/sampling_fraction. Pure.
 */
#include <string.h>

#include "decode.h"
#include "url.h"

#define RATE_MIN 0.001
#define STRING_BYTES_MAX 500u
#define BODY_BYTES_MAX 8192u

/* Addresses without userinfo and query; nothing of the page's own text. */
static bool
keep(const struct tree *node, struct store_arena *arena, struct store_str *text)
{
	static const char *const dropped[] = {"sample",          "script-sample",
					      "originalPolicy",  "original-policy",
					      "request_headers", "response_headers"};

	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
		if (decode_is(node->name, dropped[i]))
			return false;
	}
	if (node->type != JSON_STRING)
		return true;
	if (memmem(text->bytes, text->size, "://", 3) != NULL && !url_strip(*text, arena, text))
		return false;
	return text->size <= STRING_BYTES_MAX;
}

static void
put_network_error(struct event *event, const struct tree *body)
{
	struct event_row *row = &event->report;
	double number;

	decode_text(row, REPORTS_phase, tree_string(body, "phase"), 20);
	decode_text(row, REPORTS_protocol, tree_string(body, "protocol"), 20);
	if (tree_number(body, "status_code", &number))
		decode_uint(row, REPORTS_status, number, 65535);
	if (tree_number(body, "elapsed_time", &number))
		decode_ms(row, REPORTS_elapsed, number);
	if (tree_number(body, "sampling_fraction", &number) && number > 0)
		event->rate = number > 1 ? 1 : number < RATE_MIN ? RATE_MIN : number;
	event->referrer = tree_string(body, "referrer");
}

static int
put_report(struct event_batch *batch, struct store_str type, struct store_str url,
	   const struct tree *body, double ms, struct store_arena *arena)
{
	struct event *event = decode_event(batch, arena);
	struct store_str printed;

	if (event == NULL || !event_row_init(&event->report, EVENT_REPORTS, arena))
		return STORE_ENOMEM;
	event->has_report = event->no_view = true;
	event->merge = false;
	event->url = url;
	decode_time(event, ms);
	decode_text(&event->report, REPORTS_type, type, 50);
	decode_text(&event->report, REPORTS_url, url, 2000);
	printed = tree_print(body, keep, arena);
	if (printed.size == 0)
		return STORE_ENOMEM;
	if (printed.size <= BODY_BYTES_MAX)
		decode_text(&event->report, REPORTS_body, printed, BODY_BYTES_MAX);
	/* Decides how a fraction that is no 1/N is rounded. */
	event->view_id = decode_hash("report", printed, url);
	if (decode_is(type, "network-error"))
		put_network_error(event, body);
	return 0;
}

static int
put_item(struct event_batch *batch, const struct tree *item, const struct event_source *source,
	 struct store_arena *arena, struct event_error *error)
{
	const struct tree *body = tree_member(item, "body");
	struct store_str type = tree_string(item, "type"), url = tree_string(item, "url");
	double age = 0;

	if (type.size == 0 || body == NULL || body->type != JSON_OBJECT)
		return decode_refuse(error, "expected reports with type, url and body");
	if (batch->count == EVENT_BATCH_MAX)
		return decode_refuse(error, "at most 100 reports");
	tree_number(item, "age", &age);
	return put_report(batch, type, url.size > 0 ? url : source->url, body,
			  (double)source->received_ms - (age >= 0 && age <= 86400000 ? age : 0),
			  arena);
}

int
decode_reports(struct store_str body, const struct event_source *source, struct store_arena *arena,
	       struct event_batch *out, struct event_error *error)
{
	int result;
	const struct tree *root = decode_tree(body, arena, error, &result), *csp;

	out->count = 0;
	if (root == NULL)
		return result;
	csp = tree_member(root, "csp-report");
	if (csp != NULL && csp->type == JSON_OBJECT)
		return put_report(out, decode_str("csp-violation"),
				  tree_string(csp, "document-uri"), csp,
				  (double)source->received_ms, arena);
	if (root->type != JSON_ARRAY)
		return decode_refuse(error, "expected an array of reports");
	for (const struct tree *item = root->first; item != NULL && result == 0; item = item->next)
		result = put_item(out, item, source, arena, error);
	if (result == 0 && out->count == 0)
		return decode_refuse(error, "no reports");
	return result;
}
