/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mapped devices of the target "cmk": made, looked at and removed through
 * libdevmapper.  No key passes here.
 */
#ifndef CMKCTL_DM_H
#define CMKCTL_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define DM_VOLUME_NAME_MAX	80	/* leaves room for the dm uuid */

/**
 * struct dm_volume - a table of one target
 * @sectors, @range_sectors, @iv_offset, @offset, @record: in units of 512 bytes
 * @device: that holds the data
 * @key_timeout, @hold_timeout: seconds, 0: for ever
 */
struct dm_volume {
	const char *name;
	unsigned char uuid[16];
	uint64_t sectors, range_sectors, iv_offset, offset, record;
	uint32_t sector_size;
	dev_t device;
	bool read_only, allow_discards;
	unsigned int key_timeout, hold_timeout;
};

struct dm_state {
	bool exists;
	bool live;		/* has a table in use: was resumed */
	bool is_cmk;		/* its dm uuid is one of ours */
	unsigned char uuid[16];	/* of the volume, if is_cmk */
	unsigned int open_count;
};

/* Letters, digits and "_.:+=@-": what needs no quoting anywhere. */
bool dm_name_valid(const char *name);

/**
 * dm_load() - make the device and load its table, without starting it
 *
 * The volume exists in the kernel from here on and takes keys; I/O begins
 * with dm_resume().  What this call made is removed again on failure.
 */
int dm_load(const struct dm_volume *v, struct cmk_error *e);
/* Returns when udev has made the nodes. */
int dm_resume(const char *name, struct cmk_error *e);
/*
 * Waits until no I/O runs on the device, and lets it go on.  Nothing is flushed
 * and no file system frozen.
 */
int dm_drain(const char *name, struct cmk_error *e);
/* @deferred: when its last user has gone; else one has seconds to go. */
int dm_remove(const char *name, bool deferred, struct cmk_error *e);
int dm_get_state(const char *name, struct dm_state *ret, struct cmk_error *e);


/**
 * dm_volumes() - all mapped devices of the target that have a table in use
 * @add: called for each with its name, the volume's uuid and its number; ends
 *	the search by another value than 0
 * @userdata: for @add
 *
 * Return: what @add returned last, or negative errno.
 */
int dm_volumes(int (*add)(const char *name, const unsigned char *uuid,
			  dev_t device, void *userdata),
	       void *userdata);

/**
 * dm_revoke() - revoke a volume as an administrator
 * @name: of the mapped device
 * @reason: for people, may be NULL
 *
 * It waits for nothing that a command of netlink may wait for.
 */
int dm_revoke(const char *name, const char *reason, struct cmk_error *e);

#endif
