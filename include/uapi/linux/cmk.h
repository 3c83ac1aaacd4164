/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/cmk.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_CMK_H
#define _UAPI_LINUX_CMK_H

#define CMK_FAMILY_NAME		"cmk"
#define CMK_FAMILY_VERSION	1

#define CMK_UUID_LEN		16
#define CMK_DEK_LEN		64
#define CMK_PUBLIC_KEY_LEN	64
#define CMK_SEAL_TAG_LEN	16
#define CMK_MAC_KEY_LEN		32
#define CMK_RUN_LEN		16
#define CMK_REASON_LEN		128
#define CMK_LEASE_MAX		86400

/**
 * enum cmk_gate - What happens to I/O on a volume.
 * @CMK_GATE_OPEN: I/O on ranges with a live key is served.
 * @CMK_GATE_HELD: The keys are gone and I/O waits.
 * @CMK_GATE_REVOKED: The keys are gone and I/O fails.
 */
enum cmk_gate {
	CMK_GATE_OPEN,
	CMK_GATE_HELD,
	CMK_GATE_REVOKED,
};

/**
 * enum cmk_cause - Why the gate is where it is.
 */
enum cmk_cause {
	CMK_CAUSE_NONE,
	CMK_CAUSE_ADMIN,
	CMK_CAUSE_KEK_DELETED,
	CMK_CAUSE_KEK_DISABLED,
	CMK_CAUSE_KEK_EXPIRED,
	CMK_CAUSE_NO_PERMISSION,
	CMK_CAUSE_LEASE,
	CMK_CAUSE_GRACE,
	CMK_CAUSE_HOLD_TIMEOUT,
	CMK_CAUSE_VM_FORK,
	CMK_CAUSE_SLEEP,
};

/**
 * enum cmk_actor - Who closes a gate. What an administrator closed is opened
 *   only by a restore with the flag "admin".
 */
enum cmk_actor {
	CMK_ACTOR_VAULT,
	CMK_ACTOR_ADMIN,
};

/**
 * enum cmk_lapse - What the kernel does by itself when a lease ends, on a
 *   sleep and on a VM fork. At not-after it always holds: nobody has said no.
 */
enum cmk_lapse {
	CMK_LAPSE_HOLD,
	CMK_LAPSE_REVOKE,
};

enum cmk_range_state {
	CMK_RANGE_STATE_ABSENT,
	CMK_RANGE_STATE_LIVE,
};

/**
 * enum cmk_rekey_state - How far the re-encryption of a range is. A hold, a
 *   revoke, a lapse, the loss of a key, an error and a power loss all end in
 *   "pending", and then the record on the disk says how far it is.
 * @CMK_REKEY_STATE_NONE: There is none.
 * @CMK_REKEY_STATE_PENDING: It waits for rekey-start with the flag "resume".
 * @CMK_REKEY_STATE_ARMED: It begins when the device has been suspended with
 *   noflush and resumed.
 * @CMK_REKEY_STATE_COMPLETE: All of the range is new, and the old key is gone
 *   from memory. It waits for rekey-done.
 */
enum cmk_rekey_state {
	CMK_REKEY_STATE_NONE,
	CMK_REKEY_STATE_PENDING,
	CMK_REKEY_STATE_ARMED,
	CMK_REKEY_STATE_RUNNING,
	CMK_REKEY_STATE_PAUSED,
	CMK_REKEY_STATE_COMPLETE,
};

/**
 * enum cmk_feature - What the kernel side can do, told in the answer to bind.
 * @CMK_FEATURE_SEALED_KEYS: Keys are taken sealed, and only so.
 * @CMK_FEATURE_CLOSINGS: Closings of a gate are numbered, and a restore names
 *   one.
 */
enum cmk_feature {
	CMK_FEATURE_SEALED_KEYS = 1,
	CMK_FEATURE_CLOSINGS = 2,
};

enum {
	CMK_A_KEY_EPOCH = 1,
	CMK_A_KEY_COUNTER,
	CMK_A_KEY_DATA,

	__CMK_A_KEY_MAX,
	CMK_A_KEY_MAX = (__CMK_A_KEY_MAX - 1)
};

