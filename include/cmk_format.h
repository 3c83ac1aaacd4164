/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The on-disk format of a cmk volume, version 1, shared by kernel and agent.
 * Documentation/on-disk-format.rst describes it field by field.
 *
 *	0		copy A: superblock (1 MiB), slots, spare slot
 *	record_offset	record area of the kernel (4 MiB)
 *	copy_b_offset	copy B, same bytes as copy A
 *	data_offset	data
 *
 * With a detached header the copies lie on the header's device, at the same
 * offsets; the data device then begins with the record area and the data.
 *
 * All numbers are little endian.  A copy is valid by its digest for a reader
 * without the header key, and authentic by its MAC.  The MAC covers superblock
 * and slots with the fields digest and mac zero; the digest covers the same
 * with the field digest zero, hence the MAC too.  The valid copy with the
 * higher seq counts.  A writer makes one copy durable before it touches the
 * other, and never begins with the only copy that holds the latest state.
 */
#ifndef CMK_FORMAT_H
#define CMK_FORMAT_H

#include <linux/types.h>

#define CMK_FORMAT_MAGIC	"CMKvol\r\n"	/* 8 bytes, no NUL */
#define CMK_FORMAT_VERSION	1

#define CMK_FORMAT_MIB		(1U << 20)
#define CMK_SUPER_SIZE		CMK_FORMAT_MIB
#define CMK_RECORD_SIZE		(4 * CMK_FORMAT_MIB)

/*
 * Two layouts, by the number of slots, so that copy B can be found when copy A
 * is gone: there are two places to look.
 */
#define CMK_SMALL_SLOTS		16384
#define CMK_SMALL_RECORD	(4 * CMK_FORMAT_MIB)
#define CMK_SMALL_COPY_B	(12 * CMK_FORMAT_MIB)
#define CMK_SMALL_HEADER	(16 * CMK_FORMAT_MIB)
#define CMK_LARGE_RECORD	(10 * CMK_FORMAT_MIB)
#define CMK_LARGE_COPY_B	(14 * CMK_FORMAT_MIB)
#define CMK_LARGE_HEADER	(24 * CMK_FORMAT_MIB)

#define CMK_FORMAT_RANGES_MAX	65536
#define CMK_FORMAT_KIDS		4	/* wraps of the header key */
#define CMK_FORMAT_KID_LEN	512
#define CMK_FORMAT_BLOB_LEN	512	/* RSA-4096 */
#define CMK_FORMAT_DIRECT_MAX	1024	/* slots with wrap mode direct */
#define CMK_FORMAT_RUN_LEN	16

#define CMK_RANGE_SECTORS_MIN	2048
#define CMK_RANGE_SECTORS_MAX	(1U << 30)

/* Feature flags that this version knows: none yet. */
#define CMK_FORMAT_COMPAT	0
#define CMK_FORMAT_RO_COMPAT	0
#define CMK_FORMAT_INCOMPAT	0

enum cmk_format_wrap {
	CMK_FORMAT_WRAP_DIRECT = 1,	/* each DEK wrapped by the KEK */
	CMK_FORMAT_WRAP_HK = 2,		/* each DEK under the header key */
};

enum cmk_format_kek {
	CMK_FORMAT_KEK_NONE = 0,	/* entry not in use */
	CMK_FORMAT_KEK_SERVICE = 1,
	CMK_FORMAT_KEK_AZURE = 2,
};

/* Wrap of the header key under one KEK. */
struct cmk_disk_hk_wrap {
	__u8	provider;		/* enum cmk_format_kek */
	__u8	alg;			/* 1 = RSA-OAEP-256 */
	__u8	role;			/* 0 = primary */
	__u8	reserved0;
	__le16	kid_len;
	__le16	blob_len;
	__le64	wrapped_at;		/* Unix seconds */
	__u8	thumbprint[32];		/* SHA-256 of the public key, or 0 */
	__u8	kid[CMK_FORMAT_KID_LEN];	/* versioned, no NUL */
	__u8	blob[CMK_FORMAT_BLOB_LEN];
	__u8	reserved1[16];
};

struct cmk_disk_super {
	__u8	magic[8];
	__le32	version;
	/* feature flags; unknown ones: */
	__le32	compat;			/* are ignored */
	__le32	ro_compat;		/* forbid to write the header */
	__le32	incompat;		/* forbid to use it */
	__le64	seq;			/* of this write, from 1 */
	__u8	uuid[16];		/* big endian */
	__u8	digest[32];		/* SHA-256 */
	__u8	mac[32];		/* HMAC-SHA-256 */
	__le64	created;		/* Unix seconds */
	__le64	written;
	__le64	header_size;		/* bytes, of the header's device */
	__le64	copy_b_offset;		/* bytes, of the header's device */
	__le64	record_offset;		/* bytes, of the data device */
	__le64	data_offset;		/* bytes, of the data device */
	__le64	data_size;		/* bytes */
	__le64	iv_offset;		/* 512-byte units, added to the tweak */
	__le64	range_sectors;		/* 512-byte units, power of two */
	__le32	sector_size;		/* bytes */
	__le32	ranges;
	__le32	capacity;		/* slots in the table */
	__u8	wrap;			/* enum cmk_format_wrap */
	__u8	detached;		/* 1: header is on another device */
	__u8	reserved0[2];
	__le32	kek_epoch;		/* changes of the KEK, from 0 */
	__u8	reserved1[308];
	struct cmk_disk_hk_wrap hk[CMK_FORMAT_KIDS];
};					/* 4,864 bytes; zero up to 8 KiB */

