/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What takes long tells on stderr how far it is and when it will be done: a
 * bar on a terminal, or with --json an object a line; nothing with --quiet.
 */
#ifndef CMKCTL_PROGRESS_H
#define CMKCTL_PROGRESS_H

#include "cmkctl.h"

/* @report: {"what": TEXT, "done": N, "total": N} */
void progress_draw(struct cmkctl *ctl, const json_t *report);
/* The end of a piece of work.  Wipes the bar, for the next line. */
void progress_end(struct cmkctl *ctl);

#endif
