// SPDX-License-Identifier: GPL-2.0
/*
 * The gate of a volume, and which keys are published.
 *
 * How keys end.  Closing the gate takes three steps: flip the gate under the
 * lock, from which moment every I/O that looks is stopped; take the pointers
 * to the keys out of the ranges; wait one RCU grace period and wipe.  Timers
 * do the first in interrupt context and queue the rest; commands do all of it
 * themselves.  No step waits for a device, an allocation, a constructor or
 * userspace.
 *
 * Why no key is published behind a closed gate: publishing looks at the gate
 * under the lock that flips it.  Why a wipe cannot take a key that belongs to
 * the time after a restore: both hold the wipe mutex, and a wipe that comes
 * second finds the gate open and does nothing.
 *
 * Why a restore undoes nothing that came after its decision: each close that
 * is accepted has a number, also one that changes nothing, since who asked for
 * it has been told that the gate is closed; and a restore opens the gate only
 * while the number is the one that it names.
 */

#include <linux/device-mapper.h>

#include "range.h"
#include "seal.h"
#include "slot.h"
#include "volume.h"

/* Of all volumes: one that was made anew must not answer to an old number. */
static atomic64_t cmk_closings;

/**
 * cmk_closings_init() - begin to count
 *
 * Where a module that was unloaded has not got to: it did not close a gate each
 * nanosecond.
 */
void __init cmk_closings_init(void)
{
	atomic64_set(&cmk_closings, ktime_get_boottime_ns());
}

/**
 * cmk_volume_flip() - close the gate
 * @vol: a volume, locked
 * @how: which gate and why
 *
 * The gate only closes further here: open, held, revoked.  The same gate again
 * makes it sticky when an administrator says so, so that his word stands even
 * when the vault's came first; what he closed only he closes further.  What is
 * not refused is a closing of its own.  The caller sees to the wiping of the
 * keys.
 *
 * Context: any.
 *
 * Return: 1 when something changed, 0 when nothing did, -EKEYREVOKED when the
 * gate is further closed already, -EPERM, -ENODEV.
 */
int cmk_volume_flip(struct cmk_volume *vol, const struct cmk_close *how)
{
	lockdep_assert_held(&vol->lock);
	if (vol->dead)
		return -ENODEV;
	if (how->gate < vol->gate)
		return -EKEYREVOKED;
	if (how->gate > vol->gate && vol->sticky && !how->sticky)
		return -EPERM;
	vol->closing = atomic64_inc_return(&cmk_closings);
	if (how->gate == vol->gate && (vol->sticky || !how->sticky))
		return 0;

	WRITE_ONCE(vol->gate, how->gate);
	vol->cause = how->cause;
	vol->sticky = how->sticky;
	strscpy(vol->reason, how->reason ?: "", sizeof(vol->reason));
	vol->lease_running = false;
	if (vol->gate == CMK_GATE_HELD && !vol->sticky &&
	    vol->options.hold_timeout) {
		vol->hold_end = jiffies + vol->options.hold_timeout;
		mod_delayed_work(cmk_key_wq, &vol->hold,
				 vol->options.hold_timeout);
	}
	/* Parked bios wait for another reason now, or fail. */
	if (!bio_list_empty(&vol->parked))
		queue_work(cmk_key_wq, &vol->unpark);
	return 1;
}

/**
 * cmk_volume_close() - close the gate and wipe the keys
 * @vol: a volume
 * @how: which gate and why
 *
 * When it returns 0 no key of the volume is in memory and no read delivers
 * plaintext any more, whoever closed the gate first.
 *
 * Context: process context; see the top of the file for what it waits for.
 *
 * Return: 0, -EKEYREVOKED, -EPERM or -ENODEV as cmk_volume_flip().
 */
int cmk_volume_close(struct cmk_volume *vol, const struct cmk_close *how)
{
	int r;

	spin_lock_irq(&vol->lock);
	r = cmk_volume_flip(vol, how);
	spin_unlock_irq(&vol->lock);

	if (r < 0)
		return r;
	cmk_volume_wipe(vol);
	cmk_volume_notify(vol);
	return 0;
}

/**
 * cmk_volume_detach_key() - take one key out
 * @vol: a volume, locked
 * @range: the entry that refers to it
 * @list: it is linked to it, for cmk_slots_retire()
 */
void cmk_volume_detach_key(struct cmk_volume *vol, struct cmk_range *range,
			   struct cmk_slot **list)
{
	struct cmk_slot *slot;

