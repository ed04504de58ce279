/*
 * Goal: the audit log has a line of JSON for each who asked, also after a disk was full,
 * and a new file where one became too long, also when none could be opened then.
 * Method: files in a scratch directory, with bounds on their length and on descriptors.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beacon.h"
#include "full_disk.h"

#include "server/audit.h"

#define ROTATED_BYTES (64ll << 20)

static char directory[256], path[300], older[310], error[256];

static int
set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof path, "%s/audit.jsonl", directory);
	snprintf(older, sizeof older, "%s.1", path);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static void
ask(struct audit *audit, const char *who)
{
	audit_add(audit, who, true, beacon_str("GET"), beacon_str("/query"));
}

static size_t
read_file(const char *name, char *bytes, size_t size)
{
	FILE *file = fopen(name, "r");
	size_t count;

	assert_non_null(file);
	count = fread(bytes, 1, size - 1, file);
	bytes[count] = '\0';
	fclose(file);
	return count;
}

/* The line that is cut off has an end before the next one begins. */
static void
full_disk(void **state)
{
	struct audit *audit = audit_open(path, error);
	char bytes[4096], *at = bytes;
	size_t whole;

	(void)state;
	assert_non_null(audit);
	ask(audit, "first");
	whole = read_file(path, bytes, sizeof bytes);
	full_disk_begin(whole + 20);
	ask(audit, "cut");
	ask(audit, "lost");
	full_disk_end();
	ask(audit, "third");
	ask(audit, "fourth");
	audit_close(audit);
	read_file(path, bytes, sizeof bytes);
	for (int line = 0; line < 4; line++) {
		static const char *const who[] = {"first", NULL, "third", "fourth"};
		char *end = strchr(at, '\n');

		assert_non_null(end);
		*end = '\0';
		if (who[line] != NULL) {
			assert_non_null(strstr(at, who[line]));
			assert_memory_equal(at, "{\"time\":", 8);
			assert_string_equal(end - 15, "\"allowed\":true}");
		}
		at = end + 1;
	}
	assert_string_equal(at, "");
}

/* A line without an end that another start left is ended before the next one; one that is
 * torn is not looked for in a new file. */
static void
torn_and_opened_again(void **state)
{
	struct audit *audit;
	char bytes[4096];
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	assert_true(fputs("{\"time\":", file) >= 0);
	assert_int_equal(fclose(file), 0);
	audit = audit_open(path, error);
	assert_non_null(audit);
	ask(audit, "first");
	read_file(path, bytes, sizeof bytes);
	assert_memory_equal(bytes, "{\"time\":\n{\"time\":", 17);
	full_disk_begin(strlen(bytes) + 20);
	ask(audit, "cut");
	full_disk_end();
	assert_int_equal(rename(path, older), 0);
	audit_reopen(audit);
	ask(audit, "second");
	audit_close(audit);
	read_file(path, bytes, sizeof bytes);
	assert_memory_equal(bytes, "{\"time\":", 8);
	assert_non_null(strstr(bytes, "second"));
}

/* The long file has its other name already, and no descriptor was free for a new one:
 * the next line makes it. */
static void
no_descriptor(void **state)
{
	struct audit *audit;
	struct rlimit before, none;
	char bytes[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, ROTATED_BYTES - 10), 0);
	close(fd);
	audit = audit_open(path, error);
	assert_non_null(audit);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ask(audit, "first");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(access(older, F_OK), 0);
	assert_int_equal(access(path, F_OK), -1);
	ask(audit, "second");
	read_file(path, bytes, sizeof bytes);
	assert_non_null(strstr(bytes, "second"));
	audit_close(audit);
}

/* Nobody reads from it: its lines are lost, and nothing waits. */
static void
full_pipe(void **state)
{
	struct audit *audit;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	audit = audit_open(path, error);
	assert_non_null(audit);
	alarm(60);
	for (int i = 0; i < 2000; i++)
		ask(audit, "nobody");
	alarm(0);
	audit_close(audit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(full_disk, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(torn_and_opened_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_descriptor, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(full_pipe, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
