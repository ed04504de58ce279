/*
 * Query results as text, as ClickHouse 26 writes them.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stddef.h>

#include "store/store.h"

enum format {
	FORMAT_UNKNOWN = -1,
	FORMAT_JSON,
	FORMAT_JSON_EACH_ROW,
	FORMAT_CSV,
	FORMAT_CSV_WITH_NAMES,
	FORMAT_TSV,
	FORMAT_TSV_WITH_NAMES,
};

/* By ClickHouse's names, in any of their spellings. */
enum format format_find(struct store_str name);
const char *format_content_type(enum format format);

struct format_options {
	bool quote_64bit_integers;
	size_t bytes_max; /* 0: 128 MiB */
};

/* malloc'ed; NULL when memory or bytes_max is exceeded. */
char *format_result(enum format format, const struct store_result *result,
		    const struct format_options *options, size_t *size);

#endif
