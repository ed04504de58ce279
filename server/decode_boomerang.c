/*
 * boomerang: one beacon as a query string or a form, to one event; pure. `pid`
 * names the page, `n` numbers its beacons, http.initiator tells those that are
 * not about the page's loading: of requests, errors, routes.
 */
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "escape.h"

#define PARAMETERS_MAX 512u
#define STACK_BYTES_MAX 4000u

struct parameter {
	struct store_str name, value;
};

struct form {
	struct parameter parameters[PARAMETERS_MAX];
	uint32_t count;
};

/* ---- the form -------------------------------------------------------- */

/* Decoded in place of a copy; "" when it is no UTF-8. */
static struct store_str
unescape(const char *bytes, uint32_t size, struct store_arena *arena)
{
	char *out = store_arena_alloc(arena, size + 1u);
	struct store_str text = {out, 0};

	if (out != NULL)
		text.size = (uint32_t)escape_decode_form(bytes, size, out, size);
	return out != NULL && json_is_utf8(text) ? text : (struct store_str){"", 0};
}

static struct form *
read_form(struct store_str text, struct store_arena *arena)
{
	struct form *form = store_arena_zalloc(arena, sizeof *form);
	uint32_t at = 0;

	while (form != NULL && at < text.size && form->count < PARAMETERS_MAX) {
		const char *begin = text.bytes + at, *end = memchr(begin, '&', text.size - at);
		uint32_t size = end == NULL ? text.size - at : (uint32_t)(end - begin);
		const char *equals = memchr(begin, '=', size);

		if (equals != NULL)
			form->parameters[form->count++] = (struct parameter){
			    unescape(begin, (uint32_t)(equals - begin), arena),
			    unescape(equals + 1, size - (uint32_t)(equals + 1 - begin), arena)};
		at += size + 1;
	}
	return form;
}

/* The first that is not empty. */
static struct store_str
get(const struct form *form, const char *name)
{
	for (uint32_t i = 0; i < form->count; i++) {
		if (form->parameters[i].value.size > 0 && decode_is(form->parameters[i].name, name))
			return form->parameters[i].value;
	}
	return (struct store_str){"", 0};
}

static bool
get_number(const struct form *form, const char *name, double *out)
{
	return tree_to_number(get(form, name), out);
}

static void
put_ms(struct event *event, uint32_t column, const struct form *form, const char *name)
{
	double value;

	if (get_number(form, name, &value))
		decode_ms(&event->view, column, value);
}

/* ---- loading --------------------------------------------------------- */

/* nt_* are ms since 1970; 0 or absent: it did not happen. */
static void
put_phase(struct event *event, uint32_t column, const struct form *form, const char *from,
	  const char *to)
{
	double begin, end;

	if (get_number(form, from, &begin) && get_number(form, to, &end) && begin > 0 && end > 0)
		decode_ms(&event->view, column, end - begin);
}

static void
put_loading(struct event *event, const struct form *form)
{
	static const char *const types[] = {"navigate", "reload", "back_forward"};
	struct event_row *row = &event->view;
	double number;

	put_ms(event, PAGEVIEWS_load, form, "t_done");
	put_ms(event, PAGEVIEWS_ttfb, form, "t_resp");
	put_phase(event, PAGEVIEWS_redirect, form, "nt_red_st", "nt_red_end");
	put_phase(event, PAGEVIEWS_dns, form, "nt_dns_st", "nt_dns_end");
	put_phase(event, PAGEVIEWS_tcp, form, "nt_con_st", "nt_con_end");
	/* TLS is no part of TCP. */
	if (get_number(form, "nt_ssl_st", &number) && number > 0) {
		put_phase(event, PAGEVIEWS_tcp, form, "nt_con_st", "nt_ssl_st");
		put_phase(event, PAGEVIEWS_tls, form, "nt_ssl_st", "nt_con_end");
	}
	put_phase(event, PAGEVIEWS_ttfb, form, "nt_nav_st", "nt_res_st");
	put_phase(event, PAGEVIEWS_download, form, "nt_res_st", "nt_res_end");
	put_phase(event, PAGEVIEWS_dom_interactive, form, "nt_nav_st", "nt_domint");
	put_phase(event, PAGEVIEWS_dom_content_loaded, form, "nt_nav_st", "nt_domcontloaded_end");
	put_phase(event, PAGEVIEWS_load, form, "nt_nav_st", "nt_load_end");
	decode_text(row, PAGEVIEWS_protocol, get(form, "nt_protocol"), 20);
	if (get_number(form, "nt_trn_size", &number))
		decode_uint(row, PAGEVIEWS_transfer_bytes, number, 1e15);
	if (get_number(form, "nt_nav_type", &number) && number >= 0 && number <= 2)
		event_row_string(row, PAGEVIEWS_nav_type, decode_str(types[(int)number]));
	event->referrer = get(form, "r");
}

