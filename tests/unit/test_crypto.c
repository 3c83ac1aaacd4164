// SPDX-License-Identifier: GPL-2.0
/*
 * Known answers: RFC 4231 (HMAC), RFC 5869 (HKDF), test case 16 of the GCM
 * specification; and what must be refused.
 */
#include "hex.h"

#include <errno.h>

#include "crypto.h"

static struct cmk_bytes bytes(const char *hex)
{
	struct cmk_bytes b = { unhex(hex), strlen(hex) / 2 };

	return b;
}

static void sha256_of_abc(void **state)
{
	const struct cmk_bytes parts[] = { { "a", 1 }, { "", 0 }, { "bc", 2 } };
	static const char *want =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	unsigned char got[CMK_SHA256_LEN];

	assert_int_equal(cmk_sha256("abc", 3, got), 0);
	assert_hex(got, sizeof(got), want);
	assert_int_equal(cmk_sha256v(parts, 3, got), 0);
	assert_hex(got, sizeof(got), want);
}

static void hmac_of_rfc4231_case_2(void **state)
{
	const struct cmk_bytes parts[] = {
		{ "what do ya want ", 16 }, { "for nothing?", 12 }
	};
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	unsigned char got[CMK_SHA256_LEN];

	secret_from_hex(&key, "4a656665");
	assert_int_equal(cmk_hmac_sha256v(&key, parts, 2, got), 0);
	assert_hex(got, sizeof(got),
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static const struct hkdf_vector {
	const char *ikm, *salt, *info, *okm;
} rfc5869[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	  "34007208d5b887185865" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	  "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	  "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	  "9d201395faa4b61a96c8" },
};

static void hkdf_of_rfc5869(void **state)
{
	const struct hkdf_vector *v;

	for (v = rfc5869; v < rfc5869 + 3; v++) {
		__cmk_secret struct cmk_secret ikm = CMK_SECRET_INIT;
		__cmk_secret struct cmk_secret okm = CMK_SECRET_INIT;

		secret_from_hex(&ikm, v->ikm);
		assert_int_equal(cmk_hkdf_sha256(&ikm, bytes(v->salt),
						 bytes(v->info),
						 strlen(v->okm) / 2, &okm), 0);
		assert_hex(okm.data, okm.len, v->okm);
	}
}

/* The plain text and the cipher text of test case 16. */
#define GCM_PLAIN \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_CIPHER \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

/* Opens test case 16 with bit 0 of one byte of one argument flipped. */
static int open_case_16(char what, size_t byte, struct cmk_secret *ret)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	struct cmk_bytes aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
	struct cmk_bytes cipher = bytes(GCM_CIPHER);
	struct cmk_bytes nonce = bytes("cafebabefacedbaddecaf888");
	struct cmk_bytes tag = bytes("76fc6ece0f4e1768cddf8853bb2d551b");
	unsigned char *p = NULL;

	secret_from_hex(&key,
			"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
	switch (what) {
	case 'k':
		p = key.data;
		break;
	case 'a':
		p = (unsigned char *)aad.data;
		break;
	case 'c':
		p = (unsigned char *)cipher.data;
		break;
	case 'n':
		p = (unsigned char *)nonce.data;
		break;
	case 't':
		p = (unsigned char *)tag.data;
		break;
	}
	if (p)
		p[byte] ^= 1;
	return cmk_gcm_open(&key, aad, nonce.data, cipher, tag.data, ret);
}

static void gcm_opens_case_16(void **state)
{
	__cmk_secret struct cmk_secret plain = CMK_SECRET_INIT;

	assert_int_equal(open_case_16(0, 0, &plain), 0);
	assert_hex(plain.data, plain.len, GCM_PLAIN);
}

static void gcm_refuses_each_flipped_byte(void **state)
{
	static const struct {
		char what;
		size_t len;
	} args[] = { { 'k', 32 }, { 'a', 20 }, { 'c', 60 }, { 'n', 12 },
		     { 't', 16 } };
	__cmk_secret struct cmk_secret plain = CMK_SECRET_INIT;
	size_t i, n;

	for (i = 0; i < 5; i++) {
		for (n = 0; n < args[i].len; n++) {
			assert_int_equal(open_case_16(args[i].what, n, &plain),
					 -EBADMSG);
			assert_null(plain.data);
		}
	}
}

static void gcm_seals_what_it_opens_under_a_new_nonce_each_time(void **state)
{
	const struct cmk_bytes aad = { "volume", 6 };
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret got = CMK_SECRET_INIT;
	unsigned char nonce[2][CMK_GCM_NONCE_LEN], sealed[2][64];
	unsigned char tag[CMK_GCM_TAG_LEN];
	struct cmk_bytes cipher = { NULL, 64 };
	int i;

	assert_int_equal(cmk_secret_random(&key, CMK_GCM_KEY_LEN), 0);
	assert_int_equal(cmk_secret_random(&dek, 64), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(cmk_gcm_seal(&key, aad, &dek, nonce[i],
					      sealed[i], tag), 0);
		assert_memory_not_equal(sealed[i], dek.data, 64);
		cipher.data = sealed[i];
		assert_int_equal(cmk_gcm_open(&key, aad, nonce[i], cipher, tag,
					      &got), 0);
		assert_int_equal(got.len, 64);
		assert_memory_equal(got.data, dek.data, 64);
	}
	assert_memory_not_equal(nonce[0], nonce[1], CMK_GCM_NONCE_LEN);
	assert_memory_not_equal(sealed[0], sealed[1], 64);
}

static void gcm_wants_a_key_of_32_bytes(void **state)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	unsigned char buf[64];

	assert_int_equal(cmk_secret_random(&key, 16), 0);
	assert_int_equal(cmk_gcm_seal(&key, bytes(""), &key, buf, buf, buf),
			 -EINVAL);
}