enum {
	CMK_A_MAIN_PAD = 1,
	CMK_A_MAIN_UUID,
	CMK_A_MAIN_MAJOR,
	CMK_A_MAIN_MINOR,
	CMK_A_MAIN_GATE,
	CMK_A_MAIN_CAUSE,
	CMK_A_MAIN_STICKY,
	CMK_A_MAIN_ACTOR,
	CMK_A_MAIN_REASON,
	CMK_A_MAIN_ADMIN,
	CMK_A_MAIN_RANGES,
	CMK_A_MAIN_RANGE_SECTORS,
	CMK_A_MAIN_SECTORS,
	CMK_A_MAIN_SECTOR_SIZE,
	CMK_A_MAIN_LIVE,
	CMK_A_MAIN_WANTED,
	CMK_A_MAIN_PARKED,
	CMK_A_MAIN_DRIVER,
	CMK_A_MAIN_KEY_BYTES,
	CMK_A_MAIN_NO_LEASE,
	CMK_A_MAIN_LEASE_TTL,
	CMK_A_MAIN_LEASE_LEFT_MS,
	CMK_A_MAIN_LAPSE,
	CMK_A_MAIN_RANGE,
	CMK_A_MAIN_COUNT,
	CMK_A_MAIN_STATE,
	CMK_A_MAIN_GENERATION,
	CMK_A_MAIN_WANTED_ONLY,
	CMK_A_MAIN_KEY,
	CMK_A_MAIN_SEQ,
	CMK_A_MAIN_EPOCH,
	CMK_A_MAIN_FEATURES,
	CMK_A_MAIN_VERSION,
	CMK_A_MAIN_CIPHER_ENCRYPT,
	CMK_A_MAIN_CIPHER_DECRYPT,
	CMK_A_MAIN_VOLUME_ENCRYPT,
	CMK_A_MAIN_VOLUME_DECRYPT,
	CMK_A_MAIN_INLINE,
	CMK_A_MAIN_QUEUED,
	CMK_A_MAIN_DEFERRED,
	CMK_A_MAIN_NOT_AFTER,
	CMK_A_MAIN_KEEP_ASLEEP,
	CMK_A_MAIN_PUBLIC_KEY,
	CMK_A_MAIN_REKEY_STATE,
	CMK_A_MAIN_REKEY_RANGE,
	CMK_A_MAIN_REKEY_DONE,
	CMK_A_MAIN_REKEY_SECTORS,
	CMK_A_MAIN_REKEY_ERROR,
	CMK_A_MAIN_REKEY_SECTOR,
	CMK_A_MAIN_RUN,
	CMK_A_MAIN_OLD_GENERATION,
	CMK_A_MAIN_OLD_KEY,
	CMK_A_MAIN_MAC_KEY,
	CMK_A_MAIN_HEADER_SEQ,
	CMK_A_MAIN_RESUME,
	CMK_A_MAIN_PAUSED,
	CMK_A_MAIN_BANDWIDTH,
	CMK_A_MAIN_DUTY,
	CMK_A_MAIN_CLOSING,

	__CMK_A_MAIN_MAX,
	CMK_A_MAIN_MAX = (__CMK_A_MAIN_MAX - 1)
};

enum cmk_cmd {
	CMK_CMD_BIND = 1,
	CMK_CMD_VOLUME_GET,
	CMK_CMD_RANGE_GET,
	CMK_CMD_KEY_SET,
	CMK_CMD_KEY_DROP,
	CMK_CMD_LEASE_RENEW,
	CMK_CMD_HOLD,
	CMK_CMD_REVOKE,
	CMK_CMD_RESTORE,
	CMK_CMD_KEY_WANTED,
	CMK_CMD_STATE_CHANGED,
	CMK_CMD_UNBOUND,
	CMK_CMD_BENCHMARK,
	CMK_CMD_BENCHMARK_DONE,
	CMK_CMD_REKEY_START,
	CMK_CMD_REKEY_PAUSE,
	CMK_CMD_REKEY_RESUME,
	CMK_CMD_REKEY_DONE,
	CMK_CMD_REKEY_CHANGED,

	__CMK_CMD_MAX,
	CMK_CMD_MAX = (__CMK_CMD_MAX - 1)
};

#define CMK_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_CMK_H */
