/*
 * Distinct values of a group: sets of hashes for uniq, and values with weights
 * for topK. Below aggregate_add.c; hashes are seeded with the store's secret.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "aggregate_inside.h"
#include "codec_vector.h"

/* ---- hashes ---------------------------------------------------------- */

static uint64_t *
find_slot(const struct aggregate_set *set, const uint64_t *hash)
{
	uint32_t slot = (uint32_t)hash[0] & (set->slots_count - 1);

	for (;; slot = (slot + 1) & (set->slots_count - 1)) {
		uint64_t *at = set->slots + (size_t)slot * set->words;

		if (at[0] == 0 || (at[0] == hash[0] && (set->words == 1 || at[1] == hash[1])))
			return at;
	}
}

static int
grow_set(struct aggregate_set *set, struct store_arena *arena)
{
	struct aggregate_set grown = *set;

	grown.slots_count = set->slots_count == 0 ? 4 : set->slots_count * 4;
	grown.slots =
	    store_arena_zalloc(arena, (size_t)grown.slots_count * set->words * sizeof(uint64_t));
	if (grown.slots == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < set->slots_count; i++) {
		const uint64_t *at = set->slots + (size_t)i * set->words;

		if (at[0] != 0)
			memcpy(find_slot(&grown, at), at, set->words * sizeof *at);
	}
	store_arena_release(arena, set->slots,
			    (size_t)set->slots_count * set->words * sizeof(uint64_t));
	*set = grown;
	return 0;
}

/* ---- many of them ------------------------------------------------------ */

/* A set of uniq that grows beyond this becomes registers of a HyperLogLog
 * (Flajolet et al. 2007): they depend on the values only, not on their order. */
#define SET_MAX (1u << 15)
#define REGISTERS (1u << AGGREGATE_REGISTERS_BITS)
#define RANK_MAX (64u - AGGREGATE_REGISTERS_BITS + 1u)

/* Into the register of the hash's first bits: the longest run of zeros behind
 * them. Always stored: whether it is longer cannot be foreseen. */
