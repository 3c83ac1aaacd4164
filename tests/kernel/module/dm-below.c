// SPDX-License-Identifier: GPL-2.0
/*
 * A device-mapper target to lie below a volume: one device, passed through,
 * that can be told
 *
 *	hang	writes sleep in it, in the context of who submits them
 *	go	they go on
 *	keep N	hold a reference to the next N pages that are written
 *	drop	give them back
 *
 * as a device out of tags or a network transport may do.  Status tells how many
 * writes sleep, how many pages are kept, and how many of those no longer hold
 * what was written.
 */

#include <linux/crc32.h>
#include <linux/device-mapper.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>

#define KEEP_MAX	256

/**
 * struct kept - a page that was written
 * @page: with a reference of ours
 * @offset: of what was written
 * @len: of what was written
 * @crc: of what was written
 */
struct kept {
	struct page *page;
	unsigned int offset, len;
	u32 crc;
};

/**
 * struct below - the target
 * @dev: the device
 * @wait: where writes sleep
 * @hang: they do
 * @hung: how many
 * @lock: for the fields below
 * @want: how many pages more to keep
 * @nr: how many are kept
 * @kept: they
 */
struct below {
	struct dm_dev *dev;
	wait_queue_head_t wait;
	bool hang;
	atomic_t hung;
	/* for the fields below */
	spinlock_t lock;
	unsigned int want, nr;
	struct kept kept[KEEP_MAX];
};

static u32 sum(struct page *page, unsigned int offset, unsigned int len)
{
	void *data = kmap_local_page(page);
	u32 crc = crc32_le(0, data + offset, len);

	kunmap_local(data);
	return crc;
}

static void keep(struct below *b, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec vec;
	struct kept *k;

	spin_lock_irq(&b->lock);
	bio_for_each_segment(vec, bio, iter) {
		if (!b->want)
			break;
		b->want--;
		k = &b->kept[b->nr++];
		k->page = vec.bv_page;
		k->offset = vec.bv_offset;
		k->len = vec.bv_len;
		k->crc = sum(k->page, k->offset, k->len);
		get_page(k->page);
	}
	spin_unlock_irq(&b->lock);
}

static void drop(struct below *b)
{
	spin_lock_irq(&b->lock);
	b->want = 0;
	while (b->nr)
		put_page(b->kept[--b->nr].page);
	spin_unlock_irq(&b->lock);
}

static unsigned int changed(struct below *b)
{
	unsigned int i, n = 0;
	struct kept *k;

	spin_lock_irq(&b->lock);
	for (i = 0; i < b->nr; i++) {
		k = &b->kept[i];
		n += sum(k->page, k->offset, k->len) != k->crc;
	}
	spin_unlock_irq(&b->lock);
	return n;
}

static int below_map(struct dm_target *ti, struct bio *bio)
{
	struct below *b = ti->private;

	bio_set_dev(bio, b->dev->bdev);
	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	if (bio_op(bio) != REQ_OP_WRITE)
		return DM_MAPIO_REMAPPED;
	if (READ_ONCE(b->hang)) {
		atomic_inc(&b->hung);
		wait_event(b->wait, !READ_ONCE(b->hang));
		atomic_dec(&b->hung);
	}
	if (READ_ONCE(b->want))
		keep(b, bio);
	return DM_MAPIO_REMAPPED;
}

static int below_message(struct dm_target *ti, unsigned int argc, char **argv,
			 char *result, unsigned int maxlen)
{
	struct below *b = ti->private;
	unsigned int n;

	if (argc == 2 && !strcmp(argv[0], "keep")) {
		if (kstrtouint(argv[1], 0, &n) || n > KEEP_MAX - b->nr)
			return -EINVAL;
		WRITE_ONCE(b->want, n);
		return 0;
	}
	if (argc != 1)
		return -EINVAL;
	if (!strcmp(argv[0], "drop")) {
		drop(b);
		return 0;
	}
	if (strcmp(argv[0], "hang") && strcmp(argv[0], "go"))
		return -EINVAL;
	WRITE_ONCE(b->hang, argv[0][0] == 'h');
	wake_up_all(&b->wait);
	return 0;
}

static void below_status(struct dm_target *ti, status_type_t type,
			 unsigned int flags, char *result, unsigned int maxlen)
{
	struct below *b = ti->private;
	size_t sz = 0;

	if (type == STATUSTYPE_INFO)
		DMEMIT("hung=%d kept=%u changed=%u", atomic_read(&b->hung),
		       READ_ONCE(b->nr), changed(b));
	else
		DMEMIT("%s", type == STATUSTYPE_TABLE ? b->dev->name : "");
}

static int below_devices(struct dm_target *ti, iterate_devices_callout_fn fn,
			 void *data)
{
	struct below *b = ti->private;

	return fn(ti, b->dev, 0, ti->len, data);
}

static int below_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct below *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int r;

	if (!b || argc != 1) {
		kfree(b);
		return b ? -EINVAL : -ENOMEM;
	}
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &b->dev);
	if (r) {
		kfree(b);
		return r;
	}
	init_waitqueue_head(&b->wait);
	spin_lock_init(&b->lock);
	ti->private = b;
	ti->num_flush_bios = 1;
	return 0;
}

static void below_dtr(struct dm_target *ti)
{
	struct below *b = ti->private;

	drop(b);
	dm_put_device(ti, b->dev);
	kfree(b);
}

static struct target_type below_target = {
	.name = "below",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = below_ctr,
	.dtr = below_dtr,
	.map = below_map,
	.message = below_message,
	.status = below_status,
	.iterate_devices = below_devices,
};

static int __init below_init(void)
{
	return dm_register_target(&below_target);
}

static void __exit below_exit(void)
{
	dm_unregister_target(&below_target);
}

module_init(below_init);
module_exit(below_exit);
MODULE_DESCRIPTION("A device below a volume that does what tests want");
MODULE_LICENSE("GPL");
