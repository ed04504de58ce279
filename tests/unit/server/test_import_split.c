/*
 * Goal: whatever a file is made of, its chunks have each record once, in order,
 * and end where one record ends; a reader that begins at any chunk's end finds
 * the rest. Method: random records as lines and as JSON arrays with random
 * white space, plain and gzip, some longer than a chunk, compared with the list
 * of what was written; chunks are cut again at their ends; files that grow by
 * random pieces.
 */
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "beacon.h"

#include "server/import.h"
#include "server/import_split.h"

#define RECORDS_MAX 3000u

static char path[] = "/tmp/drum-split-XXXXXX";
static uint64_t seed;
static char *records[RECORDS_MAX]; /* owned */
static uint32_t records_count;
static char *text; /* owned */
static size_t text_size;

static uint32_t
draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static int
set_up(void **state)
{
	const char *given = getenv("SEED");
	int file = mkstemp(path);

	(void)state;
	seed = given != NULL && *given != '\0' ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	if (file >= 0)
		close(file);
	return file < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	free(text);
	for (uint32_t i = 0; i < records_count; i++)
		free(records[i]);
	return 0;
}

static void
put(const char *bytes, size_t size)
{
	memcpy(text + text_size, bytes, size);
	text_size += size;
}

static void
put_space(void)
{
	for (uint32_t i = draw(3); i > 0; i--)
		put(" \n\t" + draw(3), 1);
}

/* An object with a string that looks like the end of things. */
static char *
make_record(uint32_t number)
{
	static const char odd[] = "[]{},:\\\"x";
	uint32_t length = draw(20) == 0 ? draw(20000) : draw(60);
	char *record = malloc(2 * length + 64u), *at = record;

	assert_non_null(record);
	at += sprintf(at, "{\"n\":%u,\"s\":\"", number);
	for (uint32_t i = 0; i < length; i++) {
		char c = odd[draw(sizeof odd - 1)];

		if (c == '\\' || c == '"')
			*at++ = '\\';
		*at++ = c;
	}
	sprintf(at, "\",\"a\":[%u,{}]}", draw(9));
	return record;
}

static void
make_text(bool array)
{
	text_size = 0;
	for (uint32_t i = 0; i < records_count; i++)
		free(records[i]);
	records_count = 1 + draw(RECORDS_MAX - 1);
	free(text);
	text = malloc((size_t)64 << 20);
	assert_non_null(text);
	for (uint32_t i = 0; i < records_count; i++) {
		bool ends = array && draw(200) == 0;

		records[i] = make_record(i);
		if (array) {
			put_space();
			put(i == 0 ? "[" : ",", 1);
			put_space();
		}
		put(records[i], strlen(records[i]));
		if (ends && i + 1 < records_count)
			put("]\n[{}", 5); /* another array, whose first is left to be skipped */
		if (!array)
			put("\n", 1);
	}
	if (array)
		put("] ", 2);
}

static void
write_file(size_t size, bool compressed)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	if (compressed) {
		gzFile gzip = gzdopen(dup(fileno(out)), "wb1");

		assert_int_equal(gzwrite(gzip, text, (unsigned)size), (int)size);
		assert_int_equal(gzclose(gzip), Z_OK);
	} else {
		assert_int_equal(fwrite(text, 1, size, out), size);
	}
	fclose(out);
}

static struct import_reader *
open_at(const struct import_position *position)
{
	char error[512];
	const char *why = NULL;
	struct import_reader *reader = import_reader_open(path, error);

	if (reader == NULL)
		fail_msg("%s", error);
	if (position->offset > 0 && !import_reader_skip(reader, position->offset, &why))
		fail_msg("%s", why);
	return reader;
}

/* Lines of the chunk are the records from *next on; {} between arrays apart. */
static void
compare(const struct import_chunk *chunk, uint32_t *next)
{
	const char *at = chunk->text, *end = chunk->text + chunk->size;
	uint64_t lines = 0;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		assert_non_null(stop);
		lines++;
		if (stop - at != 2) {
			assert_true(*next < records_count);
			assert_int_equal(stop - at, strlen(records[*next]));
			assert_memory_equal(at, records[*next], (size_t)(stop - at));
			++*next;
		}
		at = stop + 1;
	}
	assert_int_equal(lines, chunk->end.records - chunk->begin.records);
}

