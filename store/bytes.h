/*
 * Little-endian fields of the on-disk formats, read and written one by one.
 * The caller checks that the bytes are there.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

static inline void
bytes_put16(unsigned char *at, uint16_t value)
{
	at[0] = (unsigned char)value;
	at[1] = (unsigned char)(value >> 8);
}

static inline void
bytes_put32(unsigned char *at, uint32_t value)
{
	bytes_put16(at, (uint16_t)value);
	bytes_put16(at + 2, (uint16_t)(value >> 16));
}

static inline void
bytes_put64(unsigned char *at, uint64_t value)
{
	bytes_put32(at, (uint32_t)value);
	bytes_put32(at + 4, (uint32_t)(value >> 32));
}

static inline uint16_t
bytes_get16(const unsigned char *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t
bytes_get32(const unsigned char *at)
{
	return bytes_get16(at) | (uint32_t)bytes_get16(at + 2) << 16;
}

static inline uint64_t
bytes_get64(const unsigned char *at)
{
	return bytes_get32(at) | (uint64_t)bytes_get32(at + 4) << 32;
}

#endif
