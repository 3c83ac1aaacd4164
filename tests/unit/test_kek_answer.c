// SPDX-License-Identifier: GPL-2.0
/*
 * What Key Vault's answers mean: each answer that its API describes, each way
 * in which an answer is not the vault's own, and the words for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "kek-azure-text.h"

#define ERR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define NULLED(code) \
	"{\"error\":{\"code\":\"" code "\",\"message\":\"m\"," \
	"\"innererror\":null}}"
#define INNER(code, inner) \
	"{\"error\":{\"code\":\"" code "\",\"message\":\"m\"," \
	"\"innererror\":{\"code\":\"" inner "\"}}}"
#define HTML	"<!DOCTYPE html><html><body>Runtime Error</body></html>"

struct row {
	int status;
	bool json;
	const char *body;
	enum cmk_answer answer;
	enum cmk_kek_again again;
};

static void check(const struct row *row)
{
	struct cmk_azure_reply reply;
	enum cmk_kek_again again;
	enum cmk_answer answer;

	cmk_azure_read(&reply, row->status, row->json, row->body,
		       strlen(row->body));
	answer = cmk_azure_classify(&reply, &again);
	if (answer != row->answer || again != row->again)
		fail_msg("%d %s: %s, again %d", row->status, row->body,
			 cmk_answer_name(answer), again);
}

static void check_all(const struct row *rows, size_t n)
{
	while (n--)
		check(rows++);
}

#define CHECK(rows) check_all(rows, sizeof(rows) / sizeof(rows[0]))

static void test_answers_of_the_service(void **state)
{
	static const struct row rows[] = {
		{ 401, true, ERR("Unauthorized"), CMK_UNAUTHENTICATED,
		  CMK_AGAIN_TOKEN },
		{ 401, true, "", CMK_UNAUTHENTICATED, CMK_AGAIN_TOKEN },
		{ 401, false, "", CMK_UNAUTHENTICATED, CMK_AGAIN_TOKEN },
		{ 404, true, ERR("KeyNotFound"), CMK_DENIED_DELETED, 0 },
		{ 404, true, NULLED("KeyNotFound"), CMK_DENIED_DELETED, 0 },
		{ 403, true, INNER("Forbidden", "KeyDisabled"),
		  CMK_DENIED_DISABLED, 0 },
		{ 403, true, INNER("Forbidden", "KeyOperationForbidden"),
		  CMK_DENIED_PERMISSION, 0 },
		{ 403, true, INNER("Forbidden", "ForbiddenByPolicy"),
		  CMK_DENIED_PERMISSION, 0 },
		{ 403, true, INNER("Forbidden", "ForbiddenByRbac"),
		  CMK_DENIED_PERMISSION, 0 },
		{ 403, true, INNER("Forbidden", "AccessDenied"),
		  CMK_DENIED_PERMISSION, 0 },
		{ 403, true, INNER("Forbidden", "ForbiddenByFirewall"),
		  CMK_NETWORK_DENIED, 0 },
		{ 403, true, INNER("Forbidden", "ForbiddenByConnection"),
		  CMK_NETWORK_DENIED, 0 },
		/* nbf in the future, purge protection: no inner code known */
		{ 403, true, ERR("Forbidden"), CMK_UNKNOWN, 0 },
		{ 403, true, NULLED("Forbidden"), CMK_UNKNOWN, 0 },
		{ 409, true,
		  INNER("Conflict", "ObjectIsDeletedButRecoverable"),
		  CMK_UNKNOWN, CMK_AGAIN_LATER },
		{ 409, true, INNER("Conflict", "ObjectIsBeingDeleted"),
		  CMK_UNKNOWN, CMK_AGAIN_LATER },
		{ 409, true, ERR("Conflict"), CMK_UNKNOWN, CMK_AGAIN_LATER },
		{ 400, true, ERR("BadParameter"), CMK_UNKNOWN, 0 },
		{ 400, true, ERR("NotSupported"), CMK_UNKNOWN, 0 },
		{ 429, true, ERR("Throttled"), CMK_UNKNOWN, CMK_AGAIN_LATER },
		{ 408, true, "", CMK_UNKNOWN, CMK_AGAIN_LATER },
		{ 500, true, ERR("InternalError"), CMK_UNKNOWN,
		  CMK_AGAIN_LATER },
		{ 503, false, "", CMK_UNKNOWN, CMK_AGAIN_LATER },
	};

	CHECK(rows);
}

