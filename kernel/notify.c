// SPDX-License-Identifier: GPL-2.0
/*
 * Events: numbered, without key material, lost when nobody listens.
 *
 * An event is only a hint.  A listener that sees a gap in the numbers, or
 * whose socket overran, reads the truth with a dump; so nothing here retries.
 */

#include <net/genetlink.h>

#include "generated/netlink-gen.h"
#include "notify.h"

static atomic_t cmk_seq = ATOMIC_INIT(0);

/**
 * cmk_notify_seq() - number of the last event
 */
u32 cmk_notify_seq(void)
{
	return atomic_read(&cmk_seq);
}

static int cmk_notify_put_speed(struct sk_buff *msg,
				const struct cmk_event *event)
{
	const struct cmk_speed *speed = &event->speed;
	int r = nla_put_u32(msg, CMK_A_MAIN_SECTOR_SIZE, event->sector_size);

	r = r ?: nla_put_string(msg, CMK_A_MAIN_DRIVER, event->driver);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_CIPHER_ENCRYPT,
				   speed->cipher_encrypt, CMK_A_MAIN_PAD);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_CIPHER_DECRYPT,
				   speed->cipher_decrypt, CMK_A_MAIN_PAD);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_VOLUME_ENCRYPT,
				   speed->volume_encrypt, CMK_A_MAIN_PAD);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_VOLUME_DECRYPT,
				   speed->volume_decrypt, CMK_A_MAIN_PAD);
	return r;
}

static int cmk_notify_put_rekey(struct sk_buff *msg,
				const struct cmk_event *event)
{
	int r = nla_put(msg, CMK_A_MAIN_UUID, UUID_SIZE, &event->uuid);

	r = r ?: nla_put_u32(msg, CMK_A_MAIN_REKEY_STATE, event->rekey);
	r = r ?: nla_put_u32(msg, CMK_A_MAIN_REKEY_RANGE, event->range);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_REKEY_DONE, event->done,
				   CMK_A_MAIN_PAD);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_REKEY_SECTORS,
				   event->sectors, CMK_A_MAIN_PAD);
	r = r ?: nla_put_u32(msg, CMK_A_MAIN_REKEY_ERROR, event->error);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_REKEY_SECTOR, event->sector,
				   CMK_A_MAIN_PAD);
	return r;
}

static int cmk_notify_put(struct sk_buff *msg, const struct cmk_event *event)
{
	int r = nla_put_u32(msg, CMK_A_MAIN_SEQ, atomic_inc_return(&cmk_seq));

	switch (event->cmd) {
	case CMK_CMD_KEY_WANTED:
		r = r ?: nla_put(msg, CMK_A_MAIN_UUID, UUID_SIZE, &event->uuid);
		r = r ?: nla_put_u32(msg, CMK_A_MAIN_WANTED, event->wanted);
		break;
	case CMK_CMD_STATE_CHANGED:
		r = r ?: nla_put(msg, CMK_A_MAIN_UUID, UUID_SIZE, &event->uuid);
		r = r ?: nla_put_u32(msg, CMK_A_MAIN_GATE, event->gate);
		r = r ?: nla_put_u32(msg, CMK_A_MAIN_CAUSE, event->cause);
		if (event->sticky)
			r = r ?: nla_put_flag(msg, CMK_A_MAIN_STICKY);
		r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_CLOSING,
					   event->closing, CMK_A_MAIN_PAD);
		break;
	case CMK_CMD_BENCHMARK_DONE:
		r = r ?: cmk_notify_put_speed(msg, event);
		break;
	case CMK_CMD_REKEY_CHANGED:
		r = r ?: cmk_notify_put_rekey(msg, event);
		break;
	default:
		break;
	}
	return r;
}

/**
 * cmk_notify() - tell the group "events"
 * @event: what happened
 *
 * Context: process context; waits for nothing, not even memory: what is lost
 * shows as a gap.
 */
void cmk_notify(const struct cmk_event *event)
{
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_NOWAIT);
	if (!msg)
		goto lost;
	hdr = genlmsg_put(msg, 0, 0, &cmk_nl_family, 0, event->cmd);
	if (!hdr || cmk_notify_put(msg, event)) {
		nlmsg_free(msg);
		goto lost;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast(&cmk_nl_family, msg, 0, CMK_NLGRP_EVENTS, GFP_NOWAIT);
	return;
lost:
	/* The gap in the numbers tells the next listener to dump. */
	atomic_inc(&cmk_seq);
}
