/*
 * geoip.h over libmaxminddb: the files. Where an address's record is, geoip_tree.c finds;
 * what stands in it, geoip_place.c reads and geoip_record.c remembers. Part of
 * enrichment; must not keep the address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <maxminddb.h>

#include "geoip.h"
#include "geoip_place.h"
#include "geoip_record.h"
#include "geoip_tree.h"

/* What a file was when it was opened; zero when it was not there. */
struct stamp {
	char *path; /* owned */
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec changed;
};

struct file {
	struct geoip_tree tree;
	/* An address's tree leads to a record's place in the file, and most of a site's
	 * visitors share some hundreds of them, of all the world's some thousands. */
	struct geoip_records *records; /* owned */
};

struct geoip {
	struct file *files; /* owned: [files_count] */
	uint32_t files_count;
	struct stamp *stamps; /* owned: [stamps_count], of all names */
	uint32_t stamps_count;
	struct geoip_continents continents;
};

static void
take_stamp(struct stamp *stamp)
{
	struct stat status;

	if (stat(stamp->path, &status) != 0)
		memset(&status, 0, sizeof status);
	stamp->device = status.st_dev;
	stamp->number = status.st_ino;
	stamp->size = status.st_size;
	stamp->changed = status.st_mtim;
}

bool
geoip_is_stale(const struct geoip *geoip)
{
	bool stale = false;

	for (uint32_t i = 0; i < geoip->stamps_count; i++) {
		struct stamp now = {.path = geoip->stamps[i].path};
		const struct stamp *then = &geoip->stamps[i];

		take_stamp(&now);
		stale |= now.device != then->device || now.number != then->number ||
			 now.size != then->size || now.changed.tv_sec != then->changed.tv_sec ||
			 now.changed.tv_nsec != then->changed.tv_nsec;
	}
	return stale;
}

uint32_t
geoip_files_count(const struct geoip *geoip)
{
	return geoip->files_count;
}

uint64_t
geoip_built_s(const struct geoip *geoip)
{
	uint64_t oldest = 0;

	for (uint32_t i = 0; i < geoip->files_count; i++) {
		uint64_t built = geoip->files[i].tree.mmdb.metadata.build_epoch;

		oldest = i == 0 || built < oldest ? built : oldest;
	}
	return oldest;
}

static bool
open_cache(struct file *file)
{
	file->records = geoip_records_create();
	return file->records != NULL && geoip_tree_open(&file->tree);
}

static void
close_file(struct file *file)
{
	geoip_tree_close(&file->tree);
	geoip_records_free(file->records);
}

struct geoip *
geoip_open(const char *const *files, uint32_t files_count,
	   void (*log)(void *context, const char *line), void *context)
{
	struct geoip *geoip = calloc(1, sizeof *geoip);

	if (geoip == NULL ||
	    (geoip->files = calloc(files_count + 1u, sizeof *geoip->files)) == NULL ||
	    (geoip->stamps = calloc(files_count + 1u, sizeof *geoip->stamps)) == NULL) {
		geoip_close(geoip);
		return NULL;
	}
	geoip_place_name_continents(&geoip->continents);
	for (uint32_t i = 0; i < files_count; i++) {
		struct stamp *stamp = &geoip->stamps[i];

		if ((stamp->path = strdup(files[i])) == NULL) {
			geoip_close(geoip);
			return NULL;
		}
		take_stamp(stamp); /* before opening: what changes in between is stale */
		geoip->stamps_count++;
	}
	for (uint32_t i = 0; i < files_count; i++) {
		struct file *file = &geoip->files[geoip->files_count];
		int status = MMDB_open(files[i], MMDB_MODE_MMAP, &file->tree.mmdb);
		char line[512];

		if (status == MMDB_SUCCESS) {
			geoip->files_count++;
			if (!open_cache(file)) {
				geoip_close(geoip);
				return NULL;
			}
			continue;
		}
		snprintf(line, sizeof line,
			 "GeoIP file %s cannot be used: %s; rows lack what only it would tell",
			 files[i], MMDB_strerror(status));
		log(context, line);
	}
	return geoip;
}

void
geoip_close(struct geoip *geoip)
{
	if (geoip == NULL)
		return;
	for (uint32_t i = 0; i < geoip->files_count; i++)
		close_file(&geoip->files[i]);
	for (uint32_t i = 0; i < geoip->stamps_count; i++)
		free(geoip->stamps[i].path);
	free(geoip->stamps);
	free(geoip->files);
	free(geoip);
}

/* Of one file; false: out of memory. */
static bool
find_in(struct file *file, const MMDB_entry_s *entry, struct store_arena *arena,
	struct geoip_place *out)
{
	struct geoip_record *record = store_arena_alloc(arena, sizeof *record);
	MMDB_entry_s copy = *entry;

	if (record == NULL)
		return false;
	if (!geoip_record_recall(file->records, entry->offset, record)) {
		geoip_place_read(&copy, out);
		if (!geoip_record_keep(file->records, entry->offset, out, record))
			return geoip_place_copy(out, arena);
	}
	geoip_record_place(record, out);
	return true;
}

void
geoip_fetch(const struct geoip *geoip, const struct geoip_address *address, enum geoip_step step)
{
	for (uint32_t i = 0; i < geoip->files_count; i++) {
		const struct file *file = &geoip->files[i];
		uint32_t offset;

		if (step == GEOIP_NETWORK)
			geoip_tree_fetch(&file->tree, address);
		else if (geoip_tree_recall(&file->tree, address, &offset))
			geoip_record_fetch(file->records, offset);
	}
}

bool
geoip_find(const struct geoip *geoip, const struct geoip_address *address,
	   struct store_arena *arena, struct geoip_place *out)
{
	memset(out, 0, sizeof *out);
	if (address->any.sa_family == AF_UNSPEC)
		return true;
	for (uint32_t i = 0; i < geoip->files_count; i++) {
		struct file *file = &geoip->files[i];
		struct geoip_place place = {.asn = 0};
		MMDB_entry_s entry;

		if ((address->any.sa_family == AF_INET6 &&
		     file->tree.mmdb.metadata.ip_version == 4) ||
		    !geoip_tree_find(&file->tree, address, &entry))
			continue;
		if (!find_in(file, &entry, arena, &place))
			return false;
		geoip_place_add(out, &place);
	}
	geoip_place_add_continent(out, &geoip->continents);
	return true;
}
