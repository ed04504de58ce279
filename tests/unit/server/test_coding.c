/*
 * Goal: what is deflated inflates to the same, whatever is damaged or too long
 * is refused, and headers are read as HTTP has them. Method: round trips of
 * random data of every size around the buffers; every way to cut a stream
 * short; random damage, which may only be refused or give some bytes within
 * the bound; tables of headers.
 */
#include "beacon.h"

#include "server/coding.h"

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

/* Compressible, or not. malloc'ed. */
static char *
make_bytes(struct random *random, size_t size, uint64_t letters)
{
	char *bytes = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)random_below(random, letters);
	return bytes;
}

static void
round_trips(void **state)
{
	static const size_t sizes[] = {2, 3, 100, 65535, 65536, 65537, 300000, 1048576};
	struct random random = random_seeded("round_trips");

	(void)state;
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
		size_t size = sizes[i / 2], deflated_size = size;
		enum coding coding = i % 2 == 0 ? CODING_GZIP : CODING_ZSTD;
		char *bytes = make_bytes(&random, size, 3), *deflated = malloc(size);
		const char *wrong = NULL;
		struct store_str out;

		memcpy(deflated, bytes, size);
		if (coding_deflate(coding, &deflated, &deflated_size)) {
			struct store_str in = {deflated, (uint32_t)deflated_size};

			assert_true(deflated_size < size);
			assert_int_equal(coding_inflate(coding, in, size, arena, &out, &wrong), 0);
			assert_int_equal(out.size, size);
			assert_memory_equal(out.bytes, bytes, size);
			assert_int_equal(coding_inflate(coding, in, size - 1, arena, &out, &wrong),
					 STORE_ELIMIT);
		} else {
			assert_true(size <= 100);
			assert_memory_equal(deflated, bytes, size);
		}
		free(bytes);
		free(deflated);
		store_arena_reset(arena);
	}
}

static void
longer_stays(void **state)
{
	struct random random = random_seeded("longer_stays");

	(void)state;
	for (enum coding coding = CODING_NONE; coding <= CODING_ZSTD; coding++) {
		char *bytes = make_bytes(&random, 1000, 256), *before = bytes, copy[1000];
		size_t size = 1000;

		memcpy(copy, bytes, sizeof copy);
		assert_false(coding_deflate(coding, &bytes, &size));
		assert_ptr_equal(bytes, before);
		assert_int_equal(size, 1000);
		assert_memory_equal(bytes, copy, sizeof copy);
		free(bytes);
	}
}

static void
cut_short(void **state)
{
	struct random random = random_seeded("cut_short");

	(void)state;
	for (enum coding coding = CODING_GZIP; coding <= CODING_ZSTD; coding++) {
		char *bytes = make_bytes(&random, 500, 4);
		size_t size = 500;
		const char *wrong;
		struct store_str out;

		assert_true(coding_deflate(coding, &bytes, &size));
		for (uint32_t cut = 0; cut < size; cut++) {
			char *part = malloc(cut + 1); /* so that reading beyond is seen */

			memcpy(part, bytes, cut);
			wrong = NULL;
			assert_int_equal(coding_inflate(coding, (struct store_str){part, cut}, 1000,
							arena, &out, &wrong),
					 STORE_EINVAL);
			assert_non_null(wrong);
			free(part);
		}
		free(bytes);
	}
}

static void
damaged(void **state)
{
	struct random random = random_seeded("damaged");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		enum coding coding = i % 2 == 0 ? CODING_GZIP : CODING_ZSTD;
		char *bytes = make_bytes(&random, 500, 4);
		size_t size = 500;
		const char *wrong = NULL;
		struct store_str out;
		int code;

		assert_true(coding_deflate(coding, &bytes, &size));
		bytes[random_below(&random, size)] ^= (char)(1 << random_below(&random, 8));
		code = coding_inflate(coding, (struct store_str){bytes, (uint32_t)size}, 1000,
				      arena, &out, &wrong);
		assert_true(code == 0 || code == STORE_ELIMIT || (code == STORE_EINVAL && wrong));
		assert_true(code != 0 || out.size <= 1000);
		free(bytes);
		store_arena_reset(arena);
	}
}

static void
bombs(void **state)
{
	size_t size = (size_t)64 << 20, limit = (size_t)1 << 20;

	(void)state;
	for (enum coding coding = CODING_GZIP; coding <= CODING_ZSTD; coding++) {
		char *bytes = calloc(1, size);
		size_t deflated = size;
		const char *wrong = NULL;
		struct store_arena *small = store_arena_create(4 * limit);
		struct store_str out;

		assert_true(coding_deflate(coding, &bytes, &deflated));
		assert_true(deflated < limit);
		assert_int_equal(coding_inflate(coding,
						(struct store_str){bytes, (uint32_t)deflated},
						limit, small, &out, &wrong),
				 STORE_ELIMIT);
		store_arena_free(small);
		free(bytes);
	}
}

static void
headers(void **state)
{
	static const struct {
		const char *header;
		enum coding best;
	} accepted[] = {{"", CODING_NONE},
			{"gzip", CODING_GZIP},
			{"GZIP", CODING_GZIP},
			{"gzip, deflate, br", CODING_GZIP},
			{"gzip, deflate, br, zstd", CODING_ZSTD},
			{"zstd;q=0, gzip", CODING_GZIP},
			{"zstd; q=0.000,gzip;q=0.1", CODING_GZIP},
			{"zstd;v=1; Q=0 ;w=2, gzip;q=", CODING_GZIP},
			{"gzip;q=0", CODING_NONE},
			{"br", CODING_NONE},
			{"identity", CODING_NONE},
			{",, ,gzip,", CODING_GZIP},
			{"gzipped", CODING_NONE},
			{"*", CODING_NONE}};
	enum coding found;

	(void)state;
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
		assert_int_equal(coding_accepted(beacon_str(accepted[i].header)), accepted[i].best);
	assert_true(coding_find(beacon_str(""), &found) && found == CODING_NONE);
	assert_true(coding_find(beacon_str("identity"), &found) && found == CODING_NONE);
	assert_true(coding_find(beacon_str("Gzip"), &found) && found == CODING_GZIP);
	assert_true(coding_find(beacon_str("x-gzip"), &found) && found == CODING_GZIP);
	assert_true(coding_find(beacon_str("zstd"), &found) && found == CODING_ZSTD);
	assert_false(coding_find(beacon_str("br"), &found));
	assert_false(coding_find(beacon_str("gzip, gzip"), &found));
	assert_string_equal(coding_name(CODING_GZIP), "gzip");
	assert_string_equal(coding_name(CODING_ZSTD), "zstd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trips), cmocka_unit_test(longer_stays),
	    cmocka_unit_test(cut_short),   cmocka_unit_test(damaged),
	    cmocka_unit_test(bombs),       cmocka_unit_test(headers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
