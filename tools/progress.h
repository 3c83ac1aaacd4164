/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bar on stderr for what takes long; on a terminal only, and not with
 * --quiet or --json.
 */
#ifndef CMKCTL_PROGRESS_H
#define CMKCTL_PROGRESS_H

#include "cmkctl.h"

/* @report: {"step": TEXT, "done": N, "total": N} */
void progress_draw(struct cmkctl *ctl, const json_t *report);
/* Wipes the bar, so that the next line starts clean. */
void progress_end(struct cmkctl *ctl);

#endif
