// SPDX-License-Identifier: GPL-2.0
/*
 * Owns how a device is found.  A volume's UUID is in no other tool's tables
 * until udev has run, so that UUID= looks at the devices themselves; those
 * whose reads could hang or that only double another one are left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>
#include <blkid/blkid.h>

#include "cmkctl.h"
#include "device.h"
#include "span.h"

#define SYS_BLOCK	"/sys/class/block"

struct scan {
	const unsigned char *uuid;
	unsigned int found;
	char first[PATH_MAX], second[PATH_MAX];
};

/* Return: length of the first line of a file in sysfs, 0 if it has none. */
static size_t read_line(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");

	*ret = '\0';
	if (!f)
		return 0;
	if (fgets(ret, size, f))
		ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
	return strlen(ret);
}

static size_t read_attr(const char *block, const char *attr, char *ret,
			size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/%s", block, attr);
	return read_line(path, ret, size);
}

static bool is_mapped_volume(const char *block)
{
	char uuid[16];

	return read_attr(block, "dm/uuid", uuid, sizeof(uuid)) &&
	       strncmp(uuid, "CMK-", 4) == 0;
}

/*
 * A path of a multipath device, or a leg of a mirror, shows the same bytes as
 * the device that it is part of.
 */
static bool is_part_of_another(const char *block)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool ret = false;
	DIR *dir;

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/holders", block);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !is_mapped_volume(entry->d_name))
			ret = true;
	closedir(dir);
	return ret;
}

/* Reads of a volume that is held, or of a suspended device, do not return. */
static bool worth_reading(const char *block)
{
	char text[32];

	if (!read_attr(block, "size", text, sizeof(text)) ||
	    strtoull(text, NULL, 10) * 512 < CMK_SMALL_HEADER)
		return false;
	if (read_attr(block, "dm/suspended", text, sizeof(text)) &&
	    strcmp(text, "0") != 0)
		return false;
	return !is_mapped_volume(block) && !is_part_of_another(block);
}

static void node_of(const char *block, char *ret, size_t size)
{
	char *p;

	snprintf(ret, size, "/dev/%s", block);
	for (p = ret; *p; p++)
		if (*p == '!')
			*p = '/';
}

static void scan_one(struct scan *scan, const char *block)
{
	unsigned char uuid[16];
	char node[PATH_MAX];

	if (!worth_reading(block))
		return;
	node_of(block, node, sizeof(node));
	if (!device_peek(node, uuid) || memcmp(uuid, scan->uuid, 16) != 0)
		return;
	snprintf(scan->found ? scan->second : scan->first, PATH_MAX, "%s",
		 node);
	scan->found++;
}

static int find_uuid(const char *text, char *ret, struct cmk_error *e)
{
	unsigned char uuid[16];
	struct scan scan = { .uuid = uuid };
	struct dirent *entry;
	DIR *dir;

	if (cmk_parse_uuid(text, uuid) < 0)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "usage",
				     "'%s' is no UUID", text);
	dir = opendir(SYS_BLOCK);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			scan_one(&scan, entry->d_name);
	if (dir)
		closedir(dir);
	if (scan.found > 1)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOTUNIQ,
				     "uuid-twice", "%s and %s have the same "
				     "UUID %s; one is a copy, and both share "
				     "their keys", scan.first, scan.second,
				     text);
	if (!scan.found)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-device",
				     "no device has a header with UUID %s",
				     text);
	memcpy(ret, scan.first, PATH_MAX);
	return 0;
}

/* LABEL=, PARTUUID=, PARTLABEL=: a matter of libblkid. */
static int find_tag(const char *spec, char *ret, struct cmk_error *e)
{
	char *node __free = blkid_evaluate_spec(spec, NULL);

	if (!node || !realpath(node, ret))
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-device",
				     "no device with %s", spec);
	return 0;
}

int device_resolve(const char *spec, char ret[PATH_MAX], struct cmk_error *e)
{
	if (strncasecmp(spec, "UUID=", 5) == 0)
		return find_uuid(spec + 5, ret, e);
	if (*spec != '/' && strchr(spec, '='))
		return find_tag(spec, ret, e);
	if (realpath(spec, ret))
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE,
			     errno == ENOENT ? -ENODEV : -errno, "no-device",
			     "%s: %s", spec, strerror(errno));
}

/* Another file may do something when it is opened, as a watchdog does. */
static int open_storage(const char *path, int flags)
{
	int place __fd = open(path, O_PATH | O_CLOEXEC);
	char same[64];
	struct stat st;
	int fd;

	if (place < 0 || fstat(place, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTBLK;
	snprintf(same, sizeof(same), "/proc/self/fd/%d", place);
	fd = open(same, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int device_open(const char *path, int flags, dev_t *ret_dev,
		uint64_t *ret_size, struct cmk_error *e)
{
	uint64_t size = 0;
	struct stat st;
	int fd;

	fd = open_storage(path, flags);
	if (fd < 0 && fd != -ENOTBLK)
		return cmk_error_set(e, fd == -EACCES || fd == -EPERM ?
				     CMK_NOT_PERMITTED : CMK_UNSUITABLE, fd,
				     fd == -EBUSY ? "busy" : "device",
				     "%s: %s", path, strerror(-fd));
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) ||
	    ioctl(fd, BLKGETSIZE64, &size) < 0) {
		if (fd >= 0)
			close(fd);
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOTBLK, "device",
				     "%s is no block device", path);
	}
	if (ret_dev)
		*ret_dev = st.st_rdev;
	if (ret_size)
		*ret_size = size;
	return fd;
}

int device_read_header(const char *path, struct cmk_header **ret,
		       struct cmk_error *e)
{
	int fd __fd = -1;
	int r;

	r = cmk_header_open(&fd, path, false, e);
	if (r < 0)
		return r;
	return cmk_header_read(ret, fd, e);
}

bool device_peek(const char *path, unsigned char uuid[16])
{
	struct cmk_disk_super super;
	int fd __fd = -1;

	fd = open_storage(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || pread(fd, &super, sizeof(super), 0) != sizeof(super) ||
	    memcmp(super.magic, CMK_FORMAT_MAGIC, sizeof(super.magic)) != 0)
		return false;
	memcpy(uuid, super.uuid, 16);
	return true;
}
