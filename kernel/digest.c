// SPDX-License-Identifier: GPL-2.0
/*
 * Hashes of three kinds: SHA-256, of what lies on a disk and of secrets;
 * fingerprints of DEKs, which are what the kernel remembers of a key after it
 * is wiped, so that a wrong one is refused instead of used; and the MAC and the
 * tags of a rekey's record, under keys that end with it.
 *
 * A fingerprint is SHA-256 over a secret of this module load and the DEK, cut
 * to 128 bits.  The secret makes a fingerprint found in a memory image useless
 * for testing candidate keys without that image's secret, and two loads'
 * fingerprints incomparable.  It is never returned to userspace.
 */

#include <crypto/hash.h>
#include <crypto/sha2.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <uapi/linux/cmk.h>

#include "digest.h"

static struct crypto_shash *cmk_sha256;
/* Held while the module is loaded, so that a rekey never loads a module. */
static struct crypto_shash *cmk_hmac;
static u8 cmk_digest_salt[SHA256_BLOCK_SIZE];

/**
 * struct cmk_mac - the keys of a rekey's record; constant
 * @tfm: for its MAC
 * @tag: for the tags of blocks
 */
struct cmk_mac {
	struct crypto_shash *tfm;
	siphash_key_t tag;
};

static struct crypto_shash *cmk_digest_alloc(const char *name)
{
	struct crypto_shash *tfm = crypto_alloc_shash(name, 0, 0);

	if (IS_ERR(tfm))
		pr_err("cmk: no %s: %ld\n", name, PTR_ERR(tfm));
	return tfm;
}

int __init cmk_digest_init(void)
{
	cmk_sha256 = cmk_digest_alloc("sha256");
	if (IS_ERR(cmk_sha256))
		return PTR_ERR(cmk_sha256);
	cmk_hmac = cmk_digest_alloc("hmac(sha256)");
	if (IS_ERR(cmk_hmac)) {
		crypto_free_shash(cmk_sha256);
		return PTR_ERR(cmk_hmac);
	}
	get_random_bytes(cmk_digest_salt, sizeof(cmk_digest_salt));
	return 0;
}

void cmk_digest_exit(void)
{
	crypto_free_shash(cmk_hmac);
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

/**
 * cmk_mac_create() - expand the key of a record
 * @key: CMK_MAC_KEY_LEN bytes; the caller wipes them
 *
 * The tags' key is made from it: the MAC of a word that no record begins with.
 *
 * Context: process context under memalloc_noio_save(); allocates.
 *
 * Return: the keys or ERR_PTR.
 */
struct cmk_mac *cmk_mac_create(const u8 *key)
{
	static const u8 word[] = "cmk record tags v1";
	struct cmk_mac *mac = kzalloc(sizeof(*mac), GFP_NOIO);
	u8 digest[SHA256_DIGEST_SIZE];
	int r;

	if (!mac)
		return ERR_PTR(-ENOMEM);
	mac->tfm = crypto_alloc_shash("hmac(sha256)", 0, 0);
	if (IS_ERR(mac->tfm)) {
		r = PTR_ERR(mac->tfm);
		kfree(mac);
		return ERR_PTR(r);
	}
	r = crypto_shash_setkey(mac->tfm, key, CMK_MAC_KEY_LEN) ?:
	    cmk_mac_digest(mac, word, sizeof(word) - 1, digest);
	if (r) {
		cmk_mac_free(mac);
		return ERR_PTR(r);
	}
	memcpy(&mac->tag, digest, sizeof(mac->tag));
	memzero_explicit(digest, sizeof(digest));
	return mac;
}

/**
 * cmk_mac_free() - wipe and free
 * @mac: may be NULL
 */
void cmk_mac_free(struct cmk_mac *mac)
{
	if (!mac)
		return;
	/* Freed with kfree_sensitive(), the states of the key with it. */
	crypto_free_shash(mac->tfm);
	kfree_sensitive(mac);
}

/**
 * cmk_mac_digest() - HMAC-SHA-256
 * @mac: the keys
 * @data: of what
 * @len: its bytes
 * @digest: where it goes
 *
 * Context: any; inside the RCU read section that keeps @mac alive.
 *
 * Return: 0 or a negative errno of the driver.
 */
int cmk_mac_digest(struct cmk_mac *mac, const void *data, size_t len,
		   u8 digest[32])
{
	SHASH_DESC_ON_STACK(desc, mac->tfm);
	int r;

	desc->tfm = mac->tfm;
	r = crypto_shash_digest(desc, data, len, digest);
	/* It has held what the key was expanded to. */
	shash_desc_zero(desc);
	return r;
}

/**
 * cmk_mac_equal() - compare, in a time that does not tell where they differ
 * @a: a MAC
 * @b: another
 */
bool cmk_mac_equal(const u8 a[32], const u8 b[32])
{
	u8 diff = 0;
	int i;

	for (i = 0; i < 32; i++)
		diff |= a[i] ^ b[i];
	return !diff;
}

/**
 * cmk_mac_tag() - tag of a block of ciphertext
 * @mac: the keys
 * @data: the block
 * @len: its bytes
 */
u64 cmk_mac_tag(const struct cmk_mac *mac, const void *data, size_t len)
{
	return siphash(data, len, &mac->tag);
}
