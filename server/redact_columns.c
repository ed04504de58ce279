/*
 * redact.h: which columns are redacted, and where their texts are cut. Must not
 * look for secrets itself.
 */
#include "event_row.h"
#include "redact_inside.h"

const struct redact_column *
redact_columns(uint32_t table)
{
	static const struct redact_column columns[EVENT_TABLES_COUNT][8] = {
	    [EVENT_PAGEVIEWS] = {{PAGEVIEWS_path, 500},
				 {PAGEVIEWS_lcp_element, 200},
				 {PAGEVIEWS_lcp_url, 500},
				 {PAGEVIEWS_inp_target, 200},
				 {PAGEVIEWS_inp_script, 500},
				 {PAGEVIEWS_cls_element, 200},
				 {PAGEVIEWS_server_timing, 500}},
	    [EVENT_ERRORS] = {{ERRORS_path, 500},
			      {ERRORS_type, 100},
			      {ERRORS_message, 1000},
			      {ERRORS_source, 2000},
			      {ERRORS_stack, 4000}},
	    [EVENT_EVENTS] = {{EVENTS_path, 500},
			      {EVENTS_name, 200},
			      {EVENTS_target, 200},
			      {EVENTS_text, 500}},
	    [EVENT_REPORTS] = {{REPORTS_path, 500}, {REPORTS_url, 2000}, {REPORTS_body, 8192}},
	};
	static const struct redact_column none[1];

	return table < EVENT_TABLES_COUNT ? columns[table] : none;
}

bool
redact_applies(uint32_t table, uint32_t column)
{
	const struct redact_column *columns = redact_columns(table);

	while (columns->column != 0 && columns->column != column)
		columns++;
	return columns->column != 0;
}

struct store_str
redact_cut(struct store_str text, uint32_t bytes_max)
{
	if (text.size <= bytes_max)
		return text;
	text.size = bytes_max;
	while (text.size > 0 && ((unsigned char)text.bytes[text.size] & 0xc0) == 0x80)
		text.size--;
	return text;
}

struct store_str
redact_cut_early(struct store_str text, uint32_t bytes_max)
{
	const unsigned ends = REDACT_END_URL | REDACT_END_VALUE | REDACT_END_PART;
	struct store_str cut = redact_cut(text, bytes_max + REDACT_SECRET_BYTES);
	uint32_t end = cut.size;

	if (cut.size == text.size)
		return text;
	while (end > bytes_max && !redact_is(cut.bytes[end - 1], ends))
		end--;
	cut.size = end > bytes_max ? end : cut.size;
	return cut;
}

struct store_str
redact_cut_column(struct store_str text, uint32_t table, uint32_t column, uint32_t bytes_max)
{
	return redact_applies(table, column) ? redact_cut_early(text, bytes_max)
					     : redact_cut(text, bytes_max);
}
