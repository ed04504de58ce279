/*
 * The store: append rows, ask SQL. This is the only header of store/ that
 * other parts include.
 *
 * The store knows columns, not what they mean: the caller hands it a schema,
 * in which roles mark the columns that the store itself must understand.
 * Call order: store_open, then any number of store_append (one thread, the
 * writer) and store_query (any threads), then store_close.
 *
 * Fallible functions return 0 or a negative STORE_E... and fill a
 * struct store_error when they are given one.
 */
#ifndef STORE_H
#define STORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- errors ---------------------------------------------------------- */

enum {
	STORE_EIO = -1,       /* the operating system refused; text has errno */
	STORE_ECORRUPT = -2,  /* bytes on disk are not what was written */
	STORE_ENOMEM = -3,    /* malloc failed, a bound on memory or open files is reached */
	STORE_EFULL = -4,     /* no space on disk: try again later */
	STORE_EBUSY = -5,     /* locked by another process, or over a rate */
	STORE_EVERSION = -6,  /* written by a newer version */
	STORE_EINVAL = -7,    /* the caller's argument is wrong */
	STORE_ESYNTAX = -8,   /* query: does not parse; position is set */
	STORE_EUNKNOWN = -9,  /* query: unknown table, column or function */
	STORE_ETYPE = -10,    /* query: types do not fit */
	STORE_ENOTIMPL = -11, /* query: valid grammar, not implemented */
	STORE_ELIMIT = -12,   /* query: a limit on memory, rows or groups */
	STORE_ETIMEOUT = -13, /* query: ran longer than allowed */
	STORE_ECANCEL = -14,  /* query: the caller cancelled it */
};

struct store_error {
	int code;         /* STORE_E..., 0 when unset */
	int clickhouse;   /* for queries: ClickHouse's error number (62, 47...) */
	const char *name; /* for queries: its name (SYNTAX_ERROR...), static */
	bool by_settings; /* for queries: the limit met is the query's own; text names it */
	uint64_t offset;  /* byte offset in file or query text */
	char file[256];   /* path, or "" */
	char text[512];   /* one line: what is wrong and what to do */
};

