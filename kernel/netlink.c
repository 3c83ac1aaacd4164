// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: Documentation/netlink/specs/cmk.yaml is the contract,
 * the policies are generated from it.  Here: the family, the lease and the
 * gate; who may and bind are in netlink-bind.c, dumps in netlink-dump.c, keys
 * in netlink-key.c and netlink-rekey.c.
 *
 * No command may deadlock with the I/O that waits for it.  So commands run in
 * parallel (under genl's own mutex a revoke would wait for each key set), those
 * that allocate do so under memalloc_noio_save(), and none waits for I/O, for
 * a drain or for userspace.  A key is built before any lock is taken.
 *
 * What is left: each command holds genl's cb_lock to read.  Where a module that
 * registers a family waits to write it, new commands wait behind the slowest
 * old one, a key set that waits for memory.  A revoke that must not goes by the
 * message of device-mapper, cmk_message(): so does that of cmkctl.
 */

#include <linux/module.h>
#include <net/genetlink.h>

#include "benchmark.h"
#include "generated/netlink-gen.h"
#include "lease.h"
#include "netlink.h"
#include "volume.h"

/* --- what a request says --- */

/* netlink takes the last of two equal attributes; this family takes none. */
int cmk_nl_once(const struct nlattr *head, int len,
		struct netlink_ext_ack *extack)
{
	DECLARE_BITMAP(seen, CMK_A_MAIN_MAX + 1);
	const struct nlattr *attr;
	int rem;

	bitmap_zero(seen, CMK_A_MAIN_MAX + 1);
	nla_for_each_attr(attr, head, len, rem) {
		if (nla_type(attr) > CMK_A_MAIN_MAX)
			continue;
		if (__test_and_set_bit(nla_type(attr), seen)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "attribute given twice");
			return -EINVAL;
		}
	}
	return 0;
}

int cmk_nl_check(struct genl_info *info)
{
	return cmk_nl_once(genlmsg_data(info->genlhdr),
			   genlmsg_len(info->genlhdr), info->extack);
}

/* @text is a constant and lives as long as the module. */
bool cmk_nl_missing(struct genl_info *info, int attr, const char *text)
{
	if (info->attrs[attr])
		return false;
	if (info->extack)
		info->extack->_msg = text;
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, attr);
	return true;
}

static void cmk_nl_uuid(uuid_t *uuid, const struct nlattr *attr)
{
	import_uuid(uuid, nla_data(attr));
}

/* The volume of a request; NULL with a text. */
struct cmk_volume *cmk_nl_volume(struct nlattr **attrs,
				 struct netlink_ext_ack *extack)
{
	struct cmk_volume *vol;
	uuid_t uuid;

	cmk_nl_uuid(&uuid, attrs[CMK_A_MAIN_UUID]);
	vol = cmk_volume_find(&uuid);
	if (!vol)
		NL_SET_ERR_MSG_ATTR(extack, attrs[CMK_A_MAIN_UUID],
				    "no such volume");
	return vol;
}

/* What a refusal of the volume means. */
int cmk_nl_refused(struct netlink_ext_ack *extack, int r)
{
	switch (r) {
	case -ENODEV:
		NL_SET_ERR_MSG(extack, "the volume is going away");
		break;
	case -ENOENT:
		NL_SET_ERR_MSG(extack, "no such range");
		break;
	case -EKEYREVOKED:
		NL_SET_ERR_MSG(extack, "the gate is closed: restore first");
		break;
	case -EKEYEXPIRED:
		NL_SET_ERR_MSG(extack, "no lease is running");
		break;
	case -EKEYREJECTED:
		NL_SET_ERR_MSG(extack, "not the key that was live");
		break;
	case -ESTALE:
		NL_SET_ERR_MSG(extack, "older than the key that was live");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG(extack, "a range is being rekeyed");
		break;
	case -EPERM:
		NL_SET_ERR_MSG(extack, "an administrator closed the gate");
		break;
	}
	return r;
}

/* --- the lease and the gate --- */

static int cmk_nl_missing_lease(struct genl_info *info)
{
	return cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing") ||
	       cmk_nl_missing(info, CMK_A_MAIN_LEASE_TTL,
			      "lease-ttl is missing") ||
	       cmk_nl_missing(info, CMK_A_MAIN_NOT_AFTER,
			      "not-after is missing") ||
	       cmk_nl_missing(info, CMK_A_MAIN_LAPSE, "lapse is missing") ?
		-EINVAL : 0;
}

