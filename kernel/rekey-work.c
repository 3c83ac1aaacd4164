// SPDX-License-Identifier: GPL-2.0
/*
 * The worker of a rekey: a work that does one thing and queues itself again.
 *
 * The queue is freezable, so that a work is never cut in two by hibernation:
 * the image is made between two stripes.  The works after a sleep, after a
 * resume of the table and after a key came back begin with the record: what it
 * says counts, not what memory remembers, and it may only be ahead of it.
 *
 * The worker is the only one who does I/O for the rekey, and the only one who
 * takes it out of "running", except for a pause.  A key that is taken away
 * meanwhile, by whomever, shows in the next section or record, and then the
 * state is "pending".  So nobody ever waits for the worker but who suspends
 * the table, and that is for a device, as he does anyhow.
 */

#include <linux/jiffies.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

#include "range.h"
#include "rekey-internal.h"
#include "slot.h"
#include "volume.h"

/* --- what it begins with --- */

static bool cmk_record_is_ours(const struct cmk_record *ours,
			       const struct cmk_record *disk)
{
	return !memcmp(ours->uuid, disk->uuid, sizeof(ours->uuid)) &&
	       !memcmp(ours->run, disk->run, sizeof(ours->run)) &&
	       ours->range == disk->range &&
	       ours->old_generation == disk->old_generation &&
	       ours->generation == disk->generation &&
	       disk->seq >= ours->seq;
}

/*
 * The first two records of a rekey: from now on a crash finds it.  An attempt
 * before this one may have come as far as the first.
 */
static int cmk_rekey_first(struct cmk_rekey *rekey,
			   const struct cmk_record *last)
{
	bool found = rekey->choice.found == CMK_RECORD_FOUND;
	int r = 0;

	if (found && last->state != CMK_RECORD_IDLE &&
	    !cmk_record_is_ours(&rekey->record, last))
		return -EUCLEAN;
	if (!found && rekey->choice.seq)
		r = cmk_record_blank(rekey);
	r = r ?: cmk_record_write(rekey, CMK_RECORD_CLEAN, 0, 0) ?:
	    cmk_record_write(rekey, CMK_RECORD_CLEAN, 0, 0);
	if (r)
		return r;
	spin_lock_irq(&rekey->vol->lock);
	rekey->fresh = false;
	spin_unlock_irq(&rekey->vol->lock);
	return 0;
}

/* Where the record says that the rekey is; a stripe in flight is closed. */
static void cmk_rekey_place(struct cmk_rekey *rekey,
			    const struct cmk_record *record)
{
	struct cmk_volume *vol = rekey->vol;
	struct cmk_twin *twin = vol->twin;

	spin_lock_irq(&vol->lock);
	rekey->record = *record;
	twin->begin = cmk_rekey_begin_of(rekey) + record->cursor;
	twin->end = twin->begin + record->stripe_sectors;
	twin->read_cursor = twin->begin;
	twin->write_cursor = twin->begin;
	twin->phase = record->stripe_sectors ? CMK_PHASE_ALL : CMK_PHASE_NONE;
	spin_unlock_irq(&vol->lock);
}

/* The record is read, checked, and the stripe that it lists is repaired. */
static int cmk_rekey_check(struct cmk_rekey *rekey)
{
	struct cmk_record record = { };
	int r;

	rekey->at = cmk_rekey_begin_of(rekey) + rekey->record.cursor;
	r = cmk_record_read(rekey, &record);
	if (r)
		return r;
	if (rekey->fresh)
		return cmk_rekey_first(rekey, &record);
	if (rekey->choice.found != CMK_RECORD_FOUND ||
	    record.state == CMK_RECORD_IDLE ||
	    !cmk_record_is_ours(&rekey->record, &record))
		return -EUCLEAN;
	r = cmk_record_check_mac(rekey);
	if (r)
		return r;
	if (record.state == CMK_RECORD_COMPLETE)
		record.stripe_sectors = 0;
	cmk_rekey_place(rekey, &record);
	return record.state == CMK_RECORD_STRIPE ?
		cmk_stripe_repair(rekey, &record) : 0;
}

