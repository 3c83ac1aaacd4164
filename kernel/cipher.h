/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AES-256-XTS through the kernel crypto API, synchronous by construction.
 * Nothing else of the data path includes <crypto/...>.
 */
#ifndef CMK_CIPHER_H
#define CMK_CIPHER_H

#include <linux/crypto.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct crypto_skcipher;

/* Room for a request of any driver that cmk_cipher_init() accepts. */
#define CMK_REQUEST_SIZE	480

/**
 * struct cmk_crypt - what encrypting a bio needs beside the key; on the stack
 * @request: the crypto API's request
 * @src: one entry, pointed to one data unit at a time
 * @dst: the same; not used in place
 * @iv: plain64 tweak
 */
struct cmk_crypt {
	u8 request[CMK_REQUEST_SIZE] __aligned(CRYPTO_MINALIGN);
	struct scatterlist src;
	struct scatterlist dst;
	__le64 iv[2];
};

/**
 * struct cmk_units - data units that lie one after the other in one page
 * @src_page: where they are
 * @src: offset in it
 * @dst_page: where they go, may be @src_page
 * @dst: offset in it
 * @nr: how many
 * @size: bytes of each, at most PAGE_SIZE
 * @tweak: of the first, in units of 512 bytes
 */
struct cmk_units {
	struct page *src_page;
	unsigned int src;
	struct page *dst_page;
	unsigned int dst;
	unsigned int nr;
	unsigned int size;
	u64 tweak;
};

int cmk_cipher_init(void);
void cmk_cipher_exit(void);
const char *cmk_cipher_driver(void);
size_t cmk_cipher_key_bytes(void);

struct crypto_skcipher *cmk_cipher_create(const u8 *dek);
void cmk_cipher_destroy(struct crypto_skcipher *tfm);

bool cmk_cipher_usable(void);
void cmk_crypt_init(struct cmk_crypt *crypt);
int cmk_crypt_units(struct cmk_crypt *crypt, struct crypto_skcipher *tfm,
		    bool encrypt, const struct cmk_units *units);

#endif
