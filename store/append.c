/*
 * store_append: a group of commits into memtable and WAL, one sync, then
 * visible. The writer's half of the store. Must not publish what is not
 * durable: everything done for a group can be undone until its sync succeeds.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "append_group.h"

/* For good: the next group begins a new file. */
static void
leave_file(struct store *store)
{
	store->wal_previous_id = wal_id(store->wal);
	store->wal_previous_bytes = wal_durable_bytes(store->wal);
	wal_close(store->wal);
	store->wal = NULL;
}

static void
drop_group(struct store *store)
{
	if (store->wal != NULL && !wal_drop_group(store->wal))
		leave_file(store);
}

static void
count_syncs(struct store *store, uint32_t count, size_t bytes, int64_t ns)
{
	pthread_mutex_lock(&store->state_mutex);
	store->active->wal_bytes += bytes;
	store->stats.wal_syncs += count;
	store->stats.wal_bytes_written += bytes;
	store->stats.wal_sync_ns += (uint64_t)ns;
	pthread_mutex_unlock(&store->state_mutex);
}

static void
count_failed_sync(struct store *store, const char *text)
{
	state_log(store, "%s; trying a new WAL file", text);
	pthread_mutex_lock(&store->state_mutex);
	store->stats.wal_sync_failures++;
	pthread_mutex_unlock(&store->state_mutex);
}

/* A failed file is left for good; its group goes to a new one, once. */
static int
make_durable(struct append_group *group, struct store_error *error)
{
	struct store *store = group->store;
	int64_t began = state_monotonic_ns();
	size_t bytes = wal_group_bytes(store->wal);
	int result = wal_commit(store->wal, error);

	if (result != 0) {
		count_failed_sync(store, error != NULL ? error->text : "WAL write failed");
		if ((result = append_rotate(store, group->requests_count, error)) == 0)
			result = wal_commit(store->wal, error);
	}
	if (result != 0) {
		if (store->wal != NULL)
			leave_file(store);
		return result;
	}
	count_syncs(store, 1, bytes, state_monotonic_ns() - began);
	return 0;
}

int
append_record(struct store *store, enum wal_type type, const void *payload, size_t size,
	      uint64_t *commit, struct store_error *error)
{
	struct append_group group = {.store = store};
	/* It takes no memory; and the flush that would free some may be waiting
	 * for the manifest_mutex that our caller holds. */
	int result = append_make_ready(store, error);

	if (result != 0)
		return result;
	if (wal_add(store->wal, type, store->next_commit, payload, size) != 0)
		return store_error_set(error, STORE_ENOMEM, "out of memory in the WAL");
	if ((result = make_durable(&group, error)) != 0) {
		drop_group(store);
		return result;
	}
	*commit = store->next_commit++;
	store->active->last_commit = *commit;
	return 0;
}

static void
publish(const struct append_group *group)
{
	struct store *store = group->store;
	const struct store_stats *counted = &group->counted;

	atomic_store_explicit(&store->published, group->last_commit, memory_order_release);
	pthread_mutex_lock(&store->state_mutex);
	store->stats.commits += counted->commits;
	store->stats.rows_appended += counted->rows_appended;
	store->stats.rows_replaced += counted->rows_replaced;
	store->stats.repeated += counted->repeated;
	store->stats.late += counted->late;
	pthread_mutex_unlock(&store->state_mutex);
}

/* What the memtable fails with: rows of other commits may be lost with it. */
static bool
may_tear(int result)
{
	return result == STORE_ENOMEM || result == STORE_ELIMIT;
}

#define LINE_BYTES 64u /* of the cache */

static void
prefetch(const void *bytes, size_t size)
{
	for (size_t at = 0; at < size; at += LINE_BYTES)
		__builtin_prefetch((const char *)bytes + at);
}

/* A beacon is a commit of its own, made on another core: what of it the writer
 * needs is on its way while it applies the ones before, and so is the place in
 * the index, which is too large for the caches. */
