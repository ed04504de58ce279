/*
 * What a record of a GeoIP file says, remembered by its offset with its texts: a
 * look-up is two neighbouring lines of memory, and takes no lock. Inside of
 * geoip.c. Any thread.
 */
#ifndef GEOIP_RECORD_H
#define GEOIP_RECORD_H

#include "geoip.h"

#define GEOIP_RECORD_TEXTS 5u
#define GEOIP_RECORD_TEXT_BYTES 107u /* of all texts together */

struct geoip_record {
	uint32_t after; /* its offset in the file, and one */
	uint32_t asn;
	uint8_t sizes[GEOIP_RECORD_TEXTS];
	char text[GEOIP_RECORD_TEXT_BYTES]; /* one behind the other */
};

struct geoip_records; /* of a file: 16,384 at most */

/* NULL: out of memory. */
struct geoip_records *geoip_records_create(void);
void geoip_records_free(struct geoip_records *records);

/* Has the processor fetch it, for who recalls it soon. */
void geoip_record_fetch(const struct geoip_records *records, uint32_t offset);
/* False: it is not known. */
bool geoip_record_recall(struct geoip_records *records, uint32_t offset, struct geoip_record *out);
/* The place, and the record takes the slot of another. False: its texts are too long. */
bool geoip_record_keep(struct geoip_records *records, uint32_t offset,
		       const struct geoip_place *place, struct geoip_record *out);
/* The texts are the record's. */
void geoip_record_place(const struct geoip_record *record, struct geoip_place *out);

#endif
