// SPDX-License-Identifier: GPL-2.0
/*
 * The cipher.
 *
 * On x86 up to 6.12 the tested and FIPS-approved xts(aes) is the SIMD wrapper
 * of crypto/simd.c, which is marked asynchronous: it goes to cryptd when the
 * FPU cannot be used, or when it is in atomic context and cryptd already has
 * requests of this tfm queued.  This module calls it only while the FPU can be
 * used (cmk_cipher_usable()), so the first never happens, and therefore nor
 * does the second.  A synchronous xts(aes), as crypto_alloc_sync_skcipher()
 * would pick there, opens an FPU section for each 16-byte block and is six
 * times slower.  So asynchronous algorithms are allowed at lookup, drivers
 * that live in hardware or allocate memory per request are not, and
 * -EINPROGRESS is a bug.
 *
 * One tfm per key, shared by all CPUs: its context is only read after setkey.
 */

#include <asm/simd.h>
#include <crypto/internal/simd.h>
#include <crypto/skcipher.h>
#include <linux/blk_types.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <uapi/linux/cmk.h>

#include "cipher.h"

#define CMK_CIPHER_NAME	"xts(aes)"
#define CMK_CIPHER_MASK	(CRYPTO_ALG_ALLOCATES_MEMORY | \
			 CRYPTO_ALG_KERN_DRIVER_ONLY)

/*
 * Held while the module is loaded, so that building a key never loads a
 * module, and its name can be told.
 */
static struct crypto_skcipher *cmk_cipher;
static size_t cmk_key_bytes;

static struct crypto_skcipher *cmk_cipher_alloc(void)
{
	struct crypto_skcipher *tfm;

	tfm = crypto_alloc_skcipher(CMK_CIPHER_NAME, 0, CMK_CIPHER_MASK);
	if (IS_ERR(tfm))
		return tfm;
	if (sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm) >
	    CMK_REQUEST_SIZE || crypto_skcipher_ivsize(tfm) != 16) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(-EOPNOTSUPP);
	}
	crypto_skcipher_set_flags(tfm, CRYPTO_TFM_REQ_FORBID_WEAK_KEYS);
	return tfm;
}

/*
 * Memory of one key: the tfm, and where that is the SIMD wrapper also the tfm
 * at its bottom, which holds the key schedules.  (ASYNC in the mask, or the
 * lookup finds cryptd, which is between them.)
 */
static size_t __init cmk_cipher_measure(struct crypto_skcipher *tfm)
{
	struct crypto_skcipher *inner;
	size_t bytes = ksize(tfm);

	if (!(crypto_skcipher_alg(tfm)->base.cra_flags & CRYPTO_ALG_ASYNC))
		return bytes;
	inner = crypto_alloc_skcipher("__" CMK_CIPHER_NAME, CRYPTO_ALG_INTERNAL,
				      CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC);
	if (!IS_ERR(inner)) {
		bytes += ksize(inner);
		crypto_free_skcipher(inner);
	}
	return bytes;
}

int __init cmk_cipher_init(void)
{
	struct crypto_skcipher *tfm = cmk_cipher_alloc();

	if (IS_ERR(tfm)) {
		pr_err("cmk: no usable " CMK_CIPHER_NAME ": %ld\n",
		       PTR_ERR(tfm));
		return PTR_ERR(tfm);
	}
	cmk_key_bytes = cmk_cipher_measure(tfm);
	cmk_cipher = tfm;
	return 0;
}

void cmk_cipher_exit(void)
{
	crypto_free_skcipher(cmk_cipher);
}

/**
 * cmk_cipher_driver() - name of the driver in use, for status
 */
const char *cmk_cipher_driver(void)
{
	return crypto_tfm_alg_driver_name(crypto_skcipher_tfm(cmk_cipher));
}

/**
 * cmk_cipher_key_bytes() - memory of one live key in bytes
 */
size_t cmk_cipher_key_bytes(void)
{
	return cmk_key_bytes;
}

/**
 * cmk_cipher_create() - expand a DEK
 * @dek: CMK_DEK_LEN bytes
 *
 * Context: process context under memalloc_noio_save(); allocates.
 *
 * Return: the tfm, or ERR_PTR: -EINVAL for a weak key (equal halves),
 * -ENOMEM, or another errno of the driver.
 */
struct crypto_skcipher *cmk_cipher_create(const u8 *dek)
{
	struct crypto_skcipher *tfm = cmk_cipher_alloc();
	int r;

	if (IS_ERR(tfm))
		return tfm;
	r = crypto_skcipher_setkey(tfm, dek, CMK_DEK_LEN);
	if (r) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(r);
	}
	return tfm;
}

