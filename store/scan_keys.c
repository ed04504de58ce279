/*
 * Keys of GROUP BY as words, and groups by a hash of them: a key is a word per
 * expression (a number's bits, a string's or list's id) and one of NULL bits. Hashes are
 * seeded with the store's secret, so that nobody can aim for collisions. Below
 * scan_codes.c; must not know rows' codes from slice to slice, nor aggregates.
 */
#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "scan_inside.h"

/* ---- strings as numbers ---------------------------------------------- */

static uint32_t
next_slot(uint32_t slot, uint32_t slots_count)
{
	return (slot + 1) & (slots_count - 1);
}

/* The string's slot, or the one for it. */
static struct string_slot *
find_string(const struct strings *strings, struct store_str string, uint32_t hash)
{
	uint32_t slot = hash & (strings->slots_count - 1);

	for (; strings->slots[slot].taken != 0; slot = next_slot(slot, strings->slots_count)) {
		struct store_str other;

		if (strings->slots[slot].hash != hash)
			continue;
		other = strings->list[strings->slots[slot].taken - 1];
		if (other.size == string.size &&
		    (string.size == 0 || memcmp(other.bytes, string.bytes, string.size) == 0))
			break;
	}
	return &strings->slots[slot];
}

#define ROOM_MIN 256u
#define ROOM_MANY 4096u

/* Few more take little room, and to copy them time: it grows faster at first. */
static uint32_t
grown(uint32_t max)
{
	return max == 0 ? ROOM_MIN : max < ROOM_MANY ? max * 4 : max * 2;
}

static int
grow_list(struct scan *scan)
{
	struct strings *strings = &scan->strings;
	uint32_t max = grown(strings->list_max);
	struct store_str *list = store_arena_alloc(scan->arena, max * sizeof *list);

	if (list == NULL)
		return scan_no_memory(scan);
	if (strings->count > 0)
		memcpy(list, strings->list, strings->count * sizeof *list);
	store_arena_release(scan->arena, strings->list, strings->list_max * sizeof *list);
	strings->list = list;
	strings->list_max = max;
	return 0;
}

static void
put_slot(struct string_slot *slots, uint32_t slots_count, struct string_slot put)
{
	uint32_t slot = put.hash & (slots_count - 1);

	while (slots[slot].taken != 0)
		slot = next_slot(slot, slots_count);
	slots[slot] = put;
}

/* Slots for as many strings as the list has room for, and for those that have none. */
static int
grow_slots(struct scan *scan)
{
	struct strings *strings = &scan->strings;
	uint32_t count = strings->list_max * 2;
	struct string_slot *slots = strings->slots;

	if (strings->slots_count < count) {
		slots = store_arena_zalloc(scan->arena, (size_t)count * sizeof *slots);
		if (slots == NULL)
			return scan_no_memory(scan);
		for (uint32_t i = 0; i < strings->slots_count; i++) {
			if (strings->slots[i].taken != 0)
				put_slot(slots, count, strings->slots[i]);
		}
		store_arena_release(scan->arena, strings->slots,
				    strings->slots_count * sizeof *slots);
		strings->slots = slots;
		strings->slots_count = count;
	}
	for (uint32_t i = strings->hashed_count; i < strings->count; i++)
		put_slot(slots, count,
			 (struct string_slot){scan_keys_hash(scan, strings->list[i]), i + 1});
	strings->hashed_count = strings->count;
	return 0;
}

uint32_t
scan_keys_hash(const struct scan *scan, struct store_str string)
{
	const struct strings *strings = &scan->strings;
	uint32_t hash = (uint32_t)XXH3_64bits_withSeed(string.size == 0 ? "" : string.bytes,
						       string.size, scan->secret);

	if (strings->slots_count > 0)
		__builtin_prefetch(&strings->slots[hash & (strings->slots_count - 1)]);
	return hash;
}

int
scan_keys_intern(struct scan *scan, struct store_str string, bool lasts, uint64_t *id)
{
	return scan_keys_intern_hashed(scan, string, scan_keys_hash(scan, string), lasts, id);
}

int
scan_keys_intern_hashed(struct scan *scan, struct store_str string, uint32_t hash, bool lasts,
			uint64_t *id)
{
	struct strings *strings = &scan->strings;
	struct string_slot *slot;

	if (strings->count == strings->list_max && grow_list(scan) != 0)
		return STORE_ELIMIT;
	if ((strings->slots_count < strings->list_max * 2 ||
	     strings->hashed_count < strings->count) &&
	    grow_slots(scan) != 0)
		return STORE_ELIMIT;
	slot = find_string(strings, string, hash);
	if (slot->taken == 0) {
		if (!lasts) {
			string = scan_copy_string(scan->arena, string);
			if (string.bytes == NULL)
				return scan_no_memory(scan);
		}
		strings->list[strings->count++] = string;
		strings->hashed_count = strings->count;
		*slot = (struct string_slot){hash, strings->count};
	}
	*id = slot->taken - 1;
	return 0;
}

