// SPDX-License-Identifier: GPL-2.0
/*
 * Translation between JSON Web Keys, the store's text form and key material.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

#include "jwk.h"
#include "util.h"

static void bn_freep(BIGNUM **bn)
{
	BN_clear_free(*bn);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static int add_number(json_t *jwk, const char *member, const EVP_PKEY *pkey,
		      const char *param, bool leading_zero)
{
	_cleanup_(bn_freep) BIGNUM *bn = NULL;
	_cleanup_(freep) unsigned char *raw = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t len;

	if (EVP_PKEY_get_bn_param(pkey, param, &bn) != 1)
		return -EIO;
	len = BN_num_bytes(bn) + leading_zero;
	raw = malloc(len);
	if (!raw || BN_bn2binpad(bn, raw, len) < 0)
		return -ENOMEM;
	text = b64url_encode(raw, len);
	if (!text || json_object_set_new(jwk, member, json_string(text)))
		return -ENOMEM;
	return 0;
}

int jwk_add_public(json_t *jwk, const struct keymat *km, bool imported)
{
	int ret;

	if (!km->pkey)
		return 0;
	ret = add_number(jwk, "n", km->pkey, OSSL_PKEY_PARAM_RSA_N, imported);
	if (ret)
		return ret;
	return add_number(jwk, "e", km->pkey, OSSL_PKEY_PARAM_RSA_E, false);
}

static const struct member {
	const char *name;
	const char *param;
	bool required;
} members[] = {
	{ "n", OSSL_PKEY_PARAM_RSA_N, true },
	{ "e", OSSL_PKEY_PARAM_RSA_E, true },
	{ "d", OSSL_PKEY_PARAM_RSA_D, true },
	{ "p", OSSL_PKEY_PARAM_RSA_FACTOR1, false },
	{ "q", OSSL_PKEY_PARAM_RSA_FACTOR2, false },
	{ "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, false },
	{ "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, false },
	{ "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, false },
};

static int get_number(const json_t *jwk, const struct member *m, BIGNUM **ret)
{
	const char *text = json_string_value(json_object_get(jwk, m->name));
	unsigned char *raw = NULL;
	ssize_t len;

	if (!text)
		return m->required ? -EINVAL : 0;
	len = b64url_decode(text, &raw);
	if (len <= 0) {
		free(raw);
		return -EINVAL;
	}
	*ret = BN_bin2bn(raw, len, NULL);
	crypto_free(raw, len);
	return *ret ? 0 : -ENOMEM;
}

static EVP_PKEY *rsa_from_numbers(BIGNUM **bn)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	size_t i;

	for (i = 0; bld && i < ARRAY_SIZE(members); i++) {
		if (bn[i])
			OSSL_PARAM_BLD_push_BN(bld, members[i].param, bn[i]);
	}
	if (bld)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool rsa_is_sound(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	int bits = EVP_PKEY_get_bits(pkey);
	bool ok = ctx && EVP_PKEY_pairwise_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok && (bits == 2048 || bits == 3072 || bits == 4096);
}

static int import_rsa(const json_t *jwk, struct keymat *km)
{
	BIGNUM *bn[ARRAY_SIZE(members)] = { NULL };
	EVP_PKEY *pkey = NULL;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < ARRAY_SIZE(members); i++)
		ret = get_number(jwk, &members[i], &bn[i]);
	if (!ret)
		pkey = rsa_from_numbers(bn);
	for (i = 0; i < ARRAY_SIZE(members); i++)
		BN_clear_free(bn[i]);
	if (!pkey || !rsa_is_sound(pkey)) {
		EVP_PKEY_free(pkey);
		return -EINVAL;
	}
	km->pkey = pkey;
	return 0;
}

static int import_oct(const char *text, struct keymat *km)
{
	unsigned char *raw = NULL;
	ssize_t len = text ? b64url_decode(text, &raw) : -EINVAL;

	if (len != 16 && len != 24 && len != 32) {
		free(raw);
		return -EINVAL;
	}
	memcpy(km->oct, raw, len);
	km->oct_len = len;
	crypto_free(raw, len);
	return 0;
}

int jwk_import(const json_t *jwk, struct keymat *km)
{
	const char *kty = json_string_value(json_object_get(jwk, "kty"));

	memset(km, 0, sizeof(*km));
	if (!kty)
		return -EINVAL;
	if (!strcmp(kty, "RSA") || !strcmp(kty, "RSA-HSM"))
		return import_rsa(jwk, km);
	if (!strcmp(kty, "oct") || !strcmp(kty, "oct-HSM"))
		return import_oct(json_string_value(json_object_get(jwk, "k")),
				  km);
	return -EINVAL;
}

char *jwk_to_text(const struct keymat *km)
{
	_cleanup_(bio_freep) BIO *bio = NULL;
	char *data;
	long len;

	if (!km->pkey)
		return b64url_encode(km->oct, km->oct_len);
	bio = BIO_new(BIO_s_mem());
	if (!bio || PEM_write_bio_PrivateKey(bio, km->pkey, NULL, NULL, 0, NULL,
					     NULL) != 1)
		return NULL;
	len = BIO_get_mem_data(bio, &data);
	return strndup(data, len);
}

int jwk_from_text(const char *text, struct keymat *km)
{
	_cleanup_(bio_freep) BIO *bio = NULL;

	memset(km, 0, sizeof(*km));
	if (strncmp(text, "-----BEGIN", 10))
		return import_oct(text, km);
	bio = BIO_new_mem_buf(text, -1);
	if (bio)
		km->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	return km->pkey ? 0 : -EINVAL;
}
