/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block devices as cmkctl finds them: by path or tag, their headers, what
 * other signatures they carry, and who uses them.
 */
#ifndef CMKCTL_DEVICE_H
#define CMKCTL_DEVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "header.h"

/**
 * device_resolve() - the node of a device
 * @spec: a path, UUID=, PARTLABEL=, PARTUUID= or LABEL=
 * @ret: without symbolic links
 *
 * UUID= is a volume's, found by its header; two devices with one UUID are
 * refused with both names.  A device that is not there yet is -ENODEV,
 * "no-device".
 */
int device_resolve(const char *spec, char ret[PATH_MAX], struct cmk_error *e);

/**
 * device_open() - open a block device for reading
 * @ret_dev: its number; may be NULL
 * @ret_size: bytes; may be NULL
 *
 * Return: file descriptor or negative errno.
 */
int device_open(const char *path, int flags, dev_t *ret_dev,
		uint64_t *ret_size, struct cmk_error *e);

/* Of a block device, or of a file with a detached header. */
int device_read_header(const char *path, struct cmk_header **ret,
		       struct cmk_error *e);

/*
 * The UUID in the first block if there is a header's magic; else false.  Only
 * a block device or a file is opened.
 */
bool device_peek(const char *path, unsigned char uuid[16]);

/* device-signature.c */

/* "ext4, gpt": what libblkid knows to be on the device, "" if nothing. */
int device_signatures(int fd, char *ret, size_t size, struct cmk_error *e);
int device_wipe_signatures(int fd, struct cmk_error *e);

/* device-users.c */

/**
 * device_users() - who keeps a block device busy
 * @ret: "mounted on /srv/pg; open by postgres[812]", "" if nobody was found
 *
 * Mounts in all namespaces, swap, devices on top, and processes with files on
 * it open or mapped; of what lies on those devices, too.
 */
void device_users(dev_t dev, char *ret, size_t size);

#endif
