/*
 * The rows that the benchmarks share with the peers: page views of 28 days in
 * order of arrival, 28 columns, as fixed records. The same seed gives the same
 * bytes.
 */
#ifndef ROWS_H
#define ROWS_H

#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

#define ROWS_METRICS 12
#define ROWS_NULL UINT32_MAX

struct rows_record {
	int64_t ts;
	uint64_t session, view;
	uint32_t metrics[ROWS_METRICS]; /* of 0.1 ms (cls: of 0.0001); ROWS_NULL */
	uint16_t path, region, asn, weight;
	uint8_t site, country, device, browser, version, os, connection, release, nav, unused[7];
};

_Static_assert(sizeof(struct rows_record) == 96, "records are fixed");

/* Names of dimension values; `out` has room for 64 bytes. */
void rows_path(uint32_t path, char *out);
extern const char *const rows_sites[10], *const rows_devices[3], *const rows_browsers[8],
								     *const rows_systems[6],
									 *const rows_connections[5],
									     *const rows_navs[5];
void rows_country(uint32_t country, char *out);
void rows_region(uint32_t region, char *out);

extern const char *const rows_metrics[ROWS_METRICS];

/* Writes `count` records; 0, or -1. */
int rows_generate(uint64_t count, uint64_t seed, FILE *out);
/* A line of CSV with the columns in the schema's order. */
void rows_csv(const struct rows_record *record, FILE *out);

#endif
