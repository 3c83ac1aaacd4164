// SPDX-License-Identifier: GPL-2.0
/*
 * Where the crypto of a bio is done: where the bio is brought, or on the
 * volume's queue.
 *
 * On the spot it costs least.  The queue costs a switch of tasks, thousands of
 * instructions, and lets another CPU do the crypto while whoever brings the
 * bios goes on to the next.  So it pays when he has a next one; he who waits
 * for this one only waits longer.  No bio tells which it is, but a queued one
 * shows it: when it is done, the task that brought it sleeps, or it does not;
 * and where the bios come from interrupts, the next one has come, or it has
 * not.  Hence a CPU on which nothing is queued tries the queue with one bio
 * now and then, after each trial in vain half as often, after one that paid
 * twice as often; and as long as it finds others still queued when a bio
 * comes, it adds to them.  When the queue has its fill, whoever brings the next
 * bio takes part in the work.
 *
 * The numbers below steer and decide nothing else: where they race with an
 * interrupt or another CPU, a bio goes the other way and both ways are right.
 */

#include <linux/percpu.h>
#include <linux/sched/task.h>

#include "cipher.h"
#include "io.h"

/* In a softirq up to this many bytes are decrypted, then others have a turn. */
#define CMK_SOFTIRQ_BYTES	(32 * 1024)
/* Bios that one CPU keeps queued for each of the others ... */
#define CMK_QUEUED_PER_CPU	2
/* ... and at least, of small ones, so that not each has to wake a worker. */
#define CMK_QUEUED_SMALL	8
/* Bios between two trials, at most. */
#define CMK_TRIAL_MAX		1023

/* One undoes one in vain: where the host steals CPUs, a sleeper looks awake. */
static void cmk_offload_paid(struct cmk_offload *off)
{
	unsigned int interval = READ_ONCE(off->interval) / 2;

	WRITE_ONCE(off->interval, interval);
	WRITE_ONCE(off->left, min(READ_ONCE(off->left), interval));
}

/* With so many bios queued he who brings @io does it himself. */
static int cmk_offload_fill(const struct cmk_io *io)
{
	int others = CMK_QUEUED_PER_CPU * (num_online_cpus() - 1);

	return io->iter.bi_size > CMK_SOFTIRQ_BYTES ?
		others : max(CMK_QUEUED_SMALL, others);
}

/* Does whoever brings this bio have others to bring? */
static bool cmk_offload_pays(struct cmk_io *io, struct cmk_offload *off)
{
	int queued = atomic_read(&off->queued);
	unsigned int left = READ_ONCE(off->left);

	if (queued) {
		cmk_offload_paid(off);
		return queued < cmk_offload_fill(io);
	}
	/* A piece of a larger bio: the next comes at once. */
	if (io->cut)
		return true;
	if (left) {
		WRITE_ONCE(off->left, left - 1);
		return false;
	}
	off->interval = min(2 * off->interval + 1, CMK_TRIAL_MAX);
	off->left = off->interval;
	if (!in_interrupt())
		io->trial = get_task_struct(current);
	return true;
}

static bool cmk_offload_auto(struct cmk_io *io, struct cmk_offload *off)
{
	/* Also where softirqs are only off: below may be a volume, too. */
	if (in_interrupt() && io->iter.bi_size > CMK_SOFTIRQ_BYTES)
		return true;
	if (num_online_cpus() == 1)
		return false;
	return cmk_offload_pays(io, off);
}

/**
 * cmk_offload_read_max() - how large a read may be
 * @ct: a target
 *
 * Return: bytes; a larger one is cut, where its pieces can be decrypted side
 * by side for their sake, elsewhere to bound the time of one decryption.
 */
unsigned int cmk_offload_read_max(const struct cmk_target *ct)
{
	return ct->args.crypt != CMK_CRYPT_INLINE && num_online_cpus() > 1 ?
		CMK_PIECE : CMK_READ_MAX;
}

/**
 * cmk_offload() - shall the crypto of this bio be done on the queue?
 * @io: a bio whose crypto is due
 *
 * When it says yes, the work ends with cmk_offload_done() of the @offload that
 * the bio had when the work began.
 *
 * Context: any.
 */
bool cmk_offload(struct cmk_io *io)
{
	struct cmk_offload *off = raw_cpu_ptr(io->ct->vol->offload);
	bool queue = true;

	if (likely(!in_hardirq() && !irqs_disabled() && cmk_cipher_usable())) {
		switch (io->ct->args.crypt) {
		case CMK_CRYPT_AUTO:
			queue = cmk_offload_auto(io, off);
			break;
		case CMK_CRYPT_INLINE:
			queue = false;
			break;
		case CMK_CRYPT_QUEUED:
			break;
		}
	}
	if (likely(!queue)) {
		off->nr_inline++;
		return false;
	}
	off->nr_queued++;
	atomic_inc(&off->queued);
	io->offload = off;
	return true;
}

/**
 * cmk_offload_judge() - what does he do who brought this bio?
 * @io: a bio with @trial whose crypto is done, but who waits for it does not
 *	know yet
 */
void cmk_offload_judge(struct cmk_io *io)
{
	if (task_is_running(io->trial))
		cmk_offload_paid(io->offload);
	put_task_struct(io->trial);
	io->trial = NULL;
}

/**
 * cmk_offload_done() - the work of a queued bio is done
 * @off: its @offload; the bio itself may be gone
 */
void cmk_offload_done(struct cmk_offload *off)
{
	atomic_dec(&off->queued);
}

/**
 * cmk_offload_count() - how often it was this way or that, for status
 * @vol: a volume
 * @nr_inline: bios whose crypto was done where they were brought
 * @nr_queued: and on the queue
 */
void cmk_offload_count(const struct cmk_volume *vol, u64 *nr_inline,
		       u64 *nr_queued)
{
	const struct cmk_offload *off;
	int cpu;

	*nr_inline = 0;
	*nr_queued = 0;
	for_each_possible_cpu(cpu) {
		off = per_cpu_ptr(vol->offload, cpu);
		*nr_inline += READ_ONCE(off->nr_inline);
		*nr_queued += READ_ONCE(off->nr_queued);
	}
}
