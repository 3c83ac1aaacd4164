/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rest of the module tells the agent.  A leaf: it knows of volumes
 * only their name, so that the keys' side can report without knowing netlink.
 */
#ifndef CMK_NOTIFY_H
#define CMK_NOTIFY_H

#include <linux/types.h>
#include <linux/uuid.h>
#include <uapi/linux/cmk.h>

/**
 * struct cmk_speed - what a benchmark has found, in KiB a second
 * @cipher_encrypt: of the cipher alone
 * @cipher_decrypt: of the cipher alone
 * @volume_encrypt: of all that is done for the data of a write
 * @volume_decrypt: of all that is done for the data of a read
 */
struct cmk_speed {
	u64 cipher_encrypt;
	u64 cipher_decrypt;
	u64 volume_encrypt;
	u64 volume_decrypt;
};

/**
 * struct cmk_event - one event of the group "events"
 * @cmd: CMK_CMD_KEY_WANTED, CMK_CMD_STATE_CHANGED, CMK_CMD_UNBOUND,
 *	CMK_CMD_BENCHMARK_DONE or CMK_CMD_REKEY_CHANGED
 * @uuid: the volume, where there is one
 * @wanted: ranges on which I/O waits (key wanted)
 * @gate: where the gate is now (state changed)
 * @cause: why (state changed)
 * @sticky: closed by an administrator (state changed)
 * @closing: number of the last closing, 0 while open (state changed)
 * @sector_size: bytes of a data unit (benchmark done)
 * @driver: name of the cipher's driver (benchmark done)
 * @speed: all 0 when it could not be measured (benchmark done)
 * @rekey: how far it is (rekey changed)
 * @range: its number (rekey changed)
 * @done: sectors of it that are new (rekey changed)
 * @sectors: that it has (rekey changed)
 * @error: why it stopped, an errno, or 0 (rekey changed)
 * @sector: where, as a sector of the volume (rekey changed)
 */
struct cmk_event {
	enum cmk_cmd cmd;
	uuid_t uuid;
	u32 wanted;
	enum cmk_gate gate;
	enum cmk_cause cause;
	bool sticky;
	u64 closing;
	u32 sector_size;
	const char *driver;
	struct cmk_speed speed;
	enum cmk_rekey_state rekey;
	u32 range;
	u64 done;
	u64 sectors;
	u32 error;
	u64 sector;
};

void cmk_notify(const struct cmk_event *event);
u32 cmk_notify_seq(void);

#endif
