// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a rekey, and the commands that change it.
 *
 *	none -> armed -> running <-> paused
 *	          |        |  ^        |
 *	          v        v  |        |
 *	        none     pending <-----+
 *	                 running -> complete -> none
 *
 * armed      rekey-start has brought the keys; the next resume of the device,
 *            before which no I/O runs, begins it.
 * running    the worker works: it checks the record, then stripe after stripe.
 * pending    the worker has stopped, or has not begun since the volume is: only
 *            the record knows how far the rekey is.  rekey-start with "resume".
 * complete   the record says so; the range is one like others again.
 *
 * All of it is under the volume's lock, and no command waits for the worker or
 * for a device.  Keys are given to the volume where a hold or a revoke finds
 * them, under the lock and after the gate was looked at, as any key is.
 */

#include <linux/slab.h>

#include "digest.h"
#include "notify.h"
#include "range.h"
#include "rekey-internal.h"
#include "slot.h"
#include "volume.h"

/* Freezable, see rekey-work.c. */
struct workqueue_struct *cmk_rekey_wq;

int __init cmk_rekey_init(void)
{
	cmk_rekey_wq = alloc_workqueue("cmk_rekey", WQ_UNBOUND | WQ_FREEZABLE |
				       WQ_MEM_RECLAIM, 0);
	return cmk_rekey_wq ? 0 : -ENOMEM;
}

void cmk_rekey_exit(void)
{
	destroy_workqueue(cmk_rekey_wq);
}

/* --- telling --- */

static u64 cmk_rekey_sectors(const struct cmk_rekey *rekey)
{
	u64 begin = cmk_rekey_begin_of(rekey), all = rekey->vol->sectors;

	return begin < all ? min(all - begin, rekey->record.range_sectors) : 0;
}

/**
 * cmk_rekey_has_keys() - are all keys of it live?
 * @rekey: a rekey, its volume is locked
 */
bool cmk_rekey_has_keys(const struct cmk_rekey *rekey)
{
	const struct cmk_range *side = rekey->vol->twin->side;
	unsigned int i;

	lockdep_assert_held(&rekey->vol->lock);
	for (i = 0; i < CMK_SIDES; i++)
		if (!rcu_access_pointer(side[i].slot))
			return false;
	return true;
}

/* Who takes keys away does not know of us: without them it does not rest. */
static enum cmk_rekey_state cmk_rekey_state(const struct cmk_rekey *rekey)
{
	if (rekey->state == CMK_REKEY_STATE_PAUSED &&
	    !cmk_rekey_has_keys(rekey))
		return CMK_REKEY_STATE_PENDING;
	return rekey->state;
}

/**
 * cmk_rekey_info() - how far is it?
 * @vol: a volume
 */
struct cmk_rekey_info cmk_rekey_info(struct cmk_volume *vol)
{
	const struct cmk_rekey *rekey = vol->rekey;
	struct cmk_rekey_info info = { };

	if (!rekey)
		return info;
	spin_lock_irq(&vol->lock);
	info.state = cmk_rekey_state(rekey);
	info.header_seq = rekey->record.header_seq;
	if (info.state != CMK_REKEY_STATE_NONE) {
		info.range = rekey->record.range;
		info.old_generation = rekey->record.old_generation;
		info.generation = rekey->record.generation;
		memcpy(info.run, rekey->record.run, sizeof(info.run));
		info.sectors = cmk_rekey_sectors(rekey);
		info.done = min(rekey->record.cursor, info.sectors);
		info.error = rekey->error;
		info.sector = rekey->sector;
	}
	spin_unlock_irq(&vol->lock);
	return info;
}

/**
 * cmk_rekey_tell() - send the event
 * @rekey: a rekey
 *
 * Context: process context.
 */
void cmk_rekey_tell(struct cmk_rekey *rekey)
{
	struct cmk_rekey_info info = cmk_rekey_info(rekey->vol);
	struct cmk_event event = {
		.cmd = CMK_CMD_REKEY_CHANGED,
		.uuid = rekey->vol->geo.uuid,
		.rekey = info.state,
		.range = info.range,
		.done = info.done,
		.sectors = info.sectors,
		.error = info.error,
		.sector = info.sector,
	};

	cmk_notify(&event);
}

/**
 * cmk_rekey_queue() - let the worker look, unless the device is suspended
 * @rekey: a rekey, its volume is locked
 * @delay: jiffies
 */
