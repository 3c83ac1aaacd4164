/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_HELPER_H
#define CMK_HELPER_H

#include <stdbool.h>

#include "agent.h"

/* Is there still a reason to ask for it again? */
typedef bool (*cmk_helper_wanted_t)(const struct cmk_agent *a,
				    const unsigned char uuid[16]);

/**
 * cmk_helper_ask() - let cmk-helper.service do what the agent may not
 * @method: "Purge": shut file systems down, drop caches, stop units;
 *	"Return": start the units that were stopped; "Drain": let the I/O of a
 *	device come to rest.  A constant
 * @wanted: asked before each try but the first; NULL: there is one try
 *
 * Nobody waits for it: it may take long, and the agent must not wait for who
 * waits for its volumes.  It is asked for again until the helper has answered,
 * or the same is asked for anew.  The first failure is told.
 */
void cmk_helper_ask(struct cmk_agent *a, const char *method,
		    const unsigned char uuid[16], cmk_helper_wanted_t wanted);

/* What was not answered yet is asked for no more. */
void cmk_helper_end(struct cmk_agent *a);

#endif