bool
scan_keys_are_sole(const struct scan *scan)
{
	const struct strings *strings = &scan->strings;

	return strings->count == 0 ||
	       (strings->hashed_count == 0 && strings->sole == scan->dense.emptied);
}

void
scan_keys_stay_sole(struct scan *scan)
{
	assert(scan->strings.hashed_count == 0);
	scan->strings.sole = scan->dense.emptied;
}

int
scan_keys_append(struct scan *scan, struct store_str string, uint64_t *id)
{
	struct strings *strings = &scan->strings;

	if (strings->count == strings->list_max && grow_list(scan) != 0)
		return STORE_ELIMIT;
	strings->sole = SCAN_NOT_SOLE;
	*id = strings->count;
	strings->list[strings->count++] = string;
	return 0;
}

const uint32_t *
scan_keys_hashes(const struct scan *scan)
{
	const struct strings *strings = &scan->strings;
	uint32_t *hashes = store_arena_alloc(scan->arena, (strings->count + 1u) * sizeof *hashes);

	for (uint32_t i = 0; hashes != NULL && i < strings->slots_count; i++) {
		if (strings->slots[i].taken != 0)
			hashes[strings->slots[i].taken - 1] = strings->slots[i].hash;
	}
	for (uint32_t i = strings->hashed_count; hashes != NULL && i < strings->count; i++)
		hashes[i] = scan_keys_hash(scan, strings->list[i]);
	return hashes;
}

static int
list_words(struct scan *scan, const struct data *data, uint32_t count, uint32_t stride,
	   uint64_t *words)
{
	for (uint32_t i = 0; i < count; i++) {
		struct store_str bytes;
		int result =
		    scan_lists_write(scan, &data->type, &data->values[data_index(data, i)], &bytes);

		if (result == 0)
			result = scan_keys_intern(scan, bytes, false, &words[(size_t)i * stride]);
		if (result != 0)
			return result;
	}
	return 0;
}

#define RECENT_BITS 4u

/* Strings that are no dictionary's. Few texts of a query, as multiIf has, or one of many rows
 * in turn, lie at the same place, and are not looked at again. */
static int
string_words(struct scan *scan, const struct data *data, uint32_t count, uint32_t stride,
	     uint64_t *words)
{
	struct {
		struct store_str string;
		uint64_t id;
	} recent[1u << RECENT_BITS] = {{{NULL, 0}, 0}};

	for (uint32_t i = 0; i < count; i++) {
		struct store_str string = data_string(data, i);
		uint64_t spread = (uint64_t)(uintptr_t)string.bytes * 0x9e3779b97f4a7c15u;
		uint32_t at = (uint32_t)(spread >> (64 - RECENT_BITS));

		if (recent[at].string.bytes == NULL || recent[at].string.bytes != string.bytes ||
		    recent[at].string.size != string.size) {
			if (scan_keys_intern(scan, string, false, &recent[at].id) != 0)
				return STORE_ELIMIT;
			recent[at].string = string;
		}
		words[(size_t)i * stride] = recent[at].id;
	}
	return 0;
}

int
scan_keys_words(struct scan *scan, const struct data *data, uint32_t count, uint32_t stride,
		uint64_t *words)
{
	uint64_t *ids = NULL;

	if (data->type.type == STORE_R_ARRAY)
		return list_words(scan, data, count, stride, words);
	if (data->type.type != STORE_R_STRING) {
		for (uint32_t i = 0; i < count; i++)
			words[(size_t)i * stride] = data->n.u[data_index(data, i)];
		return 0;
	}
	if (data_is_coded(data)) {
		ids =
		    store_arena_zalloc(scan->scratch, (data->dictionary->count + 1u) * sizeof *ids);
		if (ids == NULL)
			return scan_no_memory(scan);
	}
	if (ids == NULL)
		return string_words(scan, data, count, stride, words);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t code = data_code(data, data_index(data, i));

		if (ids[code] == 0) {
			if (scan_keys_intern(scan, data_string(data, i), true, &ids[code]) != 0)
				return STORE_ELIMIT;
			ids[code]++;
		}
		words[(size_t)i * stride] = ids[code] - 1;
	}
	return 0;
}

/* ---- groups ---------------------------------------------------------- */

/* Keys mostly are of one expression, and its bit of NULL: too few words for memcmp. */
static inline bool
are_same(const uint64_t *a, const uint64_t *b, uint32_t words)
{
	uint32_t w = 0;

	while (w < words && a[w] == b[w])
		w++;
	return w == words;
}

static uint32_t
group_slot(const struct scan *scan, const struct groups *groups, const uint64_t *key)
{
	uint32_t slot =
	    (uint32_t)XXH3_64bits_withSeed(key, groups->words * sizeof *key, scan->secret) &
	    (groups->slots_count - 1);

	while (groups->slots[slot] != 0 &&
	       !are_same(groups->keys + (size_t)(groups->slots[slot] - 1) * groups->words, key,
			 groups->words))
		slot = next_slot(slot, groups->slots_count);
	return slot;
}

