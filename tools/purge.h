/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What follows a closed gate: the plaintext of the volume goes from the
 * kernel's caches, and the units that use it stop.
 */
#ifndef CMKCTL_PURGE_H
#define CMKCTL_PURGE_H

#include "cmkctl.h"
#include "netlink.h"

/**
 * purge_volume() - remove the plaintext of a volume
 * @v: a volume whose gate is closed
 * @revoked: I/O fails, so file systems are shut down and units stopped; in a
 *	hold, where it waits, only pages that nobody uses are dropped
 *
 * File systems are left to a process of its own, which is not waited for
 * beyond some seconds: one may be stuck on a device below.
 *
 * Return: {"shut_down": [PLACE...], "left": [TEXT...]}, or NULL.
 */
json_t *purge_volume(const struct cmk_nl_volume *v, bool revoked);

/* Reports what is left, if anything.  Return: exit status. */
int purge_report(struct cmkctl *ctl, const struct cmk_nl_volume *v,
		 const json_t *purged);

#endif
