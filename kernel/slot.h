/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slot: one live key.
 *
 * A slot has two states.  *Private*: its builder alone knows it.  *Published*:
 * a range points to it; I/O uses it inside RCU read sections only.  Who takes
 * the pointer out of the range, under the volume's lock, owns the slot, waits
 * for a grace period, and frees it; nothing counts references.
 */
#ifndef CMK_SLOT_H
#define CMK_SLOT_H

#include <linux/types.h>

#include "digest.h"

struct crypto_skcipher;

/**
 * struct cmk_slot - one live key
 * @tfm: the expanded key, or NULL in one that has
 * @mac: the expanded keys of a rekey's record
 * @next: in a list of slots that wait to be freed; owner
 * @generation: which of the range's DEKs it is
 * @fingerprint: of the DEK
 */
struct cmk_slot {
	struct crypto_skcipher *tfm;
	struct cmk_mac *mac;
	struct cmk_slot *next;
	u32 generation;
	u8 fingerprint[CMK_FINGERPRINT_SIZE];
};

struct cmk_slot *cmk_slot_create(const u8 *dek, u32 generation);
struct cmk_slot *cmk_slot_create_mac(const u8 *key);
void cmk_slot_free(struct cmk_slot *slot);
void cmk_slots_retire(struct cmk_slot *list);

#endif