/* All chunks; and each again, cut where it was, by a reader of its own. */
static void
read_all(bool again)
{
	struct import_position position = {0};
	struct import_reader *reader = open_at(&position);
	struct import_split *split = import_split_create(reader, &position, false);
	struct import_chunk chunk, same;
	char error[512];
	uint32_t next = 0;
	int result;

	while ((result = import_split_next(split, 0, true, &chunk, error)) > 0) {
		assert_int_equal(chunk.begin.offset >= position.offset, 1);
		position = chunk.end;
		compare(&chunk, &next);
		if (again) {
			struct import_reader *other = open_at(&chunk.begin);
			struct import_split *cut = import_split_create(other, &chunk.begin, false);

			assert_int_equal(
			    import_split_next(cut, chunk.end.offset, false, &same, error), 1);
			assert_int_equal(same.size, chunk.size);
			assert_memory_equal(same.text, chunk.text, chunk.size);
			assert_int_equal(same.end.offset, chunk.end.offset);
			assert_int_equal(same.end.records, chunk.end.records);
			assert_int_equal(same.end.is_inside, chunk.end.is_inside);
			free(same.text);
			import_split_free(cut);
			import_reader_close(other);
		}
		free(chunk.text);
	}
	if (result < 0)
		fail_msg("%s", error);
	assert_int_equal(next, records_count);
	import_split_free(split);
	import_reader_close(reader);
}

static void
whole(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 12; round++) {
		make_text(round % 2 == 1);
		write_file(text_size, round % 4 >= 2);
		read_all(true);
	}
}

/* What is written in pieces comes in pieces, and nothing before it is whole. */
static void
growing(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 6; round++) {
		struct import_position position = {0};
		struct import_reader *reader;
		struct import_split *split;
		struct import_chunk chunk;
		char error[512];
		uint32_t next = 0;
		size_t written = 0;
		int result;

		make_text(round % 2 == 1);
		write_file(0, false);
		reader = open_at(&position);
		split = import_split_create(reader, &position, false);
		while (written < text_size) {
			size_t piece = 1 + draw(200000);
			FILE *out = fopen(path, "ab");

			piece = piece < text_size - written ? piece : text_size - written;
			assert_int_equal(fwrite(text + written, 1, piece, out), piece);
			fclose(out);
			written += piece;
			while ((result = import_split_next(split, 0, false, &chunk, error)) > 0) {
				compare(&chunk, &next);
				free(chunk.text);
			}
			if (result < 0)
				fail_msg("%s", error);
		}
		assert_int_equal(next, records_count);
		import_split_free(split);
		import_reader_close(reader);
	}
}

/* One line of many chunks is one record, and too long; its end is found. */
static void
long_lines(void **state)
{
	struct import_position position = {0};
	struct import_reader *reader;
	struct import_split *split;
	struct import_chunk chunk;
	char error[512];
	uint64_t lines = 0, longest = 0;

	(void)state;
	make_text(false);
	text_size = 0;
	put("a\n", 2);
	memset(text + text_size, 'x', (size_t)13 << 20);
	text_size += (size_t)13 << 20;
	put("\nb\n", 3);
	write_file(text_size, false);
	reader = open_at(&position);
	split = import_split_create(reader, &position, false);
	while (import_split_next(split, 0, true, &chunk, error) > 0) {
		lines += chunk.end.records - chunk.begin.records;
		longest = chunk.size > longest ? chunk.size : longest;
		position = chunk.end;
		free(chunk.text);
	}
	assert_int_equal(lines, 3);
	assert_int_equal(longest, IMPORT_RECORD_BYTES_MAX + 2u);
	assert_int_equal(position.offset, text_size);
	import_split_free(split);
	import_reader_close(reader);
}

static void
many_lines(void **state)
{
	struct import_position position = {0};
	struct import_reader *reader;
	struct import_split *split;
	struct import_chunk chunk;
	char error[512];
	uint64_t lines = 0;

	(void)state;
	make_text(false);
	text_size = 0;
	for (uint32_t i = 0; i < 200000; i++)
		put("a\n", 2);
	write_file(text_size, true);
	reader = open_at(&position);
	split = import_split_create(reader, &position, false);
	while (import_split_next(split, 0, true, &chunk, error) > 0) {
		assert_true(chunk.end.records - chunk.begin.records <= IMPORT_CHUNK_RECORDS);
		lines += chunk.end.records - chunk.begin.records;
		free(chunk.text);
	}
	assert_int_equal(lines, 200000);
	import_split_free(split);
	import_reader_close(reader);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole),
	    cmocka_unit_test(growing),
	    cmocka_unit_test(long_lines),
	    cmocka_unit_test(many_lines),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
