/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words for the state of a volume: opening, ready, grace, held, revoked.
 */
#ifndef CMKCTL_STATE_H
#define CMKCTL_STATE_H

#include <jansson.h>

#include "netlink.h"

/**
 * volume_state() - one word
 * @agent: what the agent says about the volume, may be NULL
 *
 * The gate is the kernel's; only an open one can be "grace", which the agent
 * alone knows.
 */
const char *volume_state(const struct cmk_nl_volume *v, const json_t *agent);

/* All that the kernel knows, with the agent's facts beside it. */
json_t *volume_json(const struct cmk_nl_volume *v, const json_t *agent);

#endif
