/*
 * Pretty, PrettyCompact and Vertical: tables for people at a terminal. Wide
 * tables are not folded and long values not cut; of more than 1,000 rows the
 * first and last 500 are shown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_writer.h"
#include "json.h"

#define ROWS_SHOWN_MAX 1000u
#define ROWS_FOOTER_MIN 50u /* from so many rows on the names come again below */
#define PAD_MAX 250u        /* wider columns are not padded */
#define NO_LINE UINT32_MAX

/* A horizontal line: its left end, crossings, right end, and what is between. */
struct ruler {
	const char *left, *cross, *right, *dash;
};

static const struct ruler compact_top = {"┌", "┬", "┐", "─"};
static const struct ruler compact_bottom = {"└", "┴", "┘", "─"};
static const struct ruler full_top = {"┏", "┳", "┓", "━"};
static const struct ruler full_below_names = {"┡", "╇", "┩", "━"};
static const struct ruler full_between = {"├", "┼", "┤", "─"};
static const struct ruler full_above_footer = {"┢", "╈", "┪", "━"};
static const struct ruler full_footer = {"┗", "┻", "┛", "━"};

struct table {
	struct format_writer *out;
	struct format_writer scratch; /* bytes owned */
	const struct store_result *result;
	uint32_t *widths; /* [columns], owned: of the widest line, in places */
	uint32_t *starts; /* [columns], in widths' block: places before the column */
	uint32_t *lines;  /* [columns], there: where the row's next line begins, or NO_LINE */
	uint32_t prefix;  /* places before the table: `12. ` */
	bool totals;
};

/* ---- widths ---------------------------------------------------------- */

/* Places that a character takes on a terminal. */
static uint32_t
places_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},  {0xac00, 0xd7a3}, {0xf900, 0xfaff},
		    {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
		    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

	if (code >= 0x300 && code <= 0x36f)
		return 0; /* combining */
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
		if (code >= wide[i].first && code <= wide[i].last)
			return 2;
	}
	return 1;
}

/* `start`: places before it; a tab goes to the next multiple of 8, as ClickHouse
 * counts. */
static uint32_t
width_of(struct store_str text, uint32_t start)
{
	uint32_t width = 0, size;

	for (uint32_t i = 0; i < text.size; i += size) {
		unsigned char c = (unsigned char)text.bytes[i];
		uint32_t code = c;

		if (c < 0x80 || (size = json_utf8_bytes(text, i)) < 2) {
			size = 1;
			width += c == '\t' ? 8 - (start + width) % 8 : 1;
			continue;
		}
		code = c & (0x7fu >> size);
		for (uint32_t k = 1; k < size; k++)
			code = code << 6 | ((unsigned char)text.bytes[i + k] & 0x3f);
		width += places_of(code);
	}
	return width;
}

/* The line that begins at *at; then *at is where the next one does, or NO_LINE. */
static struct store_str
take_line(struct store_str text, uint32_t *at)
{
	const char *begin, *end = NULL;
	uint32_t left = text.size - *at;

	if (text.size == 0) {
		*at = NO_LINE;
		return text;
	}
	begin = text.bytes + *at;
	if (left > 0)
		end = memchr(begin, '\n', left);
	*at = end == NULL ? NO_LINE : (uint32_t)(end + 1 - text.bytes);
	return (struct store_str){begin, end == NULL ? left : (uint32_t)(end - begin)};
}

static struct store_str
text_of(struct table *table, uint32_t column, uint64_t row)
{
	const struct store_result *result = table->result;

	return format_plain(table->out, &table->scratch, &result->columns[column],
			    table->totals ? &result->totals[column] : &result->values[column][row]);
}

static void
widen(struct table *table, uint32_t column, struct store_str text)
{
	for (uint32_t at = 0; at != NO_LINE;) {
		uint32_t width = width_of(take_line(text, &at), table->starts[column]);

		if (width > PAD_MAX)
			width = PAD_MAX;
		if (width > table->widths[column])
			table->widths[column] = width;
	}
}

