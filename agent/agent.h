/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the agent share: one of each, made by cmkd.c, which also
 * ends them.  One thread, one event loop: nothing here has a lock.
 */
#ifndef CMK_AGENT_H
#define CMK_AGENT_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "clock.h"

struct cmk_audit;
struct cmk_config;
struct cmk_helper_call;
struct cmk_kek_set;
struct cmk_link;
struct cmk_prober;
struct cmk_rekey;
struct cmk_rewrap;
struct cmk_rotation;
struct cmk_volume;

/**
 * struct cmk_agent - the agent
 * @volumes: list, volume.c's
 * @rewraps: list of those under way, rewrap.c's
 * @end_rewrap: cmk_rewrap_end(), for the volumes, which know no rewrap; NULL
 *	before the first
 * @rekeys: list of the volumes that are rekeyed, rekey.c's
 * @look_rekey, @end_rekey: cmk_rekey_look() and _end(), for the volumes, which
 *	know no rekey
 * @calls: list of what the helper has not answered yet, helper.c's
 * @rotation: looks for new versions of KEKs
 * @resync: due when the kernel's view has to be read again
 */
struct cmk_agent {
	sd_event *event;
	struct cmk_config *config;
	struct cmk_kek_set *keks;
	struct cmk_audit *audit;
	struct cmk_link *link;
	struct cmk_prober *prober;
	struct cmk_volume *volumes;
	struct cmk_rewrap *rewraps;
	void (*end_rewrap)(struct cmk_agent *a, const unsigned char uuid[16]);
	struct cmk_rekey *rekeys;
	void (*look_rekey)(struct cmk_agent *a, const unsigned char uuid[16]);
	void (*end_rekey)(struct cmk_agent *a, const unsigned char uuid[16]);
	struct cmk_helper_call *calls;
	struct cmk_rotation *rotation;
	sd_event_source *resync;
};

/*
 * How long an operation at a key server may take that somebody waits for: an
 * open, a restore, a format.  RequestTimeout= is a probe's, which must not
 * wait while the keys are live.
 */
#define CMK_PATIENCE	20000000ULL

#endif
