// SPDX-License-Identifier: GPL-2.0
/* Taking a secret out of JSON: found, unescaped, blanked, refused. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json-secret.h"

struct row {
	const char *text;
	int r;
	const char *value;
};

/*
 * On the heap and without a NUL, so that a sanitizer or valgrind sees a read
 * past the end.
 */
static void check(const struct row *row)
{
	size_t len = strlen(row->text);
	__cmk_secret struct cmk_secret s = CMK_SECRET_INIT;
	char *text = malloc(len ? len : 1);
	json_t *before, *after;
	int r;

	memcpy(text, row->text, len);
	r = cmk_json_take_secret(text, len, "value", &s);
	if (r != row->r)
		fail_msg("%s: %d, not %d", row->text, r, row->r);
	if (r) {
		assert_null(s.data);
		free(text);
		return;
	}
	assert_int_equal(s.len, strlen(row->value));
	assert_memory_equal(s.data, row->value, s.len);
	before = json_loads(row->text, 0, NULL);
	after = json_loadb(text, len, 0, NULL);
	if (!after != !before)
		fail_msg("%.*s is JSON no more", (int)len, text);
	json_object_del(before, "value");
	json_object_del(after, "value");
	assert_true(json_equal(before, after) || !before);
	assert_null(memmem(text, len, row->value, s.len));
	json_decref(before);
	json_decref(after);
	free(text);
}

static void test_found(void **state)
{
	static const struct row rows[] = {
		{ "{\"value\":\"abc\"}", 0, "abc" },
		{ "{\"kid\":\"k\",\"value\":\"abc\"}", 0, "abc" },
		{ " {\n\t\"a\" : [1, {\"value\":\"no\"}, \"]}\"] ,\r\n"
		  "\"value\" : \"abc\", \"z\": null}", 0, "abc" },
		{ "{\"a\":{\"value\":\"no\"},\"value\":\"abc\"}", 0, "abc" },
		{ "{\"a\":\"\\\"value\\\":\\\"no\\\"\",\"value\":\"abc\"}", 0,
		  "abc" },
		{ "{\"a\":\"x\\\\\",\"value\":\"abc\"}", 0, "abc" },
		{ "{\"a\":-1.5e3,\"b\":true,\"value\":\"abc\"}", 0, "abc" },
		{ "{\"value\":\"a\\u002Db\\u005fc\\/\\\\\\\"d\"}", 0,
		  "a-b_c/\\\"d" },
		{ "{\"values\":\"no\",\"valu\":\"no\",\"value\":\"abc\"}", 0,
		  "abc" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

static void test_refused(void **state)
{
	static const struct row rows[] = {
		{ "", -EBADMSG }, { "   ", -EBADMSG }, { "x", -EBADMSG },
		{ "[\"value\"]", -EBADMSG }, { "\"value\"", -EBADMSG },
		{ "<html>\"value\":\"abc\"", -EBADMSG },
		{ "{}", -ENOENT }, { "{\"a\":1}", -ENOENT },
		{ "{\"a\":{\"value\":\"no\"}}", -ENOENT },
		{ "{\"value\":1}", -EINVAL }, { "{\"value\":null}", -EINVAL },
		{ "{\"value\":{\"value\":\"x\"}}", -EINVAL },
		{ "{\"value\":\"\"}", -EBADMSG },
		{ "{\"value\":\"a\\nb\"}", -EBADMSG },
		{ "{\"value\":\"\\u00e9\"}", -EBADMSG },
		{ "{\"value\":\"\\u00\"}", -EBADMSG },
		{ "{\"value\":\"\\u00g1\"}", -EBADMSG },
		{ "{\"a\" \"value\":\"x\"}", -EBADMSG },
		{ "{\"a\":1 2,", -EBADMSG },
		{ "{1:2}", -EBADMSG },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

static void test_every_truncation_is_refused(void **state)
{
	static const char text[] =
		"{\"a\":[{\"b\":\"\\\"\"}],\"value\":\"a\\u0062c\",\"c\":1}";
	const char *end = strstr(text, ",\"c\"");
	size_t len;

	for (len = 0; len < (size_t)(end - text); len++) {
		__cmk_secret struct cmk_secret s = CMK_SECRET_INIT;
		char *part = malloc(len ? len : 1);

		memcpy(part, text, len);
		assert_int_equal(cmk_json_take_secret(part, len, "value", &s),
				 -EBADMSG);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_truncation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
