/*
 * store_append: a group of commits into memtable and WAL, one sync, then
 * visible. The writer's half of the store. Must not publish what is not
 * durable: everything done for a group can be undone until its sync succeeds.
 */
#include <stdlib.h>

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

/* A failed file is left for good; its group goes to a new one, once. */
static int
make_durable(struct append_group *group, struct store_error *error)
{
	struct store *store = group->store;
	int64_t began = state_monotonic_ns();
	size_t bytes = wal_group_bytes(store->wal);
	int result = wal_commit(store->wal, error);

	if (result != 0) {
		state_log(store, "%s; trying a new WAL file",
			  error != NULL ? error->text : "WAL write failed");
		pthread_mutex_lock(&store->state_mutex);
		store->stats.wal_sync_failures++;
		pthread_mutex_unlock(&store->state_mutex);
		if ((result = append_rotate(store, group->requests_count, error)) == 0)
			result = wal_commit(store->wal, error);
	}
	if (result != 0) {
		leave_file(store);
		return result;
	}
	pthread_mutex_lock(&store->state_mutex);
	store->active->wal_bytes += bytes;
	store->stats.wal_syncs++;
	store->stats.wal_bytes_written += bytes;
	store->stats.wal_sync_ns += (uint64_t)(state_monotonic_ns() - began);
	pthread_mutex_unlock(&store->state_mutex);
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
count_group(struct store *store, const struct store_stats *counted)
{
	pthread_mutex_lock(&store->state_mutex);
	store->stats.commits += counted->commits;
	store->stats.rows_appended += counted->rows_appended;
	store->stats.rows_replaced += counted->rows_replaced;
	store->stats.repeated += counted->repeated;
	store->stats.late += counted->late;
	pthread_mutex_unlock(&store->state_mutex);
}

/* To memory and to the WAL's group. */
static int
apply_group(struct append_group *group, struct store_commit *commits, size_t count,
	    struct store_error *error)
{
	struct store *store = group->store;
	int result = append_make_ready(store, error), logged;

	for (size_t i = 0; result == 0 && i < count; i++) {
		bool is_last = i + 1 == count;

		commits[i].result = append_commit(group, &commits[i], is_last);
		if (commits[i].result == STORE_ELIMIT &&
		    (result = append_seal_if_due(store, true, error)) == 0)
			commits[i].result = append_commit(group, &commits[i], is_last);
	}
	logged = store->log == NULL ? 0 : append_log_settle(store->log);
	if (logged != 0)
		group->beside = false;
	return result != 0 ? result : logged;
}

/* As if it had never been. */
static void
take_back(struct append_group *group)
{
	append_undo(group, 0);
	drop_group(group->store);
	group->counted = (struct store_stats){0};
}

int
store_append(struct store *store, struct store_commit *commits, size_t commits_count,
	     struct store_error *error)
{
	struct append_group group = {
	    .store = store, .now_ms = state_monotonic_ms(), .beside = true};
	int result;

	pthread_mutex_lock(&store->writer_mutex);
	result = append_wait_for_memory(store, error);
	if (result == 0)
		result = apply_group(&group, commits, commits_count, error);
	if (!group.beside) {
		/* A record was too large, or memory short, when its commit was past:
		 * once more, so that this one alone fails. */
		take_back(&group);
		result = apply_group(&group, commits, commits_count, error);
	}
	if (result == 0 && wal_group_bytes(store->wal) > 0)
		result = make_durable(&group, error);
	if (result == 0) {
		atomic_store_explicit(&store->published, store->next_commit - 1,
				      memory_order_release);
		count_group(store, &group.counted);
	} else {
		take_back(&group);
	}
	pthread_mutex_unlock(&store->writer_mutex);
	free(group.undo);
	free(group.views);
	return result;
}
