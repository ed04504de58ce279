/*
 * append_group.h: the entries of one commit, its request and its record, or
 * nothing of them. Must not sync, nor begin files.
 */
#include <string.h>

#include "append_group.h"

#define PREFETCHED 8u /* entries ahead: the index is too large for the caches */
/* Entries of a commit whose record is written beside the next one: some dozens
 * of microseconds of work, for a few that handing it over takes. */
#define BESIDE_ENTRIES_MIN 256u

/* True when the request was seen before: its answer is filled in. */
static bool
is_known_request(struct store *store, struct store_request *request)
{
	const struct store_request *known = requests_find(&store->requests, request->key);

	if (known == NULL || known->received_ms < request->received_ms - REQUESTS_KEEP_MS)
		return false;
	request->conflict = memcmp(known->body, request->body, sizeof known->body) != 0;
	request->repeated = !request->conflict;
	request->note = known->note;
	request->stored_count = known->stored_count;
	request->repeated_count = known->repeated_count;
	request->late_count = known->late_count;
	return true;
}

static int
put_request(struct append_group *group, struct store_commit *commit)
{
	struct append_undo undo = {.kind = APPEND_UNDO_REQUEST};
	int result;

	if (commit->request == NULL)
		return 0;
	if ((result = append_remember(group, &undo)) != 0)
		return result;
	if ((result = requests_put(&group->store->requests, commit->request)) != 0)
		group->undo_count--;
	else
		group->requests_count++;
	return result;
}

/* [entries_count], the arena's; NULL without memory. */
static uint64_t (*view_keys(struct store *store, const struct store_commit *commit))[2]
{
	uint64_t(*keys)[2] =
	    store_arena_alloc(store->arena, (commit->entries_count + 1u) * sizeof *keys);

	for (uint32_t i = 0; keys != NULL && i < commit->entries_count; i++)
		state_view_key(store, commit->entries[i].sort, commit->entries[i].key, keys[i]);
	return keys;
}

static int
apply_entries(struct append_group *group, struct store_commit *commit, struct wal_entry *logged,
	      uint32_t *logged_count)
{
	uint32_t counts[3] = {0};
	uint64_t(*keys)[2] = view_keys(group->store, commit);

	if (keys == NULL)
		return STORE_ENOMEM;
	*logged_count = 0;
	for (uint32_t i = 0; i < commit->entries_count; i++) {
		int result;

		if (i + PREFETCHED < commit->entries_count)
			state_prefetch_view(group->store, keys[i + PREFETCHED]);
		result = append_entry(group, &commit->entries[i], keys[i], &logged[*logged_count]);

		if (result < 0)
			return result;
		*logged_count += (uint32_t)result;
		counts[commit->entries[i].outcome]++;
	}
	group->counted.repeated += counts[STORE_REPEATED];
	group->counted.late += counts[STORE_LATE];
	if (commit->request != NULL) {
		commit->request->repeated = commit->request->conflict = false;
		commit->request->stored_count = counts[STORE_STORED];
		commit->request->repeated_count = counts[STORE_REPEATED];
		commit->request->late_count = counts[STORE_LATE];
	}
	return 0;
}

/* True when the record is better written by the thread of store.log. */
static bool
is_for_beside(const struct append_group *group, const struct store_commit *commit, bool is_last)
{
	struct store *store = group->store;

	if (!group->beside)
		return false;
	if (append_under_way(store))
		return true;
	if (store->log == NULL && !is_last && commit->entries_count >= BESIDE_ENTRIES_MIN)
		store->log = append_log_create();
	if (store->log == NULL)
		return false;
	return (!is_last && commit->entries_count >= BESIDE_ENTRIES_MIN) ||
	       append_log_is_busy(store->log);
}

static int
log_commit(struct append_group *group, const struct store_commit *commit,
	   const struct wal_entry *logged, uint32_t logged_count, bool is_last)
{
	struct store *store = group->store;
	struct append_log_job job = {.wal = store->wal,
				     .schema = store->schema,
				     .request = commit->request,
				     .entries = logged,
				     .entries_count = logged_count,
				     .commit = group->commit};

	group->logged = true;
	if (!is_for_beside(group, commit, is_last))
		return append_log_now(&job);
	store->arena = append_log_give(store->log, &job, store->arena);
	return 0;
}

/* Beacons are a commit each, and settling a row alone costs thrice its part of
 * many: so rows wait for those of the next commits, unless the arena, which
 * these use again, has their cells. */
static int
settle_commit(struct append_group *group)
{
	bool wait = group->together && !group->merged;

	group->merged = false;
	return wait ? 0 : memtable_settle(group->store->active->memtable);
}

int
append_commit(struct append_group *group, struct store_commit *commit, bool is_last)
{
	struct store *store = group->store;
	struct store_stats counted = group->counted;
	size_t mark = group->undo_count;
	struct wal_entry *logged;
	uint32_t logged_count;
	int result;

	if (commit->request != NULL && is_known_request(store, commit->request))
		return 0;
	store_arena_reset(store->arena);
	logged = store_arena_alloc(store->arena, (commit->entries_count + 1u) * sizeof *logged);
	if (logged == NULL)
		return STORE_ENOMEM;
	group->commit = store->next_commit;
	result = apply_entries(group, commit, logged, &logged_count);
	if (result == 0)
		result = settle_commit(group);
	if (result == 0)
		result = put_request(group, commit);
	if (result == 0 && (logged_count > 0 || commit->request != NULL))
		result = log_commit(group, commit, logged, logged_count, is_last);
	if (result != 0) {
		append_undo(group, mark);
		group->counted = counted;
		group->merged = false;
		return result;
	}
	if (logged_count > 0 || commit->request != NULL) {
		store->active->last_commit = group->commit;
		store->next_commit++;
		group->counted.commits++;
	}
	return 0;
}
