/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other side of cmk-helper.socket, for callers that have not the right
 * themselves.
 */
#ifndef CMKCTL_HELPER_H
#define CMKCTL_HELPER_H

#include "cmkctl.h"

#define HELPER_SOCKET	"/run/cmk-helper.sock"

/**
 * helper_run() - let the helper run a command of cmkctl
 * @args: its words; it writes to our standard output and standard error
 *
 * Return: its exit status, reported; or -1 with @e: nobody ran it.
 */
int helper_run(const json_t *args, struct cmk_error *e);

#endif
