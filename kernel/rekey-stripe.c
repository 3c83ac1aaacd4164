// SPDX-License-Identifier: GPL-2.0
/*
 * One stripe of a rekey.
 *
 *	1  writes and discards wait; those under way are waited for
 *	2  read; old ciphertext becomes new, in place; reads go on, old key
 *	3  the record lists the stripe, with tags of its old and new blocks
 *	4  reads wait, too, and are waited for; the data is written
 *	5  reads go on, with the new key; the record lists the stripe no
 *	   more and its cursor stands behind it
 *	6  writes go on, with the new key
 *
 * A crash before 3 is durable: nothing has changed.  From then until 5 is
 * durable each block is old or new and the tags tell which: only the old ones
 * are replaced.  After 5: the stripe is new.  A write never reaches a sector
 * that a durable record lists, else its block would match neither tag.  Each
 * record is written behind a flush, so 3 is not durable before old data is that
 * a read of 2 took from the device's cache, nor 5 before new data.
 *
 * Reads need not wait for the record of 3: until 4 the data is the old one.
 *
 * Plaintext exists only between a decryption and the encryption that follows
 * it in one RCU section, in which the gate was open and the keys were there:
 * who closes the gate and waits for a grace period knows that there is none.
 *
 * What is waited for: I/O at the device, ours and that of the bucket, which in
 * turn waits for nothing of ours (twin.c).  No lock is held and no memory
 * allocated meanwhile.
 */

#include <linux/mm.h>

#include "cipher.h"
#include "digest.h"
#include "range.h"
#include "rekey-internal.h"
#include "slot.h"
#include "volume.h"

/* --- who waits for whom --- */

/**
 * cmk_stripe_phase() - change what waits
 * @rekey: a rekey
 * @phase: from now on
 * @begin: of the stripe, a sector of the volume
 * @end: the sector after it
 *
 * The cursors move with it: a stripe that is new is read with the new key from
 * CMK_PHASE_READ on and written with it when there is no phase any more.
 */
void cmk_stripe_phase(struct cmk_rekey *rekey, enum cmk_phase phase, u64 begin,
		      u64 end)
{
	struct cmk_volume *vol = rekey->vol;
	struct cmk_twin *twin = vol->twin;

	spin_lock_irq(&vol->lock);
	switch (phase) {
	case CMK_PHASE_NONE:
		twin->write_cursor = twin->read_cursor;
		break;
	case CMK_PHASE_READ:
		twin->read_cursor = end;
		break;
	case CMK_PHASE_WRITES:
	case CMK_PHASE_ALL:
		break;
	}
	twin->phase = phase;
	twin->begin = begin;
	twin->end = end;
	if (!bio_list_empty(&vol->parked))
		queue_work(cmk_key_wq, &vol->unpark);
	spin_unlock_irq(&vol->lock);
}

static bool cmk_stripe_drained(struct cmk_volume *vol)
{
	struct cmk_twin *twin = vol->twin;
	bool empty;

	spin_lock_irq(&vol->lock);
	empty = !twin->drain->writes &&
		(twin->phase != CMK_PHASE_ALL || !twin->drain->reads);
	if (empty)
		twin->drain = NULL;
	if (empty && !bio_list_empty(&vol->parked))
		queue_work(cmk_key_wq, &vol->unpark);
	spin_unlock_irq(&vol->lock);
	return empty;
}

/* Enters a phase and waits for those who began before it. */
static void cmk_stripe_close(struct cmk_rekey *rekey, enum cmk_phase phase,
			     u64 begin, u64 end)
{
	struct cmk_volume *vol = rekey->vol;
	struct cmk_twin *twin = vol->twin;

	spin_lock_irq(&vol->lock);
	twin->drain = &twin->bucket[(begin >> CMK_STRIPE_SHIFT) %
				    CMK_BUCKETS];
	spin_unlock_irq(&vol->lock);
	cmk_stripe_phase(rekey, phase, begin, end);
	wait_event(twin->drained, cmk_stripe_drained(vol));
}

/* --- a stripe --- */

/* Steps 3 to 6; from here on the stripe stays closed when something fails. */
static int cmk_stripe_commit(struct cmk_rekey *rekey, u64 begin, u64 end,
			     bool last)
{
	u64 range = cmk_rekey_begin_of(rekey);
	int r;

	r = cmk_record_write(rekey, CMK_RECORD_STRIPE, begin - range,
			     end - begin);
	if (r)
		return r;
	cmk_stripe_close(rekey, CMK_PHASE_ALL, begin, end);
	r = cmk_rekey_rw(rekey, REQ_OP_WRITE | REQ_SYNC, begin, end - begin);
	if (r)
		return r;
	cmk_stripe_phase(rekey, CMK_PHASE_READ, begin, end);
	r = cmk_record_write(rekey, last ? CMK_RECORD_COMPLETE :
					   CMK_RECORD_CLEAN, end - range, 0);
	if (r)
		return r;
	cmk_stripe_phase(rekey, CMK_PHASE_NONE, 0, 0);
	return 0;
}

/* Its end as the volume is now, which may grow. */
static u64 cmk_stripe_range_end(struct cmk_rekey *rekey)
{
	u64 end = cmk_rekey_begin_of(rekey) + rekey->record.range_sectors;

	spin_lock_irq(&rekey->vol->lock);
	end = min_t(u64, end, rekey->vol->sectors);
	spin_unlock_irq(&rekey->vol->lock);
	return end;
}

/**
 * cmk_stripe_next() - rekey the stripe at the cursor
 * @rekey: a rekey whose record was checked and lists no stripe
 *
 * Return: 0; -EKEYREVOKED when a key is gone; an errno of device or driver.
 */
