/*
 * What the server adds to a decoded beacon: time, place, device, weight, and
 * what enrich_text.c and enrich_error.c do. Runs on the loop threads; must not
 * keep the client's address.
 */
#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "enrich_inside.h"
#include "event_row.h"
#include "geoip.h"
#include "metrics.h"
#include "useragent.h"
#include "values.h"

#define PAST_MS (24 * 3600 * 1000LL)
#define FUTURE_MS (5 * 60 * 1000LL)
#define DAY_MS (24 * 3600 * 1000LL)
#define BOUNDED_MAX 48u /* columns of a table, and one */
#define BATCH 8u        /* values that are looked for together */

struct enricher {
	pthread_rwlock_t lock;
	/* guarded by lock: */
	struct geoip *geoip;                /* owned */
	struct geoip *refused;              /* owned: read less than that one; NULL: none */
	struct useragent_parser *useragent; /* owned */
	struct values *values;              /* owned; NULL: no bound */
	uint16_t bounded[EVENT_TABLES_COUNT][BOUNDED_MAX]; /* columns; 0 ends them */
};

struct enricher *
enricher_open(const char *const *geoip_files, uint32_t geoip_files_count,
	      void (*log)(void *context, const char *line), void *context)
{
	struct enricher *enricher = calloc(1, sizeof *enricher);

	if (enricher == NULL)
		return NULL;
	pthread_rwlock_init(&enricher->lock, NULL);
	enricher->geoip = geoip_open(geoip_files, geoip_files_count, log, context);
	enricher->useragent = useragent_open();
	if (enricher->geoip == NULL || enricher->useragent == NULL) {
		enricher_close(enricher);
		return NULL;
	}
	return enricher;
}

void
enricher_close(struct enricher *enricher)
{
	if (enricher == NULL)
		return;
	geoip_close(enricher->geoip);
	geoip_close(enricher->refused);
	pthread_rwlock_destroy(&enricher->lock);
	useragent_close(enricher->useragent);
	values_free(enricher->values);
	free(enricher);
}

bool
enricher_reopen(struct enricher *enricher, const char *const *geoip_files, uint32_t files_count,
		void (*log)(void *context, const char *line), void *context)
{
	struct geoip *fresh = geoip_open(geoip_files, files_count, log, context), *old, *refused;
	bool taken;

	if (fresh == NULL)
		return false;
	pthread_rwlock_wrlock(&enricher->lock);
	taken = files_count == 0 || geoip_files_count(fresh) >= geoip_files_count(enricher->geoip);
	old = taken ? enricher->geoip : NULL;
	refused = enricher->refused;
	enricher->refused = taken ? NULL : fresh;
	if (taken)
		enricher->geoip = fresh;
	pthread_rwlock_unlock(&enricher->lock);
	geoip_close(old);
	geoip_close(refused);
	return taken;
}

bool
enricher_is_stale(struct enricher *enricher)
{
	bool stale;

	pthread_rwlock_rdlock(&enricher->lock);
	stale = geoip_is_stale(enricher->refused != NULL ? enricher->refused : enricher->geoip);
	pthread_rwlock_unlock(&enricher->lock);
	return stale;
}

uint64_t
enricher_geoip_built_s(struct enricher *enricher)
{
	uint64_t built;

	pthread_rwlock_rdlock(&enricher->lock);
	built = geoip_built_s(enricher->geoip);
	pthread_rwlock_unlock(&enricher->lock);
	return built;
}

/* ---- time and weight ------------------------------------------------- */

static bool
is_expired(const struct event_client *client, enum event_table table, int64_t time)
{
	uint32_t days =
	    client->imported && client->retention_days != NULL ? client->retention_days[table] : 0;

	return days != 0 && time < client->received_ms - days * DAY_MS;
}

static int
set_time(struct event *event, const struct event_client *client, struct event_error *error)
{
	int64_t now = client->received_ms, time = event->has_time ? event->time_ms : now;

	if (client->imported && time > now + FUTURE_MS) {
		strcpy(error->text, "t: more than 5 minutes ahead of the clock");
		return STORE_EINVAL;
	}
	if (is_expired(client, EVENT_PAGEVIEWS, time)) {
		snprintf(error->text, sizeof error->text, "t: older than the retention of %u days",
			 client->retention_days[EVENT_PAGEVIEWS]);
		return STORE_EINVAL;
	}
	if (!client->imported && (time < now - PAST_MS || time > now + FUTURE_MS))
		time = now;
	event_row_time(&event->view, PAGEVIEWS_ts, time);
	event->received_ms = now;
	event->is_live = !client->imported;
	return 0;
}

/* 1/rate as a whole number; the fraction is decided by the view's id, so that
 * the mean is right and a view always has the same. */
static uint32_t
interval_of(double rate, uint64_t view_id)
{
	double interval = 1 / rate, whole = floor(interval + 1e-9), draw;

	if (interval - whole <= 1e-6)
		return (uint32_t)whole;
	draw = (double)(XXH3_64bits(&view_id, sizeof view_id) >> 11) * 0x1p-53;
	return (uint32_t)whole + (draw < interval - whole);
}

