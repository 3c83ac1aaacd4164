/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key server's answer to a probe, as the agent reports it.
 */
#ifndef CMKCTL_ANSWER_H
#define CMKCTL_ANSWER_H

#include "cmkctl.h"

/**
 * answer_probe() - have the agent ask the key server now
 * @ret: {answer, kid, http, code, latency_us, lease_ttl, ...}
 *
 * Return: 0 whatever the answer is, or negative errno when nobody asked.
 */
int answer_probe(struct cmkctl *ctl, const unsigned char *uuid, json_t **ret,
		 struct cmk_error *e);

/**
 * answer_check() - is it a yes?
 *
 * Return: 0, or negative errno with status CMK_DENIED or CMK_TEMPORARY; then
 * the answer is the detail of @ctl.
 */
int answer_check(struct cmkctl *ctl, json_t *answer, struct cmk_error *e);

#endif
