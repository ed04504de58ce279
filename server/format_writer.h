/*
 * What the writers of all formats share: a bounded buffer that grows, and the
 * texts of values and types. After the first failure every call does nothing;
 * format_result reports it.
 */
#ifndef FORMAT_WRITER_H
#define FORMAT_WRITER_H

#include "format.h"

enum { /* flags of format.def */
       FORMAT_COMPACT = 1 << 0,
       FORMAT_STRINGS = 1 << 1, /* every value as a string */
       FORMAT_NAMES = 1 << 2,   /* a first row with the columns' names */
       FORMAT_TYPES = 1 << 3,   /* a second one with their types */
       FORMAT_COMMAS = 1 << 4,  /* CSV, not TSV */
       FORMAT_RAW = 1 << 5,     /* TSV without escapes */
};

struct format_writer {
	char *bytes; /* owned */
	size_t size, size_max, limit;
	int failure; /* 0, STORE_ELIMIT or STORE_ENOMEM */
	const struct format_options *options;
	unsigned flags;
};

void format_put(struct format_writer *writer, const char *bytes, size_t size);
void format_put_text(struct format_writer *writer, const char *text);
void format_printf(struct format_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- values ---------------------------------------------------------- */

bool format_is_time(enum store_result_type type);
bool format_is_number(enum store_result_type type); /* right-aligned, with times */
void format_put_time(struct format_writer *writer, enum store_result_type type,
		     const struct store_value *value);
void format_put_number(struct format_writer *writer, enum store_result_type type,
		       const struct store_value *value);
/* Escaped as in TabSeparated. */
void format_put_escaped(struct format_writer *writer, struct store_str text);
/* ['a',NULL], {'k':'v'} */
void format_put_list(struct format_writer *writer, const struct store_result_column *column,
		     const struct store_value *value);
/* The value's text in `scratch`, which it empties: no quotes, no escapes.
 * Borrowed until the next call. A failure becomes the writer's. */
struct store_str
format_plain(struct format_writer *writer, struct format_writer *scratch,
	     const struct store_result_column *column, const struct store_value *value);

#define FORMAT_TYPE_BYTES_MAX 64u
/* LowCardinality(Nullable(String)) and the like. */
struct store_str
format_type_name(const struct store_result_column *column, char out[FORMAT_TYPE_BYTES_MAX]);

/* ---- the writers, by format.def -------------------------------------- */

void format_json(struct format_writer *writer, const struct store_result *result);
void format_json_lines(struct format_writer *writer, const struct store_result *result);
void format_text(struct format_writer *writer, const struct store_result *result);
void format_pretty(struct format_writer *writer, const struct store_result *result);
void format_vertical(struct format_writer *writer, const struct store_result *result);
void format_native(struct format_writer *writer, const struct store_result *result);

#endif