static void test_no_denial_without_the_services_own_words(void **state)
{
	static const struct row rows[] = {
		{ 404, false, HTML, CMK_UNKNOWN, 0 },
		{ 404, true, HTML, CMK_UNKNOWN, 0 },
		{ 404, true, "", CMK_UNKNOWN, 0 },
		{ 404, true, ERR("NotFound"), CMK_UNKNOWN, 0 },
		{ 404, true, ERR("KeyNotFoundX"), CMK_UNKNOWN, 0 },
		{ 404, true, ERR("keynotfound"), CMK_UNKNOWN, 0 },
		{ 404, false, ERR("KeyNotFound"), CMK_UNKNOWN, 0 },
		{ 404, true, "{\"code\":\"KeyNotFound\"}", CMK_UNKNOWN, 0 },
		{ 404, true, "{\"error\":\"KeyNotFound\"}", CMK_UNKNOWN, 0 },
		{ 404, true, "[" ERR("KeyNotFound") "]", CMK_UNKNOWN, 0 },
		{ 404, true, ERR("KeyNotFound") "x", CMK_UNKNOWN, 0 },
		{ 404, true, INNER("NotFound", "KeyNotFound"), CMK_UNKNOWN,
		  0 },
		{ 404, true, "{\"error\":{\"code\":\"KeyNotFound\","
		  "\"code\":\"KeyNotFound\"}}", CMK_UNKNOWN, 0 },
		{ 404, true, "{\"error\":{\"code\":404}}", CMK_UNKNOWN, 0 },
		{ 403, false, HTML, CMK_UNKNOWN, 0 },
		{ 403, true, "", CMK_UNKNOWN, 0 },
		{ 403, true, INNER("Forbidden", "Unheard"), CMK_UNKNOWN, 0 },
		{ 403, true, INNER("Conflict", "KeyDisabled"), CMK_UNKNOWN,
		  0 },
		{ 403, true, ERR("KeyDisabled"), CMK_UNKNOWN, 0 },
		{ 403, true, ERR("KeyNotFound"), CMK_UNKNOWN, 0 },
		{ 403, true, "{\"error\":{\"code\":\"Forbidden\","
		  "\"innererror\":\"KeyDisabled\"}}", CMK_UNKNOWN, 0 },
		{ 401, false, HTML, CMK_UNKNOWN, 0 },
		{ 400, true, HTML, CMK_UNKNOWN, 0 },
	};

	CHECK(rows);
}

/* A code is worth something under its own status only. */
static void test_no_denial_under_any_other_status(void **state)
{
	static const char *const bodies[] = {
		ERR("KeyNotFound"), INNER("Forbidden", "KeyDisabled"),
		INNER("Forbidden", "ForbiddenByPolicy"), "", HTML,
	};
	struct cmk_azure_reply reply;
	enum cmk_kek_again again;
	int status;
	size_t i;

	for (status = 100; status < 600; status++) {
		for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
			enum cmk_answer a;

			if (status == 403 || status == 404)
				continue;
			cmk_azure_read(&reply, status, true, bodies[i],
				       strlen(bodies[i]));
			a = cmk_azure_classify(&reply, &again);
			assert_false(cmk_answer_is_denial(a));
			assert_int_not_equal(a, CMK_NETWORK_DENIED);
			assert_int_not_equal(a, CMK_USABLE);
		}
	}
}

static void test_every_truncation_is_unknown(void **state)
{
	static const char body[] = INNER("Forbidden", "KeyDisabled");
	struct row row = { 403, true, NULL, CMK_UNKNOWN, 0 };
	char part[sizeof(body)];
	size_t len;

	for (len = 0; len < sizeof(body) - 1; len++) {
		snprintf(part, sizeof(part), "%.*s", (int)len, body);
		row.body = part;
		check(&row);
	}
}

#define KID	"https://kv.vault.azure.net/keys/pg/0a"

static void set_up(struct cmk_kek_op *op, enum cmk_kek_verb verb)
{
	memset(op, 0, sizeof(*op));
	op->verb = verb;
	strcpy(op->uri, KID);
	assert_int_equal(cmk_kek_uri_parse(&op->key, op->uri), 0);
}

static const char *take(struct cmk_kek_op *op, const char *text)
{
	char body[2048];

	snprintf(body, sizeof(body), "%s", text);
	return cmk_azure_take(op, body, strlen(body));
}

static void test_unwrapped_value(void **state)
{
	struct cmk_kek_op op;

	set_up(&op, CMK_KEK_UNWRAP);
	assert_null(take(&op, "{\"kid\":\"" KID "\",\"value\":\"AQID\"}"));
	assert_int_equal(op.res.plain.len, 3);
	assert_memory_equal(op.res.plain.data, "\1\2\3", 3);
	assert_string_equal(op.res.kid, KID);
	cmk_secret_wipe(&op.res.plain);
}

