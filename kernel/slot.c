// SPDX-License-Identifier: GPL-2.0
/* Building and wiping live keys. */

#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "cipher.h"
#include "slot.h"

/**
 * cmk_slot_create() - build a private slot
 * @dek: CMK_DEK_LEN bytes; the caller wipes them
 * @generation: which of the range's DEKs it is
 *
 * Context: process context under memalloc_noio_save(); no lock held, because
 * a revoke must never wait for this allocation.
 *
 * Return: the slot, or ERR_PTR as cmk_cipher_create().
 */
struct cmk_slot *cmk_slot_create(const u8 *dek, u32 generation)
{
	struct cmk_slot *slot = kzalloc(sizeof(*slot), GFP_NOIO);
	int r;

	if (!slot)
		return ERR_PTR(-ENOMEM);
	slot->generation = generation;
	r = cmk_digest_fingerprint(dek, slot->fingerprint);
	if (r)
		goto free;
	slot->tfm = cmk_cipher_create(dek);
	if (IS_ERR(slot->tfm)) {
		r = PTR_ERR(slot->tfm);
		goto free;
	}
	return slot;
free:
	kfree(slot);
	return ERR_PTR(r);
}

/**
 * cmk_slot_create_mac() - build a private slot with the keys of a record
 * @key: CMK_MAC_KEY_LEN bytes; the caller wipes them
 *
 * So they end as all other keys do.
 *
 * Context: as cmk_slot_create().
 *
 * Return: the slot or ERR_PTR.
 */
struct cmk_slot *cmk_slot_create_mac(const u8 *key)
{
	struct cmk_slot *slot = kzalloc(sizeof(*slot), GFP_NOIO);
	struct cmk_mac *mac;

	if (!slot)
		return ERR_PTR(-ENOMEM);
	mac = cmk_mac_create(key);
	if (IS_ERR(mac)) {
		kfree(slot);
		return ERR_CAST(mac);
	}
	slot->mac = mac;
	return slot;
}

/**
 * cmk_slot_free() - wipe and free a slot that nobody else can see
 * @slot: may be NULL
 */
void cmk_slot_free(struct cmk_slot *slot)
{
	if (!slot)
		return;
	cmk_cipher_destroy(slot->tfm);
	cmk_mac_free(slot->mac);
	kfree_sensitive(slot);
}

/**
 * cmk_slots_retire() - end slots that were taken out of their ranges
 * @list: linked by next, may be NULL: then others have taken the slots out,
 *	and the caller still wants to know them unused
 *
 * An expedited grace period is all that a revoke waits for: sections that use
 * a key are at most 16 KiB of cipher long and never wait for a device.
 *
 * Context: process context; sleeps, does not allocate.
 */
void cmk_slots_retire(struct cmk_slot *list)
{
	struct cmk_slot *slot;

	synchronize_rcu_expedited();
	while ((slot = list)) {
		list = slot->next;
		cmk_slot_free(slot);
	}
}
