// SPDX-License-Identifier: GPL-2.0
/* What the family tells of volumes and ranges; never a key. */

#include <net/genetlink.h>

#include "cipher.h"
#include "generated/netlink-gen.h"
#include "lease.h"
#include "netlink.h"
#include "range.h"
#include "rekey.h"
#include "volume.h"

static int cmk_nl_put_state(struct sk_buff *msg, struct cmk_volume *vol)
{
	int r;

	spin_lock_irq(&vol->lock);
	r = nla_put_u32(msg, CMK_A_MAIN_GATE, vol->gate) ?:
	    nla_put_u32(msg, CMK_A_MAIN_CAUSE, vol->cause) ?:
	    (vol->sticky ? nla_put_flag(msg, CMK_A_MAIN_STICKY) : 0) ?:
	    nla_put_u64_64bit(msg, CMK_A_MAIN_CLOSING, vol->closing,
			      CMK_A_MAIN_PAD) ?:
	    nla_put_string(msg, CMK_A_MAIN_REASON, vol->reason) ?:
	    nla_put_u32(msg, CMK_A_MAIN_RANGES, vol->ranges.nr) ?:
	    nla_put_u64_64bit(msg, CMK_A_MAIN_SECTORS, vol->sectors,
			      CMK_A_MAIN_PAD) ?:
	    nla_put_u32(msg, CMK_A_MAIN_LIVE, vol->live) ?:
	    nla_put_u32(msg, CMK_A_MAIN_WANTED, vol->wanted) ?:
	    nla_put_u32(msg, CMK_A_MAIN_PARKED, vol->nr_parked) ?:
	    nla_put_u64_64bit(msg, CMK_A_MAIN_KEY_BYTES,
			      (u64)vol->live * cmk_cipher_key_bytes(),
			      CMK_A_MAIN_PAD) ?:
	    (vol->options.no_lease ?
		     nla_put_flag(msg, CMK_A_MAIN_NO_LEASE) : 0) ?:
	    nla_put_u32(msg, CMK_A_MAIN_LEASE_TTL,
			vol->lease_running ? vol->lease_ttl : 0) ?:
	    nla_put_u64_64bit(msg, CMK_A_MAIN_NOT_AFTER,
			      ktime_to_ms(vol->not_after), CMK_A_MAIN_PAD) ?:
	    (vol->keep_asleep ?
		     nla_put_flag(msg, CMK_A_MAIN_KEEP_ASLEEP) : 0) ?:
	    nla_put_u32(msg, CMK_A_MAIN_LAPSE, vol->lapse);
	spin_unlock_irq(&vol->lock);
	return r;
}

static int cmk_nl_put_crypts(struct sk_buff *msg, const struct cmk_volume *vol)
{
	struct cmk_crypts n = cmk_volume_crypts(vol);

	return nla_put_u64_64bit(msg, CMK_A_MAIN_INLINE, n.here,
				 CMK_A_MAIN_PAD) ?:
	       nla_put_u64_64bit(msg, CMK_A_MAIN_QUEUED, n.queued,
				 CMK_A_MAIN_PAD) ?:
	       nla_put_u64_64bit(msg, CMK_A_MAIN_DEFERRED, n.deferred,
				 CMK_A_MAIN_PAD);
}

/* Nothing without a record area: then nobody knows whether there is a rekey. */
static int cmk_nl_put_rekey(struct sk_buff *msg, struct cmk_volume *vol)
{
	struct cmk_rekey_info info;
	int r;

	if (!vol->rekey)
		return 0;
	info = cmk_rekey_info(vol);
	r = nla_put_u32(msg, CMK_A_MAIN_REKEY_STATE, info.state) ?:
	    nla_put_u64_64bit(msg, CMK_A_MAIN_HEADER_SEQ, info.header_seq,
			      CMK_A_MAIN_PAD);
	if (r || info.state == CMK_REKEY_STATE_NONE)
		return r;
	return nla_put_u32(msg, CMK_A_MAIN_REKEY_RANGE, info.range) ?:
	       nla_put_u64_64bit(msg, CMK_A_MAIN_REKEY_DONE, info.done,
				 CMK_A_MAIN_PAD) ?:
	       nla_put_u64_64bit(msg, CMK_A_MAIN_REKEY_SECTORS, info.sectors,
				 CMK_A_MAIN_PAD) ?:
	       nla_put_u32(msg, CMK_A_MAIN_REKEY_ERROR, info.error) ?:
	       nla_put_u64_64bit(msg, CMK_A_MAIN_REKEY_SECTOR, info.sector,
				 CMK_A_MAIN_PAD) ?:
	       nla_put(msg, CMK_A_MAIN_RUN, sizeof(info.run), info.run) ?:
	       nla_put_u32(msg, CMK_A_MAIN_OLD_GENERATION,
			   info.old_generation) ?:
	       nla_put_u32(msg, CMK_A_MAIN_GENERATION, info.generation);
}