/* What lease-renew and restore both need. */
static int cmk_nl_lease(struct genl_info *info, struct cmk_lease_terms *terms)
{
	struct nlattr **attrs = info->attrs;
	u64 not_after;
	int r;

	r = cmk_nl_check(info) ?: cmk_nl_missing_lease(info);
	if (r)
		return r;
	terms->ttl = nla_get_u32(attrs[CMK_A_MAIN_LEASE_TTL]);
	if (terms->ttl > CMK_LEASE_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[CMK_A_MAIN_LEASE_TTL],
				    "a lease lasts at most a day");
		return -ERANGE;
	}
	not_after = nla_get_u64(attrs[CMK_A_MAIN_NOT_AFTER]);
	if (!not_after || not_after > KTIME_SEC_MAX * MSEC_PER_SEC) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[CMK_A_MAIN_NOT_AFTER],
				    "not-after: no time of this clock");
		return -ERANGE;
	}
	terms->not_after = ms_to_ktime(not_after);
	terms->lapse = nla_get_u32(attrs[CMK_A_MAIN_LAPSE]);
	terms->keep_asleep = attrs[CMK_A_MAIN_KEEP_ASLEEP];
	return 0;
}

int cmk_nl_lease_renew_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cmk_lease_terms terms;
	struct cmk_volume *vol;
	int r;

	r = cmk_nl_permit_agent(skb, info->extack) ?:
	    cmk_nl_lease(info, &terms);
	if (r)
		return r;
	vol = cmk_nl_volume(info->attrs, info->extack);
	if (!vol)
		return -ENODEV;
	r = cmk_lease_renew(vol, &terms);
	cmk_volume_put(vol);
	return cmk_nl_refused(info->extack, r);
}

/* Of the two texts either may be out of date; only a person reads them. */
static int cmk_nl_other_closing(struct genl_info *info,
				const struct cmk_volume *vol)
{
	struct nlattr *attr = info->attrs[CMK_A_MAIN_CLOSING];

	if (READ_ONCE(vol->gate) == CMK_GATE_OPEN)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the gate is open already");
	else
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the gate was closed again since");
	return -ESTALE;
}

int cmk_nl_restore_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cmk_lease_terms terms;
	struct cmk_volume *vol;
	int r;

	r = cmk_nl_permit(skb, info->extack) ?: cmk_nl_lease(info, &terms);
	if (r)
		return r;
	if (cmk_nl_missing(info, CMK_A_MAIN_CLOSING, "closing is missing"))
		return -EINVAL;
	vol = cmk_nl_volume(info->attrs, info->extack);
	if (!vol)
		return -ENODEV;
	r = cmk_lease_restore(vol, info->attrs[CMK_A_MAIN_ADMIN],
			      nla_get_u64(info->attrs[CMK_A_MAIN_CLOSING]),
			      &terms);
	r = r == -ESTALE ? cmk_nl_other_closing(info, vol) :
			   cmk_nl_refused(info->extack, r);
	cmk_volume_put(vol);
	return r;
}

static int cmk_nl_close(struct sk_buff *skb, struct genl_info *info,
			enum cmk_gate gate)
{
	struct nlattr **attrs = info->attrs;
	struct cmk_close how = { .gate = gate };
	char reason[CMK_REASON_LEN + 1] = "";
	struct cmk_volume *vol;
	int r;

	r = cmk_nl_permit(skb, info->extack) ?: cmk_nl_check(info);
	if (r)
		return r;
	if (cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_ACTOR, "actor is missing") ||
	    cmk_nl_missing(info, CMK_A_MAIN_CAUSE, "cause is missing"))
		return -EINVAL;
	how.sticky = nla_get_u32(attrs[CMK_A_MAIN_ACTOR]) == CMK_ACTOR_ADMIN;
	how.cause = nla_get_u32(attrs[CMK_A_MAIN_CAUSE]);
	if (attrs[CMK_A_MAIN_REASON])
		nla_strscpy(reason, attrs[CMK_A_MAIN_REASON], sizeof(reason));
	how.reason = reason;
	vol = cmk_nl_volume(attrs, info->extack);
	if (!vol)
		return -ENODEV;
	r = cmk_volume_close(vol, &how);
	cmk_volume_put(vol);
	return cmk_nl_refused(info->extack, r);
}

int cmk_nl_hold_doit(struct sk_buff *skb, struct genl_info *info)
{
	return cmk_nl_close(skb, info, CMK_GATE_HELD);
}

int cmk_nl_revoke_doit(struct sk_buff *skb, struct genl_info *info)
{
	return cmk_nl_close(skb, info, CMK_GATE_REVOKED);
}

/* --- the benchmark --- */