/* Whether the row is among those left out in the middle. */
static bool
is_left_out(uint64_t row, uint64_t rows)
{
	return rows > ROWS_SHOWN_MAX && row >= ROWS_SHOWN_MAX / 2 &&
	       row < rows - ROWS_SHOWN_MAX / 2;
}

/* ---- drawing --------------------------------------------------------- */

static void
repeat(struct format_writer *out, const char *piece, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		format_put_text(out, piece);
}

static void
indent(struct table *table)
{
	repeat(table->out, " ", table->prefix);
}

static bool
is_right(const struct table *table, uint32_t column)
{
	enum store_result_type type = table->result->columns[column].type;

	return format_is_number(type) || format_is_time(type);
}

/* `names`: the columns' names stand in the line. */
static void
put_ruler(struct table *table, const struct ruler *ruler, bool names)
{
	struct format_writer *out = table->out;

	indent(table);
	for (uint32_t c = 0; c < table->result->columns_count; c++) {
		struct store_str name = table->result->columns[c].name;
		uint32_t taken = names ? width_of(name, table->starts[c]) : 0;
		uint32_t pad = table->widths[c] > taken ? table->widths[c] - taken : 0;

		format_put_text(out, c == 0 ? ruler->left : ruler->cross);
		repeat(out, ruler->dash, 1 + (is_right(table, c) ? pad : 0));
		if (names)
			format_put(out, name.bytes, name.size);
		repeat(out, ruler->dash, 1 + (is_right(table, c) ? 0 : pad));
	}
	format_put_text(out, ruler->right);
	format_put(out, "\n", 1);
}

static void
put_padded(struct table *table, uint32_t column, struct store_str text)
{
	uint32_t width = width_of(text, table->starts[column]);
	uint32_t pad = table->widths[column] > width ? table->widths[column] - width : 0;

	if (is_right(table, column))
		repeat(table->out, " ", pad);
	format_put(table->out, text.bytes, text.size);
	if (!is_right(table, column))
		repeat(table->out, " ", pad);
}

/* The columns' names between heavy bars. */
static void
put_names(struct table *table)
{
	indent(table);
	for (uint32_t c = 0; c < table->result->columns_count; c++) {
		format_put_text(table->out, c == 0 ? "┃ " : " ┃ ");
		put_padded(table, c, table->result->columns[c].name);
	}
	format_put_text(table->out, " ┃\n");
}

/* Only texts have more lines than one: what is made for others stands in `scratch`,
 * and is asked for once. */
static void
put_row(struct table *table, uint64_t row)
{
	struct format_writer *out = table->out;
	bool again = true;

	memset(table->lines, 0, table->result->columns_count * sizeof *table->lines);
	for (uint32_t number = 0; again && out->failure == 0; number++) {
		again = false;
		if (number == 0)
			format_printf(out, "%*" PRIu64 ". ", (int)table->prefix - 2, row + 1);
		else
			indent(table);
		for (uint32_t c = 0; c < table->result->columns_count; c++) {
			struct store_str line = {"", 0};
			bool is_there = table->lines[c] != NO_LINE, more;

			if (is_there)
				line = take_line(text_of(table, c, row), &table->lines[c]);
			more = table->lines[c] != NO_LINE;
			format_put_text(out, is_there && number > 0 ? "│↳" : "│ ");
			put_padded(table, c, line);
			format_put_text(out, more ? "↴" : " ");
			again |= more;
		}
		format_put_text(out, "│\n");
	}
}

/* In place of the rows that are left out. */
static void
put_gap(struct table *table)
{
	uint32_t width = 1;

	for (uint32_t c = 0; c < table->result->columns_count; c++)
		width += table->widths[c] + 3;
	indent(table);
	repeat(table->out, "─ ", (width + 1) / 2);
	format_put(table->out, "\n", 1);
}

