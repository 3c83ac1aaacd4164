/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The record of a rekey as bytes: made, chosen, read.  Pure functions, without
 * a device and without a key; the unit tests build them for userspace.
 */
#ifndef CMK_REKEY_RECORD_H
#define CMK_REKEY_RECORD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif

#include <cmk_format.h>

/**
 * struct cmk_record - a record, in the machine's order
 * @seq: of the write
 * @state: of the rekey
 * @uuid: of the volume
 * @run: of the rekey
 * @range: its number
 * @old_generation: of its DEK until now
 * @generation: of its DEK from now on
 * @block_size: bytes that a tag is for: a block of the device is old or new
 * @sector_size: bytes, of the volume
 * @tags: how many follow
 * @range_sectors: of the volume
 * @iv_offset: of the volume
 * @cursor: sectors from the range's first one on that are new
 * @stripe_sectors: in flight, from @cursor on
 * @header_seq: lowest number of a header that may be believed
 */
struct cmk_record {
	__u64 seq;
	enum cmk_record_state state;
	__u8 uuid[16];
	__u8 run[16];
	__u32 range;
	__u32 old_generation;
	__u32 generation;
	__u32 block_size;
	__u32 sector_size;
	__u32 tags;
	__u64 range_sectors;
	__u64 iv_offset;
	__u64 cursor;
	__u64 stripe_sectors;
	__u64 header_seq;
};

/* The first two writes, which are of full length. */
#define CMK_RECORD_FIRST	2

/**
 * enum cmk_record_found - what the two places hold
 * @CMK_RECORD_NONE: no record, and no data was ever touched under one
 * @CMK_RECORD_FOUND: a record
 * @CMK_RECORD_DAMAGED: neither what was written nor what a torn write leaves
 */
enum cmk_record_found {
	CMK_RECORD_NONE,
	CMK_RECORD_FOUND,
	CMK_RECORD_DAMAGED,
};

/**
 * struct cmk_record_choice - which of two places counts
 * @found: whether one does
 * @place: that one; the next record goes to the other
 * @seq: highest number of any write, so that the next can have a higher one
 */
struct cmk_record_choice {
	enum cmk_record_found found;
	unsigned int place;
	__u64 seq;
};

/* SHA-256, cut; whoever links this file brings it.  0 or a negative errno. */
int cmk_record_sum(const void *data, size_t len, __u8 sum[CMK_RECORD_SUM]);

unsigned int cmk_record_sectors(unsigned int tags);
void cmk_record_fill(struct cmk_disk_record_sector *image, unsigned int sectors,
		     const struct cmk_record *record);
struct cmk_disk_tag *cmk_record_tag(struct cmk_disk_record_sector *image,
				    unsigned int n);
int cmk_record_finish(struct cmk_disk_record_sector *image,
		      unsigned int sectors, const __u8 mac[32]);
void cmk_record_unfinish(struct cmk_disk_record_sector *image,
			 unsigned int sectors, __u8 mac[32]);
int cmk_record_choose(const struct cmk_disk_record_sector *first,
		      const struct cmk_disk_record_sector *second,
		      struct cmk_record_choice *ret);
int cmk_record_parse(const struct cmk_disk_record_sector *image,
		     struct cmk_record *ret);

#endif
