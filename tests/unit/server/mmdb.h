/*
 * Writes MaxMind DB files byte by byte, after MaxMind's "MaxMind DB File Format
 * Specification" 2.0: a search tree of 24-bit records, 16 zero bytes, the data
 * section, the marker, the metadata.
 */
#ifndef MMDB_H
#define MMDB_H

#include "beacon.h"

#define MMDB_NODES_MAX 1024u
#define MMDB_EMPTY UINT32_MAX
#define MMDB_IS_DATA 0x80000000u

struct mmdb {
	uint32_t nodes[MMDB_NODES_MAX][2]; /* MMDB_EMPTY, a node, or MMDB_IS_DATA | offset */
	uint32_t nodes_count;
	unsigned char data[8192];
	uint32_t data_size;
	int ip_version;
};

static inline void
mmdb_init(struct mmdb *mmdb, int ip_version)
{
	mmdb->nodes[0][0] = mmdb->nodes[0][1] = MMDB_EMPTY;
	mmdb->nodes_count = 1;
	mmdb->data_size = 0;
	mmdb->ip_version = ip_version;
}

/* All addresses with the first `bits` of address get the data at `offset`. */
static inline void
mmdb_add(struct mmdb *mmdb, const unsigned char *address, uint32_t bits, uint32_t offset)
{
	uint32_t node = 0;

	for (uint32_t i = 0; i < bits; i++) {
		uint32_t *record = &mmdb->nodes[node][address[i / 8] >> (7 - i % 8) & 1];

		if (i + 1 == bits) {
			*record = MMDB_IS_DATA | offset;
			return;
		}
		if (*record == MMDB_EMPTY) {
			assert_true(mmdb->nodes_count < MMDB_NODES_MAX);
			*record = mmdb->nodes_count++;
			mmdb->nodes[*record][0] = mmdb->nodes[*record][1] = MMDB_EMPTY;
		}
		assert_false(*record & MMDB_IS_DATA);
		node = *record;
	}
}

/* ---- values ---------------------------------------------------------- */

enum {
	MMDB_STRING = 2,
	MMDB_UINT16 = 5,
	MMDB_UINT32 = 6,
	MMDB_MAP = 7,
	MMDB_UINT64 = 9,
	MMDB_ARRAY = 11
};

static inline void
mmdb_byte(struct mmdb *mmdb, unsigned byte)
{
	assert_true(mmdb->data_size < sizeof mmdb->data);
	mmdb->data[mmdb->data_size++] = (unsigned char)byte;
}

/* Types above 7 have a byte of their own; sizes from 29 on too. */
static inline void
mmdb_control(struct mmdb *mmdb, unsigned type, unsigned size)
{
	unsigned small = size < 29 ? size : 29;

	assert_true(size < 29 + 256);
	mmdb_byte(mmdb, type <= 7 ? type << 5 | small : small);
	if (type > 7)
		mmdb_byte(mmdb, type - 7);
	if (size >= 29)
		mmdb_byte(mmdb, size - 29);
}

static inline void
mmdb_string(struct mmdb *mmdb, const char *text)
{
	mmdb_control(mmdb, MMDB_STRING, (unsigned)strlen(text));
	for (; *text != '\0'; text++)
		mmdb_byte(mmdb, (unsigned char)*text);
}

static inline void
mmdb_uint(struct mmdb *mmdb, unsigned type, uint32_t value)
{
	mmdb_control(mmdb, type, type == MMDB_UINT16 ? 2 : 4);
	for (int shift = type == MMDB_UINT16 ? 8 : 24; shift >= 0; shift -= 8)
		mmdb_byte(mmdb, value >> shift & 255);
}

/* A map of strings: pairs of name and value, then NULL. */
static inline void
mmdb_strings(struct mmdb *mmdb, const char *const *pairs)
{
	unsigned count = 0;

	while (pairs[count] != NULL)
		count++;
	mmdb_control(mmdb, MMDB_MAP, count / 2);
	for (unsigned i = 0; i < count; i++)
		mmdb_string(mmdb, pairs[i]);
}

/* ---- the file -------------------------------------------------------- */

static inline void
mmdb_metadata(struct mmdb *mmdb)
{
	static const char marker[] = "\xab\xcd\xefMaxMind.com";

	for (const char *c = marker; *c != '\0'; c++)
		mmdb_byte(mmdb, (unsigned char)*c);
	mmdb_control(mmdb, MMDB_MAP, 9);
	mmdb_string(mmdb, "node_count");
	mmdb_uint(mmdb, MMDB_UINT32, mmdb->nodes_count);
	mmdb_string(mmdb, "record_size");
	mmdb_uint(mmdb, MMDB_UINT16, 24);
	mmdb_string(mmdb, "ip_version");
	mmdb_uint(mmdb, MMDB_UINT16, (uint32_t)mmdb->ip_version);
	mmdb_string(mmdb, "database_type");
	mmdb_string(mmdb, "Test");
	mmdb_string(mmdb, "languages");
	mmdb_control(mmdb, MMDB_ARRAY, 1);
	mmdb_string(mmdb, "en");
	mmdb_string(mmdb, "binary_format_major_version");
	mmdb_uint(mmdb, MMDB_UINT16, 2);
	mmdb_string(mmdb, "binary_format_minor_version");
	mmdb_uint(mmdb, MMDB_UINT16, 0);
	mmdb_string(mmdb, "build_epoch");
	mmdb_control(mmdb, MMDB_UINT64, 4);
	for (int i = 0; i < 4; i++)
		mmdb_byte(mmdb, 0x60);
	mmdb_string(mmdb, "description");
	mmdb_strings(mmdb, (const char *const[]){"en", "made by a test", NULL});
}

/* Call once, last. Returns the file's size. */
static inline uint32_t
mmdb_write(struct mmdb *mmdb, unsigned char *out, uint32_t out_size)
{
	uint32_t size = 0;

	assert_true(mmdb->nodes_count * 6 + 16 + sizeof mmdb->data <= out_size);
	for (uint32_t n = 0; n < mmdb->nodes_count; n++) {
		for (int side = 0; side < 2; side++) {
			uint32_t record = mmdb->nodes[n][side];

			if (record == MMDB_EMPTY)
				record = mmdb->nodes_count;
			else if (record & MMDB_IS_DATA)
				record = mmdb->nodes_count + 16 + (record & ~MMDB_IS_DATA);
			out[size++] = (unsigned char)(record >> 16);
			out[size++] = (unsigned char)(record >> 8);
			out[size++] = (unsigned char)record;
		}
	}
	memset(out + size, 0, 16);
	size += 16;
	mmdb_metadata(mmdb);
	memcpy(out + size, mmdb->data, mmdb->data_size);
	return size + mmdb->data_size;
}

#endif
