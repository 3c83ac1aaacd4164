// SPDX-License-Identifier: GPL-2.0
/*
 * Writes: the data is encrypted into pages of our own and those are written.
 *
 * Pages are taken without waiting; when not one can be had, one comes from the
 * volume's reserve.  So a write that waits holds no page, and as each write
 * that holds one is on its way to the device, the reserve fills again (pages.c
 * tells when it does not at once): forward progress without a lock and without
 * giving pages back.  map() cuts the bio to what the pages hold; the queue,
 * where dm no longer lets us cut, writes one piece after the other.
 *
 * map() may wait for that one page because it has submitted nothing yet in
 * this call, and dm sends what it submitted in earlier calls to the device
 * before it calls again.
 */

#include <linux/slab.h>

#include "cipher.h"
#include "io.h"
#include "pages.h"

/* What a bounce bio takes over from the bio above. */
#define CMK_OPF_MASK	(REQ_OP_MASK | REQ_FUA | REQ_SYNC | REQ_META | \
			 REQ_PRIO | REQ_IDLE | REQ_BACKGROUND | REQ_NOWAIT | \
			 REQ_SWAP)

/* Not from the reserves that a task in reclaim may use: there is the pool. */
#define CMK_GFP		(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

static void cmk_bounce_free(struct cmk_io *io)
{
	struct bio *bounce = &io->bounce;
	unsigned int i;

	for (i = 0; i < bounce->bi_vcnt; i++)
		cmk_page_put(bounce->bi_io_vec[i].bv_page,
			     &io->ct->vol->pages);
	bio_uninit(bounce);
	if (io->vecs != io->inline_vecs)
		kfree(io->vecs);
}

static void cmk_write_work(struct work_struct *work)
{
	struct cmk_io *io = container_of(work, struct cmk_io, work);

	cmk_offload_begin(io);
	cmk_write_start(io);
}

static void cmk_write_endio(struct bio *bounce)
{
	struct cmk_io *io = bounce->bi_private;
	blk_status_t status = bounce->bi_status;

	cmk_bounce_free(io);
	if (likely(status || !io->iter.bi_size))
		cmk_io_end(io, status);
	else
		cmk_io_queue_start(io);
}

/* A vector for up to @nr pages; a shorter one when memory is short. */
static unsigned int cmk_bounce_vecs(struct cmk_io *io, unsigned int nr)
{
	io->vecs = io->inline_vecs;
	if (nr <= CMK_INLINE_VECS)
		return nr;
	io->vecs = kmalloc_array(nr, sizeof(*io->vecs),
				 CMK_GFP);
	if (io->vecs)
		return nr;
	io->vecs = io->inline_vecs;
	return CMK_INLINE_VECS;
}

/**
 * cmk_bounce_alloc() - pages for the next piece of a write
 * @io: a write
 *
 * Return: bytes that they hold, a multiple of the data unit and at most what
 * is left to write; 0 when there are none and the bio must not wait.
 */
static unsigned int cmk_bounce_alloc(struct cmk_io *io)
{
	struct bio *bio = io->bio;
	unsigned int left = min_t(unsigned int, io->iter.bi_size,
				  CMK_BOUNCE_PAGES << PAGE_SHIFT);
	unsigned int nr = cmk_bounce_vecs(io, DIV_ROUND_UP(left, PAGE_SIZE));
	struct bio *bounce = &io->bounce;
	struct page *page;
	unsigned int len;

	bio_init(bounce, io->ct->dev->bdev, io->vecs, nr,
		 bio->bi_opf & CMK_OPF_MASK);
	while (left && nr--) {
		page = cmk_page_alloc(CMK_GFP, NULL);
		if (!page && !bounce->bi_vcnt && !(bio->bi_opf & REQ_NOWAIT))
			page = mempool_alloc(&io->ct->vol->pages, GFP_NOIO);
		if (!page)
			break;
		len = min_t(unsigned int, left, PAGE_SIZE);
		__bio_add_page(bounce, page, len, 0);
		left -= len;
	}
	return bounce->bi_iter.bi_size;
}

static void cmk_bounce_submit(struct cmk_io *io, sector_t sector)
{
	struct bio *bio = io->bio;
	struct bio *bounce = &io->bounce;

	bounce->bi_iter.bi_sector = io->ct->vol->geo.start + sector;
	bounce->bi_end_io = cmk_write_endio;
	bounce->bi_private = io;
	bounce->bi_ioprio = bio->bi_ioprio;
	cmk_bio_copy_hint(bounce, bio);
	dm_submit_bio_remap(bio, bounce);
}

/* The pages are there: encrypt and send. */
static void cmk_write_piece(struct cmk_io *io)
{
	sector_t sector = io->iter.bi_sector;
	enum cmk_verdict verdict;

	verdict = cmk_io_encrypt(io);
	switch (verdict) {
	case CMK_GO:
		cmk_bounce_submit(io, sector);
		break;
	case CMK_REFUSE:
	case CMK_FAIL:
		cmk_bounce_free(io);
		cmk_io_end(io, cmk_io_refusal(verdict));
		break;
	case CMK_WAIT_GATE:
	case CMK_WAIT_KEY:
	case CMK_WAIT_STRIPE:
		cmk_bounce_free(io);
		if (!cmk_park(io))
			cmk_io_queue_start(io);
		break;
	}
}

static void cmk_write_would_block(struct cmk_io *io)
{
	if (io->offload)
		cmk_offload_done(io);
	cmk_bounce_free(io);
	cmk_io_end(io, BLK_STS_AGAIN);
}

/**
 * cmk_write_start() - write the next piece
 * @io: a write with nothing under way
 *
 * Context: process context, not inside map().
 */
void cmk_write_start(struct cmk_io *io)
{
	if (cmk_bounce_alloc(io))
		cmk_write_piece(io);
	else
		cmk_write_would_block(io);
}

static void cmk_write_cut(struct cmk_io *io, unsigned int len)
{
	dm_accept_partial_bio(io->bio, len >> SECTOR_SHIFT);
	io->iter.bi_size = len;
	io->cut = true;
}

/**
 * cmk_write_map() - write from map(), which may cut the bio
 * @io: a write
 *
 * The part that is cut off comes back as a bio of its own.
 */
void cmk_write_map(struct cmk_io *io)
{
	unsigned int len;

	BUILD_BUG_ON(CMK_PIECE < PAGE_SIZE);
	if (io->iter.bi_size > CMK_PIECE) {
		len = cmk_offload_max(io->ct, true);
		if (io->iter.bi_size > len)
			cmk_write_cut(io, len);
	}
	if (cmk_offload(io)) {
		INIT_WORK(&io->work, cmk_write_work);
		queue_work(io->ct->vol->write_wq, &io->work);
		return;
	}
	len = cmk_bounce_alloc(io);
	if (unlikely(!len)) {
		cmk_write_would_block(io);
		return;
	}
	if (unlikely(len < io->iter.bi_size))
		cmk_write_cut(io, len);
	cmk_write_piece(io);
}