static void
fetch_ahead(const struct append_group *group, size_t at)
{
	const struct store_commit *commits = group->commits;
	const struct store_entry *entry;

	if (at + 2 < group->commits_count)
		prefetch(commits[at + 2].entries, sizeof *entry);
	if (at + 1 >= group->commits_count || commits[at + 1].entries_count != 1)
		return;
	entry = commits[at + 1].entries;
	if (entry->keyed) {
		uint64_t key[2];

		state_view_key(group->store, entry->sort, entry->key, key);
		state_prefetch_view(group->store, key);
	}
	if (entry->rows_count > 0)
		prefetch(entry->rows->cells, entry->rows->cells_count * sizeof *entry->rows->cells);
}

/* To memory and to the WAL's group, as far as store.log has come. With
 * group->torn it is to be taken back and applied anew, commit by commit. */
static int
apply_group(struct append_group *group, struct store_error *error)
{
	struct store *store = group->store;
	int result = append_make_ready(store, error);

	for (size_t i = 0; result == 0 && !group->torn && i < group->commits_count; i++) {
		struct store_commit *commit = &group->commits[i];
		bool is_last = i + 1 == group->commits_count && !group->begun;

		fetch_ahead(group, i);
		commit->result = append_commit(group, commit, is_last);
		group->torn |= group->together && may_tear(commit->result);
		if (commit->result == STORE_ELIMIT && !group->torn &&
		    (result = append_seal_if_due(store, true, error)) == 0)
			commit->result = append_commit(group, commit, is_last);
	}
	if (group->together && memtable_settle(store->active->memtable) != 0)
		group->torn = true;
	group->last_commit = store->next_commit - 1;
	return result;
}

static int
settle(struct store *store)
{
	return store->log == NULL ? 0 : append_log_settle(store->log);
}

/* As if it had never been, but for the WAL. */
static void
undo_group(struct append_group *group)
{
	append_undo(group, 0);
	group->counted = (struct store_stats){0};
	group->logged = group->torn = false;
}

static void
take_back(struct append_group *group)
{
	undo_group(group);
	drop_group(group->store);
}

/* With no other group under way. */
static int
append_at_once(struct append_group *group, struct store_error *error)
{
	struct store *store = group->store;
	int result = apply_group(group, error);

	if (settle(store) != 0 || group->torn) {
		/* A record was too large, memory short or a generation full, when
		 * its commit was past: once more, so that this one alone fails. */
		take_back(group);
		group->beside = group->together = false;
		result = apply_group(group, error);
	}
	if (result == 0 && group->logged)
		result = make_durable(group, error);
	if (result == 0)
		publish(group);
	else
		take_back(group);
	return result;
}

/* ---- groups that are under way --------------------------------------- */

bool
append_under_way(const struct store *store)
{
	/* They are finished in order. */
	return store->begun_count > 0 && store->begun[store->begun_count - 1]->under_way;
}

/* What was applied last goes first. The log is idle, and so is its file. */
static void
append_anew(struct store *store)
{
	bool again[STORE_APPENDS_MAX] = {false};

	for (uint32_t i = store->begun_count; i-- > 0;) {
		struct append_group *group = store->begun[i];

		if ((again[i] = group->under_way))
			undo_group(group);
		group->under_way = group->beside = false;
	}
	drop_group(store);
	for (uint32_t i = 0; i < store->begun_count; i++) {
		struct append_group *group = store->begun[i];

		if (again[i])
			group->result = append_at_once(group, &group->error);
	}
}

/*
 * Of the groups under way, the first until `last` or, when NULL, all: waits
 * until they are durable. When one fails, it and those that were applied since
 * are taken back and appended anew; but `after`, if not NULL, which was applied
 * last and is not under way, is only taken back: then false.
 */
