// SPDX-License-Identifier: GPL-2.0
/*
 * The record and the data of a rekey on the device: I/O that its caller, the
 * worker or a constructor, waits for.
 *
 * A record is written with PREFLUSH and FUA: what it says of the data was
 * durable before it, and it is durable when the write has returned.
 */

#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "cipher.h"
#include "digest.h"
#include "range.h"
#include "rekey-internal.h"
#include "slot.h"
#include "volume.h"

#define CMK_IMAGE_PAGES	(CMK_IMAGE_BYTES / PAGE_SIZE)

int cmk_record_sum(const void *data, size_t len, __u8 sum[CMK_RECORD_SUM])
{
	const struct kvec part = { (void *)data, len };
	u8 digest[CMK_DIGEST_SIZE];
	int r = cmk_digest(&part, 1, digest);

	memcpy(sum, digest, CMK_RECORD_SUM);
	return r;
}

static int cmk_rekey_memory_fill(struct cmk_rekey_memory *memory)
{
	const gfp_t gfp = GFP_NOIO | __GFP_NOWARN;
	struct page *page;
	unsigned int i;

	for (i = 0; i < CMK_RECORD_PLACES; i++) {
		memory->image[i] = alloc_pages_exact(CMK_IMAGE_BYTES,
						     gfp | __GFP_ZERO);
		if (!memory->image[i])
			return -ENOMEM;
	}
	memory->spare = kmalloc(PAGE_SIZE, gfp);
	if (!memory->spare)
		return -ENOMEM;
	for (i = 0; i < CMK_STRIPE_PAGES; i++) {
		page = alloc_page(gfp);
		if (!page)
			return -ENOMEM;
		memory->vec[i] = (struct bio_vec) {
			.bv_page = page,
			.bv_len = PAGE_SIZE,
		};
	}
	return 0;
}

/**
 * cmk_rekey_memory_alloc() - all that a rekey needs
 * @rekey: whose it will be
 *
 * Context: process context.
 *
 * Return: it, or NULL.
 */
struct cmk_rekey_memory *cmk_rekey_memory_alloc(struct cmk_rekey *rekey)
{
	struct cmk_rekey_memory *memory;

	memory = kzalloc(sizeof(*memory), GFP_NOIO);
	if (!memory)
		return NULL;
	cmk_turn_init(rekey, memory);
	if (!cmk_rekey_memory_fill(memory))
		return memory;
	cmk_rekey_memory_free(memory);
	return NULL;
}

void cmk_rekey_memory_free(struct cmk_rekey_memory *memory)
{
	unsigned int i;

	if (!memory)
		return;
	for (i = 0; i < CMK_STRIPE_PAGES; i++)
		if (memory->vec[i].bv_page)
			__free_page(memory->vec[i].bv_page);
	for (i = 0; i < CMK_RECORD_PLACES; i++)
		if (memory->image[i])
			free_pages_exact(memory->image[i], CMK_IMAGE_BYTES);
	kfree(memory->spare);
	kfree(memory);
}

static int cmk_rekey_submit(struct cmk_rekey *rekey, struct bio_vec *vec,
			    unsigned int nr, blk_opf_t opf, sector_t sector,
			    unsigned int bytes)
{
	ktime_t begin = ktime_get();
	struct bio bio;
	int r;

	/* Below nobody looks at how the table was opened. */
	if (rekey->read_only && op_is_write(opf))
		return -EROFS;
	bio_init(&bio, rekey->bdev, vec, nr, opf);
	bio.bi_vcnt = nr;
	bio.bi_iter.bi_sector = sector;
	bio.bi_iter.bi_size = bytes;
	r = submit_bio_wait(&bio);
	bio_uninit(&bio);
	rekey->device_us += ktime_us_delta(ktime_get(), begin);
	return r;
}

/**
 * cmk_rekey_rw() - read or write the data of a stripe
 * @rekey: a rekey whose memory holds it
 * @opf: REQ_OP_READ or REQ_OP_WRITE
 * @sector: its first, of the volume
 * @sectors: how many, at most CMK_STRIPE_SECTORS
 *
 * Context: process context; waits for the device.
 *
 * Return: 0 or a negative errno.
 */
int cmk_rekey_rw(struct cmk_rekey *rekey, blk_opf_t opf, u64 sector,
		 u32 sectors)
{
	unsigned int bytes = sectors << SECTOR_SHIFT;

	return cmk_rekey_submit(rekey, rekey->memory->vec,
				DIV_ROUND_UP(bytes, PAGE_SIZE), opf,
				rekey->vol->geo.start + sector, bytes);
}

/* Sectors of the record from or to one of its places. */
static int cmk_record_rw(struct cmk_rekey *rekey, blk_opf_t opf,
			 unsigned int place, unsigned int sectors)
{
	sector_t sector = rekey->area +
		place * (CMK_RECORD_STRIDE >> SECTOR_SHIFT);
	void *image = rekey->memory->image[place];
	unsigned int bytes = sectors * CMK_RECORD_SECTOR;
	struct bio_vec vec[CMK_IMAGE_PAGES];
	unsigned int i, nr = bytes / PAGE_SIZE;

	BUILD_BUG_ON(CMK_IMAGE_BYTES % PAGE_SIZE);
	for (i = 0; i < nr; i++)
		vec[i] = (struct bio_vec) {
			.bv_page = virt_to_page(image + i * PAGE_SIZE),
			.bv_len = PAGE_SIZE,
		};
	return cmk_rekey_submit(rekey, vec, nr, opf, sector, bytes);
}

