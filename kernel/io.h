/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data path: what happens to a bio between the mapped device and the data
 * device.  io.c admits bios and does reads, bounce.c writes, offload.c tells
 * what is done on the queue, park.c keeps those that must wait.
 */
#ifndef CMK_IO_H
#define CMK_IO_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/workqueue.h>

#include "args.h"
#include "volume.h"

/* Bounce pages whose vector lies in the per-bio data. */
#define CMK_INLINE_VECS		4
/* Where several CPUs can share the work, a bio is cut to so many bytes; ... */
#define CMK_PIECE		(64 * 1024)
/* ... elsewhere a write to what it holds in memory ... */
#define CMK_WRITE_MAX		(256 * 1024)
/* ... and a read to what may be decrypted in one go. */
#define CMK_READ_MAX		(1024 * 1024)
#define CMK_BOUNCE_PAGES	(CMK_WRITE_MAX / PAGE_SIZE)

/**
 * struct cmk_target - one entry of a table
 * @ti: the target of dm
 * @node: in the volume's list of targets; cmk_attach_mutex
 * @vol: the volume that it is attached to
 * @dev: the data device
 * @sectors: length of the target
 * @args: of its table line, for status and the data path
 * @options: those of @args that become the volume's in preresume
 *
 * Constant once the constructor has returned.
 */
struct cmk_target {
	struct dm_target *ti;
	struct list_head node;
	struct cmk_volume *vol;
	struct dm_dev *dev;
	sector_t sectors;
	struct cmk_args args;
	struct cmk_options options;
};

/**
 * struct cmk_io - what is kept of a bio while it is under way
 * @bio: dm's clone, whose per-bio data this is
 * @ct: its target
 * @range: its range; a bio never crosses a border.  Of a range that is rekeyed
 *	the entry in the table or, while the bio is counted, of one of its keys
 * @iter: what is left to do, in the bio that dm gave us; sector within target
 * @end_io: dm's, while ours stands in its place; or, while the bio is counted
 *	in a bucket, what counts it out, twin.c
 * @dm_end_io: then dm's
 * @bucket: then where it is counted
 * @deadline: jiffies until which it waits for its key, 0 for ever
 * @wants_key: parked and counted in its range's waiters
 * @cut: a piece of a larger bio
 * @offload: where it is counted while its crypto is queued, else NULL
 * @trial: who brought a bio that is queued to see what he does next, or NULL
 * @workers: where the worker counts itself
 * @work: crypto on the queue or in a softirq
 * @bounce: the write under way; embedded, initialised for each piece
 * @vecs: vector of @bounce, @inline_vecs or allocated
 * @inline_vecs: for small writes
 *
 * All fields belong to whoever has the bio: map(), a work, a completion, or,
 * while it is parked, the volume's lock.
 */
struct cmk_io {
	struct bio *bio;
	struct cmk_target *ct;
	struct cmk_range *range;
	struct bvec_iter iter;
	bio_end_io_t *end_io;
	bio_end_io_t *dm_end_io;
	struct cmk_bucket *bucket;
	unsigned long deadline;
	bool wants_key;
	bool cut;
	struct cmk_offload *offload;
	struct task_struct *trial;
	atomic_t *workers;
	struct work_struct work;
	struct bio bounce;
	struct bio_vec *vecs;
	struct bio_vec inline_vecs[CMK_INLINE_VECS];
};

/**
 * enum cmk_verdict - may this bio go on now?
 * @CMK_GO: yes
 * @CMK_WAIT_GATE: the gate is held
 * @CMK_WAIT_KEY: the range has no key
 * @CMK_WAIT_STRIPE: the stripe that it lies in is being rekeyed
 * @CMK_REFUSE: no, the gate is revoked
 * @CMK_FAIL: no, there is no key, for which it shall not wait, or no cipher
 */
enum cmk_verdict {
	CMK_GO,
	CMK_WAIT_GATE,
	CMK_WAIT_KEY,
	CMK_WAIT_STRIPE,
	CMK_REFUSE,
	CMK_FAIL,
};

static inline struct cmk_io *cmk_bio_io(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct cmk_io));
}

/* io.c */
int cmk_io_map(struct dm_target *ti, struct bio *bio);
void cmk_io_start(struct cmk_io *io);
void cmk_io_queue_start(struct cmk_io *io);
void cmk_io_end(struct cmk_io *io, blk_status_t status);
blk_status_t cmk_io_refusal(enum cmk_verdict verdict);
enum cmk_verdict cmk_io_verdict(struct cmk_io *io);
enum cmk_verdict cmk_io_encrypt(struct cmk_io *io);

/* bounce.c */
void cmk_write_start(struct cmk_io *io);
void cmk_write_map(struct cmk_io *io);

/* offload.c */
void cmk_offload_init(struct cmk_volume *vol);
bool cmk_offload(struct cmk_io *io);
bool cmk_offload_softirq(const struct cmk_io *io);
void cmk_offload_defer(struct cmk_io *io);
unsigned int cmk_offload_max(const struct cmk_target *ct, bool write);
void cmk_offload_begin(struct cmk_io *io);
void cmk_offload_done(struct cmk_io *io);

/* twin.c */
bool cmk_twin_counted(const struct cmk_io *io);
bool cmk_twin_covers(const struct cmk_io *io);
enum cmk_verdict cmk_twin_verdict(const struct cmk_io *io);
enum cmk_verdict cmk_twin_admit(struct cmk_io *io);
void cmk_twin_forget(struct cmk_io *io);
bool cmk_twin_map(struct cmk_io *io);

/* park.c */
bool cmk_park(struct cmk_io *io);
void cmk_park_init(struct cmk_volume *vol);
void cmk_park_requeue(struct cmk_volume *vol);
void cmk_park_resume(struct cmk_volume *vol);

#endif