int cmk_nl_benchmark_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[CMK_A_MAIN_SECTOR_SIZE];
	u32 size;
	int r;

	r = cmk_nl_permit(skb, info->extack) ?: cmk_nl_check(info);
	if (r)
		return r;
	if (cmk_nl_missing(info, CMK_A_MAIN_SECTOR_SIZE,
			   "sector-size is missing"))
		return -EINVAL;
	size = nla_get_u32(attr);
	if (!is_power_of_2(size) || size < 512 || size > 4096) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "sector-size: 512, 1024, 2048 or 4096");
		return -ERANGE;
	}
	r = cmk_benchmark_start(size);
	if (r)
		NL_SET_ERR_MSG(info->extack, "a benchmark is under way");
	return r;
}

/* --- the family --- */

#define CMK_POLICY(name) \
	.policy = cmk_##name##_nl_policy, \
	.maxattr = ARRAY_SIZE(cmk_##name##_nl_policy) - 1

static const struct genl_ops cmk_nl_ops[] = {
	{
		.cmd = CMK_CMD_BIND,
		.doit = cmk_nl_bind_doit,
		CMK_POLICY(bind),
	},
	{
		.cmd = CMK_CMD_VOLUME_GET,
		.doit = cmk_nl_volume_get_doit,
		.dumpit = cmk_nl_volume_get_dumpit,
		CMK_POLICY(volume_get),
	},
	{
		.cmd = CMK_CMD_RANGE_GET,
		.dumpit = cmk_nl_range_get_dumpit,
		CMK_POLICY(range_get),
	},
	{
		.cmd = CMK_CMD_KEY_SET,
		.doit = cmk_nl_key_set_doit,
		CMK_POLICY(key_set),
	},
	{
		.cmd = CMK_CMD_KEY_DROP,
		.doit = cmk_nl_key_drop_doit,
		CMK_POLICY(key_drop),
	},
	{
		.cmd = CMK_CMD_LEASE_RENEW,
		.doit = cmk_nl_lease_renew_doit,
		CMK_POLICY(lease_renew),
	},
	{
		.cmd = CMK_CMD_HOLD,
		.doit = cmk_nl_hold_doit,
		CMK_POLICY(hold),
	},
	{
		.cmd = CMK_CMD_REVOKE,
		.doit = cmk_nl_revoke_doit,
		CMK_POLICY(revoke),
	},
	{
		.cmd = CMK_CMD_RESTORE,
		.doit = cmk_nl_restore_doit,
		CMK_POLICY(restore),
	},
	{
		.cmd = CMK_CMD_BENCHMARK,
		.doit = cmk_nl_benchmark_doit,
		CMK_POLICY(benchmark),
	},
	{
		.cmd = CMK_CMD_REKEY_START,
		.doit = cmk_nl_rekey_start_doit,
		CMK_POLICY(rekey_start),
	},
	{
		.cmd = CMK_CMD_REKEY_PAUSE,
		.doit = cmk_nl_rekey_pause_doit,
		CMK_POLICY(rekey_pause),
	},
	{
		.cmd = CMK_CMD_REKEY_RESUME,
		.doit = cmk_nl_rekey_resume_doit,
		CMK_POLICY(rekey_resume),
	},
	{
		.cmd = CMK_CMD_REKEY_DONE,
		.doit = cmk_nl_rekey_done_doit,
		CMK_POLICY(rekey_done),
	},
};

static const struct genl_multicast_group cmk_nl_mcgrps[] = {
	[CMK_NLGRP_EVENTS] = {
		.name = CMK_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_SYS_ADMIN,
	},
};

struct genl_family cmk_nl_family __ro_after_init = {
	.name = CMK_FAMILY_NAME,
	.version = CMK_FAMILY_VERSION,
	.maxattr = CMK_A_MAIN_MAX,
	.module = THIS_MODULE,
	.parallel_ops = true,
	.ops = cmk_nl_ops,
	.n_ops = ARRAY_SIZE(cmk_nl_ops),
	.mcgrps = cmk_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(cmk_nl_mcgrps),
};

int __init cmk_netlink_init(void)
{
	int r = cmk_nl_bind_init();

	if (r)
		return r;
	r = genl_register_family(&cmk_nl_family);
	if (r)
		cmk_nl_bind_exit();
	return r;
}

void cmk_netlink_exit(void)
{
	/* What multicasts goes before its group. */
	cmk_nl_bind_exit();
	cmk_benchmark_stop();
	genl_unregister_family(&cmk_nl_family);
	cmk_benchmark_exit();
}

MODULE_ALIAS_GENL_FAMILY(CMK_FAMILY_NAME);
