/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent needs of a cryptographic library.  crypto*.c are the only
 * files that know OpenSSL (with secret.c, for its CSPRNG and its wipe); they
 * use EVP and nothing below, so that a FIPS provider serves them.
 *
 * Functions without an error object return 0 or a negative errno: -ENOMEM,
 * -EINVAL for an impossible length, -EBADMSG for what is not authentic or
 * cannot be decrypted, -EIO when the library refuses.
 */
#ifndef CMK_CRYPTO_H
#define CMK_CRYPTO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base64url.h"
#include "bytes.h"
#include "error.h"
#include "secret.h"

#define CMK_SHA256_LEN		32
#define CMK_GCM_KEY_LEN		32
#define CMK_GCM_NONCE_LEN	12
#define CMK_GCM_TAG_LEN		16
#define CMK_RSA_BLOB_MAX	512	/* RSA-4096 */
#define CMK_ECDH_PUBLIC_LEN	64	/* P-256: X and Y, big endian */
#define CMK_ECDH_Z_LEN		32

/**
 * cmk_crypto_init() - make OpenSSL wipe each block that it frees
 *
 * First thing in main(), before anything that could use OpenSSL (libcurl!).
 *
 * Return: 0, or -EALREADY when OpenSSL has allocated before; then all still
 * works, without that wipe.
 */
int cmk_crypto_init(void);

int cmk_random(void *ret, size_t len);

/* Equal, in a time that depends on @len only. */
bool cmk_equal(const void *a, const void *b, size_t len);

int cmk_sha256(const void *data, size_t len,
	       unsigned char ret[CMK_SHA256_LEN]);
/* Of the concatenation of @n parts. */
int cmk_sha256v(const struct cmk_bytes *parts, size_t n,
		unsigned char ret[CMK_SHA256_LEN]);
int cmk_hmac_sha256v(const struct cmk_secret *key,
		     const struct cmk_bytes *parts, size_t n,
		     unsigned char ret[CMK_SHA256_LEN]);

/**
 * cmk_hkdf_sha256() - derive a key, RFC 5869
 * @ikm: input key material, not empty
 * @salt: may be empty
 * @info: may be empty
 * @len: bytes wanted, 1 .. 8160
 * @ret: wiped first
 */
int cmk_hkdf_sha256(const struct cmk_secret *ikm, struct cmk_bytes salt,
		    struct cmk_bytes info, size_t len, struct cmk_secret *ret);

/**
 * cmk_gcm_seal() - AES-256-GCM under a random nonce
 * @key: CMK_GCM_KEY_LEN bytes; at most 2^32 seals under one key
 * @aad: authenticated, not encrypted
 * @nonce: made by the cryptographic library, as FIPS 140 wants
 * @cipher: @plain->len bytes
 */
int cmk_gcm_seal(const struct cmk_secret *key, struct cmk_bytes aad,
		 const struct cmk_secret *plain,
		 unsigned char nonce[CMK_GCM_NONCE_LEN], void *cipher,
		 unsigned char tag[CMK_GCM_TAG_LEN]);

/*
 * As cmk_gcm_seal(), under the caller's nonce, which he gives once only: a
 * second message under the same one gives both away.
 */
int cmk_gcm_seal_at(const struct cmk_secret *key, struct cmk_bytes aad,
		    const struct cmk_secret *plain,
		    const unsigned char nonce[CMK_GCM_NONCE_LEN],
		    void *cipher, unsigned char tag[CMK_GCM_TAG_LEN]);

/* -EBADMSG: another key, nonce, aad, cipher text or tag; @ret stays empty. */
int cmk_gcm_open(const struct cmk_secret *key, struct cmk_bytes aad,
		 const unsigned char nonce[CMK_GCM_NONCE_LEN],
		 struct cmk_bytes cipher,
		 const unsigned char tag[CMK_GCM_TAG_LEN],
		 struct cmk_secret *ret);

struct cmk_ecdh;		/* a key pair on P-256, for one agreement */

int cmk_ecdh_new(struct cmk_ecdh **ret,
		 unsigned char public[CMK_ECDH_PUBLIC_LEN]);
void cmk_ecdh_free(struct cmk_ecdh *key);

/**
 * cmk_ecdh_derive() - what two keys have in common
 * @peer: the other side's public key
 * @ret: the x coordinate, CMK_ECDH_Z_LEN bytes, big endian
 *
 * -EINVAL: @peer is no point of the curve.
 */
int cmk_ecdh_derive(const struct cmk_ecdh *key,
		    const unsigned char peer[CMK_ECDH_PUBLIC_LEN],
		    struct cmk_secret *ret);

/* One-step key derivation, SP 800-56C rev. 2, with SHA-256 and no salt. */
int cmk_kdf_sha256(const struct cmk_secret *z, struct cmk_bytes info,
		   size_t len, struct cmk_secret *ret);

struct cmk_rsa;			/* a key pair, or a public key alone */

/**
 * cmk_rsa_generate() - make a key pair; takes seconds
 * @bits: 2048, 3072 or 4096
 * @stop: once it is true, this gives up soon (-ECANCELED); may be NULL
 *
 * Any thread may call it: it uses no struct cmk_secret and nothing that this
 * library keeps.
 */
int cmk_rsa_generate(struct cmk_rsa **ret, unsigned int bits,
		     const atomic_bool *stop, struct cmk_error *e);

/**
 * cmk_rsa_load_pem() - read a private key
 *
 * Refused (-EPERM) when others than the owner can read or write the file.
 * No password: a PEM that wants one is -EINVAL.
 */
int cmk_rsa_load_pem(struct cmk_rsa **ret, const char *path,
		     struct cmk_error *e);

/**
 * cmk_rsa_store_pem() - write a private key, PKCS #8, mode 0600
 *
 * Durable before it appears under @path; an existing @path is never replaced
 * (-EEXIST), since what was wrapped under it would be lost.
 */
int cmk_rsa_store_pem(const struct cmk_rsa *key, const char *path,
		      struct cmk_error *e);

/* @n, @exponent: base64url, as in a JWK (RFC 7518 section 6.3.1) */
int cmk_rsa_from_jwk(struct cmk_rsa **ret, const char *n,
		     const char *exponent, struct cmk_error *e);

void cmk_rsa_free(struct cmk_rsa *key);
unsigned int cmk_rsa_bits(const struct cmk_rsa *key);

/* SHA-256 of the DER SubjectPublicKeyInfo. */
int cmk_rsa_thumbprint(const struct cmk_rsa *key,
		       unsigned char ret[CMK_SHA256_LEN]);

/**
 * cmk_rsa_wrap() - RSA-OAEP-256: SHA-256 and MGF1 with SHA-256, empty label
 * @blob: CMK_RSA_BLOB_MAX bytes
 * @ret_len: bytes of it that are used: the modulus' length
 */
int cmk_rsa_wrap(const struct cmk_rsa *key, const struct cmk_secret *plain,
		 unsigned char *blob, size_t *ret_len, struct cmk_error *e);
int cmk_rsa_unwrap(const struct cmk_rsa *key, const void *blob, size_t len,
		   struct cmk_secret *ret, struct cmk_error *e);

/*
 * For CURLOPT_SSL_CTX_FUNCTION: let TLS wipe what it has handed on.  @ssl_ctx
 * is an SSL_CTX of OpenSSL.
 */
void cmk_tls_wipe_plaintext(void *ssl_ctx);

static inline void cmk_rsa_freep(struct cmk_rsa **key)
{
	cmk_rsa_free(*key);
}

#define __cmk_rsa __attribute__((cleanup(cmk_rsa_freep)))

#endif
