/*
 * The rows of an INSERT: which format, and running its reader.
 */
#include <string.h>
#include <strings.h>

#include "insert_row.h"

static const struct {
	const char *name;
	int (*read)(struct insert_row *row, struct store_str data, unsigned flags);
	unsigned flags;
} formats[] = {
    {"JSONEachRow", insert_json, 0},
    {"JSONLines", insert_json, 0},
    {"NDJSON", insert_json, 0},
    {"JSONCompactEachRow", insert_json, INSERT_LISTS},
    {"JSONCompactEachRowWithNames", insert_json, INSERT_LISTS | INSERT_NAMES},
    {"JSONCompactEachRowWithNamesAndTypes", insert_json,
     INSERT_LISTS | INSERT_NAMES | INSERT_TYPES},
    {"TabSeparated", insert_text, 0},
    {"TSV", insert_text, 0},
    {"TabSeparatedWithNames", insert_text, INSERT_NAMES},
    {"TSVWithNames", insert_text, INSERT_NAMES},
    {"TabSeparatedWithNamesAndTypes", insert_text, INSERT_NAMES | INSERT_TYPES},
    {"TSVWithNamesAndTypes", insert_text, INSERT_NAMES | INSERT_TYPES},
    {"CSV", insert_text, INSERT_COMMAS},
    {"CSVWithNames", insert_text, INSERT_COMMAS | INSERT_NAMES},
    {"CSVWithNamesAndTypes", insert_text, INSERT_COMMAS | INSERT_NAMES | INSERT_TYPES},
};

const char *
insert_formats(void)
{
	return "JSONEachRow, JSONCompactEachRow, TabSeparated or CSV, each also WithNames but the "
	       "first";
}

/* The rest of the statement's line: what follows FORMAT x. */
static struct store_str
without_line_end(struct store_str data)
{
	uint32_t at = 0;

	while (at < data.size && strchr(" \r;", data.bytes[at]) != NULL && data.bytes[at] != '\0')
		at++;
	if (at < data.size && data.bytes[at] == '\n')
		at++;
	return (struct store_str){data.bytes + at, data.size - at};
}

int
insert_decode(const struct insert_head *head, struct store_str format, struct store_str data,
	      const struct insert_context *context, struct insert_rows *out,
	      struct insert_error *error)
{
	struct insert_row *row = store_arena_zalloc(context->arena, sizeof *row);

	*out = (struct insert_rows){NULL, 0};
	if (row == NULL)
		return STORE_ENOMEM;
	row->table = &event_schema()->tables[head->table];
	row->head = *head;
	row->context = context;
	row->out = out;
	row->error = error;
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (strlen(formats[i].name) == format.size &&
		    strncasecmp(formats[i].name, format.bytes, format.size) == 0)
			return formats[i].read(row,
					       context->is_apart ? data : without_line_end(data),
					       formats[i].flags);
	}
	insert_fail(error, 73, "UNKNOWN_FORMAT", "Unknown format of INSERT: use %s",
		    insert_formats());
	return STORE_EINVAL;
}