/* Fills `error` (NULL is allowed) and returns `code`. */
int store_error_set(struct store_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- memory ---------------------------------------------------------- */

/* A region allocator: everything is freed at once. Not thread-safe. */
struct store_arena;

/* bytes_max 0 means unbounded. NULL when malloc fails. */
struct store_arena *store_arena_create(size_t bytes_max);
void store_arena_free(struct store_arena *arena);
/* Aligned to 16, from 1,024 bytes on to 64; uninitialised; NULL when memory or
 * the bound is exhausted. */
void *store_arena_alloc(struct store_arena *arena, size_t size);
void *store_arena_zalloc(struct store_arena *arena, size_t size);
/* Nobody uses that piece of alloc()'s any more. What has a chunk of its own, as all
 * of over 16 MiB have, is freed; any other stays as long as the arena. */
void store_arena_release(struct store_arena *arena, void *bytes, size_t size);
/* Bytes handed out and not released. */
size_t store_arena_bytes(const struct store_arena *arena);
/* From now on no more than that. */
void store_arena_lower(struct store_arena *arena, size_t bytes_max);
/* Takes everything back and keeps up to 16 MiB for reuse. */
void store_arena_reset(struct store_arena *arena);
/* Frees what all arenas left to those to come: up to 96 MiB. */
void store_arena_trim(void);

/* ---- mapped files ---------------------------------------------------- */

/* A file may be cut short while it is mapped, which ends whoever reads on by SIGBUS.
 * Of a mapping that is watched the page becomes zeros instead. False: out of memory.
 * To be forgotten before it is unmapped. Any thread; needs no store. */
bool store_mapping_watch(const void *address, size_t size);
void store_mapping_forget(const void *address);

/* ---- schema ---------------------------------------------------------- */

enum store_type {
	STORE_TIME,   /* DateTime64(3): int64 milliseconds since 1970, UTC */
	STORE_UINT,   /* UInt8/16/32/64 by `bits` */
	STORE_FLOAT,  /* Float64; with `scale` > 0 kept as llround(x * scale) */
	STORE_STRING, /* String, or LowCardinality(String) with STORE_DIMENSION */
	STORE_MAP,    /* Map(String, String), kept as one hidden column per key */
};

enum {
	STORE_NULLABLE = 1 << 0,    /* absent reads as NULL; else 0, '' or {} */
	STORE_DIMENSION = 1 << 1,   /* STRING shown as LowCardinality(String) */
	STORE_ROLE_TIME = 1 << 2,   /* event time: partition and second sort key */
	STORE_ROLE_SORT = 1 << 3,   /* first sort key (site); half of the row key */
	STORE_ROLE_KEY = 1 << 4,    /* the row key's other half (view id) */
	STORE_ROLE_WEIGHT = 1 << 5, /* how many events the row stands for; UINT, 8 to 32 bits */
	STORE_ROLE_ERASE = 1 << 6,  /* erasure selects by it (session id) */
	STORE_ROLE_SUM = 1 << 7,    /* versions of a row add up (error_count) */
};

struct store_column {
	const char *name; /* static */
	enum store_type type;
	uint8_t bits;        /* UINT: 8, 16, 32 or 64; else 0 */
	uint32_t scale;      /* FLOAT: 10 keeps 0.1; 0 keeps the double */
	uint32_t flags;      /* STORE_NULLABLE | ... */
	const char *unit;    /* "ms", "" ...; static */
	const char *comment; /* static */
};

struct store_table {
	const char *name;
	const struct store_column *columns;
	uint32_t columns_count;
	bool keyed; /* at most one live row per (SORT, KEY): pageviews */
};

struct store_schema {
	const struct store_table *tables;
	uint32_t tables_count;
};

/* ---- appending ------------------------------------------------------- */

struct store_str {
	const char *bytes; /* not NUL-terminated; may be NULL when size is 0 */
	uint32_t size;
};

struct store_pair {
	struct store_str key, value; /* valid UTF-8 */
};

/*
 * One value that is present. Absent columns are simply not listed. A beacon has
 * dozens that one thread writes and another reads, so it holds no more than a
 * text takes: what maps have beside that lies elsewhere. A cell owns nothing;
 * its pair, and the bytes of its texts, live as long as the row that lists it,
 * and cells may share them.
 */
struct store_cell {
	uint16_t column; /* index in the table */
	union {
		int64_t i;                     /* TIME */
		uint64_t u;                    /* UINT */
		double f;                      /* FLOAT, finite */
		struct store_str s;            /* STRING: valid UTF-8 */
		const struct store_pair *pair; /* MAP; borrowed */
	} value;
};

struct store_row {
	uint16_t table;
	uint16_t cells_count;
	const struct store_cell *cells; /* ascending by column, no repeats
					   except MAP columns with distinct keys */
};

enum store_outcome {
	STORE_STORED,   /* appended, or replaced the older version */
	STORE_REPEATED, /* this seq was seen: nothing stored */
	STORE_LATE,     /* the view's row is already in a segment: nothing stored */
};

/*
 * One beacon. When `keyed`, rows[0] may be the row of a keyed table, and
 * (sort, key) with `version` decide: highest version wins, a repeated version
 * stores nothing, an older unseen one adds only the rows of other tables and
 * the SUM column, of which a keyed table has at most one. Rows of unkeyed
 * tables are always appended otherwise.
 */
struct store_entry {
	bool keyed;
	bool again; /* its row may be in a segment, even if version is 0 */
	/* The same, but it is unlikely: looked for as long as that takes little
	 * time, else stored. */
	bool perhaps_again;
	uint8_t version; /* seq */
	/* The versions are parts: what the row lacks stays as it was, as does its
	 * TIME; a version may come again. */
	bool merge;
	struct store_str sort; /* site */
	uint64_t key;          /* view id */
	int64_t began_ms;      /* the keyed row's time: where a segment has it */
	int64_t received_ms;   /* wall clock of receipt; opens the hold time */
	const struct store_row *rows;
	uint32_t rows_count;
	/* Sampling. The keyed row is not to be kept: what memory has of the view
	 * goes (an update may do that), but the view stays open. */
	bool dropped;
	/* What `row`'s WEIGHT is, 0: dropped. Asked on the writer's thread when
	 * earlier versions have added to the SUM column, so that what was decided
	 * on the row alone may not hold. NULL: it holds. */
	uint32_t (*judge)(void *context, const struct store_entry *entry,
			  const struct store_row *row);
	void *judge_context;
	enum store_outcome outcome; /* out */
};

/* A request that must take effect once: import's Idempotency-Key. */
struct store_request {
	uint8_t key[16];  /* hash of the Idempotency-Key */
	uint8_t body[16]; /* hash of the body */
	int64_t received_ms;
	uint32_t note; /* the caller's number, given back on a repeat */
	/* out */
	bool repeated; /* the same request was committed before */
	bool conflict; /* the same key with another body: nothing stored */
	uint32_t stored_count, repeated_count, late_count; /* of its entries */
};

/* All or nothing, in one WAL record. */
struct store_commit {
	struct store_entry *entries; /* borrowed during the call, or from begin to end */
	uint32_t entries_count;
	struct store_request *request; /* or NULL */
	int result; /* out: 0, STORE_EBUSY (try later), STORE_EFULL, STORE_EINVAL */
};

/* ---- the store ------------------------------------------------------- */

struct io; /* NULL: the operating system */

struct store_options {
	const char *directory;             /* made when absent, mode 0700 */
	const struct store_schema *schema; /* borrowed until store_close */
	struct io *io;
	size_t memtable_bytes_max; /* 0: 256 MiB */
	int64_t hold_ms;           /* a view is open so long after its last
				      beacon; 0: 15 minutes */
	int64_t seal_age_ms;       /* a generation is sealed at this age; 0: 5 min */
	/* [tables_count], borrowed: days after which a partition goes, by the
	 * rows' TIME; 0: never. NULL: all are kept. */
	const uint32_t *retention_days;
	bool no_maintenance; /* merging and retention only when asked for */
	bool read_only;      /* query a stopped store: nothing on disk changes */
	/* One line a call, for the log; may be called from any store thread. */
	void (*log)(void *context, const char *line);
	void *log_context;
};

struct store;

/* Opens or creates, takes the lock, recovers from the WAL. On success *out is
 * owned by the caller. STORE_EBUSY names the process that holds the lock,
 * STORE_EINVAL a column whose role it cannot have. */
int store_open(const struct store_options *options, struct store **out, struct store_error *error);

/* Seals and flushes everything to segments, then frees. Also frees on error. */
int store_close(struct store *store, struct store_error *error);

/*
 * Appends a group of commits and returns once one fdatasync covers all of
 * them. Only the writer thread calls this. 0 when each commit's `result` is
 * set; a negative code when the whole group failed (nothing is stored and
 * nothing of it will ever be visible).
 */
int store_append(struct store *store, struct store_commit *commits, size_t commits_count,
		 struct store_error *error);

/*
 * The same in two steps, so that syncs go on while the next groups are applied:
 * begin, begin, end, begin, end, ... store_append_begin returns when the group
 * is applied, not yet durable nor visible to queries; or with a negative code
 * as from store_append, and then there is nothing to end. store_append_end
 * waits for the oldest that was begun and gives what store_append would have:
 * only then may it be acknowledged. One sync may serve several. A group that only
 * repeats what others have waits for these when it begins. At most
 * STORE_APPENDS_MAX are begun and not ended, none at store_close; until they
 * are ended, their commits, with all they point to, are borrowed, and what these
 * say of results and outcomes may change: when a sync fails, its group and
 * those after it are taken back and appended anew, in order. Only the writer
 * thread calls these.
 */
#define STORE_APPENDS_MAX 4
int store_append_begin(struct store *store, struct store_commit *commits, size_t commits_count,
		       struct store_error *error);
int store_append_end(struct store *store, struct store_error *error);

/* Makes the flush thread write all sealed and unsealed rows to segments and
 * waits for it. Any thread. */
int store_flush(struct store *store, struct store_error *error);

/* Merges every partition as far as it will ever be and waits for it. Any
 * thread; intake goes on. In service this happens by itself. */
int store_merge(struct store *store, struct store_error *error);

/* What an erasure selects: rows whose SORT column equals `sort`, or, without
 * one (bytes NULL), whose ERASE column equals `number`. */
struct store_erasure {
	struct store_str sort; /* borrowed during the call */
	uint64_t number;
};

/*
 * Erases from every table, from then on and for good: logged first, then taken
 * out of memory and segments, then the WAL files that have the rows are
 * removed. Interrupted at any point, the next opening finishes it. Any thread;
 * intake and queries go on. *rows_count: how many rows segments and memory had.
 * STORE_ECORRUPT: done, but for segments that cannot be read. STORE_EVERSION:
 * a segment with such rows has columns that the schema lacks; nothing is done.
 */
int store_erase(struct store *store, const struct store_erasure *erasure, uint64_t *rows_count,
		struct store_error *error);

/* Drops the partitions that are beyond retention_days at now_ms (wall clock).
 * In service this happens by itself. */
int store_retain(struct store *store, int64_t now_ms, struct store_error *error);

/*
 * Copies the store as it is now to the directory `to`, which must not be there:
 * segments as hard links where that goes, the WAL up to what is acknowledged.
 * store_open serves it. Any thread; intake and queries go on, flushes wait.
 */
struct store_backup_counts {
	uint64_t segments, segment_bytes, segment_rows, wal_bytes;
};
/* `counts` may be NULL. On error what is at `to` has no MANIFEST: no store. */
int store_backup(struct store *store, const char *to, struct store_backup_counts *counts,
		 struct store_error *error);

/* ---- checking -------------------------------------------------------- */

/*
 * Looks at every file of a store that nobody serves: checksums of manifest,
 * footers and WAL records and whether they fit together; with `deep` every byte
 * of the segments too. Only directory, schema and io of the options count.
 * `report` gets a line for each finding and one for the whole. *problems: how
 * many findings are damage. STORE_EBUSY when it is being served.
 */
int store_check(const struct store_options *options, bool deep,
		void (*report)(void *context, const char *line), void *context, uint64_t *problems,
		struct store_error *error);

/* The structure of one file (MANIFEST, *.seg or *.wal), a line at a time. */
int store_dump(const struct store_schema *schema, const char *path,
	       void (*report)(void *context, const char *line), void *context,
	       struct store_error *error);

/* ---- conditions on one row ------------------------------------------- */

/* The number that decides whether a view is sampled: even over all 64 bits,
 * the same for a key as long as the store lives, and not to be guessed from
 * outside. Any thread. */
uint64_t store_draw(const struct store *store, uint64_t key);

struct store_predicate;

/*
 * `text` is an expression of the query language over the columns of the table,
 * or of any table when it is NULL. No aggregates, subqueries, now() or whole
 * maps. *out is the caller's; the schema is borrowed until it is freed. On
 * error error->offset is the place in `text`.
 */
int
store_predicate_create(const struct store_schema *schema, const char *table, struct store_str text,
		       struct store_predicate **out, struct store_error *error);
void store_predicate_free(struct store_predicate *predicate);
/* 1: the row meets it; 0: it does not, or the answer is NULL (what the row's
 * table lacks is) or an error; STORE_ENOMEM. Scratch comes from the arena. Any
 * thread. */
int store_predicate_matches(const struct store_predicate *predicate, const struct store_row *row,
			    struct store_arena *arena);

/* ---- counters -------------------------------------------------------- */

struct store_stats {
	uint64_t commits, rows_appended, rows_replaced, repeated, late;
	uint64_t wal_bytes_written, wal_syncs, wal_sync_ns, wal_sync_failures;
	uint64_t flushes, flush_bytes_written, flush_failures;
	uint64_t merges, merge_bytes_written, merge_failures;
	uint64_t partitions_expired, rows_expired, erasures, rows_erased;
	uint64_t memtable_bytes, memtable_rows, views_open, segments, segment_rows, segment_bytes;
	uint64_t recovered_commits, corrupt_files;
	uint64_t memtable_age_ms; /* of the oldest rows that are in no segment */
};
void store_stats(struct store *store, struct store_stats *out);

/* ---- queries --------------------------------------------------------- */

enum store_result_type {
	STORE_R_UINT8,
	STORE_R_UINT16,
	STORE_R_UINT32,
	STORE_R_UINT64,
	STORE_R_INT8,
	STORE_R_INT16,
	STORE_R_INT32,
	STORE_R_INT64,
	STORE_R_FLOAT64,
	STORE_R_BOOL,
	STORE_R_STRING,
	STORE_R_DATE,
	STORE_R_DATETIME,
	STORE_R_DATETIME64,
	STORE_R_MAP,   /* Map(String, String) */
	STORE_R_ARRAY, /* Array(Float64) and the like: see `element` */
};

struct store_value {
	bool null;
	union {
		int64_t i;  /* signed integers, DATETIME64 in ms */
		uint64_t u; /* unsigned, BOOL, DATE in days, DATETIME in seconds */
		double f;   /* FLOAT64 */
		struct store_str s;
		struct {
			const struct store_value *items;
			uint32_t count;
		} list;
		/* ARRAY: count items; MAP: 2 * count items, key then value */
	} v;
};

struct store_result_column {
	struct store_str name; /* alias, or ClickHouse's canonical text */
	enum store_result_type type;
	enum store_result_type element; /* ARRAY: its elements' type */
	bool nullable;
	bool dictionary; /* LowCardinality(...) */
};

struct store_parameter {              /* {name:Type} */
	struct store_str name, value; /* value after TSV unescaping */
};

/* Column-major: values[column][row]. Everything lives in the result. */
struct store_result {
	uint32_t columns_count;
	uint64_t rows_count;
	const struct store_result_column *columns;
	struct store_value *const *values;
	struct store_value *totals; /* WITH TOTALS: columns_count values, or NULL */
	bool limited;               /* LIMIT cut rows off */
	uint64_t rows_before_limit;
	struct store_str format;                /* the FORMAT clause, "" when there is none */
	const struct store_parameter *settings; /* the SETTINGS clause */
	uint32_t settings_count;
	uint64_t rows_read, bytes_read, elapsed_ns, memory_peak_bytes;
	bool weighted;             /* an interval above 1 was read */
	struct store_arena *arena; /* owned: everything above lives there */
};

/* A table of the system database that the caller has: system.query_log. */
struct store_system_table {
	const char *name;
	/* Sets result's columns, columns_count, values and rows_count, all in
	 * result->arena, to which strings must live as long. 0, or negative when
	 * memory runs out. From the thread of store_query. */
	int (*fill)(void *context, struct store_result *result);
	void *context;
};

struct store_query {
	struct store_str text;
	const struct store_parameter *parameters;
	uint32_t parameters_count;
	const struct store_system_table *tables; /* besides the store's own */
	uint32_t tables_count;
	int64_t now_ms;           /* what now() is */
	uint64_t timeout_ns;      /* 0: 30 s */
	size_t memory_bytes_max;  /* 0: 256 MiB */
	uint64_t result_rows_max; /* 0: 1,000,000 */
	uint64_t groups_max;      /* 0: 1,000,000 */
	uint32_t threads;         /* 0: 1 */
	uint64_t thread_rows_min; /* fewer are not worth one more thread; 0: 131,072 */
	/* So many groups make quantiles and the like of a query with a LIMIT wait until the
	 * groups that are left are known (for tests); 0: as the store thinks best. */
	uint64_t again_groups_min;
	const volatile int *cancel; /* non-zero stops the query; or NULL */
	/* Or NULL. Called before rows are read (again, when a segment turns out
	 * to be damaged), when the answer
	 * depends on nothing but text, parameters and rows; `digest` is the same
	 * at another time only if the rows are. True: the caller has the answer,
	 * and store_query gives 0 and *out NULL. From store_query's thread. */
	bool (*known)(void *context, const uint64_t digest[2]);
	void *known_context;
};

/* Any thread. On success *out is owned by the caller (store_result_free). */
int store_query(struct store *store, const struct store_query *query, struct store_result **out,
		struct store_error *error);
void store_result_free(struct store_result *result);

#define STORE_DOUBLE_BYTES_MAX 32u
/* Shortest decimal that reads back as the same double, laid out as ClickHouse
 * does (0.000001, 1e-7, 1e21, nan, -inf), with a NUL. Returns its size; `out`
 * holds STORE_DOUBLE_BYTES_MAX bytes. */
size_t store_print_double(double value, char *out);

#endif