static void
put_device(struct event *event, const struct form *form)
{
	struct event_row *row = &event->view;
	double number;

	decode_text(row, PAGEVIEWS_connection, get(form, "mob.etype"), 20);
	put_ms(event, PAGEVIEWS_rtt, form, "mob.rtt");
	if (get_number(form, "mob.dl", &number))
		decode_number(row, PAGEVIEWS_downlink, number, 1e6);
	if (get_number(form, "net.sd", &number))
		event_row_uint(row, PAGEVIEWS_save_data, number != 0);
	if (get_number(form, "scr.dpx", &number))
		decode_number(row, PAGEVIEWS_dpr, number, 100);
	if (get_number(form, "cpu.cnc", &number))
		decode_uint(row, PAGEVIEWS_cpu, number, 65535);
	if (get_number(form, "dev.mem", &number))
		decode_number(row, PAGEVIEWS_device_memory, number, 65536);
}

static void
put_vitals(struct event *event, const struct form *form)
{
	static const char *const names[][2] = {
	    {"FCP", "pt.fcp"}, {"LCP", "pt.lcp"}, {"CLS", "c.cls"}, {"INP", "et.inp"}};
	struct event_row *row = &event->view;
	double value;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (get_number(form, names[i][1], &value))
			decode_vital(event, decode_str(names[i][0]), value);
	}
	decode_text(row, PAGEVIEWS_lcp_element, get(form, "pt.lcp.el"), 200);
	decode_text(row, PAGEVIEWS_lcp_url, get(form, "pt.lcp.src"), 500);
	decode_text(row, PAGEVIEWS_inp_target, get(form, "et.inp.e"), 200);
}

/* ---- errors ---------------------------------------------------------- */

/* `wo` is a file without its origin, which is the page's. */
static uint32_t
put_frame(char *text, uint32_t size, const struct tree *frame)
{
	struct store_str file = tree_string(frame, "wo"), function = tree_string(frame, "f");
	double line = 0, column = 0;
	int written;

	if (file.size == 0)
		file = tree_string(frame, "w");
	tree_number(frame, "l", &line);
	tree_number(frame, "c", &column);
	written = snprintf(text + size, STACK_BYTES_MAX - size, "%sat %.*s (%.*s:%.0f:%.0f)",
			   size > 0 ? "\n" : "", (int)function.size, function.bytes, (int)file.size,
			   file.bytes, line, column);
	return written < 0 || (uint32_t)written >= STACK_BYTES_MAX - size ? 0 : (uint32_t)written;
}

static void
put_stack(struct event_row *row, const struct tree *frames, struct store_arena *arena)
{
	const struct tree *frame =
	    frames != NULL && frames->type == JSON_ARRAY ? frames->first : NULL;
	char *text = frame == NULL ? NULL : store_arena_alloc(arena, STACK_BYTES_MAX);
	uint32_t size = 0, written = 1;
	struct store_str file;
	double number;

	if (text == NULL)
		return;
	file = tree_string(frame, "wo");
	decode_text(row, ERRORS_source, file.size > 0 ? file : tree_string(frame, "w"), 2000);
	if (tree_number(frame, "l", &number))
		decode_uint(row, ERRORS_line, number, UINT32_MAX);
	if (tree_number(frame, "c", &number))
		decode_uint(row, ERRORS_column, number, UINT32_MAX);
	for (; frame != NULL && written > 0; frame = frame->next) {
		written = put_frame(text, size, frame);
		size += written;
	}
	decode_text(row, ERRORS_stack, (struct store_str){text, size}, STACK_BYTES_MAX);
}