/* ---- place and device ------------------------------------------------ */

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static void
put_place(struct event_row *row, const struct geoip_place *place)
{
	event_row_string(row, PAGEVIEWS_continent, place->continent);
	event_row_string(row, PAGEVIEWS_country, place->country);
	event_row_string(row, PAGEVIEWS_region, place->region);
	event_row_string(row, PAGEVIEWS_city, place->city);
	event_row_string(row, PAGEVIEWS_isp, place->isp);
	if (place->asn != 0)
		event_row_uint(row, PAGEVIEWS_asn, place->asn);
}

/* The place, and between the steps of looking it up what the page's texts are stored
 * as. The files are held meanwhile: another may take their place. */
static int
set_place_and_texts(struct event *event, struct enricher *enricher,
		    const struct event_client *client, struct store_arena *arena)
{
	bool own = client->imported && event->imported_address.size > 0;
	struct geoip_address address;
	struct geoip_place place;
	int result;

	geoip_parse(own ? event->imported_address : client->address, &address);
	pthread_rwlock_rdlock(&enricher->lock);
	geoip_fetch(enricher->geoip, &address, GEOIP_NETWORK);
	if ((result = enrich_urls(event, client, arena)) == 0) {
		geoip_fetch(enricher->geoip, &address, GEOIP_RECORD);
		result = enrich_redact(event, client, arena);
	}
	if (result == 0 && !geoip_find(enricher->geoip, &address, arena, &place))
		result = STORE_ENOMEM;
	pthread_rwlock_unlock(&enricher->lock);
	if (result == 0)
		put_place(&event->view, &place);
	return result;
}

static bool
is_headless(struct store_str brands)
{
	static const char name[] = "HeadlessChrome";
	const char *at = brands.bytes, *end = at + brands.size;

	/* Quicker than memmem, which prepares for a longer search. */
	while (end - at >= (ptrdiff_t)sizeof name - 1 &&
	       (at = memchr(at, name[0], (size_t)(end - at))) != NULL) {
		if (end - at >= (ptrdiff_t)sizeof name - 1 &&
		    memcmp(at, name, sizeof name - 1) == 0)
			return true;
		at++;
	}
	return false;
}

static int
set_device(struct event *event, struct useragent_parser *parser, const struct event_client *client,
	   struct store_str user_agent, struct store_arena *arena)
{
	struct useragent *found = store_arena_alloc(arena, sizeof *found);
	struct event_row *row = &event->view;

	if (found == NULL)
		return STORE_ENOMEM;
	useragent_parse(parser, user_agent, client->hint_mobile, client->hint_platform, found);
	event_row_string(row, PAGEVIEWS_device, str(found->device));
	event_row_string(row, PAGEVIEWS_browser, str(found->browser));
	event_row_string(row, PAGEVIEWS_browser_version, str(found->browser_version));
	event_row_string(row, PAGEVIEWS_os, str(found->os));
	event_row_string(row, PAGEVIEWS_os_version, str(found->os_version));
	if (found->bot[0] == '\0' && is_headless(client->hint_ua))
		strcpy(found->bot, "HeadlessChrome");
	if (found->bot[0] == '\0' && event->is_driven)
		strcpy(found->bot, "webdriver");
	event_row_string(row, PAGEVIEWS_bot, str(found->bot));
	return 0;
}

/* The first tag of Accept-Language, unless the beacon tells. */
static void
set_language(struct event_row *row, struct store_str accepted)
{
	uint32_t size = 0;

	if (row->present[PAGEVIEWS_language])
		return;
	while (size < accepted.size && size < 35 &&
	       (isalnum((unsigned char)accepted.bytes[size]) || accepted.bytes[size] == '-'))
		size++;
	event_row_string(row, PAGEVIEWS_language, (struct store_str){accepted.bytes, size});
}

/* ---- how many values ------------------------------------------------- */

/* Dimensions that the page or the browser made up; places are what the GeoIP
 * files have. */
static bool
is_bounded(enum event_table table, uint32_t column)
{
	return event_schema()->tables[table].columns[column].flags & STORE_DIMENSION &&
	       column != PAGEVIEWS_site && column != PAGEVIEWS_continent &&
	       column != PAGEVIEWS_country && column != PAGEVIEWS_region &&
	       column != PAGEVIEWS_city && column != PAGEVIEWS_isp && column != PAGEVIEWS_device;
}

bool
enricher_limit(struct enricher *enricher, uint32_t values_max)
{
	for (uint32_t table = 0; table < EVENT_TABLES_COUNT; table++) {
		uint32_t count = 0;

		for (uint32_t i = 0; i < event_schema()->tables[table].columns_count; i++) {
			if (is_bounded(table, i))
				enricher->bounded[table][count++] = (uint16_t)i;
			assert(count < BOUNDED_MAX);
		}
	}
	return (enricher->values = values_create(values_max)) != NULL;
}

