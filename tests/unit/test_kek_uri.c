// SPDX-License-Identifier: GPL-2.0
/* Ids of keys: what is accepted, how they compare, where tokens may go. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "kek-uri.h"
#include "kek.h"

#define V	"0123456789abcdef0123456789abcdef"

static void test_ids_come_into_one_form(void **state)
{
	static const char *const table[][2] = {
		{ "https://kv.vault.azure.net/keys/pg",
		  "https://kv.vault.azure.net/keys/pg" },
		{ "HTTPS://KV.Vault.Azure.NET/keys/Pg/",
		  "https://kv.vault.azure.net/keys/Pg" },
		{ "https://kv.vault.azure.net:443/KEYS/pg/" V "/",
		  "https://kv.vault.azure.net/keys/pg/" V },
		{ "https://127.0.0.1:8443/keys/a-B-9/ABCDEF",
		  "https://127.0.0.1:8443/keys/a-B-9/abcdef" },
	};
	struct cmk_kek_uri uri;
	char text[CMK_KID_MAX + 1];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(cmk_kek_uri_parse(&uri, table[i][0]), 0);
		assert_int_equal(cmk_kek_uri_format(&uri, text, sizeof(text)),
				 0);
		assert_string_equal(text, table[i][1]);
		assert_int_equal(cmk_kek_uri_format(&uri, text, 10),
				 -ENAMETOOLONG);
	}
}

static void test_everything_else_is_refused(void **state)
{
	static const char *const table[] = {
		"", "https://", "kv.vault.azure.net/keys/pg",
		"http://kv.vault.azure.net/keys/pg",
		"https://kv.vault.azure.net",
		"https://kv.vault.azure.net/keys/",
		"https://kv.vault.azure.net/keys//" V,
		"https://kv.vault.azure.net/secrets/pg",
		"https://kv.vault.azure.net/keys/pg/" V "/x",
		"https://kv.vault.azure.net/keys/pg//",
		"https://kv.vault.azure.net/keys/p_g",
		"https://kv.vault.azure.net/keys/pg?x=1",
		"https://kv.vault.azure.net/keys/pg#x",
		"https://kv.vault.azure.net/keys/pg/..",
		"https://user@kv.vault.azure.net/keys/pg",
		"https://user:x@kv.vault.azure.net/keys/pg",
		"https://kv.vault.azure.net:/keys/pg",
		"https://kv.vault.azure.net:0443/keys/pg",
		"https://kv.vault.azure.net:123456/keys/pg",
		"https://kv.vault.azure.net:84x3/keys/pg",
		"https://.vault.azure.net/keys/pg",
		"https://kv vault/keys/pg",
		"https://kv.vault.azure.net\\@evil.example/keys/pg",
		" https://kv.vault.azure.net/keys/pg",
		"https://kv.vault.azure.net/keys/pg\n",
	};
	struct cmk_kek_uri uri;
	char text[700];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!cmk_kek_uri_parse(&uri, table[i]))
			fail_msg("accepted: '%s'", table[i]);

	snprintf(text, sizeof(text), "https://%0255d/keys/pg", 1);
	assert_int_equal(cmk_kek_uri_parse(&uri, text), 0);
	snprintf(text, sizeof(text), "https://%0256d/keys/pg", 1);
	assert_int_equal(cmk_kek_uri_parse(&uri, text), -EINVAL);
	snprintf(text, sizeof(text), "https://%0252d:8443/keys/pg", 1);
	assert_int_equal(cmk_kek_uri_parse(&uri, text), -EINVAL);
	snprintf(text, sizeof(text), "https://kv/keys/%0127d", 1);
	assert_int_equal(cmk_kek_uri_parse(&uri, text), 0);
	snprintf(text, sizeof(text), "https://kv/keys/%0128d", 1);
	assert_int_equal(cmk_kek_uri_parse(&uri, text), -EINVAL);
	snprintf(text, sizeof(text), "https://kv/keys/k/%065d", 1);
	assert_int_equal(cmk_kek_uri_parse(&uri, text), -EINVAL);
}

static void test_match(void **state)
{
	static const char *const key = "https://kv.vault.azure.net/keys/pg";
	static const struct {
		const char *uri, *kid;
		bool match;
	} table[] = {
		{ "https://kv.vault.azure.net/keys/pg",
		  "https://kv.vault.azure.net/keys/pg/" V, true },
		{ "https://KV.vault.azure.net/keys/PG/",
		  "https://kv.vault.azure.net:443/keys/pg/" V, true },
		{ "https://kv.vault.azure.net/keys/pg/" V,
		  "https://kv.vault.azure.net/keys/pg/" V, true },
		{ "https://kv.vault.azure.net/keys/pg/abc",
		  "https://kv.vault.azure.net/keys/pg/" V, false },
		{ "https://kv.vault.azure.net/keys/p",
		  "https://kv.vault.azure.net/keys/pg/" V, false },
		{ "https://kv2.vault.azure.net/keys/pg",
		  "https://kv.vault.azure.net/keys/pg/" V, false },
		{ "https://kv.vault.azure.net:8443/keys/pg",
		  "https://kv.vault.azure.net/keys/pg/" V, false },
		{ "service", "service:ab", true },
		{ "service", "service", false },
		{ "service", "https://kv.vault.azure.net/keys/pg/" V, false },
		{ "service:AB", "service:ab", true },
		{ "service:ab", "service:abc", false },
		{ "https://kv.vault.azure.net/keys/pg", "service:ab", false },
		{ "", "", false },
	};
	size_t i;

	assert_true(cmk_kek_match(key, key));
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (cmk_kek_match(table[i].uri, table[i].kid) !=
		    table[i].match)
			fail_msg("%s and %s", table[i].uri, table[i].kid);
}

static void test_tokens_go_to_the_clouds_hosts_only(void **state)
{
	static const char *const table[][2] = {
		{ "kv.vault.azure.net", "https://vault.azure.net" },
		{ "kv.VAULT.azure.net:443", "https://vault.azure.net" },
		{ "h.managedhsm.azure.net", "https://managedhsm.azure.net" },
		{ "kv.vault.azure.cn", "https://vault.azure.cn" },
		{ "kv.vault.usgovcloudapi.net",
		  "https://vault.usgovcloudapi.net" },
		{ "vault.azure.net", NULL },
		{ "kvvault.azure.net", NULL },
		{ "kv.vault.azure.net.evil.example", NULL },
		{ "evil.example:443", NULL },
		{ "kv.vault.azure.net.", NULL },
		{ "127.0.0.1:8443", NULL },
	};
	const struct cmk_cloud *cloud;
	struct cmk_kek_uri uri;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text), "https://%s/keys/pg",
			 table[i][0]);
		assert_int_equal(cmk_kek_uri_parse(&uri, text), 0);
		cloud = cmk_cloud_of(&uri);
		if (table[i][1])
			assert_string_equal(cloud->resource, table[i][1]);
		else
			assert_null(cloud);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_come_into_one_form),
		cmocka_unit_test(test_everything_else_is_refused),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_tokens_go_to_the_clouds_hosts_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
