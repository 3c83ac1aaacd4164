// SPDX-License-Identifier: GPL-2.0
/*
 * SHA-256, and what is made of it: fingerprints of DEKs, which are what the
 * kernel remembers of a key after it is wiped, so that a wrong one is refused
 * instead of used.
 *
 * A fingerprint is SHA-256 over a secret of this module load and the DEK, cut
 * to 128 bits.  The secret makes a fingerprint found in a memory image useless
 * for testing candidate keys without that image's secret, and two loads'
 * fingerprints incomparable.  It is never returned to userspace.
 */

#include <crypto/hash.h>
#include <crypto/sha2.h>
#include <linux/random.h>
#include <linux/uio.h>
#include <uapi/linux/cmk.h>

#include "digest.h"

static struct crypto_shash *cmk_sha256;
static u8 cmk_digest_salt[SHA256_BLOCK_SIZE];

int __init cmk_digest_init(void)
{
	struct crypto_shash *tfm = crypto_alloc_shash("sha256", 0, 0);

	if (IS_ERR(tfm)) {
		pr_err("cmk: no sha256: %ld\n", PTR_ERR(tfm));
		return PTR_ERR(tfm);
	}
	get_random_bytes(cmk_digest_salt, sizeof(cmk_digest_salt));
	cmk_sha256 = tfm;
	return 0;
}

void cmk_digest_exit(void)
{
	crypto_free_shash(cmk_sha256);
	memzero_explicit(cmk_digest_salt, sizeof(cmk_digest_salt));
}

/**
 * cmk_digest() - SHA-256 of parts in a row
 * @parts: may be secret
 * @n: how many, at least one
 * @digest: where it goes
 *
 * Context: any.
 *
 * Return: 0 or a negative errno of the hash driver.
 */
int cmk_digest(const struct kvec *parts, unsigned int n,
	       u8 digest[CMK_DIGEST_SIZE])
{
	SHASH_DESC_ON_STACK(desc, cmk_sha256);
	int r;

	BUILD_BUG_ON(CMK_DIGEST_SIZE != SHA256_DIGEST_SIZE);
	desc->tfm = cmk_sha256;
	r = crypto_shash_init(desc);
	for (; !r && n; n--, parts++)
		r = crypto_shash_update(desc, parts->iov_base, parts->iov_len);
	r = r ?: crypto_shash_final(desc, digest);
	/* The descriptor has held blocks of a key. */
	shash_desc_zero(desc);
	return r;
}

/**
 * cmk_digest_fingerprint() - fingerprint of a DEK
 * @dek: CMK_DEK_LEN bytes
 * @fingerprint: where it goes
 *
 * Return: 0 or a negative errno of the hash driver.
 */
int cmk_digest_fingerprint(const u8 *dek, u8 fingerprint[CMK_FINGERPRINT_SIZE])
{
	const struct kvec parts[] = {
		{ cmk_digest_salt, sizeof(cmk_digest_salt) },
		{ (void *)dek, CMK_DEK_LEN },
	};
	u8 digest[CMK_DIGEST_SIZE];
	int r = cmk_digest(parts, ARRAY_SIZE(parts), digest);

	if (!r)
		memcpy(fingerprint, digest, CMK_FINGERPRINT_SIZE);
	memzero_explicit(digest, sizeof(digest));
	return r;
}
