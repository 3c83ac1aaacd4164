// SPDX-License-Identifier: GPL-2.0
/*
 * Keys come and go.
 *
 * A message holds a key sealed (seal.h), so nothing of it needs wiping, nor
 * what the kernel answers, echoes or hands to who listens; the memory of a
 * message is shared with those.  What is opened is opened elsewhere.
 */

#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "generated/netlink-gen.h"
#include "netlink.h"
#include "range.h"
#include "seal.h"
#include "slot.h"
#include "volume.h"

static int cmk_nl_sealed_refused(struct genl_info *info, struct nlattr *key,
				 int r)
{
	switch (r) {
	case -ESTALE:
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "the session has ended: bind again");
		break;
	case -EALREADY:
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "the message counter has not risen");
		return -EKEYREJECTED;
	case -EBADMSG:
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "not sealed for this place");
		return -EKEYREJECTED;
	case -EINVAL:
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "the sealed key has a wrong length");
		break;
	}
	return r;
}

/**
 * cmk_nl_unseal() - open a sealed key of a request
 * @info: with uuid and range
 * @attr: the attribute that has the key
 * @generation: that it must have been sealed for
 * @ret: from kmalloc(): the key; zeros after an error; the caller wipes it
 * @len: bytes of that
 *
 * Return: 0 or a negative errno, told.
 */
int cmk_nl_unseal(struct genl_info *info, int attr, u32 generation, u8 *ret,
		  unsigned int len)
{
	struct nlattr *key = info->attrs[attr];
	struct nlattr *attrs[CMK_A_KEY_MAX + 1];
	struct cmk_sealed msg = {
		.cmd = info->genlhdr->cmd,
		.generation = generation,
	};
	int r;

	r = cmk_nl_once(nla_data(key), nla_len(key), info->extack) ?:
	    nla_parse_nested(attrs, CMK_A_KEY_MAX, key, cmk_key_nl_policy,
			     info->extack);
	if (r)
		return r;
	if (!attrs[CMK_A_KEY_EPOCH] || !attrs[CMK_A_KEY_COUNTER] ||
	    !attrs[CMK_A_KEY_DATA]) {
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "a key needs epoch, counter and data");
		return -EINVAL;
	}
	msg.uuid = nla_data(info->attrs[CMK_A_MAIN_UUID]);
	msg.range = nla_get_u32(info->attrs[CMK_A_MAIN_RANGE]);
	msg.epoch = nla_get_u64(attrs[CMK_A_KEY_EPOCH]);
	msg.counter = nla_get_u64(attrs[CMK_A_KEY_COUNTER]);
	msg.data = nla_data(attrs[CMK_A_KEY_DATA]);
	msg.len = nla_len(attrs[CMK_A_KEY_DATA]);
	return cmk_nl_sealed_refused(info, key, cmk_seal_open(&msg, ret, len));
}

/* A DEK, whose bytes are nowhere else afterwards; ERR_PTR with a text. */
struct cmk_slot *cmk_nl_slot(struct genl_info *info, int attr, u32 generation)
{
	u8 *dek = kmalloc(CMK_DEK_LEN, GFP_NOIO);
	struct nlattr *key = info->attrs[attr];
	struct cmk_slot *slot;
	int r;

	if (!dek)
		return ERR_PTR(-ENOMEM);
	r = cmk_nl_unseal(info, attr, generation, dek, CMK_DEK_LEN);
	slot = r ? ERR_PTR(r) : cmk_slot_create(dek, generation);
	kfree_sensitive(dek);
	/* What is wrong with the seal has been told. */
	if (r)
		return slot;
	if (slot == ERR_PTR(-EINVAL))
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "a weak key: equal halves");
	else if (IS_ERR(slot))
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "the key cannot be expanded");
	return slot;
}

static int cmk_nl_key_set(struct genl_info *info)
{
	struct cmk_volume *vol;
	struct cmk_slot *slot;
	u32 range;
	int r;

	if (cmk_nl_missing(info, CMK_A_MAIN_RANGE, "range is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_GENERATION,
			   "generation is missing"))
		return -EINVAL;
	range = nla_get_u32(info->attrs[CMK_A_MAIN_RANGE]);
	vol = cmk_nl_volume(info->attrs, info->extack);
	if (!vol)
		return -ENODEV;
	slot = cmk_nl_slot(info, CMK_A_MAIN_KEY,
			   nla_get_u32(info->attrs[CMK_A_MAIN_GENERATION]));
	if (IS_ERR(slot))
		r = PTR_ERR(slot);
	else
		r = cmk_nl_refused(info->extack,
				   cmk_volume_set_key(vol, range, slot));
	cmk_volume_put(vol);
	return r;
}

int cmk_nl_key_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	unsigned int noio = memalloc_noio_save();
	int r;

	r = cmk_nl_permit_agent(skb, info->extack) ?: cmk_nl_check(info);
	if (!r && (cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing") ||
		   cmk_nl_missing(info, CMK_A_MAIN_KEY, "key is missing")))
		r = -EINVAL;
	if (!r)
		r = cmk_nl_key_set(info);
	memalloc_noio_restore(noio);
	return r;
}

int cmk_nl_key_drop_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[CMK_A_MAIN_RANGE];
	struct cmk_volume *vol;
	int r;

	r = cmk_nl_permit(skb, info->extack) ?: cmk_nl_check(info);
	if (r)
		return r;
	if (cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing"))
		return -EINVAL;
	vol = cmk_nl_volume(info->attrs, info->extack);
	if (!vol)
		return -ENODEV;
	if (attr)
		r = cmk_volume_drop_keys(vol, nla_get_u32(attr), 1);
	else
		r = cmk_volume_drop_keys(vol, 0,
					 READ_ONCE(vol->ranges.reserved));
	cmk_volume_put(vol);
	return cmk_nl_refused(info->extack, r);
}
