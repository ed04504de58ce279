/*
 * Goal: what is recalled of a record is what was kept of it, whole, also while
 * others keep other records in its slot; texts that do not fit are refused.
 * Method: places that follow from their offset, by threads side by side.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "beacon.h"

#include "server/geoip_record.h"

#define THREADS 2
#define OFFSETS 60000u /* more than there are slots */

static struct geoip_records *records;

/* A place of which each part tells the offset. */
static struct geoip_place
make(uint32_t offset, char texts[3][24])
{
	for (int i = 0; i < 3; i++)
		snprintf(texts[i], 24, "%d of %u", i, offset);
	return (struct geoip_place){.continent = beacon_str("EU"),
				    .country = beacon_str(offset % 2 == 0 ? "DE" : ""),
				    .region = beacon_str(texts[0]),
				    .city = beacon_str(texts[1]),
				    .isp = beacon_str(texts[2]),
				    .asn = offset * 7};
}

static bool
is_same(struct store_str a, struct store_str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static bool
is_of(const struct geoip_record *record, uint32_t offset)
{
	char texts[3][24];
	struct geoip_place expected = make(offset, texts), place;

	geoip_record_place(record, &place);
	return is_same(place.continent, expected.continent) &&
	       is_same(place.country, expected.country) && is_same(place.region, expected.region) &&
	       is_same(place.city, expected.city) && is_same(place.isp, expected.isp) &&
	       place.asn == expected.asn;
}

static void
kept(void **state)
{
	struct geoip_record record;
	uint32_t found = 0;

	(void)state;
	assert_false(geoip_record_recall(records, 0, &record));
	for (uint32_t offset = 0; offset < OFFSETS; offset += 7) {
		char texts[3][24];
		struct geoip_place place = make(offset, texts);

		assert_true(geoip_record_keep(records, offset, &place, &record));
		assert_true(is_of(&record, offset));
		assert_true(geoip_record_recall(records, offset, &record));
		assert_true(is_of(&record, offset));
	}
	for (uint32_t offset = 0; offset < OFFSETS; offset++) {
		if (geoip_record_recall(records, offset, &record)) {
			assert_true(is_of(&record, offset) && offset % 7 == 0);
			found++;
		}
	}
	assert_in_range(found, OFFSETS / 20, OFFSETS / 7 + 1);
}

static void
too_long(void **state)
{
	static const char text[GEOIP_RECORD_TEXT_BYTES + 1];
	struct geoip_place place = {.city = {text, GEOIP_RECORD_TEXT_BYTES}};
	struct geoip_record record;

	(void)state;
	assert_true(geoip_record_keep(records, 5, &place, &record));
	place.isp = (struct store_str){text, 1};
	assert_false(geoip_record_keep(records, 5, &place, &record));
	place.isp.size = 0;
	place.city.size++;
	assert_false(geoip_record_keep(records, 5, &place, &record));
}

/* Few slots and many records, so that slots change while they are read: times the
 * hash's factor they are those below, of which the first bits are the slot. */
#define INVERSE 0xe8b2f51u

#define SHARING 8u

static struct {
	uint32_t offset;
	char texts[3][24];
	struct geoip_place place;
} shared[SHARING];
static _Atomic bool done;

static void *
keep_on(void *first)
{
	struct geoip_record record;

	for (uint32_t i = (uint32_t)(uintptr_t)first; !atomic_load(&done); i += 3)
		geoip_record_keep(records, shared[i % SHARING].offset, &shared[i % SHARING].place,
				  &record);
	return NULL;
}

static void
threads(void **state)
{
	pthread_t keeping[THREADS];
	uint32_t found = 0;

	(void)state;
	for (uint32_t i = 0; i < SHARING; i++) {
		shared[i].offset = INVERSE * (i % 2 << 18 | i / 2);
		shared[i].place = make(shared[i].offset, shared[i].texts);
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&keeping[i], NULL, keep_on, (void *)i), 0);
	for (uint32_t i = 0; found < 300000 && i < 100000000; i++) {
		uint32_t offset = shared[i % SHARING].offset;
		struct geoip_record record;

		if (!geoip_record_recall(records, offset, &record))
			continue;
		found++;
		if (!is_of(&record, offset))
			fail_msg("%u has another's texts", offset);
	}
	atomic_store(&done, true);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(keeping[i], NULL);
	assert_int_equal(found, 300000);
}

static int
set_up(void **state)
{
	(void)state;
	return (records = geoip_records_create()) == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	geoip_records_free(records);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(too_long, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(threads, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