/* Wrapped DEKs of mode direct lie in the superblock from here, blob n at
 * CMK_DIRECT_OFFSET + n * CMK_FORMAT_BLOB_LEN.
 */
#define CMK_DIRECT_OFFSET	8192

/* Offsets that the checksums step over. */
#define CMK_DIGEST_OFFSET	48
#define CMK_MAC_OFFSET		80

enum cmk_slot_state {
	CMK_SLOT_EMPTY = 0,
	CMK_SLOT_CURRENT = 1,
	CMK_SLOT_NEXT = 2,		/* of a rekey; only in the spare slot */
};

/*
 * Slot n of the table is range n's; the one after the last is the spare, which
 * a rekey uses.
 */
struct cmk_disk_slot {
	__le32	range;
	__le32	generation;		/* from 1 */
	__u8	state;			/* enum cmk_slot_state */
	__u8	kek;			/* direct: index into hk[] */
	__le16	blob_len;		/* direct: bytes of blob n */
	__u8	nonce[12];		/* hk: AES-256-GCM */
	__u8	dek[64];		/* hk: ciphertext */
	__u8	tag[16];		/* hk */
	__le32	kek_epoch;		/* when the DEK was made */
	__u8	run[CMK_FORMAT_RUN_LEN];	/* spare slot: of the rekey */
	__u8	reserved[4];
};

/* What a slot of mode hk is authenticated with, beside its key. */
struct cmk_disk_slot_aad {
	__u8	uuid[16];
	__le32	range;
	__le32	generation;
};

/*
 * The record of a rekey: what the kernel knows of a re-encryption when it
 * starts anew.  Two places, written in turn, each in sectors of 512 bytes that
 * say themselves which write they are of, so that a reader tells a write that
 * was torn from a record that was damaged.
 */
#define CMK_RECORD_MAGIC	"CMKrec\r\n"	/* 8 bytes, no NUL */
#define CMK_RECORD_VERSION	1
#define CMK_RECORD_PLACES	2
#define CMK_RECORD_STRIDE	CMK_FORMAT_MIB	/* from place to place */
#define CMK_RECORD_SECTOR	512
#define CMK_RECORD_SECTORS	40		/* of one record, at most */
#define CMK_RECORD_BODY		480
/* A record is written in whole blocks of 4 KiB. */
#define CMK_RECORD_ROUND	8
#define CMK_RECORD_SUM		16
#define CMK_STRIPE_SECTORS	1024		/* of a stripe, at most */
#define CMK_RECORD_TAGS		CMK_STRIPE_SECTORS

struct cmk_disk_record_sector {
	__le64	seq;			/* of this write, from 1 */
	__le32	index;			/* in the record, from 0 */
	__u8	reserved[4];
	__u8	body[CMK_RECORD_BODY];
	__u8	sum[CMK_RECORD_SUM];	/* SHA-256 of the above, cut */
};

enum cmk_record_state {
	CMK_RECORD_IDLE = 1,		/* no rekey; the last one is over */
	CMK_RECORD_CLEAN = 2,		/* a rekey; no stripe is in flight */
	CMK_RECORD_STRIPE = 3,		/* a rekey; the stripe may be torn */
	CMK_RECORD_COMPLETE = 4,	/* all of the range is new */
};

/* The body of a record's first sector. */
struct cmk_disk_record {
	__u8	magic[8];
	__le32	version;
	__u8	state;			/* enum cmk_record_state */
	__u8	reserved0[3];
	__u8	uuid[16];		/* of the volume, big endian */
	__u8	run[CMK_FORMAT_RUN_LEN];	/* random, of this rekey */
	__le32	range;
	__le32	old_generation;
	__le32	generation;		/* towards which it is rekeyed */
	__le32	block_size;		/* bytes that one tag is for */
	__le32	sector_size;		/* bytes, of the volume */
	__le32	tags;			/* 0 unless a stripe is in flight */
	__le64	range_sectors;		/* of the volume */
	__le64	iv_offset;		/* of the volume */
	__le64	cursor;			/* sectors of the range that are new */
	__le64	stripe_sectors;		/* in flight, from the cursor on */
	__le64	header_seq;		/* of the header, after a rekey */
	__u8	mac[32];		/* HMAC-SHA-256 */
	__u8	reserved1[336];
};

/* Tags fill the bodies of the sectors that follow. */
struct cmk_disk_tag {
	__le64	old;			/* of a block's old ciphertext */
	__le64	new;
};

#define CMK_RECORD_TAGS_EACH	30	/* tags in a body */

#ifndef __KERNEL__
_Static_assert(sizeof(struct cmk_disk_record_sector) == CMK_RECORD_SECTOR,
	       "record sector size");
_Static_assert(sizeof(struct cmk_disk_record) == CMK_RECORD_BODY,
	       "record size");
_Static_assert(sizeof(struct cmk_disk_tag) * CMK_RECORD_TAGS_EACH ==
	       CMK_RECORD_BODY, "tags of a sector");
_Static_assert(sizeof(struct cmk_disk_slot) == 128, "slot size");
_Static_assert(sizeof(struct cmk_disk_hk_wrap) == 1088, "wrap size");
_Static_assert(sizeof(struct cmk_disk_super) == 4864, "superblock size");
_Static_assert(__builtin_offsetof(struct cmk_disk_super, digest) ==
	       CMK_DIGEST_OFFSET, "digest offset");
_Static_assert(__builtin_offsetof(struct cmk_disk_super, mac) ==
	       CMK_MAC_OFFSET, "mac offset");
_Static_assert(sizeof(struct cmk_disk_slot_aad) == 24, "aad size");
#endif

#endif
