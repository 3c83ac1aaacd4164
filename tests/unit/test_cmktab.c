// SPDX-License-Identifier: GPL-2.0
/*
 * cmktab(5): columns, options, and what is odd but taken.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cmktab.h"

static char file[] = "/tmp/cmk-tab-XXXXXX";
static char warnings[1024];

static void on_warning(const char *text, void *userdata)
{
	strncat(warnings, text, sizeof(warnings) - strlen(warnings) - 2);
	strcat(warnings, "\n");
}

static int read_tab(const char *text, struct cmk_tab *ret, struct cmk_error *e)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	warnings[0] = 0;
	memset(e, 0, sizeof(*e));
	return cmk_tab_read(ret, file, on_warning, NULL, e);
}

static int set_up(void **unused)
{
	int fd = mkstemp(file);

	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **unused)
{
	return unlink(file);
}

static void lines_become_entries(void **unused)
{
	const struct cmk_tab_entry *en;
	struct cmk_tab tab;
	struct cmk_error e;

	assert_int_equal(read_tab(
		"# name device kek options\n\n"
		"pgdata UUID=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a10 "
		"https://kv1.vault.azure.net/keys/pg "
		"nofail,_netdev,stop=a.service:b.service,deny-hold=0\n"
		"\tscratch\tUUID=x\tservice\tdiscard,required,timeout=10s,"
		"prefetch=on-demand,header=/h,read-only,on-denied=revoke\n"
		"third UUID=y service\n"
		"fourth UUID=z service -\n", &tab, &e), 0);
	assert_string_equal(warnings, "");
	assert_int_equal(tab.n, 4);

	en = cmk_tab_find(&tab, "pgdata");
	assert_non_null(en);
	assert_string_equal(en->kek, "https://kv1.vault.azure.net/keys/pg");
	assert_string_equal(en->stop, "a.service:b.service");
	assert_string_equal(en->deny_hold, "0");
	assert_false(en->required);
	assert_true(en->netdev);

	en = cmk_tab_find(&tab, "scratch");
	assert_true(en->discard && en->required && en->on_demand &&
		    en->read_only);
	assert_int_equal(en->timeout, 10000000);
	assert_string_equal(en->header, "/h");
	assert_string_equal(en->on_denied, "revoke");
	assert_false(en->netdev);
	assert_null(cmk_tab_find(&tab, "fifth"));
	cmk_tab_free(&tab);
}

static void a_key_in_a_vault_needs_the_network(void **unused)
{
	struct cmk_tab tab;
	struct cmk_error e;

	assert_int_equal(read_tab("a UUID=x https://v/keys/k\n", &tab, &e), 0);
	assert_true(tab.entries[0].netdev);
	cmk_tab_free(&tab);
}

static void what_is_odd_is_told_and_taken(void **unused)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "a UUID=x service foo,discard\n", "unknown option 'foo'" },
		{ "a UUID=x service foo=bar\n", "unknown option 'foo'" },
		{ "a /dev/sdb service\n", "not named by UUID=" },
		{ "a UUID=x -\n", "KEK '-'" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cmk_tab tab;
		struct cmk_error e;

		assert_int_equal(read_tab(cases[i].text, &tab, &e), 0);
		if (!strstr(warnings, cases[i].says))
			fail_msg("case %u: '%s'", i, warnings);
		assert_int_equal(tab.n, 1);
		cmk_tab_free(&tab);
	}
}

static void each_mistake_is_named_with_its_line(void **unused)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "a UUID=x\n", ":1: give name, device, KEK" },
		{ "\na UUID=x service - more\n", ":2: give name" },
		{ "a/b UUID=x service\n", "cannot be a mapping's name" },
		{ ".. UUID=x service\n", "cannot be a mapping's name" },
		{ "a UUID=x service\na UUID=y service\n", ":2: the name 'a'" },
		{ "a UUID=x http://v/keys/k\n", "neither an https URI" },
		{ "a UUID=x service discard=yes\n", "option 'discard'" },
		{ "a UUID=x service header\n", "option 'header'" },
		{ "a UUID=x service header=\n", "option 'header'" },
		{ "a UUID=x service timeout=soon\n", "'timeout': soon" },
		{ "a UUID=x service prefetch=some\n", "'prefetch': some" },
		{ "a UUID=x service deny-hold=2d\n", "'deny-hold': 2d" },
		{ "a UUID=x service on-denied=no\n", "'on-denied': no" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cmk_tab tab;
		struct cmk_error e;
		int r = read_tab(cases[i].text, &tab, &e);

		if (r >= 0 || !strstr(e.text, cases[i].says))
			fail_msg("case %u: %d, '%s'", i, r, e.text);
	}
}

static void a_line_without_end_is_refused(void **unused)
{
	struct cmk_tab tab;
	struct cmk_error e;
	char *text = calloc(1, 8192);

	memset(text, 'a', 8000);
	assert_int_equal(read_tab(text, &tab, &e), -EINVAL);
	free(text);
}

static void a_missing_table_is_empty(void **unused)
{
	struct cmk_tab tab;
	struct cmk_error e;

	assert_int_equal(cmk_tab_read(&tab, "/nowhere/cmktab", NULL, NULL, &e),
			 0);
	assert_int_equal(tab.n, 0);
	cmk_tab_free(&tab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_entries),
		cmocka_unit_test(a_key_in_a_vault_needs_the_network),
		cmocka_unit_test(what_is_odd_is_told_and_taken),
		cmocka_unit_test(each_mistake_is_named_with_its_line),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(a_missing_table_is_empty),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
