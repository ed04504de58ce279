/*
 * Runs a fuzz target on files, and on every prefix and some damaged copies of
 * each, without libFuzzer: so the corpus stays a test in every build.
 * Usage: fuzz_TARGET DIRECTORY. Speaks TAP; a property that does not hold
 * aborts, after the input was written to stderr's last line by name.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX 65536u
#define PREFIXES_MAX 200u
#define DAMAGED_COUNT 200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* Lengths are compared with what is there before they are allocated. */
const char *
__asan_default_options(void)
{
	return "max_allocation_size_mb=64:allocator_may_return_null=0";
}

/* On a copy of its own, so that the sanitizer sees reads past its end. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
replay(const uint8_t *data, size_t size)
{
	static uint8_t damaged[FILE_BYTES_MAX];
	uint64_t random = 1;
	size_t step = size / PREFIXES_MAX + 1;

	run(data, size);
	for (size_t left = 0; left < size; left += step)
		run(data, left);
	for (uint32_t i = 0; size > 0 && i < DAMAGED_COUNT; i++) {
		memcpy(damaged, data, size);
		random = random * 6364136223846793005u + 1442695040888963407u;
		damaged[(random >> 33) % size] = (uint8_t)(random >> 24);
		run(damaged, size);
	}
}

static int
replay_file(const char *directory, const char *name)
{
	static uint8_t data[FILE_BYTES_MAX];
	char path[4096];
	FILE *file;
	size_t size;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if ((file = fopen(path, "rb")) == NULL) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	fprintf(stderr, "# %s\n", path);
	replay(data, size);
	return 0;
}

int
main(int argc, char **argv)
{
	unsigned count = 0, failed = 0;
	struct dirent *entry;
	DIR *directory;

	if (argc != 2 || (directory = opendir(argv[1])) == NULL) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		failed += (unsigned)replay_file(argv[1], entry->d_name);
		count++;
	}
	closedir(directory);
	printf("1..1\n%sok 1 - %u inputs of %s\n", failed > 0 || count == 0 ? "not " : "", count,
	       argv[1]);
	return failed > 0 || count == 0;
}
