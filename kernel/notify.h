/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rest of the module tells the agent.  A leaf: it knows of volumes
 * only their name, so that the keys' side can report without knowing netlink.
 */
#ifndef CMK_NOTIFY_H
#define CMK_NOTIFY_H

#include <linux/types.h>
#include <linux/uuid.h>
#include <uapi/linux/cmk.h>

/**
 * struct cmk_event - one event of the group "events"
 * @cmd: CMK_CMD_KEY_WANTED, CMK_CMD_STATE_CHANGED or CMK_CMD_UNBOUND
 * @uuid: the volume; not for CMK_CMD_UNBOUND
 * @wanted: ranges on which I/O waits (key wanted)
 * @gate: where the gate is now (state changed)
 * @cause: why (state changed)
 * @sticky: closed by an administrator (state changed)
 */
struct cmk_event {
	enum cmk_cmd cmd;
	uuid_t uuid;
	u32 wanted;
	enum cmk_gate gate;
	enum cmk_cause cause;
	bool sticky;
};

void cmk_notify(const struct cmk_event *event);
u32 cmk_notify_seq(void);

#endif
