// SPDX-License-Identifier: GPL-2.0
/*
 * The device-mapper target "cmk": constructor, life in a table, status.
 *
 * A target is the piece of a table; what it encrypts with belongs to the
 * volume that it attaches to.  The volume exists from table load, not from
 * resume, so that keys can be there before the first I/O: udev and blkid read
 * both ends of a device as soon as it is resumed.
 */

#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <cmk_format.h>

#include "args.h"
#include "cipher.h"
#include "io.h"
#include "lease.h"
#include "rekey.h"
#include "target.h"
#include "volume.h"

#define DM_MSG_PREFIX "cmk"

static unsigned long cmk_seconds(unsigned int seconds)
{
	return (unsigned long)seconds * HZ;
}

/* What the line says must fit the device and the length of the target. */
static int cmk_ctr_check(struct dm_target *ti, const struct cmk_target *ct)
{
	const struct cmk_args *args = &ct->args;
	unsigned int unit = args->sector_size >> SECTOR_SHIFT;

	if (bdev_is_zoned(ct->dev->bdev)) {
		ti->error = "Zoned devices are not supported";
		return -EOPNOTSUPP;
	}
	if (bdev_logical_block_size(ct->dev->bdev) > args->sector_size) {
		ti->error = "sector_size is below the device's block size";
		return -EINVAL;
	}
	if (ti->len & (unit - 1)) {
		ti->error = "Length is no multiple of sector_size";
		return -EINVAL;
	}
	if (args->offset & (unit - 1)) {
		ti->error = "Device offset is no multiple of sector_size";
		return -EINVAL;
	}
	if (args->iv_offset & (unit - 1)) {
		ti->error = "iv_offset is no multiple of sector_size";
		return -EINVAL;
	}
	if (args->record != CMK_NO_RECORD &&
	    (args->record > args->offset ||
	     args->offset - args->record < CMK_RECORD_SIZE >> SECTOR_SHIFT)) {
		ti->error = "The record area does not lie before the data";
		return -EINVAL;
	}
	if (DIV_ROUND_UP_ULL(ti->len, args->range_sectors) > CMK_RANGES_MAX) {
		ti->error = "More than 65536 ranges";
		return -EINVAL;
	}
	return 0;
}

/* Names the argument in which a volume's second target differs. */
static const char *cmk_ctr_differs(const struct cmk_volume *vol,
				   const struct cmk_geometry *geo,
				   const struct cmk_target *ct)
{
	const struct cmk_target *other;

	if (vol->geo.md != geo->md)
		return "The volume is in use by another mapped device";
	list_for_each_entry(other, &vol->targets, node)
		if (other->ti->table == ct->ti->table)
			return "The volume is in this table already";
	if (vol->geo.dev != geo->dev)
		return "device differs from the volume's";
	if (vol->geo.start != geo->start)
		return "offset differs from the volume's";
	if (vol->geo.range_shift != geo->range_shift)
		return "range_sectors differs from the volume's";
	if (vol->geo.sector_size != geo->sector_size)
		return "sector_size differs from the volume's";
	if (vol->geo.iv_offset != geo->iv_offset)
		return "iv_offset differs from the volume's";
	if (vol->geo.record != geo->record)
		return "record differs from the volume's";
	if (ct->sectors < vol->sectors)
		return "A volume cannot shrink";
	return NULL;
}

static struct cmk_volume *cmk_ctr_new_volume(const struct cmk_geometry *geo,
					     const struct cmk_target *ct)
{
	struct cmk_volume *vol = cmk_volume_create(geo);

	if (IS_ERR(vol))
		return vol;
	cmk_lease_init(vol);
	cmk_park_init(vol);
	cmk_offload_init(vol);
	vol->options = ct->options;
	vol->sectors = ct->sectors;
	vol->number = disk_devt(dm_disk((struct mapped_device *)geo->md));
	return vol;
}

/* A new volume gets its table of ranges and what its record says. */
static int cmk_ctr_prepare(struct dm_target *ti, struct cmk_volume *vol, u32 nr,
			   bool found, struct cmk_rekey **rekey)
{
	int r = cmk_ranges_reserve(&vol->ranges, nr);

	if (r) {
		ti->error = "Out of memory";
		return r;
	}
	spin_lock_irq(&vol->lock);
	vol->ranges.reserved = max(vol->ranges.reserved, nr);
	spin_unlock_irq(&vol->lock);
	if (found || !*rekey)
		return 0;
	r = cmk_rekey_adopt(vol, *rekey, (const char **)&ti->error);
	if (!r)
		*rekey = NULL;
	return r;
}

