/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the header*.c files share.  The model of a header is one copy of it as
 * it lies on disk: what a later version keeps in reserved bytes survives a
 * write by this one.
 */
#ifndef CMK_HEADER_INTERNAL_H
#define CMK_HEADER_INTERNAL_H

#include <endian.h>

#include "bytes.h"
#include "header.h"

#define CMK_COPY_A	1U
#define CMK_COPY_B	2U
#define CMK_BOTH_COPIES	(CMK_COPY_A | CMK_COPY_B)

#define CMK_IO_ALIGN	4096	/* of buffers, lengths and offsets */
#define CMK_TIME_MAX	253402300799LL	/* the end of year 9999 */

/**
 * struct cmk_header - a header in memory; holds no key
 * @image: one copy, aligned to CMK_IO_ALIGN, zero after @size
 * @size: bytes that digest and MAC cover
 * @io_size: bytes of @image, a multiple of CMK_IO_ALIGN
 * @valid: copies whose digest was right when they were read
 * @foreign: copies that did not begin with the magic
 * @newest: copies on disk that hold the state which was read or written last
 * @changed: @image differs from that state
 */
struct cmk_header {
	unsigned char *image;
	size_t size;
	size_t io_size;
	unsigned int valid;
	unsigned int foreign;
	unsigned int newest;
	bool changed;
};

static inline struct cmk_disk_super *
cmk_header_super(const struct cmk_header *h)
{
	return (struct cmk_disk_super *)h->image;
}

static inline uint32_t cmk_header_ranges(const struct cmk_header *h)
{
	return le32toh(cmk_header_super(h)->ranges);
}

/* Of range @n, which must be below the capacity; the capacity: the spare. */
static inline struct cmk_disk_slot *
cmk_header_disk_slot(const struct cmk_header *h, uint32_t n)
{
	return (struct cmk_disk_slot *)(h->image + CMK_SUPER_SIZE) + n;
}

static inline struct cmk_disk_slot *
cmk_header_spare(const struct cmk_header *h)
{
	return cmk_header_disk_slot(h, le32toh(cmk_header_super(h)->capacity));
}

/* Of the slot in place @n, the capacity for the spare. */
static inline unsigned char *cmk_header_blob(const struct cmk_header *h,
					     uint32_t n)
{
	return h->image + CMK_DIRECT_OFFSET + (size_t)n * CMK_FORMAT_BLOB_LEN;
}

static inline bool cmk_header_small(uint32_t capacity)
{
	return capacity <= CMK_SMALL_SLOTS;
}

static inline uint64_t cmk_header_copy_b(uint32_t capacity)
{
	return cmk_header_small(capacity) ? CMK_SMALL_COPY_B :
					    CMK_LARGE_COPY_B;
}

static inline uint64_t cmk_header_total(uint32_t capacity)
{
	return cmk_header_small(capacity) ? CMK_SMALL_HEADER :
					    CMK_LARGE_HEADER;
}

static inline uint64_t cmk_header_record(uint32_t capacity)
{
	return cmk_header_small(capacity) ? CMK_SMALL_RECORD :
					    CMK_LARGE_RECORD;
}

/* header.c: an image with room for @capacity slots and the spare, all zero. */
struct cmk_header *cmk_header_alloc(uint32_t capacity);

/* header-parse.c */

/* What the bytes of one copy are, from worst to best. */
enum cmk_copy_state {
	CMK_COPY_FOREIGN,	/* no magic, or not readable at all */
	CMK_COPY_VERSION,	/* made by a later version of the format */
	CMK_COPY_DAMAGED,	/* magic, but size or digest are wrong */
	CMK_COPY_VALID,
};

/*
 * Looks at the first bytes of a copy, a whole struct cmk_disk_super, found at
 * @offset.  CMK_COPY_VALID: the rest is worth reading; its slots are in @ret.
 */
enum cmk_copy_state cmk_header_measure(const void *head, uint64_t offset,
				       uint32_t *ret_capacity);
/* Is the digest of @h's image right? */
bool cmk_header_digest_ok(const struct cmk_header *h);
/* Are all fields within their bounds?  "header-damaged", "header-feature". */
int cmk_header_check(const struct cmk_header *h, struct cmk_error *e);
bool cmk_header_kid_ok(const unsigned char *kid, size_t len);

/*
 * header-slot.c: a fresh slot for @range, or what forbids it; then it is filled
 * and put into place @n.  Errors as of setting a slot.
 */
int cmk_header_begin_slot(const struct cmk_header *h, uint32_t range,
			  uint32_t generation, enum cmk_format_wrap wrap,
			  struct cmk_disk_slot *ret);
int cmk_header_put_hk(struct cmk_header *h, uint32_t n,
		      struct cmk_disk_slot *slot, const struct cmk_secret *key,
		      const struct cmk_secret *dek);
int cmk_header_put_direct(struct cmk_header *h, uint32_t n,
			  struct cmk_disk_slot *slot, unsigned int kek,
			  const void *blob, size_t len);

/* header-auth.c: digest of an image, and its MAC under the header key @hk */
int cmk_header_digest(const struct cmk_header *h, unsigned char ret[32]);
int cmk_header_mac(const struct cmk_header *h, const struct cmk_secret *hk,
		   unsigned char ret[32]);
/* A key that HKDF makes of @hk for this volume and the use @label. */
int cmk_header_derive(const struct cmk_header *h, const struct cmk_secret *hk,
		      const char *label, struct cmk_secret *ret);

#endif