static void
put_table(struct table *table, uint64_t rows)
{
	bool compact = (table->out->flags & FORMAT_COMPACT) != 0;
	bool footer = rows >= ROWS_FOOTER_MIN;

	put_ruler(table, compact ? &compact_top : &full_top, compact);
	if (!compact) {
		put_names(table);
		put_ruler(table, &full_below_names, false);
	}
	for (uint64_t r = 0; r < rows && table->out->failure == 0; r++) {
		if (is_left_out(r, rows))
			continue;
		if (r > 0 && !compact)
			put_ruler(table, &full_between, false);
		if (r > 0 && is_left_out(r - 1, rows)) {
			put_gap(table);
			if (!compact)
				put_ruler(table, &full_between, false);
		}
		put_row(table, r);
	}
	if (compact) {
		put_ruler(table, &compact_bottom, footer);
	} else if (footer) {
		put_ruler(table, &full_above_footer, false);
		put_names(table);
		put_ruler(table, &full_footer, false);
	} else {
		put_ruler(table, &compact_bottom, false);
	}
	if (rows > ROWS_SHOWN_MAX)
		format_printf(table->out, "Showed %u out of %" PRIu64 " rows.\n", ROWS_SHOWN_MAX,
			      rows);
}

/* Measures, then draws. */
static void
put_block(struct table *table, uint64_t rows)
{
	char number[24];

	if (rows == 0)
		return;
	table->prefix = (uint32_t)snprintf(number, sizeof number, "%" PRIu64 ". ", rows);
	for (uint32_t c = 0; c < table->result->columns_count; c++) {
		table->starts[c] =
		    c == 0 ? table->prefix + 2 : table->starts[c - 1] + table->widths[c - 1] + 3;
		table->widths[c] = 0;
		widen(table, c, table->result->columns[c].name);
		for (uint64_t r = 0; r < rows; r++) {
			if (!is_left_out(r, rows))
				widen(table, c, text_of(table, c, r));
		}
	}
	put_table(table, rows);
}

void
format_pretty(struct format_writer *out, const struct store_result *result)
{
	struct table table = {.out = out, .result = result};

	table.widths = calloc(result->columns_count * 3u + 1u, sizeof *table.widths);
	if (table.widths == NULL) {
		out->failure = STORE_ENOMEM;
		return;
	}
	table.starts = table.widths + result->columns_count;
	table.lines = table.starts + result->columns_count;
	put_block(&table, result->rows_count);
	if (result->totals != NULL) {
		format_put_text(out, "\nTotals:\n");
		table.totals = true;
		put_block(&table, 1);
	}
	free(table.widths);
	free(table.scratch.bytes);
}

/* ---- Vertical -------------------------------------------------------- */

static void
put_members(struct table *table, const char *heading, uint32_t rule, uint64_t row, uint32_t width)
{
	struct format_writer *out = table->out;

	format_printf(out, "%s\n", heading);
	repeat(out, "─", rule);
	format_put(out, "\n", 1);
	for (uint32_t c = 0; c < table->result->columns_count; c++) {
		struct store_str name = table->result->columns[c].name, text;

		format_put(out, name.bytes, name.size);
		format_put(out, ":", 1);
		repeat(out, " ", width + 1 - width_of(name, 0));
		text = text_of(table, c, row);
		format_put(out, text.bytes, text.size);
		format_put(out, "\n", 1);
	}
}

void
format_vertical(struct format_writer *out, const struct store_result *result)
{
	struct table table = {.out = out, .result = result};
	uint32_t width = 0;
	char heading[40];
	int rule;

	for (uint32_t c = 0; c < result->columns_count; c++) {
		uint32_t taken = width_of(result->columns[c].name, 0);

		width = taken > width ? taken : width;
	}
	for (uint64_t r = 0; r < result->rows_count && out->failure == 0; r++) {
		format_put(out, "\n", r > 0 ? 1 : 0);
		/* ClickHouse's rule is as long as the next row's. */
		rule = snprintf(heading, sizeof heading, "Row %" PRIu64 ":", r + 2);
		snprintf(heading, sizeof heading, "Row %" PRIu64 ":", r + 1);
		put_members(&table, heading, (uint32_t)rule, r, width);
	}
	if (result->totals != NULL) {
		format_put_text(out, "\n\n");
		table.totals = true;
		put_members(&table, "Totals:", 7, 0, width);
	}
	free(table.scratch.bytes);
}
