// SPDX-License-Identifier: GPL-2.0
/*
 * Cryptography by OpenSSL 3's EVP interface.  Algorithms are fetched once:
 * opening a volume asks for tens of thousands of derivations, and a fetch
 * costs more than the work.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "crypto-internal.h"
#include "crypto.h"
#include "file.h"

#define PEM_MAX		16384
#define RSA_BITS_MIN	2048
#define RSA_BITS_MAX	4096
#define RSA_E_MAX	8	/* bytes of a public exponent */

/* struct cmk_rsa is only a name that needs no OpenSSL header. */
#define PKEY(key)	((EVP_PKEY *)(key))

DEFINE_FREE(BIO, BIO_free_all)
DEFINE_FREE(BIGNUM, BN_free)
DEFINE_FREE(EVP_KDF_CTX, EVP_KDF_CTX_free)
DEFINE_FREE(EVP_MAC_CTX, EVP_MAC_CTX_free)
DEFINE_FREE(EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_FREE(EVP_PKEY, EVP_PKEY_free)
DEFINE_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_FREE(OSSL_PARAM, OSSL_PARAM_free)
DEFINE_FREE(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)

/* -- the library itself -- */

static void *wiping_malloc(size_t len, const char *file, int line)
{
	return malloc(len);
}

static void wiping_free(void *p, const char *file, int line)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t len, const char *file, int line)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *moved;

	if (p && len && len <= had)
		return p;
	moved = len ? malloc(len) : NULL;
	if (len && !moved)
		return NULL;
	if (p && moved)
		memcpy(moved, p, had < len ? had : len);
	wiping_free(p, file, line);
	return moved;
}

int cmk_crypto_init(void)
{
	if (!CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc,
				      wiping_free))
		return -EALREADY;
	return 0;
}

/* Empties OpenSSL's queue of errors and tells the first one. */
static int fail(struct cmk_error *e, int err, const char *code,
		const char *what)
{
	unsigned long first = ERR_get_error();
	const char *reason = first ? ERR_reason_error_string(first) : NULL;

	ERR_clear_error();
	return cmk_error_set(e, CMK_FAILED, err, code, "%s: %s", what,
			     reason ? reason : strerror(-err));
}

int cmk_random(void *ret, size_t len)
{
	return RAND_bytes_ex(NULL, ret, len, 256) == 1 ? 0 : lib_error();
}

bool cmk_equal(const void *a, const void *b, size_t len)
{
	return !CRYPTO_memcmp(a, b, len);
}

void cmk_tls_wipe_plaintext(void *ssl_ctx)
{
	SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT);
}

/* -- digests and derivation -- */

int cmk_sha256(const void *data, size_t len, unsigned char ret[CMK_SHA256_LEN])
{
	struct cmk_bytes part = { data, len };

	return cmk_sha256v(&part, 1, ret);
}

int cmk_sha256v(const struct cmk_bytes *parts, size_t n,
		unsigned char ret[CMK_SHA256_LEN])
{
	static EVP_MD *sha256;
	_free(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	if (!sha256)
		sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	ok = ctx && sha256 && EVP_DigestInit_ex2(ctx, sha256, NULL);
	for (; ok && n; n--, parts++)
		ok = EVP_DigestUpdate(ctx, parts->data, parts->len);
	ok = ok && EVP_DigestFinal_ex(ctx, ret, NULL);
	return ok ? 0 : lib_error();
}

/* The names of this parameter are one for HMAC, HKDF and OAEP. */
static OSSL_PARAM sha256_param(void)
{
	return OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA2-256",
						0);
}

static OSSL_PARAM octets(const char *name, struct cmk_bytes b)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)b.data, b.len);
}

int cmk_hmac_sha256v(const struct cmk_secret *key,
		     const struct cmk_bytes *parts, size_t n,
		     unsigned char ret[CMK_SHA256_LEN])
{
	static EVP_MAC *hmac;
	_free(EVP_MAC_CTX_free) EVP_MAC_CTX *ctx = NULL;
	OSSL_PARAM params[] = { sha256_param(), OSSL_PARAM_construct_end() };
	size_t len;
	bool ok;

	if (!hmac)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	ok = ctx && EVP_MAC_init(ctx, key->data, key->len, params);
	for (; ok && n; n--, parts++)
		ok = EVP_MAC_update(ctx, parts->data, parts->len);
	ok = ok && EVP_MAC_final(ctx, ret, &len, CMK_SHA256_LEN);
	return ok ? 0 : lib_error();
}