static void test_unwrapped_value_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "{}", HTML, "{\"kid\":\"" KID "\"}",
		"{\"value\":\"AQID\"}",
		"{\"kid\":\"" KID "\",\"value\":\"AQID\"",
		"{\"kid\":\"" KID "\",\"value\":\"AQID",
		"{\"kid\":\"" KID "\",\"value\":\"AQI=\"}",
		"{\"kid\":\"" KID "\",\"value\":\"A\"}",
		"{\"kid\":\"" KID "\",\"value\":\"\"}",
		"{\"kid\":\"" KID "\",\"value\":\"AQID\",\"value\":\"AQID\"}",
		"{\"kid\":\"" KID "b\",\"value\":\"AQID\"}",
		"{\"kid\":\"https://kv.vault.azure.net/keys/pg\","
		"\"value\":\"AQID\"}",
		"{\"kid\":\"https://kv.vault.azure.net/keys/p/0a\","
		"\"value\":\"AQID\"}",
		"{\"kid\":\"https://k.vault.azure.net/keys/pg/0a\","
		"\"value\":\"AQID\"}",
	};
	struct cmk_kek_op op;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_up(&op, CMK_KEK_UNWRAP);
		if (!take(&op, bad[i]))
			fail_msg("accepted: %s", bad[i]);
		assert_null(op.res.plain.data);
	}
}

static void test_wrapped_value(void **state)
{
	struct cmk_kek_op op;
	char text[2048];

	set_up(&op, CMK_KEK_WRAP);
	op.key.version[0] = '\0';
	assert_null(take(&op, "{\"value\":\"AQID\",\"kid\":\"" KID "\"}"));
	assert_int_equal(op.res.blob_len, 3);
	assert_string_equal(op.res.kid, KID);
	assert_non_null(take(&op, "{\"value\":3,\"kid\":\"" KID "\"}"));
	assert_non_null(take(&op, "{\"value\":\"\",\"kid\":\"" KID "\"}"));
	snprintf(text, sizeof(text), "{\"value\":\"%01368d\",\"kid\":\"" KID
		 "\"}", 0);
	assert_non_null(take(&op, text));
}

#define PUBLIC	"\"kty\":\"RSA-HSM\",\"e\":\"AQAB\",\"n\":" \
	"\"4hGTA-MgHNy7Gvto-Cv1MpIBWikicOqdI6A0fPoGaZU63jxBCs3-r5V5RN2eC_5bd" \
	"hYeoCcNZKiDi5ABPseUdCM7-b6k3uH6v2lh37pRkXXBLVOTP5V3wrHKHl-mzuaXFXN1" \
	"SYiBgaDCN29jH9Eg4TiK1Mdq1mpTUAuaKQQYFEg5wBsAIsSMwoa8AkVDkVfyXOcsU4R" \
	"c7ygZ1nn4INik-9hZff_nX0Fr0Zc4eumuanaMx9zSb4_YKdStqoJrsnpxvbco-zA0fs" \
	"B19OPVpTEScJ2ysD5xpIyIwhgXQ4YE8U1KY7f_W-qZJ6zn3baFjNR81_5maRemiVnhq" \
	"PoFE0wlKQ\""

static void test_attributes(void **state)
{
	static const unsigned char none[32];
	struct cmk_kek_op op;

	set_up(&op, CMK_KEK_GET);
	assert_null(take(&op, "{\"key\":{\"kid\":\"" KID "\"," PUBLIC "},"
			 "\"attributes\":{\"enabled\":false,"
			 "\"nbf\":32503680000,\"exp\":32535216000,"
			 "\"recoveryLevel\":\"CustomizedRecoverable\","
			 "\"recoverableDays\":7,\"exportable\":true}}"));
	assert_false(op.res.enabled);
	assert_true(op.res.nbf == 32503680000 && op.res.exp == 32535216000);
	assert_true(op.res.purge_protected && op.res.exportable);
	assert_int_equal(op.res.recoverable_days, 7);
	assert_int_equal(op.res.bits, 2048);
	assert_string_equal(op.res.kty, "RSA-HSM");
	assert_memory_not_equal(op.res.thumbprint, none, 32);

	set_up(&op, CMK_KEK_GET);
	assert_null(take(&op, "{\"key\":{\"kid\":\"" KID "\",\"kty\":\"oct\"},"
			 "\"attributes\":{\"enabled\":true,"
			 "\"recoveryLevel\":\"Recoverable\\u002BPurgeable\"}}"));
	assert_true(op.res.enabled);
	assert_false(op.res.purge_protected || op.res.exp || op.res.bits);

	assert_non_null(take(&op, "{\"key\":{\"kid\":\"" KID "\"," PUBLIC
			     "},\"attributes\":{}}"));
	assert_non_null(take(&op, "{\"attributes\":{\"enabled\":true}}"));
	assert_non_null(take(&op, "{\"key\":{\"kid\":\"" KID "\",\"kty\":"
			     "\"RSA\",\"n\":\"AQ\",\"e\":\"\"},"
			     "\"attributes\":{\"enabled\":true}}"));
}