static int cmk_nl_put_volume(struct sk_buff *msg, struct cmk_volume *vol,
			     u32 portid, u32 seq, int flags)
{
	const struct cmk_geometry *geo = &vol->geo;
	void *hdr;

	hdr = genlmsg_put(msg, portid, seq, &cmk_nl_family, flags,
			  CMK_CMD_VOLUME_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put(msg, CMK_A_MAIN_UUID, UUID_SIZE, &geo->uuid) ||
	    nla_put_u32(msg, CMK_A_MAIN_MAJOR, MAJOR(vol->number)) ||
	    nla_put_u32(msg, CMK_A_MAIN_MINOR, MINOR(vol->number)) ||
	    nla_put_u64_64bit(msg, CMK_A_MAIN_RANGE_SECTORS,
			      1ULL << geo->range_shift, CMK_A_MAIN_PAD) ||
	    nla_put_u32(msg, CMK_A_MAIN_SECTOR_SIZE, geo->sector_size) ||
	    nla_put_string(msg, CMK_A_MAIN_DRIVER, cmk_cipher_driver()) ||
	    nla_put_u64_64bit(msg, CMK_A_MAIN_LEASE_LEFT_MS,
			      cmk_lease_left(vol).lease_ms, CMK_A_MAIN_PAD) ||
	    cmk_nl_put_state(msg, vol) || cmk_nl_put_crypts(msg, vol) ||
	    cmk_nl_put_rekey(msg, vol)) {
		genlmsg_cancel(msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return 0;
}

int cmk_nl_volume_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cmk_volume *vol;
	struct sk_buff *msg;
	int r;

	r = cmk_nl_permit(skb, info->extack) ?: cmk_nl_check(info);
	if (r)
		return r;
	if (cmk_nl_missing(info, CMK_A_MAIN_UUID, "uuid is missing"))
		return -EINVAL;
	/* Who asks may be who brings the keys, or closes the volume. */
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_NOIO);
	if (!msg)
		return -ENOMEM;
	vol = cmk_nl_volume(info->attrs, info->extack);
	if (!vol) {
		nlmsg_free(msg);
		return -ENODEV;
	}
	r = cmk_nl_put_volume(msg, vol, info->snd_portid, info->snd_seq, 0);
	cmk_volume_put(vol);
	if (r) {
		nlmsg_free(msg);
		return r;
	}
	return genlmsg_reply(msg, info);
}

int cmk_nl_volume_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct cmk_volume *vol;
	int r;

	r = cmk_nl_permit(cb->skb, cb->extack);
	if (r)
		return r;
	while ((vol = cmk_volume_after(cb->args[0]))) {
		r = cmk_nl_put_volume(skb, vol, NETLINK_CB(cb->skb).portid,
				      cb->nlh->nlmsg_seq, NLM_F_MULTI);
		if (!r)
			cb->args[0] = vol->id;
		cmk_volume_put(vol);
		if (r)
			break;
	}
	return skb->len;
}

/* Of a range that is rekeyed the keys lie apart, and both are needed. */
static bool cmk_nl_live(const struct cmk_volume *vol,
			const struct cmk_range *range)
{
	const struct cmk_twin *twin = vol->twin;

	if (!twin || twin->range != range)
		return rcu_access_pointer(range->slot);
	return twin->open &&
	       rcu_access_pointer(twin->side[CMK_SIDE_OLD].slot) &&
	       rcu_access_pointer(twin->side[CMK_SIDE_NEW].slot);
}

/* A run of equal ranges from @first on; its length. */
static u32 cmk_nl_run(struct cmk_volume *vol, u32 first,
		      struct cmk_range *ret, bool *live)
{
	const struct cmk_range *range;
	u32 i;

	lockdep_assert_held(&vol->lock);
	*ret = *cmk_range_at(&vol->ranges, first);
	*live = cmk_nl_live(vol, cmk_range_at(&vol->ranges, first));
	/* Not to hold the lock for the length of a large table: */
	for (i = first + 1; i < vol->ranges.nr && i & (CMK_CHUNK_RANGES - 1);
	     i++) {
		range = cmk_range_at(&vol->ranges, i);
		if (*live != cmk_nl_live(vol, range) ||
		    ret->generation != range->generation ||
		    !ret->waiters != !range->waiters)
			break;
	}
	return i - first;
}

static int cmk_nl_put_run(struct sk_buff *skb, struct netlink_callback *cb,
			  u32 first, u32 count, const struct cmk_range *range,
			  bool live)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &cmk_nl_family, NLM_F_MULTI, CMK_CMD_RANGE_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, CMK_A_MAIN_RANGE, first) ||
	    nla_put_u32(skb, CMK_A_MAIN_COUNT, count) ||
	    nla_put_u32(skb, CMK_A_MAIN_STATE, live ? CMK_RANGE_STATE_LIVE :
						     CMK_RANGE_STATE_ABSENT) ||
	    nla_put_u32(skb, CMK_A_MAIN_GENERATION, range->generation) ||
	    nla_put_u32(skb, CMK_A_MAIN_WANTED, range->waiters ? count : 0)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int cmk_nl_range_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct cmk_range range;
	struct cmk_volume *vol;
	bool live = false;
	u32 count;
	int r;

	r = cmk_nl_permit(cb->skb, cb->extack);
	if (r)
		return r;
	if (!attrs[CMK_A_MAIN_UUID]) {
		NL_SET_ERR_MSG(cb->extack, "uuid is missing");
		return -EINVAL;
	}
	vol = cmk_nl_volume(attrs, cb->extack);
	if (!vol)
		return -ENODEV;
	for (;;) {
		spin_lock_irq(&vol->lock);
		count = cb->args[0] < vol->ranges.nr ?
			cmk_nl_run(vol, cb->args[0], &range, &live) : 0;
		spin_unlock_irq(&vol->lock);
		if (!count)
			break;
		if ((range.waiters || !attrs[CMK_A_MAIN_WANTED_ONLY]) &&
		    cmk_nl_put_run(skb, cb, cb->args[0], count, &range, live))
			break;
		cb->args[0] += count;
	}
	cmk_volume_put(vol);
	return skb->len;
}
