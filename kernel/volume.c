// SPDX-License-Identifier: GPL-2.0
/* Volumes: their life and their list; what ends keys is in volume-keys.c. */

#include <linux/device-mapper.h>
#include <linux/slab.h>

#include "notify.h"
#include "pages.h"
#include "range.h"
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
	cmk_closings_init();
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

static void cmk_volume_queues_free(struct cmk_volume *vol)
{
	if (vol->start_wq)
		destroy_workqueue(vol->start_wq);
	if (vol->write_wq)
		destroy_workqueue(vol->write_wq);
	if (vol->read_wq)
		destroy_workqueue(vol->read_wq);
}

/*
 * Queues of its own for each volume, so that a device that hangs stops no other
 * volume.  Of crypto one CPU fewer works than there are: the one that brings
 * the bios does its part.  One work of each at a time would be enough: what
 * sleeps waits for the device, or for pages that writes on their way to it give
 * back, and never for another work.  In the names half of the uuid: 23
 * characters is what 6.1 takes.
 */
static int cmk_volume_queues(struct cmk_volume *vol, const uuid_t *uuid)
{
	const unsigned int flags = WQ_UNBOUND | WQ_MEM_RECLAIM;
	int others = max(num_online_cpus() - 1, 1u);

	vol->read_wq = alloc_workqueue("cmkr/%8phN", flags, others, uuid);
	vol->write_wq = alloc_workqueue("cmkw/%8phN", flags, others, uuid);
	vol->start_wq = alloc_workqueue("cmks/%8phN", flags, 0, uuid);
	if (vol->read_wq && vol->write_wq && vol->start_wq)
		return 0;
	cmk_volume_queues_free(vol);
	return -ENOMEM;
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
	if (cmk_volume_queues(vol, &geo->uuid))
		goto free_pages;
	vol->offload = alloc_percpu(struct cmk_offload);
	if (!vol->offload)
		goto free_queues;
	vol->geo = *geo;
	kref_init(&vol->ref);
	INIT_LIST_HEAD(&vol->node);
	INIT_LIST_HEAD(&vol->targets);
	spin_lock_init(&vol->lock);
	mutex_init(&vol->wipe_mutex);
	bio_list_init(&vol->parked);
	INIT_WORK(&vol->wipe, cmk_volume_wipe_work);
	return vol;
free_queues:
	cmk_volume_queues_free(vol);
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

	kfree(vol->rekey);
	kfree(vol->twin);
	free_percpu(vol->offload);
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
	cmk_volume_queues_free(vol);
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
	event.closing = vol->closing;
	spin_unlock_irq(&vol->lock);
	cmk_notify(&event);
}

/**
 * cmk_volume_crypts() - where the crypto was done, for status
 * @vol: a volume
 */
struct cmk_crypts cmk_volume_crypts(const struct cmk_volume *vol)
{
	struct cmk_crypts sum = { };
	const struct cmk_crypts *n;
	int cpu;

	for_each_possible_cpu(cpu) {
		n = &per_cpu_ptr(vol->offload, cpu)->nr;
		sum.here += READ_ONCE(n->here);
		sum.queued += READ_ONCE(n->queued);
		sum.deferred += READ_ONCE(n->deferred);
	}
	return sum;
}
