/*
 * partition.h. Below flush and recovery; must not open segments.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition.h"

int32_t
partition_day(int64_t time_ms)
{
	int64_t day = time_ms / PARTITION_DAY_MS;

	return (int32_t)(time_ms % PARTITION_DAY_MS < 0 ? day - 1 : day);
}

static int
make_one(struct io *io, const char *path, const char *parent)
{
	int result = io->make_directory(io, path, 0700);

	/* Synced even when it exists: an earlier attempt may have made it and
	 * failed to sync. */
	return result != 0 && result != -EEXIST ? result : io->sync_directory(io, parent);
}

int
partition_make(struct io *io, const char *directory, const struct store_schema *schema,
	       const struct manifest_segment *segment, char *path, size_t path_size,
	       struct store_error *error)
{
	char parent[PATH_MAX];
	int result = manifest_segment_path(directory, schema, segment, path, path_size);

	if (result != 0 || (size_t)snprintf(parent, sizeof parent, "%s/%s", directory,
					    schema->tables[segment->table].name) >= sizeof parent)
		return store_error_set(error, STORE_EINVAL, "path too long: %s", directory);
	*strrchr(path, '/') = '\0';
	if ((result = make_one(io, parent, directory)) != 0 ||
	    (result = make_one(io, path, parent)) != 0)
		return store_error_set(error, io_is_full(result) ? STORE_EFULL : STORE_EIO,
				       "cannot make directory %s: %s", path, strerror(-result));
	return 0;
}

struct cleaning {
	struct io *io;
	const struct manifest *manifest;
	bool current;
	const char *path; /* of the directory being listed */
	struct partition_cleaned *out;
	void (*tell)(void *context, const char *path); /* instead of cleaning, or NULL */
	void *context;
};

static bool
is_listed(const struct manifest *manifest, uint64_t id)
{
	for (uint32_t i = 0; i < manifest->segments_count; i++) {
		if (manifest->segments[i].id == id)
			return true;
	}
	return false;
}

/* Whether it is ours: 16 hexadecimal digits and `end`. */
static bool
is_id_with(const char *name, const char *end, uint64_t *id)
{
	if (strspn(name, "0123456789abcdef") != 16 || strcmp(name + 16, end) != 0)
		return false;
	*id = strtoull(name, NULL, 16);
	return true;
}

static int
clean_file(void *context, const char *name)
{
	struct cleaning *cleaning = context;
	char path[PATH_MAX], aside[PATH_MAX];
	uint64_t id;
	int result;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", cleaning->path, name) >= sizeof path ||
	    (size_t)snprintf(aside, sizeof aside, "%s/%s.orphan", cleaning->path, name) >=
		sizeof aside)
		return -ENAMETOOLONG;
	if (cleaning->tell != NULL) {
		if (!is_id_with(name, ".seg", &id) || !is_listed(cleaning->manifest, id))
			cleaning->tell(cleaning->context, path);
		return 0;
	}
	if (is_id_with(name, ".seg.tmp", &id))
		return cleaning->io->unlink(cleaning->io, path);
	if (!is_id_with(name, ".seg", &id) || is_listed(cleaning->manifest, id))
		return 0;
	if (cleaning->current && id < cleaning->manifest->next_file_id) {
		if ((result = cleaning->io->unlink(cleaning->io, path)) == 0)
			cleaning->out->deleted++;
	} else if ((result = cleaning->io->rename(cleaning->io, path, aside)) == 0)
		cleaning->out->renamed++;
	return result;
}

static int
clean_day(void *context, const char *name)
{
	const struct cleaning *table = context;
	struct cleaning day = *table;
	char path[PATH_MAX];
	int result;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", table->path, name) >= sizeof path)
		return -ENAMETOOLONG;
	day.path = path;
	result = day.io->list(day.io, path, clean_file, &day);
	return result == -ENOTDIR ? 0 : result;
}

static int
walk(struct cleaning *cleaning, const char *directory, const struct store_schema *schema,
     struct store_error *error)
{
	for (uint32_t i = 0; i < schema->tables_count; i++) {
		char path[PATH_MAX];
		int result;

		snprintf(path, sizeof path, "%s/%s", directory, schema->tables[i].name);
		cleaning->path = path;
		result = cleaning->io->list(cleaning->io, path, clean_day, cleaning);
		if (result != 0 && result != -ENOENT)
			return io_error(error, result, cleaning->tell != NULL ? "list" : "clean",
					path);
	}
	return 0;
}

int
partition_clean(struct io *io, const char *directory, const struct store_schema *schema,
		const struct manifest *manifest, bool current, struct partition_cleaned *out,
		struct store_error *error)
{
	struct cleaning cleaning = {.io = io, .manifest = manifest, .current = current, .out = out};

	*out = (struct partition_cleaned){0};
	return walk(&cleaning, directory, schema, error);
}

int
partition_strays(struct io *io, const char *directory, const struct store_schema *schema,
		 const struct manifest *manifest, void (*tell)(void *context, const char *path),
		 void *context, struct store_error *error)
{
	struct cleaning cleaning = {
	    .io = io, .manifest = manifest, .tell = tell, .context = context};

	return walk(&cleaning, directory, schema, error);
}

static int
stop_at_first(void *context, const char *name)
{
	(void)context, (void)name;
	return 1;
}

int
partition_any(struct io *io, const char *directory, const struct store_schema *schema)
{
	int result = 0;

	for (uint32_t i = 0; i < schema->tables_count && result == 0; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof path, "%s/%s", directory, schema->tables[i].name);
		result = io->list(io, path, stop_at_first, NULL);
		result = result == -ENOENT ? 0 : result;
	}
	return result;
}
