// SPDX-License-Identifier: GPL-2.0
/*
 * RSA keys: known answers under a fixed key, and key files.
 */
#include "hex.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"
#include "fixed-key.h"

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static struct cmk_rsa *fixed_key(void)
{
	const char *path = path_of("fixed.pem");
	struct cmk_rsa *key = NULL;

	write_file(path, FIXED_PEM, 0600);
	assert_int_equal(cmk_rsa_load_pem(&key, path, NULL), 0);
	unlink(path);
	return key;
}

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/test_crypto_rsa.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static void unwraps_what_another_wrapped(void **state)
{
	__cmk_rsa struct cmk_rsa *key = fixed_key();
	__cmk_secret struct cmk_secret plain = CMK_SECRET_INIT;
	int n;

	assert_int_equal(cmk_rsa_unwrap(key, unhex(FIXED_BLOB), 256, &plain,
					NULL), 0);
	assert_int_equal(plain.len, 64);
	for (n = 0; n < 64; n++)
		assert_int_equal(plain.data[n], 0xa0 + n);
}

static void refuses_a_blob_with_a_flipped_byte(void **state)
{
	__cmk_rsa struct cmk_rsa *key = fixed_key();
	__cmk_secret struct cmk_secret plain = CMK_SECRET_INIT;
	unsigned char blob[256];
	struct cmk_error e;
	int n;

	for (n = 0; n < 256; n += 5) {
		memcpy(blob, unhex(FIXED_BLOB), 256);
		blob[n] ^= 1;
		assert_int_equal(cmk_rsa_unwrap(key, blob, 256, &plain, &e),
				 -EBADMSG);
		assert_string_equal(e.code, "unwrap-failed");
		assert_null(plain.data);
	}
	memcpy(blob, unhex(FIXED_BLOB), 256);
	assert_int_equal(cmk_rsa_unwrap(key, blob, 255, &plain, &e), -EBADMSG);
	assert_int_equal(cmk_rsa_unwrap(key, blob, 0, &plain, &e), -EBADMSG);
}

static void a_jwk_is_the_same_key(void **state)
{
	__cmk_rsa struct cmk_rsa *pair = fixed_key(), *public = NULL;
	unsigned char a[CMK_SHA256_LEN], b[CMK_SHA256_LEN];

	assert_int_equal(cmk_rsa_from_jwk(&public, FIXED_N, FIXED_E, NULL), 0);
	assert_int_equal(cmk_rsa_bits(public), 2048);
	assert_int_equal(cmk_rsa_thumbprint(pair, a), 0);
	assert_int_equal(cmk_rsa_thumbprint(public, b), 0);
	assert_hex(a, sizeof(a), FIXED_THUMBPRINT);
	assert_hex(b, sizeof(b), FIXED_THUMBPRINT);
}

static void the_public_key_wraps_and_does_not_unwrap(void **state)
{
	__cmk_rsa struct cmk_rsa *pair = fixed_key(), *public = NULL;
	__cmk_secret struct cmk_secret plain = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret got = CMK_SECRET_INIT;
	unsigned char blob[CMK_RSA_BLOB_MAX];
	size_t len = 0;

	assert_int_equal(cmk_rsa_from_jwk(&public, FIXED_N, FIXED_E, NULL), 0);
	assert_int_equal(cmk_secret_random(&plain, 96), 0);
	assert_int_equal(cmk_rsa_wrap(public, &plain, blob, &len, NULL), 0);
	assert_int_equal(len, 256);
	assert_int_equal(cmk_rsa_unwrap(public, blob, len, &got, NULL),
			 -EBADMSG);
	assert_int_equal(cmk_rsa_unwrap(pair, blob, len, &got, NULL), 0);
	assert_int_equal(got.len, 96);
	assert_memory_equal(got.data, plain.data, 96);
}

static void refuses_a_malformed_jwk(void **state)
{
	static const char *const bad[][2] = {
		{ "", FIXED_E },
		{ FIXED_N, "" },
		{ "AQAB", FIXED_E },		/* too short */
		{ FIXED_N "AAAA", FIXED_E },	/* even */
		{ FIXED_N "=", FIXED_E },
		{ FIXED_N, "AQ" },		/* 1 */
		{ FIXED_N, "AQAA" },		/* even */
		{ FIXED_N, "AQABAQABAQAB" },	/* 9 bytes */
	};
	struct cmk_rsa *key = NULL;
	struct cmk_error e;
	size_t n;

	for (n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
		assert_true(cmk_rsa_from_jwk(&key, bad[n][0], bad[n][1], &e)
			    < 0);
		assert_string_equal(e.code, "bad-jwk");
		assert_null(key);
	}
}

static void a_stored_key_is_private_and_never_replaced(void **state)
{
	__cmk_rsa struct cmk_rsa *key = NULL, *back = NULL;
	unsigned char a[CMK_SHA256_LEN], b[CMK_SHA256_LEN];
	const char *path = path_of("new.pem");
	struct cmk_error e;
	struct stat st;
	mode_t mask = umask(0);

	assert_int_equal(cmk_rsa_generate(&key, 2048, NULL, NULL), 0);
	assert_int_equal(cmk_rsa_store_pem(key, path, NULL), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(cmk_rsa_load_pem(&back, path, NULL), 0);
	assert_int_equal(cmk_rsa_thumbprint(key, a), 0);
	assert_int_equal(cmk_rsa_thumbprint(back, b), 0);
	assert_memory_equal(a, b, sizeof(a));

	assert_int_equal(cmk_rsa_store_pem(key, path, &e), -EEXIST);
	unlink(path);
	/* remove_folder() fails if a temporary file was left */
}

static void refuses_bad_key_files(void **state)
{
	const char *path = path_of("bad.pem");
	struct cmk_rsa *key = NULL;
	struct cmk_error e;

	assert_int_equal(cmk_rsa_load_pem(&key, path, &e), -ENOENT);
	write_file(path, FIXED_PEM, 0640);
	assert_int_equal(cmk_rsa_load_pem(&key, path, &e), -EPERM);
	assert_string_equal(e.code, "file-mode");
	write_file(path, "", 0600);
	assert_int_equal(cmk_rsa_load_pem(&key, path, &e), -EINVAL);
	write_file(path, "-----BEGIN PRIVATE KEY-----\nAAAA\n", 0600);
	assert_int_equal(cmk_rsa_load_pem(&key, path, &e), -EINVAL);
	unlink(path);
	assert_int_equal(cmk_rsa_load_pem(&key, folder, &e), -EINVAL);
	assert_null(key);
}

static void refuses_other_sizes(void **state)
{
	struct cmk_rsa *key = NULL;

	assert_int_equal(cmk_rsa_generate(&key, 1024, NULL, NULL), -EINVAL);
	assert_null(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwraps_what_another_wrapped),
		cmocka_unit_test(refuses_a_blob_with_a_flipped_byte),
		cmocka_unit_test(a_jwk_is_the_same_key),
		cmocka_unit_test(the_public_key_wraps_and_does_not_unwrap),
		cmocka_unit_test(refuses_a_malformed_jwk),
		cmocka_unit_test(a_stored_key_is_private_and_never_replaced),
		cmocka_unit_test(refuses_bad_key_files),
		cmocka_unit_test(refuses_other_sizes),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
