// SPDX-License-Identifier: GPL-2.0
/* No wait is so long that the detector of hung tasks ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../tools/hung-task.h"

#define FOR_EVER	0

static char dir[] = "/tmp/cmk-hung-task-XXXXXX";

/* @value: NULL for a kernel that has none */
static void set(const char *name, const char *value)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	if (!value)
		return;
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "%s\n", value) > 0);
	fclose(f);
}

static void check(const char *panic, const char *limit, unsigned int seconds,
		  unsigned int expected)
{
	unsigned int s = seconds;
	bool cut, shorter = expected != seconds;

	set("hung_task_panic", panic);
	set("hung_task_timeout_secs", limit);
	cut = hung_task_cut(dir, &s);
	if (s != expected || cut != shorter)
		fail_msg("panic %s, limit %s: %u s became %u s (%d)",
			 panic ? panic : "-", limit ? limit : "-", seconds, s,
			 cut);
}

static void a_panic_bounds_each_wait(void **unused)
{
	check("1", "120", 600, 100);
	check("1", "120", 101, 100);
	check("1", "120", 100, 100);
	check("1", "120", 30, 30);
	check("1", "120", FOR_EVER, 100);
	check("3", "120", 600, 100);
	check("1", "4294967295", 86400, 86400);
	check("1", "9223372036854775", FOR_EVER, 3600);
	check("1", "3621", FOR_EVER, 3600);
	check("1", "3619", FOR_EVER, 3599);
}

static void what_is_left_is_a_second_at_least(void **unused)
{
	check("1", "22", 600, 2);
	check("1", "21", 600, 1);
	check("1", "20", 600, 1);
	check("1", "1", 600, 1);
	check("1", "1", 1, 1);
}

static void without_a_panic_nothing_is_cut(void **unused)
{
	check("0", "120", 600, 600);
	check("0", "120", FOR_EVER, FOR_EVER);
	check("1", "0", 600, 600);
	check(NULL, NULL, 600, 600);
	check("1", NULL, 600, 600);
	check(NULL, "120", 600, 600);
	check("", "120", 600, 600);
}

static int set_up(void **unused)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **unused)
{
	set("hung_task_panic", NULL);
	set("hung_task_timeout_secs", NULL);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_panic_bounds_each_wait),
		cmocka_unit_test(what_is_left_is_a_second_at_least),
		cmocka_unit_test(without_a_panic_nothing_is_cut),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
