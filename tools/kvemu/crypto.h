/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key material and what a vault does with it.  Knows algorithms, not names,
 * permissions or states of keys.
 */
#ifndef KVEMU_CRYPTO_H
#define KVEMU_CRYPTO_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#define OCT_MAX 32
#define MAC_LEN 32

/**
 * struct keymat - the secret part of one key version
 * @pkey: RSA key pair, or NULL for a symmetric key
 * @oct: AES key of an oct-HSM key
 * @oct_len: its length in bytes, 0 for an RSA key
 */
struct keymat {
	EVP_PKEY *pkey;
	unsigned char oct[OCT_MAX];
	size_t oct_len;
};

/** keymat_rsa() - generate an RSA pair of @bits; 0, -EINVAL or -EIO */
int keymat_rsa(struct keymat *km, int bits);

/** keymat_oct() - generate an AES key of @bits; 0, -EINVAL or -EIO */
int keymat_oct(struct keymat *km, int bits);

/** keymat_bits() - size of the key in bits */
int keymat_bits(const struct keymat *km);

/**
 * keymat_copy() - a second owner of the same key
 *
 * Lets an operation run on a key version outside of the vault's lock.
 */
void keymat_copy(struct keymat *to, const struct keymat *from);

/** keymat_clear() - drop the key and wipe what is ours */
void keymat_clear(struct keymat *km);

/**
 * crypto_wrap() - wrapKey and encrypt
 * @km: key
 * @alg: algorithm by its wire name (RSA-OAEP, RSA-OAEP-256, RSA1_5, A256KW ...)
 * @in: plaintext
 * @len: its length
 * @out: result, freed by the caller
 * @out_len: its length
 *
 * Return: 0, -ENOTSUP when the key has no such algorithm, -EMSGSIZE when the
 * plaintext does not fit, -EIO.
 */
int crypto_wrap(const struct keymat *km, const char *alg, const void *in,
		size_t len, unsigned char **out, size_t *out_len);

/**
 * crypto_unwrap() - unwrapKey and decrypt
 *
 * Arguments as in crypto_wrap().
 *
 * Return: 0, -ENOTSUP, -EBADMSG for a blob that this key did not make, -EIO.
 */
int crypto_unwrap(const struct keymat *km, const char *alg, const void *in,
		  size_t len, unsigned char **out, size_t *out_len);

/** crypto_mac() - HMAC-SHA-256 of @data under the 32-byte @key */
void crypto_mac(const unsigned char *key, const void *data, size_t len,
		unsigned char mac[MAC_LEN]);

/** crypto_free() - wipe and free a buffer that holds plaintext */
void crypto_free(unsigned char *data, size_t len);

#endif
