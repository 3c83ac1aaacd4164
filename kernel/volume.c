// SPDX-License-Identifier: GPL-2.0
/*
 * Volumes: their list, their gate, and which keys are published.
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
 */

#include <linux/device-mapper.h>
#include <linux/slab.h>

#include "notify.h"
#include "pages.h"
#include "range.h"
#include "slot.h"
#include "volume.h"

struct workqueue_struct *cmk_key_wq;
/* See volume.h. */
DEFINE_MUTEX(cmk_attach_mutex);

static LIST_HEAD(cmk_volumes);
static DEFINE_SPINLOCK(cmk_volumes_lock);
/* Given out so far; cmk_volumes_lock. */
static unsigned long cmk_volumes_id;

int __init cmk_volumes_init(void)
{
	cmk_key_wq = alloc_workqueue("cmk_key", WQ_UNBOUND | WQ_MEM_RECLAIM |
				     WQ_HIGHPRI, 0);
	return cmk_key_wq ? 0 : -ENOMEM;
}

void cmk_volumes_exit(void)
{
	destroy_workqueue(cmk_key_wq);
}

static void cmk_volume_wipe_work(struct work_struct *work)
{
	struct cmk_volume *vol = container_of(work, struct cmk_volume, wipe);

	cmk_volume_wipe(vol);
	cmk_volume_notify(vol);
}

/**
 * cmk_volume_create() - a volume that nobody can find yet
 * @geo: its constants
 *
 * The caller sets up the works of the data path and the timers before it
 * publishes the volume.
 *
 * Return: the volume or ERR_PTR(-ENOMEM).
 */
struct cmk_volume *cmk_volume_create(const struct cmk_geometry *geo)
{
	struct cmk_volume *vol = kzalloc(sizeof(*vol), GFP_KERNEL);

	if (!vol)
		return ERR_PTR(-ENOMEM);
	if (mempool_init(&vol->pages, CMK_RESERVE_PAGES, cmk_page_alloc,
			 cmk_page_free, NULL))
		goto free;
	/* Half of the uuid: 23 characters is what 6.1 takes. */
	vol->io_wq = alloc_workqueue("cmk/%8phN", WQ_UNBOUND | WQ_MEM_RECLAIM |
				     WQ_HIGHPRI, 0, &geo->uuid);
	if (!vol->io_wq)
		goto free_pages;
	vol->geo = *geo;
	kref_init(&vol->ref);
	INIT_LIST_HEAD(&vol->node);
	INIT_LIST_HEAD(&vol->targets);
	spin_lock_init(&vol->lock);
	mutex_init(&vol->wipe_mutex);
	bio_list_init(&vol->parked);
	INIT_WORK(&vol->wipe, cmk_volume_wipe_work);
	return vol;
free_pages:
	mempool_exit(&vol->pages);
free:
	kfree(vol);
	return ERR_PTR(-ENOMEM);
}

/**
 * cmk_volume_publish() - from now on the volume is found by its uuid
 * @vol: a volume; the caller holds cmk_attach_mutex and has made sure that no
 *	other with its uuid is listed
 */
void cmk_volume_publish(struct cmk_volume *vol)
{
	lockdep_assert_held(&cmk_attach_mutex);
	spin_lock(&cmk_volumes_lock);
	vol->id = ++cmk_volumes_id;
	list_add_tail(&vol->node, &cmk_volumes);
	spin_unlock(&cmk_volumes_lock);
	cmk_volume_notify(vol);
}

static void cmk_volume_release(struct kref *ref)
{
	struct cmk_volume *vol = container_of(ref, struct cmk_volume, ref);

	mempool_exit(&vol->pages);
	cmk_ranges_free(&vol->ranges);
	kfree_sensitive(vol);
}

void cmk_volume_put(struct cmk_volume *vol)
{
	kref_put(&vol->ref, cmk_volume_release);
}

/**
 * cmk_volume_kill() - end a volume whose last target has gone
 * @vol: a volume, listed or not; the caller holds cmk_attach_mutex
 *
 * No I/O runs.  After @dead is set no key is published, no timer started and
 * no work queued, so that what is cancelled here stays so.
 */
void cmk_volume_kill(struct cmk_volume *vol)
{
	lockdep_assert_held(&cmk_attach_mutex);
	spin_lock(&cmk_volumes_lock);
	list_del_init(&vol->node);
	spin_unlock(&cmk_volumes_lock);

	spin_lock_irq(&vol->lock);
	vol->dead = true;
	vol->gate = CMK_GATE_REVOKED;
	vol->lease_running = false;
	spin_unlock_irq(&vol->lock);

	hrtimer_cancel(&vol->lease);
	cancel_delayed_work_sync(&vol->hold);
	cancel_work_sync(&vol->wipe);
	cancel_work_sync(&vol->unpark);
	cancel_delayed_work_sync(&vol->tick);
	/* Works that have ended their bio may still be on their way out. */
	destroy_workqueue(vol->io_wq);
	cmk_volume_wipe(vol);
	cmk_volume_notify(vol);
	cmk_volume_put(vol);
}

