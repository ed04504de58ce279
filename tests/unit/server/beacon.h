/* What tests of the intake share: cmocka and the seeded generator of the
 * store's tests, strings, and the sample beacon of the protocol. */
#ifndef BEACON_H
#define BEACON_H

#include "tests/unit/store/check.h"

#include "server/event_row.h"

#define BEACON_ID "9f86d081884c7d65"

/* Every member once, as beacon/drum.js would send it. */
static const char beacon_whole[] =
    "{\"v\":1,\"site\":\"shop\",\"view\":\"" BEACON_ID "\",\"session\":\"1b4f0e9851971998\","
    "\"seq\":3,\"t\":1780000000000,\"rate\":0.5,\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
    "\"serverTiming\":\"cdn-cache;desc=HIT, edge;dur=3\","
    "\"url\":\"https://shop.example/p/42?utm_source=x\",\"referrer\":\"https://news.example/\","
    "\"release\":\"1.4.2\",\"env\":\"production\",\"lang\":\"de\",\"nav\":\"navigate\","
    "\"net\":{\"type\":\"4g\",\"rtt\":50,\"downlink\":10,\"save\":false},"
    "\"dev\":{\"vw\":390,\"vh\":844,\"dpr\":3,\"mem\":4,\"cpu\":8},"
    "\"timing\":{\"redirect\":0,\"dns\":12.1,\"tcp\":20.3,\"tls\":15.2,\"ttfb\":210.4,"
    "\"download\":80,\"domInteractive\":900,\"domContentLoaded\":950,\"load\":1400,"
    "\"protocol\":\"h2\",\"bytes\":51234},"
    "\"vitals\":{\"fcp\":800.2,\"lcp\":1824.5,\"inp\":120,\"cls\":0.0213},"
    "\"why\":{\"lcp\":{\"element\":\"#hero>img\",\"url\":\"https://shop.example/hero.avif\","
    "\"loadDelay\":120,\"loadTime\":310,\"renderDelay\":90},\"inp\":{\"target\":\"#buy\","
    "\"type\":\"pointer\",\"inputDelay\":10,\"processing\":80,\"presentation\":30,"
    "\"script\":\"https://shop.example/app.js\"},\"cls\":{\"element\":\"#banner\"}},"
    "\"visible\":15300,\"blocking\":230,\"errors\":[{\"kind\":\"error\",\"type\":\"TypeError\","
    "\"message\":\"x is \\\"undefined\\\"\",\"source\":\"https://shop.example/app.js\",\"line\":3,"
    "\"column\":14,\"stack\":\"at f\\n at g \\u00e4\",\"t\":1780000000500,\"handled\":false,"
    "\"count\":1}],\"events\":[{\"category\":\"business\",\"name\":\"checkout_complete\","
    "\"value\":99.5,\"text\":\"\",\"target\":\"\",\"t\":1780000003000}],"
    "\"tags\":{\"plan\":\"pro\"},\"ip\":\"192.0.2.1\",\"ua\":\"Mozilla/5.0\"}";

static inline struct store_str
beacon_str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static inline void
beacon_assert_str(struct store_str got, const char *expected)
{
	if (got.size != strlen(expected) ||
	    (got.size > 0 && memcmp(got.bytes, expected, got.size) != 0))
		fail_msg("expected `%s`, got `%.*s`", expected, (int)got.size,
			 got.size == 0 ? "" : got.bytes);
}

static inline void
beacon_assert_same_text(struct store_str a, struct store_str b)
{
	assert_int_equal(a.size, b.size);
	if (a.size > 0)
		assert_memory_equal(a.bytes, b.bytes, a.size);
}

static inline void
beacon_assert_same_row(const struct store_row *a, const struct store_row *b)
{
	const struct store_table *table = &event_schema()->tables[a->table];

	assert_int_equal(a->table, b->table);
	assert_int_equal(a->cells_count, b->cells_count);
	for (uint32_t c = 0; c < a->cells_count; c++) {
		enum store_type type = table->columns[a->cells[c].column].type;

		assert_int_equal(a->cells[c].column, b->cells[c].column);
		if (type == STORE_MAP) {
			const struct store_pair *x = a->cells[c].value.pair;
			const struct store_pair *y = b->cells[c].value.pair;

			beacon_assert_same_text(x->key, y->key);
			beacon_assert_same_text(x->value, y->value);
		} else if (type == STORE_STRING)
			beacon_assert_same_text(a->cells[c].value.s, b->cells[c].value.s);
		else
			assert_int_equal(a->cells[c].value.u, b->cells[c].value.u);
	}
}

#endif
