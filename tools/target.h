/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A volume that a command works on whether it is open or not.
 */
#ifndef CMKCTL_TARGET_H
#define CMKCTL_TARGET_H

#include <limits.h>

#include "volume.h"

/**
 * struct target - the volume
 * @name: for messages: of the mapping, or the device as it was given
 * @device, @header: paths; both "" for an open volume, which the agent knows,
 *	@header also when the header is on the device
 */
struct target {
	unsigned char uuid[16];
	char name[PATH_MAX];
	char device[PATH_MAX], header[PATH_MAX];
};

/**
 * target_find() - the volume that @spec names
 * @spec: as of volume_find(); also a name in cmktab(5), or a device, of one
 *	that is not open
 */
int target_find(const struct volume_list *list, const char *spec,
		struct target *ret, struct cmk_error *e);

/* The same, where nobody else needs the list. */
int target_look(const char *spec, struct target *ret, struct cmk_error *e);

/* {"uuid", "device", "header"}, for the agent. */
json_t *target_parameters(const struct target *t);

/* cmd-rekey.c: all ranges, and waits for the end.  Return: an exit status */
int rekey_all(struct cmkctl *ctl, const struct target *t);

#endif
