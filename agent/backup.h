/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies of headers, kept by the node: what dd or an installer wrote over the
 * front of a device can be put back.  They hold wrapped keys only.
 */
#ifndef CMK_BACKUP_H
#define CMK_BACKUP_H

#include "error.h"
#include "header.h"

/**
 * cmk_backup_header() - copy a header to StateDirectory/backup/UUID-SEQ.hdr
 * @dir: StateDirectory
 * @source: device or file that the header is on
 * @keep: how many copies of the volume stay, the newest
 * @ret: path of the copy
 *
 * The kernel's record area is left out, as zeros.
 */
int cmk_backup_header(const char *dir, const char *source,
		      const struct cmk_header_info *info, unsigned int keep,
		      char *ret, unsigned int size, struct cmk_error *e);

/* Is there one? */
bool cmk_backup_exists(const char *dir, const unsigned char uuid[16]);

/**
 * cmk_backup_copy() - copy a header into an open file
 * @source: device or file that the header is on
 */
int cmk_backup_copy(const char *source, int to,
		    const struct cmk_header_info *info, struct cmk_error *e);

/**
 * cmk_backup_forget() - remove copies that are not to open anything any more
 * @keep: path of one that stays; NULL: none does
 *
 * What is in a file is overwritten before its name goes, as far as the file
 * system that it is on writes in place.
 */
int cmk_backup_forget(const char *dir, const unsigned char uuid[16],
		      const char *keep, struct cmk_error *e);

#endif
