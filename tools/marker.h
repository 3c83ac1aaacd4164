/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file that makes an administrator's hold or revoke outlive a reboot:
 * STATE/revoked/UUID.  The agent does not open a volume that has one.
 */
#ifndef CMKCTL_MARKER_H
#define CMKCTL_MARKER_H

#include "error.h"

/**
 * marker_write() - durable when it returns
 * @action: "hold" or "revoke"
 * @reason: may be NULL
 */
int marker_write(const unsigned char *uuid, const char *action,
		 const char *reason, struct cmk_error *e);

/* Return: 1 if there was one, 0, or negative errno. */
int marker_remove(const unsigned char *uuid, struct cmk_error *e);

#endif
