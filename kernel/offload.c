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
 * bio takes part in the work.  Of the pieces of a larger bio all but the last
 * are queued, as he has the next one to bring; with the last it is as with a
 * whole bio.
 *
 * And it pays only where another CPU has nothing to do.  When for a while each
 * worker finds that somebody else wants its CPU, the queue is left alone for a
 * longer while: its work would be done at the cost of his.
 *
 * The numbers below steer and decide nothing else: where they race with an
 * interrupt or another CPU, a bio goes the other way and both ways are right.
 */

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>

#include "cipher.h"
#include "io.h"

/* In a softirq up to this many bytes are decrypted, then others have a turn. */
#define CMK_SOFTIRQ_BYTES	CMK_PIECE
/* Bios that one CPU keeps queued for each of the others ... */
#define CMK_QUEUED_PER_CPU	2
/* ... and at least, of small ones, so that not each has to wake a worker. */
#define CMK_QUEUED_SMALL	8
#define CMK_SMALL_BYTES		(32 * 1024)
/* Bios between two trials, at most. */
#define CMK_TRIAL_MAX		1023
/*
 * How long and how often each worker meets others before the queue is shut, and
 * for how long it is shut.  Where the host stops a CPU, time passes by itself.
 * On the CPU that queues the other is the one who brings the bios, and a worker
 * that was woken there is moved before long if a CPU is idle.
 */
#define CMK_CROWDED_MIN		(HZ / 50)
#define CMK_CROWDED_HERE	(HZ / 8)
#define CMK_CROWDED_MAX		(HZ / 2)
#define CMK_CROWDED_TIMES	64

/* Workers that do crypto, by the CPU on which they began. */
static DEFINE_PER_CPU(atomic_t, cmk_workers);

/**
 * cmk_offload_init() - nothing is queued, nothing known
 * @vol: a volume with @offload, zeroed
 */
void cmk_offload_init(struct cmk_volume *vol)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu_ptr(vol->offload, cpu)->shut = jiffies;
}

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

	return io->iter.bi_size > CMK_SMALL_BYTES ?
		others : max(CMK_QUEUED_SMALL, others);
}

/* Once in a while the queue is tried, to see what he who brings @io does. */
static bool cmk_offload_try(struct cmk_io *io, struct cmk_offload *off)
{
	unsigned int left = READ_ONCE(off->left);

	if (left) {
		WRITE_ONCE(off->left, left - 1);
		return false;
	}
	off->interval = min(2 * off->interval + 1, CMK_TRIAL_MAX);
	off->left = off->interval;
	return true;
}

/* Does whoever brings this bio have others to bring, and is there a CPU? */
static bool cmk_offload_pays(struct cmk_io *io, struct cmk_offload *off)
{
	int queued = atomic_read(&off->queued);
	bool piece = off->next == io->iter.bi_sector;
	bool trial = false;

	if (io->cut)
		off->next = bvec_iter_end_sector(io->iter);
	/* That pieces of one bio come one after the other shows nothing. */
	if (queued && !piece)
		cmk_offload_paid(off);
	if (queued >= cmk_offload_fill(io))
		return false;
	/* After the last piece of a bio, or a whole one, does more come? */
	if (!io->cut && (piece || !queued)) {
		if (!cmk_offload_try(io, off))
			return false;
		trial = !in_interrupt();
	}
	if (time_before(jiffies, READ_ONCE(off->shut)))
		return false;
	if (trial)
		io->trial = get_task_struct(current);
	return true;
}

/**
 * cmk_offload_max() - how large a bio may be
 * @ct: a target
 * @write: it is a write
 *
 * Return: bytes; a larger one is cut, where its pieces can be worked on side
 * by side for their sake, elsewhere to bound the memory of one write and the
 * time of one decryption.
 */
unsigned int cmk_offload_max(const struct cmk_target *ct, bool write)
{
	if (ct->args.crypt != CMK_CRYPT_INLINE && num_online_cpus() > 1)
		return CMK_PIECE;
	return write ? CMK_WRITE_MAX : CMK_READ_MAX;
}

/**
 * cmk_offload_softirq() - is the next softirq good enough for a read?
 * @io: a read that its device has completed in a hard interrupt, or with
 *	interrupts off, where the cipher cannot be called
 */
