/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Little-endian numbers in byte buffers, and a borrowed run of bytes.  The
 * accessors take bytes and not __le32 *, so that no alignment is assumed of
 * what came from a disk.
 */
#ifndef CMK_BYTES_H
#define CMK_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; {NULL, 0} is empty. */
struct cmk_bytes {
	const void *data;
	size_t len;
};

static inline uint16_t cmk_get_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t cmk_get_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t cmk_get_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void cmk_put_le16(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void cmk_put_le32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void cmk_put_le64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