/* Numbers in base 36, as boomerang writes times. */
static bool
from_base36(struct store_str text, double *out)
{
	*out = 0;
	for (uint32_t i = 0; i < text.size; i++) {
		char c = text.bytes[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'z' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return false;
		*out = *out * 36 + digit;
	}
	return text.size > 0 && text.size <= 10;
}

static bool
put_error(struct event *event, const struct tree *item, struct store_arena *arena)
{
	/* By `v`: who noticed it. */
	static const char *const kinds[] = {"error", "error", "error",     "resource", "console",
					    "error", "error", "rejection", "error"};
	struct event_row *row = decode_error_row(event, arena);
	struct store_str type = tree_string(item, "t");
	double number = 0;

	if (row == NULL)
		return event->errors_count == EVENT_ERRORS_MAX;
	tree_number(item, "v", &number);
	event_row_string(row, ERRORS_kind,
			 decode_str(kinds[number >= 0 && number <= 8 ? (int)number : 0]));
	decode_text(row, ERRORS_type, type.size > 0 ? type : decode_str("Error"), 100);
	decode_text(row, ERRORS_message, tree_string(item, "m"), 1000);
	put_stack(row, tree_member(item, "f"), arena);
	if (tree_number(item, "n", &number))
		decode_uint(row, ERRORS_occurrences, number, 1000000);
	if (from_base36(tree_string(item, "d"), &number))
		decode_row_time(row, number);
	return true;
}

/* JSURL where boomerang's compression plugin is there, else JSON. */
static bool
put_errors(struct event *event, struct store_str text, struct store_arena *arena)
{
	const char *wrong;
	const struct tree *list = text.size == 0         ? NULL
				  : text.bytes[0] == '~' ? tree_parse_jsurl(text, arena)
							 : tree_parse(text, arena, &wrong);

	if (list == NULL || list->type != JSON_ARRAY)
		return true;
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		if (item->type == JSON_OBJECT && !put_error(event, item, arena))
			return false;
	}
	return true;
}

/* ---- the beacon ------------------------------------------------------ */

/* A request that the page made: u is what was asked, pgu the page. */
static bool
put_request(struct event *event, const struct form *form, struct store_arena *arena)
{
	struct event_row *row = decode_event_row(event, arena);
	double value;

	if (row == NULL)
		return false;
	event_row_string(row, EVENTS_category, decode_str("request"));
	decode_text(row, EVENTS_name, get(form, "http.initiator"), 200);
	decode_text(row, EVENTS_target, get(form, "u"), 200);
	decode_text(row, EVENTS_text, get(form, "http.method"), 500);
	if (get_number(form, "t_done", &value))
		event_row_float(row, EVENTS_value, value);
	return true;
}

/* Routes are views of their own, named by when they began. */
static void
put_view(struct event *event, const struct form *form, bool route)
{
	struct store_str page = get(form, "pid"), session = get(form, "rt.si"), first = {"", 0};
	double number;

	event->view_id = decode_hash("boomerang", page, route ? get(form, "rt.tstart") : first);
	if (session.size > 0)
		event->session_id = decode_hash("boomerang session", session, first);
	if (get_number(form, "rt.tstart", &number))
		decode_time(event, number);
	event->again = get_number(form, "n", &number) && number > 1;
	if (route)
		event_row_string(&event->view, PAGEVIEWS_nav_type, decode_str("soft_navigation"));
}

int
decode_boomerang(struct store_str body, const struct event_source *source,
		 struct store_arena *arena, struct event_batch *out, struct event_error *error)
{
	struct form *form = read_form(body.size > 0 ? body : source->query, arena);
	struct store_str initiator, url;
	struct event *event;
	bool page, route, enough = true;

	out->count = 0;
	memset(error, 0, sizeof *error);
	if (form == NULL)
		return STORE_ENOMEM;
	if (get(form, "pid").size == 0)
		return decode_refuse(error, "pid: missing");
	if ((event = decode_event(out, arena)) == NULL)
		return STORE_ENOMEM;
	initiator = get(form, "http.initiator");
	route = decode_is(initiator, "spa");
	page = initiator.size == 0 || route || decode_is(initiator, "spa_hard") ||
	       decode_is(initiator, "bfcache");
	url = get(form, "pgu");
	event->url = url.size > 0 ? url : get(form, "u");
	if (event->url.size == 0)
		event->url = source->url;
	put_view(event, form, route || decode_is(initiator, "bfcache"));
	/* Of a page that is left, t_done comes again, without the rest. */
	if (page && (route || !event->again || get(form, "nt_nav_st").size > 0))
		put_loading(event, form);
	if (decode_is(initiator, "bfcache"))
		decode_navigation(event, decode_str("back_forward_cache"));
	else if (!page && !decode_is(initiator, "error"))
		enough = put_request(event, form, arena);
	put_vitals(event, form);
	put_device(event, form);
	return enough && put_errors(event, get(form, "err"), arena) ? 0 : STORE_ENOMEM;
}