/* Both places: then nothing of the rekey is left there. */
static int cmk_rekey_clear(struct cmk_rekey *rekey)
{
	struct cmk_record record = { };
	int r = cmk_record_read(rekey, &record);

	if (r)
		return r;
	if (rekey->choice.found != CMK_RECORD_FOUND ||
	    record.state != CMK_RECORD_COMPLETE ||
	    !cmk_record_is_ours(&rekey->record, &record))
		return -EUCLEAN;
	r = cmk_record_check_mac(rekey);
	if (r)
		return r;
	spin_lock_irq(&rekey->vol->lock);
	rekey->record = record;
	rekey->record.header_seq = rekey->header_seq;
	spin_unlock_irq(&rekey->vol->lock);
	return cmk_record_write(rekey, CMK_RECORD_IDLE, record.cursor, 0) ?:
	       cmk_record_write(rekey, CMK_RECORD_IDLE, record.cursor, 0);
}

/* --- what comes of it --- */

/*
 * All is new: the new key becomes the range's and the range one like others.
 * I/O that is still counted finds its key gone from where it looks, and is
 * begun again.
 */
static void cmk_rekey_complete(struct cmk_rekey *rekey, struct cmk_slot **list)
{
	struct cmk_volume *vol = rekey->vol;
	struct cmk_twin *twin = vol->twin;
	struct cmk_range *side = &twin->side[CMK_SIDE_NEW];
	struct cmk_range *entry = twin->entry;
	struct cmk_slot *slot;

	lockdep_assert_held(&vol->lock);
	slot = rcu_dereference_protected(side->slot,
					 lockdep_is_held(&vol->lock));
	RCU_INIT_POINTER(side->slot, NULL);
	cmk_volume_detach_range(vol, entry, list);
	entry->generation = side->generation;
	memcpy(entry->fingerprint, side->fingerprint,
	       sizeof(entry->fingerprint));
	rcu_assign_pointer(entry->slot, slot);
	twin->entry = NULL;
	WRITE_ONCE(twin->range, NULL);
	twin->open = false;
	twin->only = entry;
	twin->generation = entry->generation;
	rekey->state = CMK_REKEY_STATE_COMPLETE;
}

/* Return: the memory, which is not needed any more. */
static struct cmk_rekey_memory *cmk_rekey_over(struct cmk_rekey *rekey,
					       struct cmk_slot **list)
{
	struct cmk_rekey_memory *memory = rekey->memory;
	struct cmk_twin *twin = rekey->vol->twin;

	lockdep_assert_held(&rekey->vol->lock);
	cmk_volume_detach_key(rekey->vol, &twin->side[CMK_SIDE_MAC], list);
	twin->only = NULL;
	rekey->finish = false;
	rekey->memory = NULL;
	rekey->state = CMK_REKEY_STATE_NONE;
	return memory;
}

/*
 * The record knows other keys.  What they are is forgotten, too, unless they
 * have been in use since the volume is.
 */
static void cmk_rekey_reject(struct cmk_rekey *rekey, struct cmk_slot **list)
{
	struct cmk_twin *twin = rekey->vol->twin;
	unsigned int i;

	for (i = 0; i < CMK_SIDES; i++) {
		cmk_volume_detach_key(rekey->vol, &twin->side[i], list);
		if (!twin->entry || !twin->entry->generation)
			twin->side[i].generation = 0;
	}
}

/*
 * Keys that are gone close the range until they are back and the record has
 * been checked.  Another error leaves all but the stripe in flight served.
 */
static void cmk_rekey_fail(struct cmk_rekey *rekey, int r,
			   struct cmk_slot **list)
{
	struct cmk_twin *twin = rekey->vol->twin;

	lockdep_assert_held(&rekey->vol->lock);
	if (r == -EKEYREVOKED) {
		twin->open = false;
		/* They are back already, and it was told to go on. */
		if (rekey->check && rekey->state == CMK_REKEY_STATE_RUNNING &&
		    cmk_rekey_has_keys(rekey))
			return;
		r = 0;
	}
	if (r == -EKEYREJECTED) {
		twin->open = false;
		cmk_rekey_reject(rekey, list);
	}
	twin->stuck = true;
	rekey->error = -r;
	rekey->sector = r ? rekey->at : 0;
	if (rekey->finish)
		rekey->finish = false;
	else
		rekey->state = CMK_REKEY_STATE_PENDING;
}

static void cmk_rekey_good(struct cmk_rekey *rekey, bool checked,
			   struct cmk_slot **list)
{
	struct cmk_twin *twin = rekey->vol->twin;