/*
 * Attaches to the volume of the uuid, or makes it; then *@rekey is the
 * volume's and NULL.  -EAGAIN: its record must be read before.
 */
static int cmk_ctr_attach(struct dm_target *ti, struct cmk_target *ct,
			  const struct cmk_geometry *geo,
			  struct cmk_rekey **rekey)
{
	u32 nr = cmk_volume_range_count(ct->sectors, geo->range_shift);
	struct cmk_volume *vol;
	bool found;
	int r;

	lockdep_assert_held(&cmk_attach_mutex);
	vol = cmk_volume_find(&geo->uuid);
	found = vol;
	if (!found && geo->record != CMK_NO_RECORD && !*rekey)
		return -EAGAIN;
	if (found) {
		/* It has a target, so it lives as long as the mutex is held. */
		cmk_volume_put(vol);
		ti->error = (char *)cmk_ctr_differs(vol, geo, ct);
		if (ti->error)
			return -EEXIST;
	} else {
		vol = cmk_ctr_new_volume(geo, ct);
	}
	if (IS_ERR(vol)) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	r = cmk_ctr_prepare(ti, vol, nr, found, rekey);
	if (r) {
		if (!found)
			cmk_volume_kill(vol);
		return r;
	}
	if (!found) {
		vol->ranges.nr = nr;
		cmk_volume_publish(vol);
	}
	ct->vol = vol;
	list_add(&ct->node, &vol->targets);
	return 0;
}

static void cmk_dtr(struct dm_target *ti)
{
	struct cmk_target *ct = ti->private;

	if (ct->vol) {
		mutex_lock(&cmk_attach_mutex);
		list_del(&ct->node);
		if (list_empty(&ct->vol->targets)) {
			cmk_rekey_end(ct->vol);
			cmk_volume_kill(ct->vol);
		}
		mutex_unlock(&cmk_attach_mutex);
	}
	if (ct->dev)
		dm_put_device(ti, ct->dev);
	kfree(ct);
}

static void cmk_ctr_limits(struct dm_target *ti, const struct cmk_target *ct)
{
	ti->num_flush_bios = 1;
	ti->num_discard_bios = ct->args.allow_discards;
	ti->per_io_data_size = sizeof(struct cmk_io);
	ti->accounts_remapped_io = true;
	ti->limit_swap_bios = true;
}

/*
 * The record is read without a lock, so that a device that hangs holds up no
 * other table, and not where a volume is, which knows better and may be writing
 * it.
 */
static int cmk_ctr_join(struct dm_target *ti, struct cmk_target *ct,
			const struct cmk_geometry *geo)
{
	struct cmk_rekey *rekey = NULL;
	int r;

	for (;;) {
		mutex_lock(&cmk_attach_mutex);
		r = cmk_ctr_attach(ti, ct, geo, &rekey);
		mutex_unlock(&cmk_attach_mutex);
		if (r != -EAGAIN)
			break;
		rekey = cmk_rekey_load(ct->dev->bdev, geo->record,
				       (const char **)&ti->error);
		if (IS_ERR(rekey))
			return PTR_ERR(rekey);
	}
	cmk_rekey_free(rekey);
	return r;
}

/* After this the destructor cleans up, whatever has been built. */
static int cmk_ctr_build(struct dm_target *ti, struct cmk_target *ct)
{
	struct cmk_geometry geo = {
		.uuid = ct->args.uuid,
		.md = dm_table_get_md(ti->table),
		.start = ct->args.offset,
		.range_shift = ilog2(ct->args.range_sectors),
		.sector_size = ct->args.sector_size,
		.iv_offset = ct->args.iv_offset,
		.record = ct->args.record,
	};
	int r;

	r = dm_get_device(ti, ct->args.device, dm_table_get_mode(ti->table),
			  &ct->dev);
	ct->args.device = NULL;
	if (r) {
		ti->error = "Device lookup failed";
		return r;
	}
	geo.dev = ct->dev->bdev->bd_dev;
	r = cmk_ctr_check(ti, ct);
	if (r)
		return r;
	cmk_ctr_limits(ti, ct);
	return cmk_ctr_join(ti, ct, &geo);
}

