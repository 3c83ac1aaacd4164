/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a command did to a volume, in the audit trail: the agent may be dead,
 * and what is left of the data in memory only we have looked for.
 */
#ifndef CMKCTL_TRAIL_H
#define CMKCTL_TRAIL_H

#include "audit.h"
#include "cmkctl.h"
#include "volume.h"

/**
 * struct trail - one entry
 * @event: CMK_AUDIT_HOLD, _REVOKE or _PURGE
 * @cause: CMK_CAUSE
 * @reason: words of who asked for it; may be NULL
 * @state: of the gate, from now on
 * @failed: why it was not done; NULL if it was
 * @purged: as purge_volume() returns it; may be NULL
 * @users: as device_users() returns them
 */
struct trail {
	enum cmk_audit_event event;
	const char *cause, *reason, *state, *failed;
	const json_t *purged;
	const char *users;
};

/* Waits for no journal; what it does not take is lost, and nobody is told. */
void trail_write(const struct cmkctl *ctl, const struct cmk_nl_volume *v,
		 const struct trail *t);

#endif
