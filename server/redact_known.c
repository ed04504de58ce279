/*
 * redact_known.h: a table a thread, a place for each text, where the last one
 * stays. Must not be told what has anything to hide.
 */
#include <string.h>

#include "redact_known.h"

#define PLACES_BITS 9u /* 512 of 64 bytes: half of the first cache */
#define WORDS 7u
#define TEXT_BYTES_MAX (WORDS * 8u)

struct known {
	_Alignas(64) uint64_t words[WORDS]; /* the text, then zeros */
	uint64_t size;                      /* 0: free */
};

_Static_assert(sizeof(struct known) == 64, "one cache line a text");

static _Thread_local struct known places[1u << PLACES_BITS];

/* Odd numbers; sums of products are done side by side. */
static const uint64_t factors[WORDS] = {
    0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u, 0x85ebca77c2b2ae63u,
    0xff51afd7ed558ccdu, 0xc4ceb9fe1a85ec53u, 0xd6e8feb86659fd93u};

/* Its place, with the text as words. */
static struct known *
place_of(struct store_str text, uint64_t words[WORDS])
{
	uint64_t sum = text.size;

	memset(words, 0, WORDS * sizeof *words);
	memcpy(words, text.bytes, text.size);
	for (uint32_t i = 0; i < WORDS; i++)
		sum += words[i] * factors[i];
	sum = (sum ^ sum >> 32) * factors[0];
	return &places[sum >> (64 - PLACES_BITS)];
}

static bool
fits(struct store_str text)
{
	return text.size > 0 && text.size <= TEXT_BYTES_MAX;
}

bool
redact_is_known(struct store_str text)
{
	uint64_t words[WORDS];
	const struct known *known;

	if (!fits(text))
		return false;
	known = place_of(text, words);
	return known->size == text.size && memcmp(known->words, words, sizeof words) == 0;
}

void
redact_know(struct store_str text)
{
	uint64_t words[WORDS];
	struct known *known;

	if (!fits(text))
		return;
	known = place_of(text, words);
	memcpy(known->words, words, sizeof words);
	known->size = text.size;
}
