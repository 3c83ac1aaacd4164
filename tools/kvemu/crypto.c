// SPDX-License-Identifier: GPL-2.0
/*
 * The algorithms of the vault on OpenSSL: RSA with OAEP (SHA-1 and SHA-256)
 * and PKCS#1 v1.5, AES key wrap of RFC 3394, and the MAC that signs tokens.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypto.h"
#include "util.h"

static const struct rsa_alg {
	const char *name;
	int padding;
	const char *digest;
	int overhead;
} rsa_algs[] = {
	{ "RSA-OAEP", RSA_PKCS1_OAEP_PADDING, "SHA1", 42 },
	{ "RSA-OAEP-256", RSA_PKCS1_OAEP_PADDING, "SHA256", 66 },
	{ "RSA1_5", RSA_PKCS1_PADDING, NULL, 11 },
};

static void pkey_ctx_freep(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void cipher_ctx_freep(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

int keymat_rsa(struct keymat *km, int bits)
{
	memset(km, 0, sizeof(*km));
	if (bits != 2048 && bits != 3072 && bits != 4096)
		return -EINVAL;
	km->pkey = EVP_RSA_gen(bits);
	return km->pkey ? 0 : -EIO;
}

int keymat_oct(struct keymat *km, int bits)
{
	memset(km, 0, sizeof(*km));
	if (bits != 128 && bits != 192 && bits != 256)
		return -EINVAL;
	km->oct_len = bits / 8;
	return RAND_bytes(km->oct, km->oct_len) == 1 ? 0 : -EIO;
}

int keymat_bits(const struct keymat *km)
{
	return km->pkey ? EVP_PKEY_get_bits(km->pkey) : (int)km->oct_len * 8;
}

void keymat_copy(struct keymat *to, const struct keymat *from)
{
	*to = *from;
	if (to->pkey)
		EVP_PKEY_up_ref(to->pkey);
}

void keymat_clear(struct keymat *km)
{
	EVP_PKEY_free(km->pkey);
	OPENSSL_cleanse(km, sizeof(*km));
}

static const struct rsa_alg *rsa_alg_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rsa_algs); i++) {
		if (!strcmp(rsa_algs[i].name, name))
			return &rsa_algs[i];
	}
	return NULL;
}

static int rsa_prepare(EVP_PKEY_CTX *ctx, const struct rsa_alg *alg)
{
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, alg->padding) <= 0)
		return -EIO;
	if (!alg->digest)
		return 0;
	if (EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, alg->digest, NULL) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, alg->digest, NULL) <= 0)
		return -EIO;
	return 0;
}

static int rsa_crypt(const struct keymat *km, const struct rsa_alg *alg,
		     bool wrap, const void *in, size_t len,
		     unsigned char **ret, size_t *ret_len)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_pkey(NULL, km->pkey, NULL);
	size_t size = EVP_PKEY_get_size(km->pkey);
	unsigned char *out = malloc(size);
	int ok = 0;

	if (!ctx || !out)
		goto fail;
	if ((wrap ? EVP_PKEY_encrypt_init(ctx) :
		    EVP_PKEY_decrypt_init(ctx)) <= 0 ||
	    rsa_prepare(ctx, alg))
		goto fail;
	*ret_len = size;
	if (wrap)
		ok = EVP_PKEY_encrypt(ctx, out, ret_len, in, len);
	else
		ok = EVP_PKEY_decrypt(ctx, out, ret_len, in, len);
	if (ok <= 0) {
		free(out);
		return wrap ? -EIO : -EBADMSG;
	}
	*ret = out;
	return 0;
fail:
	free(out);
	return -EIO;
}

/* The algorithm names its key size, and only that size can run it. */
static const EVP_CIPHER *kw_cipher(const struct keymat *km, const char *alg)
{
	if (km->oct_len == 16 && !strcmp(alg, "A128KW"))
		return EVP_aes_128_wrap();
	if (km->oct_len == 24 && !strcmp(alg, "A192KW"))
		return EVP_aes_192_wrap();
	if (km->oct_len == 32 && !strcmp(alg, "A256KW"))
		return EVP_aes_256_wrap();
	return NULL;
}

static int kw_crypt(const struct keymat *km, const EVP_CIPHER *cipher,
		    bool wrap, const void *in, size_t len,
		    unsigned char **ret, size_t *ret_len)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *out = malloc(len + 16);
	int n = 0, last = 0;

	if (!ctx || !out) {
		free(out);
		return -EIO;
	}
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex(ctx, cipher, NULL, km->oct, NULL, wrap) != 1 ||
	    EVP_CipherUpdate(ctx, out, &n, in, len) != 1 ||
	    EVP_CipherFinal_ex(ctx, out + n, &last) != 1) {
		crypto_free(out, len + 16);
		return -EBADMSG;
	}
	*ret = out;
	*ret_len = n + last;
	return 0;
}

int crypto_wrap(const struct keymat *km, const char *alg, const void *in,
		size_t len, unsigned char **out, size_t *out_len)
{
	const struct rsa_alg *rsa = rsa_alg_find(alg);
	const EVP_CIPHER *kw = kw_cipher(km, alg);

	if (km->pkey && rsa) {
		if (len + rsa->overhead > (size_t)EVP_PKEY_get_size(km->pkey))
			return -EMSGSIZE;
		return rsa_crypt(km, rsa, true, in, len, out, out_len);
	}
	if (!kw)
		return -ENOTSUP;
	if (len < 16 || len % 8 || len > 1024)
		return -EMSGSIZE;
	return kw_crypt(km, kw, true, in, len, out, out_len);
}

int crypto_unwrap(const struct keymat *km, const char *alg, const void *in,
		  size_t len, unsigned char **out, size_t *out_len)
{
	const struct rsa_alg *rsa = rsa_alg_find(alg);
	const EVP_CIPHER *kw = kw_cipher(km, alg);

	if (km->pkey && rsa) {
		if (len != (size_t)EVP_PKEY_get_size(km->pkey))
			return -EBADMSG;
		return rsa_crypt(km, rsa, false, in, len, out, out_len);
	}
	if (!kw)
		return -ENOTSUP;
	if (len < 24 || len % 8 || len > 1032)
		return -EBADMSG;
	return kw_crypt(km, kw, false, in, len, out, out_len);
}

void crypto_mac(const unsigned char *key, const void *data, size_t len,
		unsigned char mac[MAC_LEN])
{
	unsigned int n = MAC_LEN;

	if (!HMAC(EVP_sha256(), key, MAC_LEN, data, len, mac, &n))
		abort();
}

void crypto_free(unsigned char *data, size_t len)
{
	if (data)
		OPENSSL_cleanse(data, len);
	free(data);
}