/**
 * cmk_cipher_destroy() - wipe and free a key
 * @tfm: from cmk_cipher_create(); nobody uses it any more
 *
 * The crypto API frees a tfm and the tfm below a wrapper with
 * kfree_sensitive(), so the key schedules are zero before the memory is free.
 */
void cmk_cipher_destroy(struct crypto_skcipher *tfm)
{
	crypto_free_skcipher(tfm);
}

/**
 * cmk_cipher_usable() - can the cipher be called in this context?
 *
 * Constant within one softirq or one stretch of task context.
 */
bool cmk_cipher_usable(void)
{
	return crypto_simd_usable();
}

/**
 * cmk_crypt_init() - prepare for a bio
 * @crypt: to be initialised
 * @size: bytes of a data unit
 * @to: pages to encrypt into, NULL to decrypt in place
 */
void cmk_crypt_init(struct cmk_crypt *crypt, unsigned int size,
		    const struct bio_vec *to)
{
	struct skcipher_request *req = (void *)crypt->request;

	skcipher_request_set_tfm(req, cmk_cipher);
	/* No MAY_SLEEP: the caller is in an RCU section. */
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, &crypt->src,
				   to ? &crypt->dst : &crypt->src, size,
				   crypt->iv);
	crypt->src = (struct scatterlist){ };
	sg_mark_end(&crypt->src);
	crypt->dst = crypt->src;
	crypt->to = to;
	crypt->done = 0;
	crypt->size = size;
}

/*
 * The scatterlist entries are pointed to each unit anew, because the fast path
 * of the x86 drivers wants a unit alone in its entry, and within one page.
 */
static __always_inline int cmk_crypt_unit(struct cmk_crypt *crypt,
					  struct page *page,
					  unsigned int offset,
					  unsigned int size, u64 tweak)
{
	struct skcipher_request *req = (void *)crypt->request;

	sg_set_page(&crypt->src, page, size, offset);
	/* The drivers leave the encrypted tweak there. */
	crypt->iv[0] = cpu_to_le64(tweak);
	crypt->iv[1] = 0;
	if (!crypt->to)
		return crypto_skcipher_decrypt(req);
	sg_set_page(&crypt->dst, crypt->to[crypt->done >> PAGE_SHIFT].bv_page,
		    size, offset_in_page(crypt->done));
	crypt->done += size;
	return crypto_skcipher_encrypt(req);
}

/**
 * cmk_crypt_section() - encrypt or decrypt a stretch of a bio
 * @crypt: prepared by cmk_crypt_init()
 * @tfm: the key
 * @from: vectors of the bio
 * @iter: where to begin; where to go on when it returns 0
 * @bytes: how far at most, a multiple of the data unit
 * @iv_offset: added to the sector for the tweak
 *
 * Context: any in which cmk_cipher_usable(); inside the RCU read section that
 * keeps @tfm alive.
 *
 * Return: 0, -EIO for a data unit that does not lie in one page of one vector,
 * which dm-crypt does not take either, or a negative errno of the driver.
 */
int cmk_crypt_section(struct cmk_crypt *crypt, struct crypto_skcipher *tfm,
		      const struct bio_vec *from, struct bvec_iter *iter,
		      unsigned int bytes, u64 iv_offset)
{
	const unsigned int size = crypt->size;
	const struct bio_vec *vec = from + iter->bi_idx;
	unsigned int done = iter->bi_bvec_done;
	u64 tweak = iv_offset + iter->bi_sector;
	unsigned int left, at;
	int r;

	bytes = min(bytes, iter->bi_size);
	skcipher_request_set_tfm((void *)crypt->request, tfm);
	for (left = bytes; left; left -= size) {
		at = vec->bv_offset + done;
		if (unlikely(vec->bv_len - done < size ||
			     offset_in_page(at) > PAGE_SIZE - size))
			return -EIO;
		r = cmk_crypt_unit(crypt,
				   nth_page(vec->bv_page, at >> PAGE_SHIFT),
				   offset_in_page(at), size, tweak);
		if (unlikely(r)) {
			WARN_ON_ONCE(r == -EINPROGRESS || r == -EBUSY);
			return r;
		}
		tweak += size >> SECTOR_SHIFT;
		done += size;
		if (done == vec->bv_len) {
			vec++;
			done = 0;
		}
	}
	iter->bi_idx = vec - from;
	iter->bi_bvec_done = done;
	iter->bi_size -= bytes;
	iter->bi_sector += bytes >> SECTOR_SHIFT;
	return 0;
}
