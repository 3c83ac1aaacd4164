// SPDX-License-Identifier: GPL-2.0
/*
 * What makes a revoke outlive a reboot is written where the agent will look,
 * also when cmkd.conf(5) has become wrong; and where that cannot be told, it
 * is not said to outlive one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "config.h"
#include "private-mounts.h"
#include "../../tools/cmkctl.h"
#include "../../tools/marker.h"

#define UUID	"00010203-0405-0607-0809-0a0b0c0d0e0f"
#define OURS	"/var/lib/ours/revoked/" UUID
#define DEFAULT	CMK_STATE_DIRECTORY "/revoked/" UUID

static const unsigned char uuid[16] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};
static bool ready;

/* tools/report.c has more than is wanted here. */
void ctl_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int set_up(void **unused)
{
	ready = private_mounts() && private_folder("/etc") &&
		private_folder("/var/lib") && !mkdir("/etc/cmk", 0755);
	return 0;
}

static int clean_up(void **unused)
{
	if (!ready)
		return 0;
	remove(OURS);
	remove(DEFAULT);
	remove(CMK_CONFIG_FILE);
	return 0;
}

static int write_by(const char *conf, struct cmk_error *e)
{
	FILE *f;

	if (!ready)
		skip();
	f = fopen(CMK_CONFIG_FILE, "w");
	assert_non_null(f);
	assert_true(fputs(conf, f) >= 0);
	fclose(f);
	return marker_write(uuid, "revoke", NULL, e);
}

static void a_good_file_tells_where(void **unused)
{
	struct cmk_error e;

	assert_int_equal(write_by("", &e), 0);
	assert_int_equal(access(DEFAULT, F_OK), 0);
	assert_int_equal(write_by("[Agent]\nStateDirectory=/var/lib/ours\n",
				  &e), 0);
	assert_int_equal(access(OURS, F_OK), 0);
	assert_true(marker_stands(uuid));
}

static void a_file_that_is_wrong_elsewhere_does_too(void **unused)
{
	static const char * const files[] = {
		"[Policy]\nCheckIntervall=5s\n[Agent]\nStateDirectory=/var/lib/ours\n",
		"[Agent]\nStateDirectory=/var/lib/ours\nOfLater=1\n",
		"[Agent\nhello\nStateDirectory=/var/lib/ours\n",
	};
	struct cmk_error e;
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		clean_up(NULL);
		assert_int_equal(write_by(files[i], &e), 0);
		assert_int_equal(access(OURS, F_OK), 0);
		assert_int_not_equal(access(DEFAULT, F_OK), 0);
		assert_true(marker_stands(uuid));
	}
}

static void not_told(int r, const struct cmk_error *e)
{
	assert_true(r < 0);
	assert_int_equal(e->status, CMK_PARTIAL);
	assert_string_equal(e->code, "not-persistent");
	assert_non_null(strstr(e->text, "may not outlive a reboot"));
	assert_non_null(strstr(e->text, DEFAULT));
	assert_int_equal(access(DEFAULT, F_OK), 0);
}

static void where_the_line_may_be_the_wrong_one_it_is_said(void **unused)
{
	struct cmk_error e;

	not_told(write_by("[Agent]\nStateDirectry=/var/lib/ours\n", &e), &e);
	clean_up(NULL);
	not_told(write_by("[Agent]\nStateDirectory=var/lib/ours\n", &e), &e);
}

static void where_the_file_cannot_be_read_it_is_said(void **unused)
{
	struct cmk_error e;

	if (!ready)
		skip();
	assert_int_equal(mkdir(CMK_CONFIG_FILE, 0755), 0);
	not_told(marker_write(uuid, "revoke", NULL, &e), &e);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, clean_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_file_tells_where),
		TEST(a_file_that_is_wrong_elsewhere_does_too),
		TEST(where_the_line_may_be_the_wrong_one_it_is_said),
		TEST(where_the_file_cannot_be_read_it_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
