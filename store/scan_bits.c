/*
 * The loops of a filter: which of a slice's values are wanted, as bytes, as a
 * bitmap, as row numbers. Without branches per row, so that their time does not
 * depend on the data, and plain enough for compilers to vectorise. Between
 * scan_filter.c and nothing; must not know columns or expressions.
 */
#include <string.h>

#include "codec.h"
#include "scan_inside.h"

/* More spans are searched by halves. */
#define SPANS_IN_TURN_MAX 4u

/* first <= key <= last is one comparison of unsigned numbers, and the bias of
 * both falls out. */
CODEC_CLONES static void
add_span(const int64_t *values, uint32_t count, uint64_t first, uint64_t extent, uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] |= (uint64_t)values[i] - first <= extent;
}

CODEC_CLONES static void
set_span(const int64_t *values, uint32_t count, uint64_t first, uint64_t extent, uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = (uint64_t)values[i] - first <= extent;
}

CODEC_CLONES static void
add_narrow_span(const uint32_t *values, uint32_t count, uint32_t first, uint32_t extent,
		uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] |= values[i] - first <= extent;
}

CODEC_CLONES static void
negate(uint8_t *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] ^= 1;
}

static bool
is_within(const struct scan_condition *condition, uint64_t key)
{
	uint32_t low = 0, high = condition->spans_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (condition->spans[middle].last < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < condition->spans_count && condition->spans[low].first <= key;
}

void
scan_bits_of_spans(const struct scan_condition *condition, const int64_t *values, uint32_t count,
		   uint8_t *out)
{
	if (condition->spans_count > SPANS_IN_TURN_MAX) {
		for (uint32_t i = 0; i < count; i++)
			out[i] = is_within(condition, (uint64_t)values[i] ^ condition->bias) !=
				 condition->negated;
		return;
	}
	if (condition->spans_count == 0)
		memset(out, 0, count);
	for (uint32_t s = 0; s < condition->spans_count; s++) {
		const struct scan_span *span = &condition->spans[s];

		(s == 0 ? set_span : add_span)(values, count, span->first ^ condition->bias,
					       span->last - span->first, out);
	}
	if (condition->negated)
		negate(out, count);
}

/* The spans are cut to what 32 bits hold, of whose keys 0's is the least. */
void
scan_bits_of_narrow_spans(const struct scan_condition *condition, const uint32_t *values,
			  uint32_t count, uint8_t *out)
{
	uint64_t least = condition->bias, greatest = least + UINT32_MAX;

	memset(out, 0, count);
	if (condition->spans_count > SPANS_IN_TURN_MAX) {
		for (uint32_t i = 0; i < count; i++)
			out[i] = is_within(condition, values[i] ^ condition->bias);
	}
	for (uint32_t s = 0;
	     condition->spans_count <= SPANS_IN_TURN_MAX && s < condition->spans_count; s++) {
		const struct scan_span *span = &condition->spans[s];
		uint64_t first = span->first > least ? span->first : least;
		uint64_t last = span->last < greatest ? span->last : greatest;

		if (first <= last)
			add_narrow_span(values, count, (uint32_t)(first - least),
					(uint32_t)(last - first), out);
	}
	if (condition->negated)
		negate(out, count);
}

CODEC_CLONES static void
set_run(const uint32_t *codes, uint32_t count, uint32_t first, uint32_t extent, uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = codes[i] - first <= extent;
}

void
scan_bits_of_entries(const struct scan_entries *entries, const uint32_t *codes, uint32_t count,
		     uint8_t *out)
{
	if (entries->is_run) {
		set_run(codes, count, entries->first, entries->last - entries->first, out);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		out[i] = entries->wanted[codes[i]];
}

/* The low bit of each of 8 bytes: none of the products overlap. */
static uint64_t
pack(const uint8_t *wanted)
{
	uint64_t bytes;

	memcpy(&bytes, wanted, sizeof bytes);
	return bytes * 0x0102040810204080u >> 56;
}

void
scan_bits_narrow(uint64_t *bits, uint8_t *wanted, uint32_t count)
{
	memset(wanted + count, 0, bitmap_words(count) * 64 - count);
	for (uint32_t first = 0; first < count; first += 64) {
		uint64_t word = 0;

		for (uint32_t i = 0; i < 8; i++)
			word |= pack(wanted + first + i * 8) << i * 8;
		bits[first / 64] &= word;
	}
}

CODEC_CLONES uint32_t
scan_bits_count(const uint64_t *bits, uint32_t count)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < bitmap_words(count); i++)
		found += (uint32_t)__builtin_popcountll(bits[i]);
	return found;
}

CODEC_CLONES uint32_t
scan_bits_rows(const uint64_t *bits, uint32_t count, uint32_t *rows)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < bitmap_words(count); i++) {
		for (uint64_t word = bits[i]; word != 0; word &= word - 1)
			rows[found++] = i * 64 + (uint32_t)__builtin_ctzll(word);
	}
	return found;
}
