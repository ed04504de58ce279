/*
 * geoip_record.h: a table of slots, each with a version that is odd while someone
 * writes. Who reads takes what has the same even version before and after; who
 * finds another writing leaves it. Must not know an address.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "geoip_record.h"

#define SLOTS_BITS 14u
#define SLOTS_COUNT ((size_t)1 << SLOTS_BITS)
#define WORDS (sizeof(struct geoip_record) / sizeof(uint64_t))

struct slot {
	_Atomic uint64_t version;
	_Atomic uint64_t words[WORDS]; /* struct geoip_record */
};

_Static_assert(sizeof(struct geoip_record) % sizeof(uint64_t) == 0, "whole words");
_Static_assert(sizeof(struct slot) == 128, "two lines of a cache");

struct geoip_records {
	void *memory;       /* owned; touched when used */
	struct slot *slots; /* [SLOTS_COUNT], in it, each at a line */
};

struct geoip_records *
geoip_records_create(void)
{
	struct geoip_records *records = calloc(1, sizeof *records);
	uintptr_t odd;

	if (records == NULL ||
	    (records->memory = calloc(SLOTS_COUNT + 1, sizeof(struct slot))) == NULL) {
		free(records);
		return NULL;
	}
	odd = (uintptr_t)records->memory % sizeof(struct slot);
	records->slots =
	    (struct slot *)((char *)records->memory + (odd == 0 ? 0 : sizeof(struct slot) - odd));
	return records;
}

void
geoip_records_free(struct geoip_records *records)
{
	if (records == NULL)
		return;
	free(records->memory);
	free(records);
}

static struct slot *
slot_of(const struct geoip_records *records, uint32_t offset)
{
	/* Spread: records lie some multiple of a few bytes apart. */
	return &records->slots[offset * 0x9e3779b1u >> (32 - SLOTS_BITS)];
}

void
geoip_record_fetch(const struct geoip_records *records, uint32_t offset)
{
	const char *slot = (const char *)slot_of(records, offset);

	__builtin_prefetch(slot);
	__builtin_prefetch(slot + sizeof(struct slot) / 2);
}

/* Each word's load is done before the next, so what a writer changed meanwhile is
 * seen in the version. */
bool
geoip_record_recall(struct geoip_records *records, uint32_t offset, struct geoip_record *out)
{
	struct slot *slot = slot_of(records, offset);
	uint64_t version = atomic_load_explicit(&slot->version, memory_order_acquire);
	uint64_t words[WORDS];

	if (version == 0 || version % 2 == 1)
		return false;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
	memcpy(out, words, sizeof words);
	return atomic_load_explicit(&slot->version, memory_order_relaxed) == version &&
	       out->after == offset + 1;
}

static bool
make(const struct geoip_place *place, struct geoip_record *out)
{
	const struct store_str texts[GEOIP_RECORD_TEXTS] = {place->continent, place->country,
							    place->region, place->city, place->isp};
	uint32_t size = 0;

	memset(out, 0, sizeof *out);
	out->asn = place->asn;
	for (uint32_t i = 0; i < GEOIP_RECORD_TEXTS; i++) {
		if (texts[i].size > GEOIP_RECORD_TEXT_BYTES - size)
			return false;
		out->sizes[i] = (uint8_t)texts[i].size;
		if (texts[i].size > 0)
			memcpy(out->text + size, texts[i].bytes, texts[i].size);
		size += texts[i].size;
	}
	return true;
}

bool
geoip_record_keep(struct geoip_records *records, uint32_t offset, const struct geoip_place *place,
		  struct geoip_record *out)
{
	struct slot *slot = slot_of(records, offset);
	uint64_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);
	uint64_t words[WORDS];

	if (!make(place, out))
		return false;
	out->after = offset + 1;
	if (version % 2 == 1 ||
	    !atomic_compare_exchange_strong(&slot->version, &version, version + 1))
		return true;
	memcpy(words, out, sizeof words);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
	atomic_store_explicit(&slot->version, version + 2, memory_order_release);
	return true;
}

void
geoip_record_place(const struct geoip_record *record, struct geoip_place *out)
{
	struct store_str *const texts[GEOIP_RECORD_TEXTS] = {&out->continent, &out->country,
							     &out->region, &out->city, &out->isp};
	const char *at = record->text;

	for (uint32_t i = 0; i < GEOIP_RECORD_TEXTS; i++) {
		*texts[i] = (struct store_str){at, record->sizes[i]};
		at += record->sizes[i];
	}
	out->asn = record->asn;
}