static void
bound_row(const struct enricher *enricher, const struct values_site *site, struct event_row *row)
{
	const uint16_t *column = enricher->bounded[row->table];
	uint64_t table = (uint64_t)row->table << 16;

	while (*column != 0) {
		uint64_t keys[BATCH];
		uint16_t columns[BATCH];
		uint32_t count = 0;

		/* Some keys first: each is looked for in another line of memory. */
		for (; *column != 0 && count < BATCH; column++) {
			if (!row->present[*column])
				continue;
			columns[count] = *column;
			keys[count++] =
			    values_key(site, table | *column, row->cells[*column].value.s);
		}
		for (uint32_t i = 0; i < count; i++) {
			if (values_take_key(site, table | columns[i], keys[i], 0))
				continue;
			row->cells[columns[i]].value.s = str("(other)");
			metrics_add(METRICS_values_capped, 1);
		}
	}
}

/* A name beyond the bound would be a column more: its tag goes. */
static void
bound_tags(const struct values_site *site, struct event *event)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < event->tags_count; i++) {
		struct store_str name = event->tag_names[i];
		uint64_t column = XXH3_64bits(name.bytes, name.size) | (uint64_t)1 << 32;

		if (!values_take(site, UINT64_MAX, name, EVENT_TAGS_MAX)) {
			metrics_add(METRICS_tags_dropped, 1);
			continue;
		}
		event->tag_names[kept] = name;
		event->tag_values[kept] = event->tag_values[i];
		if (!values_take(site, column, event->tag_values[i], 0)) {
			event->tag_values[kept] = str("(other)");
			metrics_add(METRICS_values_capped, 1);
		}
		kept++;
	}
	event->tags_count = kept;
}

static void
bound_values(struct enricher *enricher, struct event *event)
{
	struct values_site site;

	if (enricher->values == NULL)
		return;
	site = values_lock(enricher->values, event->site, event->received_ms / DAY_MS);
	bound_row(enricher, &site, &event->view);
	for (uint32_t i = 0; i < event->errors_count; i++)
		bound_row(enricher, &site, &event->errors[i]);
	for (uint32_t i = 0; i < event->events_count; i++)
		bound_row(enricher, &site, &event->events[i]);
	if (event->has_report)
		bound_row(enricher, &site, &event->report);
	bound_tags(&site, event);
	values_unlock(&site);
}

/* ---- errors and events ---------------------------------------------- */

/* A row's own time must be as plausible as the view's. */
static void
check_row_times(struct event *event, struct event_row *rows, uint32_t count)
{
	int64_t began = event->view.cells[PAGEVIEWS_ts].value.i;

	for (uint32_t i = 0; i < count; i++) {
		int64_t time;

		if (!rows[i].present[PAGEVIEWS_ts])
			continue;
		time = rows[i].cells[PAGEVIEWS_ts].value.i;
		if (time < began - PAST_MS || time > event->received_ms + FUTURE_MS)
			rows[i].present[PAGEVIEWS_ts] = false; /* the view's is taken */
	}
}

/* Those of a view that is young enough may be older than their own table's. */
static void
drop_expired(struct event *event, const struct event_client *client, struct event_row *rows,
	     uint32_t *count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < *count; i++) {
		const struct event_row *from =
		    rows[i].present[PAGEVIEWS_ts] ? &rows[i] : &event->view;

		if (is_expired(client, rows[i].table, from->cells[PAGEVIEWS_ts].value.i))
			event->expired_count++;
		else
			rows[kept++] = rows[i];
	}
	*count = kept;
}

int
enrich(struct enricher *enricher, struct event *event, const struct event_client *client,
       struct store_arena *arena, struct event_error *error)
{
	struct event_row *row = &event->view;
	bool own;
	int result;

	if ((result = set_time(event, client, error)) != 0)
		return result;
	event_row_string(row, PAGEVIEWS_site, event->site);
	if (!event->no_view)
		event_row_uint(row, PAGEVIEWS_view_id, event->view_id);
	if (event->session_id != 0)
		event_row_uint(row, PAGEVIEWS_session_id, event->session_id);
	event_row_uint(row, PAGEVIEWS__sample_interval, interval_of(event->rate, event->view_id));
	set_language(row, client->language);
	own = client->imported && event->imported_user_agent.size > 0;
	if ((result = set_device(event, enricher->useragent, client,
				 own ? event->imported_user_agent : client->user_agent, arena)) !=
		0 ||
	    (result = set_place_and_texts(event, enricher, client, arena)) != 0)
		return result;
	enrich_errors(event);
	check_row_times(event, event->errors, event->errors_count);
	check_row_times(event, event->events, event->events_count);
	drop_expired(event, client, event->errors, &event->errors_count);
	drop_expired(event, client, event->events, &event->events_count);
	bound_values(enricher, event);
	return 0;
}
