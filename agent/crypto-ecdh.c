// SPDX-License-Identifier: GPL-2.0
/*
 * Key agreement by OpenSSL: ECDH on P-256 with keys that live for one
 * agreement, and the one-step key derivation of SP 800-56C.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto-internal.h"
#include "crypto.h"

#define CURVE		"P-256"
#define UNCOMPRESSED	4	/* SEC 1, 2.3.3: then X and Y */
#define STACK_USED	16384

/* struct cmk_ecdh is only a name that needs no OpenSSL header. */
#define PKEY(key)	((EVP_PKEY *)(key))

DEFINE_FREE(EVP_KDF_CTX, EVP_KDF_CTX_free)
DEFINE_FREE(EVP_PKEY, EVP_PKEY_free)
DEFINE_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)

/* A point as the library has it. */
struct point {
	unsigned char form;
	unsigned char xy[CMK_ECDH_PUBLIC_LEN];
};

/*
 * The arithmetic of the curve leaves a private key and a common secret below
 * the caller's frame.
 */
static void __attribute__((noinline)) burn_stack(void)
{
	unsigned char frame[STACK_USED];

	OPENSSL_cleanse(frame, sizeof(frame));
}

int cmk_ecdh_new(struct cmk_ecdh **ret,
		 unsigned char public[CMK_ECDH_PUBLIC_LEN])
{
	_free(EVP_PKEY_free) EVP_PKEY *key = NULL;
	struct point p;
	size_t len;

	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", CURVE);
	burn_stack();
	if (!key ||
	    !EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
					     (unsigned char *)&p, sizeof(p),
					     &len) ||
	    len != sizeof(p) || p.form != UNCOMPRESSED)
		return lib_error();
	memcpy(public, p.xy, sizeof(p.xy));
	*ret = (struct cmk_ecdh *)key;
	key = NULL;
	return 0;
}

void cmk_ecdh_free(struct cmk_ecdh *key)
{
	EVP_PKEY_free(PKEY(key));
}

/* Return: the key, or NULL when it is no point of the curve */
static EVP_PKEY *public_key(const unsigned char public[CMK_ECDH_PUBLIC_LEN])
{
	_free(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
	struct point p = { .form = UNCOMPRESSED };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)CURVE, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, &p,
						  sizeof(p)),
		OSSL_PARAM_construct_end()
	};
	EVP_PKEY *key = NULL;

	memcpy(p.xy, public, sizeof(p.xy));
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		return NULL;
	return key;
}

static bool derive(EVP_PKEY *key, EVP_PKEY *peer, struct cmk_secret *z)
{
	_free(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
	size_t len = z->len;

	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	return ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	       EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
	       EVP_PKEY_derive(ctx, z->data, &len) > 0 && len == z->len;
}

int cmk_ecdh_derive(const struct cmk_ecdh *key,
		    const unsigned char peer[CMK_ECDH_PUBLIC_LEN],
		    struct cmk_secret *ret)
{
	_free(EVP_PKEY_free) EVP_PKEY *other = public_key(peer);
	bool ok;
	int r;

	if (!other) {
		lib_error();
		return -EINVAL;
	}
	r = cmk_secret_alloc(ret, CMK_ECDH_Z_LEN);
	if (r < 0)
		return r;
	ok = derive(PKEY(key), other, ret);
	burn_stack();
	if (!ok) {
		cmk_secret_wipe(ret);
		return lib_error();
	}
	return 0;
}

int cmk_kdf_sha256(const struct cmk_secret *z, struct cmk_bytes info,
		   size_t len, struct cmk_secret *ret)
{
	static EVP_KDF *sskdf;
	_free(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)"SHA2-256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
						  z->data, z->len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						  (void *)info.data, info.len),
		OSSL_PARAM_construct_end()
	};
	int r;

	if (!sskdf)
		sskdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
	ctx = sskdf ? EVP_KDF_CTX_new(sskdf) : NULL;
	if (!ctx)
		return lib_error();
	r = cmk_secret_alloc(ret, len);
	if (r < 0)
		return r;
	if (EVP_KDF_derive(ctx, ret->data, len, params) <= 0) {
		cmk_secret_wipe(ret);
		return lib_error();
	}
	return 0;
}
