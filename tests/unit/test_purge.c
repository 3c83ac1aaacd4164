// SPDX-License-Identifier: GPL-2.0
/*
 * What a revoke leaves in memory is said, whatever it is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <cmocka.h>

#include "private-mounts.h"
#include "../../tools/purge.h"
#include "../../tools/units.h"
#include "../../tools/volume.h"

/* In Latin-1, as many a disk has it. */
#define PLACE	"/run/Gr\xfc\xdf" "e\x1b"
#define SAID	"/run/Gr??e?: not shut down"

void ctl_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int ctl_fail(struct cmkctl *ctl, const struct cmk_error *e, const char *volume)
{
	assert_non_null(strstr(e->text, SAID));
	return e->status;
}

const char *volume_name(const struct cmk_nl_volume *v)
{
	return "vol";
}

void units_stop(const char *name, const unsigned char uuid[16],
		const json_t *mounts, json_t *left)
{
}

static json_t *purge_place(struct cmk_nl_volume *v)
{
	struct stat st;

	/* The caches of the machine stay as they are. */
	if (!private_mounts() || !private_folder("/proc/sys") ||
	    !private_folder("/run") || mkdir(PLACE, 0700) ||
	    !private_folder(PLACE) || stat(PLACE, &st))
		return NULL;
	v->major = major(st.st_dev);
	v->minor = minor(st.st_dev);
	return purge_volume(v, true);
}

/* A tmpfs cannot be shut down, as other file systems cannot. */
static void a_place_that_is_no_text_is_left_all_the_same(void **unused)
{
	struct cmk_nl_volume v = { .name = "vol" };
	json_t *purged = purge_place(&v), *left;

	if (!v.minor)
		skip();
	left = json_object_get(purged, "left");
	assert_non_null(json_array_get(left, 0));
	assert_non_null(strstr(json_string_value(json_array_get(left, 0)),
			       SAID));
	assert_int_equal(purge_report(NULL, &v, purged), CMK_PARTIAL);
	json_decref(purged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_that_is_no_text_is_left_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
