/*
 * Counters of a byte each, which count down, many at once. Below aggregate_quantile.c,
 * aggregate_heavy.c and aggregate_merge.c; must not know whose they are.
 */
#include "aggregate_inside.h"
#include "codec.h"

CODEC_CLONES void
aggregate_bytes_invert(uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)~bytes[i];
}

CODEC_CLONES bool
aggregate_bytes_take(uint8_t *bytes, const uint8_t *counts, uint32_t count)
{
	uint8_t full = 0;

	for (uint32_t i = 0; i < count; i++) {
		full |= bytes[i] < counts[i];
		bytes[i] = (uint8_t)(bytes[i] - counts[i]);
	}
	return full;
}
