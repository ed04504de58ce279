/*
 * recover_read.h: from the bytes of a WAL file to batches of records, of which
 * a few wait at most. Must not touch the store: what a record does to it depends
 * on those before it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "recover_read.h"

#define BATCHES 3u             /* one is read, one waits, one is applied */
#define BATCH_RECORDS_MAX 256u /* then it is handed over, or when it has */
#define BATCH_BYTES_MAX ((size_t)1 << 20)
/* A large record alone: none is read while those that wait have so much. */
#define WAITING_BYTES_MAX ((size_t)32 << 20)

struct batch {
	struct store_arena *arena; /* owned */
	struct recover_record records[BATCH_RECORDS_MAX];
	uint32_t count;
	bool last;
};

struct recover_reader {
	struct wal_reader *wal;            /* borrowed */
	const struct wal_columns *columns; /* borrowed */
	struct store_error error;          /* the thread's, of the record before */
	struct batch batches[BATCHES];     /* taken in turn */
	uint64_t taken;                    /* by the applier, who has the last of them */
	bool started;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* guarded by mutex: */
	uint64_t filled; /* batches */
	uint64_t freed;  /* those that were applied */
	size_t waiting_bytes;
	bool stopping;
};

/* ---- decoding -------------------------------------------------------- */

static int
get_entries(struct wal_cursor *cursor, struct store_arena *arena, struct recover_record *out)
{
	struct wal_entry *entries;
	uint32_t count;
	int result = wal_record_get_count(cursor, &count);

	if (result != 0 || count > (size_t)(cursor->end - cursor->at))
		return STORE_ECORRUPT;
	if ((entries = store_arena_alloc(arena, count * sizeof *entries)) == NULL)
		return STORE_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		if ((result = wal_record_get_entry(cursor, arena, &entries[i])) != 0)
			return result;
		out->rows_count += entries[i].rows_count;
	}
	out->entries = entries;
	out->entries_count = count;
	return wal_record_get_end(cursor);
}

static int
get_request(struct wal_cursor *cursor, struct store_arena *arena, struct recover_record *out)
{
	struct store_request *request = store_arena_alloc(arena, sizeof *request);
	bool has_request;
	int result =
	    request == NULL ? STORE_ENOMEM : wal_record_get_request(cursor, request, &has_request);

	if (result == 0 && has_request)
		out->request = request;
	return result;
}

static int
decode(const struct wal_columns *columns, struct store_arena *arena, struct recover_record *out)
{
	struct wal_cursor cursor = {out->wal.payload, out->wal.payload + out->wal.size, columns};
	int result;

	switch (out->wal.type) {
	case WAL_ERASE:
		result = wal_record_get_erasure(&cursor, &out->erasure);
		return result != 0 ? result : wal_record_get_end(&cursor);
	case WAL_COMMIT:
		result = get_request(&cursor, arena, out);
		return result != 0 ? result : get_entries(&cursor, arena, out);
	case WAL_REQUEST:
		result = get_request(&cursor, arena, out);
		return result != 0 ? result : wal_record_get_end(&cursor);
	}
	return STORE_ECORRUPT;
}

/* False at the end of the file. */
static bool
read_record(struct recover_reader *reader, struct store_arena *arena, struct recover_record *out)
{
	struct store_error *kept;
	int result;

	*out = (struct recover_record){0};
	if ((result = wal_reader_next(reader->wal, &out->wal, &reader->error)) == 0)
		return false;
	if (result == 1) {
		out->result = decode(reader->columns, arena, out);
		return true;
	}
	out->result = result;
	if ((kept = store_arena_alloc(arena, sizeof *kept)) == NULL) {
		out->result = STORE_ENOMEM;
		return true;
	}
	*kept = reader->error;
	out->error = kept;
	return true;
}

static void
fill(struct recover_reader *reader, struct batch *batch)
{
	store_arena_reset(batch->arena);
	batch->count = 0;
	while (batch->count < BATCH_RECORDS_MAX &&
	       store_arena_bytes(batch->arena) < BATCH_BYTES_MAX) {
		if (!read_record(reader, batch->arena, &batch->records[batch->count])) {
			batch->last = true;
			return;
		}
		batch->count++;
	}
}

/* ---- the thread ------------------------------------------------------ */

static void *
read_ahead(void *argument)
{
	struct recover_reader *reader = argument;
	bool last = false;

	pthread_mutex_lock(&reader->mutex);
	while (!last && !reader->stopping) {
		struct batch *batch = &reader->batches[reader->filled % BATCHES];

		if (reader->filled - reader->freed == BATCHES ||
		    reader->waiting_bytes > WAITING_BYTES_MAX) {
			pthread_cond_wait(&reader->changed, &reader->mutex);
			continue;
		}
		pthread_mutex_unlock(&reader->mutex);
		fill(reader, batch);
		last = batch->last;
		pthread_mutex_lock(&reader->mutex);
		reader->waiting_bytes += store_arena_bytes(batch->arena);
		reader->filled++;
		pthread_cond_broadcast(&reader->changed);
	}
	pthread_mutex_unlock(&reader->mutex);
	return NULL;
}

struct recover_reader *
recover_reader_open(struct wal_reader *wal, const struct wal_columns *columns)
{
	struct recover_reader *reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return NULL;
	reader->wal = wal;
	reader->columns = columns;
	pthread_mutex_init(&reader->mutex, NULL);
	pthread_cond_init(&reader->changed, NULL);
	for (uint32_t i = 0; i < BATCHES; i++) {
		if ((reader->batches[i].arena = store_arena_create(0)) == NULL) {
			recover_reader_close(reader);
			return NULL;
		}
	}
	reader->started = pthread_create(&reader->thread, NULL, read_ahead, reader) == 0;
	if (!reader->started) {
		recover_reader_close(reader);
		return NULL;
	}
	pthread_setname_np(reader->thread, "recover");
	return reader;
}

struct recover_batch
recover_reader_next(struct recover_reader *reader)
{
	const struct batch *batch = NULL;

	if (reader->taken > 0)
		batch = &reader->batches[(reader->taken - 1) % BATCHES];
	if (batch != NULL && batch->last)
		return (struct recover_batch){NULL, 0};
	pthread_mutex_lock(&reader->mutex);
	if (batch != NULL) {
		reader->waiting_bytes -= store_arena_bytes(batch->arena);
		reader->freed = reader->taken;
		pthread_cond_broadcast(&reader->changed);
	}
	while (reader->filled == reader->taken)
		pthread_cond_wait(&reader->changed, &reader->mutex);
	pthread_mutex_unlock(&reader->mutex);
	batch = &reader->batches[reader->taken++ % BATCHES];
	return (struct recover_batch){batch->records, batch->count};
}

void
recover_reader_close(struct recover_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->started) {
		pthread_mutex_lock(&reader->mutex);
		reader->stopping = true;
		pthread_cond_broadcast(&reader->changed);
		pthread_mutex_unlock(&reader->mutex);
		pthread_join(reader->thread, NULL);
	}
	for (uint32_t i = 0; i < BATCHES; i++)
		store_arena_free(reader->batches[i].arena);
	pthread_cond_destroy(&reader->changed);
	pthread_mutex_destroy(&reader->mutex);
	free(reader);
}
