/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Units that are stopped with a revoked volume and started when it is back.
 */
#ifndef CMKCTL_UNITS_H
#define CMKCTL_UNITS_H

#include "cmkctl.h"

/**
 * units_stop() - stop the units of stop= in cmktab(5), then the mounts
 * @name: of the mapped device
 * @mounts: array of mount points
 * @left: what could not be stopped is added
 *
 * Nothing if cmktab names no unit.  What is stopped is remembered for
 * units_start().
 */
void units_stop(const char *name, const unsigned char uuid[16],
		const json_t *mounts, json_t *left);

/**
 * units_start() - start what was stopped
 *
 * Return: exit status; CMK_PARTIAL if one does not start, which is reported.
 */
int units_start(struct cmkctl *ctl, const unsigned char uuid[16]);

#endif
