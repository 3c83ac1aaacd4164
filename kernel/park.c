// SPDX-License-Identifier: GPL-2.0
/*
 * The bios that must wait: one list per volume, one way out.
 *
 * A bio waits for the gate (held), for the key of its range, or for the stripe
 * in flight of a rekey.  Whoever changes one of them does so under the volume's
 * lock and queues @unpark when the list is not empty; a bio is added under the
 * same lock after the same question was asked again.  So none is left behind.
 *
 * Once a second while bios wait, @tick tells the agent that keys are wanted
 * and fails those that have waited too long.  A noflush suspend takes the list
 * back into dm's own.
 *
 * Nothing bounds the list: a held volume takes all that is written back to it.
 * A revoke and the end of a lease need the lock, so it is held for a part of
 * the list at a time.
 */

#include "io.h"
#include "notify.h"
#include "range.h"
#include "volume.h"

/* Bios that are looked at under one hold of the lock. */
#define CMK_PARK_BATCH	256U

/* Keeps the count of waiters right when the reason to wait changes. */
static void cmk_park_account(struct cmk_volume *vol, struct cmk_io *io,
			     bool wants_key)
{
	lockdep_assert_held(&vol->lock);
	if (io->wants_key == wants_key)
		return;
	io->wants_key = wants_key;
	if (!wants_key) {
		io->deadline = 0;
		if (!--io->range->waiters)
			vol->wanted--;
		return;
	}
	if (vol->options.key_timeout)
		io->deadline = (jiffies + vol->options.key_timeout) ?: 1;
	if (!io->range->waiters++ && !vol->wanted++)
		mod_delayed_work(cmk_key_wq, &vol->tick, 0);
}

static void cmk_park_add(struct cmk_volume *vol, struct cmk_io *io,
			 bool wants_key)
{
	cmk_park_account(vol, io, wants_key);
	bio_list_add(&vol->parked, io->bio);
	vol->nr_parked++;
	queue_delayed_work(cmk_key_wq, &vol->tick, HZ);
}

/**
 * cmk_park() - make a bio wait
 * @io: a bio with nothing under way that was told to wait
 *
 * A bio that must not wait, or would only be read ahead, is ended instead.
 *
 * Context: any.
 *
 * Return: false when it need not wait any more: the caller still has it.
 */
bool cmk_park(struct cmk_io *io)
{
	struct cmk_volume *vol = io->ct->vol;
	struct bio *bio = io->bio;
	enum cmk_verdict verdict;
	unsigned long flags;

	if (bio->bi_opf & (REQ_NOWAIT | REQ_RAHEAD)) {
		cmk_io_end(io, bio->bi_opf & REQ_NOWAIT ?
			       BLK_STS_AGAIN : BLK_STS_IOERR);
		return true;
	}
	spin_lock_irqsave(&vol->lock, flags);
	cmk_twin_forget(io);
	if (vol->suspending && dm_noflush_suspending(io->ct->ti)) {
		spin_unlock_irqrestore(&vol->lock, flags);
		cmk_io_end(io, BLK_STS_DM_REQUEUE);
		return true;
	}
	verdict = cmk_io_verdict(io);
	switch (verdict) {
	case CMK_WAIT_GATE:
	case CMK_WAIT_KEY:
	case CMK_WAIT_STRIPE:
		cmk_park_add(vol, io, verdict == CMK_WAIT_KEY);
		spin_unlock_irqrestore(&vol->lock, flags);
		return true;
	case CMK_GO:
	case CMK_REFUSE:
	case CMK_FAIL:
		break;
	}
	spin_unlock_irqrestore(&vol->lock, flags);
	return false;
}

/*
 * Looks at up to @nr bios from the head of the list and takes out those that
 * need not, or may no longer, wait; the others go to its end.  Those of @fail
 * have their status.
 *
 * Return: how many were looked at.
 */
static unsigned int cmk_park_sort(struct cmk_volume *vol, unsigned int nr,
				  struct bio_list *go, struct bio_list *fail)
{
	enum cmk_verdict verdict;
	struct cmk_io *io;
	struct bio *bio;
	unsigned int i;

