/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent's control socket: one JSON object a line, {"method", "parameters"}
 * answered by {"result"} or {"error"}, and {"progress"} before that.
 */
#ifndef CMKCTL_CLIENT_H
#define CMKCTL_CLIENT_H

#include "cmkctl.h"
#include "member.h"

#define CLIENT_SOCKET	"/run/cmk/cmkd.sock"

/**
 * client_call() - ask the agent and wait
 * @parameters: a reference is taken over, also on failure
 * @ret: the result, a new reference; may be NULL
 *
 * Progress is drawn on a terminal.  An error of the agent leaves its fields
 * in @ctl for ctl_fail().
 *
 * Return: 0 or negative errno; -ENOTCONN when no agent is there.
 */
int client_call(struct cmkctl *ctl, const char *method, json_t *parameters,
		json_t **ret, struct cmk_error *e);

#endif
