/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A volume: where data and keys meet.
 *
 * A volume is an object of its own, found by uuid.  Targets attach to it: the
 * one in the live table and, while a table is being replaced, the one in the
 * new table.  So gate, keys, lease and the memory of generations survive a
 * table reload and end with the last target.
 *
 * Lifetime.  *Listed*: found by uuid; has a target.  *Dead*: the last target
 * has gone; unlisted, keys wiped, timers stopped; only netlink commands under
 * way still hold it, and they get ENODEV.  Two counts would be two truths:
 * @targets being empty is death, @ref is memory.
 *
 * Three independent facts meet here: the gate of the volume, the key of each
 * range, and the rekey, which gives one range two.
 */
#ifndef CMK_VOLUME_H
#define CMK_VOLUME_H

#include <linux/bio.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <uapi/linux/cmk.h>

#include "range.h"

struct mapped_device;
struct cmk_rekey;
struct cmk_slot;

/* Pages that a volume keeps for writes when memory is short. */
#define CMK_RESERVE_PAGES	16

/**
 * struct cmk_geometry - what every target of one volume must agree on
 * @uuid: the volume
 * @md: the mapped device; compared, never followed
 * @dev: number of the data device
 * @start: first sector of the data on it
 * @range_shift: log2 of the sectors of a range
 * @sector_size: bytes of a data unit
 * @iv_offset: added to the sector for the tweak, in 512-byte units
 * @record: first sector of the record area on the data device; constant
 */
struct cmk_geometry {
	uuid_t uuid;
	const struct mapped_device *md;
	dev_t dev;
	sector_t start;
	unsigned int range_shift;
	unsigned int sector_size;
	u64 iv_offset;
	sector_t record;
};

/**
 * struct cmk_options - table options that the volume itself obeys
 * @key_timeout: jiffies an I/O waits for an absent key, 0 for ever
 * @hold_timeout: jiffies until a held gate turns to revoked, 0 never
 * @no_key_fail: I/O on an absent range fails at once
 * @no_lease: keys are taken without a lease
 */
struct cmk_options {
	unsigned long key_timeout;
	unsigned long hold_timeout;
	bool no_key_fail;
	bool no_lease;
};

/**
 * struct cmk_crypts - bios, by where their crypto was done
 * @here: where they were brought or completed
 * @queued: on the volume's queue
 * @deferred: those of @queued that could not be done on the spot
 */
struct cmk_crypts {
	u64 here;
	u64 queued;
	u64 deferred;
};

/**
 * struct cmk_offload - what one CPU knows of the queue, see offload.c
 * @queued: bios that it has queued and whose crypto is not done
 * @interval: bios between its trials of the queue
 * @left: bios until the next
 * @crowded: jiffies since when its workers met others on their CPUs, or 0
 * @met: how often they have since then
 * @shut: jiffies until which it queues nothing by itself
 * @next: where the last piece of a larger bio ended, if more of it comes
 * @nr: bios that it has brought, ever
 *
 * No lock: @queued, @crowded, @met and @shut are changed by any CPU, @interval
 * and @left by this one and, when a trial has paid, by another; the rest by
 * this one.  They only steer.
 */
struct cmk_offload {
	atomic_t queued;
	unsigned int interval;
	unsigned int left;
	unsigned long crowded;
	unsigned int met;
	unsigned long shut;
	sector_t next;
	struct cmk_crypts nr;
};

/**
 * struct cmk_volume - one volume
 * @node: in the list of volumes; cmk_volumes_lock
 * @id: rises along the list, for dumps; constant once listed
 * @ref: of the memory
 * @targets: attached targets; cmk_attach_mutex
 * @geo: constant
 * @number: of the mapped device; constant
 * @sectors: size; written while no I/O runs
 * @ranges: table of ranges
 * @twin: the range that is rekeyed; set before the volume is listed, NULL
 *	without a record area
 * @rekey: how far it is, rekey.h; as @twin
 * @pages: bounce pages when nothing else can be had
 * @read_wq: decryption, which never sleeps
 * @write_wq: encryption, whose end is to send, which may sleep
 * @start_wq: bios that are begun again, each of which may sleep in the device
 *	and holds up no other
 * @offload: per CPU
 * @options: written in a constructor or while no I/O runs; read anywhere
 * @lock: see the fields; taken in interrupts too
 * @wipe_mutex: one at a time takes keys out for a closed gate, and a restore
 *	excludes them all.  Never held across an allocation or I/O.
 * @gate: read without lock by every I/O; written under @lock
 * @cause: why; @lock
 * @sticky: closed by an administrator; @lock
 * @closing: number of the last accepted close, 0 while open; @lock
 * @dead: no target any more; @lock
 * @suspending: a noflush suspend takes parked bios back; @lock
 * @reason: words of who closed the gate; @lock
 * @live: ranges with a key; @lock
 * @wanted: ranges on which bios wait; @lock
 * @nr_parked: length of @parked; @lock
 * @parked: bios that wait for the gate or a key; @lock
 * @unpark: work: look at every parked bio again
 * @tick: work: once a second while bios are parked
 * @lease: fires at @lease_end or @not_after
 * @lease_running: @lock
 * @lease_had: a lease has run, only a restore starts the next; @lock
 * @lease_end: CLOCK_BOOTTIME; @lock
 * @lease_ttl: seconds, as last given; @lock
 * @not_after: CLOCK_BOOTTIME, as last given, 0 for never; @lock
 * @lapse: what its end does; @lock
 * @keep_asleep: the keys outlive a sleep; @lock
 * @hold_end: jiffies at which a hold turns to revoked; @lock
 * @hold: work: then
 * @wipe: work: take the keys out after a timer closed the gate
 */
