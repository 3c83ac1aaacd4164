/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent says about all volumes, for those who put it beside the
 * kernel's view.
 */
#ifndef CMKCTL_AGENTVIEW_H
#define CMKCTL_AGENTVIEW_H

#include "cmkctl.h"

/**
 * struct agent_view - the answer to Status
 * @running: false: @word says why not
 * @volumes: array, NULL if not running
 */
struct agent_view {
	bool running;
	char word[512];
	json_t *volumes;
};

/* Never fails: without an agent the view is empty. */
void agent_view_load(struct cmkctl *ctl, struct agent_view *ret);
void agent_view_free(struct agent_view *view);
#define __agent_view __attribute__((cleanup(agent_view_free)))

/* The agent's object about @uuid, borrowed; NULL if it knows no such volume. */
const json_t *agent_view_find(const struct agent_view *view, const char *uuid);

#endif
