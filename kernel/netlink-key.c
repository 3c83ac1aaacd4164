// SPDX-License-Identifier: GPL-2.0
/* Keys come and go. */

#include <linux/sched/mm.h>
#include <net/genetlink.h>

#include "generated/netlink-gen.h"
#include "netlink.h"
#include "range.h"
#include "slot.h"
#include "volume.h"

/* The DEK's bytes in the message are wiped on every exit. */
static struct cmk_slot *cmk_nl_slot(struct genl_info *info)
{
	struct nlattr *key = info->attrs[CMK_A_MAIN_KEY];
	struct nlattr *attrs[CMK_A_KEY_MAX + 1];
	struct cmk_slot *slot;
	struct nlattr *data;
	int r;

	r = cmk_nl_once(nla_data(key), nla_len(key), info->extack) ?:
	    nla_parse_nested(attrs, CMK_A_KEY_MAX, key, cmk_key_nl_policy,
			     info->extack);
	if (r)
		return ERR_PTR(r);
	data = attrs[CMK_A_KEY_DATA];
	if (!data || !attrs[CMK_A_KEY_SCHEME]) {
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "a key needs scheme and data");
		return ERR_PTR(-EINVAL);
	}
	if (nla_len(data) != CMK_DEK_LEN || attrs[CMK_A_KEY_COUNTER]) {
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "a plain key is 64 bytes and no counter");
		return ERR_PTR(-EINVAL);
	}
	slot = cmk_slot_create(nla_data(data),
			       nla_get_u32(info->attrs[CMK_A_MAIN_GENERATION]));
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
	slot = cmk_nl_slot(info);
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
	struct nlattr *key = info->attrs[CMK_A_MAIN_KEY];
	int r;

	r = cmk_nl_permit_agent(skb, info->extack) ?: cmk_nl_check(info);
	if (!r && (cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing") ||
		   cmk_nl_missing(info, CMK_A_MAIN_KEY, "key is missing")))
		r = -EINVAL;
	if (!r)
		r = cmk_nl_key_set(info);
	/* Also what was refused, and a key that was given twice. */
	if (key)
		memzero_explicit(genlmsg_data(info->genlhdr),
				 genlmsg_len(info->genlhdr));
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
