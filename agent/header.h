/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A volume's header in memory: parsed from hostile bytes, authenticated with
 * the header key, changed, and written back one copy after the other.  Layout:
 * include/cmk_format.h, Documentation/on-disk-format.rst.
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
	unsigned int foreign_copies;	/* do not even begin with the magic:
					 * repair on a person's word only
					 */
	bool copies_differ;		/* both valid, not the same state */
	bool read_only;			/* a later version's feature flag */
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

/**
 * cmk_header_new() - compute the geometry
 *
 * No key, no wrap and no slot is in it yet.  Error codes: "device-small",
 * "bad-sector-size", "bad-range-size", "too-many-ranges", "bad-wrap".
 */
int cmk_header_new(struct cmk_header **ret,
		   const struct cmk_header_params *params,
		   struct cmk_error *e);

/**
 * cmk_header_open() - open a header's device or file, and lock it
 * @write: also for writing
 * @ret_fd: O_DIRECT where the file system can, O_DSYNC; the lock ends with it
 *
 * The lock is the one by which udev leaves a device alone; who reads shares it
 * with others who do.  Waits up to two seconds for it; then "header-busy"
 * (-EBUSY, temporary).  What is neither a
 * block device nor a file is "header-open", and nobody waits for its other end.
 */
int cmk_header_open(int *ret_fd, const char *path, bool write,
		    struct cmk_error *e);

/**
 * cmk_header_claim() - keep others from mapping or mounting a device
 * @ret_fd: the claim ends when it is closed; -1 if @path is no block device
 *
 * "device-busy" if somebody has claimed it already, or a partition of it.
 */
int cmk_header_claim(int *ret_fd, const char *path, struct cmk_error *e);

/**
 * cmk_header_read() - read and check both copies
 * @fd: header device or file, O_DIRECT possible
 *
 * The digest is checked, not the MAC: cmk_header_verify().  Each field that
 * another computation relies on is bounded.  Error codes: "no-header",
 * "header-damaged", "header-version", "header-feature", "header-io".
 */
int cmk_header_read(struct cmk_header **ret, int fd, struct cmk_error *e);

/**
 * cmk_header_write() - seq + 1, MAC, digest, then one copy, flush, the other
 * @hk: the header key, for the MAC
 *
 * seq rises also when it fails.  Status CMK_PARTIAL: one copy has the new
 * state, durably, and the other has not.
 */
int cmk_header_write(struct cmk_header *h, int fd,
		     const struct cmk_secret *hk, struct cmk_error *e);

/*
 * Writes the state that was read over the copy that has not got it, as it is.
 * To be called after cmk_header_verify() only.  Nothing to do is success;
 * -EBUSY when the header was changed since.
 */
int cmk_header_repair(struct cmk_header *h, int fd, struct cmk_error *e);

/**
 * cmk_header_write_back() - write a header over both copies, as it was read
 *
 * Neither seq nor MAC change, hence no key is needed.  To be called only with
 * one that was verified, and when what it overwrites is not the later one.
 * -EBUSY when it was changed since it was read.
 */
int cmk_header_write_back(struct cmk_header *h, int fd, struct cmk_error *e);

/* Is the MAC right under @hk?  "header-forged" (-EKEYREJECTED) if not. */
int cmk_header_verify(const struct cmk_header *h, const struct cmk_secret *hk,
		      struct cmk_error *e);

/* Are they the same state, to the byte? */
bool cmk_header_same(const struct cmk_header *a, const struct cmk_header *b);

void cmk_header_free(struct cmk_header *h);
void cmk_header_get_info(const struct cmk_header *h,
			 struct cmk_header_info *ret);

/* "A", "B" or "A and B", for messages; "none". */
const char *cmk_header_copies_name(unsigned int copies);

/*
 * KEK entries: index 0 .. CMK_FORMAT_KIDS - 1.  A kid is printable ASCII
 * without blanks.  set: -EINVAL for what the format has no room for.
 */
bool cmk_header_get_kek(const struct cmk_header *h, unsigned int index,
			struct cmk_header_kek *ret);
int cmk_header_set_kek(struct cmk_header *h, unsigned int index,
		       const struct cmk_header_kek *kek);
void cmk_header_clear_kek(struct cmk_header *h, unsigned int index);

/**
 * cmk_header_place_kek() - where a wrap under @kid belongs
 * @keep: an entry that stays as it is
 *
 * Return: the entry that has it already, else one that is free, else -ENOSPC.
 */
int cmk_header_place_kek(const struct cmk_header *h, const char *kid,
			 unsigned int keep);

/**
 * cmk_header_rewrap() - put another wrap of the same DEK into a slot
 * @kek: entry of the KEK that made @blob
 *
 * Mode direct.  Generation and age of the slot stay.  Errors as of setting it.
 */
int cmk_header_rewrap(struct cmk_header *h, uint32_t range, unsigned int kek,
		      const void *blob, size_t len);

/*
 * The KEK is exchanged for another key: every DEK that is there now was in the
 * reach of who holds the former one.
 */
