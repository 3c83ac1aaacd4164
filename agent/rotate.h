/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Takes new versions of a KEK over: a volume whose key cmktab(5) names without
 * a version is rewrapped when the vault has a newer one.
 */
#ifndef CMK_ROTATE_H
#define CMK_ROTATE_H

#include "agent.h"

int cmk_rotation_new(struct cmk_agent *a);
void cmk_rotation_free(struct cmk_agent *a);

/* The interval may have changed. */
void cmk_rotation_reconfigure(struct cmk_agent *a);

#endif
