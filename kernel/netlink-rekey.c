// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of a rekey, all of which are the agent's.
 *
 * Up to three keys come in one message, each sealed with a counter of its own:
 * they are opened in the order old-key, key, mac-key.  The MAC key is of no
 * generation and sealed for generation 0, so that none is taken for another.
 */

#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "generated/netlink-gen.h"
#include "netlink.h"
#include "rekey.h"
#include "slot.h"
#include "volume.h"

static int cmk_nl_rekey_refused(struct netlink_ext_ack *extack, int r)
{
	switch (r) {
	case -EOPNOTSUPP:
		NL_SET_ERR_MSG(extack, "the table names no record area");
		return r;
	case -ENOKEY:
		NL_SET_ERR_MSG(extack, "a key that it needs is not live");
		return r;
	case -ESTALE:
		NL_SET_ERR_MSG(extack, "other generations, another run or an older header");
		return r;
	case -EINVAL:
		NL_SET_ERR_MSG(extack, "towards the same key");
		return r;
	case -ENOENT:
		NL_SET_ERR_MSG(extack, "no such range, or no rekey in that state");
		return r;
	}
	return cmk_nl_refused(extack, r);
}

/* What the agent's commands begin with; ERR_PTR with a text. */
static struct cmk_volume *cmk_nl_rekey_volume(struct sk_buff *skb,
					      struct genl_info *info)
{
	struct cmk_volume *vol;
	int r;

	r = cmk_nl_permit_agent(skb, info->extack) ?: cmk_nl_check(info);
	if (!r && cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing"))
		r = -EINVAL;
	if (r)
		return ERR_PTR(r);
	vol = cmk_nl_volume(info->attrs, info->extack);
	return vol ?: ERR_PTR(-ENODEV);
}

static u32 cmk_nl_rekey_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

/* What start and done both need. */
static int cmk_nl_rekey_names(struct genl_info *info,
			      struct cmk_rekey_terms *terms)
{
	if (cmk_nl_missing(info, CMK_A_MAIN_RANGE, "range is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_RUN, "run is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_MAC_KEY, "mac-key is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_HEADER_SEQ,
			   "header-seq is missing"))
		return -EINVAL;
	terms->range = nla_get_u32(info->attrs[CMK_A_MAIN_RANGE]);
	terms->header_seq = nla_get_u64(info->attrs[CMK_A_MAIN_HEADER_SEQ]);
	memcpy(terms->run, nla_data(info->attrs[CMK_A_MAIN_RUN]),
	       sizeof(terms->run));
	return 0;
}

static int cmk_nl_rekey_mac(struct genl_info *info,
			    struct cmk_rekey_terms *terms)
{
	u8 *key = kmalloc(CMK_MAC_KEY_LEN, GFP_NOIO);
	struct cmk_slot *slot;
	int r;

	if (!key)
		return -ENOMEM;
	r = cmk_nl_unseal(info, CMK_A_MAIN_MAC_KEY, 0, key, CMK_MAC_KEY_LEN);
	slot = r ? ERR_PTR(r) : cmk_slot_create_mac(key);
	kfree_sensitive(key);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	terms->mac = slot;
	return 0;
}

static int cmk_nl_rekey_dek(struct genl_info *info, int attr, u32 generation,
			    struct cmk_slot **ret)
{
	struct cmk_slot *slot;

	if (!info->attrs[attr])
		return 0;
	slot = cmk_nl_slot(info, attr, generation);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	*ret = slot;
	return 0;
}

/* On failure the slots built so far are the caller's to free. */
static int cmk_nl_rekey_terms(struct genl_info *info,
			      struct cmk_rekey_terms *terms)
{
	int r = cmk_nl_rekey_names(info, terms);

	if (r)
		return r;
	if (cmk_nl_missing(info, CMK_A_MAIN_OLD_GENERATION,
			   "old-generation is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_GENERATION,
			   "generation is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_KEY, "key is missing"))
		return -EINVAL;
	terms->old_generation = cmk_nl_rekey_u32(info,
						 CMK_A_MAIN_OLD_GENERATION, 0);
	terms->generation = cmk_nl_rekey_u32(info, CMK_A_MAIN_GENERATION, 0);
	terms->resume = info->attrs[CMK_A_MAIN_RESUME];
	terms->paused = info->attrs[CMK_A_MAIN_PAUSED];
	terms->bandwidth = cmk_nl_rekey_u32(info, CMK_A_MAIN_BANDWIDTH, 0);
	terms->duty = cmk_nl_rekey_u32(info, CMK_A_MAIN_DUTY, 0);
	return cmk_nl_rekey_dek(info, CMK_A_MAIN_OLD_KEY,
				terms->old_generation, &terms->old) ?:
	       cmk_nl_rekey_dek(info, CMK_A_MAIN_KEY, terms->generation,
				&terms->new) ?:
	       cmk_nl_rekey_mac(info, terms);
}

static void cmk_nl_rekey_free(struct cmk_rekey_terms *terms)
{
	cmk_slot_free(terms->old);
	cmk_slot_free(terms->new);
	cmk_slot_free(terms->mac);
}

int cmk_nl_rekey_start_doit(struct sk_buff *skb, struct genl_info *info)
{
	unsigned int noio = memalloc_noio_save();
	struct cmk_rekey_terms terms = { };
	struct cmk_volume *vol;
	int r;

	vol = cmk_nl_rekey_volume(skb, info);
	if (IS_ERR(vol)) {
		r = PTR_ERR(vol);
	} else {
		r = cmk_nl_rekey_terms(info, &terms);
		if (r)
			cmk_nl_rekey_free(&terms);
		else
			r = cmk_nl_rekey_refused(info->extack,
						 cmk_rekey_start(vol, &terms));
		cmk_volume_put(vol);
	}
	memalloc_noio_restore(noio);
	return r;
}

int cmk_nl_rekey_done_doit(struct sk_buff *skb, struct genl_info *info)
{
	unsigned int noio = memalloc_noio_save();
	struct cmk_rekey_terms terms = { };
	struct cmk_volume *vol;
	int r;

	vol = cmk_nl_rekey_volume(skb, info);
	if (IS_ERR(vol)) {
		r = PTR_ERR(vol);
	} else {
		r = cmk_nl_rekey_names(info, &terms) ?:
		    cmk_nl_rekey_mac(info, &terms);
		if (!r)
			r = cmk_nl_rekey_refused(info->extack,
						 cmk_rekey_done(vol, &terms));
		cmk_volume_put(vol);
	}
	memalloc_noio_restore(noio);
	return r;
}

int cmk_nl_rekey_pause_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cmk_volume *vol = cmk_nl_rekey_volume(skb, info);
	int r;

	if (IS_ERR(vol))
		return PTR_ERR(vol);
	r = cmk_nl_rekey_refused(info->extack, cmk_rekey_pause(vol));
	cmk_volume_put(vol);
	return r;
}

int cmk_nl_rekey_resume_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cmk_volume *vol = cmk_nl_rekey_volume(skb, info);
	int r;

	if (IS_ERR(vol))
		return PTR_ERR(vol);
	r = cmk_rekey_resume(vol,
			     cmk_nl_rekey_u32(info, CMK_A_MAIN_BANDWIDTH, 0),
			     cmk_nl_rekey_u32(info, CMK_A_MAIN_DUTY, 0));
	r = cmk_nl_rekey_refused(info->extack, r);
	cmk_volume_put(vol);
	return r;
}
