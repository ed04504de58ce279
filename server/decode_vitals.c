/*
 * web-vitals as its README sends it: a metric, or an array of them, each with
 * the cumulative value and an id of its own. Bytes to events, one per
 * navigation; pure. Nothing in it names the view: join.h finds that.
 */
#include <string.h>

#include "decode.h"

static bool
is_metric(const struct tree *item)
{
	double value;

	return item->type == JSON_OBJECT && tree_string(item, "name").size > 0 &&
	       tree_string(item, "id").size > 0 && tree_number(item, "value", &value);
}

bool
decode_is_vitals(struct store_str body)
{
	uint32_t at = 0;

	while (at < body.size && strchr(" \t\r\n", body.bytes[at]) != NULL)
		at++;
	if (at < body.size && body.bytes[at] == '[')
		return true;
	/* A native beacon begins with v, and has view. */
	return memmem(body.bytes, body.size, "\"view\"", 6) == NULL &&
	       memmem(body.bytes, body.size, "\"value\"", 7) != NULL;
}

/* v6-1780012345678-1234567890123: when the metric began. */
static bool
id_time(struct store_str id, double *ms)
{
	const char *begin = id.size == 0 ? NULL : memchr(id.bytes, '-', id.size), *end;
	size_t left;

	if (begin == NULL)
		return false;
	left = (size_t)(id.bytes + id.size - ++begin);
	end = memchr(begin, '-', left);
	return end != NULL &&
	       tree_to_number((struct store_str){begin, (uint32_t)(end - begin)}, ms);
}

static struct store_str
url_of(const struct tree *item, const struct event_source *source)
{
	static const char *const names[] = {"navigationURL", "url", "page"};
	struct store_str url = {"", 0};

	for (size_t i = 0; i < sizeof names / sizeof *names && url.size == 0; i++)
		url = tree_string(item, names[i]);
	return memmem(url.bytes, url.size, "://", 3) != NULL ? url : source->url;
}

/* Of the build with attribution. */
static void
put_attribution(struct event *event, const struct tree *a)
{
	struct event_row *row = &event->view;
	const struct tree *script = tree_member(tree_member(a, "longestScript"), "entry");

	decode_text(row, PAGEVIEWS_lcp_element, tree_string(a, "target"), 200);
	decode_text(row, PAGEVIEWS_lcp_url, tree_string(a, "url"), 500);
	decode_ms_member(row, PAGEVIEWS_lcp_load_delay, a, "resourceLoadDelay");
	decode_ms_member(row, PAGEVIEWS_lcp_load_time, a, "resourceLoadDuration");
	decode_ms_member(row, PAGEVIEWS_lcp_render_delay, a, "elementRenderDelay");
	decode_text(row, PAGEVIEWS_inp_target, tree_string(a, "interactionTarget"), 200);
	decode_text(row, PAGEVIEWS_inp_type, tree_string(a, "interactionType"), 20);
	decode_ms_member(row, PAGEVIEWS_inp_input_delay, a, "inputDelay");
	decode_ms_member(row, PAGEVIEWS_inp_processing, a, "processingDuration");
	decode_ms_member(row, PAGEVIEWS_inp_presentation, a, "presentationDelay");
	decode_text(row, PAGEVIEWS_inp_script, tree_string(script, "sourceURL"), 500);
	decode_text(row, PAGEVIEWS_cls_element, tree_string(a, "largestShiftTarget"), 200);
}

/* The event of the metric's navigation; soft ones have ids of their own. */
static struct event *
event_of(struct event_batch *batch, const struct tree *item, const struct event_source *source,
	 struct store_arena *arena)
{
	struct store_str url = url_of(item, source);
	uint64_t key = decode_hash("web-vitals", url, tree_string(item, "navigationType"));
	struct event *event;

	for (uint32_t i = 0; i < batch->count; i++) {
		if (batch->events[i]->join_key == key)
			return batch->events[i];
	}
	if ((event = decode_event(batch, arena)) == NULL)
		return NULL;
	event->url = url;
	event->join_key = key;
	event->join_client = true;
	decode_navigation(event, tree_string(item, "navigationType"));
	return event;
}

static void
put_metric(struct event *event, const struct tree *item)
{
	struct store_str name = tree_string(item, "name"), id = tree_string(item, "id");
	double value, began;

	tree_number(item, "value", &value);
	decode_vital(event, name, value);
	event->metrics[decode_metric_index(name)] = decode_hash("id", id, name);
	put_attribution(event, tree_member(item, "attribution"));
	if (id_time(id, &began) && (!event->has_time || began < (double)event->time_ms))
		decode_time(event, began);
}

int
decode_vitals(struct store_str body, const struct event_source *source, struct store_arena *arena,
	      struct event_batch *out, struct event_error *error)
{
	int result;
	const struct tree *root = decode_tree(body, arena, error, &result), *item;

	out->count = 0;
	if (root == NULL)
		return result;
	for (item = root->type == JSON_ARRAY ? root->first : root; item != NULL;
	     item = item == root ? NULL : item->next) {
		struct event *event;

		if (!is_metric(item))
			return decode_refuse(error,
					     "expected metrics of web-vitals: name, value and id");
		if ((event = event_of(out, item, source, arena)) == NULL)
			return out->count == EVENT_BATCH_MAX
				   ? decode_refuse(error, "at most 100 navigations")
				   : STORE_ENOMEM;
		put_metric(event, item);
	}
	return out->count > 0 ? 0 : decode_refuse(error, "no metrics");
}
