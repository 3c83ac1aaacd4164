// SPDX-License-Identifier: GPL-2.0
/*
 * cmkd.conf(5): every mistake is found, with its line, and nothing is ignored.
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

#include "config-file.h"
#include "config.h"

#define S	1000000ULL

static char dir[] = "/tmp/cmk-config-XXXXXX";
static char file[64], dropins[64], dropin[96];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static int load(const char *text, struct cmk_config **ret, struct cmk_error *e)
{
	memset(e, 0, sizeof(*e));
	write_file(file, text);
	return cmk_config_load(ret, file, e);
}

static int set_up(void **unused)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/cmkd.conf", dir);
	snprintf(dropins, sizeof(dropins), "%s/cmkd.conf.d", dir);
	snprintf(dropin, sizeof(dropin), "%s/50-x.conf", dropins);
	return mkdir(dropins, 0700);
}

static int tear_down(void **unused)
{
	unlink(dropin);
	unlink(file);
	rmdir(dropins);
	return rmdir(dir);
}

static void the_defaults_are_the_contracts(void **unused)
{
	struct cmk_config *c;
	struct cmk_error e;

	assert_int_equal(load("", &c, &e), 0);
	assert_int_equal(c->policy.check_interval, 60 * S);
	assert_int_equal(c->policy.jitter, 20);
	assert_int_equal(c->policy.get_interval, 600 * S);
	assert_int_equal(c->policy.confirm_count, 3);
	assert_int_equal(c->policy.confirm_spacing, 5 * S);
	assert_int_equal(c->policy.settle_time, 300 * S);
	assert_int_equal(c->policy.on_denied, CMK_POL_HOLD_FIRST);
	assert_int_equal(c->policy.deny_hold, 300 * S);
	assert_int_equal(c->policy.offline_grace, 14400 * S);
	assert_int_equal(c->policy.lease_ttl, 300 * S);
	assert_int_equal(c->hold_timeout, 600 * S);
	assert_int_equal(c->key_timeout, 30 * S);
	assert_true(c->policy.return_auto);
	assert_true(c->policy.expiry_denies);
	assert_false(c->policy.network_denied_counts);
	assert_false(c->policy.unauthenticated_counts);
	assert_false(c->lapse_revokes);
	assert_false(c->sleep_keeps);
	assert_string_equal(c->kek.auth, "managed-identity");
	assert_string_equal(c->kek.api_version, "7.4");
	assert_int_equal(c->kek.request_timeout, 5 * S);
	assert_int_equal(c->kek.max_concurrent, 8);
	assert_int_equal(c->header_backups, 3);
	cmk_config_free(c);
}

static void every_key_is_taken(void **unused)
{
	struct cmk_config *c;
	struct cmk_error e;
	int r;

	r = load("# comment\n; comment\n"
		 "[Policy]\nCheckInterval=5s\nCheckJitter = 0%\n"
		 "GetInterval=5s\nConfirmCount=2\nConfirmSpacing=1s\n"
		 "SettleTime=0\nOnDenied=revoke\nDenyHold=0\nOnLapse=revoke\n"
		 "OnSleep=keep\n"
		 "OnNetworkDenied=denied\nOnUnauthenticated=denied\n"
		 "OfflineGrace=30s\nLeaseTTL=15s\nHoldTimeout=30s\n"
		 "KeyTimeout=2s\nOnReturn=manual\nExpiry=warn\n"
		 "[Azure]\nAuth=client-secret\nTenantId=t\nClientId=c\n"
		 "ClientSecret=file:/x\nAuthorityHost=https://a\n"
		 "ImdsEndpoint=http://127.0.0.1:1\nApiVersion=7.5\n"
		 "CaFile=/ca\nProxy=http://p\nConnectTimeout=1s\n"
		 "RequestTimeout=1s\nMaxConcurrent=2\n"
		 "[Service]\nKek=file:/k\n"
		 "[Agent]\nStateDirectory=/s\nHeaderBackups=7\n", &c, &e);
	if (r)
		fail_msg("%s", e.text);
	assert_int_equal(c->policy.check_interval, 5 * S);
	assert_int_equal(c->policy.jitter, 0);
	assert_int_equal(c->policy.on_denied, CMK_POL_REVOKE_NOW);
	assert_int_equal(c->policy.deny_hold, 0);
	assert_true(c->lapse_revokes);
	assert_true(c->sleep_keeps);
	assert_true(c->policy.network_denied_counts);
	assert_true(c->policy.unauthenticated_counts);
	assert_false(c->policy.return_auto);
	assert_false(c->policy.expiry_denies);
	assert_string_equal(c->kek.client_secret, "file:/x");
	assert_string_equal(c->kek.proxy, "http://p");
	assert_int_equal(c->kek.max_concurrent, 2);
	assert_string_equal(c->kek.service_kek, "file:/k");
	assert_string_equal(c->state_directory, "/s");
	assert_int_equal(c->header_backups, 7);
	cmk_config_free(c);
}

static void each_mistake_is_named_with_its_line(void **unused)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "[Policy]\nCheckIntervall=5s\n", ":2: unknown key" },
		{ "[Polcy]\nCheckInterval=5s\n", ":2: unknown key" },
		{ "[Policy]\nTenantId=x\n", ":2: unknown key" },
		{ "CheckInterval=5s\n", ":1: assignment outside" },
		{ "[Policy\n", ":1: not a section" },
		{ "[Policy]\nhello\n", ":2: neither" },
		{ "[Policy]\nCheckInterval=4s\n", "give 5s to 1h" },
		{ "[Policy]\nCheckInterval=5s # fast\n", "give 5s to 1h" },
		{ "[Policy]\nCheckInterval=\n", "give 5s" },
		{ "[Policy]\nConfirmCount=0\n", "give 1 to 20" },
		{ "[Policy]\nConfirmCount=two\n", "give 1 to 20" },
		{ "[Policy]\nOnDenied=Hold\n", "give hold or revoke" },
		{ "[Policy]\nLeaseTTL=14s\n", "give 15s to 1d" },
		{ "[Policy]\nOnSleep=never\n", "give drop or keep" },
		{ "[Policy]\nExpiryWarning=1d\n", "not supported yet" },
		{ "[Azure]\nCloud=china\n", "not supported yet" },
		{ "[Azure]\nAuth=arc\n", "managed-identity or client-secret" },
		{ "[Policy]\nOfflineGrace=25s\n", "OfflineGrace= is too short" },
		{ "[Agent]\nStateDirectory=x\n", "absolute" },
		{ "[Access]\nStatusGroup=x\n", "not supported yet" },
		{ "[Policy]\n\n\\\nBad\\\n=1\n", "unknown key" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cmk_config *c = NULL;
		struct cmk_error e;
		int r = load(cases[i].text, &c, &e);

		if (!r || !strstr(e.text, cases[i].says))
			fail_msg("case %u: %d, '%s'", i, r, e.text);
		assert_int_equal(e.status, CMK_USAGE);
	}
}

static void a_dropin_comes_later_and_wins(void **unused)
{
	struct cmk_config *c;
	struct cmk_error e;

	write_file(dropin, "[Policy]\nCheckInterval=7s\n");
	assert_int_equal(load("[Policy]\nCheckInterval=6s\nDenyHold=\\\n 9s\n",
			      &c, &e), 0);
	assert_int_equal(c->policy.check_interval, 7 * S);
	assert_int_equal(c->policy.deny_hold, 9 * S);
	cmk_config_free(c);
	write_file(dropin, "[Policy]\nNo=7s\n");
	assert_int_equal(load("", &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, "50-x.conf:2:"));
	unlink(dropin);
}

static void a_named_file_must_exist(void **unused)
{
	struct cmk_config *c;
	struct cmk_error e;

	assert_int_equal(cmk_config_load(&c, "/nowhere/cmkd.conf", &e),
			 -ENOENT);
}

static void a_volume_may_have_its_own_policy(void **unused)
{
	struct cmk_pol_conf p = { .check_interval = 5 * S, .lease_ttl = 15 * S,
				  .offline_grace = 30 * S };
	struct cmk_error e;

	assert_int_equal(cmk_config_volume_option(&p, "deny-hold", "0"), 0);
	assert_int_equal(p.deny_hold, 0);
	assert_int_equal(cmk_config_volume_option(&p, "on-denied", "revoke"),
			 0);
	assert_int_equal(p.on_denied, CMK_POL_REVOKE_NOW);
	assert_int_equal(cmk_config_volume_option(&p, "lease-ttl", "1s"),
			 -ERANGE);
	assert_int_equal(cmk_config_volume_option(&p, "check-interval", "9s"),
			 -ENOENT);
	assert_int_equal(cmk_config_check_policy(&p, &e), 0);
	assert_int_equal(cmk_config_volume_option(&p, "lease-ttl", "25s"), 0);
	assert_int_equal(cmk_config_check_policy(&p, &e), -EINVAL);
}

static void peek(const char *text, int r, const char *value)
{
	char buf[16] = "as before";

	write_file(file, text);
	assert_int_equal(cmk_config_peek(file, "Key", buf, sizeof(buf)), r);
	if (r >= 0)
		assert_string_equal(buf, value);
}

static void one_key_is_read_whatever_else_is_wrong(void **unused)
{
	peek("", 0, "as before");
	peek("[A]\n#Key=x\n; Key=x\nKeys=x\nKe=Key=x\n", 0, "as before");
	peek("[A]\nKey=x\nhello\n[Bad\nNo=1\n", 1, "x");
	peek("hello\n[Bad\n  Key = \\\n y\nx=\n", 1, "y");
	peek("Key=x\nKey=\n", 1, "");
	peek("[A]\nKey=sixteen letters.\n", -EINVAL, NULL);
	write_file(dropin, "hello\nKey=z\n");
	peek("[A]\nKey=x\n", 1, "z");
	unlink(dropin);
	unlink(file);
	assert_int_equal(cmk_config_peek(file, "Key", NULL, 0), 0);
	assert_int_equal(cmk_config_peek(dir, "Key", NULL, 0), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_the_contracts),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(each_mistake_is_named_with_its_line),
		cmocka_unit_test(a_dropin_comes_later_and_wins),
		cmocka_unit_test(a_named_file_must_exist),
		cmocka_unit_test(a_volume_may_have_its_own_policy),
		cmocka_unit_test(one_key_is_read_whatever_else_is_wrong),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
