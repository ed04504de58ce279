/* The table of which blocks are left out, and how many of them a query read. */
#ifndef PRUNE_H
#define PRUNE_H

#include "query_text.h"

enum { TS, SITE, VIEW, FLAG, SIZE, ID, SPEED, RATIO, NAME, LABEL, TAGS, COLUMNS };

static const struct store_column columns[COLUMNS] = {
    {.name = "ts", .type = STORE_TIME, .flags = STORE_ROLE_TIME},
    {.name = "site", .type = STORE_STRING, .flags = STORE_ROLE_SORT | STORE_DIMENSION},
    {.name = "view", .type = STORE_UINT, .bits = 64, .flags = STORE_ROLE_KEY},
    {.name = "flag", .type = STORE_UINT, .bits = 8, .flags = STORE_NULLABLE},
    {.name = "size", .type = STORE_UINT, .bits = 32},
    {.name = "id", .type = STORE_UINT, .bits = 64},
    {.name = "speed", .type = STORE_FLOAT, .scale = 10, .flags = STORE_NULLABLE},
    {.name = "ratio", .type = STORE_FLOAT},
    {.name = "name", .type = STORE_STRING, .flags = STORE_DIMENSION},
    {.name = "label", .type = STORE_STRING, .flags = STORE_NULLABLE},
    {.name = "tags", .type = STORE_MAP},
};

#define BASE_MS 1779926400000 /* 2026-05-28 */
#define DAY_MS 86400000

/* "Read t: 3 of 16 blocks" */
static inline uint32_t
blocks_read(struct store *store, const char *query, uint32_t *all)
{
	struct text text = {0};
	struct store_result *result = NULL;
	struct store_error error = {0};
	char line[160] = "";
	uint32_t read = 0;

	text_add(&text, "EXPLAIN %s", query);
	if (query_run(store, text.bytes, &result, &error) != 0)
		fail_msg("%s: %s", text.bytes, error.text);
	for (uint64_t i = 0; i < result->rows_count; i++) {
		const struct store_str cell = result->values[0][i].v.s;

		snprintf(line, sizeof line, "%.*s", (int)cell.size, cell.bytes);
		if (strstr(line, "Read t: ") != NULL)
			break;
	}
	assert_int_equal(sscanf(strstr(line, "Read"), "Read t: %u of %u", &read, all), 2);
	store_result_free(result);
	return read;
}

#endif
