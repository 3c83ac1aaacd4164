/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The open volumes as the kernel has them, and how VOLUME on the command line
 * names one of them.
 */
#ifndef CMKCTL_VOLUME_H
#define CMKCTL_VOLUME_H

#include "cmkctl.h"
#include "netlink.h"

#define VOLUME_TEXT	37	/* a UUID as text */

/**
 * struct volume_list - open volumes, and how they may be named
 * @no_devices: not by a device, which root would look at for who may not
 */
struct volume_list {
	struct cmk_nl_volume *v;
	size_t n;
	bool no_devices;
};

void volume_list_free(struct volume_list *list);
#define __volumes __attribute__((cleanup(volume_list_free)))

/**
 * volume_list_load() - all open volumes, in order of name
 *
 * A module that is not loaded has none.
 */
int volume_list_load(struct cmk_nl *nl, struct volume_list *ret,
		     struct cmk_error *e);

/**
 * volume_list_mapped() - those in use, as device-mapper has them
 *
 * Without netlink; of each only uuid, name and number.
 */
int volume_list_mapped(struct volume_list *ret);

/**
 * volume_find() - the volume that @spec names
 * @spec: mapping name, UUID=..., or a device: the mapped one, or the one that
 *	the header is on
 *
 * Return: a member of @list, or NULL with @e set ("no-volume", or
 * "not-permitted" of a device).
 */
const struct cmk_nl_volume *volume_find(const struct volume_list *list,
					const char *spec, struct cmk_error *e);

/**
 * volume_select() - those that the command line names
 * @all: every one; then there may be no arguments
 * @ret: borrowed from @list; room for all of @list
 * @status: exit status of the arguments that name none, which are reported
 *
 * Return: number of volumes.
 */
size_t volume_select(struct cmkctl *ctl, const struct volume_list *list,
		     int argc, char **argv, bool all,
		     const struct cmk_nl_volume **ret, int *status);

/* For messages: its name, or its UUID if it has none. */
const char *volume_name(const struct cmk_nl_volume *v);

#endif