	lockdep_assert_held(&rekey->vol->lock);
	if (rekey->record.state == CMK_RECORD_COMPLETE) {
		cmk_rekey_complete(rekey, list);
		return;
	}
	if (!checked)
		return;
	rekey->check = false;
	twin->open = true;
	twin->stuck = false;
	if (rekey->paused)
		rekey->state = CMK_REKEY_STATE_PAUSED;
	rekey->paused = false;
}

/*
 * Microseconds of rest for @spent of work: as it was told, or, while others use
 * the volume, as long as it has kept the device.
 */
static u64 cmk_rekey_due_to_others(struct cmk_rekey *rekey, u64 spent)
{
	struct cmk_crypts n = cmk_volume_crypts(rekey->vol);
	u64 used = n.here + n.queued - rekey->used;
	u64 rest = 0, pace;

	rekey->used += used;
	if (rekey->duty)
		rest = div_u64(spent * (100 - rekey->duty), rekey->duty);
	else if (used)
		rest = rekey->device_us;
	if (rekey->bandwidth) {
		pace = div_u64((u64)CMK_STRIPE_BYTES / SZ_1K * USEC_PER_SEC,
			       rekey->bandwidth);
		if (pace > spent)
			rest = max(rest, pace - spent);
	}
	return rest;
}

/* Jiffies to rest now; what is less than one is kept for the next time. */
static unsigned long cmk_rekey_rest(struct cmk_rekey *rekey, u64 spent)
{
	unsigned long rest;

	rekey->owed += cmk_rekey_due_to_others(rekey, spent);
	rekey->owed = min_t(u64, rekey->owed, 60 * USEC_PER_SEC);
	rest = div_u64(rekey->owed, USEC_PER_SEC / HZ);
	rekey->owed -= rest * (USEC_PER_SEC / HZ);
	rekey->device_us = 0;
	return rest;
}

static void cmk_rekey_after(struct cmk_rekey *rekey, bool checked, int r,
			    u64 spent)
{
	struct cmk_rekey_memory *memory = NULL;
	struct cmk_volume *vol = rekey->vol;
	struct cmk_slot *list = NULL;
	enum cmk_rekey_state was;
	bool tell;

	/* A revoke that comes now must not return before keys are gone. */
	mutex_lock(&vol->wipe_mutex);
	spin_lock_irq(&vol->lock);
	was = rekey->state;
	if (r)
		cmk_rekey_fail(rekey, r, &list);
	else if (rekey->finish)
		memory = cmk_rekey_over(rekey, &list);
	else
		cmk_rekey_good(rekey, checked, &list);
	if (rekey->state == CMK_REKEY_STATE_RUNNING)
		cmk_rekey_queue(rekey, cmk_rekey_rest(rekey, spent));
	tell = was != rekey->state || r ||
	       time_after(jiffies, rekey->told + HZ);
	if (!bio_list_empty(&vol->parked))
		queue_work(cmk_key_wq, &vol->unpark);
	spin_unlock_irq(&vol->lock);
	if (list)
		cmk_slots_retire(list);
	mutex_unlock(&vol->wipe_mutex);
	cmk_rekey_memory_free(memory);
	if (!tell)
		return;
	rekey->told = jiffies;
	cmk_rekey_tell(rekey);
}

/* What is to be done, if anything. */
static bool cmk_rekey_due(struct cmk_rekey *rekey, bool *check, bool *finish)
{
	ktime_t asleep = ktime_mono_to_any(0, TK_OFFS_BOOT);
	bool due;

	spin_lock_irq(&rekey->vol->lock);
	due = rekey->runs && (rekey->finish ||
			      rekey->state == CMK_REKEY_STATE_RUNNING);
	*finish = rekey->finish;
	*check = rekey->check || rekey->asleep != asleep;
	spin_unlock_irq(&rekey->vol->lock);
	rekey->asleep = asleep;
	return due;
}

void cmk_rekey_work(struct work_struct *work)
{
	struct cmk_rekey *rekey = container_of(to_delayed_work(work),
					       struct cmk_rekey, work);
	unsigned int noio = memalloc_noio_save();
	ktime_t begin = ktime_get();
	bool check, finish;
	int r;

	if (cmk_rekey_due(rekey, &check, &finish)) {
		if (finish)
			r = cmk_rekey_clear(rekey);
		else if (check)
			r = cmk_rekey_check(rekey);
		else
			r = cmk_stripe_next(rekey);
		cmk_rekey_after(rekey, check, r,
				ktime_us_delta(ktime_get(), begin));
	}
	memalloc_noio_restore(noio);
}