/**
 * cmk_volume_find() - look a volume up
 * @uuid: its name
 *
 * Return: the volume with a reference, or NULL.
 */
struct cmk_volume *cmk_volume_find(const uuid_t *uuid)
{
	struct cmk_volume *vol, *found = NULL;

	spin_lock(&cmk_volumes_lock);
	list_for_each_entry(vol, &cmk_volumes, node) {
		if (uuid_equal(&vol->geo.uuid, uuid)) {
			kref_get(&vol->ref);
			found = vol;
			break;
		}
	}
	spin_unlock(&cmk_volumes_lock);
	return found;
}

/**
 * cmk_volume_after() - for dumps, which volumes come and go during
 * @id: of the last one told, 0 for none
 *
 * Return: the next volume with a reference, or NULL past the end.
 */
struct cmk_volume *cmk_volume_after(unsigned long id)
{
	struct cmk_volume *vol, *found = NULL;

	spin_lock(&cmk_volumes_lock);
	list_for_each_entry(vol, &cmk_volumes, node) {
		if (vol->id > id) {
			kref_get(&vol->ref);
			found = vol;
			break;
		}
	}
	spin_unlock(&cmk_volumes_lock);
	return found;
}

/**
 * cmk_volume_notify() - report where the gate is
 * @vol: a volume, at any time of its life
 *
 * Context: process context.
 */
void cmk_volume_notify(struct cmk_volume *vol)
{
	struct cmk_event event = {
		.cmd = CMK_CMD_STATE_CHANGED,
		.uuid = vol->geo.uuid,
	};

	spin_lock_irq(&vol->lock);
	event.gate = vol->gate;
	event.cause = vol->cause;
	event.sticky = vol->sticky;
	spin_unlock_irq(&vol->lock);
	cmk_notify(&event);
}

/**
 * cmk_volume_flip() - close the gate
 * @vol: a volume, locked
 * @how: which gate and why
 *
 * The gate only closes further here: open, held, revoked.  The same gate again
 * makes it sticky when an administrator says so, so that his word stands even
 * when the vault's came first; what he closed only he closes further.  The
 * caller sees to the wiping of the keys.
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
	if (how->gate == vol->gate && (vol->sticky || !how->sticky))
		return 0;
	if (vol->sticky && !how->sticky)
		return -EPERM;

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
	if (r)
		cmk_volume_notify(vol);
	return 0;
}

/* Takes the keys of ranges out and links them to @list. */
static void cmk_volume_detach(struct cmk_volume *vol, u32 first, u32 count,
			      struct cmk_slot **list)
{
	struct cmk_range *range;
	struct cmk_slot *slot;
	u32 i;

	lockdep_assert_held(&vol->lock);
	for (i = first; i < first + count; i++) {
		range = cmk_range_at(&vol->ranges, i);
		slot = rcu_dereference_protected(range->slot,
						 lockdep_is_held(&vol->lock));
		if (!slot)
			continue;
		RCU_INIT_POINTER(range->slot, NULL);
		slot->next = *list;
		*list = slot;
		vol->live--;
	}
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
 * @start: called under the lock when the gate is open
 * @arg: for @start
 *
 * The keys of the time before are gone first.  A gate that closes between the
 * wipe and the lock has left its keys in: wipe again.
 *
 * Return: 0, -EPERM when an administrator is needed, -ENODEV.
 */
int cmk_volume_open(struct cmk_volume *vol, bool admin,
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
	} else if (vol->sticky && !admin) {
		r = -EPERM;
	} else {
		WRITE_ONCE(vol->gate, CMK_GATE_OPEN);
		vol->cause = CMK_CAUSE_NONE;
		vol->sticky = false;
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

/* May this key be published?  The rules of the memory of generations. */
static int cmk_volume_may_set(struct cmk_volume *vol, u32 index,
			      const struct cmk_slot *slot)
{
	const struct cmk_range *range;

	if (vol->dead)
		return -ENODEV;
	if (index >= vol->ranges.reserved)
		return -ENOENT;
	if (vol->gate != CMK_GATE_OPEN)
		return -EKEYREVOKED;
	if (!vol->lease_running && !vol->options.no_lease)
		return -EKEYEXPIRED;
	range = cmk_range_at(&vol->ranges, index);
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
 * -EKEYEXPIRED (no running lease), -ESTALE (older generation) or
 * -EKEYREJECTED (not the key that was live).
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
