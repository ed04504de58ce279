/*
 * Counters of a byte each, many at once, and whether some were full: then the caller
 * carries these. Below aggregate_quantile.c, aggregate_heavy.c and aggregate_merge.c;
 * must not know whose they are.
 */
#include "aggregate_inside.h"
#include "codec.h"

CODEC_CLONES bool
aggregate_bytes_increment(uint8_t *bytes, uint32_t count)
{
	uint8_t full = 0;

	for (uint32_t i = 0; i < count; i++) {
		bytes[i] = (uint8_t)(bytes[i] + 1);
		full |= bytes[i] == 0;
	}
	return full;
}

CODEC_CLONES bool
aggregate_bytes_add(uint8_t *to, const uint8_t *from, uint32_t count)
{
	uint8_t full = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t sum = (uint8_t)(to[i] + from[i]);

		full |= sum < from[i];
		to[i] = sum;
	}
	return full;
}
