/*
 * Goal: no flipped bit, cut, swapped, foreign or missing file of a store goes
 * unnoticed, takes other files' rows along, gives a wrong row, or makes the
 * store delete anything. Method: a store that had stopped, on a simulated disk;
 * each of its files is damaged in every bit, at every length and by other
 * files' bytes; then store_check, a read-only opening whose rows are compared
 * with those of the undamaged store, and an opening that goes on working, after
 * which every file's bytes must still be there under some name.
 */
#include "life.h"

#define PATHS_MAX 32

static struct disk *disk;
static struct found truth;

/* ---- the store and its files --------------------------------------------- */

struct paths {
	char list[PATHS_MAX][256];
	uint32_t count;
};

/* The files of the store; not LOCK and RESERVE, which have nothing to lose. */
static struct paths
paths_of_files(void)
{
	struct paths paths = {0};

	for (uint32_t i = 0; i < disk->names_count; i++) {
		const struct disk_name *name = &disk->names[i];

		if (name->now == NULL || name->now->directory ||
		    strncmp(name->path, "/d/", 3) != 0 || strcmp(name->path, "/d/LOCK") == 0 ||
		    strcmp(name->path, "/d/RESERVE") == 0)
			continue;
		assert_true(paths.count < PATHS_MAX);
		strcpy(paths.list[paths.count++], name->path);
	}
	return paths;
}

static struct disk_bytes *
bytes_of(const char *path)
{
	struct disk_name *name = disk_find(disk, path);

	assert_true(name != NULL && name->now != NULL);
	return &name->now->now;
}

static bool
is_kind(const char *path, const char *end)
{
	size_t size = strlen(path), end_size = strlen(end);

	return size > end_size && strcmp(path + size - end_size, end) == 0;
}

/* A copy of what is in memory, for another start from the same files. */
static struct disk *
disk_duplicate(const struct disk *from)
{
	struct disk *copy = disk_create();

	for (uint32_t i = 0; i < from->names_count; i++) {
		const struct disk_name *name = &from->names[i];
		struct disk_name *new;

		if (name->now == NULL)
			continue;
		new = disk_want(copy, name->path);
		new->now = new->durable = disk_new_file(copy, name->now->directory);
		disk_copy(&new->now->now, &name->now->now);
	}
	return copy;
}

/* ---- what is said -------------------------------------------------------- */

struct said {
	char text[8192];
	uint32_t damaged; /* lines with DAMAGED */
};

static void
keep_line(void *context, const char *line)
{
	struct said *said = context;
	size_t used = strlen(said->text);

	said->damaged += strstr(line, "DAMAGED") != NULL;
	snprintf(said->text + used, sizeof said->text - used, "%s\n", line);
	print_log(NULL, line);
}

static uint64_t
check_deep(struct said *said)
{
	struct store_options options = {.directory = "/d", .schema = &schema, .io = &disk->io};
	struct store_error error = {0};
	uint64_t problems = 0;

	memset(said, 0, sizeof *said);
	if (store_check(&options, true, keep_line, said, &problems, &error) == 0)
		return problems;
	assert_int_equal(error.code, STORE_EVERSION);
	return 1;
}

static struct store *
open_it(bool read_only, struct said *said, struct store_error *error)
{
	struct store_options options = {.directory = "/d",
					.schema = &schema,
					.io = &disk->io,
					.no_maintenance = true,
					.read_only = read_only,
					.log = keep_line,
					.log_context = said};
	struct store *store = NULL;

	memset(said, 0, sizeof *said);
	memset(error, 0, sizeof *error);
	if (store_open(&options, &store, error) == 0)
		return store;
	assert_true(error->code != 0 && error->text[0] != '\0');
	return NULL;
}

