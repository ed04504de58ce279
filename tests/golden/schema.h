/* The schema of the golden stores, shared by generate.c and test_golden.c.
 * Never changed: a later version's golden files get a schema of their own. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "store/store.h"

enum {
	VIEW_TS,
	VIEW_SITE,
	VIEW_ID,
	VIEW_SESSION,
	VIEW_LCP,
	VIEW_RATIO,
	VIEW_STARTED,
	VIEW_BYTES,
	VIEW_BUILD,
	VIEW_STATUS,
	VIEW_WIDTH,
	VIEW_SAVE,
	VIEW_ERRORS,
	VIEW_PATH,
	VIEW_NOTE,
	VIEW_TAGS,
	VIEW_EXTRA,
	VIEW_INTERVAL,
	VIEW_COLUMNS
};

static const struct store_column golden_views[VIEW_COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "session_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    {.name = "lcp", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "ratio", .type = STORE_FLOAT, .flags = STORE_NULLABLE},
    {.name = "started", .type = STORE_UINT, .bits = 64},
    {.name = "bytes", .type = STORE_UINT, .bits = 64},
    {.name = "build", .type = STORE_UINT, .bits = 64},
    {.name = "status", .type = STORE_UINT, .bits = 16},
    {.name = "width", .type = STORE_UINT, .bits = 16},
    {.name = "save", .type = STORE_UINT, .bits = 8, .flags = STORE_NULLABLE},
    {.name = "error_count", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_SUM},
    {.name = "path", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "note", .type = STORE_STRING, .flags = STORE_NULLABLE},
    {.name = "tags", .type = STORE_MAP},
    {.name = "extra", .type = STORE_STRING, .flags = STORE_NULLABLE},
    {.name = "_sample_interval", .type = STORE_UINT, .bits = 32, .flags = STORE_ROLE_WEIGHT},
};

enum { ERROR_TS, ERROR_SITE, ERROR_VIEW, ERROR_SESSION, ERROR_MESSAGE, ERROR_COLUMNS };

static const struct store_column golden_errors[ERROR_COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "session_id", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_ERASE},
    {.name = "message", .type = STORE_STRING},
};

enum { TABLE_VIEWS, TABLE_ERRORS };

static const struct store_table golden_tables[] = {
    {"pageviews", golden_views, VIEW_COLUMNS, true},
    {"errors", golden_errors, ERROR_COLUMNS, false},
};
static const struct store_schema golden_schema = {golden_tables, 2};

/* Of the request that the WAL holds. */
#define GOLDEN_REQUEST_KEY 0x4b
#define GOLDEN_REQUEST_BODY 0xb0
#define GOLDEN_REQUEST_NOTE 200
#define GOLDEN_REQUEST_MS 1780100000000

/* Whom the WAL's erasure takes. */
#define GOLDEN_ERASED_SESSION 0x5e55104e00c0ffee

#endif