void cmk_rekey_queue(struct cmk_rekey *rekey, unsigned long delay)
{
	lockdep_assert_held(&rekey->vol->lock);
	if (rekey->runs)
		mod_delayed_work(cmk_rekey_wq, &rekey->work, delay);
}

/* --- start --- */

/* A key into its place, unless one is there; *@slot is NULL if it was taken. */
static void cmk_rekey_put(struct cmk_volume *vol, enum cmk_side side,
			  struct cmk_slot **slot)
{
	struct cmk_range *place = &vol->twin->side[side];

	lockdep_assert_held(&vol->lock);
	if (!*slot || rcu_access_pointer(place->slot))
		return;
	if ((*slot)->tfm) {
		place->generation = (*slot)->generation;
		memcpy(place->fingerprint, (*slot)->fingerprint,
		       sizeof(place->fingerprint));
		vol->live++;
	}
	rcu_assign_pointer(place->slot, *slot);
	*slot = NULL;
}

static bool cmk_rekey_is(const struct cmk_rekey *rekey,
			 const struct cmk_rekey_terms *terms)
{
	return rekey->record.range == terms->range &&
	       !memcmp(rekey->record.run, terms->run, sizeof(terms->run));
}

/* May a new rekey begin? */
static int cmk_rekey_may_arm(struct cmk_rekey *rekey,
			     const struct cmk_rekey_terms *terms)
{
	struct cmk_volume *vol = rekey->vol;
	const struct cmk_range *entry;

	if (rekey->state != CMK_REKEY_STATE_NONE &&
	    rekey->state != CMK_REKEY_STATE_ARMED)
		return -EBUSY;
	if (rekey->read_only)
		return -EROFS;
	/* What the last rekey left under way would find these keys for its. */
	if (vol->twin->counted)
		return -EBUSY;
	if (terms->range >= vol->ranges.nr)
		return -ENOENT;
	entry = cmk_range_at(&vol->ranges, terms->range);
	if (!rcu_access_pointer(entry->slot))
		return -ENOKEY;
	if (entry->generation != terms->old_generation ||
	    terms->generation <= terms->old_generation ||
	    terms->header_seq < rekey->record.header_seq)
		return -ESTALE;
	/* Towards the same DEK. */
	if (!memcmp(terms->new->fingerprint, entry->fingerprint,
		    sizeof(entry->fingerprint)))
		return -EINVAL;
	return 0;
}

static void cmk_rekey_arm(struct cmk_rekey *rekey,
			  struct cmk_rekey_terms *terms,
			  struct cmk_slot **list)
{
	struct cmk_volume *vol = rekey->vol;
	struct cmk_twin *twin = vol->twin;
	struct cmk_record *record = &rekey->record;
	unsigned int i;

	for (i = 0; i < CMK_SIDES; i++) {
		cmk_volume_detach_key(vol, &twin->side[i], list);
		twin->side[i] = (struct cmk_range) { };
	}
	twin->entry = cmk_range_at(&vol->ranges, terms->range);
	twin->side[CMK_SIDE_OLD] = *twin->entry;
	RCU_INIT_POINTER(twin->side[CMK_SIDE_OLD].slot, NULL);
	memcpy(record->uuid, &vol->geo.uuid, sizeof(record->uuid));
	memcpy(record->run, terms->run, sizeof(record->run));
	record->range = terms->range;
	record->old_generation = terms->old_generation;
	record->generation = terms->generation;
	record->sector_size = vol->geo.sector_size;
	record->range_sectors = 1ULL << vol->geo.range_shift;
	record->iv_offset = vol->geo.iv_offset;
	record->header_seq = terms->header_seq;
	record->cursor = 0;
	record->state = CMK_RECORD_CLEAN;
	rekey->fresh = true;
	rekey->state = CMK_REKEY_STATE_ARMED;
}

static int cmk_rekey_may_take(const struct cmk_range *place,
			      const struct cmk_slot *slot)
{
	if (rcu_access_pointer(place->slot))
		return 0;
	if (!slot)
		return -ENOKEY;
	return slot->tfm && place->generation &&
	       memcmp(slot->fingerprint, place->fingerprint,
		      sizeof(place->fingerprint)) ? -EKEYREJECTED : 0;
}

