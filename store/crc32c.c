/*
 * crc32c.h: by the SSE 4.2 instruction where the processor has it, else by a
 * table. Both give the same answer.
 */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[256];
static bool has_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#ifdef __x86_64__
/* An instruction waits for the one before it, thrice as long as until another may
 * begin: so three lanes go side by side, and their sums are put together. */
#define LANE_BYTES 1024u
#define LANES 3u

/* past_lane[i][byte]: what byte i of a state becomes when a lane of zeros follows.
 * All this is linear. */
static uint32_t past_lane[4][256];

static inline uint64_t
load64(const unsigned char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

static inline uint64_t
pass_lane(uint64_t state)
{
	return past_lane[0][state & 255] ^ past_lane[1][state >> 8 & 255] ^
	       past_lane[2][state >> 16 & 255] ^ past_lane[3][state >> 24 & 255];
}

__attribute__((target("sse4.2"))) static uint64_t
by_lanes(uint64_t state, const unsigned char *bytes)
{
	uint64_t second = 0, third = 0;

	for (uint32_t at = 0; at < LANE_BYTES; at += 8) {
		state = __builtin_ia32_crc32di(state, load64(bytes + at));
		second = __builtin_ia32_crc32di(second, load64(bytes + LANE_BYTES + at));
		third = __builtin_ia32_crc32di(third, load64(bytes + 2 * LANE_BYTES + at));
	}
	return pass_lane(pass_lane(state) ^ second) ^ third;
}

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const unsigned char *bytes, size_t size)
{
	uint64_t wide = crc;

	for (; size >= LANES * LANE_BYTES; bytes += LANES * LANE_BYTES, size -= LANES * LANE_BYTES)
		wide = by_lanes(wide, bytes);
	for (; size >= 8; bytes += 8, size -= 8)
		wide = __builtin_ia32_crc32di(wide, load64(bytes));
	crc = (uint32_t)wide;
	while (size-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *bytes++);
	return crc;
}

static void
prepare_lanes(void)
{
	static const unsigned char zeros[LANE_BYTES];

	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t bit = 1; bit < 256; bit *= 2) {
			uint32_t after = by_instruction(bit << 8 * i, zeros, sizeof zeros);

			for (uint32_t below = 0; below < bit; below++)
				past_lane[i][bit + below] = past_lane[i][below] ^ after;
		}
	}
}
#endif

static void
prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		table[i] = crc;
	}
#ifdef __x86_64__
	has_instruction = __builtin_cpu_supports("sse4.2");
	if (has_instruction)
		prepare_lanes();
#endif
}

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	pthread_once(&once, prepare);
	crc = ~crc;
#ifdef __x86_64__
	if (has_instruction)
		return ~by_instruction(crc, at, size);
#endif
	while (size-- > 0)
		crc = crc >> 8 ^ table[(crc ^ *at++) & 0xff];
	return ~crc;
}
