/*
 * The write-ahead log: files DIR/wal/<id>.wal of checksummed records. The
 * writer appends a group of records and makes it durable with one sync; the
 * reader gives the records back in order after a crash. Files are never
 * recycled; zeros are written ahead of small groups, so that their syncs need not
 * make the file longer. What a record means is wal_record.h's.
 *
 * A file's head names its predecessor and how many bytes of it are valid, so
 * that what a failed sync may have left there is never replayed.
 */
#ifndef WAL_H
#define WAL_H

#include "io.h"
#include "store.h"
#include "wal_format.h"

struct wal; /* owner: the writer thread, or whoever holds store.writer_mutex */

/* Creates file `id` (durably). `schema` is written into its head. */
int wal_create(struct io *io, const char *directory, uint64_t id, uint64_t previous_id,
	       uint64_t previous_bytes, const struct store_schema *schema, struct wal **out,
	       struct store_error *error);
/* Cuts off what is not durable, zeros at least, and closes the descriptor; syncs
 * nothing. */
void wal_close(struct wal *wal);

uint64_t wal_id(const struct wal *wal);
uint64_t wal_durable_bytes(const struct wal *wal); /* all before is synced */

/* Adds a record to the group in memory. STORE_ENOMEM leaves the group as it
 * was. */
int wal_add(struct wal *wal, enum wal_type type, uint64_t commit, const void *payload, size_t size);
/* The same without a copy: the payload is what is put into the buffer between
 * the two, at least a byte. STORE_ENOMEM, or STORE_EINVAL when it has over
 * WAL_PAYLOAD_BYTES_MAX: the group is as it was before wal_begin. */
struct wal_buffer;
struct wal_buffer *wal_begin(struct wal *wal);
int wal_end(struct wal *wal, enum wal_type type, uint64_t commit);
/* Writes the group and syncs; of a large group, most is on its way by then. On
 * error the file must not be used again (an fsync error may have dropped its
 * pages); the group stays in memory for wal_move_group. */
int wal_commit(struct wal *wal, struct store_error *error);
size_t wal_group_bytes(const struct wal *wal);
/* The same in steps, so that the next groups come to be during the sync:
 * wal_write writes the group and forgets it; wal_sync, on any thread, beside
 * wal_begin to wal_end and wal_write of the next; after its success wal_synced,
 * with how many bytes the groups had that were written before. On error the
 * file must not be used again: wal_drop_group, wal_close. */
int wal_write(struct wal *wal, struct store_error *error);
int wal_sync(const struct wal *wal, struct store_error *error);
void wal_synced(struct wal *wal, size_t bytes);
/* Drops the group, and those that were written and are not synced. False when
 * the file must not be used again: it failed, or some of them is in it, and
 * bytes of dropped records could follow later ones. */
bool wal_drop_group(struct wal *wal);
/* Hands the group of a failed file to a new one. */
int wal_move_group(struct wal *from, struct wal *to);

/* DIR/wal/<id>.wal */
int wal_path(const char *directory, uint64_t id, char *out, size_t out_size);
/* Deletes a file durably. */
int wal_delete(struct io *io, const char *directory, uint64_t id);

/* Ids of the files from `floor` on, ascending; *ids is malloc'ed. */
int wal_list(struct io *io, const char *directory, uint64_t floor, uint64_t **ids, uint32_t *count,
	     struct store_error *error);

/* ---- reading --------------------------------------------------------- */

struct wal_reader;

struct wal_record {
	enum wal_type type;
	uint64_t commit;
	const unsigned char *payload; /* borrowed from the reader */
	size_t size;
};

/* STORE_EUNKNOWN: the head is not whole and no record follows, as when creating
 * the file was cut short. STORE_ECORRUPT: not whole, though records follow. */
int wal_reader_open(struct io *io, const char *path, uint64_t id, struct wal_reader **out,
		    struct store_error *error);
void wal_reader_close(struct wal_reader *reader);
uint64_t wal_reader_previous(const struct wal_reader *reader, uint64_t *valid_bytes);
/* The schema as it was written, for wal_record.h. */
const unsigned char *wal_reader_schema(const struct wal_reader *reader, size_t *size);
/* No record beyond `bytes` is given (UINT64_MAX: the whole file). */
void wal_reader_limit(struct wal_reader *reader, uint64_t bytes);

/* 1: a record; 0: the end; STORE_ECORRUPT: bytes at *error->offset are no
 * record though valid ones follow (the next call goes on after the gap). A
 * bad tail, with nothing valid behind it, is the end. */
int
wal_reader_next(struct wal_reader *reader, struct wal_record *record, struct store_error *error);
/* Bytes up to the end of the last valid record. */
uint64_t wal_reader_valid_bytes(const struct wal_reader *reader);
/* Some of it could not be read, as opposed to wrong bytes read. */
bool wal_reader_is_lost(const struct wal_reader *reader);
/* Within the limit more than zeros comes after that. */
bool wal_reader_has_bad_tail(const struct wal_reader *reader);

#endif