/* May one that stopped go on?  Also one that does not know yet that it has. */
static int cmk_rekey_may_resume(struct cmk_rekey *rekey,
				const struct cmk_rekey_terms *terms)
{
	const struct cmk_range *side = rekey->vol->twin->side;

	switch (rekey->state) {
	case CMK_REKEY_STATE_NONE:
	case CMK_REKEY_STATE_ARMED:
	case CMK_REKEY_STATE_COMPLETE:
		return -ENOENT;
	case CMK_REKEY_STATE_PENDING:
	case CMK_REKEY_STATE_RUNNING:
	case CMK_REKEY_STATE_PAUSED:
		break;
	}
	if (!cmk_rekey_is(rekey, terms) ||
	    rekey->record.old_generation != terms->old_generation ||
	    rekey->record.generation != terms->generation)
		return -ESTALE;
	return cmk_rekey_may_take(&side[CMK_SIDE_OLD], terms->old) ?:
	       cmk_rekey_may_take(&side[CMK_SIDE_NEW], terms->new) ?:
	       cmk_rekey_may_take(&side[CMK_SIDE_MAC], terms->mac);
}

static int cmk_rekey_start_locked(struct cmk_rekey *rekey,
				  struct cmk_rekey_terms *terms,
				  struct cmk_slot **list)
{
	struct cmk_volume *vol = rekey->vol;
	int r = cmk_volume_takes_keys(vol, terms->range);

	if (r || rekey->ended)
		return r ?: -ENODEV;
	r = terms->resume ? cmk_rekey_may_resume(rekey, terms) :
			    cmk_rekey_may_arm(rekey, terms);
	if (r)
		return r;
	if (terms->resume) {
		cmk_rekey_put(vol, CMK_SIDE_OLD, &terms->old);
		rekey->state = CMK_REKEY_STATE_RUNNING;
	} else {
		cmk_rekey_arm(rekey, terms, list);
	}
	cmk_rekey_put(vol, CMK_SIDE_NEW, &terms->new);
	cmk_rekey_put(vol, CMK_SIDE_MAC, &terms->mac);
	rekey->check = true;
	rekey->paused = terms->paused;
	rekey->bandwidth = terms->bandwidth;
	rekey->duty = terms->duty;
	rekey->error = 0;
	rekey->sector = 0;
	if (terms->resume)
		cmk_rekey_queue(rekey, 0);
	return 0;
}

/* Takes the memory if there is none. */
static void cmk_rekey_equip(struct cmk_rekey *rekey,
			    struct cmk_rekey_memory **memory)
{
	lockdep_assert_held(&rekey->vol->lock);
	if (rekey->memory || rekey->ended)
		return;
	rekey->memory = *memory;
	*memory = NULL;
}

/**
 * cmk_rekey_start() - begin, or go on
 * @vol: a volume
 * @terms: of the rekey; its slots are consumed, whatever is returned
 *
 * Context: process context under memalloc_noio_save(); waits for a grace period
 * at most.
 *
 * Return: 0; -EOPNOTSUPP without a record area; what cmk_volume_takes_keys()
 * returns; -EBUSY when another one is under way, or I/O of its time; -ENOKEY
 * when an old key is neither live nor given; -ESTALE for other generations,
 * another run or an older header; -EINVAL towards the same DEK; -EKEYREJECTED
 * for a key that is not the one that was live; -ENOENT when there is nothing to
 * resume; -EROFS under a read-only table, if it is not a resume, which may find
 * what it can do without writing; -ENOMEM.
 */
int cmk_rekey_start(struct cmk_volume *vol, struct cmk_rekey_terms *terms)
{
	struct cmk_rekey_memory *memory = NULL;
	struct cmk_rekey *rekey = vol->rekey;
	struct cmk_slot *list = NULL;
	int r = -EOPNOTSUPP;

	if (rekey) {
		memory = cmk_rekey_memory_alloc(rekey);
		r = memory ? 0 : -ENOMEM;
	}
	if (!r) {
		mutex_lock(&vol->wipe_mutex);
		spin_lock_irq(&vol->lock);
		cmk_rekey_equip(rekey, &memory);
		r = cmk_rekey_start_locked(rekey, terms, &list);
		spin_unlock_irq(&vol->lock);
		if (list)
			cmk_slots_retire(list);
		mutex_unlock(&vol->wipe_mutex);
	}
	cmk_rekey_memory_free(memory);
	cmk_slot_free(terms->old);
	cmk_slot_free(terms->new);
	cmk_slot_free(terms->mac);
	if (!r)
		cmk_rekey_tell(rekey);
	return r;
}

