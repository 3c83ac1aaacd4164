/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A volume's header in memory: parsed from hostile bytes, authenticated with
 * the header key, changed, and written back copy A first.  Layout:
 * include/cmk_format.h.
 */
#ifndef CMK_HEADER_H
#define CMK_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "cmk_format.h"
#include "error.h"
#include "secret.h"

#define CMK_DEK_BYTES	64
#define CMK_HK_BYTES	32

struct cmk_header;		/* opaque; holds no key */

/* What format asks for; sizes in bytes. */
struct cmk_header_params {
	unsigned char uuid[16];
	uint64_t device_size;	/* of the data device */
	uint64_t range_size;	/* 0: smallest power of two >= 1 GiB with
				 * <= 1,024 ranges
				 */
	uint32_t sector_size;	/* 0: 4096 */
	enum cmk_format_wrap wrap;	/* 0: direct up to 16 ranges */
	bool detached;
};

struct cmk_header_info {
	unsigned char uuid[16];
	uint64_t seq, header_size, record_offset, data_offset, data_size;
	uint64_t iv_offset, range_sectors;
	uint32_t sector_size, ranges, capacity;
	enum cmk_format_wrap wrap;
	bool detached;
	int64_t created, written;
	unsigned int valid_copies;	/* bit 0: A, bit 1: B were valid */
	bool copies_differ;		/* both valid, with another seq */
};

struct cmk_header_kek {
	enum cmk_format_kek provider;
	unsigned int alg, role;
	char kid[CMK_FORMAT_KID_LEN + 1];
	unsigned char thumbprint[32];
	unsigned char blob[CMK_FORMAT_BLOB_LEN];
	size_t blob_len;
	int64_t wrapped_at;
};

/* Computes the geometry; no key, no wrap and no slot is in it yet. */
int cmk_header_new(struct cmk_header **ret,
		   const struct cmk_header_params *params,
		   struct cmk_error *e);

/**
 * cmk_header_read() - read and check both copies
 * @fd: header device or file, O_DIRECT possible
 *
 * The digest is checked, not the MAC: cmk_header_verify().  Each field that
 * another computation relies on is bounded.  Error codes: "no-header",
 * "header-damaged", "header-version", "header-feature".
 */
int cmk_header_read(struct cmk_header **ret, int fd, struct cmk_error *e);

/**
 * cmk_header_write() - seq + 1, MAC, digest, then A, flush, B, flush
 * @hk: the header key, for the MAC
 */
int cmk_header_write(struct cmk_header *h, int fd,
		     const struct cmk_secret *hk, struct cmk_error *e);

/* Writes the valid copy over the other one, as it is. */
int cmk_header_repair(struct cmk_header *h, int fd, struct cmk_error *e);

/* Is the MAC right under @hk?  "header-forged" if not. */
int cmk_header_verify(const struct cmk_header *h, const struct cmk_secret *hk,
		      struct cmk_error *e);

void cmk_header_free(struct cmk_header *h);
void cmk_header_get_info(const struct cmk_header *h,
			 struct cmk_header_info *ret);

/* KEK entries: index 0 .. CMK_FORMAT_KIDS - 1. */
bool cmk_header_get_kek(const struct cmk_header *h, unsigned int index,
			struct cmk_header_kek *ret);
int cmk_header_set_kek(struct cmk_header *h, unsigned int index,
		       const struct cmk_header_kek *kek);
void cmk_header_clear_kek(struct cmk_header *h, unsigned int index);

/*
 * What the KEK wraps: the header key and a hash that binds it to the volume,
 * 64 bytes; and in mode direct a DEK and its binding, 96 bytes.
 */
int cmk_header_hk_payload(const struct cmk_header *h,
			  const struct cmk_secret *hk, struct cmk_secret *ret);
int cmk_header_hk_open(const struct cmk_header *h, struct cmk_secret *payload,
		       struct cmk_secret *ret_hk, struct cmk_error *e);
int cmk_header_dek_payload(const struct cmk_header *h, uint32_t range,
			   uint32_t generation, const struct cmk_secret *dek,
			   struct cmk_secret *ret);

/* Slots.  "slot-empty", "slot-moved", "slot-damaged". */
bool cmk_header_slot(const struct cmk_header *h, uint32_t range,
		     uint32_t *ret_generation);
int cmk_header_set_direct(struct cmk_header *h, uint32_t range,
			  uint32_t generation, unsigned int kek,
			  const void *blob, size_t len);
int cmk_header_get_direct(const struct cmk_header *h, uint32_t range,
			  unsigned int *ret_kek, const void **ret_blob,
			  size_t *ret_len, struct cmk_error *e);
int cmk_header_open_direct(const struct cmk_header *h, uint32_t range,
			   struct cmk_secret *payload,
			   struct cmk_secret *ret_dek, struct cmk_error *e);
int cmk_header_set_hk(struct cmk_header *h, uint32_t range,
		      uint32_t generation, const struct cmk_secret *hk,
		      const struct cmk_secret *dek);
int cmk_header_open_hk(const struct cmk_header *h, uint32_t range,
		       const struct cmk_secret *hk,
		       struct cmk_secret *ret_dek, struct cmk_error *e);

/* SHA-256("cmk hk id" || hk): what the node remembers of a header key. */
void cmk_header_hk_id(const struct cmk_secret *hk, unsigned char ret[32]);

#endif
