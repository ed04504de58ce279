/*
 * Which WAL files there are: for recovery's relatives, checking and backup.
 * Must not open them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal.h"

struct listing {
	uint64_t *ids; /* owned */
	uint32_t count, count_max;
	uint64_t floor;
};

static int
add(void *context, const char *name)
{
	struct listing *listing = context;
	char *end;
	uint64_t id = strtoull(name, &end, 16);

	if (end != name + 16 || strcmp(end, ".wal") != 0 || id < listing->floor)
		return 0;
	if (listing->count == listing->count_max) {
		uint32_t count_max = listing->count_max == 0 ? 16 : listing->count_max * 2;
		uint64_t *grown = realloc(listing->ids, count_max * sizeof *grown);

		if (grown == NULL)
			return -ENOMEM;
		listing->ids = grown;
		listing->count_max = count_max;
	}
	listing->ids[listing->count++] = id;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int
wal_list(struct io *io, const char *directory, uint64_t floor, uint64_t **ids, uint32_t *count,
	 struct store_error *error)
{
	struct listing listing = {.floor = floor};
	char path[PATH_MAX];
	int result;

	snprintf(path, sizeof path, "%s/wal", directory);
	if ((result = io->list(io, path, add, &listing)) != 0) {
		free(listing.ids);
		return io_error(error, result, "list", path);
	}
	if (listing.count > 0)
		qsort(listing.ids, listing.count, sizeof *listing.ids, compare);
	*ids = listing.ids;
	*count = listing.count;
	return 0;
}
