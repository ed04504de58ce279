/*
 * import_split.h. Between a reader and the chunks; must not look into records
 * more than it takes to find their ends.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "import_split.h"

/* Room that a record needs in a chunk: cut where it is longer than allowed, so
 * that it will be refused, and its line's end. */
#define RECORD_ROOM (IMPORT_RECORD_BYTES_MAX + 2u)

struct import_split {
	struct import_reader *reader; /* borrowed */
	struct import_position position;
	bool lines;
	bool at_end;   /* the reader has no more now */
	char why[256]; /* or it failed: told when what came before is cut */
	char *text;    /* owned: [IMPORT_CHUNK_BYTES], what the next chunk begins with */
	size_t size;   /* of text */
	/* Of a value that has begun: */
	uint32_t depth;
	bool in_string, escaped;
};

struct import_split *
import_split_create(struct import_reader *reader, const struct import_position *position,
		    bool lines)
{
	struct import_split *split = calloc(1, sizeof *split);

	if (split == NULL || (split->text = malloc(IMPORT_CHUNK_BYTES)) == NULL) {
		free(split);
		return NULL;
	}
	split->reader = reader;
	split->position = *position;
	split->lines = lines;
	return split;
}

void
import_split_free(struct import_split *split)
{
	if (split == NULL)
		return;
	free(split->text);
	free(split);
}

size_t
import_split_left(const struct import_split *split)
{
	return split->size;
}

/* Reads until the text is full, or has all up to `until` (0: no bound). */
static void
fill(struct import_split *split, uint64_t until)
{
	const char *why = NULL;
	size_t full = IMPORT_CHUNK_BYTES - 1; /* a line's end may be missing */

	if (until != 0 && until - split->position.offset < full)
		full = (size_t)(until - split->position.offset);
	split->at_end = split->why[0] != '\0';
	while (split->size < full && !split->at_end) {
		ssize_t got = import_reader_read(split->reader, split->text + split->size,
						 full - split->size, &why);

		if (got < 0)
			snprintf(split->why, sizeof split->why, "%s", why);
		split->size += got > 0 ? (size_t)got : 0;
		split->at_end = got <= 0;
	}
}

/* The first `used` bytes have become `records` records of a chunk whose text
 * is another one: what follows begins the next. */
static bool
cut(struct import_split *split, size_t used, uint64_t records, struct import_chunk *out)
{
	char *text = malloc(IMPORT_CHUNK_BYTES);

	if (text == NULL)
		return false;
	memcpy(text, split->text + used, split->size - used);
	out->begin = split->position;
	split->position.offset += used;
	split->position.records += records;
	out->end = split->position;
	out->text = split->text;
	out->size = used;
	split->text = text;
	split->size -= used;
	return true;
}

static bool
has_ended(const struct import_split *split)
{
	return split->at_end && split->why[0] == '\0' && import_reader_has_ended(split->reader);
}

static int
no_memory(char error[512])
{
	snprintf(error, 512, "out of memory");
	return -1;
}

/* ---- lines ----------------------------------------------------------- */

/* Bytes of the first lines, and how many these are. */
static size_t
whole_lines(const struct import_split *split, uint64_t *records)
{
	const char *end = memrchr(split->text, '\n', split->size), *at = split->text;

	*records = 0;
	if (end == NULL)
		return 0;
	while (at <= end && *records < IMPORT_CHUNK_RECORDS) {
		at = (const char *)memchr(at, '\n', (size_t)(end - at) + 1) + 1;
		++*records;
	}
	return (size_t)(at - split->text);
}

/* The beginning of a line that is too long, so that it is refused; the rest is
 * read over. */
static int
cut_long(struct import_split *split, struct import_chunk *out, char error[512])
{
	size_t used = split->size;

	split->position.is_skipping = true;
	if (!cut(split, used, 1, out))
		return no_memory(error);
	out->begin.is_skipping = false;
	out->text[IMPORT_RECORD_BYTES_MAX + 1] = '\n';
	out->size = RECORD_ROOM;
	return 1;
}

/* Leaves out what is left of such a line; false: all that there is. */
static bool
skip_line(struct import_split *split)
{
	const char *end = memchr(split->text, '\n', split->size);
	size_t used = end == NULL ? split->size : (size_t)(end - split->text) + 1;

	memmove(split->text, split->text + used, split->size - used);
	split->size -= used;
	split->position.offset += used;
	split->position.is_skipping = end == NULL;
	return end != NULL;
}

static int
next_lines(struct import_split *split, uint64_t until, bool last, struct import_chunk *out,
	   char error[512])
{
	uint64_t records;
	size_t used;

	do {
		fill(split, until);
	} while (split->position.is_skipping && split->size > 0 && !skip_line(split));
	if (split->size == 0)
		return 0;
	last = (last && has_ended(split)) ||
	       (until != 0 && split->position.offset + split->size == until);
	used = whole_lines(split, &records);
	if (used == 0 && split->size >= IMPORT_CHUNK_BYTES - 1)
		return cut_long(split, out, error);
	if (last && used == 0) {
		split->text[split->size] = '\n';
		used = split->size;
		records = 1;
	}
	if (used == 0)
		return 0;
	return cut(split, used, records, out) ? 1 : no_memory(error);
}

/* ---- values ---------------------------------------------------------- */

