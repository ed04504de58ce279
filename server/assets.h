/*
 * Files built into the program: the beacon script and the pages.
 * beacon/build.mjs writes the table.
 */
#ifndef ASSETS_H
#define ASSETS_H

#include <stddef.h>

struct asset {
	const char *path, *content_type, *cache_control, *etag; /* etag in its quotes */
	const unsigned char *identity;
	size_t identity_size;
	const unsigned char *gzip; /* NULL: not made */
	size_t gzip_size;
	const unsigned char *brotli; /* NULL: not made */
	size_t brotli_size;
};

extern const struct asset assets[];
extern const size_t assets_count;

#endif
