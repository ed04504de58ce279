/*
 * Part of enrichment: the fingerprint that groups errors of one cause, and their
 * counts. Pure; comes after redaction, of which a fingerprint must tell nothing.
 */
#include <ctype.h>
#include <string.h>

#include <xxhash.h>

#include "enrich_inside.h"
#include "event_row.h"

#define FRAMES_MAX 3u
#define TEXT_BYTES_MAX 512u /* of each part */

struct normalised {
	char bytes[(FRAMES_MAX + 2) * (TEXT_BYTES_MAX + 1)];
	size_t size;
};

/* Adds text without what differs between occurrences of one
 * cause: digits (and hex after them), URLs' hosts and queries, quoted values. */
static void
add_normalised(struct normalised *out, struct store_str text)
{
	size_t end = out->size + TEXT_BYTES_MAX;

	for (uint32_t i = 0; i < text.size && out->size < end; i++) {
		char c = text.bytes[i];

		if (isdigit((unsigned char)c)) {
			while (i + 1 < text.size && isxdigit((unsigned char)text.bytes[i + 1]))
				i++;
			c = '#';
		} else if (c == ':' && text.size - i > 2 && text.bytes[i + 1] == '/' &&
			   text.bytes[i + 2] == '/') {
			for (i += 3; i + 1 < text.size && text.bytes[i + 1] != '/' &&
				     text.bytes[i + 1] != ' ';)
				i++;
		} else if (c == '?') {
			while (i + 1 < text.size && text.bytes[i + 1] != ' ' &&
			       text.bytes[i + 1] != ':' && text.bytes[i + 1] != '\n')
				i++;
		}
		out->bytes[out->size++] = c;
	}
	out->bytes[out->size++] = '\0';
}

static struct store_str
string_at(const struct event_row *row, uint32_t column)
{
	return row->present[column] ? row->cells[column].value.s : (struct store_str){"", 0};
}

/* Type, message and the top frames, each without its particulars. */
static uint64_t
fingerprint(const struct event_row *row)
{
	struct store_str stack = string_at(row, ERRORS_stack), frame;
	struct normalised text;
	uint32_t at = 0;

	text.size = 0;
	add_normalised(&text, string_at(row, ERRORS_type));
	add_normalised(&text, string_at(row, ERRORS_message));
	for (uint32_t i = 0; i < FRAMES_MAX && at < stack.size; i++) {
		const char *end = memchr(stack.bytes + at, '\n', stack.size - at);

		frame = (struct store_str){stack.bytes + at,
					   end == NULL ? stack.size - at
						       : (uint32_t)(end - stack.bytes) - at};
		add_normalised(&text, frame);
		at += frame.size + 1;
	}
	return XXH3_64bits(text.bytes, text.size);
}

void
enrich_errors(struct event *event)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < event->errors_count; i++) {
		struct event_row *row = &event->errors[i];

		if (!row->present[ERRORS_kind])
			event_row_string(row, ERRORS_kind, (struct store_str){"error", 5});
		if (!row->present[ERRORS_occurrences] ||
		    row->cells[ERRORS_occurrences].value.u == 0)
			event_row_uint(row, ERRORS_occurrences, 1);
		event_row_uint(row, ERRORS_fingerprint, fingerprint(row));
		total += row->cells[ERRORS_occurrences].value.u;
	}
	if (total > 0)
		event_row_uint(&event->view, PAGEVIEWS_error_count, total);
}
