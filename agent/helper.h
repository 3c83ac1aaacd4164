/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_HELPER_H
#define CMK_HELPER_H

#include "agent.h"

/**
 * cmk_helper_ask() - let cmk-helper.service do what the agent may not
 * @method: "Purge": shut file systems down, drop caches, stop units;
 *	"Return": start the units that were stopped
 *
 * Nobody waits for it: it may take long, and the agent must not wait for who
 * waits for its volumes.  That nobody answers is told.
 */
void cmk_helper_ask(struct cmk_agent *a, const char *method,
		    const unsigned char uuid[16]);

#endif