int cmk_hkdf_sha256(const struct cmk_secret *ikm, struct cmk_bytes salt,
		    struct cmk_bytes info, size_t len, struct cmk_secret *ret)
{
	static EVP_KDF *hkdf;
	_free(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = NULL;
	OSSL_PARAM params[5], *p = params;
	struct cmk_bytes key = { ikm->data, ikm->len };
	int r;

	if (!hkdf)
		hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	ctx = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
	if (!ctx)
		return lib_error();

	*p++ = sha256_param();
	*p++ = octets(OSSL_KDF_PARAM_KEY, key);
	if (salt.len)
		*p++ = octets(OSSL_KDF_PARAM_SALT, salt);
	if (info.len)
		*p++ = octets(OSSL_KDF_PARAM_INFO, info);
	*p = OSSL_PARAM_construct_end();

	r = cmk_secret_alloc(ret, len);
	if (r < 0)
		return r;
	if (EVP_KDF_derive(ctx, ret->data, len, params) <= 0) {
		cmk_secret_wipe(ret);
		return lib_error();
	}
	return 0;
}

/* -- RSA -- */

/* OpenSSL asks with each candidate; 0 ends the search. */
static int go_on(EVP_PKEY_CTX *ctx)
{
	const atomic_bool *stop = EVP_PKEY_CTX_get_app_data(ctx);

	return !stop || !atomic_load(stop);
}

int cmk_rsa_generate(struct cmk_rsa **ret, unsigned int bits,
		     const atomic_bool *stop, struct cmk_error *e)
{
	_free(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;

	if (bits != 2048 && bits != 3072 && bits != 4096)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "rsa-size",
				     "RSA keys have 2048, 3072 or 4096 bits, not %u",
				     bits);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (ctx && EVP_PKEY_keygen_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) > 0) {
		EVP_PKEY_CTX_set_app_data(ctx, (void *)stop);
		EVP_PKEY_CTX_set_cb(ctx, go_on);
		EVP_PKEY_generate(ctx, &key);
	}
	if (!key)
		return fail(e, stop && atomic_load(stop) ? -ECANCELED : -EIO,
			    "rsa-generate", "cannot make an RSA key");
	*ret = (struct cmk_rsa *)key;
	return 0;
}

/* A key with a password is refused: nobody is there to be asked. */
static int no_password(char *buf, int size, int rwflag, void *userdata)
{
	return -1;
}

int cmk_rsa_load_pem(struct cmk_rsa **ret, const char *path,
		     struct cmk_error *e)
{
	__cmk_secret struct cmk_secret pem = CMK_SECRET_INIT;
	_free(EVP_PKEY_free) EVP_PKEY *key = NULL;
	_free(BIO_free_all) BIO *bio = NULL;
	int r, bits;

	r = cmk_file_read_secret(path, PEM_MAX, &pem, e);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(pem.data, pem.len);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) :
		    NULL;
	ERR_clear_error();
	bits = key && EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get_bits(key) : 0;
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return cmk_error_set(e, CMK_FAILED, -EINVAL, "key-file",
				     "%s holds no private RSA key of %u to %u bits in PEM without a password",
				     path, RSA_BITS_MIN, RSA_BITS_MAX);
	*ret = (struct cmk_rsa *)key;
	key = NULL;
	return 0;
}

int cmk_rsa_store_pem(const struct cmk_rsa *key, const char *path,
		      struct cmk_error *e)
{
	_free(BIO_free_all) BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;
	long len;
	int r;

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, PKEY(key), NULL, NULL,
						   0, NULL, NULL))
		return fail(e, -EIO, "key-file", "cannot encode the RSA key");
	len = BIO_get_mem_data(bio, &pem);
	r = cmk_file_create(path, pem, len, e);
	cmk_wipe(pem, len);
	return r;
}

