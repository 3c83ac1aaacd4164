// SPDX-License-Identifier: GPL-2.0
/*
 * I/O of a range that is being rekeyed: under which of its two keys, and must
 * it wait for the stripe in flight?
 *
 * The range has no key where others have it, so its I/O, and no other, comes
 * here.  Each bio is cut to its stripe and asks under the volume's lock: it is
 * told to wait, or it gets one of the keys and is counted in its stripe's
 * bucket, in one step.  Whoever works on a stripe changes what is answered,
 * waits until the bucket is empty (all that is counted there is on its way at
 * the device or in the crypto and waits for nothing of ours) and then knows
 * that no bio goes to the stripe's sectors, and none will with the other
 * answer.  So the cursor never moves over a bio under way: it has been
 * completed, or it is parked and asks again.
 *
 * Buckets, not a number for each stripe, of which a range has up to a million:
 * while one is drained, I/O to 1/CMK_BUCKETS of the range waits with it.
 *
 * A bio that is counted has cmk_twin_endio() in the place of dm's function, so
 * that nobody else has to ask whether it is.
 */

#include "io.h"
#include "range.h"
#include "volume.h"

static void cmk_twin_endio(struct bio *bio);

/* Its entry in the table; @io has something left to do. */
static struct cmk_range *cmk_twin_entry(const struct cmk_io *io)
{
	const struct cmk_volume *vol = io->ct->vol;

	return cmk_range_at(&vol->ranges,
			    io->iter.bi_sector >> vol->geo.range_shift);
}

static bool cmk_twin_writes(const struct cmk_io *io)
{
	return op_is_write(bio_op(io->bio));
}

static struct cmk_bucket *cmk_twin_bucket(struct cmk_twin *twin, u64 sector)
{
	return &twin->bucket[(sector >> CMK_STRIPE_SHIFT) % CMK_BUCKETS];
}

/**
 * cmk_twin_counted() - is it counted in a bucket?
 * @io: a bio
 */
bool cmk_twin_counted(const struct cmk_io *io)
{
	return io->end_io == cmk_twin_endio;
}

/**
 * cmk_twin_covers() - does the bio lie in a range that is being rekeyed?
 * @io: a bio that has something left to do
 *
 * Stable while a bio is in map() or counted, see struct cmk_twin.
 */
bool cmk_twin_covers(const struct cmk_io *io)
{
	const struct cmk_twin *twin = io->ct->vol->twin;

	return unlikely(twin) && READ_ONCE(twin->range) == cmk_twin_entry(io);
}

/* Does the stripe in flight, or the drain of its bucket, stop this bio? */
static bool cmk_twin_waits(struct cmk_twin *twin, u64 sector, bool writes)
{
	bool all = twin->phase == CMK_PHASE_ALL;

	if (twin->phase == CMK_PHASE_NONE || !(writes || all))
		return false;
	return (sector >= twin->begin && sector < twin->end) ||
	       twin->drain == cmk_twin_bucket(twin, sector);
}

static struct cmk_range *cmk_twin_side(struct cmk_twin *twin, u64 sector,
				       bool writes)
{
	bool is_new = sector < (writes ? twin->write_cursor :
					 twin->read_cursor);

	return &twin->side[is_new ? CMK_SIDE_NEW : CMK_SIDE_OLD];
}

/**
 * cmk_twin_verdict() - may this bio go on now?
 * @io: a bio that cmk_twin_covers(), the gate is open
 *
 * Context: the volume's lock is held, or the answer may be old; it may be
 * believed only by those who go to cmk_twin_admit() or cmk_park() with it.
 */
enum cmk_verdict cmk_twin_verdict(const struct cmk_io *io)
{
	struct cmk_volume *vol = io->ct->vol;
	struct cmk_twin *twin = vol->twin;
	bool writes = cmk_twin_writes(io);
	struct cmk_range *side;