/* All columns, so that all bytes are read. */
static void
read_rows(struct store *store, struct found *found)
{
	static const char *const texts[] = {"SELECT * FROM pageviews", "SELECT * FROM errors"};

	memset(found, 0, sizeof *found);
	for (int table = 0; table < 2; table++) {
		struct store_query query = {.text = {texts[table], (uint32_t)strlen(texts[table])}};
		struct store_error error = {0};
		struct store_result *result;

		if (store_query(store, &query, &result, &error) != 0)
			fail_msg("%s: %s", texts[table], error.text);
		for (uint64_t row = 0; row < result->rows_count; row++) {
			uint64_t view = result->values[VIEW][row].v.u;

			assert_in_range(view, 0, VIEWS - 1);
			assert_int_equal(result->values[TS][row].v.i, began_of((uint32_t)view));
			assert_int_equal(result->values[SESSION][row].v.u,
					 session_of((uint32_t)view));
			if (table == 1) {
				found->error_rows[view]++;
				continue;
			}
			found->views[view]++;
			found->lcp[view] = (uint32_t)result->values[LCP][row].v.f;
			found->errors[view] = (uint32_t)result->values[ERRORS][row].v.u;
		}
		store_result_free(result);
	}
}

/* What is served is part of the truth. Where a view's latest record is lost, its
 * row is the one before; so much a WAL cannot tell. */
static void
check_rows(struct store *store, const char *where)
{
	struct found found;

	read_rows(store, &found);
	for (uint32_t i = 0; i < VIEWS; i++) {
		bool is_right = found.lcp[i] == truth.lcp[i] && found.errors[i] == truth.errors[i];
		bool is_older = found.lcp[i] == 100 + i && found.errors[i] == 1;

		if (found.views[i] > truth.views[i] || found.error_rows[i] > truth.error_rows[i] ||
		    (found.views[i] == 1 && !is_right && !is_older))
			fail_msg("%s: view %u: %u rows, lcp %u, errors %u, error rows %u", where, i,
				 found.views[i], found.lcp[i], found.errors[i],
				 found.error_rows[i]);
	}
}

/* Read-only: refused, or reported and served in part. `may_be_end`: it may look
 * like an unfinished write. A segment's padding is not read: its rows are right. */
static void
check_noticed(const char *where, bool may_be_end)
{
	struct said said;
	struct store_error error;
	struct store_stats stats;
	struct store *store = open_it(true, &said, &error);
	struct found found;
	bool is_end;

	if (store == NULL)
		return;
	is_end = may_be_end && strstr(said.text, "unfinished") != NULL;
	check_rows(store, where);
	store_stats(store, &stats);
	read_rows(store, &found);
	if (stats.corrupt_files == 0 && !is_end &&
	    (strstr(where, ".seg") == NULL || memcmp(&found, &truth, sizeof found) != 0))
		fail_msg("%s is not noticed:\n%s", where, said.text);
	assert_int_equal(stats.corrupt_files > 0, said.damaged > 0);
	assert_int_equal(store_close(store, NULL), 0);
}

static void
check_checked(const char *where, bool may_be_end)
{
	struct said said;

	if (check_deep(&said) == 0 && !(may_be_end && strstr(said.text, "unfinished") != NULL))
		fail_msg("drum check does not see %s:\n%s", where, said.text);
}

static void
check_both(const char *where, bool may_be_end)
{
	check_checked(where, may_be_end);
	check_noticed(where, may_be_end);
}

/* ---- bits and lengths ---------------------------------------------------- */

static bool
is_last_wal(const struct paths *paths, uint32_t index)
{
	for (uint32_t i = 0; i < paths->count; i++) {
		if (is_kind(paths->list[i], ".wal") && is_kind(paths->list[index], ".wal") &&
		    strcmp(paths->list[i], paths->list[index]) > 0)
			return false;
	}
	return is_kind(paths->list[index], ".wal");
}

/* Without the zeros ahead of a WAL's records, which mean nothing. */
static size_t
used_size(const struct paths *paths, uint32_t index)
{
	const struct disk_bytes *bytes = bytes_of(paths->list[index]);
	size_t size = bytes->size;

	while (is_kind(paths->list[index], ".wal") && size > 0 && bytes->at[size - 1] == 0)
		size--;
	return size;
}

