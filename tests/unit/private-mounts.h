/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Folders whose names are built in, emptied for this process alone.
 */
#ifndef TEST_PRIVATE_MOUNTS_H
#define TEST_PRIVATE_MOUNTS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>
#include <unistd.h>

/* A namespace of its own, of users too where that is needed for it. */
static inline bool private_mounts(void)
{
	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline bool private_folder(const char *path)
{
	return mount("tmpfs", path, "tmpfs", 0, NULL) == 0;
}

#endif
