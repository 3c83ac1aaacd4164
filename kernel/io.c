// SPDX-License-Identifier: GPL-2.0
/*
 * The data path: admission, reads, discards, and the crypto of both
 * directions.
 *
 * A key is used only inside an RCU read section over at most CMK_SECTION bytes
 * of data, and the gate is read in the same section.  Whoever closes the gate
 * and waits for a grace period therefore knows that no key is in use and that
 * no later section will find one.  A read's last section ends the bio too, so
 * that no plaintext is delivered after a revoke has returned.
 *
 * A bio in flight at the device holds no key: a write is ciphertext by then, a
 * read looks its key up when the data has come.  A read that finds none is put
 * back to where it began and waits to be read again.
 *
 * map() never waits for a key or another bio: it parks (park.c).
 */

#include "cipher.h"
#include "io.h"
#include "range.h"
#include "slot.h"
#include "volume.h"

/* The gate is open, but there is no key where the bio looks for it. */
static noinline enum cmk_verdict
cmk_io_verdict_keyless(const struct cmk_io *io)
{
	if (cmk_twin_covers(io))
		return cmk_twin_verdict(io);
	if (bio_op(io->bio) == REQ_OP_DISCARD)
		return CMK_GO;
	return io->ct->vol->options.no_key_fail ? CMK_FAIL : CMK_WAIT_KEY;
}

/**
 * cmk_io_verdict() - may this bio go on now?
 * @io: a bio
 *
 * Without the volume's lock the answer may be old when it comes; park.c asks
 * again under the lock, the crypto again under RCU.
 */
enum cmk_verdict cmk_io_verdict(struct cmk_io *io)
{
	const struct cmk_volume *vol = io->ct->vol;

	switch (READ_ONCE(vol->gate)) {
	case CMK_GATE_OPEN:
		if (rcu_access_pointer(io->range->slot))
			return CMK_GO;
		return cmk_io_verdict_keyless(io);
	case CMK_GATE_HELD:
		return CMK_WAIT_GATE;
	case CMK_GATE_REVOKED:
		break;
	}
	return CMK_REFUSE;
}

/**
 * cmk_io_refusal() - what a bio is told that may not go on
 * @verdict: CMK_REFUSE or CMK_FAIL
 *
 * XFS stops at once on ENODEV, while it would retry on EIO for ever.  The gate
 * is not asked again: it may be open by now.
 */
blk_status_t cmk_io_refusal(enum cmk_verdict verdict)
{
	return verdict == CMK_REFUSE ? BLK_STS_OFFLINE : BLK_STS_IOERR;
}

/**
 * cmk_io_end() - give a bio back to dm
 * @io: a bio with nothing under way; gone afterwards
 * @status: its result
 */
void cmk_io_end(struct cmk_io *io, blk_status_t status)
{
	struct bio *bio = io->bio;

	bio->bi_end_io = io->end_io;
	bio->bi_status = status;
	bio_endio(bio);
}

/*
 * Ends a read inside the RCU section, by dm's own function: of bio_endio() the
 * device's completion has done the rest.  Who is told must not sleep there:
 * with softirqs off in_interrupt() tells him, as in an ordinary completion.
 */
static void cmk_io_deliver(struct cmk_io *io)
{
	struct bio *bio = io->bio;

	bio->bi_end_io = io->end_io;
	local_bh_disable();
	bio->bi_end_io(bio);
	local_bh_enable();
}

/* The key has gone, or the cipher has failed with @r. */
static noinline enum cmk_verdict
cmk_io_crypt_undo(struct cmk_io *io, bool write, bool begun, int r)
{
	enum cmk_verdict verdict = CMK_FAIL;

	if (!r) {
		verdict = cmk_io_verdict(io);
		/*
		 * The key came just now, or has moved with the end of a rekey:
		 * let park.c look again.
		 */
		if (verdict == CMK_GO || cmk_twin_counted(io))
			verdict = CMK_WAIT_KEY;
	}
	if (io->offload)
		cmk_offload_done(io);
	if (!write && (r || begun))
		zero_fill_bio_iter(io->bio, io->iter);
	return verdict;
}

