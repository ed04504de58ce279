/*
 * query_log.h: a ring under one mutex. After the answer is made; must not hold
 * the mutex longer than copying takes.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "query_log.h"

struct query_log {
	pthread_mutex_t mutex;
	/* guarded by mutex: */
	struct query_log_entry entries[QUERY_LOG_ENTRIES]; /* texts: owned, one block each */
	uint64_t added;                                    /* ever; the next goes to % ENTRIES */
};

#define TEXTS_COUNT 6u

static void
texts_of(struct query_log_entry *entry, struct store_str *texts[TEXTS_COUNT])
{
	texts[0] = &entry->query;
	texts[1] = &entry->query_id;
	texts[2] = &entry->user;
	texts[3] = &entry->user_agent;
	texts[4] = &entry->format;
	texts[5] = &entry->exception;
}

struct query_log *
query_log_create(void)
{
	struct query_log *log = calloc(1, sizeof *log);

	if (log != NULL)
		pthread_mutex_init(&log->mutex, NULL);
	return log;
}

/* The block that has an entry's texts: the first one begins it. */
static void
free_texts(struct query_log_entry *entry)
{
	free((char *)(uintptr_t)entry->query.bytes);
}

void
query_log_destroy(struct query_log *log)
{
	if (log == NULL)
		return;
	for (uint32_t i = 0; i < QUERY_LOG_ENTRIES; i++)
		free_texts(&log->entries[i]);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

/* Whole characters of the first `max` bytes. */
static struct store_str
cut(struct store_str text, uint32_t max)
{
	if (text.size <= max)
		return text;
	text.size = max;
	while (text.size > 0 && ((unsigned char)text.bytes[text.size] & 0xc0) == 0x80)
		text.size--;
	return text;
}

/* Copies the texts into the block, which has room for them. */
static void
move_texts(struct query_log_entry *entry, char *block)
{
	struct store_str *texts[TEXTS_COUNT];

	texts_of(entry, texts);
	for (unsigned i = 0; i < TEXTS_COUNT; i++) {
		if (texts[i]->size > 0)
			memcpy(block, texts[i]->bytes, texts[i]->size);
		texts[i]->bytes = block;
		block += texts[i]->size;
	}
}

static size_t
texts_bytes(struct query_log_entry *entry)
{
	struct store_str *texts[TEXTS_COUNT];
	size_t size = 0;

	texts_of(entry, texts);
	for (unsigned i = 0; i < TEXTS_COUNT; i++)
		size += texts[i]->size;
	return size;
}

void
query_log_add(struct query_log *log, const struct query_log_entry *entry)
{
	struct query_log_entry copy = *entry, *slot, old;
	struct store_str *texts[TEXTS_COUNT];
	char *block;

	texts_of(&copy, texts);
	for (unsigned i = 0; i < TEXTS_COUNT; i++)
		*texts[i] =
		    cut(*texts[i], i == 0 ? QUERY_LOG_TEXT_BYTES_MAX : QUERY_LOG_SHORT_BYTES_MAX);
	if ((block = malloc(texts_bytes(&copy) + 1)) == NULL)
		return;
	move_texts(&copy, block);
	pthread_mutex_lock(&log->mutex);
	slot = &log->entries[log->added++ % QUERY_LOG_ENTRIES];
	old = *slot;
	*slot = copy;
	pthread_mutex_unlock(&log->mutex);
	free_texts(&old);
}

/* ---- as a table ------------------------------------------------------ */

/* COLUMN(name, type, member of the value, from an entry `e`) */
#define COLUMNS(COLUMN)                                                                       \
	COLUMN("type", STRING, s,                                                             \
	       e->exception_code == 0 ? str("QueryFinish") : str("ExceptionWhileProcessing")) \
	COLUMN("event_date", DATE, u, (uint64_t)ended_ms(e) / 86400000)                       \
	COLUMN("event_time", DATETIME, u, (uint64_t)ended_ms(e) / 1000)                       \
	COLUMN("query_start_time", DATETIME, u, (uint64_t)e->began_ms / 1000)                 \
	COLUMN("query_start_time_ms", DATETIME64, i, e->began_ms)                             \
	COLUMN("query_duration_ms", UINT64, u, e->elapsed_us / 1000)                          \
	COLUMN("query_duration_us", UINT64, u, e->elapsed_us)                                 \
	COLUMN("read_rows", UINT64, u, e->read_rows)                                          \
	COLUMN("read_bytes", UINT64, u, e->read_bytes)                                        \
	COLUMN("written_rows", UINT64, u, e->written_rows)                                    \
	COLUMN("written_bytes", UINT64, u, e->written_bytes)                                  \
	COLUMN("result_rows", UINT64, u, e->result_rows)                                      \
	COLUMN("result_bytes", UINT64, u, e->result_bytes)                                    \
	COLUMN("memory_usage", UINT64, u, e->memory_bytes)                                    \
	COLUMN("query", STRING, s, e->query)                                                  \
	COLUMN("query_kind", STRING, s, str(e->kind))                                         \
	COLUMN("output_format", STRING, s, e->format)                                         \
	COLUMN("exception_code", INT32, i, e->exception_code)                                 \
	COLUMN("exception", STRING, s, e->exception)                                          \
	COLUMN("user", STRING, s, e->user)                                                    \
	COLUMN("query_id", STRING, s, e->query_id)                                            \
	COLUMN("http_user_agent", STRING, s, e->user_agent)                                   \
	COLUMN("is_cached", BOOL, u, e->cached)

#define COUNT(name, type, member, value) +1
#define COLUMNS_COUNT (0 COLUMNS(COUNT))

static struct store_str
str(const char *text)
{
	return (struct store_str){text, (uint32_t)strlen(text)};
}

static int64_t
ended_ms(const struct query_log_entry *entry)
{
	return entry->began_ms + (int64_t)(entry->elapsed_us / 1000);
}

static void
fill_row(const struct query_log_entry *e, struct store_value **values, uint64_t row)
{
	unsigned column = 0;

#define COLUMN(name, type, member, value) values[column++][row].v.member = value;
	COLUMNS(COLUMN)
#undef COLUMN
}

static struct store_value **
make_values(struct store_arena *arena, uint64_t rows)
{
	struct store_value **values = store_arena_alloc(arena, COLUMNS_COUNT * sizeof *values);

	for (unsigned i = 0; values != NULL && i < COLUMNS_COUNT; i++) {
		values[i] = store_arena_zalloc(arena, (rows + 1) * sizeof **values);
		if (values[i] == NULL)
			return NULL;
	}
	return values;
}

static bool
shows(const struct query_log_view *view, const struct query_log_entry *entry)
{
	return view->user == NULL || (strlen(view->user) == entry->user.size &&
				      memcmp(view->user, entry->user.bytes, entry->user.size) == 0);
}

/* The entries with copies of their texts; NULL: no memory. */
static struct query_log_entry *
copy_entries(const struct query_log_view *view, struct store_arena *arena, uint64_t *count)
{
	struct query_log *log = view->log;
	uint64_t kept = log->added < QUERY_LOG_ENTRIES ? log->added : QUERY_LOG_ENTRIES;
	struct query_log_entry *copies = store_arena_alloc(arena, (kept + 1) * sizeof *copies);

	*count = 0;
	for (uint64_t i = log->added - kept; copies != NULL && i < log->added; i++) {
		const struct query_log_entry *entry = &log->entries[i % QUERY_LOG_ENTRIES];
		char *block;

		if (!shows(view, entry))
			continue;
		copies[*count] = *entry;
		if ((block = store_arena_alloc(arena, texts_bytes(&copies[*count]) + 1)) == NULL)
			return NULL;
		move_texts(&copies[(*count)++], block);
	}
	return copies;
}

int
query_log_fill(void *pointer, struct store_result *result)
{
#define COLUMN(name_, type_, member, value) \
	{.name = {name_, sizeof name_ - 1}, .type = STORE_R_##type_},
	static const struct store_result_column columns[] = {COLUMNS(COLUMN)};
#undef COLUMN
	const struct query_log_view *view = pointer;
	struct query_log_entry *entries;
	struct store_value **values;
	uint64_t count;

	pthread_mutex_lock(&view->log->mutex);
	entries = copy_entries(view, result->arena, &count);
	pthread_mutex_unlock(&view->log->mutex);
	if (entries == NULL || (values = make_values(result->arena, count)) == NULL)
		return STORE_ENOMEM;
	for (uint64_t i = 0; i < count; i++)
		fill_row(&entries[i], values, i);
	result->columns = columns;
	result->columns_count = COLUMNS_COUNT;
	result->values = values;
	result->rows_count = count;
	return 0;
}
