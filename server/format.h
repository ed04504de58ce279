/*
 * Query results as bytes, as ClickHouse 26 writes them: the formats of
 * format.def. Any thread.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stddef.h>

#include "store/store.h"

enum format {
	FORMAT_UNKNOWN = -1,
#define FORMAT(id, name, aliases, writer, flags, content_type) FORMAT_##id,
#include "format.def"
#undef FORMAT
	FORMAT_COUNT
};

#define FORMAT_BYTES_MAX ((size_t)128 << 20)

/* By ClickHouse's names, in any of their spellings. */
enum format format_find(struct store_str name);
/* ClickHouse's main spelling. Static. */
const char *format_name(enum format format);
const char *format_content_type(enum format format);

struct format_options {
	bool quote_64bit_integers; /* JSON: in double quotes */
	bool quote_denormals;      /* JSON: "nan", "inf" in place of null */
	/* Native: what the client says of itself, DBMS_TCP_PROTOCOL_VERSION in
	 * ClickHouse's sources; 0: it says nothing. */
	uint64_t client_revision;
	size_t bytes_max; /* 0: FORMAT_BYTES_MAX */
};

/* On success *bytes is malloc'ed and never NULL. STORE_ELIMIT: it would be
 * longer than bytes_max; STORE_ENOMEM. */
int format_result(enum format format, const struct store_result *result,
		  const struct format_options *options, char **bytes, size_t *size);

#endif
