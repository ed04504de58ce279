/*
 * A WAL file's records, checked and decoded ahead of whoever applies them, by a
 * thread of its own: that is a third of recovery's work. For recover.c.
 *
 * Call order: recover_reader_open, recover_reader_next ..., recover_reader_close;
 * the wal_reader is not to be used in between.
 */
#ifndef RECOVER_READ_H
#define RECOVER_READ_H

#include "wal.h"
#include "wal_record.h"

/* All pointers are into the file or the batch's arena. */
struct recover_record {
	/* 0, STORE_ENOMEM, or STORE_ECORRUPT: of the file when `error` is set, else
	 * of the record, which is malformed. */
	int result;
	const struct store_error *error;
	struct wal_record wal;
	const struct store_request *request; /* NULL: it has none */
	struct store_erasure erasure;        /* of WAL_ERASE */
	const struct wal_entry *entries;     /* of WAL_COMMIT */
	uint32_t entries_count;
	uint64_t rows_count; /* of all entries */
};

struct recover_batch {
	const struct recover_record *records;
	uint32_t count; /* 0: the file ends */
};

struct recover_reader;

/* Both are borrowed until it is closed. NULL when malloc fails or no
 * thread is to be had. */
struct recover_reader *
recover_reader_open(struct wal_reader *wal, const struct wal_columns *columns);
/* The next records; those of the last call are gone. */
struct recover_batch recover_reader_next(struct recover_reader *reader);
void recover_reader_close(struct recover_reader *reader);

#endif
