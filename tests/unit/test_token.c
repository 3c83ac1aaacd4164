// SPDX-License-Identifier: GPL-2.0
/* What token endpoints say, and what is made of settings before asking. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base64url.h"
#include "token-source.h"

static int parse(const char *text, struct cmk_token *token, int64_t *life)
{
	char body[1024];
	int r;

	memset(token, 0, sizeof(*token));
	snprintf(body, sizeof(body), "%s", text);
	r = cmk_token_parse(body, strlen(body), token, life);
	if (!r)
		assert_null(strstr(body, "a.b.c"));
	return r;
}

static void test_life_is_a_number_or_a_string(void **state)
{
	struct cmk_token token;
	int64_t life;

	assert_int_equal(parse("{\"access_token\":\"a.b.c\","
			       "\"expires_in\":3599}", &token, &life), 0);
	assert_int_equal(life, 3599);
	assert_int_equal(token.bearer.len, 5);
	cmk_secret_wipe(&token.bearer);
	assert_int_equal(parse("{\"expires_in\":\"86399\",\"access_token\":"
			       "\"a.b.c\",\"expires_on\":\"1\"}", &token,
			       &life), 0);
	assert_int_equal(life, 86399);
	cmk_secret_wipe(&token.bearer);
}

static void test_what_is_no_token_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "{}", "<html>", "{\"access_token\":\"a\"}",
		"{\"access_token\":\"a\",\"expires_in\":0}",
		"{\"access_token\":\"a\",\"expires_in\":-1}",
		"{\"access_token\":\"a\",\"expires_in\":\"\"}",
		"{\"access_token\":\"a\",\"expires_in\":\"1x\"}",
		"{\"access_token\":\"a\",\"expires_in\":99999999}",
		"{\"access_token\":\"\",\"expires_in\":9}",
		"{\"access_token\":\"a b\",\"expires_in\":9}",
		"{\"access_token\":\"a\\\\r\",\"expires_in\":9}",
		"{\"access_token\":\"a\",\"expires_in\":9",
		"{\"access_token\":\"a\",\"access_token\":\"a\","
		"\"expires_in\":9}",
	};
	struct cmk_token token;
	int64_t life;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!parse(bad[i], &token, &life))
			fail_msg("accepted: %s", bad[i]);
		assert_null(token.bearer.data);
	}
}

static void set_bearer(struct cmk_token *token, const char *claims)
{
	char text[2048] = "e30.";

	memset(token, 0x55, sizeof(*token));
	token->bearer.data = NULL;
	cmk_base64url_encode(claims, strlen(claims), text + 4);
	strcat(text, ".sig");
	assert_int_equal(cmk_secret_alloc(&token->bearer, strlen(text)), 0);
	memcpy(token->bearer.data, text, strlen(text));
	cmk_token_claims(token);
	cmk_secret_wipe(&token->bearer);
}

static void test_claims(void **state)
{
	struct cmk_token token;
	char text[256];

	set_bearer(&token, "{\"oid\":\"o\",\"tid\":\"t\",\"appid\":\"a\"}");
	assert_string_equal(token.oid, "o");
	assert_string_equal(token.tid, "t");
	assert_string_equal(token.appid, "a");
	set_bearer(&token, "{\"oid\":7,\"tid\":null}");
	assert_string_equal(token.oid, "");
	assert_string_equal(token.tid, "");
	set_bearer(&token, "no JSON");
	assert_string_equal(token.appid, "");
	snprintf(text, sizeof(text), "{\"oid\":\"%064d\",\"tid\":\"%063d\"}",
		 0, 0);
	set_bearer(&token, text);
	assert_string_equal(token.oid, "");
	assert_int_equal(strlen(token.tid), 63);
}

static void test_a_token_that_is_no_jwt_has_no_claims(void **state)
{
	static const char *const texts[] = { "opaque", ".", "..", "a.b",
					     "a.!.c", "..." };
	struct cmk_token token;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&token, 0, sizeof(token));
		assert_int_equal(cmk_secret_alloc(&token.bearer,
						  strlen(texts[i])), 0);
		memcpy(token.bearer.data, texts[i], strlen(texts[i]));
		cmk_token_claims(&token);
		assert_string_equal(token.oid, "");
		cmk_secret_wipe(&token.bearer);
	}
}

static void check_judge(const struct cmk_token_method *m, int status,
			const char *error, bool refused, bool again)
{
	struct cmk_token_result res = { 0 };

	m->judge(status, error, &res);
	if (res.refused != refused || res.again != again)
		fail_msg("%d %s: refused %d, again %d", status,
			 error ? error : "-", res.refused, res.again);
}

static void test_what_errors_mean(void **state)
{
	const struct cmk_token_method *imds = &cmk_token_imds;
	const struct cmk_token_method *entra = &cmk_token_client_secret;

	check_judge(imds, 400, "invalid_request", true, false);
	check_judge(imds, 401, "unknown_source", true, false);
	check_judge(imds, 400, NULL, false, false);
	check_judge(imds, 404, "not_found", false, true);
	check_judge(imds, 404, NULL, false, true);
	check_judge(imds, 410, NULL, false, true);
	check_judge(imds, 429, NULL, false, true);
	check_judge(imds, 500, "unknown", false, true);
	check_judge(imds, 302, "invalid_request", false, false);
	check_judge(entra, 401, "invalid_client", true, false);
	check_judge(entra, 400, "unauthorized_client", true, false);
	check_judge(entra, 400, "invalid_scope", true, false);
	check_judge(entra, 400, "temporarily_unavailable", false, true);
	check_judge(entra, 401, NULL, false, false);
	check_judge(entra, 404, "invalid_request", false, false);
	check_judge(entra, 429, NULL, false, true);
	check_judge(entra, 503, "invalid_client", false, true);
}

static void test_imds_request(void **state)
{
	struct cmk_token_settings s = { .client_id = "id&x" };
	struct cmk_token_ask ask = { 0 };

	assert_int_equal(cmk_token_imds.ask(&s, cmk_cloud_default(), &ask,
					    NULL), 0);
	assert_int_equal(ask.kind, CMK_HTTP_LOCAL);
	assert_string_equal(ask.url, "http://169.254.169.254/metadata/"
			    "identity/oauth2/token?api-version=2018-02-01"
			    "&resource=https%3A%2F%2Fvault.azure.net"
			    "&client_id=id%26x");
	assert_string_equal(ask.headers[0], "Metadata: true");
	s.imds_endpoint = "https://169.254.169.254";
	assert_int_equal(cmk_token_imds.check(&s, NULL), -EINVAL);
}

static char path[] = "/tmp/cmk-test-secret-XXXXXX";

static void write_secret(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int ask_entra(struct cmk_token_ask *ask, struct cmk_error *e)
{
	char where[64];
	struct cmk_token_settings s = {
		.tenant_id = "t-1", .client_id = "c-1",
		.client_secret = where,
	};

	memset(ask, 0, sizeof(*ask));
	memset(e, 0, sizeof(*e));
	snprintf(where, sizeof(where), "file:%s", path);
	assert_int_equal(cmk_token_client_secret.check(&s, NULL), 0);
	return cmk_token_client_secret.ask(&s, cmk_cloud_default(), ask, e);
}

static void test_client_secret_request(void **state)
{
	static const char form[] = "grant_type=client_credentials&"
		"client_id=c-1&scope=https%3A%2F%2Fvault.azure.net%2F.default&"
		"client_secret=a~b%26%3D%2B%25%20c";
	struct cmk_token_ask ask;
	struct cmk_error e;

	write_secret("a~b&=+% c\r\nsecond line", 0600);
	assert_int_equal(ask_entra(&ask, &e), 0);
	assert_int_equal(ask.kind, CMK_HTTP_TLS);
	assert_string_equal(ask.url, "https://login.microsoftonline.com/t-1/"
			    "oauth2/v2.0/token");
	assert_int_equal(ask.form.len, strlen(form));
	assert_memory_equal(ask.form.data, form, strlen(form));
	cmk_secret_wipe(&ask.form);
}

static void test_client_secret_file_is_checked(void **state)
{
	struct cmk_token_ask ask;
	struct cmk_error e;
	char big[5000];

	write_secret("secret", 0640);
	assert_int_equal(ask_entra(&ask, &e), -EPERM);
	assert_non_null(strstr(e.text, "chmod"));
	write_secret("\n", 0600);
	assert_int_equal(ask_entra(&ask, &e), -EINVAL);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	write_secret(big, 0600);
	assert_int_equal(ask_entra(&ask, &e), -EINVAL);
	unlink(path);
	assert_int_equal(ask_entra(&ask, &e), -ENOENT);
	assert_non_null(strstr(e.text, path));
}

static void test_credential_of_systemd(void **state)
{
	struct cmk_token_settings s = {
		.tenant_id = "t", .client_id = "c",
		.client_secret = "credential:cmk-test-secret",
	};
	struct cmk_token_ask ask = { 0 };
	struct cmk_error e = { 0 };

	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(cmk_token_client_secret.ask(&s, cmk_cloud_default(),
						     &ask, &e), -ENOENT);
	assert_non_null(strstr(e.text, "LoadCredential=cmk-test-secret"));
	strcpy(path, "/tmp/cmk-test-secret");
	close(open(path, O_CREAT | O_EXCL, 0600));
	write_secret("x", 0400);
	setenv("CREDENTIALS_DIRECTORY", "/tmp", 1);
	assert_int_equal(cmk_token_client_secret.ask(&s, cmk_cloud_default(),
						     &ask, &e), 0);
	cmk_secret_wipe(&ask.form);
	unlink(path);
}

static void test_settings_are_checked(void **state)
{
	const struct cmk_token_settings good = {
		.tenant_id = "t", .client_id = "c",
		.client_secret = "credential:x",
	};
	int (*check)(const struct cmk_token_settings *s, struct cmk_error *e) =
		cmk_token_client_secret.check;
	struct cmk_token_settings s = good;

	assert_int_equal(check(&s, NULL), 0);
	s.tenant_id = "";
	assert_int_equal(check(&s, NULL), -EINVAL);
	s.tenant_id = "t/../x";
	assert_int_equal(check(&s, NULL), -EINVAL);
	s = good;
	s.client_id = "c&x=y";
	assert_int_equal(check(&s, NULL), -EINVAL);
	s = good;
	s.client_secret = "the secret itself";
	assert_int_equal(check(&s, NULL), -EINVAL);
	s.client_secret = NULL;
	assert_int_equal(check(&s, NULL), -EINVAL);
	s = good;
	s.authority_host = "http://login.example";
	assert_int_equal(check(&s, NULL), -EINVAL);
}

static void test_settings_are_those_of_the_source(void **state)
{
	struct cmk_token_settings s = {
		.auth = "managed-identity", .client_secret = "not for this one",
	};
	struct cmk_error e = { 0 };

	assert_int_equal(cmk_token_check(&s, &e), 0);
	s.auth = "client-secret";
	s.tenant_id = "t";
	s.client_id = "c";
	assert_int_equal(cmk_token_check(&s, &e), -EINVAL);
	assert_int_equal(e.status, CMK_USAGE);
	assert_non_null(strstr(e.text, "ClientSecret="));
	s.auth = "arc";
	assert_int_equal(cmk_token_check(&s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "Auth=arc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life_is_a_number_or_a_string),
		cmocka_unit_test(test_what_is_no_token_is_refused),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_a_token_that_is_no_jwt_has_no_claims),
		cmocka_unit_test(test_what_errors_mean),
		cmocka_unit_test(test_imds_request),
		cmocka_unit_test(test_client_secret_request),
		cmocka_unit_test(test_client_secret_file_is_checked),
		cmocka_unit_test(test_credential_of_systemd),
		cmocka_unit_test(test_settings_are_checked),
		cmocka_unit_test(test_settings_are_those_of_the_source),
	};

	close(mkstemp(path));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
