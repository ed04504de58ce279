/*
 * The agent that many tutorials teach: five kinds of small JSON objects, each
 * at a path of its own. Bytes to one event; pure. A session of this agent is
 * often one page's; the page is sessionId and address together.
 */
#include <string.h>

#include "decode.h"

/* What all five have. NULL: *result says why. */
static const struct tree *
begin(struct store_str body, const struct event_source *source, struct store_arena *arena,
      struct event_batch *out, struct event_error *error, int *result)
{
	const struct tree *root = decode_tree(body, arena, error, result);
	struct store_str session, url;
	struct event *event;
	double ms;

	out->count = 0;
	if (root == NULL)
		return NULL;
	if (root->type != JSON_OBJECT) {
		*result = decode_refuse(error, "expected a JSON object");
		return NULL;
	}
	if ((event = decode_event(out, arena)) == NULL) {
		*result = STORE_ENOMEM;
		return NULL;
	}
	session = tree_string(root, "sessionId");
	url = tree_string(root, "url");
	event->url = memmem(url.bytes, url.size, "://", 3) != NULL ? url : source->url;
	event->imported_user_agent = tree_string(root, "userAgent");
	if (session.size > 0)
		event->session_id = decode_hash("plain session", session, decode_str(""));
	event->join_key = decode_hash("plain", session, event->url);
	event->join_client = session.size == 0;
	if (tree_number(root, "timestamp", &ms) ||
	    decode_iso_time(tree_string(root, "timestamp"), &ms))
		decode_time(event, ms);
	return root;
}

static void
put_row_time(const struct event *event, struct event_row *row)
{
	if (event->has_time)
		decode_row_time(row, (double)event->time_ms);
}

int
decode_plain_metrics(struct store_str body, const struct event_source *source,
		     struct store_arena *arena, struct event_batch *out, struct event_error *error)
{
	static const struct {
		const char *name;
		int column;
	} times[] = {{"dns", PAGEVIEWS_dns},
		     {"tcp", PAGEVIEWS_tcp},
		     {"tls", PAGEVIEWS_tls},
		     {"ttfb", PAGEVIEWS_ttfb},
		     {"download", PAGEVIEWS_download},
		     {"totalLoadTime", PAGEVIEWS_load},
		     {"fcp", PAGEVIEWS_fcp},
		     {"lcp", PAGEVIEWS_lcp},
		     {"inp", PAGEVIEWS_inp}};
	int result;
	const struct tree *root = begin(body, source, arena, out, error, &result), *connection;
	struct event *event;
	double number;

	if (root == NULL)
		return result;
	event = out->events[0];
	connection = tree_member(root, "connection");
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		if (tree_number(root, times[i].name, &number))
			decode_ms(&event->view, (uint32_t)times[i].column, number);
	}
	if (tree_number(root, "cls", &number))
		decode_vital(event, decode_str("CLS"), number);
	decode_text(&event->view, PAGEVIEWS_connection, tree_string(connection, "effectiveType"),
		    20);
	if (tree_number(connection, "rtt", &number))
		decode_ms(&event->view, PAGEVIEWS_rtt, number);
	if (tree_number(connection, "downlink", &number))
		decode_number(&event->view, PAGEVIEWS_downlink, number, 1e6);
	if (tree_member(connection, "saveData") != NULL)
		event_row_uint(&event->view, PAGEVIEWS_save_data,
			       tree_member(connection, "saveData")->type == JSON_TRUE);
	decode_viewport(event, tree_string(root, "viewport"));
	event->referrer = tree_string(root, "referrer");
	/* Once a page: another one is another view. */
	event->metrics[0] = decode_hash("plain metrics", body, decode_str(""));
	return 0;
}

int
decode_plain_errors(struct store_str body, const struct event_source *source,
		    struct store_arena *arena, struct event_batch *out, struct event_error *error)
{
	int result;
	const struct tree *root = begin(body, source, arena, out, error, &result);
	struct event_row *row;
	double number;

