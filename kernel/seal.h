/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sealed messages: how the agent's keys reach the kernel.  What they are made
 * of is in Documentation/netlink/specs/cmk.yaml, "Sealed messages".
 */
#ifndef CMK_SEAL_H
#define CMK_SEAL_H

#include <linux/types.h>
#include <uapi/linux/cmk.h>

struct crypto_aead;

/**
 * struct cmk_seal - a session: one ephemeral key on each side
 * @epoch: random number of the session; constant
 * @public: the kernel's key; constant
 * @peer: the agent's key; constant
 * @aead: has the derived key; used under the lock of seal.c once the session
 *	is live
 * @counter: of the last message that was opened; same lock
 */
struct cmk_seal {
	u64 epoch;
	u8 public[CMK_PUBLIC_KEY_LEN];
	u8 peer[CMK_PUBLIC_KEY_LEN];
	struct crypto_aead *aead;
	u64 counter;
};

/**
 * struct cmk_sealed - a message, and what it must have been sealed for
 * @cmd: the command that brought it
 * @uuid: CMK_UUID_LEN bytes, big endian
 * @range: number of the range
 * @generation: of the range's key
 * @epoch: the session that it says it is of
 * @counter: its number in that
 * @data: cipher text and tag
 * @len: bytes of @data
 */
struct cmk_sealed {
	u32 cmd;
	const u8 *uuid;
	u32 range;
	u32 generation;
	u64 epoch;
	u64 counter;
	const u8 *data;
	unsigned int len;
};

int cmk_seal_init(void);
void cmk_seal_exit(void);

struct cmk_seal *cmk_seal_agree(const u8 *peer);
void cmk_seal_start(struct cmk_seal *seal);
void cmk_seal_end(void);
void cmk_seal_free(struct cmk_seal *seal);
int cmk_seal_open(const struct cmk_sealed *msg, u8 *ret, unsigned int len);

#endif