static inline __attribute__((always_inline)) void
take_hash(uint8_t *registers, uint64_t hash)
{
	uint64_t rest = hash << AGGREGATE_REGISTERS_BITS | (uint64_t)1
							       << (AGGREGATE_REGISTERS_BITS - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
	uint8_t *at = &registers[hash >> (64 - AGGREGATE_REGISTERS_BITS)];
	uint8_t before = *at;

	*at = rank > before ? rank : before;
}

/* With an instruction that counts zeros, which came before AVX2 and BMI2. */
#if CODEC_HAS_AVX2
__attribute__((target("lzcnt,bmi,bmi2"))) static void
take_hashes_fast(uint8_t *registers, const uint64_t *hashes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		take_hash(registers, hashes[i]);
}
#endif

static void
take_hashes(uint8_t *registers, const uint64_t *hashes, uint32_t count)
{
#if CODEC_HAS_AVX2
	if (!codec_is_plain()) {
		take_hashes_fast(registers, hashes, count);
		return;
	}
#endif
	for (uint32_t i = 0; i < count; i++)
		take_hash(registers, hashes[i]);
}

static int
become_registers(struct aggregate_set *set, struct store_arena *arena)
{
	set->registers = store_arena_zalloc(arena, REGISTERS);
	if (set->registers == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < set->slots_count; i++) {
		if (set->slots[i] != 0)
			take_hash(set->registers, set->slots[i]);
	}
	set->count = set->slots_count = 0;
	return 0;
}

/* The estimator of Ertl 2017, "New cardinality estimation algorithms for
 * HyperLogLog sketches", algorithm 6: unbiased from few values to very many. */
static double
sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1)
		return INFINITY;
	do {
		before = z;
		x *= x;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double
tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		before = z;
		x = sqrt(x);
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

uint64_t
aggregate_set_estimate(const struct aggregate_set *set)
{
	uint32_t counts[RANK_MAX + 1] = {0};
	double m = REGISTERS, z;

	if (set->registers == NULL)
		return set->count;
	for (uint32_t i = 0; i < REGISTERS; i++)
		counts[set->registers[i]]++;
	z = m * tau(1 - counts[RANK_MAX] / m);
	for (uint32_t k = RANK_MAX - 1; k >= 1; k--)
		z = 0.5 * (z + counts[k]);
	z += m * sigma(counts[0] / m);
	return (uint64_t)llround(m * m / (2 * log(2) * z));
}

int
aggregate_set_add(struct aggregate_set *set, const uint64_t hash[2], struct store_arena *arena)
{
	uint64_t words[2] = {hash[0] + (hash[0] == 0), hash[1]}, *slot;
	bool is_full = set->words == 1 && set->count == SET_MAX;

	if (set->registers != NULL) {
		take_hash(set->registers, words[0]);
		return 0;
	}
	if (!is_full && set->count * 2 >= set->slots_count && grow_set(set, arena) != 0)
		return STORE_ELIMIT;
	slot = find_slot(set, words);
	if (*slot == 0 && is_full) {
		if (become_registers(set, arena) != 0)
			return STORE_ELIMIT;
		take_hash(set->registers, words[0]);
		return 0;
	}
	set->count += *slot == 0;
	memcpy(slot, words, set->words * sizeof *slot);
	return 0;
}

/* Slots are fetched so many hashes before they are looked at. */
#define FETCHED_BEFORE 12u

int
aggregate_set_add_all(struct aggregate_set *set, const uint64_t *hashes, uint32_t count,
		      struct store_arena *arena)
{
	uint32_t i = 0;

	assert(set->words == 1);
	for (; i < count && set->registers == NULL; i++) {
		uint64_t hash[2] = {hashes[i], 0};

		if (i + FETCHED_BEFORE < count && set->slots_count > 0)
			__builtin_prefetch(&set->slots[(uint32_t)hashes[i + FETCHED_BEFORE] &
						       (set->slots_count - 1)],
					   1);
		if (aggregate_set_add(set, hash, arena) != 0)
			return STORE_ELIMIT;
	}
	if (i < count)
		take_hashes(set->registers, hashes + i, count - i);
	return 0;
}

int
aggregate_set_merge(struct aggregate_set *to, const struct aggregate_set *from,
		    struct store_arena *arena)
{
	if (from->words != 0)
		to->words = from->words;
	if (from->registers != NULL && to->registers == NULL && become_registers(to, arena) != 0)
		return STORE_ELIMIT;
	for (uint32_t i = 0; from->registers != NULL && i < REGISTERS; i++)
		to->registers[i] =
		    from->registers[i] > to->registers[i] ? from->registers[i] : to->registers[i];
	for (uint32_t i = 0; i < from->slots_count; i++) {
		const uint64_t *at = from->slots + (size_t)i * from->words;
		uint64_t hash[2] = {at[0], from->words == 2 ? at[1] : 0};

		if (at[0] != 0 && aggregate_set_add(to, hash, arena) != 0)
			return STORE_ELIMIT;
	}
	return 0;
}

/* ---- values with weights --------------------------------------------- */

static bool
is_string(const struct aggregate_states *states)
{
	return states->aggregate->argument->type.type == STORE_R_STRING;
}

static uint32_t
counts_slot(const struct aggregate_states *states, const struct aggregate_counts *counts,
	    const struct store_value *value)
{
	bool string = is_string(states);
	const void *bytes =
	    string ? (value->v.s.size == 0 ? "" : value->v.s.bytes) : (const char *)&value->v.u;
	size_t size = string ? value->v.s.size : 8;
	uint32_t slot =
	    (uint32_t)XXH3_64bits_withSeed(bytes, size, states->secret) & (counts->slots_count - 1);

	for (; counts->slots[slot] != 0; slot = (slot + 1) & (counts->slots_count - 1)) {
		const struct store_value *other = &counts->values[counts->slots[slot] - 1];

		if (string ? other->v.s.size == size &&
				 (size == 0 || memcmp(other->v.s.bytes, bytes, size) == 0)
			   : other->v.u == value->v.u)
			break;
	}
	return slot;
}

static int
grow_counts(const struct aggregate_states *states, struct aggregate_counts *counts, bool distinct)
{
	uint32_t max = counts->max == 0 ? 8 : counts->max * 2;
	struct store_value *values = store_arena_alloc(states->arena, max * sizeof *values);
	uint64_t *weights = store_arena_alloc(states->arena, max * sizeof *weights);

	if (values == NULL || weights == NULL)
		return STORE_ELIMIT;
	if (counts->count > 0) {
		memcpy(values, counts->values, counts->count * sizeof *values);
		memcpy(weights, counts->weights, counts->count * sizeof *weights);
	}
	counts->values = values;
	counts->weights = weights;
	counts->max = max;
	if (!distinct)
		return 0;
	counts->slots_count = max * 2;
	counts->slots =
	    store_arena_zalloc(states->arena, counts->slots_count * sizeof *counts->slots);
	if (counts->slots == NULL)
		return STORE_ELIMIT;
	for (uint32_t i = 0; i < counts->count; i++)
		counts->slots[counts_slot(states, counts, &values[i])] = i + 1;
	return 0;
}

int
aggregate_counts_add(const struct aggregate_states *states, struct aggregate_state *state,
		     const struct store_value *value, uint64_t weight, bool distinct)
{
	struct aggregate_counts *counts = state->counts;
	uint32_t slot = 0;

	if (counts == NULL)
		state->counts = counts = store_arena_zalloc(states->arena, sizeof *counts);
	if (counts == NULL ||
	    (counts->count == counts->max && grow_counts(states, counts, distinct) != 0))
		return STORE_ELIMIT;
	if (distinct) {
		slot = counts_slot(states, counts, value);
		if (counts->slots[slot] != 0) {
			counts->weights[counts->slots[slot] - 1] += weight;
			return 0;
		}
		counts->slots[slot] = counts->count + 1;
	}
	counts->weights[counts->count] = weight;
	return aggregate_keep(states, value, &counts->values[counts->count++]);
}

struct weighed {
	struct store_value value;
	uint64_t weight;
	enum store_result_type type;
};

static int
compare_weighed(const void *a, const void *b)
{
	const struct weighed *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return data_compare(x->type, &x->value, &y->value);
}

void
aggregate_counts_sort(struct aggregate_counts *counts, enum store_result_type type)
{
	struct weighed *list = malloc((counts->count + 1u) * sizeof *list);

	if (list == NULL)
		return; /* the values in the order they came */
	for (uint32_t i = 0; i < counts->count; i++)
		list[i] = (struct weighed){counts->values[i], counts->weights[i], type};
	qsort(list, counts->count, sizeof *list, compare_weighed);
	for (uint32_t i = 0; i < counts->count; i++) {
		counts->values[i] = list[i].value;
		counts->weights[i] = list[i].weight;
	}
	free(list);
}