/* @parts: each must be in the message about this answer to @verb. */
static void check_text(enum cmk_kek_verb verb, int status, const char *body,
		       enum cmk_status exit, const char *const *parts)
{
	struct cmk_azure_reply reply;
	enum cmk_kek_again again;
	struct cmk_kek_op op;

	set_up(&op, verb);
	strcpy(op.res.oid, "OID");
	cmk_azure_read(&reply, status, true, body, strlen(body));
	op.res.answer = cmk_azure_classify(&reply, &again);
	cmk_azure_explain(&op, &reply, "192.0.2.1", "addr=192.0.2.9");
	assert_int_equal(op.res.error.status, exit);
	assert_int_equal(op.res.error.http, status);
	for (; *parts; parts++)
		if (!strstr(op.res.error.text, *parts))
			fail_msg("no '%s' in: %s", *parts, op.res.error.text);
}

#define TEXT(verb, status, body, exit, ...) \
	check_text(verb, status, body, exit, \
		   (const char *const []){ KID, "kv.vault.azure.net", \
					   "192.0.2.1", #status, \
					   __VA_ARGS__, NULL })

static void test_messages_say_what_and_what_next(void **state)
{
	TEXT(CMK_KEK_UNWRAP, 403, INNER("Forbidden", "ForbiddenByRbac"),
	     CMK_DENIED, "Forbidden/ForbiddenByRbac", "oid OID",
	     "keys/unwrapKey", "10 minutes");
	TEXT(CMK_KEK_WRAP, 403, INNER("Forbidden", "ForbiddenByPolicy"),
	     CMK_DENIED, "oid OID", "keys/wrapKey");
	TEXT(CMK_KEK_GET, 403, INNER("Forbidden", "AccessDenied"), CMK_DENIED,
	     "oid OID", "keys/get");
	TEXT(CMK_KEK_UNWRAP, 403, INNER("Forbidden", "KeyOperationForbidden"),
	     CMK_DENIED, "key_ops lack unwrapKey");
	TEXT(CMK_KEK_UNWRAP, 403, INNER("Forbidden", "KeyDisabled"),
	     CMK_DENIED, "enable it");
	TEXT(CMK_KEK_UNWRAP, 404, ERR("KeyNotFound"), CMK_DENIED, "recover");
	TEXT(CMK_KEK_UNWRAP, 403, INNER("Forbidden", "ForbiddenByFirewall"),
	     CMK_TEMPORARY, "firewall", "192.0.2.9");
	TEXT(CMK_KEK_UNWRAP, 401, ERR("Unauthorized"), CMK_TEMPORARY,
	     "TenantId=");
	TEXT(CMK_KEK_UNWRAP, 429, ERR("Throttled"), CMK_TEMPORARY,
	     "throttled");
	TEXT(CMK_KEK_UNWRAP, 503, "", CMK_TEMPORARY, "outage");
	TEXT(CMK_KEK_UNWRAP, 400, ERR("BadParameter"), CMK_FAILED, "damaged");
	TEXT(CMK_KEK_GET, 302, "", CMK_FAILED, "redirect");
	TEXT(CMK_KEK_GET, 404, HTML, CMK_FAILED, "no answer of a Key Vault");
}

static void test_a_message_of_any_length_fits(void **state)
{
	static const char *const none[] = { NULL };
	char body[4096];

	snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%01000d\","
		 "\"message\":\"%01000d\\u0001\\n\",\"innererror\":"
		 "{\"code\":\"%01000d\"}}}", 0, 0, 0);
	check_text(CMK_KEK_GET, 410, body, CMK_FAILED, none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_of_the_service),
		cmocka_unit_test(test_no_denial_without_the_services_own_words),
		cmocka_unit_test(test_no_denial_under_any_other_status),
		cmocka_unit_test(test_every_truncation_is_unknown),
		cmocka_unit_test(test_unwrapped_value),
		cmocka_unit_test(test_unwrapped_value_is_refused),
		cmocka_unit_test(test_wrapped_value),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_messages_say_what_and_what_next),
		cmocka_unit_test(test_a_message_of_any_length_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