/* Takes one byte of a value; true: it is the last. */
static bool
ends_value(struct import_split *split, char c)
{
	if (split->escaped) {
		split->escaped = false;
	} else if (split->in_string) {
		split->escaped = c == '\\';
		split->in_string = c != '"';
		return c == '"' && split->depth == 0;
	} else if (c == '"') {
		split->in_string = true;
	} else if (c == '{' || c == '[') {
		split->depth++;
	} else if (c == '}' || c == ']') {
		split->depth -= split->depth > 0;
		return split->depth == 0;
	}
	return false;
}

/* Where the value that begins at `at` ends, 0: not in what there is. */
static size_t
value_end(struct import_split *split, size_t at)
{
	size_t begin = at;

	split->depth = 0;
	split->in_string = split->escaped = false;
	if (strchr("{[\"", split->text[at]) == NULL) {
		while (at < split->size && strchr(",]} \t\r\n", split->text[at]) == NULL)
			at++;
		return at < split->size || split->at_end ? (at > begin ? at : at + 1) : 0;
	}
	for (; at < split->size; at++) {
		if (ends_value(split, split->text[at]))
			return at + 1;
	}
	return 0;
}

static int
malformed(const struct import_split *split, size_t at, const char *why, char error[512])
{
	snprintf(error, 512, "byte %llu: %s", (unsigned long long)(split->position.offset + at),
		 why);
	return -1;
}

struct values {
	size_t at;      /* in the text: what was taken */
	size_t written; /* of the chunk */
	uint64_t records;
	bool inside;
	char *text; /* owned: the chunk's */
};

static void
put_value(struct values *values, const char *bytes, size_t size)
{
	size = size < RECORD_ROOM - 1 ? size : RECORD_ROOM - 1;
	for (size_t i = 0; i < size; i++) {
		char c = bytes[i];

		values->text[values->written++] = c == '\n' || c == '\r' ? ' ' : c;
	}
	values->text[values->written++] = '\n';
	values->records++;
}

/* What stands between values; false: nothing more. */
static bool
next_begins(const struct import_split *split, struct values *values)
{
	for (; values->at < split->size; values->at++) {
		char c = split->text[values->at];

		if (c == '[' && !values->inside)
			values->inside = true;
		else if (c == ']' && values->inside)
			values->inside = false;
		else if (!isspace((unsigned char)c) && !(c == ',' && values->inside))
			return true;
	}
	return false;
}

static int
take_values(struct import_split *split, bool last, struct values *values, char error[512])
{
	while (next_begins(split, values)) {
		size_t end;

		if (values->records == IMPORT_CHUNK_RECORDS ||
		    values->written + RECORD_ROOM > IMPORT_CHUNK_BYTES)
			return 0;
		if ((end = value_end(split, values->at)) == 0) {
			if (split->size - values->at >= IMPORT_CHUNK_BYTES - 1)
				return malformed(split, values->at, "a value longer than 4 MiB",
						 error);
			if (last && has_ended(split))
				return malformed(split, split->size, "the text ends too early",
						 error);
			return 0;
		}
		put_value(values, split->text + values->at, end - values->at);
		values->at = end;
	}
	if (last && has_ended(split) && values->inside && values->records == 0)
		return malformed(split, split->size, "the text ends too early", error);
	return 0;
}

static int
next_values(struct import_split *split, uint64_t until, bool last, struct import_chunk *out,
	    char error[512])
{
	struct values values = {.inside = split->position.is_inside};
	int result;

	fill(split, until);
	if ((values.text = malloc(IMPORT_CHUNK_BYTES)) == NULL)
		return no_memory(error);
	result = take_values(split, last && until == 0, &values, error);
	/* What was whole before a fault is imported first; the next call finds it. */
	if (values.records == 0) {
		free(values.text);
		if (result == 0 && values.at == split->size) {
			split->position.offset += values.at;
			split->position.is_inside = values.inside;
			split->size = 0;
		}
		return result;
	}
	out->begin = split->position;
	split->position.offset += values.at;
	split->position.records += values.records;
	split->position.is_inside = values.inside;
	out->end = split->position;
	out->text = values.text;
	out->size = values.written;
	memmove(split->text, split->text + values.at, split->size - values.at);
	split->size -= values.at;
	return 1;
}

/* ---- both ------------------------------------------------------------ */

/* By its first byte; 0: there is none yet. */
static int
find_kind(struct import_split *split)
{
	struct import_position *position = &split->position;
	size_t at = 0;

	fill(split, 0);
	if (split->size >= 3 && memcmp(split->text, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	position->offset += at;
	split->size -= at;
	memmove(split->text, split->text + at, split->size);
	for (at = 0; at < split->size && isspace((unsigned char)split->text[at]);)
		at++;
	if (at == split->size)
		return split->at_end ? 0 : 1;
	position->is_known = true;
	position->is_values =
	    !split->lines &&
	    import_is_array((struct store_str){split->text, (uint32_t)split->size});
	return 1;
}

int
import_split_next(struct import_split *split, uint64_t until, bool last, struct import_chunk *out,
		  char error[512])
{
	int result = split->position.is_known ? 1 : find_kind(split);

	memset(out, 0, sizeof *out);
	if (result > 0)
		result = split->position.is_values ? next_values(split, until, last, out, error)
						   : next_lines(split, until, last, out, error);
	if (result == 0 && split->why[0] != '\0') {
		snprintf(error, 512, "%s", split->why);
		return -1;
	}
	out->file_position = import_reader_position(split->reader);
	if (result == 0 && until > split->position.offset) {
		snprintf(error, 512, "it is shorter than before");
		return -1;
	}
	return result;
}