int cmk_stripe_next(struct cmk_rekey *rekey)
{
	u64 begin = cmk_rekey_begin_of(rekey) + rekey->record.cursor;
	u64 all = cmk_stripe_range_end(rekey);
	u64 end = min_t(u64, all, (begin | (CMK_STRIPE_SECTORS - 1)) + 1);
	int r;

	BUILD_BUG_ON(CMK_STRIPE_SECTORS != 1 << CMK_STRIPE_SHIFT);
	rekey->at = begin;
	/* A table that is shorter than the one that began it. */
	if (begin >= all)
		return -EUCLEAN;
	cmk_stripe_close(rekey, CMK_PHASE_WRITES, begin, end);
	r = cmk_rekey_rw(rekey, REQ_OP_READ, begin, end - begin) ?:
	    cmk_stripe_turn(rekey, begin, (end - begin) << SECTOR_SHIFT);
	if (!r)
		return cmk_stripe_commit(rekey, begin, end, end == all);
	/* Nothing has changed. */
	cmk_stripe_phase(rekey, CMK_PHASE_NONE, 0, 0);
	return r;
}

/* --- a stripe that was in flight --- */

/**
 * cmk_repair_unit() - make one crypto sector new
 * @rekey: a rekey
 * @turn: the crypto sector, with keys
 *
 * A block is the device's and may be less than a crypto sector, of which then
 * some blocks are old and some are new.  In XTS each 16 bytes are by
 * themselves: the whole is turned, and what was new is put back.
 *
 * Return: 1 when it was not all new, 0 when it was; -EBADMSG for a block that
 * is neither, with its address; -EKEYREJECTED when an old one has become what
 * the record does not know: these are not its keys.
 */
static int cmk_repair_unit(struct cmk_rekey *rekey, struct cmk_turn *turn)
{
	const struct cmk_disk_tag *tag = rekey->memory->tag;
	unsigned int size = rekey->record.block_size;
	unsigned int first = turn->offset / size;
	unsigned int n = turn->bytes / size, i;
	unsigned long old = 0;
	__le64 is;
	int r;

	for (i = 0; i < n; i++) {
		is = cpu_to_le64(cmk_turn_tag(rekey, turn, first + i));
		if (is == tag[first + i].new)
			continue;
		if (is != tag[first + i].old) {
			rekey->at = turn->sector +
				    (i * size >> SECTOR_SHIFT);
			return -EBADMSG;
		}
		__set_bit(i, &old);
	}
	if (!old)
		return 0;
	memcpy(rekey->memory->spare, cmk_turn_at(rekey, turn->offset),
	       turn->bytes);
	r = cmk_turn_crypt(rekey, turn);
	if (r)
		return r;
	for (i = 0; i < n; i++) {
		if (!test_bit(i, &old))
			memcpy(cmk_turn_at(rekey, turn->offset + i * size),
			       rekey->memory->spare + i * size, size);
		is = cpu_to_le64(cmk_turn_tag(rekey, turn, first + i));
		if (is != tag[first + i].new)
			return -EKEYREJECTED;
	}
	return 1;
}

static int cmk_repair_all(struct cmk_rekey *rekey, u64 begin,
			  unsigned int bytes)
{
	struct cmk_turn turn = { .bytes = rekey->vol->geo.sector_size };
	int r = 0, any = 0;

	for (; turn.offset < bytes && r >= 0; turn.offset += turn.bytes) {
		turn.sector = begin + (turn.offset >> SECTOR_SHIFT);
		rcu_read_lock();
		r = cmk_turn_keys(rekey->vol, &turn) ?
			cmk_repair_unit(rekey, &turn) : -EKEYREVOKED;
		rcu_read_unlock();
		any |= r;
		cond_resched();
	}
	return r < 0 ? r : any;
}

/**
 * cmk_stripe_repair() - finish the stripe that a record lists
 * @rekey: a rekey whose record was read and checked
 * @record: what it says
 *
 * I/O of the stripe waits, whatever becomes of it.
 *
 * Return: 0; -EBADMSG, -EKEYREJECTED, see cmk_repair_unit(); -EKEYREVOKED when
 * a key is gone; an errno of device or driver.
 */
int cmk_stripe_repair(struct cmk_rekey *rekey, const struct cmk_record *record)
{
	u64 begin = cmk_rekey_begin_of(rekey) + record->cursor;
	u64 end = begin + record->stripe_sectors;
	struct cmk_disk_record_sector *image;
	u32 i;
	int r;

	rekey->at = begin;
	if (end > cmk_stripe_range_end(rekey) ||
	    begin >> CMK_STRIPE_SHIFT != (end - 1) >> CMK_STRIPE_SHIFT)
		return -EUCLEAN;
	image = rekey->memory->image[rekey->choice.place];
	for (i = 0; i < record->tags; i++)
		rekey->memory->tag[i] = *cmk_record_tag(image, i);
	cmk_stripe_close(rekey, CMK_PHASE_ALL, begin, end);
	r = cmk_rekey_rw(rekey, REQ_OP_READ, begin, end - begin);
	if (r)
		return r;
	r = cmk_repair_all(rekey, begin, (end - begin) << SECTOR_SHIFT);
	if (r > 0)
		r = cmk_rekey_rw(rekey, REQ_OP_WRITE | REQ_SYNC, begin,
				 end - begin);
	if (r)
		return r;
	cmk_stripe_phase(rekey, CMK_PHASE_READ, begin, end);
	r = cmk_record_write(rekey, end == cmk_stripe_range_end(rekey) ?
			     CMK_RECORD_COMPLETE : CMK_RECORD_CLEAN,
			     record->cursor + record->stripe_sectors, 0);
	if (!r)
		cmk_stripe_phase(rekey, CMK_PHASE_NONE, 0, 0);
	return r;
}
