/*
 * Goal: the schema is what the store asks of one, and an event becomes an
 * entry with its rows in order, the view's common columns in all of them, tags
 * in place, and nothing that is absent; one that is kept needs neither body nor
 * scratch memory. Method: the schema's rules in a loop
 * over every column; entries of decoded beacons, compared cell by cell with
 * the event they came from.
 */
#include "beacon.h"

static struct store_arena *arena;

static int
set_up(void **state)
{
	(void)state;
	arena = store_arena_create(0);
	return arena == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_arena_free(arena);
	return 0;
}

/* ---- the schema ------------------------------------------------------ */

static uint32_t
count_role(const struct store_table *table, uint32_t role)
{
	uint32_t count = 0;

	for (uint32_t c = 0; c < table->columns_count; c++)
		count += (table->columns[c].flags & role) != 0;
	return count;
}

static void
check_column(const struct store_column *column)
{
	assert_true(column->name[0] != '\0' && column->comment[0] != '\0');
	assert_true(strspn(column->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(column->name));
	if (column->type == STORE_UINT)
		assert_true(column->bits == 8 || column->bits == 16 || column->bits == 32 ||
			    column->bits == 64);
	else
		assert_int_equal(column->bits, 0);
	if (column->type != STORE_FLOAT)
		assert_int_equal(column->scale, 0);
	if (column->flags & STORE_DIMENSION)
		assert_int_equal(column->type, STORE_STRING);
}

static void
schema(void **state)
{
	static const char *const names[] = {"pageviews", "errors", "events", "reports"};
	const struct store_schema *schema = event_schema();
	const struct store_column *first = schema->tables[0].columns;

	(void)state;
	assert_int_equal(schema->tables_count, EVENT_TABLES_COUNT);
	for (uint32_t t = 0; t < schema->tables_count; t++) {
		const struct store_table *table = &schema->tables[t];

		assert_string_equal(table->name, names[t]);
		assert_int_equal(table->keyed, t == EVENT_PAGEVIEWS);
		assert_int_equal(count_role(table, STORE_ROLE_TIME), 1);
		assert_int_equal(count_role(table, STORE_ROLE_SORT), 1);
		assert_int_equal(count_role(table, STORE_ROLE_KEY), 1);
		assert_int_equal(count_role(table, STORE_ROLE_WEIGHT), 1);
		assert_int_equal(count_role(table, STORE_ROLE_ERASE), 1);
		assert_int_equal(count_role(table, STORE_ROLE_SUM), t == EVENT_PAGEVIEWS);
		for (uint32_t c = 0; c < table->columns_count; c++) {
			check_column(&table->columns[c]);
			for (uint32_t b = 0; b < c; b++)
				assert_string_not_equal(table->columns[b].name,
							table->columns[c].name);
			if (c < COMMON_COUNT)
				assert_string_equal(table->columns[c].name, first[c].name);
		}
	}
	assert_string_equal(first[PAGEVIEWS_ts].name, "ts");
	assert_string_equal(first[PAGEVIEWS_trace_id].name, "trace_id");
	assert_string_equal(first[COMMON_COUNT - 1].name, "_sample_interval");
}

/* ---- entries --------------------------------------------------------- */

static bool
has_key(const struct store_cell *cell, const char *key)
{
	struct store_str own = cell->value.pair->key;

	return own.size == strlen(key) && memcmp(own.bytes, key, own.size) == 0;
}

static const struct store_cell *
cell_of(const struct store_row *row, uint32_t column, const char *key)
{
	for (uint32_t c = 0; c < row->cells_count; c++) {
		const struct store_cell *cell = &row->cells[c];

		if (cell->column == column && (key == NULL || has_key(cell, key)))
			return cell;
	}
	return NULL;
}

static struct event *
decoded(const char *text)
{
	struct event_error error;
	struct event *event;

	if (decode_native(beacon_str(text), arena, &event, &error) != 0)
		fail_msg("%s", error.text);
	event_row_time(&event->view, PAGEVIEWS_ts, event->time_ms);
	event_row_string(&event->view, PAGEVIEWS_site, event->site);
	event_row_string(&event->view, PAGEVIEWS_country, beacon_str("DE"));
	event_row_uint(&event->view, PAGEVIEWS__sample_interval, 10);
	event->received_ms = 1780000000900;
	return event;
}

static void
entry(void **state)
{
	struct event *event = decoded(beacon_whole);
	struct store_entry entry;
	const struct store_row *row;

	(void)state;
	assert_int_equal(event_entry(event, arena, &entry), 0);
	assert_true(entry.keyed && entry.version == 3 && entry.key == 0x9f86d081884c7d65u);
	beacon_assert_str(entry.sort, "shop");
	assert_true(entry.began_ms == 1780000000000 && entry.received_ms == 1780000000900);
	assert_int_equal(entry.rows_count, 3);
	assert_int_equal(entry.rows[0].table, EVENT_PAGEVIEWS);
	assert_int_equal(entry.rows[1].table, EVENT_ERRORS);
	assert_int_equal(entry.rows[2].table, EVENT_EVENTS);
	assert_true(cell_of(&entry.rows[0], PAGEVIEWS_lcp, NULL)->value.f == 1824.5);
	for (int r = 0; r < 3; r++) { /* what all have in common */
		row = &entry.rows[r];
		beacon_assert_str(cell_of(row, PAGEVIEWS_country, NULL)->value.s, "DE");
		beacon_assert_str(cell_of(row, PAGEVIEWS_release, NULL)->value.s, "1.4.2");
		beacon_assert_str(cell_of(row, PAGEVIEWS_tags, "plan")->value.pair->value, "pro");
		assert_int_equal(cell_of(row, PAGEVIEWS__sample_interval, NULL)->value.u, 10);
		assert_null(cell_of(row, PAGEVIEWS_city, NULL));
	}
	/* A row's own time comes before the view's. */
	assert_true(cell_of(&entry.rows[1], ERRORS_ts, NULL)->value.i == 1780000000500);
	beacon_assert_str(cell_of(&entry.rows[1], ERRORS_type, NULL)->value.s, "TypeError");
	assert_true(cell_of(&entry.rows[2], EVENTS_ts, NULL)->value.i == 1780000003000);
	assert_null(cell_of(&entry.rows[2], EVENTS_text, NULL)); /* "" is absent */
}

static void
smallest(void **state)
{
	struct event *event =
	    decoded("{\"v\":1,\"site\":\"s\",\"view\":\"" BEACON_ID "\",\"url\":\"http://a\"}");
	struct store_entry entry;

	(void)state;
	assert_int_equal(event_entry(event, arena, &entry), 0);
	assert_int_equal(entry.rows_count, 1);
	assert_int_equal(entry.rows[0].cells_count, 4); /* what decoded() set */
	assert_int_equal(entry.version, 0);
}

static void
tags(void **state)
{
	char text[4096];
	size_t size = (size_t)snprintf(text, sizeof text,
				       "{\"v\":1,\"site\":\"s\",\"view\":\"" BEACON_ID
				       "\",\"url\":\"http://a\",\"errors\":[{}],\"tags\":{");
	struct store_entry entry;

	(void)state;
	for (unsigned i = 0; i < EVENT_TAGS_MAX; i++)
		size += (size_t)snprintf(text + size, sizeof text - size, "%s\"k%u\":\"v%u\"",
					 i == 0 ? "" : ",", i, i);
	snprintf(text + size, sizeof text - size, "}}");
	assert_int_equal(event_entry(decoded(text), arena, &entry), 0);
	for (int r = 0; r < 2; r++) {
		assert_int_equal(entry.rows[r].cells_count, 4 + EVENT_TAGS_MAX);
		for (unsigned i = 0; i < EVENT_TAGS_MAX; i++) {
			char key[8], value[8];

			snprintf(key, sizeof key, "k%u", i);
			snprintf(value, sizeof value, "v%u", i);
			beacon_assert_str(
			    cell_of(&entry.rows[r], PAGEVIEWS_tags, key)->value.pair->value, value);
		}
	}
}

/* Any set of columns comes out whole and in order. */
static void
random_columns(void **state)
{
	struct random random = random_seeded("random_columns");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct event *event;
		struct store_entry entry;
		uint32_t expected = 0, at = 0;

		store_arena_reset(arena);
		event = decoded("{\"v\":1,\"site\":\"s\",\"view\":\"" BEACON_ID
				"\",\"url\":\"http://a\"}");
		for (uint32_t c = 0; c < PAGEVIEWS_COUNT; c++) {
			event->view.present[c] =
			    c != PAGEVIEWS_tags && random_below(&random, 3) == 0;
			event->view.cells[c].column = (uint16_t)c;
			event->view.cells[c].value.u = c;
			expected += event->view.present[c];
		}
		assert_int_equal(event_entry(event, arena, &entry), 0);
		assert_int_equal(entry.rows[0].cells_count, expected);
		for (uint32_t c = 0; c < PAGEVIEWS_COUNT; c++) {
			if (!event->view.present[c])
				continue;
			assert_int_equal(entry.rows[0].cells[at].column, c);
			assert_int_equal(entry.rows[0].cells[at++].value.u, c);
		}
	}
}

