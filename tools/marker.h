/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file that makes an administrator's hold or revoke outlive a reboot:
 * STATE/revoked/UUID, or UUID.restoring while a restore is under way.  The
 * agent does not open a volume that has either.
 */
#ifndef CMKCTL_MARKER_H
#define CMKCTL_MARKER_H

#include <stdbool.h>

#include "error.h"

/**
 * marker_write() - durable when it returns
 * @action: "hold" or "revoke"
 * @reason: may be NULL
 */
int marker_write(const unsigned char *uuid, const char *action,
		 const char *reason, struct cmk_error *e);

/* Is it there and in no restore's hand, or cannot be asked for? */
bool marker_stands(const unsigned char *uuid);

/**
 * marker_take() - begin a restore
 * @lock: for the two below, to be closed at the end; negative where there is
 *	no directory
 *
 * The file is still there and counts, as what a restore is to undo.
 *
 * Return: 1 if there is one, 0, or negative errno with @e.
 */
int marker_take(const unsigned char *uuid, int *lock, struct cmk_error *e);

/* The restore has failed. */
void marker_put_back(const unsigned char *uuid, int lock);

/* It has not: durable when this returns. */
int marker_drop(const unsigned char *uuid, int lock, struct cmk_error *e);

#endif
