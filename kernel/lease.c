// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel does by itself as time passes: two deadlines, after which the
 * keys of a volume end without anybody's word, and the end of a hold.
 *
 * The lease says that the agent lives: each renewal moves its end.  not_after
 * says that the key server has agreed not too long ago: a renewal moves it only
 * when the agent names a later one.  The keys end at the earlier of both.
 *
 * Both run on CLOCK_BOOTTIME, so that time asleep counts, and share a timer,
 * which closes the gate in interrupt context.  A timer that fires while a
 * renewal is under way finds, under the lock, both ends in the future and
 * leaves it to the timer that the renewal has started; so a renewal never races
 * with a lapse, it comes before or after.  After a lapse a renewal is refused:
 * only a restore starts a new lease.
 */

#include "lease.h"
#include "notify.h"
#include "volume.h"

/* As the agent has said; the volume is locked. */
static int cmk_lease_lapse(struct cmk_volume *vol, enum cmk_cause cause,
			   const char *reason)
{
	struct cmk_close how = { .cause = cause, .reason = reason };

	lockdep_assert_held(&vol->lock);
	switch (vol->lapse) {
	case CMK_LAPSE_HOLD:
		how.gate = CMK_GATE_HELD;
		break;
	case CMK_LAPSE_REVOKE:
		how.gate = CMK_GATE_REVOKED;
		break;
	}
	return cmk_volume_flip(vol, &how);
}

/* A deadline has passed: the earlier one counts. */
static int cmk_lease_over(struct cmk_volume *vol, ktime_t now)
{
	const struct cmk_close grace = {
		.gate = CMK_GATE_HELD,
		.cause = CMK_CAUSE_GRACE,
		.reason = "no proof came in time",
	};

	lockdep_assert_held(&vol->lock);
	if (!vol->lease_running)
		return 0;
	if (ktime_compare(vol->not_after, vol->lease_end) <= 0)
		return ktime_compare(now, vol->not_after) < 0 ? 0 :
			cmk_volume_flip(vol, &grace);
	return ktime_compare(now, vol->lease_end) < 0 ? 0 :
		cmk_lease_lapse(vol, CMK_CAUSE_LEASE, "the lease ended");
}

static enum hrtimer_restart cmk_lease_fire(struct hrtimer *timer)
{
	struct cmk_volume *vol = container_of(timer, struct cmk_volume, lease);
	unsigned long flags;

	spin_lock_irqsave(&vol->lock, flags);
	if (cmk_lease_over(vol, ktime_get_boottime()) > 0)
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

static void cmk_lease_start(struct cmk_volume *vol, const void *arg)
{
	const struct cmk_lease_terms *terms = arg;

	lockdep_assert_held(&vol->lock);
	vol->lease_ttl = terms->ttl;
	vol->not_after = terms->not_after;
	vol->lapse = terms->lapse;
	vol->keep_asleep = terms->keep_asleep;
	vol->lease_end = ktime_add_ms(ktime_get_boottime(),
				      terms->ttl * MSEC_PER_SEC);
	vol->lease_running = true;
	vol->lease_had = true;
	hrtimer_start(&vol->lease, min(vol->lease_end, vol->not_after),
		      HRTIMER_MODE_ABS);
}

/* Was it the kernel that closed the gate, for want of a renewal? */
static bool cmk_lease_lapsed(const struct cmk_volume *vol)
{
	switch (vol->cause) {
	case CMK_CAUSE_LEASE:
	case CMK_CAUSE_GRACE:
	case CMK_CAUSE_VM_FORK:
	case CMK_CAUSE_SLEEP:
		return true;
	case CMK_CAUSE_NONE:
	case CMK_CAUSE_ADMIN:
	case CMK_CAUSE_KEK_DELETED:
	case CMK_CAUSE_KEK_DISABLED:
	case CMK_CAUSE_KEK_EXPIRED:
	case CMK_CAUSE_NO_PERMISSION:
	case CMK_CAUSE_HOLD_TIMEOUT:
		break;
	}
	return false;
}

/**
 * cmk_lease_renew() - move the end of a lease, or start the first one
 * @vol: a volume
 * @terms: of the lease from now on
 *
 * Return: 0; -EKEYREVOKED when the gate is not open; -EKEYEXPIRED when a
 * lease has ended before; -ENODEV.
 */
int cmk_lease_renew(struct cmk_volume *vol,
		    const struct cmk_lease_terms *terms)
{
	int r = 0;

	spin_lock_irq(&vol->lock);
	if (vol->dead)
		r = -ENODEV;
	else if (vol->gate != CMK_GATE_OPEN &&
		 !(vol->lease_had && cmk_lease_lapsed(vol)))
		r = -EKEYREVOKED;
	else if (vol->lease_had && !vol->lease_running)
		r = -EKEYEXPIRED;
	else
		cmk_lease_start(vol, terms);
	spin_unlock_irq(&vol->lock);
	return r;
}

/**
 * cmk_lease_restore() - open the gate with a new lease
 * @vol: a volume
 * @admin: by an administrator, who alone opens what one has closed
 * @closing: number of the closing that is undone, 0 for an open gate
 * @terms: of the lease
 *
 * Return: 0, -ESTALE when @closing is not the last, -EPERM when an
 * administrator is needed, -ENODEV.
 */
int cmk_lease_restore(struct cmk_volume *vol, bool admin, u64 closing,
		      const struct cmk_lease_terms *terms)
{
	return cmk_volume_open(vol, admin, closing, cmk_lease_start, terms);
}

/**
 * cmk_lease_lapse_all() - end the keys of all volumes that have a lease
 * @cause: CMK_CAUSE_SLEEP or CMK_CAUSE_VM_FORK
 *
 * When it returns they are wiped.  A volume that is made meanwhile has no keys
 * yet; one whose lease begins meanwhile got it from an agent that runs after
 * the fork, and before a sleep no agent runs.
 *
 * Context: process context; sleeps for a grace period for each volume.
 */
void cmk_lease_lapse_all(enum cmk_cause cause)
{
	const bool sleep = cause == CMK_CAUSE_SLEEP;
	struct cmk_volume *vol;
	unsigned long id = 0;
	int r;

	while ((vol = cmk_volume_after(id))) {
		id = vol->id;
		r = 0;
		spin_lock_irq(&vol->lock);
		if (vol->lease_running && !(sleep && vol->keep_asleep))
			r = cmk_lease_lapse(vol, cause, sleep ?
					    "the machine went to sleep" :
					    "the machine is a copy");
		spin_unlock_irq(&vol->lock);
		/* Also behind a gate that a timer has closed just now. */
		cmk_volume_wipe(vol);
		if (r > 0)
			cmk_volume_notify(vol);
		cmk_volume_put(vol);
	}
}

static u64 cmk_lease_ms(ktime_t end, ktime_t now)
{
	return max_t(s64, ktime_ms_delta(end, now), 0);
}

/**
 * cmk_lease_left() - time until the keys end
 * @vol: a volume
 *
 * Return: milliseconds to either deadline, 0 when no lease runs.
 */
struct cmk_lease_left cmk_lease_left(struct cmk_volume *vol)
{
	struct cmk_lease_left left = { };
	ktime_t now = ktime_get_boottime();

	spin_lock_irq(&vol->lock);
	if (vol->lease_running) {
		left.lease_ms = cmk_lease_ms(vol->lease_end, now);
		left.grace_ms = cmk_lease_ms(vol->not_after, now);
	}
	spin_unlock_irq(&vol->lock);
	return left;
}