/**
 * cmk_record_read() - read both places and choose
 * @rekey: a rekey; its @choice is set
 * @ret: the record that counts, if one was found
 *
 * Context: process context; waits for the device.
 *
 * Return: 0; -EUCLEAN for a damaged area; -EPROTONOSUPPORT; an errno of the
 * device.
 */
int cmk_record_read(struct cmk_rekey *rekey, struct cmk_record *ret)
{
	struct cmk_disk_record_sector **image = rekey->memory->image;
	int r;

	r = cmk_record_rw(rekey, REQ_OP_READ, 0, CMK_RECORD_SECTORS) ?:
	    cmk_record_rw(rekey, REQ_OP_READ, 1, CMK_RECORD_SECTORS) ?:
	    cmk_record_choose(image[0], image[1], &rekey->choice);
	if (r)
		return r;
	switch (rekey->choice.found) {
	case CMK_RECORD_NONE:
		break;
	case CMK_RECORD_FOUND:
		return cmk_record_parse(image[rekey->choice.place], ret);
	case CMK_RECORD_DAMAGED:
		return -EUCLEAN;
	}
	return 0;
}

/* HMAC of a record, as long as its key may be used. */
static int cmk_record_mac(struct cmk_rekey *rekey, const void *image,
			  unsigned int sectors, u8 mac[32])
{
	const struct cmk_volume *vol = rekey->vol;
	struct cmk_slot *slot;
	int r = -EKEYREVOKED;

	rcu_read_lock();
	slot = rcu_dereference(vol->twin->side[CMK_SIDE_MAC].slot);
	if (READ_ONCE(vol->gate) == CMK_GATE_OPEN && slot)
		r = cmk_mac_digest(slot->mac, image,
				   sectors * CMK_RECORD_SECTOR, mac);
	rcu_read_unlock();
	return r;
}

/**
 * cmk_record_check_mac() - is the record that was read ours?
 * @rekey: a rekey, after cmk_record_read() found one
 *
 * MAC and sums of the image are gone afterwards, fields and tags stay.  Sectors
 * behind the record, which have no MAC, are not looked at any more.
 *
 * Return: 0, -EKEYREJECTED, -EKEYREVOKED when the key is gone.
 */
int cmk_record_check_mac(struct cmk_rekey *rekey)
{
	struct cmk_disk_record_sector *image =
		rekey->memory->image[rekey->choice.place];
	const struct cmk_disk_record *disk = (void *)image->body;
	unsigned int sectors = cmk_record_sectors(le32_to_cpu(disk->tags));
	u8 had[32], want[32];
	int r;

	/* The first two are longer than they need to be. */
	if (le64_to_cpu(image->seq) <= CMK_RECORD_FIRST)
		sectors = CMK_RECORD_SECTORS;
	cmk_record_unfinish(image, sectors, had);
	r = cmk_record_mac(rekey, image, sectors, want);
	if (r)
		return r;
	return cmk_mac_equal(had, want) ? 0 : -EKEYREJECTED;
}

/**
 * cmk_record_blank() - zeros over what is left of a first write that was torn
 * @rekey: a rekey, no record was found
 *
 * Return: 0 or an errno of the device.
 */
int cmk_record_blank(struct cmk_rekey *rekey)
{
	unsigned int place;
	int r = 0;

	for (place = 0; place < CMK_RECORD_PLACES && !r; place++) {
		memset(rekey->memory->image[place], 0, CMK_IMAGE_BYTES);
		r = cmk_record_rw(rekey, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA,
				  place, CMK_RECORD_SECTORS);
	}
	if (!r)
		rekey->choice = (struct cmk_record_choice) {
			.place = CMK_RECORD_PLACES - 1,
		};
	return r;
}

/**
 * cmk_record_write() - make the next record durable
 * @rekey: a rekey; the tags of a stripe are in its memory
 * @state: what it says
 * @cursor: sectors of the range that are new
 * @stripe_sectors: those in flight from there on, 0 for none
 *
 * What was written before is durable then, too.
 *
 * Context: process context; waits for the device.
 *
 * Return: 0; -EKEYREVOKED when its key is gone, and nothing was written; an
 * errno of the device: then it may be there or not, and the next one goes to
 * the same place under a higher number.
 */
int cmk_record_write(struct cmk_rekey *rekey, enum cmk_record_state state,
		     u64 cursor, u32 stripe_sectors)
{
	unsigned int place = !rekey->choice.place;
	struct cmk_disk_record_sector *image = rekey->memory->image[place];
	struct cmk_record record = rekey->record;
	unsigned int i, sectors;
	u8 mac[32];
	int r;

	record.seq = rekey->choice.seq + 1;
	record.state = state;
	record.cursor = cursor;
	record.stripe_sectors = stripe_sectors;
	record.tags = (stripe_sectors << SECTOR_SHIFT) / record.block_size;
	sectors = record.seq <= CMK_RECORD_FIRST ?
		CMK_RECORD_SECTORS : cmk_record_sectors(record.tags);
	cmk_record_fill(image, sectors, &record);
	for (i = 0; i < record.tags; i++)
		*cmk_record_tag(image, i) = rekey->memory->tag[i];
	r = cmk_record_mac(rekey, image, sectors, mac) ?:
	    cmk_record_finish(image, sectors, mac);
	if (r)
		return r;
	rekey->choice.seq++;
	r = cmk_record_rw(rekey, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA |
			  REQ_SYNC, place, sectors);
	if (r)
		return r;
	rekey->choice.place = place;
	spin_lock_irq(&rekey->vol->lock);
	rekey->record = record;
	spin_unlock_irq(&rekey->vol->lock);
	return 0;
}