/* ---- kept ------------------------------------------------------------ */

/* What it came from is gone, but for a body that it may point into. */
static void
kept(void **state)
{
	struct store_entry expected, copy;
	char *body = strdup(beacon_whole);

	(void)state;
	assert_int_equal(event_entry(decoded(beacon_whole), arena, &expected), 0);
	for (int with_body = 0; with_body < 2; with_body++) {
		struct store_arena *scratch = arena, *own = store_arena_create(0);
		struct store_str within = {body, with_body ? (uint32_t)strlen(body) : 0};

		arena = store_arena_create(0);
		assert_int_equal(event_keep(decoded(body), within, own, &copy), 0);
		store_arena_free(arena);
		arena = scratch;
		if (with_body)
			assert_ptr_equal(copy.sort.bytes, strstr(body, "shop"));
		else
			memset(body, '?', strlen(body));
		assert_int_equal(copy.rows_count, expected.rows_count);
		beacon_assert_same_text(copy.sort, expected.sort);
		assert_true(copy.key == expected.key && copy.version == expected.version);
		for (uint32_t i = 0; i < copy.rows_count; i++)
			beacon_assert_same_row(&copy.rows[i], &expected.rows[i]);
		store_arena_free(own);
		strcpy(body, beacon_whole);
	}
	free(body);
}

static void
memory(void **state)
{
	bool made = false;

	(void)state;
	for (size_t limit = 0; limit < 65536 && !made; limit += 64) {
		struct store_arena *small = store_arena_create(limit + 1);
		struct store_entry entry, copy;
		int result;

		store_arena_reset(arena);
		result = event_entry(decoded(beacon_whole), small, &entry);
		if (result == 0)
			result = event_keep(decoded(beacon_whole), beacon_str(""), small, &copy);
		assert_true(result == 0 || result == STORE_ENOMEM);
		made = result == 0;
		store_arena_free(small);
	}
	assert_true(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(schema), cmocka_unit_test(entry),          cmocka_unit_test(smallest),
	    cmocka_unit_test(tags),   cmocka_unit_test(random_columns), cmocka_unit_test(kept),
	    cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
