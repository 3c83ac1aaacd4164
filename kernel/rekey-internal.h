/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the rekey share. */
#ifndef CMK_REKEY_INTERNAL_H
#define CMK_REKEY_INTERNAL_H

#include <linux/bio.h>
#include <linux/workqueue.h>

#include "rekey-record.h"
#include "rekey.h"

struct cmk_volume;

#define CMK_STRIPE_BYTES	(CMK_STRIPE_SECTORS << SECTOR_SHIFT)
#define CMK_STRIPE_PAGES	(CMK_STRIPE_BYTES / PAGE_SIZE)
#define CMK_IMAGE_BYTES		(CMK_RECORD_SECTORS * CMK_RECORD_SECTOR)

/* CPUs beside the worker's that work on one stripe, at most */
#define CMK_HELPERS		3U

/**
 * struct cmk_turn - a stretch of the stripe in one RCU section
 * @old: its key until now
 * @new: its key from now on
 * @mac: for tags
 * @sector: of the volume
 * @offset: in the stripe, bytes
 * @bytes: length
 */
struct cmk_turn {
	struct crypto_skcipher *old;
	struct crypto_skcipher *new;
	const struct cmk_mac *mac;
	u64 sector;
	unsigned int offset;
	unsigned int bytes;
};

/**
 * struct cmk_helper - takes turns at a stripe beside the worker
 * @work: queued by the worker, which does not go on while it runs
 * @rekey: constant
 */
struct cmk_helper {
	struct work_struct work;
	struct cmk_rekey *rekey;
};

/**
 * struct cmk_crew - a stripe that is turned
 * @begin: its first sector, of the volume; written while no helper runs
 * @bytes: its length; likewise
 * @next: number of the first turn that nobody has taken
 * @error: of the first turn that failed, or 0
 * @helper: those who help
 */
struct cmk_crew {
	u64 begin;
	unsigned int bytes;
	atomic_t next;
	atomic_t error;
	struct cmk_helper helper[CMK_HELPERS];
};

/**
 * struct cmk_rekey_memory - what a rekey needs, all of it had beforehand, since
 *	memory may be freed only when I/O that waits for the stripe goes on
 * @vec: the pages of a stripe, in order; they hold ciphertext only
 * @image: of the two places of the record, as last read or written
 * @tag: of the stripe's blocks, as they will be in the record
 * @spare: for a data unit
 * @crew: who turns it
 */
struct cmk_rekey_memory {
	struct bio_vec vec[CMK_STRIPE_PAGES];
	struct cmk_disk_record_sector *image[CMK_RECORD_PLACES];
	struct cmk_disk_tag tag[CMK_RECORD_TAGS];
	void *spare;
	struct cmk_crew crew;
};

/**
 * struct cmk_rekey - the rekey of a volume
 * @vol: the volume
 * @work: a stripe, or the beginning or the end of a rekey; then it queues
 *	itself again.  One at a time.
 * @state: volume's lock
 * @runs: a table is live, so the worker may do I/O; volume's lock
 * @check: the record must be read before anything else is done; volume's lock
 * @fresh: it has none of this rekey yet; volume's lock
 * @finish: the record is to be cleared; volume's lock
 * @ended: the volume ends; volume's lock
 * @paused: pause when the record is checked; volume's lock
 * @error: see struct cmk_rekey_info; volume's lock
 * @sector: likewise
 * @bandwidth: volume's lock
 * @duty: percent, 0 if nobody said one; volume's lock
 * @header_seq: for the record that @finish writes; volume's lock
 * @at: the worker's place, as a sector of the volume; worker
 * @used: I/Os of the volume until now; worker
 * @owed: microseconds that it has yet to rest; worker
 * @device_us: that the device took since the last rest; worker
 * @told: jiffies of the last event; worker
 * @asleep: difference of CLOCK_BOOTTIME and CLOCK_MONOTONIC when the record
 *	was last checked; worker
 * @record: what the last durable record says, without its state's stripe;
 *	written by the worker under the volume's lock, and by commands while the
 *	state is none, pending or armed, when no worker runs
 * @choice: where it is and what was written so far; worker
 * @area: first sector of the record area; constant
 * @bdev: the data device; changed while no worker runs
 * @read_only: nothing may be written there; changed with it
 * @memory: NULL before the first rekey; set under the volume's lock
 */
struct cmk_rekey {
	struct cmk_volume *vol;
	struct delayed_work work;
	enum cmk_rekey_state state;
	bool runs;
	bool check;
	bool fresh;
	bool finish;
	bool ended;
	bool paused;
	u32 error;
	u64 sector;
	u32 bandwidth;
	u32 duty;
	u64 header_seq;
	u64 at;
	u64 used;
	u64 owed;
	u64 device_us;
	unsigned long told;
	ktime_t asleep;
	struct cmk_record record;
	struct cmk_record_choice choice;
	sector_t area;
	struct block_device *bdev;
	bool read_only;
	struct cmk_rekey_memory *memory;
};

/* Of the volume, where the range begins and ends. */
static inline u64 cmk_rekey_begin_of(const struct cmk_rekey *rekey)
{
	return rekey->record.range * rekey->record.range_sectors;
}

/* rekey.c */
extern struct workqueue_struct *cmk_rekey_wq;
bool cmk_rekey_has_keys(const struct cmk_rekey *rekey);
void cmk_rekey_queue(struct cmk_rekey *rekey, unsigned long delay);
void cmk_rekey_tell(struct cmk_rekey *rekey);

/* rekey-io.c */
struct cmk_rekey_memory *cmk_rekey_memory_alloc(struct cmk_rekey *rekey);
void cmk_rekey_memory_free(struct cmk_rekey_memory *memory);
int cmk_rekey_rw(struct cmk_rekey *rekey, blk_opf_t opf, u64 sector,
		 u32 sectors);
int cmk_record_read(struct cmk_rekey *rekey, struct cmk_record *ret);
int cmk_record_check_mac(struct cmk_rekey *rekey);
int cmk_record_blank(struct cmk_rekey *rekey);
int cmk_record_write(struct cmk_rekey *rekey, enum cmk_record_state state,
		     u64 cursor, u32 stripe_sectors);

/* rekey-stripe.c */
void cmk_stripe_phase(struct cmk_rekey *rekey, enum cmk_phase phase, u64 begin,
		      u64 end);
int cmk_stripe_next(struct cmk_rekey *rekey);
int cmk_stripe_repair(struct cmk_rekey *rekey,
		      const struct cmk_record *record);

/* rekey-turn.c */
bool cmk_turn_keys(const struct cmk_volume *vol, struct cmk_turn *turn);
void *cmk_turn_at(const struct cmk_rekey *rekey, unsigned int offset);
u64 cmk_turn_tag(const struct cmk_rekey *rekey, const struct cmk_turn *turn,
		 unsigned int block);
int cmk_turn_crypt(struct cmk_rekey *rekey, const struct cmk_turn *turn);
void cmk_turn_init(struct cmk_rekey *rekey, struct cmk_rekey_memory *memory);
int cmk_stripe_turn(struct cmk_rekey *rekey, u64 begin, unsigned int bytes);

/* rekey-work.c */
void cmk_rekey_work(struct work_struct *work);

#endif
