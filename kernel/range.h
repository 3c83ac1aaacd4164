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
#include <linux/wait.h>

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

/*
 * The range that is being rekeyed has two keys, each in an entry of its own,
 * and none in its entry in the table: so the one test of each I/O, whether its
 * range has a key, leads the I/O of this range, and no other, to what it has to
 * ask beside.  An I/O then refers to the entry whose key its data is under.
 */

/* Where an I/O of the range may find its key; and the key of the record. */
enum cmk_side {
	CMK_SIDE_OLD,
	CMK_SIDE_NEW,
	CMK_SIDE_MAC,
	CMK_SIDES,
};

/**
 * enum cmk_phase - what must wait for the stripe in flight
 * @CMK_PHASE_NONE: nothing, there is none
 * @CMK_PHASE_WRITES: writes; reads find the old data
 * @CMK_PHASE_ALL: reads, too: the data is being replaced
 * @CMK_PHASE_READ: writes; reads find the new data
 */
enum cmk_phase {
	CMK_PHASE_NONE,
	CMK_PHASE_WRITES,
	CMK_PHASE_ALL,
	CMK_PHASE_READ,
};

/* An I/O lies in one stripe, and is counted by its stripe's number, cut. */
#define CMK_STRIPE_SHIFT	10
#define CMK_BUCKETS		256

/**
 * struct cmk_bucket - I/O under way
 * @reads: how many
 * @writes: and discards
 */
struct cmk_bucket {
	u32 reads;
	u32 writes;
};

/**
 * struct cmk_twin - the range that is being rekeyed
 * @entry: the range in the table, from the moment a key is in @side
 * @range: the same, from the moment its I/O is counted; NULL without a rekey
 * @side: its keys
 * @open: its I/O is served; not before the record's MAC has been checked
 * @stuck: the stripe in flight waits for somebody to resume the rekey
 * @read_cursor: first sector that is read with the old key
 * @write_cursor: first sector that is written with it
 * @phase: of the stripe in flight
 * @begin: its first sector
 * @end: the sector after it
 * @drain: the bucket that must become empty, or NULL; what would be counted
 *	there waits
 * @drained: woken then
 * @bucket: I/O of the range under way
 * @counted: all of it; while there is some no other range can have @side
 * @only: with @generation, without an entry: a range that is all new
 * @generation: the one that @only may have
 *
 * All under the volume's lock.  @range is changed only while no I/O runs or,
 * to NULL, when any I/O may go uncounted.  Sectors are the volume's.
 */
struct cmk_twin {
	struct cmk_range *entry;
	struct cmk_range *range;
	struct cmk_range side[CMK_SIDES];
	bool open;
	bool stuck;
	u64 read_cursor;
	u64 write_cursor;
	enum cmk_phase phase;
	u64 begin;
	u64 end;
	struct cmk_bucket *drain;
	wait_queue_head_t drained;
	struct cmk_bucket bucket[CMK_BUCKETS];
	u32 counted;
	const struct cmk_range *only;
	u32 generation;
};

int cmk_ranges_reserve(struct cmk_ranges *ranges, u32 nr);
void cmk_ranges_free(struct cmk_ranges *ranges);

#endif
