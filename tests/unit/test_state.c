// SPDX-License-Identifier: GPL-2.0
/*
 * What the node remembers of a volume survives, or is missed by name.
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
#include <unistd.h>
#include <cmocka.h>

#include "state.h"

#define UUID	"00010203-0405-0607-0809-0a0b0c0d0e0f"

static char dir[] = "/tmp/cmk-state-XXXXXX";
static const unsigned char uuid[16] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};

static void path(char *ret, size_t size, const char *name)
{
	snprintf(ret, size, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *text)
{
	char p[256];
	FILE *f;

	path(p, sizeof(p), name);
	f = fopen(p, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void rename_file(const char *from, const char *to)
{
	char a[256], b[256];

	path(a, sizeof(a), from);
	path(b, sizeof(b), to);
	assert_int_equal(rename(a, b), 0);
}

static int set_up(void **unused)
{
	struct cmk_error e;

	return mkdtemp(dir) ? cmk_state_prepare(dir, &e) : -1;
}

static int tear_down(void **unused)
{
	static const char * const names[] = {
		"state/" UUID ".json", "revoked/" UUID,
		"revoked/" UUID ".restoring", "proof/" UUID, "proof",
		"state", "backup", "revoked", "",
	};
	unsigned int i;
	char p[256];

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path(p, sizeof(p), names[i]);
		remove(p);
	}
	return 0;
}

static void what_was_saved_is_loaded(void **unused)
{
	struct cmk_state a = {
		.name = "pgdata",
		.device = "/dev/disk/by-id/\"x\"",
		.header = "/h",
		.kek = "https://v/keys/k",
		.leaving = "https://u/keys/j/1",
		.kid = "https://v/keys/k/1",
		.has_hk = true,
		.seq = 1ULL << 40,
		.oid = "o",
		.tid = "t",
		.options = { [1] = "0", [3] = "20s" },
		.rekey = {
			.wanted = true, .paused = true, .first = 2, .next = 5,
			.last = 65535, .bandwidth = UINT32_MAX,
		},
	}, b;
	struct cmk_error e;
	char p[256];
	struct stat st;

	memcpy(a.uuid, uuid, 16);
	memset(a.hk_id, 0xa5, sizeof(a.hk_id));
	assert_int_equal(cmk_state_save(dir, &a, &e), 0);
	assert_int_equal(cmk_state_load(dir, uuid, &b, &e), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	path(p, sizeof(p), "state/" UUID ".json");
	assert_int_equal(stat(p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void nothing_known_is_not_damage(void **unused)
{
	static const unsigned char other[16] = { 9 };
	struct cmk_state st;
	struct cmk_error e;

	assert_int_equal(cmk_state_load(dir, other, &st, &e), -ENOENT);
	write_file("state/" UUID ".json", "{ \"seq\": 7");
	assert_int_equal(cmk_state_load(dir, uuid, &st, &e), -EBADMSG);
	write_file("state/" UUID ".json", "");
	assert_int_equal(cmk_state_load(dir, uuid, &st, &e), -EBADMSG);
	write_file("state/" UUID ".json", "[]");
	assert_int_equal(cmk_state_load(dir, uuid, &st, &e), -EBADMSG);
}

static void any_marker_counts(void **unused)
{
	char text[256];

	assert_false(cmk_state_revoked(dir, uuid, text, sizeof(text)));
	write_file("revoked/" UUID, "");
	assert_true(cmk_state_revoked(dir, uuid, text, sizeof(text)));
	assert_non_null(strstr(text, "revoked/" UUID));
	write_file("revoked/" UUID,
		   "{\"action\":\"hold\",\"time\":\"2026-01-01\"}");
	assert_true(cmk_state_revoked(dir, uuid, text, sizeof(text)));
	assert_non_null(strstr(text, "hold of 2026-01-01"));
	/* While a restore is under way it is still there, by another name. */
	rename_file("revoked/" UUID, "revoked/" UUID ".restoring");
	assert_true(cmk_state_revoked(dir, uuid, text, sizeof(text)));
	assert_non_null(strstr(text, "revoked/" UUID ".restoring"));
	assert_non_null(strstr(text, "hold of 2026-01-01"));
	/* It is the newer one's that tells. */
	write_file("revoked/" UUID, "{\"action\":\"revoke\"}");
	assert_true(cmk_state_revoked(dir, uuid, text, sizeof(text)));
	assert_non_null(strstr(text, "(revoke, "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_is_loaded),
		cmocka_unit_test(nothing_known_is_not_damage),
		cmocka_unit_test(any_marker_counts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
