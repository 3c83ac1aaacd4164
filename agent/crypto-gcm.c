// SPDX-License-Identifier: GPL-2.0
/* AES-256-GCM by OpenSSL. */
#include <stdbool.h>

#include <openssl/evp.h>

#include "crypto-internal.h"
#include "crypto.h"

DEFINE_FREE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* Return: a context with @key and, if there is one, @nonce; or NULL */
static EVP_CIPHER_CTX *gcm_begin(const struct cmk_secret *key,
				 const unsigned char *nonce, bool encrypt)
{
	static EVP_CIPHER *gcm;
	EVP_CIPHER_CTX *ctx;

	if (!gcm)
		gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	ctx = gcm ? EVP_CIPHER_CTX_new() : NULL;
	if (!ctx)
		return NULL;
	if (!EVP_CipherInit_ex2(ctx, gcm, key->data, nonce, encrypt, NULL)) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int gcm_seal(const struct cmk_secret *key, struct cmk_bytes aad,
		    const struct cmk_secret *plain,
		    const unsigned char *nonce,
		    unsigned char made[CMK_GCM_NONCE_LEN], void *cipher,
		    unsigned char tag[CMK_GCM_TAG_LEN])
{
	_free(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = NULL;
	int n;

	if (key->len != CMK_GCM_KEY_LEN || !plain->len)
		return -EINVAL;

	/* A context without a nonce makes a random one at the first update. */
	ctx = gcm_begin(key, nonce, true);
	if (!ctx ||
	    (aad.len && !EVP_CipherUpdate(ctx, NULL, &n, aad.data, aad.len)) ||
	    !EVP_CipherUpdate(ctx, cipher, &n, plain->data, plain->len) ||
	    !EVP_CipherFinal_ex(ctx, (unsigned char *)cipher + n, &n) ||
	    !EVP_CIPHER_CTX_get_original_iv(ctx, made, CMK_GCM_NONCE_LEN) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CMK_GCM_TAG_LEN,
				 tag))
		return lib_error();
	return 0;
}

int cmk_gcm_seal(const struct cmk_secret *key, struct cmk_bytes aad,
		 const struct cmk_secret *plain,
		 unsigned char nonce[CMK_GCM_NONCE_LEN], void *cipher,
		 unsigned char tag[CMK_GCM_TAG_LEN])
{
	return gcm_seal(key, aad, plain, NULL, nonce, cipher, tag);
}

int cmk_gcm_seal_at(const struct cmk_secret *key, struct cmk_bytes aad,
		    const struct cmk_secret *plain,
		    const unsigned char nonce[CMK_GCM_NONCE_LEN],
		    void *cipher, unsigned char tag[CMK_GCM_TAG_LEN])
{
	unsigned char made[CMK_GCM_NONCE_LEN];

	return gcm_seal(key, aad, plain, nonce, made, cipher, tag);
}

int cmk_gcm_open(const struct cmk_secret *key, struct cmk_bytes aad,
		 const unsigned char nonce[CMK_GCM_NONCE_LEN],
		 struct cmk_bytes cipher,
		 const unsigned char tag[CMK_GCM_TAG_LEN],
		 struct cmk_secret *ret)
{
	_free(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = NULL;
	int n, r;

	if (key->len != CMK_GCM_KEY_LEN || !cipher.len)
		return -EINVAL;
	r = cmk_secret_alloc(ret, cipher.len);
	if (r < 0)
		return r;

	ctx = gcm_begin(key, nonce, false);
	if (!ctx ||
	    (aad.len && !EVP_CipherUpdate(ctx, NULL, &n, aad.data, aad.len)) ||
	    !EVP_CipherUpdate(ctx, ret->data, &n, cipher.data, cipher.len) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CMK_GCM_TAG_LEN,
				 (void *)tag)) {
		cmk_secret_wipe(ret);
		return lib_error();
	}
	if (!EVP_CipherFinal_ex(ctx, ret->data + n, &n)) {
		cmk_secret_wipe(ret);
		ERR_clear_error();
		return -EBADMSG;
	}
	return 0;
}
