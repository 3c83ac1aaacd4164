/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cmktab(5): the volumes of this node, in crypttab's four columns.  The third
 * is the KEK that the node allows; a header that names another is refused.
 */
#ifndef CMK_CMKTAB_H
#define CMK_CMKTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define CMK_TAB_FILE	"/etc/cmktab"

/**
 * struct cmk_tab_entry - one line; a string that was not given is NULL
 * @kek: an https URI, "service", or "-": as the header says
 * @timeout: how long open may wait at boot, microseconds; 0: not given
 * @stop: units to stop on revoke, separated by ':'
 * @on_denied, @deny_hold, @offline_grace, @lease_ttl: the policy's, checked
 */
struct cmk_tab_entry {
	char *name, *device, *kek;
	unsigned int line;
	char *header;
	uint64_t timeout;
	bool required, noauto, netdev, read_only, discard, on_demand;
	bool initrd_attach;
	char *stop;
	char *on_denied, *deny_hold, *offline_grace, *lease_ttl;
};

struct cmk_tab {
	struct cmk_tab_entry *entries;
	unsigned int n;
};

#define __cmk_tab __attribute__((cleanup(cmk_tab_free)))

/* @text is one line about what is odd but accepted. */
typedef void (*cmk_tab_warn_t)(const char *text, void *userdata);

/**
 * cmk_tab_read() - read the whole table
 * @file: NULL for CMK_TAB_FILE; a missing file is an empty table
 * @warn: unknown options, devices not named by UUID=, a KEK of "-"
 *
 * Return: 0, or negative errno with @e naming the line: a malformed line, a
 * bad value, a name twice.
 */
int cmk_tab_read(struct cmk_tab *ret, const char *file, cmk_tab_warn_t warn,
		 void *userdata, struct cmk_error *e);
void cmk_tab_free(struct cmk_tab *tab);

/* NULL if there is no such name. */
const struct cmk_tab_entry *cmk_tab_find(const struct cmk_tab *tab,
					 const char *name);

#endif