	if (root == NULL)
		return result;
	if ((row = decode_error_row(out->events[0], arena)) == NULL)
		return STORE_ENOMEM;
	event_row_string(
	    row, ERRORS_kind,
	    decode_str(decode_is(tree_string(root, "type"), "unhandled_promise_rejection") ||
			       decode_is(tree_string(root, "type"), "promise_rejection")
			   ? "rejection"
		       : decode_is(tree_string(root, "type"), "resource_error") ? "resource"
										: "error"));
	decode_text(row, ERRORS_type, tree_string(root, "name"), 100);
	decode_text(row, ERRORS_message, tree_string(root, "message"), 1000);
	decode_text(row, ERRORS_source, tree_string(root, "filename"), 2000);
	decode_text(row, ERRORS_stack, tree_string(root, "stack"), 4000);
	if (tree_number(root, "line", &number))
		decode_uint(row, ERRORS_line, number, UINT32_MAX);
	if (tree_number(root, "column", &number))
		decode_uint(row, ERRORS_column, number, UINT32_MAX);
	put_row_time(out->events[0], row);
	return 0;
}

/* A row of events, whose category is given. NULL: *result says why. */
static struct event_row *
begin_event(struct store_str body, const struct event_source *source, struct store_arena *arena,
	    struct event_batch *out, struct event_error *error, int *result,
	    const struct tree **root, const char *category)
{
	struct event_row *row;

	if ((*root = begin(body, source, arena, out, error, result)) == NULL)
		return NULL;
	if ((row = decode_event_row(out->events[0], arena)) == NULL) {
		*result = STORE_ENOMEM;
		return NULL;
	}
	event_row_string(row, EVENTS_category, decode_str(category));
	put_row_time(out->events[0], row);
	return row;
}

int
decode_plain_interactions(struct store_str body, const struct event_source *source,
			  struct store_arena *arena, struct event_batch *out,
			  struct event_error *error)
{
	static const char *const targets[] = {"id", "formId", "formName", "class", "element"};
	const struct tree *root;
	struct store_str target = {"", 0};
	int result;
	struct event_row *row =
	    begin_event(body, source, arena, out, error, &result, &root, "interaction");

	if (row == NULL)
		return result;
	for (size_t i = 0; i < sizeof targets / sizeof *targets && target.size == 0; i++)
		target = tree_string(root, targets[i]);
	decode_text(row, EVENTS_name, tree_string(root, "type"), 200);
	decode_text(row, EVENTS_target, target, 200);
	decode_text(row, EVENTS_text, tree_string(root, "text"), 500);
	return 0;
}

int
decode_plain_heartbeat(struct store_str body, const struct event_source *source,
		       struct store_arena *arena, struct event_batch *out,
		       struct event_error *error)
{
	const struct tree *root;
	double number;
	int result;
	struct event_row *row =
	    begin_event(body, source, arena, out, error, &result, &root, "heartbeat");

	if (row == NULL)
		return result;
	event_row_string(row, EVENTS_name, decode_str("heartbeat"));
	if (tree_number(root, "timeOnPage", &number))
		event_row_float(row, EVENTS_value, number);
	return 0;
}

/* What is named in columns of their own is left out of the text. */
static bool
is_further(const struct tree *node, struct store_arena *arena, struct store_str *text)
{
	(void)arena, (void)text;
	return !decode_is(node->name, "ip") && !decode_is(node->name, "ua") &&
	       !decode_is(node->name, "type") && !decode_is(node->name, "sessionId") &&
	       !decode_is(node->name, "timestamp") && !decode_is(node->name, "url") &&
	       !decode_is(node->name, "userAgent") && !decode_is(node->name, "amount") &&
	       !decode_is(node->name, "value");
}

int
decode_plain_business(struct store_str body, const struct event_source *source,
		      struct store_arena *arena, struct event_batch *out, struct event_error *error)
{
	const struct tree *root;
	struct store_str further;
	double number;
	int result;
	struct event_row *row =
	    begin_event(body, source, arena, out, error, &result, &root, "business");

	if (row == NULL)
		return result;
	decode_text(row, EVENTS_name, tree_string(root, "type"), 200);
	if (tree_number(root, "amount", &number) || tree_number(root, "value", &number))
		event_row_float(row, EVENTS_value, number);
	further = tree_print(root, is_further, arena);
	if (further.size > 2)
		decode_text(row, EVENTS_text, further, 500);
	return 0;
}