static void
test_every_bit(void **state)
{
	struct random random = random_seeded("every bit");
	struct paths paths = paths_of_files();
	size_t kinds[3] = {0};

	(void)state;
	for (uint32_t i = 0; i < paths.count; i++) {
		struct disk_bytes *bytes = bytes_of(paths.list[i]);
		size_t step = STRIDE == 1 ? 1 : 3 * STRIDE + 1;
		size_t used = used_size(&paths, i);

		kinds[is_kind(paths.list[i], ".wal")   ? 0
		      : is_kind(paths.list[i], ".seg") ? 1
						       : 2] += used;
		for (size_t bit = random_below(&random, step); bit < used * 8; bit += step) {
			char where[300];

			snprintf(where, sizeof where, "bit %zu of byte %zu of %s", bit % 8, bit / 8,
				 paths.list[i]);
			bytes->at[bit / 8] ^= (unsigned char)(1u << bit % 8);
			check_checked(where, is_last_wal(&paths, i));
			if (bit % 3 == 0) /* each bit of a byte once in three bytes */
				check_noticed(where, is_last_wal(&paths, i));
			bytes->at[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
	}
	printf("# %zu bytes of WAL, %zu of segments, %zu of MANIFEST\n", kinds[0], kinds[1],
	       kinds[2]);
	assert_true(kinds[0] > 0 && kinds[1] > 0 && kinds[2] > 0);
}

static void
test_every_length(void **state)
{
	struct random random = random_seeded("every length");
	struct paths paths = paths_of_files();

	(void)state;
	for (uint32_t i = 0; i < paths.count; i++) {
		struct disk_bytes *bytes = bytes_of(paths.list[i]);
		size_t size = bytes->size, used = used_size(&paths, i);

		/* The last WAL file may end anywhere: it is then shorter. */
		if (is_last_wal(&paths, i))
			continue;
		for (bytes->size = random_below(&random, STRIDE); bytes->size < used;
		     bytes->size += STRIDE)
			check_both(paths.list[i], false);
		bytes->size = size;
	}
}

/* ---- zeros ahead ----------------------------------------------------------- */

static uint32_t
count_of_zeros_ahead(const char *under)
{
	struct paths paths = {0};
	uint32_t count = 0;

	for (uint32_t i = 0; i < disk->names_count; i++) {
		const struct disk_name *name = &disk->names[i];

		if (name->now != NULL && strncmp(name->path, under, strlen(under)) == 0)
			strcpy(paths.list[paths.count++], name->path);
	}
	for (uint32_t i = 0; i < paths.count; i++)
		count += bytes_of(paths.list[i])->size - used_size(&paths, i) > 1000;
	return count;
}

/* A store that was killed has zeros after the WAL's records. Nothing is said of
 * them; neither a backup nor a file that was left or closed has any. */
static void
test_zeros(void **state)
{
	struct store_backup_counts counts;
	struct store_error error = {0};
	struct found found;
	struct said said;
	struct store *store;

	(void)state;
	assert_int_equal(count_of_zeros_ahead("/d/wal/"), 2);
	assert_int_equal(check_deep(&said), 0);
	assert_null(strstr(said.text, "unfinished"));
	assert_non_null(store = open_it(false, &said, &error));
	assert_null(strstr(said.text, "unfinished"));
	assert_int_equal(said.damaged, 0);
	read_rows(store, &found);
	assert_memory_equal(&found, &truth, sizeof found);
	assert_true(append_one(store, &(struct beacon){.view = 9, .lcp = 1}));
	assert_int_equal(count_of_zeros_ahead("/d/wal/"), 3);
	assert_int_equal(store_backup(store, "/b", &counts, &error), 0);
	assert_int_equal(count_of_zeros_ahead("/b/wal/"), 2); /* those of the kills */
	assert_int_equal(store_close(store, NULL), 0);
	assert_int_equal(count_of_zeros_ahead("/d/wal/"), 0); /* all is in segments */
	assert_int_equal(check_deep(&said), 0);
}

/* ---- other files' bytes -------------------------------------------------- */

static struct disk *undamaged;

/* Puts the damage into a fresh copy of the store. */
static void
start_again(void)
{
	disk_free(disk);
	disk = disk_duplicate(undamaged);
}

static bool
is_somewhere(const struct disk_bytes *wanted)
{
	for (uint32_t i = 0; i < disk->names_count; i++) {
		const struct disk_name *name = &disk->names[i];

		if (name->now != NULL && name->now->now.size == wanted->size &&
		    (wanted->size == 0 || memcmp(name->now->now.at, wanted->at, wanted->size) == 0))
			return true;
	}
	return false;
}

/* Every segment's bytes, and those of the damaged file, are still there. */
static void
check_nothing_deleted(const struct disk *before, const char *path)
{
	for (uint32_t i = 0; i < before->names_count; i++) {
		const struct disk_name *name = &before->names[i];

		if (name->now == NULL || name->now->directory ||
		    (!is_kind(name->path, ".seg") && strcmp(name->path, path) != 0))
			continue;
		if (!is_somewhere(&name->now->now))
			fail_msg("%s damaged: the bytes of %s are gone", path, name->path);
	}
}

/* Opened for writing: what is whole is served, intake goes on, and a second
 * opening finds the same; or it is refused and every file is as before. */
static void
check_goes_on(const char *path, bool may_be_refused)
{
	struct disk *before = disk_duplicate(disk);
	struct beacon beacon = {.view = 50, .lcp = 1};
	struct store_stats stats;
	struct store_error error;
	struct store *store;
	struct said said;

	for (int times = 0; times < 2; times++) {
		struct found found;

		if ((store = open_it(false, &said, &error)) == NULL) {
			if (!may_be_refused || times > 0)
				fail_msg("%s: %s", path, error.text);
			for (uint32_t i = 0; i < before->names_count; i++)
				if (before->names[i].now != NULL &&
				    !before->names[i].now->directory)
					assert_true(disk_find(disk, before->names[i].path)->now !=
						    NULL);
			break;
		}
		check_rows(store, path);
		store_stats(store, &stats);
		if (times == 0 && stats.corrupt_files == 0)
			fail_msg("%s: %u lines, but not counted:\n%s", path, said.damaged,
				 said.text);
		if (times == 0)
			assert_true(append_one(store, &beacon));
		read_rows(store, &found);
		assert_int_equal(found.views[50], 1);
		assert_int_equal(store_close(store, NULL), 0);
	}
	check_nothing_deleted(before, path);
	disk_free(before);
}

/* The view that check_goes_on adds is right, too. */
static void
expect_new_view(void)
{
	truth.views[50] = 1;
	truth.lcp[50] = 1;
	truth.errors[50] = 0;
}

static void
test_swapped(void **state)
{
	struct paths paths = paths_of_files();

	(void)state;
	expect_new_view();
	for (uint32_t i = 0; i < paths.count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			struct disk_bytes *a, *b, keep;

			if (is_kind(paths.list[i], ".seg") != is_kind(paths.list[j], ".seg") ||
			    is_kind(paths.list[i], ".wal") != is_kind(paths.list[j], ".wal"))
				continue;
			start_again();
			a = bytes_of(paths.list[i]);
			b = bytes_of(paths.list[j]);
			keep = *a;
			*a = *b;
			*b = keep;
			check_both(paths.list[i], false);
			check_goes_on(paths.list[i], false);
		}
	}
}

static void
put_bytes(const char *path, const void *bytes, size_t size)
{
	struct disk_bytes *to = bytes_of(path);

	disk_resize(to, size);
	if (size > 0)
		memcpy(to->at, bytes, size);
}

static void
test_not_ours(void **state)
{
	static const char text[] = "Dear drum, this is a letter that was saved here by mistake.\n";
	struct paths paths = paths_of_files();

	(void)state;
	expect_new_view();
	for (uint32_t i = 0; i < paths.count; i++) {
		bool is_manifest = is_kind(paths.list[i], "/MANIFEST");

		for (int empty = 0; empty < 2; empty++) {
			start_again();
			put_bytes(paths.list[i], text, empty ? 0 : sizeof text - 1);
			check_both(paths.list[i], is_last_wal(&paths, i));
			if (!is_last_wal(&paths, i))
				check_goes_on(paths.list[i], is_manifest);
		}
		start_again();
		disk_find(disk, paths.list[i])->now = NULL;
		if (is_last_wal(&paths, i)) /* nothing tells of it */
			continue;
		check_both(paths.list[i], false);
		if (!is_manifest)
			check_goes_on("", false);
	}
}

/* Files that nobody asked for are left alone, whatever they are called. */
static void
test_strangers(void **state)
{
	static const char *const names[] = {
	    "/d/notes.txt",
	    "/d/wal/notes.txt",
	    "/d/wal/0000000000000001.wal.bak",
	    "/d/wal/1.wal",
	    "/d/pageviews/notes.txt",
	    "/d/pageviews/2026-05-28/notes.txt",
	    "/d/pageviews/2026-05-28/notes.tmp",
	    "/d/pageviews/2026-05-28/copy of 1.seg",
	    "/d/pageviews/2026-05-28/0000000000000001 (copy).seg",
	    "/d/pageviews/2026-05-28/1.seg",
	    "/d/pageviews/2026-05-28/00000000000fffff.seg",
	};
	struct store_stats stats;
	struct store_error error;
	struct store *store;
	struct said said;

	(void)state;
	start_again();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		disk_want(disk, names[i])->now = disk_new_file(disk, false);
		put_bytes(names[i], names[i], strlen(names[i]));
	}
	assert_int_equal(check_deep(&said), 0);
	assert_non_null(store = open_it(false, &said, &error));
	check_rows(store, "strangers");
	store_stats(store, &stats);
	assert_int_equal(stats.corrupt_files, 0);
	assert_int_equal(store_flush(store, NULL), 0);
	assert_int_equal(store_merge(store, NULL), 0);
	assert_int_equal(store_close(store, NULL), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct disk_bytes wanted = {(unsigned char *)(uintptr_t)names[i], strlen(names[i])};

		if (!is_somewhere(&wanted))
			fail_msg("%s was deleted", names[i]);
	}
}