struct cmk_volume {
	struct list_head node;
	unsigned long id;
	struct kref ref;
	struct list_head targets;
	struct cmk_geometry geo;
	dev_t number;
	sector_t sectors;
	struct cmk_ranges ranges;
	struct cmk_twin *twin;
	struct cmk_rekey *rekey;
	mempool_t pages;
	struct workqueue_struct *read_wq;
	struct workqueue_struct *write_wq;
	struct workqueue_struct *start_wq;
	struct cmk_offload __percpu *offload;
	struct cmk_options options;

	spinlock_t lock;		/* state, keys, parked bios */
	struct mutex wipe_mutex;	/* taking keys out */
	enum cmk_gate gate;
	enum cmk_cause cause;
	bool sticky;
	u64 closing;
	bool dead;
	bool suspending;
	char reason[CMK_REASON_LEN + 1];
	u32 live;
	u32 wanted;
	u32 nr_parked;
	struct bio_list parked;
	struct work_struct unpark;
	struct delayed_work tick;

	struct hrtimer lease;
	bool lease_running;
	bool lease_had;
	ktime_t lease_end;
	u32 lease_ttl;
	ktime_t not_after;
	enum cmk_lapse lapse;
	bool keep_asleep;
	unsigned long hold_end;
	struct delayed_work hold;
	struct work_struct wipe;
};

/**
 * struct cmk_close - a request to close the gate
 * @gate: CMK_GATE_HELD or CMK_GATE_REVOKED
 * @cause: why
 * @sticky: by an administrator
 * @reason: words for people, may be NULL
 */
struct cmk_close {
	enum cmk_gate gate;
	enum cmk_cause cause;
	bool sticky;
	const char *reason;
};

/* What ends keys and sorts parked bios; its works wait for no device. */
extern struct workqueue_struct *cmk_key_wq;
/* Constructors and destructors; never taken by a command that ends keys. */
extern struct mutex cmk_attach_mutex;

int cmk_volumes_init(void);
void cmk_volumes_exit(void);

struct cmk_volume *cmk_volume_create(const struct cmk_geometry *geo);
void cmk_volume_publish(struct cmk_volume *vol);
void cmk_volume_kill(struct cmk_volume *vol);
struct cmk_volume *cmk_volume_find(const uuid_t *uuid);
struct cmk_volume *cmk_volume_after(unsigned long id);
void cmk_volume_put(struct cmk_volume *vol);

void cmk_closings_init(void);
int cmk_volume_flip(struct cmk_volume *vol, const struct cmk_close *how);
int cmk_volume_close(struct cmk_volume *vol, const struct cmk_close *how);
void cmk_volume_wipe(struct cmk_volume *vol);
int cmk_volume_open(struct cmk_volume *vol, bool admin, u64 closing,
		    void (*start)(struct cmk_volume *vol, const void *arg),
		    const void *arg);
int cmk_volume_set_key(struct cmk_volume *vol, u32 index,
		       struct cmk_slot *slot);
int cmk_volume_takes_keys(const struct cmk_volume *vol, u32 index);
void cmk_volume_detach_key(struct cmk_volume *vol, struct cmk_range *range,
			   struct cmk_slot **list);
void cmk_volume_detach_range(struct cmk_volume *vol, struct cmk_range *range,
			     struct cmk_slot **list);
int cmk_volume_drop_keys(struct cmk_volume *vol, u32 first, u32 count);
void cmk_volume_notify(struct cmk_volume *vol);
struct cmk_crypts cmk_volume_crypts(const struct cmk_volume *vol);

static inline u32 cmk_volume_range_count(sector_t sectors, unsigned int shift)
{
	return (sectors + (1ULL << shift) - 1) >> shift;
}

#endif