	lockdep_assert_held(&vol->lock);
	slot = rcu_dereference_protected(range->slot,
					 lockdep_is_held(&vol->lock));
	if (!slot)
		return;
	RCU_INIT_POINTER(range->slot, NULL);
	slot->next = *list;
	*list = slot;
	if (slot->tfm)
		vol->live--;
}

/**
 * cmk_volume_detach_range() - take the keys of a range out
 * @vol: a volume, locked
 * @range: in its table; if it is rekeyed, all keys of that, too
 * @list: they are linked to it, for cmk_slots_retire()
 */
void cmk_volume_detach_range(struct cmk_volume *vol, struct cmk_range *range,
			     struct cmk_slot **list)
{
	unsigned int i;

	lockdep_assert_held(&vol->lock);
	cmk_volume_detach_key(vol, range, list);
	if (likely(!vol->twin || (vol->twin->entry != range &&
				  vol->twin->only != range)))
		return;
	for (i = 0; i < CMK_SIDES; i++)
		cmk_volume_detach_key(vol, &vol->twin->side[i], list);
}

static void cmk_volume_detach(struct cmk_volume *vol, u32 first, u32 count,
			      struct cmk_slot **list)
{
	u32 i;

	for (i = first; i < first + count; i++)
		cmk_volume_detach_range(vol, cmk_range_at(&vol->ranges, i),
					list);
}

static void cmk_volume_wipe_locked(struct cmk_volume *vol)
{
	struct cmk_slot *list = NULL;
	u32 i, n;

	lockdep_assert_held(&vol->wipe_mutex);
	spin_lock_irq(&vol->lock);
	if (vol->gate == CMK_GATE_OPEN) {
		spin_unlock_irq(&vol->lock);
		return;
	}
	/* Not to keep interrupts off for the length of a large table: */
	for (i = 0; i < vol->ranges.reserved; i += n) {
		n = min_t(u32, vol->ranges.reserved - i, CMK_CHUNK_RANGES);
		cmk_volume_detach(vol, i, n, &list);
		spin_unlock_irq(&vol->lock);
		spin_lock_irq(&vol->lock);
	}
	spin_unlock_irq(&vol->lock);
	/* Also when nothing was left: a reader may be before its last step. */
	cmk_slots_retire(list);
	/* And what was captured of their way here is to stay sealed. */
	cmk_seal_end();
}

/**
 * cmk_volume_wipe() - take out and wipe the keys behind a closed gate
 * @vol: a volume; nothing is done while its gate is open
 *
 * Context: process context; sleeps for one expedited grace period.
 */
void cmk_volume_wipe(struct cmk_volume *vol)
{
	mutex_lock(&vol->wipe_mutex);
	cmk_volume_wipe_locked(vol);
	mutex_unlock(&vol->wipe_mutex);
}

/**
 * cmk_volume_open() - open the gate
 * @vol: a volume
 * @admin: by an administrator, who alone opens what one has closed
 * @closing: number of the closing that is undone, 0 for an open gate
 * @start: called under the lock when the gate is open
 * @arg: for @start
 *
 * The keys of the time before are gone first.  A gate that closes between the
 * wipe and the lock has left its keys in: wipe again.
 *
 * Return: 0, -ESTALE when @closing is not the last, -EPERM when an
 * administrator is needed, -ENODEV.
 */
int cmk_volume_open(struct cmk_volume *vol, bool admin, u64 closing,
		    void (*start)(struct cmk_volume *vol, const void *arg),
		    const void *arg)
{
	int r = 0;

	mutex_lock(&vol->wipe_mutex);
	do {
		cmk_volume_wipe_locked(vol);
		spin_lock_irq(&vol->lock);
		if (vol->gate == CMK_GATE_OPEN || !vol->live)
			break;
		spin_unlock_irq(&vol->lock);
	} while (true);

	if (vol->dead) {
		r = -ENODEV;
	} else if (closing != vol->closing) {
		r = -ESTALE;
	} else if (vol->sticky && !admin) {
		r = -EPERM;
	} else {
		WRITE_ONCE(vol->gate, CMK_GATE_OPEN);
		vol->cause = CMK_CAUSE_NONE;
		vol->sticky = false;
		vol->closing = 0;
		vol->reason[0] = '\0';
		start(vol, arg);
		if (!bio_list_empty(&vol->parked))
			queue_work(cmk_key_wq, &vol->unpark);
	}
	spin_unlock_irq(&vol->lock);
	mutex_unlock(&vol->wipe_mutex);
	if (!r)
		cmk_volume_notify(vol);
	return r;
}

