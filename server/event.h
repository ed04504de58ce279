/*
 * One beacon, decoded: what a decoder makes of the bytes and what enrichment
 * completes. Pure data; no HTTP. Members, tables and columns are listed once,
 * in columns.def; struct event holds its rows as store cells, so a decoder
 * writes a value straight into its column.
 *
 * Call order: decode_native (or another decoder), enrich, event_entry, and
 * event_keep for an entry that outlives the body. Everything is allocated in
 * the arena that the caller gives; strings may also point into the body and
 * what is known of the client, which must live as long as the event.
 */
#ifndef EVENT_H
#define EVENT_H

#include "store/store.h"

/* The schema made from columns.def. Static. */
const struct store_schema *event_schema(void);

enum event_table { EVENT_PAGEVIEWS, EVENT_ERRORS, EVENT_EVENTS, EVENT_REPORTS, EVENT_TABLES_COUNT };

struct page_rules;

/* Who sent it: from the connection and its headers, or from an imported line.
 * Empty strings where unknown. Borrowed during the call. */
struct event_client {
	struct store_str address; /* textual IPv4 or IPv6, without port */
	struct store_str user_agent;
	struct store_str hint_ua;       /* Sec-CH-UA */
	struct store_str hint_mobile;   /* Sec-CH-UA-Mobile */
	struct store_str hint_platform; /* Sec-CH-UA-Platform */
	struct store_str language;      /* Accept-Language */
	int64_t received_ms;            /* wall clock, UTC */
	bool imported;                  /* keep `t`; take "ip" and "ua" members */
	const struct page_rules *pages; /* page.h; NULL: the defaults */
	/* Of imports: [EVENT_TABLES_COUNT], older rows are refused; 0: none are.
	 * NULL: none at all. */
	const uint32_t *retention_days;
};

struct event; /* opaque outside decoders and enrichment: event_row.h */

/* Reads of an event that the HTTP side needs. */
struct store_str event_site(const struct event *event);

/* Whether it may be a site's key: 1 to 64 bytes, no control characters. */
bool event_is_site_key(struct store_str text);

/* One line for the client, at most 200 bytes: names the member and what was
 * expected, e.g. `seq: expected an integer from 0 to 255`. */
struct event_error {
	char text[256];
	uint32_t offset; /* in the body */
};

/* Bytes to event. Strict: UTF-8, no repeated members, depth at most 16, types
 * and ranges as beacon/PROTOCOL.md says; unknown members are skipped. 0, or
 * STORE_EINVAL with *error set, or STORE_ENOMEM. Pure; any thread. */
int decode_native(struct store_str body, struct store_arena *arena, struct event **out,
		  struct event_error *error);

/* ---- beacons of other agents ----------------------------------------- */

#define EVENT_BATCH_MAX 100u

/* What a foreign beacon leaves to its request. Empty strings where absent. */
struct event_source {
	struct store_str query; /* behind the `?`, encoded */
	struct store_str url;   /* Referer: the page when the beacon names none */
	int64_t received_ms;
};

/* One request, a view or report each. */
struct event_batch {
	struct event *events[EVENT_BATCH_MAX];
	uint32_t count;
};

/*
 * Bytes to events, like decode_native: 0 with at least one event, STORE_EINVAL
 * with *error set, or STORE_ENOMEM. More lenient: a value of a wrong type or
 * out of its range is the same as absent, as these agents send such. A view may
 * come in parts, in any order and again: their entries have `merge` set. The
 * site is left empty.
 */
typedef int
event_decoder(struct store_str body, const struct event_source *source, struct store_arena *arena,
	      struct event_batch *out, struct event_error *error);

event_decoder decode_vitals;    /* web-vitals: a metric, or an array of them */
event_decoder decode_boomerang; /* the query string, or a body in the same form */
event_decoder decode_faro;      /* Grafana Faro */
event_decoder decode_reports;   /* the Reporting API, and CSP's report-uri */
/* The agent of many tutorials, one for each of its paths. */
event_decoder decode_plain_metrics, decode_plain_errors, decode_plain_interactions,
    decode_plain_heartbeat, decode_plain_business;

/* Whether the body is web-vitals' and not a native beacon, by its shape. */
bool decode_is_vitals(struct store_str body);

/* The page's URL as it came, for finding the site; then the site. */
struct store_str event_url(const struct event *event);
void event_set_site(struct event *event, struct store_str site); /* 1 to 64 bytes, borrowed */

/* ---- enrichment ------------------------------------------------------ */

struct enricher;

/* Opens the GeoIP files (any number: IPv4, IPv6 or both; nested or flat
 * records). A missing or broken file is one line to `log` and then ignored.
 * Compiles nothing that is not needed at once. NULL when malloc fails. */
struct enricher *enricher_open(const char *const *geoip_files, uint32_t geoip_files_count,
			       void (*log)(void *context, const char *line), void *context);
/* Opens the files anew, without stopping anybody. When fewer of them can be
 * read than before, and the list is the same, the old ones stay. False: they
 * did. */
bool
enricher_reopen(struct enricher *enricher, const char *const *geoip_files, uint32_t files_count,
		void (*log)(void *context, const char *line), void *context);
/* Whether one of the files is no longer what was opened, or tried. */
bool enricher_is_stale(struct enricher *enricher);
/* When the oldest GeoIP file was made, seconds since 1970; 0: there is none. */
uint64_t enricher_geoip_built_s(struct enricher *enricher);
/* From now on a site's dimensions take so many different values a day, and
 * `(other)` for further ones. False: out of memory. Once, before it is used. */
bool enricher_limit(struct enricher *enricher, uint32_t values_max);
void enricher_close(struct enricher *enricher);

/* Errors and events that enrich left out: beyond their table's retention. */
uint32_t event_expired_count(const struct event *event);

/* Fills place, device, browser, OS, path, referrer host, ts and weight. The
 * address is used here and kept nowhere. Safe from several threads. 0,
 * STORE_EINVAL (imported `t` out of bounds, with *error) or STORE_ENOMEM. */
int enrich(struct enricher *enricher, struct event *event, const struct event_client *client,
	   struct store_arena *arena, struct event_error *error);

/* The store entry of an enriched event; rows and cells live in the arena, texts
 * where they are. 0 or STORE_ENOMEM. */
int event_entry(const struct event *event, struct store_arena *arena, struct store_entry *out);
/* The same with all that it points to in the arena, in one piece, but what is in
 * `within`. */
int event_keep(const struct event *event, struct store_str within, struct store_arena *arena,
	       struct store_entry *out);

/* ---- realistic traffic ----------------------------------------------- */

/* Writes one NDJSON beacon a line (with "ip" and "ua" members) to `out`; the
 * same arguments give the same bytes. 0, or -1 when writing failed. */
#define GENERATE_VIEWS_MAX 100000000u /* 80 bytes of memory each */
struct generate_options {
	uint64_t views_count, seed;
	double days;
	int64_t end_ms; /* of the newest view */
};
int generate(const struct generate_options *options,
	     int (*write)(void *context, const char *bytes, size_t size), void *context);

#endif
