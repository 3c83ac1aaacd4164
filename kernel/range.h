/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges: what a volume knows of each of its up to 65,536 pieces.
 *
 * The table is cut into chunks that stay where they are while the volume
 * lives, so that a volume grows by adding chunks: no entry moves, and a
 * pointer to a range is valid as long as its volume.  32 bytes a range.
 */
#ifndef CMK_RANGE_H
#define CMK_RANGE_H

#include <linux/bits.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#define CMK_RANGES_MAX		65536
#define CMK_CHUNK_SHIFT		10
#define CMK_CHUNK_RANGES	BIT(CMK_CHUNK_SHIFT)
#define CMK_CHUNKS_MAX		(CMK_RANGES_MAX / CMK_CHUNK_RANGES)

struct cmk_slot;

/**
 * struct cmk_range - one range
 * @slot: its live key, NULL when absent; written under the volume's lock
 * @generation: of the key that was live last, 0 if none was; volume's lock
 * @waiters: parked bios that wait for the key; volume's lock
 * @fingerprint: of that key; volume's lock
 */
struct cmk_range {
	struct cmk_slot __rcu *slot;
	u32 generation;
	u32 waiters;
	u8 fingerprint[16];
};

/**
 * struct cmk_ranges - the table
 * @nr: ranges in use; changed only while no I/O runs
 * @reserved: ranges that can have a key, those of a table not yet resumed
 *	too, so that keys are there before its first I/O; volume's lock
 * @chunk: CMK_CHUNK_RANGES ranges each; a chunk is set once
 */
struct cmk_ranges {
	u32 nr;
	u32 reserved;
	struct cmk_range *chunk[CMK_CHUNKS_MAX];
};

static inline struct cmk_range *cmk_range_at(const struct cmk_ranges *ranges,
					     u32 index)
{
	return &ranges->chunk[index >> CMK_CHUNK_SHIFT]
			     [index & (CMK_CHUNK_RANGES - 1)];
}

int cmk_ranges_reserve(struct cmk_ranges *ranges, u32 nr);
void cmk_ranges_free(struct cmk_ranges *ranges);

#endif
