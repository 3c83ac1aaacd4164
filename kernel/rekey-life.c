// SPDX-License-Identifier: GPL-2.0
/*
 * What the target does with a rekey: it finds one on the disk before the first
 * I/O, begins one while no I/O runs, and stops the worker for a suspend.
 *
 * A record that says that a rekey is under way closes its range, whatever an
 * agent believes: with one key of two its data would be destroyed.  The range
 * is opened by a resume of the rekey, which checks the record's MAC.  A record
 * "complete" leaves the range open for the new key alone.
 */

#include <linux/blkdev.h>
#include <linux/slab.h>

#include "range.h"
#include "rekey-internal.h"
#include "slot.h"
#include "volume.h"

/**
 * cmk_rekey_load() - read the record area
 * @bdev: the data device
 * @record: first sector of the area
 * @error: set to what is wrong
 *
 * Context: process context; waits for the device; no lock is held, as a device
 * that hangs must not hold up other constructors.
 *
 * Return: what cmk_rekey_adopt() or cmk_rekey_free() takes, or ERR_PTR.
 */
struct cmk_rekey *cmk_rekey_load(struct block_device *bdev, sector_t record,
				 const char **error)
{
	struct cmk_rekey *rekey = kzalloc(sizeof(*rekey), GFP_KERNEL);
	int r = -ENOMEM;

	if (!rekey)
		goto failed;
	INIT_DELAYED_WORK(&rekey->work, cmk_rekey_work);
	rekey->area = record;
	rekey->bdev = bdev;
	rekey->memory = cmk_rekey_memory_alloc(rekey);
	if (!rekey->memory)
		goto failed;
	r = cmk_record_read(rekey, &rekey->record);
	if (r)
		goto failed;
	cmk_rekey_memory_free(rekey->memory);
	rekey->memory = NULL;
	return rekey;
failed:
	cmk_rekey_free(rekey);
	*error = r == -ENOMEM ? "Out of memory" :
		 r == -EUCLEAN ? "The record area is damaged" :
		 r == -EPROTONOSUPPORT ? "The record is of another version" :
		 "The record area cannot be read";
	return ERR_PTR(r);
}

/**
 * cmk_rekey_free() - when no volume has adopted it
 * @rekey: from cmk_rekey_load(), or NULL
 */
void cmk_rekey_free(struct cmk_rekey *rekey)
{
	if (!rekey)
		return;
	cmk_rekey_memory_free(rekey->memory);
	kfree(rekey);
}

static const char *cmk_rekey_differs(const struct cmk_rekey *rekey,
				     const struct cmk_volume *vol)
{
	const struct cmk_record *record = &rekey->record;
	const struct cmk_geometry *geo = &vol->geo;

	if (memcmp(record->uuid, &geo->uuid, sizeof(record->uuid)))
		return "The record is another volume's";
	if (record->range_sectors != 1ULL << geo->range_shift)
		return "range_sectors differs from the record's";
	if (record->sector_size != geo->sector_size)
		return "sector_size differs from the record's";
	if (record->iv_offset != geo->iv_offset)
		return "iv_offset differs from the record's";
	if (record->state != CMK_RECORD_IDLE &&
	    record->range >= vol->ranges.reserved)
		return "The record's range is not in the table";
	return NULL;
}

/* What the record that was found means for I/O. */
static void cmk_rekey_found(struct cmk_rekey *rekey, struct cmk_twin *twin,
			    const struct cmk_volume *vol)
{
	struct cmk_range *range = NULL;

	/* That of an idle record may be one that the table has not. */
	if (rekey->record.range < vol->ranges.reserved)
		range = cmk_range_at(&vol->ranges, rekey->record.range);
	switch (rekey->record.state) {
	case CMK_RECORD_IDLE:
		break;
	case CMK_RECORD_CLEAN:
	case CMK_RECORD_STRIPE:
		rekey->state = CMK_REKEY_STATE_PENDING;
		twin->entry = range;
		twin->range = range;
		break;
	case CMK_RECORD_COMPLETE:
		rekey->state = CMK_REKEY_STATE_COMPLETE;
		twin->only = range;
		twin->generation = rekey->record.generation;
		break;
	}
}

/**
 * cmk_rekey_adopt() - what the record says counts for this volume
 * @vol: a volume with its ranges, not yet listed
 * @rekey: from cmk_rekey_load(); the volume's when it returns 0
 * @error: set to what is wrong
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int cmk_rekey_adopt(struct cmk_volume *vol, struct cmk_rekey *rekey,
		    const char **error)
{
	bool found = rekey->choice.found == CMK_RECORD_FOUND;
	struct cmk_twin *twin;

	*error = found ? cmk_rekey_differs(rekey, vol) : NULL;
	if (*error)
		return -EINVAL;
	twin = kzalloc(sizeof(*twin), GFP_KERNEL);
	if (!twin) {
		*error = "Out of memory";
		return -ENOMEM;
	}
	init_waitqueue_head(&twin->drained);
	rekey->vol = vol;
	rekey->check = true;
	if (found)
		cmk_rekey_found(rekey, twin, vol);
	vol->twin = twin;
	vol->rekey = rekey;
	return 0;
}

/**
 * cmk_rekey_halt() - the worker stops after the stripe in flight
 * @vol: a volume whose device is being suspended
 *
 * Context: process context; waits for the device.
 */
