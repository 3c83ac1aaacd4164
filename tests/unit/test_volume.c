// SPDX-License-Identifier: GPL-2.0
/*
 * How VOLUME on the command line names a volume, and which files root opens to
 * find it: a device that is none is not touched, nor any for who is not root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <blkid/blkid.h>
#include <cmocka.h>

#include "../../tools/device.h"
#include "../../tools/dm.h"
#include "../../tools/volume.h"

#define UUID	"01000000-0000-0000-0000-000000000000"

static char dir[] = "/tmp/cmk-volume-XXXXXX";
static char pipe_path[64], header[64];
static struct cmk_nl_volume open_one = { .uuid = { 1 }, .name = "vol" };
static int watch;

void ctl_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int ctl_fail(struct cmkctl *ctl, const struct cmk_error *e, const char *volume)
{
	return e->status;
}

int ctl_worse(int a, int b)
{
	return a ? a : b;
}

char *blkid_evaluate_spec(const char *spec, blkid_cache *cache)
{
	return NULL;
}

int dm_volumes(int (*cb)(const char *name, const unsigned char *uuid,
			 dev_t device, void *userdata), void *userdata)
{
	return -ENOENT;
}

static int set_up(void **unused)
{
	struct cmk_disk_super super = { .uuid = { 1 } };
	FILE *f;

	if (!mkdtemp(dir))
		return -1;
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", dir);
	snprintf(header, sizeof(header), "%s/header", dir);
	memcpy(super.magic, CMK_FORMAT_MAGIC, sizeof(super.magic));
	f = fopen(header, "w");
	if (!f || fwrite(&super, sizeof(super), 1, f) != 1 || fclose(f))
		return -1;
	watch = inotify_init1(IN_NONBLOCK);
	return watch < 0 || mkfifo(pipe_path, 0600) ||
	       inotify_add_watch(watch, dir, IN_OPEN) < 0;
}

static int tear_down(void **unused)
{
	unlink(pipe_path);
	unlink(header);
	return rmdir(dir);
}

static bool was_opened(void)
{
	char events[4096];

	return read(watch, events, sizeof(events)) > 0;
}

static void a_volume_is_found_by_each_of_its_names(void **unused)
{
	struct volume_list list = { .v = &open_one, .n = 1 };
	struct cmk_error e;

	assert_ptr_equal(volume_find(&list, "vol", &e), &open_one);
	assert_ptr_equal(volume_find(&list, "UUID=" UUID, &e), &open_one);
	assert_ptr_equal(volume_find(&list, header, &e), &open_one);
	assert_true(was_opened());
	assert_null(volume_find(&list, "other", &e));
	assert_int_equal(e.status, CMK_UNSUITABLE);
}

static void what_is_no_block_device_and_no_file_is_not_opened(void **unused)
{
	struct volume_list list = { .v = &open_one, .n = 1 };
	struct cmk_error e;

	assert_null(volume_find(&list, pipe_path, &e));
	assert_int_equal(device_open(pipe_path, O_RDONLY | O_NONBLOCK, NULL,
				     NULL, &e), -ENOTBLK);
	assert_int_equal(e.status, CMK_UNSUITABLE);
	assert_non_null(strstr(e.text, "no block device"));
	assert_false(was_opened());
}

static void who_is_not_root_names_no_device(void **unused)
{
	struct volume_list list = {
		.v = &open_one, .n = 1, .no_devices = true
	};
	struct cmk_error e;

	assert_null(volume_find(&list, header, &e));
	assert_int_equal(e.status, CMK_NOT_PERMITTED);
	assert_false(was_opened());
	assert_ptr_equal(volume_find(&list, "vol", &e), &open_one);
	assert_ptr_equal(volume_find(&list, "UUID=" UUID, &e), &open_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_volume_is_found_by_each_of_its_names),
		cmocka_unit_test(
			what_is_no_block_device_and_no_file_is_not_opened),
		cmocka_unit_test(who_is_not_root_names_no_device),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
