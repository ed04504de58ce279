/*
 * Many records in one commit: beacons of every agent and lines of access logs,
 * a line each (NDJSON) or as elements of JSON arrays, as the bytes come from
 * POST /import or a file.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "event.h"

#define IMPORT_INFLATED_BYTES_MAX ((size_t)128 << 20)
#define IMPORT_RECORD_BYTES_MAX (512u << 10) /* of a line or an element */
#define IMPORT_ERRORS_SHOWN 5u
#define IMPORT_ERRORS_MAX 65536u /* that ?errors= may ask for */

/* ---- one record ------------------------------------------------------ */

enum import_format {
	IMPORT_AUTO, /* each record tells by its shape */
	IMPORT_NATIVE,
	IMPORT_VITALS,
	IMPORT_BOOMERANG,
	IMPORT_FARO,
	IMPORT_REPORTS,
	IMPORT_PLAIN,
	IMPORT_COMBINED,
	IMPORT_JSON_LOG,
};

/* By its name in API.md; false: there is none of that name. */
bool import_format_find(struct store_str name, enum import_format *out);
/* Static. */
const char *import_format_name(enum import_format format);
/* All names, a comma and a space between them. Static. */
const char *import_format_names(void);

/*
 * One record to events. None: a line of an access log that is neither a beacon
 * nor a page. *last: what the record before was, which this one most likely is
 * too; at first IMPORT_AUTO. `now_ms`: when it is taken to have come, if it does not tell. 0,
 * STORE_EINVAL with *error, or STORE_ENOMEM. Pure; any thread.
 */
int import_record(enum import_format format, enum import_format *last, struct store_str text,
		  int64_t now_ms, struct store_arena *arena, struct event_batch *out,
		  struct event_error *error);

/* ---- many ------------------------------------------------------------ */

struct join;

struct import_options {
	struct enricher *enricher;
	struct join *join; /* for agents that have no name for a view */
	int64_t now_ms;
	const struct page_rules *pages; /* page.h; NULL: the defaults */
	const uint32_t *retention_days; /* [tables], 0 or a NULL array: kept for ever */
	enum import_format format;
	struct store_str site; /* of records that name none; "": by their host */
	/* Site of a host, valid until the next call; NULL: the host itself. */
	struct store_str (*site_of)(void *context, struct store_str host);
	void *site_context;
	uint32_t rejects_max; /* that are kept with their reasons */
	bool copies_texts;    /* the entries do not point into the text */
};

struct import_reject {
	uint32_t number;         /* of the line or element, from 1 */
	struct store_str record; /* in the text */
	const char *reason;      /* in the arena */
};

struct import_batch {
	struct store_entry *entries; /* in the arena */
	uint32_t entries_count;
	uint32_t rejected_count, skipped_count; /* records; skipped: no beacon and no page */
	uint32_t expired_count;        /* of the rejected, and of errors and events left out:
					  beyond retention or too far ahead */
	const char *record_name;       /* "line" or "element" */
	struct import_reject *rejects; /* the first, in the arena */
	uint32_t rejects_count;
};

/* Records that cannot be taken, and those beyond retention, are counted and
 * left out. The batch points into the arena and, if not told to copy, `text`;
 * what it tells of rejected records always does. 0 or STORE_ENOMEM. */
int import_decode(struct store_str text, const struct import_options *options,
		  struct store_arena *arena, struct import_batch *out);
/* Whether a text is of JSON arrays: a line of a log may begin with a bracket, too. */
bool import_is_array(struct store_str text);
/* The same as import_decode for a record a line, whatever the first begins with. */
int import_decode_lines(struct store_str text, const struct import_options *options,
			struct store_arena *arena, struct import_batch *out);

#endif