/* A view and its update, each with an error. */
static void
append_views(struct store *store, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		struct beacon beacon = {.view = i, .lcp = 100 + i, .errors = 1};

		assert_true(append_one(store, &beacon));
		beacon.version = 1;
		beacon.lcp = 200 + i;
		assert_true(append_one(store, &beacon));
		truth.views[i] = 1;
		truth.lcp[i] = 200 + i;
		truth.errors[i] = truth.error_rows[i] = 2;
	}
}

/* The process ends: what it had open is as it is on the disk. */
static void
stop(struct store *store)
{
	struct disk *stopped = disk_duplicate(disk);

	assert_int_equal(store_close(store, NULL), 0);
	disk_free(disk);
	disk = stopped;
}

/* Two segments of each table and two WAL files. */
static int
setup(void **state)
{
	struct store *store;
	struct said said;

	(void)state;
	memset(&truth, 0, sizeof truth);
	disk = disk_create();
	assert_non_null(store = try_open(disk, "/d"));
	append_views(store, 0, 3);
	assert_int_equal(store_flush(store, NULL), 0);
	append_views(store, 3, 5);
	assert_int_equal(store_flush(store, NULL), 0);
	append_views(store, 5, 7);
	stop(store);
	assert_non_null(store = try_open(disk, "/d"));
	append_views(store, 7, 9);
	stop(store);
	assert_int_equal(check_deep(&said), 0);
	undamaged = disk_duplicate(disk);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	disk_free(disk);
	disk_free(undamaged);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_every_bit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_every_length, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_zeros, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_swapped, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