/* All that is in @iter; a read is ended, too. */
static __always_inline enum cmk_verdict
cmk_io_crypt(struct cmk_io *io, bool write, struct bvec_iter *iter)
{
	const struct cmk_volume *vol = io->ct->vol;
	const struct cmk_geometry *geo = &vol->geo;
	struct cmk_crypt crypt __cmk_uninit;
	unsigned int all = iter->bi_size;
	struct cmk_slot *slot;
	bool more = true;
	int r = 0;

	cmk_crypt_init(&crypt, geo->sector_size, write ? io->vecs : NULL);
	do {
		rcu_read_lock();
		slot = rcu_dereference(io->range->slot);
		if (unlikely(READ_ONCE(vol->gate) != CMK_GATE_OPEN || !slot)) {
			rcu_read_unlock();
			break;
		}
		r = cmk_crypt_section(&crypt, slot->tfm, io->bio->bi_io_vec,
				      iter, CMK_SECTION, geo->iv_offset);
		more = r || iter->bi_size;
		if (unlikely(io->offload) && !more)
			cmk_offload_done(io);
		if (!write && !more)
			cmk_io_deliver(io);
		rcu_read_unlock();
	} while (!r && more);
	if (likely(!more))
		return CMK_GO;
	return cmk_io_crypt_undo(io, write, iter->bi_size != all, r);
}

/**
 * cmk_io_encrypt() - encrypt the next piece of a write into its bounce bio
 * @io: a write whose @bounce and @vecs hold the pages; on success its iterator
 *	stands after what was encrypted
 *
 * Context: any in which cmk_cipher_usable().
 *
 * Return: CMK_GO, or why not.
 */
enum cmk_verdict cmk_io_encrypt(struct cmk_io *io)
{
	struct bvec_iter iter = io->iter;
	enum cmk_verdict verdict;

	iter.bi_size = io->bounce.bi_iter.bi_size;
	verdict = cmk_io_crypt(io, true, &iter);
	if (verdict == CMK_GO) {
		iter.bi_size = io->iter.bi_size - io->bounce.bi_iter.bi_size;
		io->iter = iter;
	}
	return verdict;
}

/*
 * Decrypts in place and ends the bio, or says why not; then the bio holds no
 * plaintext.
 */
static enum cmk_verdict cmk_io_decrypt(struct cmk_io *io)
{
	struct bvec_iter iter = io->iter;

	return cmk_io_crypt(io, false, &iter);
}

static void cmk_read_start(struct cmk_io *io);

/* The data has come and the context can decrypt. */
static void cmk_read_finish(struct cmk_io *io)
{
	enum cmk_verdict verdict = cmk_io_decrypt(io);

	switch (verdict) {
	case CMK_GO:
		break;
	case CMK_REFUSE:
	case CMK_FAIL:
		cmk_io_end(io, cmk_io_refusal(verdict));
		break;
	case CMK_WAIT_GATE:
	case CMK_WAIT_KEY:
	case CMK_WAIT_STRIPE:
		if (!cmk_park(io))
			cmk_io_queue_start(io);
		break;
	}
}

static void cmk_read_work(struct work_struct *work)
{
	struct cmk_io *io = container_of(work, struct cmk_io, work);

	cmk_offload_begin(io);
	cmk_read_finish(io);
}

/* Not behind writes, which may sleep while they are sent: this never does. */
static void cmk_read_queue(struct cmk_io *io)
{
	INIT_WORK(&io->work, cmk_read_work);
	queue_work(io->ct->vol->read_wq, &io->work);
}

static void cmk_read_here(struct cmk_io *io)
{
	if (cmk_offload(io))
		cmk_read_queue(io);
	else
		cmk_read_finish(io);
}

/*
 * In a softirq.  Nothing waits for this function to return, and nothing has to:
 * once the bio is ended it touches only its own text, and that stays until
 * after a grace period of RCU when the module goes.
 */
static void cmk_read_bh_work(struct work_struct *work)
{
	cmk_read_here(container_of(work, struct cmk_io, work));
}

/* The cipher cannot be called here, but soon on this CPU. */
static noinline void cmk_read_later(struct cmk_io *io)
{
	if (cmk_offload_softirq(io)) {
		INIT_WORK(&io->work, cmk_read_bh_work);
		if (cmk_queue_bh_work(&io->work))
			return;
	}
	cmk_offload_defer(io);
	cmk_read_queue(io);
}

static void cmk_read_endio(struct bio *bio)
{
	struct cmk_io *io = bio->bi_private;

	if (unlikely(bio->bi_status))
		cmk_io_end(io, bio->bi_status);
	else if (unlikely(in_hardirq() || irqs_disabled()))
		cmk_read_later(io);
	else
		cmk_read_here(io);
}

/* Sends dm's own bio to the data device; no clone of ours. */
static void cmk_io_remap(struct cmk_io *io)
{
	struct bio *bio = io->bio;

	bio_set_dev(bio, io->ct->dev->bdev);
	bio->bi_iter = io->iter;
	bio->bi_iter.bi_sector += io->ct->vol->geo.start;
	/* A bio whose completion is not the device's must not be polled. */
	bio->bi_opf &= ~REQ_POLLED;
	dm_submit_bio_remap(bio, NULL);
}