	lockdep_assert_held(&vol->lock);
	for (i = 0; i < nr && (bio = bio_list_pop(&vol->parked)); i++) {
		io = cmk_bio_io(bio);
		verdict = cmk_io_verdict(io);
		switch (verdict) {
		case CMK_WAIT_GATE:
		case CMK_WAIT_STRIPE:
			cmk_park_account(vol, io, false);
			bio_list_add(&vol->parked, bio);
			continue;
		case CMK_WAIT_KEY:
			cmk_park_account(vol, io, true);
			if (!io->deadline ||
			    time_before(jiffies, io->deadline)) {
				bio_list_add(&vol->parked, bio);
				continue;
			}
			bio->bi_status = BLK_STS_IOERR;
			bio_list_add(fail, bio);
			break;
		case CMK_GO:
			bio_list_add(go, bio);
			break;
		case CMK_REFUSE:
		case CMK_FAIL:
			bio->bi_status = cmk_io_refusal(verdict);
			bio_list_add(fail, bio);
			break;
		}
		cmk_park_account(vol, io, false);
		vol->nr_parked--;
	}
	return i;
}

/*
 * All that are parked when it begins are looked at after that, by this pass or
 * by another one that runs beside it: each pass takes as many from the head as
 * there were, and what it leaves goes behind what there was.
 */
static u32 cmk_park_look(struct cmk_volume *vol)
{
	unsigned int left = READ_ONCE(vol->nr_parked);
	struct bio_list go, fail;
	struct bio *bio;
	u32 wanted;
	bool more;

	do {
		bio_list_init(&go);
		bio_list_init(&fail);
		spin_lock_irq(&vol->lock);
		left -= cmk_park_sort(vol, min(left, CMK_PARK_BATCH), &go,
				      &fail);
		wanted = vol->wanted;
		more = !bio_list_empty(&vol->parked);
		if (more)
			queue_delayed_work(cmk_key_wq, &vol->tick, HZ);
		spin_unlock_irq(&vol->lock);

		while ((bio = bio_list_pop(&fail)))
			cmk_io_end(cmk_bio_io(bio), bio->bi_status);
		/* It may wait for the device: on the volume's own queue. */
		while ((bio = bio_list_pop(&go)))
			cmk_io_queue_start(cmk_bio_io(bio));
		cond_resched();
	} while (left && more);
	return wanted;
}

static void cmk_unpark_work(struct work_struct *work)
{
	cmk_park_look(container_of(work, struct cmk_volume, unpark));
}

static void cmk_tick_work(struct work_struct *work)
{
	struct cmk_volume *vol = container_of(to_delayed_work(work),
					      struct cmk_volume, tick);
	struct cmk_event event = {
		.cmd = CMK_CMD_KEY_WANTED,
		.uuid = vol->geo.uuid,
	};

	event.wanted = cmk_park_look(vol);
	if (event.wanted)
		cmk_notify(&event);
}

/**
 * cmk_park_init() - set up the works of a volume before it is published
 * @vol: a new volume
 */
void cmk_park_init(struct cmk_volume *vol)
{
	INIT_WORK(&vol->unpark, cmk_unpark_work);
	INIT_DELAYED_WORK(&vol->tick, cmk_tick_work);
}

/**
 * cmk_park_requeue() - give the parked bios back to dm
 * @vol: a volume whose mapped device is being suspended with noflush
 *
 * Bios that would be parked from now on go the same way, until
 * cmk_park_resume().
 */
void cmk_park_requeue(struct cmk_volume *vol)
{
	unsigned int i = CMK_PARK_BATCH;
	struct bio_list list;
	struct bio *bio;

	while (i == CMK_PARK_BATCH) {
		bio_list_init(&list);
		spin_lock_irq(&vol->lock);
		vol->suspending = true;
		for (i = 0; i < CMK_PARK_BATCH &&
		     (bio = bio_list_pop(&vol->parked)); i++) {
			cmk_park_account(vol, cmk_bio_io(bio), false);
			bio_list_add(&list, bio);
		}
		vol->nr_parked -= i;
		spin_unlock_irq(&vol->lock);

		while ((bio = bio_list_pop(&list)))
			cmk_io_end(cmk_bio_io(bio), BLK_STS_DM_REQUEUE);
	}
}

/**
 * cmk_park_resume() - bios may be parked again
 * @vol: a volume whose suspend is over
 */
void cmk_park_resume(struct cmk_volume *vol)
{
	spin_lock_irq(&vol->lock);
	vol->suspending = false;
	spin_unlock_irq(&vol->lock);
}