static bool
finish(struct store *store, const struct append_group *last, struct append_group *after)
{
	struct append_log_synced synced;

	for (uint32_t i = 0; i < store->begun_count; i++) {
		struct append_group *group = store->begun[i];

		if (group->under_way) {
			if (append_log_await(store->log, &group->sync, &synced) != 0)
				break;
			group->under_way = false;
			wal_synced(store->wal, group->sync.bytes);
			count_syncs(store, synced.count, group->sync.bytes, synced.ns);
			publish(group);
		}
		if (group == last)
			return true;
	}
	if (!append_under_way(store))
		return true;
	(void)append_log_settle(store->log);
	if (synced.failed)
		count_failed_sync(store, synced.error.text);
	if (after != NULL)
		undo_group(after);
	append_anew(store);
	return false;
}

void
append_finish(struct store *store)
{
	(void)finish(store, NULL, NULL);
}

void
append_lock(struct store *store)
{
	pthread_mutex_lock(&store->writer_mutex);
	append_finish(store);
}

/* All of it to store.log. */
static int
begin_group(struct append_group *group, struct store_error *error)
{
	struct store *store = group->store;
	int result = apply_group(group, error);

	/* What it repeats is not durable yet; a failure leaves the file. */
	if ((result != 0 || !group->logged || group->torn) && !finish(store, NULL, group))
		result = apply_group(group, error);
	if (group->torn) {
		(void)settle(store);
		take_back(group);
		group->together = false;
		result = apply_group(group, error);
	}
	if (result != 0) {
		(void)settle(store);
		take_back(group);
		return result;
	}
	if (group->logged) {
		append_log_sync(store->log, store->wal, &group->sync);
		group->under_way = true;
	} else {
		publish(group);
	}
	return 0;
}

static void
free_group(struct append_group *group)
{
	if (group == NULL)
		return;
	free(group->undo);
	free(group->views);
	free(group);
}

int
store_append_begin(struct store *store, struct store_commit *commits, size_t commits_count,
		   struct store_error *error)
{
	struct append_group *group = calloc(1, sizeof *group);
	int result;

	if (group == NULL)
		return store_error_set(error, STORE_ENOMEM, "out of memory for a group");
	*group = (struct append_group){.store = store,
				       .commits = commits,
				       .commits_count = commits_count,
				       .now_ms = state_monotonic_ms(),
				       .beside = true,
				       .together = true,
				       .begun = true};
	pthread_mutex_lock(&store->writer_mutex);
	assert(store->begun_count < STORE_APPENDS_MAX);
	if (store->log == NULL)
		store->log = append_log_create();
	result = append_wait_for_memory(store, error);
	if (result == 0)
		result =
		    store->log == NULL ? append_at_once(group, error) : begin_group(group, error);
	if (result == 0)
		store->begun[store->begun_count++] = group;
	pthread_mutex_unlock(&store->writer_mutex);
	if (result != 0)
		free_group(group);
	return result;
}

int
store_append_end(struct store *store, struct store_error *error)
{
	struct append_group *group;
	int result;

	pthread_mutex_lock(&store->writer_mutex);
	assert(store->begun_count > 0);
	group = store->begun[0];
	if (group->under_way)
		(void)finish(store, group, NULL);
	store->begun_count--;
	memmove(store->begun, store->begun + 1, store->begun_count * sizeof store->begun[0]);
	pthread_mutex_unlock(&store->writer_mutex);
	result = group->result;
	if (result != 0 && error != NULL)
		*error = group->error;
	free_group(group);
	return result;
}

int
store_append(struct store *store, struct store_commit *commits, size_t commits_count,
	     struct store_error *error)
{
	struct append_group group = {.store = store,
				     .commits = commits,
				     .commits_count = commits_count,
				     .now_ms = state_monotonic_ms(),
				     .beside = true,
				     .together = true};
	int result;

	append_lock(store);
	result = append_wait_for_memory(store, error);
	if (result == 0)
		result = append_at_once(&group, error);
	pthread_mutex_unlock(&store->writer_mutex);
	free(group.undo);
	free(group.views);
	return result;
}