static void cmk_read_start(struct cmk_io *io)
{
	struct bio *bio = io->bio;

	bio->bi_end_io = cmk_read_endio;
	bio->bi_private = io;
	bio->bi_status = BLK_STS_OK;
	/* A bio that was read before and split below stands at 0. */
	atomic_set(&bio->__bi_remaining, 1);
	cmk_io_remap(io);
}

static void cmk_io_go(struct cmk_io *io)
{
	switch (bio_op(io->bio)) {
	case REQ_OP_READ:
		cmk_read_start(io);
		break;
	case REQ_OP_WRITE:
		cmk_write_start(io);
		break;
	default:
		io->bio->bi_end_io = io->end_io;
		cmk_io_remap(io);
		break;
	}
}

/**
 * cmk_io_start() - begin a bio, or begin it again
 * @io: a bio with nothing under way
 *
 * Context: process context; inside map() only before its first submission, as
 * a write may wait for a page.
 */
void cmk_io_start(struct cmk_io *io)
{
	enum cmk_verdict verdict;

	do {
		verdict = cmk_twin_admit(io);
		switch (verdict) {
		case CMK_GO:
			cmk_io_go(io);
			return;
		case CMK_REFUSE:
		case CMK_FAIL:
			cmk_io_end(io, cmk_io_refusal(verdict));
			return;
		case CMK_WAIT_GATE:
		case CMK_WAIT_KEY:
		case CMK_WAIT_STRIPE:
			break;
		}
	} while (!cmk_park(io));
}

static void cmk_start_work(struct work_struct *work)
{
	cmk_io_start(container_of(work, struct cmk_io, work));
}

/**
 * cmk_io_queue_start() - cmk_io_start() from any context
 * @io: a bio with nothing under way
 */
void cmk_io_queue_start(struct cmk_io *io)
{
	INIT_WORK(&io->work, cmk_start_work);
	queue_work(io->ct->vol->start_wq, &io->work);
}

static int cmk_map_flush(struct cmk_target *ct, struct bio *bio)
{
	if (READ_ONCE(ct->vol->gate) == CMK_GATE_REVOKED) {
		bio->bi_status = BLK_STS_OFFLINE;
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	bio_set_dev(bio, ct->dev->bdev);
	return DM_MAPIO_REMAPPED;
}

/*
 * A bio lies in one range.  dm core would cut reads and writes, not discards,
 * at these borders, but then reads and writes at its queue's limit, too, which
 * is nothing to a device that takes bios.
 *
 * Large reads are cut, too; large writes in bounce.c.
 */
static bool cmk_map_cut(struct cmk_target *ct, struct bio *bio,
			sector_t sector)
{
	sector_t range = 1ULL << ct->vol->geo.range_shift;
	sector_t left = range - (sector & (range - 1));

	if (unlikely(bio_sectors(bio) > CMK_PIECE >> SECTOR_SHIFT) &&
	    bio_op(bio) == REQ_OP_READ)
		left = min_t(sector_t, left,
			     cmk_offload_max(ct, false) >> SECTOR_SHIFT);
	if (likely(bio_sectors(bio) <= left))
		return false;
	dm_accept_partial_bio(bio, left);
	return true;
}

/**
 * cmk_io_map() - the target's map function
 * @ti: the target
 * @bio: dm's clone
 *
 * Return: DM_MAPIO_SUBMITTED, DM_MAPIO_REMAPPED for a flush, DM_MAPIO_KILL
 * for a misaligned bio.
 */
int cmk_io_map(struct dm_target *ti, struct bio *bio)
{
	struct cmk_target *ct = ti->private;
	struct cmk_volume *vol = ct->vol;
	struct cmk_io *io = cmk_bio_io(bio);
	sector_t sector;

	if (unlikely(bio->bi_opf & REQ_PREFLUSH ||
		     bio_op(bio) == REQ_OP_FLUSH))
		return cmk_map_flush(ct, bio);

	sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	if (unlikely(((sector << SECTOR_SHIFT) | bio->bi_iter.bi_size) &
		     (vol->geo.sector_size - 1)))
		return DM_MAPIO_KILL;
	io->cut = cmk_map_cut(ct, bio, sector);
	io->bio = bio;
	io->ct = ct;
	io->range = cmk_range_at(&vol->ranges, sector >> vol->geo.range_shift);
	io->iter = bio->bi_iter;
	io->iter.bi_sector = sector;
	io->end_io = bio->bi_end_io;
	io->deadline = 0;
	io->wants_key = false;
	io->offload = NULL;
	io->trial = NULL;

	if (unlikely(READ_ONCE(vol->gate) != CMK_GATE_OPEN ||
		     !rcu_access_pointer(io->range->slot)) &&
	    !cmk_twin_map(io))
		cmk_io_start(io);
	else if (bio_op(bio) == REQ_OP_WRITE)
		cmk_write_map(io);
	else
		cmk_io_go(io);
	return DM_MAPIO_SUBMITTED;
}