static int
grow_groups(struct scan *scan)
{
	struct groups *groups = &scan->groups;
	uint32_t max = grown(groups->groups_max);
	uint32_t slots_count = groups->are_strings ? 0 : max * 2;
	size_t bytes = groups->words * sizeof(uint64_t);
	uint64_t *keys = store_arena_alloc(scan->arena, max * bytes);
	uint32_t *slots = store_arena_zalloc(scan->arena, (size_t)slots_count * sizeof *slots);

	if (keys == NULL || slots == NULL)
		return scan_no_memory(scan);
	if (groups->count > 0)
		memcpy(keys, groups->keys, groups->count * bytes);
	store_arena_release(scan->arena, groups->keys, groups->groups_max * bytes);
	store_arena_release(scan->arena, groups->slots, groups->slots_count * sizeof *slots);
	groups->keys = keys;
	groups->groups_max = max;
	groups->slots = slots;
	groups->slots_count = slots_count;
	for (uint32_t i = 0; slots_count > 0 && i < groups->count; i++)
		slots[group_slot(scan, groups, keys + (size_t)i * groups->words)] = i + 1;
	return 0;
}

static int
too_many_groups(struct scan *scan)
{
	return plan_error(scan->error, STORE_ELIMIT, 158, "TOO_MANY_ROWS",
			  "Limit on groups exceeded (%llu): group by fewer values",
			  (unsigned long long)scan->limits->groups_max);
}

static int
add_group(struct scan *scan, const uint64_t *key)
{
	struct groups *groups = &scan->groups;

	if (groups->count >= scan->limits->groups_max)
		return too_many_groups(scan);
	memcpy(groups->keys + (size_t)groups->count * groups->words, key,
	       groups->words * sizeof *key);
	groups->count++;
	return 0;
}

int
scan_keys_group(struct scan *scan, const uint64_t *key, uint32_t *group)
{
	struct groups *groups = &scan->groups;
	uint32_t slot;
	int result;

	if (groups->count == groups->groups_max && grow_groups(scan) != 0)
		return STORE_ELIMIT;
	if (groups->are_strings) {
		assert(key[0] <= groups->count && key[1] == 0);
		*group = (uint32_t)key[0];
		return *group < groups->count ? 0 : add_group(scan, key);
	}
	slot = group_slot(scan, groups, key);
	if (groups->slots[slot] == 0) {
		if ((result = add_group(scan, key)) != 0)
			return result;
		groups->slots[slot] = groups->count;
	}
	*group = groups->slots[slot] - 1;
	return 0;
}

int
scan_keys_add(struct scan *scan, struct store_str string, uint32_t *group)
{
	struct strings *strings = &scan->strings;
	struct groups *groups = &scan->groups;
	uint64_t *key;

	assert(scan_keys_are_sole(scan) && strings->count == groups->count);
	assert(groups->are_strings && groups->words == 2);
	if ((strings->count == strings->list_max && grow_list(scan) != 0) ||
	    (groups->count == groups->groups_max && grow_groups(scan) != 0))
		return STORE_ELIMIT;
	if (groups->count >= scan->limits->groups_max)
		return too_many_groups(scan);
	strings->sole = scan->dense.emptied;
	strings->list[strings->count++] = string;
	*group = groups->count++;
	key = groups->keys + (size_t)*group * 2;
	key[0] = *group;
	key[1] = 0;
	return 0;
}

#define KNOWN_BITS 9u
#define KNOWN_ROWS_MIN (2u << KNOWN_BITS)

/* Keys of one word, no NULLs: of few groups most are found where their word says, without a
 * hash that nobody can aim at; others' groups may be in their place. */
static int
group_words(struct scan *scan, const uint64_t *keys, uint32_t count, uint32_t *out)
{
	struct {
		uint64_t word;
		uint64_t group; /* + 1; 0: none */
	} known[1u << KNOWN_BITS] = {{0, 0}};

	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *key = keys + (size_t)i * 2;
		uint32_t at = (uint32_t)(key[0] * 0x9e3779b97f4a7c15u >> (64 - KNOWN_BITS));

		if (key[1] != 0 || known[at].group == 0 || known[at].word != key[0]) {
			int result = scan_keys_group(scan, key, &out[i]);

			if (result != 0)
				return result;
			if (key[1] != 0)
				continue;
			known[at].word = key[0];
			known[at].group = (uint64_t)out[i] + 1;
		}
		out[i] = (uint32_t)(known[at].group - 1);
	}
	return 0;
}

int
scan_keys_groups(struct scan *scan, const uint64_t *keys, uint32_t count, uint32_t *out)
{
	uint32_t words = scan->groups.words;
	int result = 0;

	if (words == 2 && count >= KNOWN_ROWS_MIN)
		return group_words(scan, keys, count, out);
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		bool same = i > 0 && are_same(keys + (size_t)i * words,
					      keys + (size_t)(i - 1) * words, words);

		if (same)
			out[i] = out[i - 1];
		else
			result = scan_keys_group(scan, keys + (size_t)i * words, &out[i]);
	}
	return result;
}