static void base64url_of_rfc4648(void **state)
{
	static const char *const texts[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg",
					     "Zm9vYmE", "Zm9vYmFy" };
	unsigned char back[8];
	char text[16];
	size_t n;

	for (n = 0; n <= 6; n++) {
		cmk_base64url_encode("foobar", n, text);
		assert_string_equal(text, texts[n]);
		assert_int_equal(cmk_base64url_decode(text, strlen(text), back,
						      n), n);
		assert_memory_equal(back, "foobar", n);
	}
	cmk_base64url_encode(unhex("fbeffe"), 3, text);
	assert_string_equal(text, "--_-");
}

static void base64url_has_each_byte(void **state)
{
	__cmk_secret struct cmk_secret s = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret text = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret back = CMK_SECRET_INIT;
	size_t n;

	assert_int_equal(cmk_secret_alloc(&s, 256), 0);
	for (n = 0; n < 256; n++)
		s.data[n] = n;
	assert_int_equal(cmk_base64url_encode_secret(&s, &text), 0);
	assert_int_equal(text.len, CMK_BASE64URL_LEN(256));
	assert_int_equal(cmk_base64url_decode_secret((char *)text.data,
						     text.len, &back), 0);
	assert_int_equal(back.len, 256);
	assert_memory_equal(back.data, s.data, 256);
}

/* One spelling only: no padding, no plain base64, no stray bits. */
static void base64url_refuses_other_spellings(void **state)
{
	static const char *const bad[] = { "Z", "Zg==", "Zm8=", "Zh", "Zm9",
					   "+v7+", "/v7/", "Zm9v\n", " Zm9",
					   "Zm9vZ", "Z\x80z9" };
	unsigned char buf[16];
	size_t n;

	for (n = 0; n < sizeof(bad) / sizeof(*bad); n++)
		assert_int_equal(cmk_base64url_decode(bad[n], strlen(bad[n]),
						      buf, sizeof(buf)),
				 -EINVAL);
	assert_int_equal(cmk_base64url_decode("Zm9v", 4, buf, 2), -ENOSPC);
	/* each character that is none of the 64 */
	for (n = 0; n < 256; n++) {
		char text[4] = { 'A', n, 'A', 'A' };
		bool ok = n && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-_", n);

		assert_int_equal(cmk_base64url_decode(text, 4, buf, 3),
				 ok ? 3 : -EINVAL);
	}
}

static void equal_tells_equal_from_other(void **state)
{
	assert_true(cmk_equal("abc", "abc", 3));
	assert_false(cmk_equal("abc", "abd", 3));
	assert_true(cmk_equal("abc", "abd", 2));
}

static void errors_are_printable(void **state)
{
	struct cmk_error e;

	assert_int_equal(cmk_error_set(&e, CMK_TEMPORARY, -EIO, "a\x1b" "b",
				       "kid %s", "x\x1b[2J\xc3\xa4\n"), -EIO);
	assert_string_equal(e.code, "a?b");
	assert_string_equal(e.text, "kid x?[2J???");
	assert_int_equal(e.status, CMK_TEMPORARY);
	assert_int_equal(cmk_error_set(NULL, CMK_FAILED, -EPERM, "", "x"),
			 -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_of_abc),
		cmocka_unit_test(hmac_of_rfc4231_case_2),
		cmocka_unit_test(hkdf_of_rfc5869),
		cmocka_unit_test(gcm_opens_case_16),
		cmocka_unit_test(gcm_refuses_each_flipped_byte),
		cmocka_unit_test(
			gcm_seals_what_it_opens_under_a_new_nonce_each_time),
		cmocka_unit_test(gcm_wants_a_key_of_32_bytes),
		cmocka_unit_test(base64url_of_rfc4648),
		cmocka_unit_test(base64url_has_each_byte),
		cmocka_unit_test(base64url_refuses_other_spellings),
		cmocka_unit_test(equal_tells_equal_from_other),
		cmocka_unit_test(errors_are_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
