/*
 * How many rows of a slice each group has, for aggregate_stored.c. Rows of one
 * group mostly come soon after one another, and an increment waits for the one
 * before it of the same number: with few groups they all would. So groups are
 * compared, or counted in several arrays in turn. Must give what counting row
 * after row gives.
 */
#include <string.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

#define FEW_GROUPS 8u /* with so many, comparing takes less than counting */
#define GROUPS_MAX 128u
#define WAYS 4u
/* Zeroing and adding the arrays should be little of it. */
#define ROWS_PER_GROUP 16u
#define FIRST_ROWS 64u /* mostly tell that groups are too many */

CODEC_CLONES static uint32_t
greatest_of(const uint32_t *groups, uint32_t count)
{
	uint32_t greatest = 0;

	for (uint32_t i = 0; i < count; i++)
		greatest = groups[i] > greatest ? groups[i] : greatest;
	return greatest;
}

/* sums[groups_count]; the last one has what the others have not. */
CODEC_CLONES static void
compare_groups(const uint32_t *groups, uint32_t count, uint32_t groups_count, uint32_t *sums)
{
	uint32_t rest = count;

	for (uint32_t g = 0; g + 1 < groups_count; g++) {
		uint32_t sum = 0;

		for (uint32_t i = 0; i < count; i++)
			sum += groups[i] == g;
		sums[g] = sum;
		rest -= sum;
	}
	sums[groups_count - 1] = rest;
}

/* sums[groups_count] */
static void
count_groups(const uint32_t *groups, uint32_t count, uint32_t groups_count, uint32_t *sums)
{
	CODEC_UNSET uint32_t ways[WAYS][GROUPS_MAX];
	uint32_t i = 0;

	for (uint32_t w = 0; w < WAYS; w++)
		memset(ways[w], 0, groups_count * sizeof ways[w][0]);
	for (; i + WAYS <= count; i += WAYS) {
		ways[0][groups[i]]++;
		ways[1][groups[i + 1]]++;
		ways[2][groups[i + 2]]++;
		ways[3][groups[i + 3]]++;
	}
	for (; i < count; i++)
		ways[0][groups[i]]++;
	for (uint32_t g = 0; g < groups_count; g++)
		sums[g] = ways[0][g] + ways[1][g] + ways[2][g] + ways[3][g];
}

/* Whether these are few, for so many rows; sets how many there may be. */
static bool
are_few(const uint32_t *groups, uint32_t count, uint32_t *groups_count)
{
	uint32_t max = count / ROWS_PER_GROUP, first = count < FIRST_ROWS ? count : FIRST_ROWS;

	max = max < GROUPS_MAX ? max : GROUPS_MAX;
	if (max == 0 || greatest_of(groups, first) >= max)
		return false;
	*groups_count = greatest_of(groups, count) + 1;
	return *groups_count <= max;
}

void
aggregate_tally(uint64_t *weights, const uint32_t *groups, uint32_t count)
{
	CODEC_UNSET uint32_t sums[GROUPS_MAX];
	uint32_t groups_count;

	if (!are_few(groups, count, &groups_count)) {
		for (uint32_t i = 0; i < count; i++)
			weights[groups[i]]++;
		return;
	}
	if (groups_count <= FEW_GROUPS)
		compare_groups(groups, count, groups_count, sums);
	else
		count_groups(groups, count, groups_count, sums);
	for (uint32_t g = 0; g < groups_count; g++)
		weights[g] += sums[g];
}