void cmk_header_expose(struct cmk_header *h);
/* So many ranges have a DEK from before the last such change. */
uint32_t cmk_header_exposed(const struct cmk_header *h);

/* Sum of the generations of all DEKs: rises with each that is replaced. */
uint64_t cmk_header_generations(const struct cmk_header *h);

/* Is a rekey under way, with a DEK of its own in the spare slot? */
bool cmk_header_spare_used(const struct cmk_header *h);

/*
 * In place of a range: the spare slot, with the next DEK of the range that is
 * rekeyed.  Where a slot is opened, and where it is rewrapped.
 */
#define CMK_SLOT_SPARE		(UINT32_MAX - 1)

/**
 * struct cmk_header_next - what the spare slot is for
 * @range: that is rekeyed
 * @generation: of its next DEK
 * @run: random; names this rekey to the kernel
 */
struct cmk_header_next {
	uint32_t range, generation;
	unsigned char run[CMK_FORMAT_RUN_LEN];
};

/**
 * cmk_header_get_next() - what is in the spare slot?
 *
 * Return: false if it is empty, or what is there is none of this volume's.
 */
bool cmk_header_get_next(const struct cmk_header *h,
			 struct cmk_header_next *ret);

/*
 * Put a next DEK into the spare slot.  -EBUSY when there is one; -ESTALE for a
 * generation that is not the one after that of the range; else as of setting
 * the slot of a range.
 */
int cmk_header_set_next_hk(struct cmk_header *h,
			   const struct cmk_header_next *next,
			   const struct cmk_secret *slot_key,
			   const struct cmk_secret *dek);
int cmk_header_set_next_direct(struct cmk_header *h,
			       const struct cmk_header_next *next,
			       unsigned int kek, const void *blob, size_t len);

/*
 * The next DEK becomes the range's current one, and the former one is gone from
 * this header.  -ENOENT when there is none.
 */
int cmk_header_promote(struct cmk_header *h);
/* The next DEK is gone, and the range stays under the one that it has. */
void cmk_header_discard(struct cmk_header *h);

/* The key of the kernel's record of this rekey. */
int cmk_header_record_key(const struct cmk_header *h,
			  const struct cmk_secret *hk,
			  const struct cmk_header_next *next,
			  struct cmk_secret *ret);

/*
 * What the KEK wraps: the header key and a hash that binds it to the volume,
 * 64 bytes; and in mode direct a DEK and its binding, 96 bytes.
 */
int cmk_header_hk_payload(const struct cmk_header *h,
			  const struct cmk_secret *hk, struct cmk_secret *ret);

/*
 * @payload is wiped, also on failure: "hk-foreign" (another volume's, or not
 * ours at all).
 */
int cmk_header_hk_open(const struct cmk_header *h, struct cmk_secret *payload,
		       struct cmk_secret *ret_hk, struct cmk_error *e);
int cmk_header_dek_payload(const struct cmk_header *h, uint32_t range,
			   uint32_t generation, const struct cmk_secret *dek,
			   struct cmk_secret *ret);

/*
 * Slots.  Setting one: -ERANGE no such range, -EINVAL the other mode, an
 * impossible length, generation 0 or a KEK entry that is not in use.  Opening
 * one: "slot-empty" (-ENOKEY), "slot-moved", "slot-damaged" (-EBADMSG);
 * -ERANGE, -EINVAL with "bad-range" and "bad-wrap".
 */
bool cmk_header_slot(const struct cmk_header *h, uint32_t range,
		     uint32_t *ret_generation);
int cmk_header_set_direct(struct cmk_header *h, uint32_t range,
			  uint32_t generation, unsigned int kek,
			  const void *blob, size_t len);
/* @ret_blob is borrowed until the slot is set again or @h is freed. */
int cmk_header_get_direct(const struct cmk_header *h, uint32_t range,
			  unsigned int *ret_kek, const void **ret_blob,
			  size_t *ret_len, struct cmk_error *e);
/* @payload is wiped, also on failure. */
int cmk_header_open_direct(const struct cmk_header *h, uint32_t range,
			   struct cmk_secret *payload,
			   struct cmk_secret *ret_dek, struct cmk_error *e);

/*
 * Mode hk: the key of all slots of a volume, not the header key itself.  It is
 * made of that once: making it costs more than opening a slot does.
 */
int cmk_header_slot_key(const struct cmk_header *h, const struct cmk_secret *hk,
			struct cmk_secret *ret);
int cmk_header_set_hk(struct cmk_header *h, uint32_t range,
		      uint32_t generation, const struct cmk_secret *slot_key,
		      const struct cmk_secret *dek);
int cmk_header_open_hk(const struct cmk_header *h, uint32_t range,
		       const struct cmk_secret *slot_key,
		       struct cmk_secret *ret_dek, struct cmk_error *e);

/* SHA-256("cmk hk id" || hk): what the node remembers of a header key. */
int cmk_header_hk_id(const struct cmk_secret *hk, unsigned char ret[32]);

static inline void cmk_header_freep(struct cmk_header **h)
{
	cmk_header_free(*h);
}

#define __cmk_header __attribute__((cleanup(cmk_header_freep)))

#endif