static int cmk_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	const char *error = NULL;
	struct cmk_target *ct;
	int r;

	ct = kzalloc(sizeof(*ct), GFP_KERNEL);
	if (!ct) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	r = cmk_args_parse(&ct->args, argc, argv, &error);
	if (r) {
		ti->error = (char *)error;
		kfree(ct);
		return r;
	}
	ct->ti = ti;
	ct->sectors = ti->len;
	ct->options = (struct cmk_options) {
		.key_timeout = cmk_seconds(ct->args.key_timeout),
		.hold_timeout = cmk_seconds(ct->args.hold_timeout),
		.no_key_fail = ct->args.no_key_fail,
		.no_lease = ct->args.no_lease,
	};
	ti->private = ct;
	r = cmk_ctr_build(ti, ct);
	if (r)
		cmk_dtr(ti);
	return r;
}

static void cmk_presuspend(struct dm_target *ti)
{
	struct cmk_target *ct = ti->private;

	cmk_rekey_halt(ct->vol);
	if (dm_noflush_suspending(ti))
		cmk_park_requeue(ct->vol);
}

static void cmk_presuspend_undo(struct dm_target *ti)
{
	struct cmk_target *ct = ti->private;

	cmk_park_resume(ct->vol);
	cmk_rekey_go(ct->vol);
}

/* No I/O runs: the volume takes over length and options of the new table. */
static int cmk_preresume(struct dm_target *ti)
{
	struct cmk_target *ct = ti->private;
	struct cmk_volume *vol = ct->vol;

	spin_lock_irq(&vol->lock);
	vol->options = ct->options;
	vol->sectors = max(vol->sectors, ct->sectors);
	vol->ranges.nr = cmk_volume_range_count(vol->sectors,
						vol->geo.range_shift);
	spin_unlock_irq(&vol->lock);
	cmk_rekey_preresume(vol, ct->dev->bdev,
			    !(dm_table_get_mode(ti->table) & BLK_OPEN_WRITE));
	return 0;
}

static void cmk_resume(struct dm_target *ti)
{
	struct cmk_target *ct = ti->private;

	cmk_park_resume(ct->vol);
	cmk_rekey_go(ct->vol);
}

static unsigned int cmk_status_rekey(struct cmk_volume *vol, char *result,
				     unsigned int maxlen, unsigned int sz)
{
	static const char * const states[] = {
		[CMK_REKEY_STATE_NONE] = "none",
		[CMK_REKEY_STATE_PENDING] = "pending",
		[CMK_REKEY_STATE_ARMED] = "armed",
		[CMK_REKEY_STATE_RUNNING] = "running",
		[CMK_REKEY_STATE_PAUSED] = "paused",
		[CMK_REKEY_STATE_COMPLETE] = "complete",
	};
	struct cmk_rekey_info info = cmk_rekey_info(vol);

	DMEMIT(" rekey=%s rekey_range=%u rekey_done=%llu rekey_sectors=%llu",
	       states[info.state], info.range, info.done, info.sectors);
	DMEMIT(" rekey_error=%u rekey_sector=%llu", info.error, info.sector);
	return sz;
}

static unsigned int cmk_status_info(struct cmk_volume *vol, char *result,
				    unsigned int maxlen)
{
	static const char * const gates[] = {
		[CMK_GATE_OPEN] = "open",
		[CMK_GATE_HELD] = "held",
		[CMK_GATE_REVOKED] = "revoked",
	};
	static const char * const causes[] = {
		[CMK_CAUSE_NONE] = "none",
		[CMK_CAUSE_ADMIN] = "admin",
		[CMK_CAUSE_KEK_DELETED] = "kek-deleted",
		[CMK_CAUSE_KEK_DISABLED] = "kek-disabled",
		[CMK_CAUSE_KEK_EXPIRED] = "kek-expired",
		[CMK_CAUSE_NO_PERMISSION] = "no-permission",
		[CMK_CAUSE_LEASE] = "lease",
		[CMK_CAUSE_GRACE] = "grace",
		[CMK_CAUSE_HOLD_TIMEOUT] = "hold-timeout",
		[CMK_CAUSE_VM_FORK] = "vm-fork",
		[CMK_CAUSE_SLEEP] = "sleep",
	};
	struct cmk_lease_left left = cmk_lease_left(vol);
	struct cmk_crypts n = cmk_volume_crypts(vol);
	unsigned int sz = 0;

	spin_lock_irq(&vol->lock);
	DMEMIT("gate=%s cause=%s sticky=%u ranges=%u live=%u wanted=%u ",
	       gates[vol->gate], causes[vol->cause], vol->sticky,
	       vol->ranges.nr, vol->live, vol->wanted);
	DMEMIT("parked=%u lease_ms=%llu grace_ms=%llu key_bytes=%llu ",
	       vol->nr_parked, left.lease_ms, left.grace_ms,
	       (u64)vol->live * cmk_cipher_key_bytes());
	spin_unlock_irq(&vol->lock);
	DMEMIT("driver=%s inline=%llu queued=%llu deferred=%llu",
	       cmk_cipher_driver(), n.here, n.queued, n.deferred);
	return cmk_status_rekey(vol, result, maxlen, sz);
}

