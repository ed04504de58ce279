/*
 * Distinct values, for uniq and uniqExact: hashes of cells into the sets of their groups.
 * Strings of a column with a dictionary are hashed once a dictionary, not once a row. Below
 * aggregate_add.c, beside aggregate_set.c.
 */
#include <string.h>

#include <xxhash.h>

#include "aggregate_inside.h"

/* A dictionary's table of hashes is worth it where so few strings come on a row. */
#define STRINGS_PER_ROW 8u

/* Strings by 128 bits, for the count may have to be exact. */
static void
hash_cell(const struct aggregate_states *states, const struct store_value *value, uint64_t out[2])
{
	XXH128_hash_t hash;

	if (states->aggregate->argument->type.type != STORE_R_STRING) {
		out[0] = aggregate_hash(value->v.u, states->secret);
		out[1] = value->v.u; /* tells 0 from what hashes to 1 */
		return;
	}
	hash = XXH3_128bits_withSeed(value->v.s.size == 0 ? "" : value->v.s.bytes, value->v.s.size,
				     states->secret);
	out[0] = hash.low64;
	out[1] = hash.high64;
}

static int
add_hash(const struct aggregate_states *states, struct aggregate_state *state,
	 const uint64_t hash[2])
{
	state->set.words = states->aggregate->kind == AGGREGATE_UNIQ_EXACT ? 2 : 1;
	return aggregate_set_add(&state->set, hash, states->arena);
}

int
aggregate_add_cell(const struct aggregate_states *states, struct aggregate_state *state,
		   const struct store_value *value)
{
	uint64_t hash[2];

	hash_cell(states, value, hash);
	return add_hash(states, state, hash);
}

/* ---- by codes -------------------------------------------------------- */

/* Columns' dictionaries last as long as the query; what is computed from them does not. */
static bool
is_known(const struct aggregate_hashes *hashes, const struct dictionary *dictionary)
{
	return hashes->list != NULL && hashes->dictionary.chunks == dictionary->chunks &&
	       hashes->dictionary.count == dictionary->count;
}

bool
aggregate_takes_codes(const struct aggregate_states *states, uint32_t rows_count,
		      const struct aggregate_input *input)
{
	const struct aggregate *aggregate = states->aggregate;
	const struct data *argument = input->argument;

	return (aggregate->kind == AGGREGATE_UNIQ || aggregate->kind == AGGREGATE_UNIQ_EXACT) &&
	       !aggregate->margin && input->second == NULL &&
	       aggregate->argument->kind == EXPRESSION_COLUMN && data_is_coded(argument) &&
	       !argument->constant && argument->dictionary->count > 0 &&
	       (is_known(&states->hashes, argument->dictionary) ||
		argument->dictionary->count / STRINGS_PER_ROW <= rows_count);
}

/* Of a dictionary of which nothing is known yet. */
static int
forget_hashes(struct aggregate_states *states, const struct dictionary *dictionary)
{
	struct aggregate_hashes *hashes = &states->hashes;

	if (hashes->max < dictionary->count) {
		store_arena_release(states->arena, hashes->list,
				    hashes->max * sizeof *hashes->list);
		hashes->max = 0;
		hashes->list =
		    store_arena_alloc(states->arena, dictionary->count * sizeof *hashes->list);
		if (hashes->list == NULL)
			return STORE_ELIMIT;
		hashes->max = dictionary->count;
	}
	hashes->dictionary = *dictionary;
	memset(hashes->list, 0, dictionary->count * sizeof *hashes->list);
	return 0;
}

int
aggregate_add_codes(struct aggregate_states *states, uint32_t rows_count,
		    const struct aggregate_input *input)
{
	const struct data *argument = input->argument;
	const struct dictionary *dictionary = argument->dictionary;
	int result = 0;

	if (!is_known(&states->hashes, dictionary))
		result = forget_hashes(states, dictionary);
	for (uint32_t i = 0; result == 0 && i < rows_count; i++) {
		uint32_t group = input->groups == NULL ? input->group : input->groups[i];
		struct aggregate_state *state = &states->states[group];
		uint32_t code;
		uint64_t *hash;

		if (!aggregate_is_counted(input, i))
			continue;
		code = data_code(argument, i);
		hash = states->hashes.list[code];
		if (hash[0] == 0) {
			struct store_value value = {.v.s = dictionary_entry(dictionary, code)};

			hash_cell(states, &value, hash);
		}
		state->weight += input->weights == NULL ? 1 : input->weights[i];
		result = add_hash(states, state, hash);
	}
	return result;
}