/* Return: the number, or NULL when it is malformed or longer than @max */
static BIGNUM *number_from_jwk(const char *text, size_t max)
{
	unsigned char raw[RSA_BITS_MAX / 8];
	ssize_t n = cmk_base64url_decode(text, strlen(text), raw, max);

	return n > 0 ? BN_bin2bn(raw, n, NULL) : NULL;
}

static EVP_PKEY *public_key(BIGNUM *n, BIGNUM *exponent)
{
	_free(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	_free(OSSL_PARAM_free) OSSL_PARAM *params = NULL;
	_free(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;

	if (!bld || !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent))
		return NULL;
	params = OSSL_PARAM_BLD_to_param(bld);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		return NULL;
	return key;
}

int cmk_rsa_from_jwk(struct cmk_rsa **ret, const char *n,
		     const char *exponent, struct cmk_error *e)
{
	_free(BN_free) BIGNUM *bn = number_from_jwk(n, RSA_BITS_MAX / 8);
	_free(BN_free) BIGNUM *be = number_from_jwk(exponent, RSA_E_MAX);
	EVP_PKEY *key;

	if (!bn || !be || BN_num_bits(bn) < RSA_BITS_MIN || !BN_is_odd(bn) ||
	    !BN_is_odd(be) || BN_is_one(be))
		return cmk_error_set(e, CMK_FAILED, -EINVAL, "bad-jwk",
				     "the key server's n and e are no RSA key of %u to %u bits",
				     RSA_BITS_MIN, RSA_BITS_MAX);
	key = public_key(bn, be);
	if (!key)
		return fail(e, -EINVAL, "bad-jwk", "n and e of a JWK");
	*ret = (struct cmk_rsa *)key;
	return 0;
}

void cmk_rsa_free(struct cmk_rsa *key)
{
	EVP_PKEY_free(PKEY(key));
}

unsigned int cmk_rsa_bits(const struct cmk_rsa *key)
{
	return EVP_PKEY_get_bits(PKEY(key));
}

int cmk_rsa_thumbprint(const struct cmk_rsa *key,
		       unsigned char ret[CMK_SHA256_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(PKEY(key), &der), r;

	if (len <= 0)
		return lib_error();
	r = cmk_sha256(der, len, ret);
	OPENSSL_free(der);
	return r;
}

/* Return: a context with the padding set, or NULL */
static EVP_PKEY_CTX *oaep_begin(const struct cmk_rsa *key,
				int (*init)(EVP_PKEY_CTX *ctx,
					    const OSSL_PARAM params[]))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, PKEY(key), NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_PAD_MODE,
						 (char *)"oaep", 0),
		sha256_param(),
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_MGF1_DIGEST,
						 (char *)"SHA2-256", 0),
		OSSL_PARAM_construct_end()
	};

	if (ctx && init(ctx, params) > 0)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int cmk_rsa_wrap(const struct cmk_rsa *key, const struct cmk_secret *plain,
		 unsigned char *blob, size_t *ret_len, struct cmk_error *e)
{
	_free(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		oaep_begin(key, EVP_PKEY_encrypt_init_ex);
	size_t len = CMK_RSA_BLOB_MAX;

	if (!ctx || EVP_PKEY_encrypt(ctx, blob, &len, plain->data,
				     plain->len) <= 0)
		return fail(e, -EIO, "wrap-failed", "RSA-OAEP-256 wrap");
	*ret_len = len;
	return 0;
}

/*
 * Why a blob cannot be unwrapped is not told: with OAEP the reason would be
 * an oracle.
 */
int cmk_rsa_unwrap(const struct cmk_rsa *key, const void *blob, size_t len,
		   struct cmk_secret *ret, struct cmk_error *e)
{
	_free(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		oaep_begin(key, EVP_PKEY_decrypt_init_ex);
	size_t out = CMK_RSA_BLOB_MAX;
	int r = cmk_secret_alloc(ret, out);

	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "no-locked-memory",
				     "no locked memory for an unwrapped key");
	if (!ctx || EVP_PKEY_decrypt(ctx, ret->data, &out, blob, len) <= 0 ||
	    !out) {
		cmk_secret_wipe(ret);
		ERR_clear_error();
		return cmk_error_set(e, CMK_FAILED, -EBADMSG, "unwrap-failed",
				     "not wrapped under this key by RSA-OAEP-256, or damaged");
	}
	ret->len = out;
	return 0;
}