	if (twin->open &&
	    cmk_twin_waits(twin, io->iter.bi_sector, writes)) {
		if (!twin->stuck)
			return CMK_WAIT_STRIPE;
	} else if (twin->open) {
		side = cmk_twin_side(twin, io->iter.bi_sector, writes);
		if (bio_op(io->bio) == REQ_OP_DISCARD ||
		    rcu_access_pointer(side->slot))
			return CMK_GO;
	}
	return vol->options.no_key_fail ? CMK_FAIL : CMK_WAIT_KEY;
}

static void cmk_twin_count(struct cmk_io *io)
{
	struct cmk_twin *twin = io->ct->vol->twin;
	bool writes = cmk_twin_writes(io);

	lockdep_assert_held(&io->ct->vol->lock);
	io->range = cmk_twin_side(twin, io->iter.bi_sector, writes);
	io->bucket = cmk_twin_bucket(twin, io->iter.bi_sector);
	if (writes)
		io->bucket->writes++;
	else
		io->bucket->reads++;
	twin->counted++;
	io->dm_end_io = io->end_io;
	io->end_io = cmk_twin_endio;
}

static void cmk_twin_uncount(struct cmk_io *io)
{
	struct cmk_twin *twin = io->ct->vol->twin;

	lockdep_assert_held(&io->ct->vol->lock);
	if (cmk_twin_writes(io))
		io->bucket->writes--;
	else
		io->bucket->reads--;
	twin->counted--;
	io->end_io = io->dm_end_io;
	if (twin->drain == io->bucket)
		wake_up(&twin->drained);
}

/**
 * cmk_twin_forget() - a bio is not under way any more
 * @io: a bio with something left to do; the volume is locked
 */
void cmk_twin_forget(struct cmk_io *io)
{
	lockdep_assert_held(&io->ct->vol->lock);
	if (io->end_io != cmk_twin_endio)
		return;
	cmk_twin_uncount(io);
	io->range = cmk_twin_entry(io);
}

/* In the place of dm's function, by bio_endio() or instead of it. */
static void cmk_twin_endio(struct bio *bio)
{
	struct cmk_io *io = cmk_bio_io(bio);
	struct cmk_volume *vol = io->ct->vol;
	unsigned long flags;

	spin_lock_irqsave(&vol->lock, flags);
	cmk_twin_uncount(io);
	spin_unlock_irqrestore(&vol->lock, flags);
	bio->bi_end_io = io->end_io;
	bio->bi_end_io(bio);
}

/**
 * cmk_twin_admit() - may this bio begin, and if so, count it
 * @io: a bio with nothing under way
 *
 * Return: as cmk_io_verdict(); other ranges are asked about, nothing more.
 */
enum cmk_verdict cmk_twin_admit(struct cmk_io *io)
{
	struct cmk_volume *vol = io->ct->vol;
	enum cmk_verdict verdict;
	unsigned long flags;

	if (likely(io->end_io != cmk_twin_endio && !cmk_twin_covers(io)))
		return cmk_io_verdict(io);
	spin_lock_irqsave(&vol->lock, flags);
	cmk_twin_forget(io);
	verdict = cmk_io_verdict(io);
	if (verdict == CMK_GO && cmk_twin_covers(io))
		cmk_twin_count(io);
	spin_unlock_irqrestore(&vol->lock, flags);
	return verdict;
}

/**
 * cmk_twin_map() - may a bio begin that has no key where others have it?
 * @io: a bio in map(), before anything is under way; it is cut at the end of
 *	its stripe
 *
 * Return: true if it may, and then it is counted.
 */
bool cmk_twin_map(struct cmk_io *io)
{
	sector_t stripe = 1 << CMK_STRIPE_SHIFT;
	sector_t left = stripe - (io->iter.bi_sector & (stripe - 1));

	if (!cmk_twin_covers(io))
		return false;
	if (bio_sectors(io->bio) > left) {
		dm_accept_partial_bio(io->bio, left);
		io->iter.bi_size = left << SECTOR_SHIFT;
		io->cut = true;
	}
	return cmk_twin_admit(io) == CMK_GO;
}