bool cmk_offload_softirq(const struct cmk_io *io)
{
	switch (io->ct->args.crypt) {
	case CMK_CRYPT_AUTO:
		return io->iter.bi_size <= CMK_SOFTIRQ_BYTES;
	case CMK_CRYPT_INLINE:
		return true;
	case CMK_CRYPT_QUEUED:
		break;
	}
	return false;
}

static void cmk_offload_queue(struct cmk_io *io, struct cmk_offload *off)
{
	off->nr.queued++;
	atomic_inc(&off->queued);
	io->offload = off;
}

/**
 * cmk_offload_defer() - the crypto of this bio cannot be done on the spot
 * @io: a bio whose crypto is due; it is to be queued
 *
 * The work begins with cmk_offload_begin(), and when the crypto is done, before
 * anybody is told, comes cmk_offload_done().
 *
 * Context: any.
 */
void cmk_offload_defer(struct cmk_io *io)
{
	struct cmk_offload *off = raw_cpu_ptr(io->ct->vol->offload);

	off->nr.deferred++;
	cmk_offload_queue(io, off);
}

/* Also where softirqs are only off: below may be a volume, too. */
static bool cmk_offload_must(const struct cmk_io *io)
{
	return !cmk_cipher_usable() ||
	       (in_interrupt() && io->iter.bi_size > CMK_SOFTIRQ_BYTES &&
		io->ct->args.crypt == CMK_CRYPT_AUTO);
}

/**
 * cmk_offload() - shall the crypto of this bio be done on the queue?
 * @io: a bio whose crypto is due
 *
 * Context: process context or softirq.
 *
 * Return: if so, all is as after cmk_offload_defer().
 */
bool cmk_offload(struct cmk_io *io)
{
	struct cmk_offload *off = raw_cpu_ptr(io->ct->vol->offload);
	bool queue = true;

	if (unlikely(cmk_offload_must(io))) {
		cmk_offload_defer(io);
		return true;
	}
	switch (io->ct->args.crypt) {
	case CMK_CRYPT_AUTO:
		queue = num_online_cpus() > 1 && cmk_offload_pays(io, off);
		break;
	case CMK_CRYPT_INLINE:
		queue = false;
		break;
	case CMK_CRYPT_QUEUED:
		break;
	}
	if (unlikely(queue))
		cmk_offload_queue(io, off);
	else
		off->nr.here++;
	return queue;
}

/**
 * cmk_offload_begin() - a worker begins with a queued bio
 * @io: the bio
 */
void cmk_offload_begin(struct cmk_io *io)
{
	io->workers = raw_cpu_ptr(&cmk_workers);
	atomic_inc(io->workers);
}

/* Does somebody else than our own workers want this CPU, and for how long? */
static void cmk_offload_crowd(struct cmk_volume *vol, struct cmk_offload *off,
			      const atomic_t *workers)
{
	unsigned long since = READ_ONCE(off->crowded);
	unsigned int met = READ_ONCE(off->met);
	unsigned long now = jiffies;
	unsigned long min = off == raw_cpu_ptr(vol->offload) ?
		CMK_CROWDED_HERE : CMK_CROWDED_MIN;

	if (single_task_running() || atomic_read(workers) > 1) {
		if (since)
			WRITE_ONCE(off->crowded, 0);
	} else if (!since || time_after(now, since + CMK_CROWDED_MAX)) {
		WRITE_ONCE(off->crowded, now ?: 1);
		WRITE_ONCE(off->met, 0);
	} else {
		WRITE_ONCE(off->met, ++met);
		if (met < CMK_CROWDED_TIMES || !time_after(now, since + min))
			return;
		WRITE_ONCE(off->crowded, 0);
		WRITE_ONCE(off->shut, now + CMK_CROWDED_MAX);
	}
}

/**
 * cmk_offload_done() - the crypto of a queued bio is done
 * @io: the bio; who waits for it does not know yet, so what he does is still
 *	what he did while it was queued
 */
void cmk_offload_done(struct cmk_io *io)
{
	struct cmk_offload *off = io->offload;

	if (io->trial) {
		if (task_is_running(io->trial))
			cmk_offload_paid(off);
		put_task_struct(io->trial);
		io->trial = NULL;
	}
	cmk_offload_crowd(io->ct->vol, off, io->workers);
	atomic_dec(io->workers);
	atomic_dec(&off->queued);
	io->offload = NULL;
}