static void cmk_status(struct dm_target *ti, status_type_t type,
		       unsigned int status_flags, char *result,
		       unsigned int maxlen)
{
	struct cmk_target *ct = ti->private;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		cmk_status_info(ct->vol, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		cmk_args_emit(&ct->args, ct->dev->name, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",uuid=%pU,range_sectors=%llu,sector_size=%u",
		       &ct->args.uuid, ct->args.range_sectors,
		       ct->args.sector_size);
		DMEMIT(",iv_offset=%llu,allow_discards=%c;",
		       ct->args.iv_offset,
		       ct->args.allow_discards ? 'y' : 'n');
		break;
	}
}

/*
 * The way of cmkctl's revoke, and of a machine where cmkctl is gone.  It does
 * not go by netlink, where each command begins under a lock of the generic
 * family that whoever registers one wants alone: behind him, and he behind a
 * key set that waits for memory, no revoke would get in.  Device-mapper comes
 * here under locks that no command of ours, no constructor and no wait for I/O
 * is ever under: that of its names, and SRCU for the table.
 */
static int cmk_message(struct dm_target *ti, unsigned int argc, char **argv,
		       char *result, unsigned int maxlen)
{
	const struct cmk_close how = {
		.gate = CMK_GATE_REVOKED,
		.cause = CMK_CAUSE_ADMIN,
		.sticky = true,
		.reason = argc > 1 ? argv[1] : "dmsetup message",
	};
	struct cmk_target *ct = ti->private;

	if (argc < 1 || argc > 2 || strcasecmp(argv[0], "revoke")) {
		DMERR("the only message is: revoke [REASON]");
		return -EINVAL;
	}
	return cmk_volume_close(ct->vol, &how);
}

static int cmk_iterate_devices(struct dm_target *ti,
			       iterate_devices_callout_fn fn, void *data)
{
	struct cmk_target *ct = ti->private;

	return fn(ti, ct->dev, ct->args.offset, ti->len, data);
}

static void cmk_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	struct cmk_target *ct = ti->private;
	unsigned int size = ct->args.sector_size;

	limits->logical_block_size = max(limits->logical_block_size, size);
	limits->physical_block_size = max(limits->physical_block_size, size);
	limits->io_min = max(limits->io_min, size);
	/* Or large discards are cut where no data unit ends. */
	if (limits->discard_granularity)
		limits->discard_granularity =
			max(limits->discard_granularity, size);
	if (limits->discard_alignment % size)
		limits->discard_alignment = 0;
	limits->dma_alignment = limits->logical_block_size - 1;
}

static struct target_type cmk_target = {
	.name = "cmk",
	.version = { 0, 1, 0 },
	.module = THIS_MODULE,
	.features = DM_TARGET_NOWAIT,
	.ctr = cmk_ctr,
	.dtr = cmk_dtr,
	.map = cmk_io_map,
	.presuspend = cmk_presuspend,
	.presuspend_undo = cmk_presuspend_undo,
	.preresume = cmk_preresume,
	.resume = cmk_resume,
	.status = cmk_status,
	.message = cmk_message,
	.iterate_devices = cmk_iterate_devices,
	.io_hints = cmk_io_hints,
};

int __init cmk_target_init(void)
{
	return dm_register_target(&cmk_target);
}

void cmk_target_exit(void)
{
	dm_unregister_target(&cmk_target);
}
