// SPDX-License-Identifier: GPL-2.0
/*
 * The sealed transport against answers that were computed by other programs:
 * the curve in Python's integers, the digest by hashlib, the message by
 * another library's AES-GCM.  The kernel's side of it is in
 * tests/kernel/a-key-travels-sealed.bats.
 */
#include "hex.h"

#include <errno.h>

#include "seal.h"

#define EPOCH	0x0123456789abcdefULL

/* Private keys: SHA-256 of "kernel" and of "agent". */
static const char z_hex[] =
	"6bd0c775ad31e04085facbd9e102527c8b24078a1da0e815965e659c726e281d";
static const char kernel_hex[] =
	"4088c22d3722c58ae9a07c4041eb52dd4d9733e82f7656afbb06841cd2259ebc"
	"6d260b4e0492b3b2e475b8cca756d9a64c0db86fa6fa7b8802806394caac858a";
static const char agent_hex[] =
	"940e0eabc343a9e7fa4be2fff5c7f316a89c9975c23ce8d28252c6bae770163f"
	"e7b2be3d865154911cb965a7c5f7d58aaecdd04324e10ddc1877c7feceb740c2";
static const char key_hex[] =
	"fa94dae372c6a81ca42c4ff3c2bc70739719b2f21b29a6c6e934168bd48e5ed6";
/* The DEK 00 01 ... 3f, message 7, for the place below. */
static const char sealed_hex[] =
	"2bf231592529371f1bdff8727a710d5c2fca08e094b588e99115ce707e3a0cd2"
	"51e33a6fc860e908a064d1c363d8cb93a4bcf957ba2fe90c1bdc265fafe51db9"
	"d0b34e1f5baa99c997fcfd60defe7ee8";
static const unsigned char uuid[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};
static const struct cmk_seal_place place = {
	.cmd = CMK_CMD_KEY_SET, .uuid = uuid, .range = 0x01020304,
	.generation = 0x05060708,
};

static void a_session_key_is_derived(void **state)
{
	__cmk_secret struct cmk_secret z = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;

	secret_from_hex(&z, z_hex);
	assert_int_equal(cmk_seal_derive(&z, EPOCH, unhex(kernel_hex),
					 unhex(agent_hex), &key), 0);
	assert_hex(key.data, key.len, key_hex);
}

static void a_message_is_sealed(void **state)
{
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	unsigned char data[CMK_DEK_LEN + CMK_SEAL_TAG_LEN];
	struct cmk_seal seal = { .epoch = EPOCH, .counter = 6 };
	unsigned int i;

	assert_int_equal(cmk_secret_alloc(&dek, CMK_DEK_LEN), 0);
	for (i = 0; i < CMK_DEK_LEN; i++)
		dek.data[i] = i;
	secret_from_hex(&seal.key, key_hex);
	assert_int_equal(cmk_seal_message(&seal, &place, &dek, data), 0);
	assert_hex(data, sizeof(data), sealed_hex);
	assert_int_equal(seal.counter, 7);
	assert_int_equal(cmk_seal_message(&seal, &place, &dek, data), 0);
	assert_int_equal(seal.counter, 8);
	assert_memory_not_equal(data, unhex(sealed_hex), sizeof(data));
	cmk_seal_end(&seal);
	assert_null(seal.key.data);
	assert_int_equal(cmk_seal_message(&seal, &place, &dek, data), -ESTALE);
}

static void both_sides_agree(void **state)
{
	__cmk_secret struct cmk_secret z = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	unsigned char public[CMK_PUBLIC_KEY_LEN];
	struct cmk_seal seal = { 0 };
	struct cmk_ecdh *kernel;

	assert_int_equal(cmk_ecdh_new(&kernel, public), 0);
	assert_int_equal(cmk_seal_begin(&seal), 0);
	assert_int_equal(cmk_ecdh_derive(kernel, seal.public, &z), 0);
	assert_int_equal(cmk_seal_derive(&z, EPOCH, public, seal.public,
					 &key), 0);
	assert_int_equal(cmk_seal_agree(&seal, EPOCH, public), 0);
	assert_null(seal.pair);
	assert_int_equal(seal.key.len, key.len);
	assert_memory_equal(seal.key.data, key.data, key.len);
	cmk_ecdh_free(kernel);
	cmk_seal_end(&seal);
}

static void each_session_is_another(void **state)
{
	unsigned char first[CMK_PUBLIC_KEY_LEN];
	struct cmk_seal seal = { 0 };

	assert_int_equal(cmk_seal_begin(&seal), 0);
	memcpy(first, seal.public, sizeof(first));
	assert_int_equal(cmk_seal_begin(&seal), 0);
	assert_memory_not_equal(first, seal.public, sizeof(first));
	cmk_seal_end(&seal);
}

static void no_point_of_the_curve(void **state)
{
	unsigned char peer[CMK_PUBLIC_KEY_LEN] = { 0 };
	struct cmk_seal seal = { 0 };

	assert_int_equal(cmk_seal_agree(&seal, EPOCH, unhex(kernel_hex)),
			 -EINVAL);
	assert_int_equal(cmk_seal_begin(&seal), 0);
	assert_int_equal(cmk_seal_agree(&seal, EPOCH, peer), -EINVAL);
	assert_null(seal.key.data);
	assert_null(seal.pair);
	assert_int_equal(cmk_seal_begin(&seal), 0);
	memcpy(peer, unhex(kernel_hex), sizeof(peer));
	peer[63] ^= 1;
	assert_int_equal(cmk_seal_agree(&seal, EPOCH, peer), -EINVAL);
	assert_int_equal(cmk_seal_begin(&seal), 0);
	memset(peer, 0xff, sizeof(peer));
	assert_int_equal(cmk_seal_agree(&seal, EPOCH, peer), -EINVAL);
	assert_null(seal.key.data);
	cmk_seal_end(&seal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_key_is_derived),
		cmocka_unit_test(a_message_is_sealed),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(each_session_is_another),
		cmocka_unit_test(no_point_of_the_curve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
