// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel does by itself as time passes: the lease, after which the
 * keys of a volume end without anybody's word, and the end of a hold.
 *
 * The lease runs on CLOCK_BOOTTIME, so that time asleep counts.  Its timer
 * closes the gate in interrupt context.  A timer that fires while a renewal
 * is under way finds, under the lock, an end in the future and leaves it to
 * the timer that the renewal has started; so a renewal never races with a
 * lapse, it comes before or after.  After a lapse a renewal is refused: only a
 * restore starts a new lease.
 */

#include "lease.h"
#include "notify.h"
#include "volume.h"

static enum hrtimer_restart cmk_lease_fire(struct hrtimer *timer)
{
	struct cmk_volume *vol = container_of(timer, struct cmk_volume, lease);
	struct cmk_close how = {
		.cause = CMK_CAUSE_LEASE,
		.reason = "the lease ended",
	};
	unsigned long flags;

	spin_lock_irqsave(&vol->lock, flags);
	switch (vol->lapse) {
	case CMK_LAPSE_HOLD:
		how.gate = CMK_GATE_HELD;
		break;
	case CMK_LAPSE_REVOKE:
		how.gate = CMK_GATE_REVOKED;
		break;
	}
	if (vol->lease_running &&
	    ktime_compare(ktime_get_boottime(), vol->lease_end) >= 0 &&
	    cmk_volume_flip(vol, &how) > 0)
		queue_work(cmk_key_wq, &vol->wipe);
	spin_unlock_irqrestore(&vol->lock, flags);
	return HRTIMER_NORESTART;
}

static void cmk_hold_end(struct work_struct *work)
{
	struct cmk_volume *vol = container_of(to_delayed_work(work),
					      struct cmk_volume, hold);
	const struct cmk_close how = {
		.gate = CMK_GATE_REVOKED,
		.cause = CMK_CAUSE_HOLD_TIMEOUT,
		.reason = "the hold lasted too long",
	};
	bool due;

	/* One section, so that no restore comes between question and act. */
	spin_lock_irq(&vol->lock);
	due = vol->gate == CMK_GATE_HELD &&
	      time_after_eq(jiffies, vol->hold_end) &&
	      cmk_volume_flip(vol, &how) > 0;
	spin_unlock_irq(&vol->lock);
	if (!due)
		return;
	cmk_volume_wipe(vol);
	cmk_volume_notify(vol);
}

/**
 * cmk_lease_init() - set up the timers of a volume before it is published
 * @vol: a new volume
 */
void cmk_lease_init(struct cmk_volume *vol)
{
	hrtimer_setup(&vol->lease, cmk_lease_fire, CLOCK_BOOTTIME,
		      HRTIMER_MODE_ABS);
	INIT_DELAYED_WORK(&vol->hold, cmk_hold_end);
}

struct cmk_lease_terms {
	u32 ttl;
	enum cmk_lapse lapse;
};

static void cmk_lease_start(struct cmk_volume *vol, const void *arg)
{
	const struct cmk_lease_terms *terms = arg;

	lockdep_assert_held(&vol->lock);
	vol->lease_ttl = terms->ttl;
	vol->lapse = terms->lapse;
	vol->lease_end = ktime_add_ms(ktime_get_boottime(),
				      terms->ttl * MSEC_PER_SEC);
	vol->lease_running = true;
	vol->lease_had = true;
	hrtimer_start(&vol->lease, vol->lease_end, HRTIMER_MODE_ABS);
}

/**
 * cmk_lease_renew() - move the end of a lease, or start the first one
 * @vol: a volume
 * @ttl: seconds from now
 * @lapse: what its end does
 *
 * Return: 0; -EKEYREVOKED when the gate is not open; -EKEYEXPIRED when a
 * lease has ended before; -ENODEV.
 */
int cmk_lease_renew(struct cmk_volume *vol, u32 ttl, enum cmk_lapse lapse)
{
	const struct cmk_lease_terms terms = { .ttl = ttl, .lapse = lapse };
	int r = 0;

	spin_lock_irq(&vol->lock);
	if (vol->dead)
		r = -ENODEV;
	else if (vol->gate != CMK_GATE_OPEN && vol->cause != CMK_CAUSE_LEASE)
		r = -EKEYREVOKED;
	else if (vol->lease_had && !vol->lease_running)
		r = -EKEYEXPIRED;
	else
		cmk_lease_start(vol, &terms);
	spin_unlock_irq(&vol->lock);
	return r;
}

/**
 * cmk_lease_restore() - open the gate with a new lease
 * @vol: a volume
 * @admin: by an administrator, who alone opens what one has closed
 * @ttl: seconds from now
 * @lapse: what its end does
 *
 * Return: 0, -EPERM when an administrator is needed, -ENODEV.
 */
int cmk_lease_restore(struct cmk_volume *vol, bool admin, u32 ttl,
		      enum cmk_lapse lapse)
{
	const struct cmk_lease_terms terms = { .ttl = ttl, .lapse = lapse };

	return cmk_volume_open(vol, admin, cmk_lease_start, &terms);
}

/**
 * cmk_lease_left_ms() - time until the lease ends
 * @vol: a volume
 *
 * Return: milliseconds, 0 when no lease runs.
 */
u64 cmk_lease_left_ms(struct cmk_volume *vol)
{
	s64 left = 0;

	spin_lock_irq(&vol->lock);
	if (vol->lease_running)
		left = ktime_ms_delta(vol->lease_end, ktime_get_boottime());
	spin_unlock_irq(&vol->lock);
	return left > 0 ? left : 0;
}
