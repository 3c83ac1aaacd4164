// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the use of libblkid for what a device must not carry when it is to be
 * formatted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <blkid/blkid.h>

#include "device.h"

static void probe_end(blkid_probe *pr)
{
	if (*pr)
		blkid_free_probe(*pr);
}

#define __probe __attribute__((cleanup(probe_end)))

/*
 * Everything that libblkid can find, one after the other; a signature with a
 * wrong checksum is still somebody's data.
 */
static int probe_new(blkid_probe *ret, int fd, struct cmk_error *e)
{
	blkid_probe pr __probe = blkid_new_probe();

	if (!pr || blkid_probe_set_device(pr, fd, 0, 0) < 0 ||
	    blkid_probe_enable_superblocks(pr, 1) < 0 ||
	    blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_MAGIC |
		BLKID_SUBLKS_TYPE | BLKID_SUBLKS_BADCSUM) < 0 ||
	    blkid_probe_enable_partitions(pr, 1) < 0 ||
	    blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC |
		BLKID_PARTS_FORCE_GPT) < 0)
		return cmk_error_set(e, CMK_FAILED, -EIO, "blkid",
				     "libblkid cannot look at the device");
	*ret = pr;
	pr = NULL;
	return 0;
}

static const char *found_type(blkid_probe pr)
{
	const char *type = NULL;

	if (blkid_probe_lookup_value(pr, "TYPE", &type, NULL) < 0)
		blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL);
	return type;
}

int device_signatures(int fd, char *ret, size_t size, struct cmk_error *e)
{
	blkid_probe pr __probe = NULL;
	const char *type;
	size_t n = 0;
	int r;

	*ret = '\0';
	r = probe_new(&pr, fd, e);
	if (r < 0)
		return r;
	while ((r = blkid_do_probe(pr)) == 0) {
		type = found_type(pr);
		if (type && !strstr(ret, type) && n < size)
			n += snprintf(ret + n, size - n, "%s%s",
				      n ? ", " : "", type);
	}
	if (r < 0)
		return cmk_error_set(e, CMK_UNSUITABLE, -EIO, "blkid",
				     "the device cannot be read");
	return 0;
}

int device_wipe_signatures(int fd, struct cmk_error *e)
{
	blkid_probe pr __probe = NULL;
	int r;

	r = probe_new(&pr, fd, e);
	if (r < 0)
		return r;
	while (blkid_do_probe(pr) == 0)
		if (blkid_do_wipe(pr, 0) < 0)
			return cmk_error_set(e, CMK_PARTIAL, -EIO, "blkid",
					     "a signature cannot be erased");
	return 0;
}
