/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What cmkctl format finds out before it writes, and how it tells it.
 */
#ifndef CMKCTL_FORMAT_H
#define CMKCTL_FORMAT_H

#include <limits.h>

#include "cmkctl.h"
#include "header.h"

/**
 * struct format - one run of the command
 * @spec, @device: as given, and the node
 * @header, @header_path: detached header as given (NULL: none), absolute
 * @uuid: as given, NULL: a random one
 * @params: zero where the command line says nothing
 * @fd: of the device, exclusive, -1 when closed
 * @signatures: what else is on it
 * @plan: geometry, without keys
 * @existing: the header that is there already
 * @completed: the node had no state file or no backup of it, and has now
 */
struct format {
	const char *spec, *kek, *header, *uuid;
	char device[PATH_MAX], header_path[PATH_MAX];
	struct cmk_header_params params;
	bool ensure, force, dry_run;
	int fd;
	char signatures[256];
	struct cmk_header *plan, *existing;
	bool header_created, completed;
};

/**
 * format_check() - may the device be formatted?
 * @ret_same: with --ensure: it is such a volume already
 *
 * Opens the device exclusively.  Nothing is written.
 */
int format_check(struct format *f, bool *ret_same, struct cmk_error *e);

/* Makes the file of a detached header, if it does not exist. */
int format_create_header_file(struct format *f, struct cmk_error *e);

void format_release(struct format *f);

const char *format_wrap_name(enum cmk_format_wrap wrap);
void format_show_existing(struct cmkctl *ctl, const struct format *f);
void format_show_plan(struct cmkctl *ctl, const struct format *f);
void format_show_result(struct cmkctl *ctl, const struct format *f,
			json_t *result);

#endif
