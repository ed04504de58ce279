/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): checksums of WAL records. */
#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 to begin with) over bytes[size]. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