/**
 * cmk_volume_takes_keys() - may any key of a range be published?
 * @vol: a volume, locked
 * @index: number of the range
 *
 * Return: 0, -ENODEV, -ENOENT, -EKEYREVOKED or -EKEYEXPIRED.
 */
int cmk_volume_takes_keys(const struct cmk_volume *vol, u32 index)
{
	lockdep_assert_held(&vol->lock);
	if (vol->dead)
		return -ENODEV;
	if (index >= vol->ranges.reserved)
		return -ENOENT;
	if (vol->gate != CMK_GATE_OPEN)
		return -EKEYREVOKED;
	return vol->lease_running || vol->options.no_lease ? 0 : -EKEYEXPIRED;
}

/* May this key be published?  The rules of the memory of generations. */
static int cmk_volume_may_set(struct cmk_volume *vol, u32 index,
			      const struct cmk_slot *slot)
{
	const struct cmk_range *range;

	int r = cmk_volume_takes_keys(vol, index);

	if (r)
		return r;
	range = cmk_range_at(&vol->ranges, index);
	if (vol->twin && vol->twin->range == range)
		return -EBUSY;
	if (vol->twin && vol->twin->only == range &&
	    slot->generation != vol->twin->generation)
		return slot->generation < vol->twin->generation ?
			-ESTALE : -EKEYREJECTED;
	if (!range->generation)
		return 0;
	if (slot->generation < range->generation)
		return -ESTALE;
	/* A newer one comes only by a rekey, and there is none. */
	if (slot->generation > range->generation ||
	    memcmp(slot->fingerprint, range->fingerprint,
		   sizeof(range->fingerprint)))
		return -EKEYREJECTED;
	return 0;
}

/**
 * cmk_volume_set_key() - publish a key
 * @vol: a volume
 * @index: number of the range
 * @slot: private slot, consumed on success and on failure
 *
 * The key that is live already is left as it is.
 *
 * Return: 0, -ENODEV, -ENOENT, -EKEYREVOKED (the gate is not open),
 * -EKEYEXPIRED (no running lease), -ESTALE (older generation),
 * -EKEYREJECTED (not the key that was live) or -EBUSY (the range is being
 * rekeyed: what starts or resumes that brings its keys).
 */
int cmk_volume_set_key(struct cmk_volume *vol, u32 index,
		       struct cmk_slot *slot)
{
	struct cmk_range *range;
	int r;

	BUILD_BUG_ON(sizeof(range->fingerprint) != sizeof(slot->fingerprint));
	spin_lock_irq(&vol->lock);
	r = cmk_volume_may_set(vol, index, slot);
	if (!r) {
		range = cmk_range_at(&vol->ranges, index);
		if (!rcu_access_pointer(range->slot)) {
			range->generation = slot->generation;
			memcpy(range->fingerprint, slot->fingerprint,
			       sizeof(range->fingerprint));
			rcu_assign_pointer(range->slot, slot);
			slot = NULL;
			vol->live++;
		}
		if (range->waiters)
			queue_work(cmk_key_wq, &vol->unpark);
	}
	spin_unlock_irq(&vol->lock);
	cmk_slot_free(slot);
	return r;
}

/**
 * cmk_volume_drop_keys() - take away and wipe keys, the gate stays
 * @vol: a volume
 * @first: number of the first range
 * @count: how many, at most to the end of the table
 *
 * Return: 0 or -ENOENT.
 */
int cmk_volume_drop_keys(struct cmk_volume *vol, u32 first, u32 count)
{
	struct cmk_slot *list = NULL;
	u32 n;

	/* A revoke that comes now must not return before they are gone. */
	mutex_lock(&vol->wipe_mutex);
	spin_lock_irq(&vol->lock);
	if (first >= vol->ranges.reserved ||
	    count > vol->ranges.reserved - first) {
		spin_unlock_irq(&vol->lock);
		mutex_unlock(&vol->wipe_mutex);
		return -ENOENT;
	}
	for (; count; first += n, count -= n) {
		n = min_t(u32, count, CMK_CHUNK_RANGES);
		cmk_volume_detach(vol, first, n, &list);
		spin_unlock_irq(&vol->lock);
		spin_lock_irq(&vol->lock);
	}
	spin_unlock_irq(&vol->lock);
	cmk_slots_retire(list);
	mutex_unlock(&vol->wipe_mutex);
	return 0;
}