void cmk_rekey_halt(struct cmk_volume *vol)
{
	struct cmk_rekey *rekey = vol->rekey;

	if (!rekey)
		return;
	spin_lock_irq(&vol->lock);
	rekey->runs = false;
	spin_unlock_irq(&vol->lock);
	cancel_delayed_work_sync(&rekey->work);
}

/* Keys that came are gone again: there will be no rekey. */
static void cmk_rekey_disarm(struct cmk_rekey *rekey, struct cmk_slot **list)
{
	struct cmk_twin *twin = rekey->vol->twin;
	unsigned int i;

	for (i = 0; i < CMK_SIDES; i++)
		cmk_volume_detach_key(rekey->vol, &twin->side[i], list);
	twin->entry = NULL;
	rekey->state = CMK_REKEY_STATE_NONE;
}

/* No I/O runs: from now on that of the range is counted. */
static void cmk_rekey_begin(struct cmk_rekey *rekey, struct cmk_slot **list)
{
	struct cmk_volume *vol = rekey->vol;
	struct cmk_twin *twin = vol->twin;
	struct cmk_range *side = twin->side, *entry = twin->entry;
	struct cmk_slot *slot;

	lockdep_assert_held(&vol->lock);
	slot = rcu_dereference_protected(entry->slot,
					 lockdep_is_held(&vol->lock));
	if (!slot || !rcu_access_pointer(side[CMK_SIDE_NEW].slot) ||
	    !rcu_access_pointer(side[CMK_SIDE_MAC].slot)) {
		cmk_rekey_disarm(rekey, list);
		return;
	}
	RCU_INIT_POINTER(entry->slot, NULL);
	rcu_assign_pointer(side[CMK_SIDE_OLD].slot, slot);
	rekey->record.block_size = bdev_logical_block_size(rekey->bdev);
	twin->range = entry;
	twin->read_cursor = cmk_rekey_begin_of(rekey);
	twin->write_cursor = twin->read_cursor;
	twin->phase = CMK_PHASE_NONE;
	twin->stuck = false;
	twin->open = true;
	rekey->state = CMK_REKEY_STATE_RUNNING;
}

/**
 * cmk_rekey_preresume() - no I/O runs
 * @vol: a volume
 * @bdev: the data device, as the table has it that is resumed
 * @read_only: it is a read-only table: what needs no write goes on
 */
void cmk_rekey_preresume(struct cmk_volume *vol, struct block_device *bdev,
			 bool read_only)
{
	struct cmk_rekey *rekey = vol->rekey;
	struct cmk_slot *list = NULL;
	bool tell;

	if (!rekey)
		return;
	mutex_lock(&vol->wipe_mutex);
	spin_lock_irq(&vol->lock);
	rekey->bdev = bdev;
	rekey->read_only = read_only;
	tell = rekey->state == CMK_REKEY_STATE_ARMED;
	if (tell)
		cmk_rekey_begin(rekey, &list);
	spin_unlock_irq(&vol->lock);
	if (list)
		cmk_slots_retire(list);
	mutex_unlock(&vol->wipe_mutex);
	if (tell)
		cmk_rekey_tell(rekey);
}

/**
 * cmk_rekey_go() - the worker may run
 * @vol: a volume whose device is resumed
 */
void cmk_rekey_go(struct cmk_volume *vol)
{
	struct cmk_rekey *rekey = vol->rekey;

	if (!rekey)
		return;
	spin_lock_irq(&vol->lock);
	rekey->runs = true;
	rekey->check = true;
	if (rekey->finish || rekey->state == CMK_REKEY_STATE_RUNNING)
		cmk_rekey_queue(rekey, 0);
	spin_unlock_irq(&vol->lock);
}

/**
 * cmk_rekey_end() - before the end of a volume
 * @vol: a volume whose last target goes
 */
void cmk_rekey_end(struct cmk_volume *vol)
{
	struct cmk_rekey *rekey = vol->rekey;

	if (!rekey)
		return;
	spin_lock_irq(&vol->lock);
	rekey->ended = true;
	spin_unlock_irq(&vol->lock);
	cmk_rekey_halt(vol);
	cmk_rekey_memory_free(rekey->memory);
	rekey->memory = NULL;
}
