/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AES-256-XTS through the kernel crypto API, synchronous by construction.
 * Nothing else of the data path includes <crypto/...>.
 */
#ifndef CMK_CIPHER_H
#define CMK_CIPHER_H

#include <linux/bvec.h>
#include <linux/crypto.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct crypto_skcipher;

/* Room for a request of any driver that cmk_cipher_init() accepts. */
#define CMK_REQUEST_SIZE	480

/* Longest stretch of data that is worked on in one RCU section, in bytes. */
#define CMK_SECTION		(16 * 1024)

/*
 * What encrypting a bio needs on the stack is written before it is read; for
 * kernels that clear the stack of each function it is worth to say so.
 */
#if __has_attribute(__uninitialized__)
#define __cmk_uninit	__attribute__((__uninitialized__))
#else
#define __cmk_uninit
#endif

/**
 * struct cmk_crypt - what encrypting a bio needs beside the key; on the stack
 * @request: the crypto API's request
 * @src: one data unit
 * @dst: where it goes; a decryption is in place and does not look here
 * @iv: plain64 tweak
 * @to: whole pages that an encryption fills, NULL for a decryption
 * @done: bytes of @to that are filled
 * @size: bytes of a data unit, at most PAGE_SIZE
 */
struct cmk_crypt {
	u8 request[CMK_REQUEST_SIZE] __aligned(CRYPTO_MINALIGN);
	struct scatterlist src;
	struct scatterlist dst;
	__le64 iv[2];
	const struct bio_vec *to;
	unsigned int done;
	unsigned int size;
};

int cmk_cipher_init(void);
void cmk_cipher_exit(void);
const char *cmk_cipher_driver(void);
size_t cmk_cipher_key_bytes(void);

struct crypto_skcipher *cmk_cipher_create(const u8 *dek);
void cmk_cipher_destroy(struct crypto_skcipher *tfm);

bool cmk_cipher_usable(void);
void cmk_crypt_init(struct cmk_crypt *crypt, unsigned int size,
		    const struct bio_vec *to);
int cmk_crypt_section(struct cmk_crypt *crypt, struct crypto_skcipher *tfm,
		      const struct bio_vec *from, struct bvec_iter *iter,
		      unsigned int bytes, u64 iv_offset);

#endif