/* --- pause, go on, done --- */

/**
 * cmk_rekey_pause() - stop after the stripe in flight
 * @vol: a volume
 *
 * Return: 0, also when it is paused already; -EOPNOTSUPP; -ENOENT.
 */
int cmk_rekey_pause(struct cmk_volume *vol)
{
	struct cmk_rekey *rekey = vol->rekey;
	int r = 0;

	if (!rekey)
		return -EOPNOTSUPP;
	spin_lock_irq(&vol->lock);
	switch (rekey->state) {
	case CMK_REKEY_STATE_RUNNING:
		/* The record is checked first, and the range opened. */
		if (rekey->check)
			rekey->paused = true;
		else
			rekey->state = CMK_REKEY_STATE_PAUSED;
		break;
	case CMK_REKEY_STATE_ARMED:
		rekey->paused = true;
		break;
	case CMK_REKEY_STATE_PAUSED:
		break;
	case CMK_REKEY_STATE_NONE:
	case CMK_REKEY_STATE_PENDING:
	case CMK_REKEY_STATE_COMPLETE:
		r = -ENOENT;
		break;
	}
	spin_unlock_irq(&vol->lock);
	if (!r)
		cmk_rekey_tell(rekey);
	return r;
}

/**
 * cmk_rekey_resume() - go on after a pause, under other limits
 * @vol: a volume
 * @bandwidth: KiB a second, 0 for no limit
 * @duty: percent of the time, 0: all, but see cmk_rekey_due_to_others()
 *
 * Return: 0; -EOPNOTSUPP; -ENOENT when none is paused or runs.
 */
int cmk_rekey_resume(struct cmk_volume *vol, u32 bandwidth, u32 duty)
{
	struct cmk_rekey *rekey = vol->rekey;
	int r = -ENOENT;

	if (!rekey)
		return -EOPNOTSUPP;
	spin_lock_irq(&vol->lock);
	if (rekey->state == CMK_REKEY_STATE_PAUSED ||
	    rekey->state == CMK_REKEY_STATE_RUNNING) {
		rekey->state = CMK_REKEY_STATE_RUNNING;
		rekey->bandwidth = bandwidth;
		rekey->duty = duty;
		rekey->paused = false;
		cmk_rekey_queue(rekey, 0);
		r = 0;
	}
	spin_unlock_irq(&vol->lock);
	if (!r)
		cmk_rekey_tell(rekey);
	return r;
}

/**
 * cmk_rekey_done() - the header knows only the new DEK: clear the record
 * @vol: a volume
 * @terms: range, run, the record's keys and the number of the header; its slot
 *	is consumed, whatever is returned
 *
 * Return: 0; -EOPNOTSUPP; what cmk_volume_takes_keys() returns; -ENOENT when
 * none is complete; -ESTALE for another range or run, or a header that is older
 * than one of before; -ENOMEM.
 */
int cmk_rekey_done(struct cmk_volume *vol, struct cmk_rekey_terms *terms)
{
	struct cmk_rekey_memory *memory = NULL;
	struct cmk_rekey *rekey = vol->rekey;
	int r = -EOPNOTSUPP;

	if (rekey) {
		memory = cmk_rekey_memory_alloc(rekey);
		r = memory ? 0 : -ENOMEM;
	}
	if (!r) {
		spin_lock_irq(&vol->lock);
		r = cmk_volume_takes_keys(vol, terms->range);
		if (!r && rekey->state != CMK_REKEY_STATE_COMPLETE)
			r = -ENOENT;
		if (!r && (!cmk_rekey_is(rekey, terms) ||
			   terms->header_seq < rekey->record.header_seq))
			r = -ESTALE;
		if (!r) {
			cmk_rekey_equip(rekey, &memory);
			cmk_rekey_put(vol, CMK_SIDE_MAC, &terms->mac);
			rekey->header_seq = terms->header_seq;
			rekey->finish = true;
			rekey->error = 0;
			cmk_rekey_queue(rekey, 0);
		}
		spin_unlock_irq(&vol->lock);
	}
	cmk_rekey_memory_free(memory);
	cmk_slot_free(terms->mac);
	return r;
}
