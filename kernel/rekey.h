/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rekey: one range of a volume is re-encrypted in place, under load, in stripes
 * of at most 512 KiB, so that at each moment a crash loses nothing.
 *
 * rekey.c is the state and the commands, rekey-life.c what the target does with
 * it, rekey-work.c the worker, rekey-stripe.c a stripe, rekey-turn.c its
 * crypto, rekey-io.c the record and the device, rekey-record.c the record as
 * bytes; twin.c, of the data path, is what I/O sees of it.
 */
#ifndef CMK_REKEY_H
#define CMK_REKEY_H

#include <linux/types.h>
#include <uapi/linux/cmk.h>

struct block_device;
struct cmk_rekey;
struct cmk_slot;
struct cmk_volume;

/**
 * struct cmk_rekey_terms - what an agent says of a rekey
 * @range: its number
 * @old_generation: of the DEK until now
 * @generation: of the DEK from now on
 * @run: from the new DEK's slot
 * @header_seq: lowest number of a header that may be believed
 * @resume: go on where the record says
 * @paused: and pause there
 * @bandwidth: KiB a second, 0 for no limit
 * @duty: percent of the time, 0: all, but see cmk_rekey_due_to_others()
 * @old: the old DEK, NULL if it is live
 * @new: the new DEK
 * @mac: the keys of the record
 */
struct cmk_rekey_terms {
	u32 range;
	u32 old_generation;
	u32 generation;
	u8 run[CMK_RUN_LEN];
	u64 header_seq;
	bool resume;
	bool paused;
	u32 bandwidth;
	u32 duty;
	struct cmk_slot *old;
	struct cmk_slot *new;
	struct cmk_slot *mac;
};

/**
 * struct cmk_rekey_info - how far a rekey is
 * @state: without a rekey only @header_seq is told
 * @range: its number
 * @old_generation: of the DEK until now
 * @generation: of the DEK from now on
 * @run: of the rekey
 * @done: sectors of the range that are new
 * @sectors: that it has
 * @error: why it stopped, an errno, or 0
 * @sector: where, as a sector of the volume
 * @header_seq: lowest number of a header that may be believed
 */
struct cmk_rekey_info {
	enum cmk_rekey_state state;
	u32 range;
	u32 old_generation;
	u32 generation;
	u8 run[CMK_RUN_LEN];
	u64 done;
	u64 sectors;
	u32 error;
	u64 sector;
	u64 header_seq;
};

int cmk_rekey_init(void);
void cmk_rekey_exit(void);

/* rekey-life.c */
struct cmk_rekey *cmk_rekey_load(struct block_device *bdev, sector_t record,
				 const char **error);
void cmk_rekey_free(struct cmk_rekey *rekey);
int cmk_rekey_adopt(struct cmk_volume *vol, struct cmk_rekey *rekey,
		    const char **error);
void cmk_rekey_halt(struct cmk_volume *vol);
void cmk_rekey_preresume(struct cmk_volume *vol, struct block_device *bdev,
			 bool read_only);
void cmk_rekey_go(struct cmk_volume *vol);
void cmk_rekey_end(struct cmk_volume *vol);

/* rekey.c */
int cmk_rekey_start(struct cmk_volume *vol, struct cmk_rekey_terms *terms);
int cmk_rekey_pause(struct cmk_volume *vol);
int cmk_rekey_resume(struct cmk_volume *vol, u32 bandwidth, u32 duty);
int cmk_rekey_done(struct cmk_volume *vol, struct cmk_rekey_terms *terms);
struct cmk_rekey_info cmk_rekey_info(struct cmk_volume *vol);

#endif
